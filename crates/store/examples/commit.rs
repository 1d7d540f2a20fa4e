//! What an append and a commit cost on this machine, without sockets: `cargo run -p milena-store --release --example commit`.

use std::{path::Path, sync::Arc, time::Instant};

use milena_store::{
    Class, Committed, Fault, LogId, Lost, Lsn, NoCredit, OpId, Part, Payload, Recovered, Replay, Replayed, Reserved, Snapshots,
    Store, Version, Watch,
    disk::RealDisk,
    local::{Leading, Local, Options},
};

struct Nobody;
impl Replay for Nobody {
    fn snapshot(&mut self, _: LogId, _: Version, _: &[u8]) {}
    fn fact(&mut self, _: Replayed<'_>) {}
    fn lost(&mut self, _: Lost) {}
}
impl Watch for Nobody {
    fn committed(&self, _: Committed) {}
    fn dead(&self, fault: Arc<Fault>) {
        eprintln!("dead: {fault}");
    }
}
/// Versions are what the example appended; a state is eight bytes.
struct States(Vec<std::sync::Mutex<(u64, u64)>>);
impl Snapshots for States {
    fn snapshot(&self, log: LogId, into: &mut Vec<u8>) -> Option<(Version, Lsn)> {
        let state = self.0.get(log.0 as usize)?.lock().ok()?;
        into.extend_from_slice(&state.0.to_le_bytes());
        Some((Version(state.0), Lsn(state.1)))
    }
}

struct Bench {
    store: Arc<Local>,
    states: Arc<States>,
}

fn open(dir: &Path, logs: usize, leading: Leading) -> (Bench, Recovered) {
    let disk = Arc::new(RealDisk::open(dir).expect("a directory"));
    let options = Options { leading, ..Options::default() };
    let (store, recovered) = Local::open(disk, options, &mut Nobody).expect("opens");
    let states = Arc::new(States((0..logs).map(|_| Default::default()).collect()));
    store.attach(Arc::new(Nobody), states.clone());
    (Bench { store: Arc::new(store), states }, recovered)
}

impl Bench {
    fn append(&self, log: usize, bytes: &[u8]) -> bool {
        let credit = match self.store.credit(Class::Data, bytes.len() as u64, None) {
            Ok(credit) => credit,
            Err(NoCredit::Later) => return false,
            Err(other) => panic!("{other}"),
        };
        let mut state = self.states.0[log].lock().expect("nobody panics");
        let (base, last) = (state.0 as i64, state.0 as i64);
        let payload = Payload { base, last, stamp: 0, writer: 0, head: 61, patched: &[], bytes, verified: None };
        let part = Part { log: LogId(log as u64), expected: Version(state.0), fact: &[], payload: Some(payload) };
        let Reserved::At(lsn) = self.store.append(credit, OpId(0), 0, &[part]) else { panic!("not reserved") };
        *state = (state.0 + 1, lsn.0);
        true
    }

    /// `per_commit` appends, then a commit, `commits` times.
    fn round(&self, name: &str, per_commit: usize, size: usize, commits: usize) {
        let bytes = vec![7u8; size];
        let logs = self.states.0.len();
        let (begin, cpu) = (Instant::now(), cpu_nanos());
        let (mut appending, mut slowest, mut waits) = (0, 0, 0u64);
        for c in 0..commits {
            let t = Instant::now();
            for i in 0..per_commit {
                while !self.append((c * per_commit + i) % logs, &bytes) {
                    waits += 1;
                    self.store.lead();
                    std::thread::sleep(std::time::Duration::from_micros(200));
                }
            }
            appending += t.elapsed().as_nanos() as u64;
            let t = Instant::now();
            self.store.flush().expect("lives");
            slowest = slowest.max(t.elapsed().as_micros());
        }
        let (wall, cpu) = (begin.elapsed(), cpu_nanos() - cpu);
        let n = (commits * per_commit) as u64;
        println!(
            "{name:<34} {:>8.0} appends/s {:>7.1} MB/s  commit {:>6.0} us (max {slowest}), append {:>6} ns, cpu {:>6} ns each, waits {waits}",
            n as f64 / wall.as_secs_f64(),
            (n as usize * size) as f64 / wall.as_secs_f64() / 1e6,
            (wall.as_micros() as f64 - appending as f64 / 1e3) / commits as f64,
            appending / n,
            cpu / n,
        );
    }
}

/// Processor time of this process, all threads.
fn cpu_nanos() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let own: u64 = stat.split(' ').next().and_then(|s| s.parse().ok()).unwrap_or(0);
    let threads = std::fs::read_dir("/proc/self/task").map_or(0, |dir| {
        dir.flatten()
            .filter_map(|t| std::fs::read_to_string(t.path().join("schedstat")).ok())
            .filter_map(|s| s.split(' ').next().and_then(|n| n.parse::<u64>().ok()))
            .sum()
    });
    own.max(threads)
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn main() {
    let root = std::env::args().nth(1).unwrap_or_else(|| "target/commit-example".into());
    let root = Path::new(&root);
    let _ = std::fs::remove_dir_all(root);
    {
        let begin = Instant::now();
        let (bench, _) = open(&root.join("small"), 100, Leading::Callers);
        println!("open empty: {} us, {} KiB resident", begin.elapsed().as_micros(), resident_kib());
        bench.round("1 x 170 B a commit", 1, 170, 3000);
        bench.round("75 x 170 B a commit, 100 logs", 75, 170, 3000);
        bench.round("5 x 16 KiB a commit", 5, 16 << 10, 3000);
        bench.round("50 x 64 KiB a commit", 50, 64 << 10, 500);
        println!("{:?}, {} KiB resident", bench.store.gauges(), resident_kib());
        let begin = Instant::now();
        bench.store.close().expect("closes");
        println!("close: {} us", begin.elapsed().as_micros());
    }
    {
        let (bench, recovered) = open(&root.join("small"), 100, Leading::Callers);
        println!("open after a clean stop: {} us, clean {}", recovered.micros, recovered.clean);
        drop(bench);
    }
    {
        let logs = 100_000;
        let (bench, _) = open(&root.join("many"), logs, Leading::Callers);
        bench.round("1000 x 170 B, 100,000 logs", 1000, 170, 300);
        println!("{} KiB resident", resident_kib());
        bench.store.close().expect("closes");
    }
    let begin = Instant::now();
    let (bench, recovered) = open(&root.join("many"), 1, Leading::Callers);
    println!(
        "open with 100,000 logs: {} us ({} us all in all), clean {}, {} KiB resident",
        recovered.micros,
        begin.elapsed().as_micros(),
        recovered.clean,
        resident_kib()
    );
    drop(bench);
    let _ = std::fs::remove_dir_all(root);
}
