//! How far a group has come, by topic id and partition, with the last few distinct commits of each. Judges nothing.

use std::collections::{BTreeMap, VecDeque};

use super::fact::{PartitionPosition, PositionsCommitted, PositionsForgotten, TopicNamed};
use crate::{
    ids::{Offset, TopicId, TopicName},
    limits,
};

/// A committed position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    pub offset: Offset,
    /// Negative is unknown.
    pub leader_epoch: i32,
    /// The client's note.
    pub metadata: Box<str>,
    /// When it was committed, in wall-clock milliseconds. A repetition of the same does not count unless positions expire.
    pub at: i64,
    /// Who committed it, as the node interned it.
    pub writer: u32,
    /// Where the group was before, oldest first, at most [`limits::POSITION_HISTORY`].
    pub history: VecDeque<Past>,
}

/// A former position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Past {
    pub offset: Offset,
    pub at: i64,
    pub writer: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Positions {
    pub(super) topics: BTreeMap<TopicId, Topic>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Topic {
    pub(super) name: TopicName,
    pub(super) partitions: BTreeMap<i32, Position>,
}

impl Positions {
    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub(super) fn get(&self, topic: TopicId, partition: i32) -> Option<&Position> {
        self.topics.get(&topic)?.partitions.get(&partition)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (TopicId, &TopicName, i32, &Position)> {
        self.topics.iter().flat_map(|(id, t)| t.partitions.iter().map(|(p, position)| (*id, &t.name, *p, position)))
    }

    pub(super) fn name(&mut self, fact: &TopicNamed) {
        let fresh = || Topic { name: fact.name.clone(), partitions: BTreeMap::new() };
        self.topics.entry(fact.topic).or_insert_with(fresh).name = fact.name.clone();
    }

    pub(super) fn commit(&mut self, fact: &PositionsCommitted) {
        for (topic, positions) in &fact.topics {
            // A commit follows the fact that names its topic, always.
            let Some(topic) = self.topics.get_mut(topic) else { continue };
            for position in positions {
                topic.commit(position, fact.at, fact.writer);
            }
        }
    }

    pub(super) fn forget(&mut self, fact: &PositionsForgotten) {
        for (id, partitions) in &fact.topics {
            if let Some(topic) = self.topics.get_mut(id) {
                for partition in partitions {
                    topic.partitions.remove(partition);
                }
                if topic.partitions.is_empty() {
                    self.topics.remove(id);
                }
            }
        }
    }
}

impl Topic {
    fn commit(&mut self, to: &PartitionPosition, at: i64, writer: u32) {
        let history = match self.partitions.remove(&to.partition) {
            Some(before) => before.into_history(to.offset),
            None => VecDeque::new(),
        };
        let (offset, leader_epoch, metadata) = (to.offset, to.leader_epoch, to.metadata.clone());
        self.partitions.insert(to.partition, Position { offset, leader_epoch, metadata, at, writer, history });
    }
}

impl Position {
    /// The history when the group moves on to `next`; staying where it is adds nothing.
    fn into_history(mut self, next: Offset) -> VecDeque<Past> {
        if self.offset != next {
            if self.history.len() == limits::POSITION_HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(Past { offset: self.offset, at: self.at, writer: self.writer });
        }
        self.history
    }
}
