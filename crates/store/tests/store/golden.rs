//! The golden directory: what this release wrote, kept as files, so that every later one must read it.
//!
//! `tests/golden/1/` holds the files of a store that lost its power (checkpoints behind it, frames in its log), and
//! `expected.txt`, one line a log: id, version after replay, start, end, bytes, a digest of all payload bytes. It is
//! written by `MILENA_GOLDEN=write cargo test -p milena-store --test store golden`, once for a format, and never again.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf, sync::Arc};

use milena_store::{
    LogId, Lost, Patience, Replay, Replayed, Slice, Store, Version,
    disk::RealDisk,
    laws::{
        Session,
        ledger::{Depth, Want},
    },
    local::{Local, Options},
    sim_disk::SimDisk,
};

use crate::{
    power::noting,
    subject::{OnSimDisk, Subject},
};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/1")
}

/// A little of everything: several parts, gaps, trims, a removed log, snapshots, a group file and one of its own.
fn write_some(session: &mut Session) -> Result<(), String> {
    for i in 0..60i64 {
        let payload = |log, len| Want::Payload { log, len, span: 1 + i % 4, gap: i % 3, stamp: 1000 - i, fact: 3 };
        session.append(&[payload(1 + i as u64 % 3, 40 + 13 * i as usize), Want::Note { log: 10, len: 30 }])?;
        if i < 25 {
            session.append(&[payload(4, 100)])?;
        }
        if i % 4 == 0 {
            session.append(&[payload(6, 2500), payload(1, 77)])?;
        }
        session.flush()?;
        match i {
            20 | 40 => session.checkpoint()?,
            25 => {
                session.append(&[Want::Trim { log: 6, start: 12 }, Want::Remove { log: 4 }])?;
                session.flush()?;
            }
            33 => {
                session.reopen()?;
            }
            _ => {}
        }
    }
    session.check(Depth::Closely)
}

/// Versions as a replay hands them back.
#[derive(Default)]
struct Versions(BTreeMap<LogId, Version>);
impl Replay for Versions {
    fn snapshot(&mut self, log: LogId, version: Version, _bytes: &[u8]) {
        self.0.insert(log, version);
    }
    fn fact(&mut self, part: Replayed<'_>) {
        self.0.insert(part.log, part.version);
    }
    fn lost(&mut self, lost: Lost) {
        panic!("{lost:?} of a sound directory");
    }
}

/// What a store shows, as text.
fn describe(store: &dyn Store, versions: &Versions) -> String {
    let mut text = String::new();
    for (log, version) in &versions.0 {
        let bounds = store.bounds(*log).unwrap_or_default();
        let mut digest: u64 = 0;
        let mut from = bounds.start;
        while let Ok(found) = store.read(*log, from, i64::MAX, 1 << 20, Patience::Block) {
            for slice in &found.slices {
                let Slice::Memory(bytes) = slice else { panic!("a slice of a file in a golden directory") };
                digest = bytes.iter().fold(digest, |d, b| (d ^ u64::from(*b)).wrapping_mul(0x100_0000_01B3));
            }
            if found.upto < from {
                break;
            }
            from = found.upto + 1;
        }
        let (start, end, bytes) = (bounds.start, bounds.end, bounds.bytes);
        writeln!(text, "{} {} {start} {end} {bytes} {digest:016x}", log.0, version.0).expect("text grows");
    }
    text
}

fn open(disk: SimDisk) -> (Local, Versions) {
    let mut versions = Versions::default();
    let (local, _) = Local::open(Arc::new(disk), Options::default(), &mut versions).unwrap();
    (local, versions)
}

/// Writes the fixture.
fn write_golden() {
    let disk = SimDisk::default();
    let harness = Box::new(OnSimDisk::new(Subject::Local(None), disk.clone(), 1));
    let mut session = Session::with_ledger(harness, noting(&disk, 1), 1).unwrap();
    write_some(&mut session).unwrap();
    let image = disk.moment().durable();
    let (local, versions) = open(SimDisk::from_image(image.clone()));
    let expected = describe(&local, &versions);
    fs::create_dir_all(directory()).unwrap();
    // Room that is kept for a full disk is zeros, and made again.
    for name in image.names().filter(|name| *name != "reserve") {
        fs::write(directory().join(name), image.bytes(name).unwrap()).unwrap();
    }
    fs::write(directory().join("expected.txt"), expected).unwrap();
}

#[test]
fn the_golden_directory_of_each_release_is_read() {
    if std::env::var("MILENA_GOLDEN").is_ok_and(|v| v == "write") {
        write_golden();
    }
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(directory()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "expected.txt" {
            fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
        }
    }
    let expected = fs::read_to_string(directory().join("expected.txt")).unwrap();
    assert!(expected.lines().count() >= 6, "{expected}");
    // Twice: as the power cut left it, and after this release has written on it.
    for start in ["as it was found", "after a clean stop"] {
        let disk = Arc::new(RealDisk::open(dir.path()).unwrap());
        let mut versions = Versions::default();
        let options = Options { reserve: 0, ..Options::default() };
        let (local, recovered) = Local::open(disk, options, &mut versions).unwrap();
        assert!(recovered.damage.is_empty() && recovered.cut == 0, "{recovered:?}");
        assert_eq!(describe(&local, &versions), expected, "{start}");
        local.close().unwrap();
    }
}
