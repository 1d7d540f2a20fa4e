//! What an instance may read now and from where: its reading, its share of the group's partitions, its positions, and
//! what the group has committed. Knows how these four make a plan; reads no records.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use milena_node::{
    Node, Partition, Topic, View,
    engine::{
        group::{Commit, CommitPosition, NamedPartition},
        ids::TopicId,
        instance::{At, Instance, InstanceKey, Instances, Reading, Reset},
        settings::topic::GapPolicy,
    },
};

use super::patterns::Compiled;
use crate::{
    rest::fault::{Fault, Told},
    serve::Door,
};

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

/// Topics that are there and that a reading takes in.
pub(super) async fn topics(door: &Door, reading: &Reading) -> Told<Vec<Arc<Topic>>> {
    let patterns = door.patterns.compiled(&door.node, text(reading).map(Box::from).into_iter().collect()).await?;
    Ok(found(&door.node, reading, &patterns))
}

fn text(reading: &Reading) -> Option<&str> {
    if let Reading::Pattern(text) = reading { Some(text) } else { None }
}

fn matches(patterns: &Compiled, text: &str, topic: &str) -> bool {
    patterns.get(text).is_some_and(|pattern| pattern.as_ref().is_some_and(|pattern| pattern.is_match(topic)))
}

fn found(node: &Node, reading: &Reading, patterns: &Compiled) -> Vec<Arc<Topic>> {
    match reading {
        Reading::Nothing => Vec::new(),
        Reading::Topics(names) => names.iter().filter_map(|name| node.topic(name.as_str())).collect(),
        Reading::Pattern(text) => {
            node.topics().into_iter().filter(|topic| matches(patterns, text, topic.name.as_str())).collect()
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
    }
}

/// The patterns that sharing in a group needs.
fn texts(instances: &Instances, group: &str) -> BTreeSet<Box<str>> {
    let all: BTreeSet<&str> = instances.of_group(group).filter_map(|(_, other)| text(&other.reading)).collect();
    all.into_iter().map(Box::from).collect()
}

/// A partition of a topic.
type Part = (Arc<Topic>, i32);

fn subscribes(reading: &Reading, topic: &str, patterns: &Compiled) -> bool {
    match reading {
        Reading::Topics(names) => names.iter().any(|name| name.as_str() == topic),
        Reading::Pattern(text) => matches(patterns, text, topic),
        Reading::Nothing | Reading::Partitions(_) => false,
    }
}

/// Whether every pattern of a group is among these: one may have come meanwhile.
fn knows(patterns: &Compiled, instances: &Instances, group: &str) -> bool {
    instances.of_group(group).filter_map(|(_, other)| text(&other.reading)).all(|text| patterns.contains_key(text))
}

/// Which partitions of these topics are this instance's, by topic and number. `None` when somebody has subscribed to a pattern
/// meanwhile that is not among these.
fn mine(instances: &Instances, key: &InstanceKey, (topics, patterns): (&[Arc<Topic>], &Compiled)) -> Option<Vec<Part>> {
    let Some(instance) = instances.get(key) else { return Some(Vec::new()) };
    if let Reading::Partitions(partitions) = &instance.reading {
        let found = |(name, index): &(_, i32)| Some((topics.iter().find(|topic| topic.name == *name)?.clone(), *index));
        return Some(partitions.iter().filter_map(found).collect());
    }
    if !knows(patterns, instances, &key.group) {
        return None;
    }
    let mut mine = Vec::new();
    for topic in topics {
        let count = topic.partitions.len() as i32;
        let share = instances.share(key, count, |reading| subscribes(reading, topic.name.as_str(), patterns));
        mine.extend(share.map(|partition| (topic.clone(), partition)));
    }
    Some(mine)
}

/// What the instance reads now, by topic and partition.
pub(super) async fn assigned(door: &Door, key: &InstanceKey) -> Told<(Instance, Vec<Part>)> {
    let node = &door.node;
    loop {
        let asked = node.ask_instances(|instances| Some((instances.get(key)?.reading.clone(), texts(instances, &key.group))));
        let (reading, texts) = asked.await?.ok_or_else(Fault::no_instance)?;
        // Not under the lock of all instances: a group may have thousands of patterns.
        let patterns = door.patterns.compiled(node, texts).await?;
        let topics = found(node, &reading, &patterns);
        let known = (&*topics, &patterns);
        let (instance, mine) = node.ask_instances(|all| (all.get(key).cloned(), mine(all, key, known))).await?;
        if let Some(mine) = mine {
            return Ok((instance.ok_or_else(Fault::no_instance)?, mine));
        }
    }
}

/// For an instance that wants what comes from now on, where "now" is, so that nothing is missed before its first fetch. Left
/// out are partitions that came when others of the group, or itself, had subscribed: to the group all of them is new.
pub(super) async fn begins(door: &Door, key: &InstanceKey, wanted: &Reading) -> Told<Vec<At>> {
    let node = &door.node;
    let topics = topics(door, wanted).await?;
    let mut ends: Vec<(&Arc<Topic>, At)> = Vec::new();
    for topic in &topics {
        let end = |p: &Arc<Partition>| Some((topic, (topic.id, p.index(), p.view()?.high)));
        ends.extend(topic.partitions.iter().filter_map(end));
    }
    while wanted.is_subscription() {
        let texts = node.ask_instances(|instances| texts(instances, &key.group)).await?;
        let patterns = door.patterns.compiled(node, texts).await?;
        if node.ask_instances(|all| keep_noted(all, &key.group, &patterns, &mut ends)).await? {
            break;
        }
    }
    Ok(ends.into_iter().map(|(_, at)| at).collect())
}

/// Leaves out what a subscriber of the group that began at the end of everything has no note of. Whether all patterns were known.
fn keep_noted(instances: &Instances, group: &str, patterns: &Compiled, ends: &mut Vec<(&Arc<Topic>, At)>) -> bool {
    if !knows(patterns, instances, group) {
        return false;
    }
    let sharers = instances.of_group(group).map(|(_, other)| other);
    for other in sharers.filter(|other| other.reading.is_subscription() && other.settings.reset == Reset::Latest) {
        let mut taken: Option<(TopicId, bool)> = None;
        ends.retain(|(topic, (id, partition, _))| {
            // They come topic by topic, and a pattern is matched once for each.
            let (_, takes) = match taken {
                Some(known) if known.0 == *id => known,
                _ => *taken.insert((*id, subscribes(&other.reading, topic.name.as_str(), patterns))),
            };
            !takes || other.begins.contains_key(&(*id, *partition))
        });
    }
    true
}

/// What a group has committed.
pub(super) async fn committed(node: &Node, group: &str) -> Told<Committed> {
    let all = node.ask_group(group, |group| {
        group.positions().map(|(topic, _, partition, position)| ((topic, partition), position.offset)).collect()
    });
    Ok(all.await?.unwrap_or_default())
}

impl Plan {
    pub(super) async fn of(door: &Door, key: &InstanceKey) -> Told<Self> {
        let (instance, mine) = assigned(door, key).await?;
        let committed = committed(&door.node, &key.group).await?;
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

/// Commits what was delivered to an instance: everything that it was given and nothing else. What was taken back cannot be
/// committed, and whoever asks for it hears of that.
pub(super) async fn commit_asked(door: &Door, key: &InstanceKey, writer: u32) -> Told<()> {
    if commit_delivered(door, key, writer).await? {
        return Ok(());
    }
    Err(Fault::illegal_state(
        "nothing was committed: since the last fetch an instance of the group came, went or was silent, and the partitions were \
         shared out anew, or reading began again at what is committed; fetch again, since what was not committed comes again",
    ))
}

/// The same for whoever commits by asking for more. `false`: what was delivered had been taken back before.
pub(super) async fn commit_delivered(door: &Door, key: &InstanceKey, writer: u32) -> Told<bool> {
    let (node, (instance, mine)) = (&door.node, assigned(door, key).await?);
    if instance.voided {
        return Ok(false);
    }
    let committed = committed(node, &key.group).await?;
    let moved = mine.into_iter().filter_map(|(topic, partition)| {
        let at = (topic.id, partition);
        let before = committed.get(&at).filter(|offset| **offset >= 0);
        // Where nothing has come yet, the place where it would begin, as in Kafka: what comes until the next run is not missed.
        let offset = *instance.positions.get(&at).or_else(|| instance.begins.get(&at).filter(|_| before.is_none()))?;
        (before != Some(&offset)).then(|| (topic, partition, offset, String::new()))
    });
    commit(node, key, moved.collect::<Vec<_>>(), writer).await?;
    Ok(true)
}
