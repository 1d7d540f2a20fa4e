//! The bytes of one simulated file, in pages that are shared until they change. Knows nothing of names or durability.

use std::sync::Arc;

pub(super) const PAGE: usize = 4096;
type Page = [u8; PAGE];

/// A hole is `None`: it takes no room and reads as zeros.
#[derive(Clone, Default)]
pub(super) struct Content {
    len: u64,
    pages: Vec<Option<Arc<Page>>>,
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of room taken.
    pub(super) fn room(&self) -> u64 {
        self.pages.iter().flatten().count() as u64 * PAGE as u64
    }

    /// Room that writing or allocating the range would take in addition.
    pub(super) fn room_needed(&self, at: u64, len: u64) -> u64 {
        let missing = spans(at, len).filter(|span| !matches!(self.pages.get(span.page), Some(Some(_)))).count();
        missing as u64 * PAGE as u64
    }

    pub(super) fn read(&self, into: &mut [u8], at: u64) -> usize {
        let len = (into.len() as u64).min(self.len.saturating_sub(at)) as usize;
        let mut done = 0;
        for span in spans(at, len as u64) {
            let target = &mut into[done..done + span.len];
            match self.pages.get(span.page) {
                Some(Some(page)) => target.copy_from_slice(&page[span.from..span.from + span.len]),
                _ => target.fill(0),
            }
            done += span.len;
        }
        len
    }

    pub(super) fn write(&mut self, bytes: &[u8], at: u64) {
        let mut done = 0;
        for span in spans(at, bytes.len() as u64) {
            self.page(span.page)[span.from..span.from + span.len].copy_from_slice(&bytes[done..done + span.len]);
            done += span.len;
        }
        self.len = self.len.max(at + bytes.len() as u64);
    }

    /// Takes the room; what was a hole reads as zeros as before.
    pub(super) fn allocate(&mut self, at: u64, len: u64) {
        for span in spans(at, len) {
            self.page(span.page);
        }
        self.len = self.len.max(at + len);
    }

    pub(super) fn punch(&mut self, at: u64, len: u64) {
        for span in spans(at, len.min(self.len.saturating_sub(at))) {
            match self.pages.get_mut(span.page) {
                Some(page) if span.len == PAGE => *page = None,
                Some(Some(page)) => Arc::make_mut(page)[span.from..span.from + span.len].fill(0),
                _ => {}
            }
        }
    }

    pub(super) fn set_len(&mut self, len: u64) {
        let pages = len.div_ceil(PAGE as u64) as usize;
        if len < self.len {
            self.pages.truncate(pages);
            let rest = (len % PAGE as u64) as usize;
            if rest > 0
                && let Some(Some(page)) = self.pages.get_mut(pages - 1)
            {
                Arc::make_mut(page)[rest..].fill(0);
            }
        }
        self.pages.resize(pages, None);
        self.len = len;
    }

    /// A number that differs when the bytes differ (but for a chance of one in 2^64).
    pub(super) fn digest(&self, mut hash: u64) -> u64 {
        hash = mix(hash, self.len);
        for (i, page) in self.pages.iter().enumerate() {
            let Some(page) = page else { continue };
            if page.iter().all(|b| *b == 0) {
                continue;
            }
            hash = mix(hash, i as u64);
            for word in page.chunks_exact(8) {
                hash = mix(hash, u64::from_le_bytes(word.try_into().expect("chunks are of eight bytes")));
            }
        }
        hash
    }

    fn page(&mut self, index: usize) -> &mut Page {
        if self.pages.len() <= index {
            self.pages.resize(index + 1, None);
        }
        Arc::make_mut(self.pages[index].get_or_insert_with(|| Arc::new([0; PAGE])))
    }
}

pub(super) fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

struct Span {
    page: usize,
    from: usize,
    len: usize,
}

/// The parts of pages that a range covers.
fn spans(at: u64, len: u64) -> impl Iterator<Item = Span> {
    let end = at + len;
    let mut at = at;
    std::iter::from_fn(move || {
        (at < end).then(|| {
            let from = (at % PAGE as u64) as usize;
            let len = (PAGE - from).min((end - at) as usize);
            let span = Span { page: (at / PAGE as u64) as usize, from, len };
            at += len as u64;
            span
        })
    })
}
