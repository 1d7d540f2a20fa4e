//! Names that differ only in `.` and `_` would be one name in metrics, so Kafka refuses the second.

use std::{collections::BTreeMap, sync::Arc};

use crate::ids::TopicName;

/// Topics in use whose names hold a `.` or a `_`, under the name with `_` for both. Others cannot collide.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Folded(BTreeMap<Arc<str>, TopicName>);

impl Folded {
    pub(super) fn enter(&mut self, name: &TopicName) {
        if let Some(folded) = fold(name) {
            self.0.insert(folded.into(), name.clone());
        }
    }
    pub(super) fn leave(&mut self, name: &TopicName) {
        if let Some(folded) = fold(name) {
            self.0.remove(folded.as_str());
        }
    }
    /// Another topic whose name is nearly this one.
    pub(super) fn collision(&self, name: &TopicName) -> Option<&TopicName> {
        self.0.get(fold(name)?.as_str())
    }
}

fn fold(name: &TopicName) -> Option<String> {
    name.as_str().contains(['.', '_']).then(|| name.as_str().replace('.', "_"))
}
