//! A disk that misbehaves on request: slow, full, failing to sync, or gone. Knows operations, and nothing of what is stored.
//!
//! It stands between the store and its files, in memory or in a directory. One [`FaultDisk`] is one life of a broker: when the
//! broker is killed its disk is [ended](FaultDisk::end), and nothing that still runs can change a byte any more.

use std::{
    fs::File,
    io::{self, IoSlice},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
    time::{Duration, Instant},
};

use milena_store::disk::{Disk, DiskFile, Entry, How, Lock, Space};

/// What is wrong with a disk. Nothing, by default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DiskFaults {
    /// Every write and sync takes this much longer.
    pub slow: Duration,
    /// No file may grow, as on a file system without room.
    pub full: bool,
    /// So many syncs fail from now on; [`DiskFaults::ALWAYS`] is all of them.
    pub failing_syncs: u32,
    /// Reads of files fail.
    pub failing_reads: bool,
}

impl DiskFaults {
    /// For [`DiskFaults::failing_syncs`]: until the disk is healed.
    pub const ALWAYS: u32 = u32::MAX;
}

/// The faults of a kit's disk, which outlive the lives of its broker. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Shared>);

#[derive(Default)]
struct Shared {
    now: Mutex<DiskFaults>,
    /// Told when something changed, so that a wait on a slow disk can end early.
    changed: Condvar,
}

impl Faults {
    pub(crate) fn now(&self) -> DiskFaults {
        *hold(&self.0.now)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut DiskFaults)) {
        change(&mut hold(&self.0.now));
        self.0.changed.notify_all();
    }

    /// Takes the time of a slow disk, unless it is healed or `ended` meanwhile.
    fn pause(&self, ended: impl Fn() -> bool) {
        let begin = Instant::now();
        let mut now = hold(&self.0.now);
        while let Some(left) = now.slow.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) {
            if ended() {
                return;
            }
            now = self.0.changed.wait_timeout(now, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// One sync: fails when it is its turn.
    fn sync(&self) -> io::Result<()> {
        let mut now = hold(&self.0.now);
        match now.failing_syncs {
            0 => Ok(()),
            DiskFaults::ALWAYS => Err(eio()),
            _ => {
                now.failing_syncs -= 1;
                Err(eio())
            }
        }
    }
}

/// One life of a broker on a disk.
#[derive(Clone)]
pub(crate) struct FaultDisk {
    world: Arc<World>,
}

struct World {
    inner: Arc<dyn Disk>,
    faults: Faults,
    /// What is synced is not: the directory goes when the kit does, and a kill leaves the system's cache alone.
    lazy: bool,
    /// False once this life is over. Held for reading by every operation, so that an end waits for those that run.
    alive: RwLock<bool>,
    /// The directory's lock, here so that the end can let it go while readers still hold the store.
    lock: Mutex<Option<Box<dyn Lock>>>,
}

impl FaultDisk {
    /// A life on `inner`. With `lazy`, syncs are only pretended.
    pub(crate) fn new(inner: Arc<dyn Disk>, faults: Faults, lazy: bool) -> Self {
        let world = World { inner, faults, lazy, alive: RwLock::new(true), lock: Mutex::new(None) };
        Self { world: Arc::new(world) }
    }

    /// From here on nothing changes, and every operation fails. Operations that run are waited for.
    pub(crate) fn end(&self) {
        *self.world.alive.write().unwrap_or_else(PoisonError::into_inner) = false;
        // Nothing is changed but that those who wait on a slow disk look up.
        self.world.faults.change(|_| {});
        hold(&self.world.lock).take();
    }
}

impl World {
    fn enter(&self) -> io::Result<RwLockReadGuard<'_, bool>> {
        let alive = self.alive.read().unwrap_or_else(PoisonError::into_inner);
        if *alive { Ok(alive) } else { Err(io::Error::other("the process that used this disk was killed")) }
    }

    fn has_ended(&self) -> bool {
        !*self.alive.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The begin of a write or a sync.
    fn enter_slowly(&self) -> io::Result<RwLockReadGuard<'_, bool>> {
        self.faults.pause(|| self.has_ended());
        self.enter()
    }
}

impl Disk for FaultDisk {
    fn open(&self, name: &str, how: How) -> io::Result<Arc<dyn DiskFile>> {
        let world = &self.world;
        let _alive = world.enter()?;
        let how = if world.lazy { How { dsync: false, ..how } } else { how };
        let inner = world.inner.open(name, how)?;
        Ok(Arc::new(FaultFile { inner, dsync: how.dsync, world: world.clone() }))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let _alive = self.world.enter()?;
        self.world.inner.rename(from, to)
    }
    fn unlink(&self, name: &str) -> io::Result<()> {
        let _alive = self.world.enter()?;
        self.world.inner.unlink(name)
    }
    fn sync_dir(&self) -> io::Result<()> {
        let _alive = self.world.enter_slowly()?;
        self.world.faults.sync()?;
        if self.world.lazy { Ok(()) } else { self.world.inner.sync_dir() }
    }
    fn list(&self) -> io::Result<Vec<Entry>> {
        let _alive = self.world.enter()?;
        self.world.inner.list()
    }
    fn lock(&self) -> io::Result<Box<dyn Lock>> {
        let _alive = self.world.enter()?;
        let lock = self.world.inner.lock()?;
        *hold(&self.world.lock) = Some(lock);
        Ok(Box::new(Borrowed { world: self.world.clone() }))
    }
    fn space(&self) -> io::Result<Space> {
        let _alive = self.world.enter()?;
        let space = self.world.inner.space()?;
        Ok(if self.world.faults.now().full { Space { free: 0, ..space } } else { space })
    }
    fn place(&self) -> String {
        self.world.inner.place()
    }
}

/// The store's side of the directory's lock.
struct Borrowed {
    world: Arc<World>,
}
impl Lock for Borrowed {}
impl Drop for Borrowed {
    fn drop(&mut self) {
        hold(&self.world.lock).take();
    }
}

struct FaultFile {
    inner: Arc<dyn DiskFile>,
    /// A write is a sync, too.
    dsync: bool,
    world: Arc<World>,
}

impl FaultFile {
    /// Fails where a file would need room that is not there.
    fn room(&self, end: u64) -> io::Result<()> {
        if self.world.faults.now().full && end > self.inner.len()? { Err(enospc()) } else { Ok(()) }
    }

    /// What is asked of a disk before a write of `len` bytes.
    fn before_write(&self, at: u64, len: usize) -> io::Result<RwLockReadGuard<'_, bool>> {
        let alive = self.world.enter_slowly()?;
        self.room(at + len as u64)?;
        if self.dsync {
            self.world.faults.sync()?;
        }
        Ok(alive)
    }
}

impl DiskFile for FaultFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let _alive = self.world.enter()?;
        if self.world.faults.now().failing_reads {
            return Err(eio());
        }
        self.inner.read_at(into, at)
    }
    fn read_now(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let _alive = self.world.enter()?;
        if self.world.faults.now().failing_reads {
            return Err(eio());
        }
        self.inner.read_now(into, at)
    }
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let _alive = self.before_write(at, bytes.len())?;
        self.inner.write_at(bytes, at)
    }
    fn write_parts_at(&self, parts: &mut [IoSlice<'_>], at: u64) -> io::Result<()> {
        let _alive = self.before_write(at, parts.iter().map(|part| part.len()).sum())?;
        self.inner.write_parts_at(parts, at)
    }
    fn sync(&self) -> io::Result<()> {
        let _alive = self.world.enter_slowly()?;
        self.world.faults.sync()?;
        if self.world.lazy { Ok(()) } else { self.inner.sync() }
    }
    fn len(&self) -> io::Result<u64> {
        let _alive = self.world.enter()?;
        self.inner.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        let _alive = self.world.enter()?;
        self.inner.set_len(len)
    }
    fn allocate(&self, at: u64, len: u64) -> io::Result<()> {
        let _alive = self.world.enter()?;
        self.room(at + len)?;
        self.inner.allocate(at, len)
    }
    fn punch(&self, at: u64, len: u64) -> io::Result<()> {
        let _alive = self.world.enter()?;
        self.inner.punch(at, len)
    }
    /// None: what is sent past this disk would meet no fault.
    fn handle(&self) -> Option<Arc<File>> {
        None
    }
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

fn enospc() -> io::Error {
    io::Error::from_raw_os_error(28)
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use milena_store::sim_disk::SimDisk;

    use super::*;

    const NEW: How = How { create: true, write: true, direct: false, dsync: false };

    #[test]
    fn an_ended_disk_takes_nothing_more_and_lets_its_directory_go() {
        let sim = SimDisk::default();
        let disk = FaultDisk::new(Arc::new(sim.clone()), Faults::default(), false);
        let lock = disk.lock().unwrap();
        let file = disk.open("a", NEW).unwrap();
        file.write_at(b"before", 0).unwrap();
        assert!(sim.lock().is_err(), "somebody holds it");
        disk.end();
        assert!(file.write_at(b"after!", 0).is_err() && file.sync().is_err() && disk.open("b", NEW).is_err());
        assert_eq!(sim.image().bytes("a").unwrap(), b"before");
        let mine = sim.lock().expect("the end lets it go, though the store still holds its side");
        drop(lock);
        assert!(sim.lock().is_err(), "a late drop of the old side does not take the new one's lock");
        drop(mine);
    }

    #[test]
    fn a_full_disk_takes_no_growth_and_keeps_what_has_its_room() {
        let faults = Faults::default();
        let disk = FaultDisk::new(Arc::new(SimDisk::default()), faults.clone(), false);
        let file = disk.open("a", NEW).unwrap();
        file.write_at(b"0123", 0).unwrap();
        faults.change(|f| f.full = true);
        file.write_at(b"4567", 0).unwrap();
        assert_eq!(file.write_at(b"x", 4).unwrap_err().raw_os_error(), Some(28));
        assert_eq!(disk.space().unwrap().free, 0);
        faults.change(|f| f.full = false);
        file.write_at(b"x", 4).unwrap();
    }

    #[test]
    fn a_failing_sync_fails_as_often_as_was_asked() {
        let faults = Faults::default();
        let disk = FaultDisk::new(Arc::new(SimDisk::default()), faults.clone(), true);
        let file = disk.open("a", NEW).unwrap();
        faults.change(|f| f.failing_syncs = 2);
        assert!(file.sync().is_err() && file.sync().is_err() && file.sync().is_ok());
    }

    #[test]
    fn nobody_waits_for_a_slow_disk_that_was_healed_or_ended() {
        let faults = Faults::default();
        let disk = FaultDisk::new(Arc::new(SimDisk::default()), faults.clone(), false);
        let file = disk.open("a", NEW).unwrap();
        faults.change(|f| f.slow = Duration::from_millis(30));
        let begin = Instant::now();
        file.sync().unwrap();
        assert!(begin.elapsed() >= Duration::from_millis(30));
        faults.change(|f| f.slow = Duration::from_secs(3600));
        let writer = std::thread::spawn(move || file.write_at(b"late", 0));
        std::thread::sleep(Duration::from_millis(20));
        disk.end();
        assert!(writer.join().unwrap().is_err());
    }
}
