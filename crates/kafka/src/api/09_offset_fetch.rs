//! OffsetFetch (9), v1-10. How far groups have come. KIP-447, KIP-709, KIP-848, KIP-1251.
//!
//! `require_stable` holds nothing back: without transactions every position is stable.

use milena_engine::{
    group::{Group, Position},
    ids::TopicId,
};
use milena_node::Node;
use milena_wire::{
    ErrorCode, OffsetFetchRequest, OffsetFetchResponse, Text,
    offset_fetch::{
        OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponseGroup, OffsetFetchResponsePartition,
        OffsetFetchResponsePartitions, OffsetFetchResponseTopic, OffsetFetchResponseTopics,
    },
};

use crate::{
    asked::Asked,
    dispatch::{Card, Close, Context, Cost},
    membership,
};

pub(super) const CARD: Card = Card::new(9, "OffsetFetch", 1..=10, Cost::Cheap, |call| call.later(handle));

/// From here on one request may ask about several groups.
const MANY_FROM: i16 = 8;
/// From here on topics are named by id.
const BY_ID_FROM: i16 = 10;
/// The leader epoch of a position is told from here on.
const EPOCHS_FROM: i16 = 5;

async fn handle(cx: Context, request: OffsetFetchRequest) -> Result<OffsetFetchResponse, Close> {
    if cx.version >= MANY_FROM {
        let mut asked = Asked::new();
        let mut groups = Vec::with_capacity(request.groups.len());
        for group in request.groups {
            // Everything that a group has committed can be long, so each group is told a few times only.
            groups.push(match asked.again(group.group_id.clone()) {
                true => fetch(&cx, group).await?,
                false => repeated(group.group_id),
            });
        }
        return Ok(OffsetFetchResponse { groups, ..Default::default() });
    }
    let topics = request.topics.map(|topics| {
        let plural = topics.into_iter().map(|t| OffsetFetchRequestTopics {
            name: t.name,
            partition_indexes: t.partition_indexes,
            ..Default::default()
        });
        plural.collect()
    });
    let group = OffsetFetchRequestGroup { group_id: request.group_id, topics, ..Default::default() };
    let answer = fetch(&cx, group).await?;
    let topics = answer.topics.into_iter().map(|topic| singular(cx.version, topic)).collect();
    Ok(OffsetFetchResponse { topics, error_code: answer.error_code, ..Default::default() })
}

fn repeated(group_id: Text) -> OffsetFetchResponseGroup {
    OffsetFetchResponseGroup { group_id, error_code: ErrorCode::INVALID_REQUEST.into(), ..Default::default() }
}

/// The answer for one group as versions before 8 give it.
fn singular(version: i16, topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partition = |p: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
        partition_index: p.partition_index,
        committed_offset: p.committed_offset,
        committed_leader_epoch: if version >= EPOCHS_FROM { p.committed_leader_epoch } else { -1 },
        metadata: p.metadata,
        error_code: p.error_code,
        ..Default::default()
    };
    OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
        ..Default::default()
    }
}

async fn fetch(cx: &Context, asked: OffsetFetchRequestGroup) -> Result<OffsetFetchResponseGroup, Close> {
    let node = cx.peer.node();
    let topics = match asked.topics {
        None => {
            let everything = node.ask_group(&asked.group_id, |group| everything(node, cx.version, group)).await;
            everything.map(Option::unwrap_or_default)
        }
        Some(topics) => {
            let topics = (&topics[..], cx.version >= BY_ID_FROM);
            let some = node.ask_group(&asked.group_id, |group| chosen(node, Some(group), topics)).await;
            some.map(|found| found.unwrap_or_else(|| chosen(node, None, topics)))
        }
    };
    let topics = topics.map_err(|dead| Close::because(dead.to_string()))?;
    Ok(OffsetFetchResponseGroup { group_id: asked.group_id, topics, ..Default::default() })
}

/// Every position of a group whose topic is there.
fn everything(node: &Node, version: i16, group: &Group) -> Vec<OffsetFetchResponseTopics> {
    let mut topics: Vec<(TopicId, OffsetFetchResponseTopics)> = Vec::new();
    for (id, _, index, position) in group.positions() {
        if topics.last().is_none_or(|(last, _)| *last != id) {
            let Some(topic) = node.topic_by_id(id) else { continue };
            topics.push((id, named(version, &Text::from(topic.name.as_str()), id)));
        }
        if let Some((_, topic)) = topics.last_mut() {
            topic.partitions.push(told(index, Some(position)));
        }
    }
    topics.into_iter().map(|(_, topic)| topic).collect()
}

fn named(version: i16, name: &Text, id: TopicId) -> OffsetFetchResponseTopics {
    match version >= BY_ID_FROM {
        true => OffsetFetchResponseTopics { topic_id: id.0, ..Default::default() },
        false => OffsetFetchResponseTopics { name: name.clone(), ..Default::default() },
    }
}

/// The positions asked for; those that are not there are told as -1. Each comes with a note that can be long, so it is told a
/// few times only.
fn chosen(
    node: &Node,
    group: Option<&Group>,
    (topics, by_id): (&[OffsetFetchRequestTopics], bool),
) -> Vec<OffsetFetchResponseTopics> {
    let mut told_of = Asked::new();
    let topic = |asked: &OffsetFetchRequestTopics| {
        let mut few = asked.partition_indexes.clone();
        few.retain(|index| told_of.again((asked.name.clone(), asked.topic_id, *index)));
        let found = membership::topic(node, &asked.name, by_id.then_some(asked.topic_id));
        let partition = |index: &i32| match &found {
            Ok(topic) => told(*index, group.and_then(|g| g.position(topic.id, *index))),
            Err(error @ ErrorCode::UNKNOWN_TOPIC_ID) => {
                OffsetFetchResponsePartitions { error_code: (*error).into(), ..told(*index, None) }
            }
            // A name that nothing has is no error here: there is no position under it.
            Err(_) => told(*index, None),
        };
        OffsetFetchResponseTopics {
            name: asked.name.clone(),
            topic_id: asked.topic_id,
            partitions: few.iter().map(partition).collect(),
            ..Default::default()
        }
    };
    topics.iter().map(topic).collect()
}

fn told(partition_index: i32, position: Option<&Position>) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: position.map_or(-1, |p| p.offset),
        committed_leader_epoch: position.map_or(-1, |p| p.leader_epoch),
        metadata: Some(Text::from(position.map_or("", |p| &p.metadata))),
        ..Default::default()
    }
}
