//! Texts as clients send them, and what they are stored as. Clients send the same text again and again, many with blanks that
//! the stored text does not have; with this, a known one is found without being parsed.

use std::{collections::HashMap, sync::Arc};

use super::{Asked, Format};

/// Bytes of all texts that are remembered. Beyond it everything is forgotten, and learnt again.
const BYTES_MAX: usize = 4 << 20;

/// A text and what decides how it is stored.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Spelling {
    format: Format,
    normalized: bool,
    text: Arc<str>,
}

impl Spelling {
    /// Of a request. One with references or tags has none: its text is not all that counts.
    pub(super) fn of(asked: &Asked) -> Option<Self> {
        let alone = asked.references.is_empty() && asked.tags.is_empty() && !asked.text.is_empty();
        alone.then(|| Self { format: asked.format, normalized: asked.normalize, text: asked.text.clone() })
    }

    /// Whether it is stored in normal form.
    pub fn is_normalized(&self) -> bool {
        self.normalized
    }
}

/// Spellings that were parsed once.
#[derive(Clone, Debug, Default)]
pub struct Spellings {
    known: HashMap<Spelling, Arc<str>>,
    bytes: usize,
}

impl Spellings {
    /// What the text that was sent is stored as, if it is known.
    pub(super) fn stored(&self, asked: &Asked) -> Option<&Arc<str>> {
        self.known.get(&Spelling::of(asked)?)
    }

    /// Remembers what a text is stored as.
    pub fn note(&mut self, sent: Spelling, stored: &str) {
        let bytes = sent.text.len() + stored.len();
        if self.bytes + bytes > BYTES_MAX {
            *self = Self::default();
        }
        if bytes <= BYTES_MAX && self.known.insert(sent, stored.into()).is_none() {
            self.bytes += bytes;
        }
    }
}
