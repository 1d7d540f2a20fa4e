//! The local store by itself: what the laws, which every store passes, do not reach.

use std::sync::{Arc, Mutex};

use super::*;
use crate::disk::RealDisk;

/// Keeps the facts of each log as its machine would, and answers snapshots of them.
#[derive(Default)]
pub(super) struct World {
    logs: Mutex<std::collections::BTreeMap<u64, Noun>>,
}
/// Version, LSN of the last fact, all facts.
type Noun = (u64, u64, Vec<u8>);

impl World {
    fn take(&self, log: u64, lsn: u64, fact: &[u8]) {
        let mut logs = self.logs.lock().expect("no test panics under it");
        let noun = logs.entry(log).or_default();
        noun.0 += 1;
        noun.1 = lsn;
        noun.2.extend_from_slice(fact);
    }
    fn state(&self, log: u64) -> (u64, Vec<u8>) {
        self.logs.lock().expect("no test panics under it").get(&log).map(|n| (n.0, n.2.clone())).unwrap_or_default()
    }
}

struct Rebuild<'a>(&'a World);
impl Replay for Rebuild<'_> {
    fn snapshot(&mut self, log: LogId, version: Version, bytes: &[u8]) {
        let mut logs = self.0.logs.lock().expect("no test panics under it");
        logs.insert(log.0, (version.0, 0, bytes.to_vec()));
    }
    fn fact(&mut self, part: Replayed<'_>) {
        self.0.take(part.log.0, part.lsn.0, part.fact);
        assert_eq!(self.0.state(part.log.0).0, part.version.0, "facts come without gaps");
    }
    fn lost(&mut self, lost: Lost) {
        panic!("{lost:?} on a sound disk");
    }
}
struct Quiet;
impl Watch for Quiet {
    fn committed(&self, _: Committed) {}
    fn dead(&self, _: Arc<Fault>) {}
}
impl Snapshots for World {
    fn snapshot(&self, log: LogId, into: &mut Vec<u8>) -> Option<(Version, Lsn)> {
        let logs = self.logs.lock().expect("no test panics under it");
        let noun = logs.get(&log.0)?;
        into.extend_from_slice(&noun.2);
        Some((Version(noun.0), Lsn(noun.1)))
    }
}

pub(super) fn options() -> Options {
    Options { background: false, leading: Leading::Callers, log_max: 4 << 20, memory: 8 << 20, ..Options::default() }
}

pub(super) struct Bench {
    pub(super) store: Local,
    pub(super) world: Arc<World>,
    pub(super) recovered: Recovered,
}

pub(super) fn open(dir: &std::path::Path, options: Options) -> Bench {
    let world = Arc::new(World::default());
    let disk = Arc::new(RealDisk::open(dir).expect("a directory"));
    let (store, recovered) = Local::open(disk, options, &mut Rebuild(&world)).expect("opens");
    store.attach(Arc::new(Quiet), world.clone());
    Bench { store, world, recovered }
}

impl Bench {
    /// Appends one payload of one position, and a fact of one byte.
    pub(super) fn put(&self, log: u64, position: i64, bytes: &[u8]) -> Lsn {
        let expected = Version(self.world.state(log).0);
        let fact = [position as u8];
        let payload = Payload {
            base: position,
            last: position,
            stamp: position,
            writer: 7,
            head: 4.min(bytes.len() as u16),
            patched: &[],
            verified: None,
            bytes,
        };
        let part = Part { log: LogId(log), expected, fact: &fact, payload: Some(payload) };
        let credit = loop {
            match self.store.credit(Class::Data, bytes.len() as u64, None) {
                Ok(credit) => break credit,
                Err(NoCredit::Later) => {
                    self.store.flush().expect("lives");
                }
                Err(e) => panic!("{e}"),
            }
        };
        let Reserved::At(lsn) = self.store.append(credit, OpId(0), 1000 + position, &[part]) else { panic!("reserved") };
        self.world.take(log, lsn.0, &fact);
        lsn
    }
    pub(super) fn all(&self, log: u64) -> Vec<u8> {
        let (mut from, mut bytes) = (0, Vec::new());
        let end = self.store.bounds(LogId(log)).expect("a log").end;
        while from < end {
            let found = self.store.read(LogId(log), from, end, 100_000, Patience::Block).expect("readable");
            assert!(found.bytes > 0, "no empty answer below the end: {from} of {end}");
            for slice in found.slices {
                let Slice::Memory(b) = slice else { panic!("memory") };
                bytes.extend_from_slice(&b);
            }
            from = found.upto + 1;
        }
        bytes
    }
}

#[test]
fn what_was_flushed_is_there_after_a_crash() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut expected = vec![Vec::new(); 5];
    {
        let bench = open(dir.path(), options());
        for i in 0..300i64 {
            let log = (i % 5) as u64;
            let bytes = vec![i as u8; 1 + (i as usize * 977) % 30_000];
            bench.put(log, i / 5, &bytes);
            expected[log as usize].extend_from_slice(&bytes);
            if i % 7 == 0 {
                bench.store.lead();
            }
        }
        bench.store.flush().expect("flushed");
        for (log, bytes) in expected.iter().enumerate() {
            assert!(bench.all(log as u64) == *bytes, "log {log} before the crash");
        }
    }
    let bench = open(dir.path(), options());
    assert!(bench.recovered.damage.is_empty(), "{:?}", bench.recovered);
    for (log, bytes) in expected.iter().enumerate() {
        assert!(bench.all(log as u64) == *bytes, "log {log} after the crash");
        assert_eq!(bench.world.state(log as u64).0, 60);
    }
}

#[test]
fn checkpoints_merges_and_starts_keep_everything() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut expected = vec![Vec::new(); 7];
    let mut next = [0i64; 7];
    for life in 0..6 {
        let bench = open(dir.path(), Options { own_file: 100_000, runs: 4, ..options() });
        assert!(bench.recovered.damage.is_empty(), "{:?}", bench.recovered);
        let clean = life > 0 && life % 2 == 1;
        assert_eq!(bench.recovered.clean, clean || life == 0);
        for (log, bytes) in expected.iter().enumerate().filter(|(_, b): &(usize, &Vec<u8>)| !b.is_empty()) {
            assert!(bench.all(log as u64) == *bytes, "log {log} in life {life}");
        }
        for i in 0..400usize {
            let log = (i * i + life) % 7;
            let bytes = vec![i as u8; 1 + (i * 977 + life) % (300 * (log + 1) * (log + 1))];
            bench.put(log as u64, next[log], &bytes);
            next[log] += 1;
            expected[log].extend_from_slice(&bytes);
            if i % 50 == 49 {
                bench.store.checkpoint().expect("checkpoint");
            } else if i % 7 == 0 {
                bench.store.lead();
            }
        }
        bench.store.flush().expect("flushed");
        if life % 2 == 0 {
            bench.store.close().expect("closed");
        }
        let gauges = bench.store.gauges();
        assert!(gauges.checkpoints >= 8, "{gauges:?}");
    }
    let bench = open(dir.path(), options());
    for (log, bytes) in expected.iter().enumerate() {
        assert!(bench.all(log as u64) == *bytes, "log {log} at last");
        assert_eq!(bench.store.bounds(LogId(log as u64)).map(|b| b.bytes), Some(bytes.len() as u64));
    }
    let files = std::fs::read_dir(dir.path()).expect("listed").count();
    assert!(files < 60, "{files} files");
}

#[test]
fn a_busy_log_goes_round_and_round() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { background: true, leading: Leading::Measured, ..options() };
    let mut expected = 0;
    {
        let bench = open(dir.path(), options.clone());
        for i in 0..4000i64 {
            bench.put(1, i, &vec![i as u8; 10_000]);
            expected += 10_000;
            if i % 10 == 0 {
                bench.store.lead();
            }
        }
        bench.store.flush().expect("flushed");
        assert_eq!(bench.all(1).len(), expected);
        bench.store.trim(LogId(1), 2000);
        assert_eq!(bench.store.bounds(LogId(1)).map(|b| (b.start, b.bytes)), Some((2000, 20_000_000)));
    }
    let bench = open(dir.path(), options);
    bench.store.trim(LogId(1), 2000);
    assert_eq!(bench.store.bounds(LogId(1)).map(|b| (b.start, b.bytes)), Some((2000, 20_000_000)));
}

/// Whoever leads, every entry is committed although nobody flushes: who finds the lock taken relies on its holder.
#[test]
fn nobody_is_left_waiting() {
    for leading in [Leading::Callers, Leading::Measured, Leading::Thread] {
        let dir = tempfile::tempdir().expect("a directory");
        let bench = open(dir.path(), Options { background: true, leading, ..options() });
        let store = &bench.store;
        std::thread::scope(|scope| {
            for log in 0..4u64 {
                scope.spawn(move || {
                    for i in 0..300u64 {
                        let credit = loop {
                            match store.credit(Class::Fact, 100, None) {
                                Ok(credit) => break credit,
                                Err(NoCredit::Later) => std::thread::yield_now(),
                                Err(e) => panic!("{e}"),
                            }
                        };
                        let fact = [i as u8; 100];
                        let part = Part { log: LogId(log), expected: Version(i), fact: &fact, payload: None };
                        let Reserved::At(lsn) = store.append(credit, OpId(0), 0, &[part]) else { panic!("reserved") };
                        store.lead();
                        let begin = Instant::now();
                        while !store.committed().covers(lsn) {
                            assert!(begin.elapsed() < Duration::from_secs(20), "{leading:?}: entry {i} of log {log} waits");
                            std::thread::yield_now();
                        }
                    }
                });
            }
        });
    }
}

/// Who only looks at the write-ahead log holds its lock too, and a commit that was missed meanwhile is theirs to make.
#[test]
fn nobody_is_left_waiting_beside_one_who_looks() {
    let dir = tempfile::tempdir().expect("a directory");
    let bench = open(dir.path(), Options { background: true, ..options() });
    let (store, done) = (&bench.store, &std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        let looks = || {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                store.gauges();
            }
        };
        scope.spawn(looks);
        let waits = (0..500i64).find(|i| {
            let lsn = bench.put(1, *i, b"seen");
            store.lead();
            let begin = Instant::now();
            while !store.committed().covers(lsn) && begin.elapsed() < Duration::from_secs(5) {
                std::thread::yield_now();
            }
            !store.committed().covers(lsn)
        });
        // Before the judgement, so that a failure ends the one who looks too.
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(waits, None, "an entry waits for a commit that nobody makes");
    });
}

/// What each of a hundred thousand cold logs costs.
#[test]
fn a_cold_log_is_small() {
    assert!(size_of::<Log>() <= 208, "{}", size_of::<Log>());
    assert!(size_of::<shelf::Run>() <= 88, "{}", size_of::<shelf::Run>());
}

#[test]
fn after_a_rest_the_log_is_small_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let idle = Duration::from_millis(100);
    let bench = open(dir.path(), Options { background: true, idle, ..options() });
    for i in 0..800i64 {
        bench.put(1, i, &vec![i as u8; 10_000]);
        bench.store.lead();
    }
    bench.store.flush().expect("flushed");
    assert!(bench.store.gauges().log_bytes > 1 << 20);
    let begin = Instant::now();
    while bench.store.gauges().log_bytes > 1 << 20 || bench.store.gauges().staged_bytes > 2 << 20 {
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", bench.store.gauges());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(bench.all(1).len(), 8_000_000);
    bench.put(1, 800, &[1; 10]);
    bench.store.flush().expect("the small log takes frames");
}
