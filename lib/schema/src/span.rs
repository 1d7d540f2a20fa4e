//! What stands in which bytes of a message: for people who look at bytes.

use std::ops::Range;

/// Some bytes of a message, and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub at: Range<usize>,
    pub words: String,
}

/// Spans in the order of their bytes, of which there may be only so many.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(crate) found: Vec<Span>,
    most: usize,
}

impl Spans {
    pub(crate) fn new(most: usize) -> Self {
        Self { found: Vec::new(), most }
    }

    /// Whether there is room for more.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= self.most
    }

    /// Notes bytes, if there are any.
    pub(crate) fn note(&mut self, at: Range<usize>, words: impl Into<String>) {
        if !at.is_empty() && !self.is_full() {
            self.found.push(Span { at, words: words.into() });
        }
    }
}

/// Text for a note: quoted, and cut where it gets long.
pub(crate) fn quoted(text: &str) -> String {
    const LETTERS: usize = 80;
    match text.char_indices().nth(LETTERS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
    }
}

/// Bytes for a note.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const BYTES: usize = 16;
    let shown: String = bytes.iter().take(BYTES).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > BYTES { format!("0x{shown}… ({} bytes)", bytes.len()) } else { format!("0x{shown}") }
}
