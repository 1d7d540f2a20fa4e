//! Every file operation of the store, behind one trait, and its real implementation.
//!
//! Knows files of one flat directory, and nothing of what they hold. A power-cut test puts a simulated disk behind the
//! same trait, so no code of this crate may touch a file by another way.
//!
//! What a disk promises, and what it does not:
//! - what was written is durable after [`DiskFile::sync`], or on return of the write when the file was opened with
//!   [`How::dsync`]; before that a power cut may keep any part of it;
//! - a name created, renamed or unlinked is durable after [`Disk::sync_dir`], not before;
//! - a failed write or sync leaves unknown bytes behind, and a later sync that succeeds proves nothing about them.

use std::{
    ffi::CStr,
    fs::File,
    io::{self, IoSlice, IoSliceMut},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{self, AtFlags, FallocateFlags, FlockOperation, Mode, OFlags},
    io::{Errno, ReadWriteFlags, retry_on_intr},
};

/// Alignment of address, offset and length that files opened with [`How::direct`] ask for.
pub const ALIGN: usize = 4096;

/// How a file is opened. The default is an existing file, for reading only, through the page cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct How {
    /// Make a new file; an existing one is an error.
    pub create: bool,
    pub write: bool,
    /// Past the page cache. Buffers, offsets and lengths must be multiples of [`ALIGN`].
    pub direct: bool,
    /// A write returns when its bytes are durable.
    pub dsync: bool,
}

/// An entry of the directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub name: String,
    pub bytes: u64,
}

/// Room on the file system, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Space {
    /// What this process may still use.
    pub free: u64,
    pub total: u64,
}

/// Held while a process owns the directory; dropping it lets the directory go.
pub trait Lock: Send + Sync {}

/// One directory and the files in it. Names are plain file names: no separators.
pub trait Disk: Send + Sync {
    fn open(&self, name: &str, how: How) -> io::Result<Arc<dyn DiskFile>>;
    /// Replaces `to` if it exists.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn unlink(&self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and unlinks durable.
    fn sync_dir(&self) -> io::Result<()>;
    fn list(&self) -> io::Result<Vec<Entry>>;
    /// `WouldBlock` when another process holds it.
    fn lock(&self) -> io::Result<Box<dyn Lock>>;
    fn space(&self) -> io::Result<Space>;
    /// Where this is, for people.
    fn place(&self) -> String;
}

/// An open file. All positions are absolute: there is no cursor, and calls from several threads do not disturb each other.
pub trait DiskFile: Send + Sync {
    /// Reads up to `into.len()` bytes; fewer only at the end of the file.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize>;
    /// Like `read_at`, but `WouldBlock` instead of waiting for the device. May read fewer bytes than there are.
    fn read_now(&self, into: &mut [u8], at: u64) -> io::Result<usize>;
    /// Writes all of it or fails.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
    /// Writes all of it, one part behind the other, in as few system calls as the kernel allows, or fails.
    fn write_parts_at(&self, parts: &mut [IoSlice<'_>], at: u64) -> io::Result<()>;
    /// Data, and as much metadata as reading it back needs, are durable on return (fdatasync).
    fn sync(&self) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Takes the room without writing it.
    fn allocate(&self, at: u64, len: u64) -> io::Result<()>;
    /// Gives the room back; the range then reads as zeros. `Unsupported` where the file system cannot.
    fn punch(&self, at: u64, len: u64) -> io::Result<()>;
    /// The file itself, where there is one: for sendfile.
    fn handle(&self) -> Option<Arc<File>>;
}

/// A directory of the machine.
pub struct RealDisk {
    path: PathBuf,
    dir: OwnedFd,
}

impl RealDisk {
    /// Opens `path`, making it (and its parents, durably) when it is not there.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        make_dirs(&path, &mut sync_name)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = fs::open(&path, flags, Mode::empty())?;
        Ok(Self { path, dir })
    }
}

impl RealDisk {
    /// Opens a directory that is there, to look at it only.
    pub fn existing(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let dir = fs::open(&path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { path, dir })
    }

    /// Keeps others out as [`Disk::lock`] does, without writing: `None` where nobody has ever locked the directory.
    pub fn lock_to_look(&self) -> io::Result<Option<Box<dyn Lock>>> {
        let dir = self.lock_itself()?;
        let file = match fs::openat(&self.dir, LOCK, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Some(Box::new(Flock { _file: file, _dir: dir })))
    }

    /// Locks the directory itself, which nobody can take away as a stale file and make anew. Some file systems over a network
    /// cannot: there the file's lock is all there is.
    fn lock_itself(&self) -> io::Result<Option<OwnedFd>> {
        // Opened for this lock alone, so that letting it go closes it.
        let dir = fs::openat(&self.dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        match fs::flock(&dir, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(dir)),
            Err(Errno::WOULDBLOCK) => Err(Errno::WOULDBLOCK.into()),
            Err(_) => Ok(None),
        }
    }
}

/// Held by whoever owns the directory, for those who look for it; see [`RealDisk::lock_itself`].
const LOCK: &str = "LOCK";

/// A new directory's name lives in its parent, so each parent that gained one is synced. So is that of an empty directory:
/// whoever made it may have ended before its name was durable. One with files in it was opened by this way before.
fn make_dirs(path: &Path, sync_name: &mut dyn FnMut(&Path, bool) -> io::Result<()>) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    if path.is_dir() {
        let empty = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        return if empty { sync_name(parent, false) } else { Ok(()) };
    }
    make_dirs(parent, sync_name)?;
    match std::fs::create_dir(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    sync_name(parent, true)
}

/// Syncs the parent of a directory that was made here, or was found. Where it was found, its parent may be another's, who
/// lets nobody read it: then the name was made by them too.
fn sync_name(parent: &Path, made: bool) -> io::Result<()> {
    match fs::open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(parent) => match fs::fsync(parent) {
            // Some file systems sync no directories.
            Err(Errno::INVAL | Errno::ROFS) if !made => Ok(()),
            synced => Ok(synced?),
        },
        Err(Errno::ACCESS | Errno::PERM) => {
            tracing::warn!(parent = %parent.display(), "it may not be read, so the name of the data directory in it cannot be synced");
            Ok(())
        }
        Err(e) => Err(e.into()),
    }
}

struct Flock {
    _file: OwnedFd,
    _dir: Option<OwnedFd>,
}
impl Lock for Flock {}

impl Disk for RealDisk {
    fn open(&self, name: &str, how: How) -> io::Result<Arc<dyn DiskFile>> {
        let mut flags = OFlags::CLOEXEC | OFlags::NOFOLLOW;
        flags |= if how.write { OFlags::RDWR } else { OFlags::RDONLY };
        if how.create {
            flags |= OFlags::CREATE | OFlags::EXCL;
        }
        if how.direct {
            flags |= OFlags::DIRECT;
        }
        if how.dsync {
            flags |= OFlags::DSYNC;
        }
        // A file system over a network lets a signal end this.
        let opened = retry_on_intr(|| fs::openat(&self.dir, name, flags, Mode::from_raw_mode(0o640)));
        let file = File::from(opened?);
        Ok(Arc::new(RealFile { file: Arc::new(file) }))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(fs::renameat(&self.dir, from, &self.dir, to)?)
    }
    fn unlink(&self, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(&self.dir, name, AtFlags::empty())?)
    }
    fn sync_dir(&self) -> io::Result<()> {
        Ok(fs::fsync(&self.dir)?)
    }
    fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for found in fs::Dir::read_from(&self.dir)? {
            let found = found?;
            let name: &CStr = found.file_name();
            let Ok(name) = name.to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let bytes = match fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => u64::try_from(stat.st_size).unwrap_or(0),
                Err(Errno::NOENT) => continue,
                Err(e) => return Err(e.into()),
            };
            entries.push(Entry { name: name.to_owned(), bytes });
        }
        Ok(entries)
    }
    fn lock(&self) -> io::Result<Box<dyn Lock>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let dir = self.lock_itself()?;
        let file = fs::openat(&self.dir, LOCK, flags, Mode::from_raw_mode(0o640))?;
        fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(Flock { _file: file, _dir: dir }))
    }
    fn space(&self) -> io::Result<Space> {
        let stat = fs::fstatvfs(&self.dir)?;
        Ok(Space { free: stat.f_bavail.saturating_mul(stat.f_frsize), total: stat.f_blocks.saturating_mul(stat.f_frsize) })
    }
    fn place(&self) -> String {
        self.path.display().to_string()
    }
}

struct RealFile {
    file: Arc<File>,
}

impl DiskFile for RealFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < into.len() {
            match rustix::io::pread(&*self.file, &mut into[done..], at + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(done)
    }
    fn read_now(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let mut parts = [IoSliceMut::new(into)];
        match rustix::io::preadv2(&*self.file, &mut parts, at, ReadWriteFlags::NOWAIT) {
            Ok(n) => Ok(n),
            // A file system that cannot tell is taken at its word: the caller asks again where waiting is allowed.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => Err(io::ErrorKind::WouldBlock.into()),
            Err(e) => Err(e.into()),
        }
    }
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_parts_at(&mut [IoSlice::new(bytes)], at)
    }
    fn write_parts_at(&self, mut parts: &mut [IoSlice<'_>], mut at: u64) -> io::Result<()> {
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            match rustix::io::pwritev(&*self.file, parts, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    at += n as u64;
                    IoSlice::advance_slices(&mut parts, n);
                }
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(fs::fdatasync(&*self.file)?)
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        Ok(fs::ftruncate(&*self.file, len)?)
    }
    fn allocate(&self, at: u64, len: u64) -> io::Result<()> {
        Ok(fs::fallocate(&*self.file, FallocateFlags::empty(), at, len)?)
    }
    fn punch(&self, at: u64, len: u64) -> io::Result<()> {
        Ok(fs::fallocate(&*self.file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, at, len)?)
    }
    fn handle(&self) -> Option<Arc<File>> {
        Some(self.file.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_whose_lock_file_was_taken_away_is_still_locked() {
        let place = tempfile::tempdir().unwrap();
        let (first, second) = (RealDisk::open(place.path()).unwrap(), RealDisk::open(place.path()).unwrap());
        let held = first.lock().unwrap();
        std::fs::remove_file(place.path().join(LOCK)).unwrap();
        assert_eq!(second.lock().err().map(|e| e.kind()), Some(io::ErrorKind::WouldBlock));
        assert_eq!(second.lock_to_look().err().map(|e| e.kind()), Some(io::ErrorKind::WouldBlock));
        drop(held);
        // Whoever opened the directory goes on; only the lock was let go.
        assert!(second.lock_to_look().unwrap().is_none());
        let _held = second.lock().unwrap();
        assert_eq!(first.lock().err().map(|e| e.kind()), Some(io::ErrorKind::WouldBlock));
    }

    #[test]
    fn the_name_of_a_directory_is_synced_until_there_are_files_in_it() {
        let place = tempfile::tempdir().unwrap();
        let synced = |path: &Path| {
            let mut parents = Vec::new();
            make_dirs(path, &mut |parent, made| {
                parents.push((parent.strip_prefix(place.path()).unwrap().to_owned(), made));
                Ok(())
            })
            .unwrap();
            parents
        };
        std::fs::write(place.path().join("file"), b"").unwrap();
        let data = place.path().join("a/data");
        assert_eq!(synced(&data), [("".into(), true), ("a".into(), true)]);
        // A process that ended there.
        assert_eq!(synced(&data), [("a".into(), false)]);
        std::fs::write(data.join("manifest"), b"").unwrap();
        assert_eq!(synced(&data), []);
    }
}
