//! What an instance may read now and from where: its reading, its share of the group's partitions, its positions, and
//! what the group has committed. Knows how these four make a plan; reads no records.

use std::{collections::BTreeMap, sync::Arc};

use milena_node::{
    Node, Partition, Topic, View,
    engine::{
        group::{Commit, CommitPosition, NamedPartition},
        ids::TopicId,
        instance::{Instance, InstanceKey, Instances, Reading, Reset},
        settings::topic::GapPolicy,
    },
};
use regex::{Regex, RegexBuilder};

use crate::rest::fault::{Fault, Told};

/// What a pattern may take when it is compiled, in bytes.
const PATTERN_BYTES: usize = 1 << 20;

/// One partition that the instance reads.
pub(super) struct Want {
    pub(super) topic: Arc<Topic>,
    pub(super) partition: Arc<Partition>,
    pub(super) view: View,
    /// The next offset to be given.
    pub(super) from: i64,
    /// What retention removed before it was read: from here up to `from`.
    pub(super) lost_from: Option<i64>,
}

/// What can be read now.
pub(super) struct Plan {
    pub(super) instance: Instance,
    pub(super) wants: Vec<Want>,
}

type Committed = BTreeMap<(TopicId, i32), i64>;

/// Finds an instance.
pub(super) async fn find(node: &Node, key: &InstanceKey) -> Told<Instance> {
    node.ask_instances(|instances| instances.get(key).cloned()).await?.ok_or_else(Fault::no_instance)
}

pub(super) fn pattern(text: &str) -> Told<Regex> {
    let build = |text: &str| RegexBuilder::new(text).size_limit(PATTERN_BYTES).build();
    // As in Kafka the whole name must match. By itself first: what is none may become one between the anchors.
    build(text)
        .and_then(|_| build(&format!("^(?:{text})$")))
        .map_err(|error| Fault::bad_config(format!("the topic pattern cannot be used: {error}")))
}

/// Topics that are there and that a reading takes in.
pub(super) fn topics(node: &Node, reading: &Reading) -> Told<Vec<Arc<Topic>>> {
    Ok(match reading {
        Reading::Nothing => Vec::new(),
        Reading::Topics(names) => names.iter().filter_map(|name| node.topic(name.as_str())).collect(),
        Reading::Pattern(text) => {
            let pattern = pattern(text)?;
            node.topics().into_iter().filter(|topic| pattern.is_match(topic.name.as_str())).collect()
        }
        Reading::Partitions(partitions) => {
            let mut topics: Vec<Arc<Topic>> = Vec::new();
            for (name, _) in partitions {
                if topics.iter().all(|topic| topic.name != *name) {
                    topics.extend(node.topic(name.as_str()));
                }
            }
            topics
        }
    })
}

/// Which partitions of these topics are this instance's, by topic and number.
pub(super) fn mine(instances: &Instances, key: &InstanceKey, topics: &[Arc<Topic>]) -> Vec<(Arc<Topic>, i32)> {
    let Some(instance) = instances.get(key) else { return Vec::new() };
    if let Reading::Partitions(partitions) = &instance.reading {
        let found = |(name, index): &(_, i32)| Some((topics.iter().find(|topic| topic.name == *name)?.clone(), *index));
        return partitions.iter().filter_map(found).collect();
    }
    let patterns: BTreeMap<&str, Regex> = instances
        .of_group(&key.group)
        .filter_map(|(_, other)| if let Reading::Pattern(text) = &other.reading { Some(&**text) } else { None })
        .filter_map(|text| Some((text, pattern(text).ok()?)))
        .collect();
    let mut mine = Vec::new();
    for topic in topics {
        let name = &topic.name;
        let subscribes = |reading: &Reading| match reading {
            Reading::Topics(names) => names.contains(name),
            Reading::Pattern(text) => patterns.get(&**text).is_some_and(|pattern| pattern.is_match(name.as_str())),
            Reading::Nothing | Reading::Partitions(_) => false,
        };
        let share = instances.share(key, topic.partitions.len() as i32, subscribes);
        mine.extend(share.map(|partition| (topic.clone(), partition)));
    }
    mine
}

/// What the instance reads now, by topic and partition.
pub(super) async fn assigned(node: &Node, key: &InstanceKey) -> Told<(Instance, Vec<(Arc<Topic>, i32)>)> {
    let instance = find(node, key).await?;
    let topics = topics(node, &instance.reading)?;
    let (instance, mine) = node.ask_instances(|instances| (instances.get(key).cloned(), mine(instances, key, &topics))).await?;
    Ok((instance.ok_or_else(Fault::no_instance)?, mine))
}

/// What a group has committed.
pub(super) async fn committed(node: &Node, group: &str) -> Told<Committed> {
    let all = node.ask_group(group, |group| {
        group.positions().map(|(topic, _, partition, position)| ((topic, partition), position.offset)).collect()
    });
    Ok(all.await?.unwrap_or_default())
}

impl Plan {
    pub(super) async fn of(node: &Node, key: &InstanceKey) -> Told<Self> {
        let (instance, mine) = assigned(node, key).await?;
        let committed = committed(node, &key.group).await?;
        let mut wants = Vec::with_capacity(mine.len());
        for (topic, index) in mine {
            let Some(partition) = topic.partition(index).cloned() else { continue };
            let Some(view) = partition.view() else { continue };
            let at = (topic.id, index);
            let position = instance.positions.get(&at).or_else(|| committed.get(&at).filter(|offset| **offset >= 0));
            let position = position.or_else(|| instance.begins.get(&at)).copied();
            let (from, lost_from) = beginning(&instance, position, view, topic.settings.gap_policy)?;
            wants.push(Want { topic, partition, view, from, lost_from });
        }
        Ok(Self { instance, wants })
    }
}

/// Where to read from, and from where on something was removed unread. Never jumps over what is there.
fn beginning(instance: &Instance, position: Option<i64>, view: View, gap: GapPolicy) -> Told<(i64, Option<i64>)> {
    let none = instance.settings.reset == Reset::None;
    match position {
        Some(at) if at < view.start && none && gap == GapPolicy::Error => Err(Fault::new(
            hyper::StatusCode::GONE,
            410,
            format!("offsets {at} to {} were removed by retention before they were read; seek to go on", view.start - 1),
        )),
        Some(at) if at < view.start => Ok((view.start, Some(at))),
        Some(at) if at <= view.high => Ok((at, None)),
        Some(at) if none => Err(Fault::bad_request(format!("position {at} lies behind the end, {}; seek to go on", view.high))),
        // The end came nearer: what is there now is new.
        Some(_) if instance.settings.reset == Reset::Latest => Ok((view.high, None)),
        None if none => {
            Err(Fault::bad_request("there is no committed position, and auto.offset.reset is none; seek or commit first"))
        }
        // `latest` was noted when the subscription was made: whatever has no note came after it.
        Some(_) | None => Ok((view.start, None)),
    }
}

/// Commits for the group of an instance, as a client that is no member of it.
pub(super) async fn commit(
    node: &Node,
    key: &InstanceKey,
    positions: impl IntoIterator<Item = (Arc<Topic>, i32, i64, String)>,
    writer: u32,
) -> Told<()> {
    let position = |(topic, partition, offset, metadata): (Arc<Topic>, i32, i64, String)| CommitPosition {
        at: NamedPartition { topic: topic.id, name: topic.name.clone(), partition },
        offset,
        leader_epoch: -1,
        metadata: metadata.into(),
    };
    let positions: Vec<_> = positions.into_iter().map(position).collect();
    if positions.is_empty() {
        return Ok(());
    }
    let commit = Commit { member: None, instance: None, generation: -1, writer, positions };
    for outcome in node.commit(&key.group, commit).await?? {
        outcome?;
    }
    Ok(())
}

/// Commits what was delivered to an instance: everything that it was given and nothing else.
pub(super) async fn commit_delivered(node: &Node, key: &InstanceKey, writer: u32) -> Told<()> {
    let (instance, mine) = assigned(node, key).await?;
    let committed = committed(node, &key.group).await?;
    let moved = mine.into_iter().filter_map(|(topic, partition)| {
        let at = (topic.id, partition);
        let offset = *instance.positions.get(&at)?;
        (committed.get(&at) != Some(&offset)).then(|| (topic, partition, offset, String::new()))
    });
    commit(node, key, moved.collect::<Vec<_>>(), writer).await
}
