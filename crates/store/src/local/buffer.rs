//! Aligned memory that is written once and read by many: staging chunks, and plain buffers for direct I/O.
//!
//! Knows memory only: no files, no entries.
#![allow(unsafe_code)]
// Why unsafe: (1) direct I/O wants addresses on 4 KiB, which no safe allocation gives; (2) readers hold slices of a chunk
// whose later part is still being written. Both stand on one invariant, kept in this file alone: bytes below `filled`
// never change while the chunk lives, bytes above it are touched by the one `ChunkWriter` only.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    ops::{Deref, DerefMut, Range},
    ptr::NonNull,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use crate::disk::ALIGN;

/// Size of an ordinary staging chunk.
pub(super) const CHUNK: usize = 1 << 20;

/// From this size on memory is mapped, not allocated.
const MAPPED: usize = CHUNK;

/// An owned, zeroed, aligned allocation.
struct Raw {
    ptr: NonNull<u8>,
    len: usize,
}

// SAFETY: `Raw` owns its allocation as a `Box<[u8]>` does.
unsafe impl Send for Raw {}
// SAFETY: shared access to `Raw` itself gives no access to the bytes; its owners decide who reads and writes.
unsafe impl Sync for Raw {}

impl Raw {
    fn new(len: usize) -> Self {
        let len = len.max(1).next_multiple_of(ALIGN);
        let layout = Self::layout(len);
        let ptr = if len < MAPPED {
            // SAFETY: the layout has a size above zero.
            NonNull::new(unsafe { alloc_zeroed(layout) })
        } else {
            map(len)
        };
        let Some(ptr) = ptr else { handle_alloc_error(layout) };
        Self { ptr, len }
    }
    fn layout(len: usize) -> Layout {
        Layout::from_size_align(len, ALIGN).expect("sizes are bounded far below isize::MAX")
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if self.len < MAPPED {
            // SAFETY: allocated in `new` with this very layout.
            unsafe { dealloc(self.ptr.as_ptr(), Self::layout(self.len)) }
        } else {
            // SAFETY: mapped in `new` with this very length, and nothing borrows it any more.
            let unmapped = unsafe { munmap(self.ptr.as_ptr().cast(), self.len) };
            debug_assert!(unmapped.is_ok(), "memory of our own is always given back");
        }
    }
}

/// Zeroed pages straight from the system. An allocator keeps what it was given back until somebody asks it for more; an
/// idle broker asks for nothing, and would hold the memory of its busiest hour.
fn map(len: usize) -> Option<NonNull<u8>> {
    let flags = MapFlags::PRIVATE;
    // SAFETY: a new mapping at a place that the system chooses touches no memory that somebody has.
    let mapped = unsafe { mmap_anonymous(std::ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, flags) };
    NonNull::new(mapped.ok()?.cast())
}

/// A buffer whose address and length are multiples of [`ALIGN`].
pub(super) struct Aligned {
    raw: Raw,
}

impl Aligned {
    /// Zeroed; `len` is rounded up.
    pub(super) fn new(len: usize) -> Self {
        Self { raw: Raw::new(len) }
    }
    /// At least `len` bytes, keeping nothing of the old content when it must grow.
    pub(super) fn reserve(&mut self, len: usize) {
        if self.raw.len < len {
            self.raw = Raw::new(len);
        }
    }
}

impl Deref for Aligned {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: the allocation is `len` bytes, zeroed at birth, and borrowed with `self`.
        unsafe { std::slice::from_raw_parts(self.raw.ptr.as_ptr(), self.raw.len) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `&mut self` makes the borrow exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.raw.ptr.as_ptr(), self.raw.len) }
    }
}

/// Chunks of the same size, reused: a fresh page costs two to four times a used one.
pub(super) struct Pool {
    /// Free chunks kept for reuse.
    free: Mutex<Vec<Raw>>,
    keep: AtomicUsize,
    /// Bytes of all living chunks, free ones included.
    allocated: AtomicU64,
    /// Bytes of chunks that readers hold, at chunk size.
    pinned: AtomicU64,
    pin_limit: u64,
}

impl Pool {
    /// `budget`: bytes of staging and tail cache together. Readers may pin a quarter of it.
    pub(super) fn new(budget: u64) -> Arc<Self> {
        Arc::new(Self {
            free: Mutex::default(),
            keep: AtomicUsize::new((budget / CHUNK as u64) as usize),
            allocated: AtomicU64::new(0),
            pinned: AtomicU64::new(0),
            pin_limit: budget / 4,
        })
    }

    /// An empty chunk of at least `len` bytes.
    pub(super) fn chunk(self: &Arc<Self>, len: usize) -> ChunkWriter {
        let reused = if len <= CHUNK { self.free().pop() } else { None };
        let raw = reused.unwrap_or_else(|| {
            let raw = Raw::new(len.max(CHUNK));
            self.allocated.fetch_add(raw.len as u64, Ordering::Relaxed);
            raw
        });
        let chunk = Chunk { raw: Some(raw), filled: AtomicUsize::new(0), pins: AtomicUsize::new(0), pool: self.clone() };
        ChunkWriter { chunk: Arc::new(chunk) }
    }

    pub(super) fn allocated(&self) -> u64 {
        self.allocated.load(Ordering::Relaxed)
    }

    /// Bytes of chunks that hold something.
    pub(super) fn in_use(&self) -> u64 {
        self.allocated().saturating_sub((self.free().len() * CHUNK) as u64)
    }

    /// Gives free chunks back to the system, but `keep` of them.
    pub(super) fn shrink(&self, keep: usize) {
        let mut free = self.free();
        while free.len() > keep {
            if let Some(raw) = free.pop() {
                self.allocated.fetch_sub(raw.len as u64, Ordering::Relaxed);
            }
        }
    }

    fn take_back(&self, raw: Raw) {
        let mut free = self.free();
        if raw.len == CHUNK && free.len() < self.keep.load(Ordering::Relaxed) {
            free.push(raw);
        } else {
            self.allocated.fetch_sub(raw.len as u64, Ordering::Relaxed);
        }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Raw>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of memory that is filled from the front and never changed behind its front.
pub(super) struct Chunk {
    /// `None` only while dropping.
    raw: Option<Raw>,
    filled: AtomicUsize,
    pins: AtomicUsize,
    pool: Arc<Pool>,
}

impl Chunk {
    fn raw(&self) -> &Raw {
        self.raw.as_ref().expect("taken only in drop")
    }

    pub(super) fn capacity(&self) -> usize {
        self.raw().len
    }

    /// Filled bytes. Panics on a range that is not filled: that is a bug of this crate, never of an input.
    pub(super) fn view(&self, range: Range<usize>) -> &[u8] {
        let filled = self.filled.load(Ordering::Acquire);
        assert!(range.start <= range.end && range.end <= filled, "chunk read beyond what was written");
        // SAFETY: below `filled` bytes are initialised and never written again.
        unsafe { std::slice::from_raw_parts(self.raw().ptr.as_ptr().add(range.start), range.len()) }
    }

    /// The page around and behind `range.end` may be needed by direct writes: whole pages, of which the part above
    /// `filled` holds unspecified bytes. So only whole filled pages are given.
    pub(super) fn pages(&self, range: Range<usize>) -> &[u8] {
        debug_assert!(range.start.is_multiple_of(ALIGN) && range.end.is_multiple_of(ALIGN));
        self.view(range)
    }

    /// Bytes for a reader, without a copy; or a copy when readers pin too much already.
    pub(super) fn bytes(self: &Arc<Self>, range: Range<usize>) -> Bytes {
        if self.pins.load(Ordering::Relaxed) == 0 && self.pool.pinned.load(Ordering::Relaxed) >= self.pool.pin_limit {
            return Bytes::copy_from_slice(self.view(range));
        }
        if self.pins.fetch_add(1, Ordering::Relaxed) == 0 {
            self.pool.pinned.fetch_add(self.capacity() as u64, Ordering::Relaxed);
        }
        Bytes::from_owner(Pin { chunk: self.clone(), range })
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            self.pool.take_back(raw);
        }
    }
}

/// A reader's hold on a chunk.
struct Pin {
    chunk: Arc<Chunk>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Pin {
    fn as_ref(&self) -> &[u8] {
        self.chunk.view(self.range.clone())
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if self.chunk.pins.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.chunk.pool.pinned.fetch_sub(self.chunk.capacity() as u64, Ordering::Relaxed);
        }
    }
}

/// The one who may write a chunk. Not `Clone`: that there is one is what makes writing safe.
pub(super) struct ChunkWriter {
    chunk: Arc<Chunk>,
}

impl ChunkWriter {
    pub(super) fn chunk(&self) -> &Arc<Chunk> {
        &self.chunk
    }
    pub(super) fn filled(&self) -> usize {
        self.chunk.filled.load(Ordering::Relaxed)
    }
    pub(super) fn room(&self) -> usize {
        self.chunk.capacity() - self.filled()
    }
    /// Appends bytes. Panics when there is no room: the caller has looked.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let at = self.filled();
        assert!(bytes.len() <= self.chunk.capacity() - at, "chunk written beyond its end");
        // SAFETY: the range lies above `filled`, where only this writer may touch; `bytes` cannot overlap it, since no
        // slice above `filled` is ever given out.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.chunk.raw().ptr.as_ptr().add(at), bytes.len());
        }
        self.chunk.filled.store(at + bytes.len(), Ordering::Release);
    }
}
