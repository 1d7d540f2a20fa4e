//! The simulated disk is honest: it shows what a real one shows, and loses what a real one may lose.

use std::{
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use milena_store::{
    dice::Dice,
    disk::{Disk, DiskFile, How, RealDisk},
    sim_disk::{Depth, Failure, Image, Kind, Rule, SimDisk},
};

const WRITE: How = How { create: false, write: true, direct: false, dsync: false };
const CREATE: How = How { create: true, ..WRITE };

fn images(disk: &SimDisk) -> Vec<Image> {
    let mut all = Vec::new();
    disk.moment().images(Depth { tears: 90, subsets: 64, spread: 64 }, &mut Dice::new(1), &mut |_, image| {
        all.push(image);
        true
    });
    all
}

#[test]
fn what_was_synced_is_in_every_image_and_what_was_not_is_missing_in_some() {
    let disk = SimDisk::default();
    let file = disk.open("a", CREATE).unwrap();
    file.write_at(b"first", 0).unwrap();
    assert!(images(&disk).iter().any(|i| i.bytes("a").is_none()));
    file.sync().unwrap();
    // The bytes are safe, the name is not.
    assert!(images(&disk).iter().any(|i| i.bytes("a").is_none()));
    disk.sync_dir().unwrap();
    file.write_at(b"second", 5).unwrap();
    let after = images(&disk);
    assert!(after.iter().all(|i| i.bytes("a").unwrap().starts_with(b"first")));
    assert!(after.iter().any(|i| i.bytes("a").unwrap() == b"first"));
    assert!(after.iter().any(|i| i.bytes("a").unwrap() == b"firstsecond"));
    assert!(after.iter().any(|i| i.bytes("a").unwrap().len() == 8), "no torn write");
    assert!(after.iter().any(|i| i.bytes("a").unwrap() == b"first\0\0\0\0\0\0"), "no size before data");
}

#[test]
fn a_dsync_write_is_durable_when_it_returns() {
    let disk = SimDisk::default();
    disk.open("a", CREATE).unwrap();
    disk.sync_dir().unwrap();
    let file = disk.open("a", How { dsync: true, ..WRITE }).unwrap();
    file.write_at(b"safe", 0).unwrap();
    assert!(images(&disk).iter().all(|i| i.bytes("a").unwrap() == b"safe"));
}

#[test]
fn names_come_and_go_only_with_the_directory() {
    let disk = SimDisk::default();
    for name in ["a", "b"] {
        disk.open(name, CREATE).unwrap().write_at(name.as_bytes(), 0).unwrap();
        disk.open(name, WRITE).unwrap().sync().unwrap();
    }
    disk.sync_dir().unwrap();
    disk.rename("a", "b").unwrap();
    let renamed = images(&disk);
    assert!(renamed.iter().any(|i| i.bytes("b").unwrap() == b"b"), "the rename cannot be lost");
    assert!(renamed.iter().any(|i| i.bytes("b").unwrap() == b"a"));
    disk.sync_dir().unwrap();
    disk.unlink("b").unwrap();
    assert!(images(&disk).iter().any(|i| i.bytes("b").is_some()), "the unlink cannot be lost");
    disk.sync_dir().unwrap();
    assert!(images(&disk).iter().all(Image::is_empty));
}

#[test]
fn a_failed_sync_loses_the_bytes_and_a_retry_proves_nothing() {
    let disk = SimDisk::default();
    let file = disk.open("a", CREATE).unwrap();
    disk.sync_dir().unwrap();
    disk.inject(Rule { kind: Kind::Sync, nth: 1, failure: Failure::Eio, lasting: false });
    file.write_at(b"lost", 0).unwrap();
    assert!(file.sync().is_err());
    assert!(file.sync().is_ok());
    let mut shown = [0; 4];
    file.read_at(&mut shown, 0).unwrap();
    assert_eq!(&shown, b"lost", "the cache goes on showing them");
    assert_eq!(disk.moment().durable().bytes("a").unwrap(), b"");
}

#[test]
fn a_quota_counts_what_is_taken_and_a_hole_gives_it_back() {
    let disk = SimDisk::default();
    disk.set_quota(Some(8192));
    let file = disk.open("a", CREATE).unwrap();
    file.allocate(0, 8192).unwrap();
    assert_eq!(disk.space().unwrap().free, 0);
    file.write_at(&[1; 8192], 0).unwrap();
    let other = disk.open("b", CREATE).unwrap();
    assert_eq!(other.write_at(b"x", 0).unwrap_err().kind(), ErrorKind::StorageFull);
    file.punch(0, 4096).unwrap();
    other.write_at(b"x", 0).unwrap();
    assert_eq!(disk.used(), 8192);
}

#[test]
fn a_disk_without_power_changes_nothing() {
    let disk = SimDisk::default();
    let file = disk.open("a", CREATE).unwrap();
    disk.go_dark();
    assert!(file.write_at(b"x", 0).is_err() && file.sync().is_err() && disk.unlink("a").is_err());
}

/// Whoever was told that a write is done finds it, however close to the cut it ended.
#[test]
fn a_write_that_returned_survives_the_cut_beside_it() {
    for round in 0..300 {
        let disk = SimDisk::default();
        disk.open("a", CREATE).unwrap();
        disk.sync_dir().unwrap();
        let file = disk.open("a", How { dsync: true, ..WRITE }).unwrap();
        let written = AtomicU64::new(0);
        let moment = thread::scope(|scope| {
            scope.spawn(|| {
                while file.write_at(b"x", written.load(Ordering::SeqCst)).is_ok() {
                    written.fetch_add(1, Ordering::SeqCst);
                }
            });
            while written.load(Ordering::SeqCst) < 8 {
                thread::yield_now();
            }
            disk.go_dark()
        });
        assert_eq!(moment.durable().len("a"), Some(written.into_inner()), "round {round}");
    }
}

/// One random operation; the answer as far as both disks can give the same.
fn step(disk: &dyn Disk, dice: &mut Dice) -> String {
    let name = |dice: &mut Dice| format!("f{}", dice.below(4));
    let (one, other) = (name(dice), name(dice));
    let (at, len) = (dice.below(20_000), 1 + dice.below(9_000));
    let open = |how| disk.open(&one, how);
    let done = |r: std::io::Result<()>| format!("{:?}", r.map_err(|e| e.kind()));
    match dice.below(9) {
        0 => done(open(CREATE).map(|_| ())),
        1 | 2 => {
            let bytes = vec![dice.roll() as u8; len as usize];
            done(open(WRITE).and_then(|f| f.write_at(&bytes, at)))
        }
        3 => done(open(WRITE).and_then(|f| f.set_len(at))),
        4 => done(open(WRITE).and_then(|f| f.sync())),
        5 => done(disk.rename(&one, &other)),
        6 if dice.chance(1, 3) => done(disk.unlink(&one)),
        7 => done(open(WRITE).and_then(|f| f.punch(at / 4096 * 4096, 4096))),
        _ => {
            let read = |f: Arc<dyn DiskFile>| {
                let mut bytes = vec![0; len as usize];
                let n = f.read_at(&mut bytes, at)?;
                bytes.truncate(n);
                Ok((f.len()?, bytes))
            };
            format!("{:?}", open(How::default()).and_then(read).map_err(|e| e.kind()))
        }
    }
}

#[test]
fn it_shows_what_a_real_disk_shows() {
    let dir = tempfile::tempdir().unwrap();
    for seed in 0..20 {
        let real = RealDisk::open(&dir.path().join(seed.to_string())).unwrap();
        let sim = SimDisk::default();
        let (mut a, mut b) = (Dice::new(seed), Dice::new(seed));
        for i in 0..200 {
            assert_eq!(step(&real, &mut a), step(&sim, &mut b), "seed {seed}, step {i}");
        }
        let mut names = real.list().unwrap();
        names.sort_by(|x, y| x.name.cmp(&y.name));
        assert_eq!(names, sim.list().unwrap(), "seed {seed}");
    }
}
