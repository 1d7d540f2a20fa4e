//! Tagged fields that this version of the definitions does not know: kept as they came and written back (KIP-482).

use bytes::Bytes;

/// Unknown tagged fields of one struct, in ascending order of tag. Costs one word and no allocation while there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::box_collection)] // one word instead of three in every struct of every message, nearly always empty
pub struct UnknownTags(Option<Box<Vec<(u32, Bytes)>>>);

impl UnknownTags {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |tags| tags.len())
    }

    /// Tag and value, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Bytes)> {
        self.0.iter().flat_map(|tags| tags.iter().map(|(tag, value)| (*tag, value)))
    }

    /// Adds a field, in its place; one with the same tag is replaced.
    pub fn insert(&mut self, tag: u32, value: Bytes) {
        let tags = self.0.get_or_insert_default();
        match tags.binary_search_by_key(&tag, |(tag, _)| *tag) {
            Ok(at) => tags[at].1 = value,
            Err(at) => tags.insert(at, (tag, value)),
        }
    }
}
