//! Names that differ only in `.` and `_` would be one name in metrics, so Kafka refuses the second.

use std::{
    fmt,
    hash::{BuildHasher, Hasher},
};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::ids::TopicName;

/// Topics in use whose names hold a `.` or a `_`, found by the name with `_` for both. Others cannot collide. Nothing
/// is stored but the names that exist anyway: a hundred thousand topics are looked through at every start.
#[derive(Clone, Default)]
pub(super) struct Folded {
    names: HashTable<TopicName>,
    hashes: DefaultHashBuilder,
}

impl Folded {
    pub(super) fn enter(&mut self, name: &TopicName) {
        if folds(name) {
            let Self { names, hashes } = self;
            names.insert_unique(hash(hashes, name), name.clone(), |name| hash(hashes, name));
        }
    }
    pub(super) fn leave(&mut self, name: &TopicName) {
        if let Ok(entry) = self.names.find_entry(hash(&self.hashes, name), |other| other == name) {
            entry.remove();
        }
    }
    /// Another topic whose name is nearly this one.
    pub(super) fn collision(&self, name: &TopicName) -> Option<&TopicName> {
        self.names.find(hash(&self.hashes, name), |other| folded(other).eq(folded(name)))
    }
}

impl PartialEq for Folded {
    fn eq(&self, other: &Self) -> bool {
        self.names.len() == other.names.len() && self.names.iter().all(|name| other.collision(name) == Some(name))
    }
}
impl Eq for Folded {}

impl fmt::Debug for Folded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.names).finish()
    }
}

fn folds(name: &TopicName) -> bool {
    name.as_str().contains(['.', '_'])
}

fn folded(name: &TopicName) -> impl Iterator<Item = u8> + '_ {
    name.as_str().bytes().map(|b| if b == b'.' { b'_' } else { b })
}

fn hash(hashes: &DefaultHashBuilder, name: &TopicName) -> u64 {
    let mut hasher = hashes.build_hasher();
    folded(name).for_each(|b| hasher.write_u8(b));
    hasher.finish()
}
