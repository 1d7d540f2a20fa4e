//! Words that the group APIs share: from the protocol's texts to the names that groups know, and back.

use std::sync::Arc;

use milena_engine::{
    group::{Blob, CommitPosition, MemberId, NamedPartition},
    ids::TopicId,
};
use milena_node::{Node, Topic};
use milena_wire::{ErrorCode, Text, Uuid, bytes::Bytes};

/// A member id; an empty one is none.
pub(crate) fn member(id: &Text) -> Option<MemberId> {
    (!id.is_empty()).then(|| MemberId::from(id.as_str()))
}

/// A `group.instance.id`.
pub(crate) fn instance(id: &Option<Text>) -> Option<Arc<str>> {
    id.as_ref().map(|id| id.as_str().into())
}

/// What clients hand each other, copied out of the frame: groups keep it for long.
pub(crate) fn blob(bytes: &Bytes) -> Blob {
    Arc::from(&bytes[..])
}

/// What clients handed each other, on its way out.
pub(crate) fn bytes(blob: &Blob) -> Bytes {
    Bytes::copy_from_slice(blob)
}

pub(crate) fn text(words: &Arc<str>) -> Text {
    Text::from(&**words)
}

/// The topic that a position is about, by name or by id, whichever the version has.
pub(crate) fn topic(node: &Node, name: &Text, id: Option<Uuid>) -> Result<Arc<Topic>, ErrorCode> {
    match id {
        None => node.topic(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        Some(id) => node.topic_by_id(TopicId(id)).ok_or(ErrorCode::UNKNOWN_TOPIC_ID),
    }
}

/// A partition of a topic that is there.
pub(crate) fn partition(topic: &Topic, index: i32) -> Result<NamedPartition, ErrorCode> {
    match topic.partition(index) {
        Some(_) => Ok(NamedPartition { topic: topic.id, name: topic.name.clone(), partition: index }),
        None => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    }
}

/// A position to be kept.
pub(crate) fn position(at: NamedPartition, offset: i64, leader_epoch: i32, metadata: Option<&Text>) -> CommitPosition {
    CommitPosition { at, offset, leader_epoch, metadata: metadata.map_or("", |m| m.as_str()).into() }
}
