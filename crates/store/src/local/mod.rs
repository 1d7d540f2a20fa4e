//! The local store: one directory, one process.
//!
//! ```text
//!  append ──► tail (memory chunks) ──► write-ahead log ──► checkpoint ──► segments + snapshots
//!               │ one short lock        one frame a         sorts by log    named by the manifest
//!               ▼                       commit, synced
//!             tail cache: readers hold the same chunks
//!
//!  manifest       everything that lives, by name; edits are synced
//!  log-…          the write-ahead log: a pre-zeroed ring of frames (older, smaller ones until a checkpoint passed them)
//!  seg-…          payloads of many logs, or of one busy log; its index, times and writers stand in the footer
//!  snap-…         states of logs, as their machines gave them
//!  reserve        room that is spent when the disk is full, so that a checkpoint is still possible and gives it back
//!  LOCK           held while a process owns the directory
//!
//!  a frame:  │ head │ directory │ entry │ entry │ … │ zeros │ directory │ foot │      on 4 KiB boundaries
//!  an entry: │ len, parts, kind, time │ part: log, version, envelope, fact, payload │ part │ …
//! ```
//!
//! The order that everything hangs on: segments and snapshots are synced, then the directory, then the manifest edit that
//! names them, and only then is the log below it written over and are old files unlinked. Byte layouts are in
//! `docs/format.md`.

mod at_rest;
mod buffer;
mod checkpoint;
mod codec;
mod commit;
mod files;
mod fold;
mod frame;
mod keeper;
mod manifest;
mod read;
mod recover;
mod room;
mod segment;
mod shelf;
mod space;
mod tail;
#[cfg(test)]
mod tests;
mod wal;

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::Waker,
    time::{Duration, Instant},
};

pub use self::{
    at_rest::{AtRest, Damage, Leftover, See, Seen},
    commit::Leading,
    recover::OpenError,
};
use self::{
    buffer::Pool,
    codec::Seed,
    commit::Pace,
    files::Files,
    frame::Sealed,
    keeper::Keeper,
    manifest::{BadManifest, Draft, Item, Manifest, State},
    recover::{Ended, Recovery},
    room::Room,
    shelf::{FileId, Log, Shelf, Staged},
    space::Space,
    tail::{Place, Tail},
    wal::{LogFile, Mark, Wal},
};
use crate::{
    disk::{ALIGN, Disk, Lock},
    plant::{Plant, Plants},
    seam::*,
};

/// Sizes and limits of a local store. All sizes in bytes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The write-ahead log when nothing happens, and the least it is ever.
    pub log_min: u64,
    /// The most that it grows to. A quarter of it is the largest entry. One second of reading should be more than this.
    pub log_max: u64,
    /// Staging and tail cache together.
    pub memory: u64,
    /// Files that may be open at once for reading.
    pub files: usize,
    /// Memory for indexes of segments that were read.
    pub indexes: u64,
    /// Below this much free disk, records are refused.
    pub reserve: u64,
    /// Bytes of credit between two looks at how much of the disk is free, when that is plenty.
    pub look: u64,
    /// Direct I/O where the file system has it.
    pub direct: bool,
    /// A checkpoint gives a log with this much a file of its own.
    pub own_file: u64,
    /// A log has at most so many runs that are smaller than `small_run`.
    pub runs: usize,
    /// Edits of the manifest below this size are never worth a new file.
    pub manifest_slack: u64,
    /// Runs from this size on are left alone: merging all that are below `own_file` wrote every byte five times over
    /// when a hundred logs were busy.
    pub small_run: u64,
    /// Without appends for this long the log shrinks and the cache goes.
    pub idle: Duration,
    /// Checkpoints and growth on a thread of their own. Without it they run inside [`Store::lead`] and [`Store::flush`],
    /// so that a test sees every disk operation in the same order each time.
    pub background: bool,
    pub leading: Leading,
    /// Go on without entries that damage took and that cannot be named.
    pub accept_loss: bool,
    /// Mistakes made on purpose; none in a release build.
    pub plants: Plants,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            log_min: 1 << 20,
            log_max: 128 << 20,
            // Five eighths of it may be staged: a checkpoint starts at fifty MiB, before half of the log is full.
            memory: 160 << 20,
            files: 512,
            // A checkpoint of nothing but batches of one small record makes 16 MiB of them, and readers of all logs at about
            // the same place need those of one or two. Below that each read reads an index anew.
            indexes: 32 << 20,
            reserve: 64 << 20,
            look: 64 << 20,
            direct: true,
            own_file: 8 << 20,
            runs: 8,
            manifest_slack: 256 << 10,
            small_run: 256 << 10,
            idle: Duration::from_secs(10),
            background: true,
            leading: Leading::Measured,
            accept_loss: false,
            plants: Plants::default(),
        }
    }
}

impl Options {
    /// The same with sizes that the log can have: whole blocks, and lengths that fit its formats.
    fn sound(mut self) -> Self {
        let whole = |bytes: u64| bytes.clamp(64 << 10, 8 << 30).next_multiple_of(ALIGN as u64);
        self.log_min = whole(self.log_min);
        self.log_max = whole(self.log_max).max(self.log_min);
        self
    }
}

/// A store in one directory.
pub struct Local {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    disk: Arc<dyn Disk>,
    /// Options asked for direct I/O, and the file system has it.
    direct: bool,
    shelf: Shelf,
    tail: Tail,
    pool: Arc<Pool>,
    room: Arc<Room>,
    wal: Mutex<Wal>,
    /// What the files of the log take, for who may not wait for the lock.
    log_bytes: AtomicU64,
    manifest: Mutex<Manifest>,
    /// The last durable manifest edit, for the heads of frames.
    edit: AtomicU64,
    committed: AtomicU64,
    dead: OnceLock<Arc<Fault>>,
    attached: OnceLock<(Arc<dyn Watch>, Arc<dyn Snapshots>)>,
    pace: Pace,
    keeper: Keeper,
    /// Logs that took parts since the last checkpoint.
    dirty: Mutex<Vec<Arc<Log>>>,
    files: Files,
    space: Space,
    seed: Seed,
    /// `close` was called: nothing is taken any more.
    closing: AtomicBool,
    /// Logs that lost something to damage.
    quarantined: AtomicU64,
    true_term: u64,
    /// The term of file numbers. Another one only by a planted bug.
    term: u64,
    next_file: AtomicU32,
    /// Let go by `close`, so that the directory can be opened again while readers still hold this store.
    lock: Mutex<Option<Box<dyn Lock>>>,
}

impl Local {
    /// Opens the store in the directory of `disk`, making it when the directory is empty, and hands everything back to
    /// `replay`: snapshots first, then facts in the order of their LSNs.
    pub fn open(disk: Arc<dyn Disk>, options: Options, replay: &mut dyn Replay) -> Result<(Local, Recovered), OpenError> {
        let begin = Instant::now();
        let options = options.sound();
        let lock = lock_directory(&*disk)?;
        let (inner, mut recovered) = open_locked(disk, options, replay, lock)?;
        recovered.micros = begin.elapsed().as_micros() as u64;
        let local = Local { inner: Arc::new(inner) };
        // Before anything is taken: on a disk that others fill it may be the only room there ever is.
        local.inner.keep_reserve();
        if local.inner.room.pressure().any() {
            local.inner.nudge_keeper();
        }
        Ok((local, recovered))
    }
}

impl Local {
    /// Writes a checkpoint now, on this thread: the next start replays only what comes after.
    pub fn checkpoint(&self) -> Result<(), Arc<Fault>> {
        self.inner.checkpoint_now()
    }
}

impl Drop for Local {
    /// Stops the threads. Nothing is written: what was not committed is lost, as in a crash. `close` is the clean way.
    fn drop(&mut self) {
        self.inner.stop_threads();
        self.inner.unlock_directory();
    }
}

fn lock_directory(disk: &dyn Disk) -> Result<Box<dyn Lock>, OpenError> {
    disk.lock().map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => OpenError::Locked { place: disk.place() },
        _ => Fault::Io { operation: "lock", file: "LOCK".into(), source }.into(),
    })
}

/// Whether a file of this name is a store's, beside its manifest and its lock.
fn is_ours(name: &str) -> bool {
    ["log-", "seg-", "snap-"].iter().any(|prefix| name.starts_with(prefix))
}

/// The manifest. `None`: nothing in the directory is a store's; a store's files without one are an error.
fn read_manifest(disk: &Arc<dyn Disk>) -> Result<Option<manifest::Opened>, OpenError> {
    let place = || disk.place();
    let opened = manifest::read(&**disk).map_err(|bad| match bad {
        BadManifest::Fault(fault) => OpenError::Fault(fault),
        BadManifest::Newer { found } => OpenError::Newer { place: place(), found, known: manifest::FORMAT },
        damaged @ BadManifest::Damaged { .. } => {
            OpenError::Damaged { place: place(), file: manifest::NAME.into(), what: damaged.to_string() }
        }
    })?;
    if opened.is_some() {
        return Ok(opened);
    }
    let list = disk.list().map_err(|source| Fault::Io { operation: "list", file: place(), source })?;
    match list.into_iter().find(|entry| is_ours(&entry.name)) {
        Some(entry) => Err(OpenError::NoManifest { place: place(), example: entry.name }),
        None => Ok(None),
    }
}

/// Makes the draft the manifest. On a full disk the room that is kept for edits is spent, so that a start finds some.
fn publish(disk: &Arc<dyn Disk>, plants: Plants, draft: &Draft) -> Result<Manifest, Fault> {
    match draft.publish(disk.clone(), plants) {
        Err(fault) if keeper::is_full(&fault) && disk.unlink(space::RESERVE).is_ok() => draft.publish(disk.clone(), plants),
        published => published,
    }
}

/// Sixteen bytes that no other store has.
fn random_id() -> Result<[u8; 16], Fault> {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's hasher is keyed from the system's randomness; that is all the randomness we need, once.
    let word = || std::collections::hash_map::RandomState::new().build_hasher().finish().to_le_bytes();
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&word());
    id[8..].copy_from_slice(&(u64::from_le_bytes(word()) ^ time).to_le_bytes());
    Ok(id)
}

fn open_locked(
    disk: Arc<dyn Disk>,
    options: Options,
    replay: &mut dyn Replay,
    lock: Box<dyn Lock>,
) -> Result<(Inner, Recovered), OpenError> {
    let (store, mut state, edit, cut) = match read_manifest(&disk)? {
        Some(opened) => (opened.store, opened.state, opened.edit, opened.cut),
        None => (random_id()?, State::default(), 0, 0),
    };
    let term = if options.plants.has(Plant::TermNotRaised) { state.term.max(1) } else { state.term + 1 };
    let clean = state.end.is_some_and(|end| end == state.mark.number) || state.logs.is_empty();
    (state.term, state.end) = (term, None);
    // Made of what was read, before damage that a refused start would find again could leave its marks in it.
    let draft = Draft::new(store, edit, &state);
    let seed = Seed::of(&store);
    let pool = Pool::new(options.memory);
    let shelf = Shelf::default();
    let tail = Tail::new(pool.clone(), state.mark.lsn);
    let files = Files::new(disk.clone(), seed, options.files, options.indexes);
    let mut found = Recovered::default();
    keeper::load_rows(&files, &shelf, std::mem::take(&mut state.rows), replay, &mut found, &Err)?;
    let mut direct = options.direct;
    let mut ended = Ended::nothing(&state.mark);
    if !clean {
        direct = direct && wal::direct_works(&*disk, &state.logs);
        let recovery = Recovery {
            disk: &*disk,
            plants: options.plants,
            direct,
            accept_loss: options.accept_loss,
            seed,
            state: &state,
            edit,
            shelf: &shelf,
            tail: &tail,
            replay,
        };
        ended = recovery.run()?;
    }
    ended.recovered.clean = clean && cut == 0;
    ended.recovered.cut += cut;
    ended.recovered.damage.append(&mut found.damage);
    ended.recovered.quarantined.append(&mut found.quarantined);
    let ids = if options.plants.has(Plant::ReuseFileId) { 0 } else { term };
    let next_file = AtomicU32::new(1);
    // Durable before anything is built on it, and before the first file of this term is made: a start that is cut short
    // may leave its name behind, and the next start must not give that name again.
    let mut manifest = publish(&disk, options.plants, &draft)?;
    drop(draft);
    let (current, old) = open_log_files(&*disk, &options, &state, &ended, &mut direct, || next_id(ids, &next_file))?;
    let logs = old.iter().chain([&current]).map(|f| (f.id, f.size)).collect();
    let mut items = vec![Item::Logs(logs)];
    if state.mark.file == FileId::default() {
        // The first start: there was no file to mark.
        state.mark = Mark { file: current.id, number: ended.next_number, ..state.mark };
        items.push(Item::Mark(state.mark));
    }
    manifest.append(&items)?;
    let room = Arc::new({
        let staging = options.memory / 8 * 5;
        Room::new((options.log_max / 4).min(staging / 2), staging)
    });
    room.resized(current.size, current.written - current.passed);
    room.framed(0, 0, ended.bodies);
    let mark = Mark { written: current.passed, ..state.mark };
    let mut wal = Wal::new(current, old, seed, direct, term);
    (wal.next_number, wal.durable, wal.bodies) = (ended.next_number, ended.last_lsn, ended.bodies);
    let inner = Inner {
        disk,
        direct,
        shelf,
        tail,
        pool,
        room,
        edit: AtomicU64::new(manifest.edit()),
        log_bytes: AtomicU64::new(wal.bytes()),
        wal: Mutex::new(wal),
        manifest: Mutex::new(manifest),
        committed: AtomicU64::new(ended.last_lsn),
        dead: OnceLock::new(),
        attached: OnceLock::new(),
        pace: Pace::new(options.leading),
        keeper: Keeper::new(mark),
        dirty: Mutex::new(ended.dirty),
        files,
        space: Space::new(&state.gone),
        seed,
        closing: AtomicBool::new(false),
        quarantined: AtomicU64::new(ended.recovered.quarantined.len() as u64),
        true_term: term,
        term: ids,
        next_file,
        lock: Mutex::new(Some(lock)),
        options,
    };
    Ok((inner, ended.recovered))
}

/// The number of a new file.
fn next_id(term: u64, next: &AtomicU32) -> FileId {
    FileId(term << 32 | u64::from(next.fetch_add(1, Ordering::Relaxed)))
}

/// Opens the files of the log for frames, and flushes what recovery read from them: it may have been read from a cache of
/// the device, and must be durable before anybody hears of it.
fn open_log_files(
    disk: &dyn Disk,
    options: &Options,
    state: &State,
    ended: &Ended,
    direct: &mut bool,
    id: impl Fn() -> FileId,
) -> Result<(LogFile, Vec<LogFile>), OpenError> {
    let mut files = Vec::new();
    for &(id, size) in &state.logs {
        let mut log = wal::open_log(disk, id, size, direct)?;
        log.file.sync().map_err(|source| Fault::Io { operation: "sync", file: wal::log_name(id), source })?;
        let begin = if state.mark.file == id { state.mark.at } else { 0 };
        (log.passed, log.written) = (begin, begin);
        if let Some(end) = ended.ends.get(&id) {
            let lap = (end + size - begin) % size;
            // Frames were found, so an end at the begin means a whole lap.
            log.written = begin + if lap == 0 { size } else { lap };
        }
        files.push(log);
    }
    match files.pop() {
        Some(current) => Ok((current, files)),
        None => Ok((wal::make_log(disk, id(), options.log_min, direct)?, Vec::new())),
    }
}

impl Inner {
    fn manifest(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_file(&self) -> FileId {
        next_id(self.term, &self.next_file)
    }

    fn dirty(&self) -> MutexGuard<'_, Vec<Arc<Log>>> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop_threads(&self) {
        self.stop_commit_thread();
        self.stop_keeper();
    }

    fn unlock_directory(&self) {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn credit(self: &Arc<Self>, class: Class, bytes: u64, waker: Option<&Waker>) -> Result<Credit, NoCredit> {
        if let Some(fault) = self.dead.get() {
            return Err(NoCredit::Dead(fault.clone()));
        }
        if self.closing.load(Ordering::Relaxed) {
            return Err(NoCredit::Dead(closed()));
        }
        let cost = credit_cost(bytes);
        match class {
            Class::Data => self.admit(cost)?,
            Class::Position | Class::Fact => self.look_beside(),
        }
        match self.room.take(class, cost, waker) {
            Ok(pressure) => {
                if pressure.any() {
                    self.nudge_keeper();
                }
                Ok(Credit { bytes: cost, bank: Some(self.room.clone()) })
            }
            Err((refusal, pressure)) => {
                if pressure.any() {
                    self.nudge_keeper();
                }
                // Room in the log comes back by checkpoints, and they find none on the disk; or it is a larger log that does.
                let large = self.space.no_larger.load(Ordering::Relaxed) && cost > self.room.size() / 4;
                match refusal {
                    NoCredit::Later if large || self.space.stuck.load(Ordering::Relaxed) => {
                        Err(NoCredit::DiskFull { missing: cost })
                    }
                    refusal => Err(refusal),
                }
            }
        }
    }

    fn append(self: &Arc<Self>, mut credit: Credit, at: Millis, parts: &[Part<'_>]) -> Reserved {
        if let Some(fault) = self.dead.get() {
            return Reserved::Dead(fault.clone());
        }
        if self.closing.load(Ordering::SeqCst) {
            return Reserved::Dead(closed());
        }
        if parts.is_empty() || parts.len() > usize::from(u16::MAX) {
            return Reserved::Dead(Arc::new(Fault::Stopped(format!("an entry of {} parts", parts.len()))));
        }
        let cost = frame::cost(frame::entry_len(parts), parts.len());
        if cost > credit.bytes {
            self.room.hold_more(cost - credit.bytes);
            credit.bytes = cost;
        }
        match parts {
            [part] => self.append_one(credit, at, part),
            parts => self.append_many(credit, at, parts),
        }
    }

    /// The common case, without any allocation.
    fn append_one(self: &Arc<Self>, mut credit: Credit, at: Millis, part: &Part<'_>) -> Reserved {
        let log = self.shelf.get_or_new(part.log.0);
        let mut sealed = Sealed { share: frame::share_of(part), at: 0 };
        let mut state = log.lock();
        if state.version != part.expected.0 {
            return Reserved::Stale { log: part.log, version: Version(state.version) };
        }
        credit.bank = None;
        self.list_before_reserving(&log, &mut state);
        let place = self.tail.reserve(at, std::slice::from_ref(part), credit.bytes, std::slice::from_mut(&mut sealed));
        self.list_too_late(&place, &log, &mut state);
        take_part(&mut state, at, part, &place, sealed);
        Reserved::At(Lsn(place.lsn))
    }

    fn append_many(self: &Arc<Self>, mut credit: Credit, at: Millis, parts: &[Part<'_>]) -> Reserved {
        let mut sealed: Vec<Sealed> = parts.iter().map(|p| Sealed { share: frame::share_of(p), at: 0 }).collect();
        let mut logs: Vec<Arc<Log>> = parts.iter().map(|p| self.shelf.get_or_new(p.log.0)).collect();
        // Logs are locked in the order of their ids, each once.
        logs.sort_by_key(|l| l.id);
        logs.dedup_by_key(|l| l.id);
        let index = |part: &Part<'_>| logs.partition_point(|l| l.id < part.log.0);
        let mut states: Vec<_> = logs.iter().map(|log| log.lock()).collect();
        // Parts of one log in one entry stand on each other.
        let mut taken = vec![0; logs.len()];
        for part in parts {
            let i = index(part);
            if states[i].version + taken[i] != part.expected.0 {
                return Reserved::Stale { log: part.log, version: Version(states[i].version) };
            }
            taken[i] += 1;
        }
        credit.bank = None;
        logs.iter().zip(&mut states).for_each(|(log, state)| self.list_before_reserving(log, state));
        let place = self.tail.reserve(at, parts, credit.bytes, &mut sealed);
        logs.iter().zip(&mut states).for_each(|(log, state)| self.list_too_late(&place, log, state));
        for (part, sealed) in parts.iter().zip(sealed) {
            take_part(&mut states[index(part)], at, part, &place, sealed);
        }
        Reserved::At(Lsn(place.lsn))
    }

    /// A log is on the list of the next checkpoint before its entry has a place. From then on a leader may commit the
    /// entry and a checkpoint's mark may pass it, however long this thread sleeps: a log that was listed later would be
    /// passed over, and what was acknowledged be gone until the checkpoint after.
    fn list_before_reserving(&self, log: &Arc<Log>, state: &mut shelf::State) {
        if !self.options.plants.has(Plant::ListedTooLate) {
            self.mark_dirty(log, state);
        }
    }

    /// The planted bug: somebody commits the entry meanwhile, and there is a pause in which a checkpoint may pass it. Only
    /// for stores with a keeper thread.
    fn list_too_late(self: &Arc<Self>, place: &Place, log: &Arc<Log>, state: &mut shelf::State) {
        if self.options.plants.has(Plant::ListedTooLate) {
            let _ = self.flush_upto(Lsn(place.lsn));
            std::thread::sleep(Duration::from_millis(1));
            self.mark_dirty(log, state);
        }
    }
}

/// Writes down in the log's state what its part of a reserved entry changes.
fn take_part(state: &mut shelf::State, at: Millis, part: &Part<'_>, place: &Place, sealed: Sealed) {
    state.version += 1;
    state.last_lsn = place.lsn;
    if state.first_lsn == 0 {
        state.first_lsn = place.lsn;
    }
    if let Some(p) = &part.payload {
        state.end = state.end.max(p.last + 1);
        state.bytes += p.bytes.len() as u64;
        state.unsealed += p.bytes.len() as u64;
        state.tail.push_back(Staged {
            base: p.base,
            last: p.last,
            at,
            stamp: p.stamp,
            lsn: place.lsn,
            writer: p.writer,
            len: p.bytes.len() as u32,
            offset: sealed.at,
            share: sealed.share,
            chunk: place.chunk.clone(),
        });
    }
}

fn closed() -> Arc<Fault> {
    Arc::new(Fault::Stopped("the store is closing".into()))
}

/// What an entry of `bytes` may cost. Parts are not known yet: a few are assumed, and more of them are charged later.
fn credit_cost(bytes: u64) -> u64 {
    const PARTS: usize = 4;
    const ENVELOPES: u64 = 16 + 64 * PARTS as u64;
    frame::cost(usize::try_from(bytes.saturating_add(ENVELOPES)).unwrap_or(usize::MAX / 2), PARTS)
}

impl Store for Local {
    fn credit(&self, class: Class, bytes: u64, waker: Option<&Waker>) -> Result<Credit, NoCredit> {
        self.inner.credit(class, bytes, waker)
    }
    fn append(&self, credit: Credit, _op: OpId, at: Millis, parts: &[Part<'_>]) -> Reserved {
        self.inner.append(credit, at, parts)
    }
    fn lead(&self) -> Led {
        self.inner.lead()
    }
    fn flush(&self) -> Result<Committed, Arc<Fault>> {
        self.inner.flush()
    }
    fn committed(&self) -> Committed {
        self.inner.proof()
    }
    fn read(&self, log: LogId, from: i64, upto: i64, max: usize, patience: Patience) -> Result<Found, ReadError> {
        self.inner.read(log, from, upto, max, patience)
    }
    fn list(&self, log: LogId, from: i64, max: usize) -> Result<Vec<Stored>, ReadError> {
        self.inner.list(log, from, max)
    }
    fn lookup(&self, log: LogId, query: Query) -> Result<Option<Stored>, ReadError> {
        self.inner.lookup(log, query)
    }
    fn bounds(&self, log: LogId) -> Option<Bounds> {
        self.inner.bounds(log)
    }
    fn trim(&self, log: LogId, start: i64) {
        self.inner.trim(log, start);
    }
    fn remove(&self, log: LogId) {
        self.inner.remove(log);
    }
    fn attach(&self, watch: Arc<dyn Watch>, snapshots: Arc<dyn Snapshots>) {
        // A second call keeps the first: it is said to be made once.
        let _ = self.inner.attached.set((watch, snapshots));
    }
    fn gauges(&self) -> Gauges {
        self.inner.gauges()
    }
    fn close(&self) -> Result<(), Arc<Fault>> {
        self.inner.close()
    }
}
