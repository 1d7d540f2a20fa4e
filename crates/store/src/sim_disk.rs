//! A disk that can lose power at every moment, fail at every operation and run full at every byte.
//!
//! It stands behind [`Disk`] in place of the real one. Per file it keeps what a power cut cannot take (the synced image)
//! and what it can (the operations since), and the same for the directory. [`SimDisk::record`] keeps a [`Moment`] before
//! every operation that changes something; [`Moment::images`] are the disks that a power cut there can leave behind.
//! It is harsher than real disks: any subset of unsynced operations may survive, a write in flight may be torn at any
//! byte, and a failed sync throws the bytes away while the cache goes on showing them. It knows no format of the store.

mod content;
mod crash;
mod faults;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, IoSlice},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use self::{content::Content, faults::Faults};
pub use self::{
    crash::{Depth, Image, Moment},
    faults::{Failure, Kind, Rule},
};
use crate::disk::{ALIGN, Disk, DiskFile, Entry, How, Lock, Space};

/// A simulated directory. Cheap to clone: all clones are the same disk.
#[derive(Clone)]
pub struct SimDisk {
    world: Arc<World>,
}

struct World {
    state: Mutex<State>,
    locked: AtomicBool,
    /// What the harness last noted, kept with each moment: the LSN that was acknowledged by then.
    noted: AtomicU64,
    /// Called before each write, with the file's name and no lock held.
    before_write: OnceLock<Hook>,
    /// The same before each opening of a file that is there.
    before_open: OnceLock<Hook>,
}

/// What runs before an operation of a simulated disk, with the file's name.
type Hook = Box<dyn Fn(&str) + Send + Sync>;

type Inode = usize;

#[derive(Default)]
struct State {
    /// What programs see, and how many of them have the file open.
    files: BTreeMap<Inode, (Content, u32)>,
    names: BTreeMap<String, Inode>,
    next: Inode,
    /// What a power cut cannot take.
    durable: Image,
    /// What it can, in order.
    unsynced: Vec<Arc<Op>>,
    faults: Faults,
    quota: Option<u64>,
    /// Opens past the page cache are refused, as some file systems do.
    no_direct: bool,
    /// The power is gone: nothing changes any more, everything fails.
    dark: bool,
    moments: Option<Vec<Moment>>,
    operations: u64,
}

/// One operation that changes the disk.
#[derive(Clone, Debug)]
enum Op {
    Write { inode: Inode, at: u64, bytes: Vec<u8> },
    SetLen { inode: Inode, len: u64 },
    Allocate { inode: Inode, at: u64, len: u64 },
    Punch { inode: Inode, at: u64, len: u64 },
    Create { name: String, inode: Inode },
    Rename { from: String, to: String, inode: Inode },
    Unlink { name: String },
}

impl Op {
    /// The file whose sync makes this durable; `None` for what the directory's sync does.
    fn inode(&self) -> Option<Inode> {
        match self {
            Op::Write { inode, .. } | Op::SetLen { inode, .. } | Op::Allocate { inode, .. } | Op::Punch { inode, .. } => {
                Some(*inode)
            }
            Op::Create { .. } | Op::Rename { .. } | Op::Unlink { .. } => None,
        }
    }
}

/// What a disk with no quota says it has.
const PLENTY: u64 = 1 << 40;

impl Default for SimDisk {
    fn default() -> Self {
        Self::from_image(Image::default())
    }
}

impl SimDisk {
    /// A disk as a power cut left it.
    pub fn from_image(image: Image) -> Self {
        let mut state = State { names: image.names.clone(), ..State::default() };
        state.files = image.files.iter().map(|(inode, content)| (*inode, (content.clone(), 0))).collect();
        state.next = state.files.keys().next_back().map_or(0, |last| last + 1);
        state.durable = image;
        let world = World {
            state: Mutex::new(state),
            locked: AtomicBool::new(false),
            noted: AtomicU64::new(0),
            before_write: OnceLock::new(),
            before_open: OnceLock::new(),
        };
        Self { world: Arc::new(world) }
    }

    /// From now on keep a moment before every operation that changes something, syncs included.
    pub fn record(&self) {
        self.state().moments = Some(Vec::new());
    }

    /// The moments recorded so far, and a last one for now. Recording ends.
    pub fn recorded(&self) -> Vec<Moment> {
        let mut state = self.state();
        let last = state.moment(None, self.noted());
        let mut moments = state.moments.take().unwrap_or_default();
        moments.push(last);
        moments
    }

    /// This very moment.
    pub fn moment(&self) -> Moment {
        self.state().moment(None, self.noted())
    }

    /// What everybody sees now, as if all of it had been synced: for a clean stop and for corruption at rest.
    pub fn image(&self) -> Image {
        let state = self.state();
        let files = state.files.iter().map(|(inode, (content, _))| (*inode, content.clone())).collect();
        Image { files, names: state.names.clone() }
    }

    /// Kept with each later moment. A harness notes the LSN that was acknowledged.
    pub fn note(&self, value: u64) {
        self.world.noted.fetch_max(value, Ordering::SeqCst);
    }

    fn noted(&self) -> u64 {
        self.world.noted.load(Ordering::SeqCst)
    }

    /// Runs `hook` before each write, on the thread that writes: what other threads could do just then, at a moment that
    /// is the same in every run. Set once.
    pub fn before_write(&self, hook: impl Fn(&str) + Send + Sync + 'static) {
        // A second hook changes nothing, as is said above.
        let _ = self.world.before_write.set(Box::new(hook));
    }

    /// The same before each opening of a file that is there.
    pub fn before_open(&self, hook: impl Fn(&str) + Send + Sync + 'static) {
        let _ = self.world.before_open.set(Box::new(hook));
    }

    fn call_hook(&self, inode: Inode) {
        let Some(hook) = self.world.before_write.get() else { return };
        let name = self.state().names.iter().find(|(_, i)| **i == inode).map(|(name, _)| name.clone());
        if let Some(name) = name {
            hook(&name);
        }
    }

    /// The power is gone: whoever still runs on this disk can change nothing, and sees errors. Answers the moment it went:
    /// a write that a thread ends between an earlier look and the dark is acknowledged, and would be missing.
    pub fn go_dark(&self) -> Moment {
        let noted = self.noted();
        let mut state = self.state();
        state.dark = true;
        state.moment(None, noted)
    }

    pub fn inject(&self, rule: Rule) {
        self.state().faults.add(rule);
    }

    /// No rule holds any more.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// How many operations failed on request.
    pub fn hits(&self) -> u64 {
        self.state().faults.hits()
    }

    /// How many operations of this kind were asked for so far.
    pub fn count(&self, kind: Kind) -> u64 {
        self.state().faults.count(kind)
    }

    /// Operations that changed something so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// At most this many bytes fit; `None` takes the limit away.
    pub fn set_quota(&self, bytes: Option<u64>) {
        self.state().quota = bytes;
    }

    /// From now on files cannot be opened past the page cache, as on file systems that do not know how.
    pub fn refuse_direct(&self) {
        self.state().no_direct = true;
    }

    /// Bytes of room taken now.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.world.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, inode: Inode, how: How) -> Arc<dyn DiskFile> {
        Arc::new(SimFile { disk: self.clone(), inode, how })
    }

    /// Applies one operation on the directory.
    fn name_op(&self, kind: Kind, op: impl FnOnce(&State) -> io::Result<Op>) -> io::Result<Inode> {
        let noted = self.noted();
        let mut state = self.state();
        let made = state.meet(kind, None).and_then(|()| op(&state));
        let op = Arc::new(made?);
        state.before(Some(&op), noted);
        state.see(&op);
        state.unsynced.push(op.clone());
        Ok(match &*op {
            Op::Create { inode, .. } => *inode,
            _ => 0,
        })
    }
}

impl State {
    fn moment(&self, in_flight: Option<&Arc<Op>>, noted: u64) -> Moment {
        Moment::new(self.durable.clone(), self.unsynced.clone(), in_flight.cloned(), noted, self.operations)
    }

    /// Called before each change.
    fn before(&mut self, in_flight: Option<&Arc<Op>>, noted: u64) {
        if self.moments.is_some() {
            let moment = self.moment(in_flight, noted);
            self.moments.get_or_insert_default().push(moment);
        }
        self.operations += 1;
    }

    /// Counts the operation; fails when the power is gone or a rule says so. A short write leaves half behind.
    fn meet(&mut self, kind: Kind, write: Option<(&Op, bool)>) -> io::Result<()> {
        if self.dark {
            return Err(io::Error::other("the power is gone"));
        }
        let Some(failure) = self.faults.meet(kind) else { return Ok(()) };
        if let (Failure::Short, Some((Op::Write { inode, at, bytes }, dsync))) = (failure, write) {
            let half = Op::Write { inode: *inode, at: *at, bytes: bytes[..bytes.len() / 2].to_vec() };
            self.change(Arc::new(half), dsync);
        }
        Err(failure.error())
    }

    /// What programs see from here on.
    fn see(&mut self, op: &Op) {
        match op {
            Op::Create { name, inode } => {
                self.names.insert(name.clone(), *inode);
                self.files.insert(*inode, (Content::default(), 0));
                self.next = self.next.max(inode + 1);
            }
            Op::Rename { from, to, inode } => {
                self.names.remove(from);
                let replaced = self.names.insert(to.clone(), *inode);
                self.drop_unseen(replaced);
            }
            Op::Unlink { name } => {
                let gone = self.names.remove(name);
                self.drop_unseen(gone);
            }
            _ => {
                if let Some((content, _)) = op.inode().and_then(|inode| self.files.get_mut(&inode)) {
                    crash::apply(content, op);
                }
            }
        }
    }

    /// A file without a name and without a reader gives its room back.
    fn drop_unseen(&mut self, inode: Option<Inode>) {
        let Some(inode) = inode else { return };
        let named = self.names.values().any(|i| *i == inode);
        if !named && self.files.get(&inode).is_some_and(|(_, open)| *open == 0) {
            self.files.remove(&inode);
        }
    }

    fn change(&mut self, op: Arc<Op>, durable: bool) {
        self.see(&op);
        if durable {
            self.durable.apply(&op);
        } else {
            self.unsynced.push(op);
        }
    }

    /// Makes the unsynced operations that `mine` picks durable, in their order.
    fn settle(&mut self, mine: impl Fn(&Op) -> bool) {
        for op in self.take(mine) {
            self.durable.apply(&op);
        }
        self.durable.forget_lost(&self.unsynced, &self.files);
    }

    fn take(&mut self, mine: impl Fn(&Op) -> bool) -> Vec<Arc<Op>> {
        let (taken, left) = std::mem::take(&mut self.unsynced).into_iter().partition(|op| mine(op));
        self.unsynced = left;
        taken
    }

    fn used(&self) -> u64 {
        self.files.values().map(|(content, _)| content.room()).sum()
    }

    /// Fails when the range needs more room than is left.
    fn room(&self, inode: Inode, at: u64, len: u64) -> io::Result<()> {
        let Some(quota) = self.quota else { return Ok(()) };
        let need = self.files.get(&inode).map_or(0, |(content, _)| content.room_needed(at, len));
        if need > 0 && self.used() + need > quota { Err(Failure::Enospc.error()) } else { Ok(()) }
    }
}

impl Disk for SimDisk {
    fn open(&self, name: &str, how: How) -> io::Result<Arc<dyn DiskFile>> {
        if how.direct && self.state().no_direct {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if how.create {
            let made = self.name_op(Kind::Open, |state| {
                if state.names.contains_key(name) {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                Ok(Op::Create { name: name.to_owned(), inode: state.next })
            })?;
            self.state().files.entry(made).and_modify(|(_, open)| *open += 1);
            return Ok(self.file(made, how));
        }
        if let Some(hook) = self.world.before_open.get() {
            hook(name);
        }
        let mut state = self.state();
        state.meet(Kind::Open, None)?;
        let Some(&inode) = state.names.get(name) else { return Err(io::ErrorKind::NotFound.into()) };
        state.files.entry(inode).and_modify(|(_, open)| *open += 1);
        drop(state);
        Ok(self.file(inode, how))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let op = |state: &State| match state.names.get(from) {
            Some(&inode) => Ok(Op::Rename { from: from.to_owned(), to: to.to_owned(), inode }),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        self.name_op(Kind::Rename, op).map(|_| ())
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        let op = |state: &State| match state.names.contains_key(name) {
            true => Ok(Op::Unlink { name: name.to_owned() }),
            false => Err(io::ErrorKind::NotFound.into()),
        };
        self.name_op(Kind::Unlink, op).map(|_| ())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let noted = self.noted();
        let mut state = self.state();
        state.meet(Kind::SyncDir, None)?;
        state.before(None, noted);
        state.settle(|op| op.inode().is_none());
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        let state = self.state();
        if state.dark {
            return Err(io::Error::other("the power is gone"));
        }
        let bytes = |inode: &Inode| state.files.get(inode).map_or(0, |(content, _)| content.len());
        Ok(state.names.iter().map(|(name, inode)| Entry { name: name.clone(), bytes: bytes(inode) }).collect())
    }

    fn lock(&self) -> io::Result<Box<dyn Lock>> {
        if self.world.locked.swap(true, Ordering::SeqCst) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimLock { disk: self.clone() }))
    }

    fn space(&self) -> io::Result<Space> {
        let state = self.state();
        let total = state.quota.unwrap_or(PLENTY);
        Ok(Space { free: total.saturating_sub(state.used()), total })
    }

    fn place(&self) -> String {
        "simulated".into()
    }
}

struct SimLock {
    disk: SimDisk,
}
impl Lock for SimLock {}
impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.world.locked.store(false, Ordering::SeqCst);
    }
}

struct SimFile {
    disk: SimDisk,
    inode: Inode,
    how: How,
}

impl SimFile {
    /// What a file opened past the page cache insists on.
    fn aligned(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let fits = |n: usize| n.is_multiple_of(ALIGN);
        if self.how.direct && !(fits(bytes.as_ptr() as usize) && fits(bytes.len()) && at.is_multiple_of(ALIGN as u64)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(())
    }

    fn change(&self, kind: Kind, op: Op, durable: bool, room: Option<(u64, u64)>) -> io::Result<()> {
        if !self.how.write {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let noted = self.disk.noted();
        let mut state = self.disk.state();
        state.meet(kind, Some((&op, durable)))?;
        if let Some((at, len)) = room {
            state.room(self.inode, at, len)?;
        }
        let op = Arc::new(op);
        state.before(Some(&op), noted);
        state.change(op, durable);
        Ok(())
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if let Some((_, open)) = state.files.get_mut(&self.inode) {
            *open = open.saturating_sub(1);
        }
        state.drop_unseen(Some(self.inode));
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        self.aligned(into, at)?;
        let mut state = self.disk.state();
        state.meet(Kind::Read, None)?;
        Ok(state.files.get(&self.inode).map_or(0, |(content, _)| content.read(into, at)))
    }

    fn read_now(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        self.read_at(into, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.aligned(bytes, at)?;
        self.disk.call_hook(self.inode);
        let op = Op::Write { inode: self.inode, at, bytes: bytes.to_vec() };
        self.change(Kind::Write, op, self.how.dsync, Some((at, bytes.len() as u64)))
    }

    /// One operation, torn like one: the kernel promises nothing more for a vectored write.
    fn write_parts_at(&self, parts: &mut [IoSlice<'_>], at: u64) -> io::Result<()> {
        let mut bytes = Vec::new();
        for part in parts.iter() {
            self.aligned(part, at)?;
            bytes.extend_from_slice(part);
        }
        self.disk.call_hook(self.inode);
        let room = Some((at, bytes.len() as u64));
        self.change(Kind::Write, Op::Write { inode: self.inode, at, bytes }, self.how.dsync, room)
    }

    fn sync(&self) -> io::Result<()> {
        let noted = self.disk.noted();
        let mut state = self.disk.state();
        let mine = |op: &Op| op.inode() == Some(self.inode);
        if let Err(e) = state.meet(Kind::Sync, None) {
            // As Linux does: the pages are marked clean, the error is told once, and the bytes are gone from the way
            // to the disk while the cache goes on showing them. A retry would succeed and prove nothing.
            state.take(mine);
            return Err(e);
        }
        state.before(None, noted);
        state.settle(mine);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.state();
        Ok(state.files.get(&self.inode).map_or(0, |(content, _)| content.len()))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Kind::SetLen, Op::SetLen { inode: self.inode, len }, false, None)
    }

    fn allocate(&self, at: u64, len: u64) -> io::Result<()> {
        self.change(Kind::Allocate, Op::Allocate { inode: self.inode, at, len }, false, Some((at, len)))
    }

    fn punch(&self, at: u64, len: u64) -> io::Result<()> {
        self.change(Kind::Punch, Op::Punch { inode: self.inode, at, len }, false, None)
    }

    fn handle(&self) -> Option<Arc<File>> {
        None
    }
}
