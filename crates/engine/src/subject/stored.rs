//! A version with everything that its text stands on: what is needed to write and read data by it.

use std::sync::Arc;

use milena_schema::{Flaw, Schema};

use super::{Content, Registry, Shown, register::resolved};

/// One registered version, and the texts that it refers to.
#[derive(Clone, Debug)]
pub struct Stored {
    pub shown: Shown,
    /// In dependency order.
    references: Vec<(String, Arc<Content>)>,
}

impl Stored {
    /// Reads the text. Takes as long as parsing does, so not on the thread of a socket.
    pub fn parse(&self) -> Result<Schema, Flaw> {
        let content = &self.shown.content;
        Schema::parse_stored(content.format, &content.text, &resolved(&self.references))
    }

    /// Bytes of all texts together.
    pub fn size(&self) -> usize {
        self.shown.content.text.len() + self.references.iter().map(|(_, content)| content.text.len()).sum::<usize>()
    }
}

impl Registry {
    /// A version together with what it refers to, directly and through others.
    pub fn stored(&self, shown: Shown) -> Stored {
        let references = self.closure(&shown.subject.context, &shown.content.references);
        Stored { shown, references }
    }
}
