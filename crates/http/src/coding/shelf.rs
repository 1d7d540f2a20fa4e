//! Compiled schemas, kept for the next request. An id never means two schemas, so what is kept never goes stale.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use milena_node::{
    Node,
    engine::subject::{Shown, Stored},
};

use super::{Codec, Trouble};

/// Schemas that are kept at a time.
const KEPT: usize = 1_000;
/// Bytes that their texts may have together; compiled they take some multiple of it.
const KEPT_BYTES: usize = 8 << 20;

/// The compiled schemas of a door.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// By context and id.
    codecs: HashMap<(Arc<str>, i32), Arc<Codec>>,
    bytes: usize,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shelf")
    }
}

impl Shelf {
    /// The compiled schema of a version. Only the first to ask for it waits until it is made.
    pub(crate) async fn codec(&self, node: &Node, shown: &Shown) -> Result<Arc<Codec>, Trouble> {
        let place = (shown.subject.context.clone(), shown.id);
        if let Some(codec) = self.hold().codecs.get(&place) {
            return Ok(codec.clone());
        }
        let stored: Stored = node.ask_schemas(|registry| registry.stored(shown.clone())).await?;
        let bytes = stored.size();
        let compiled = node.aside(move || stored.parse().and_then(Codec::compile)).await?;
        let codec = Arc::new(compiled.map_err(Trouble::Schema)?);
        self.hold().put(place, codec.clone(), bytes);
        Ok(codec)
    }

    fn hold(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn put(&mut self, place: (Arc<str>, i32), codec: Arc<Codec>, bytes: usize) {
        if self.codecs.len() >= KEPT || self.bytes + bytes > KEPT_BYTES {
            self.codecs.clear();
            self.bytes = 0;
        }
        // Two may have made the same one at once.
        if self.codecs.insert(place, codec).is_none() {
            self.bytes += bytes;
        }
    }
}
