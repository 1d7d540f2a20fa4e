//! Consumer groups as v3 shows them: members of either kind (those that speak Kafka's protocol, and REST instances), what
//! each reads, and how far behind the group is. Looks, and changes nothing.

use std::collections::BTreeMap;

use hyper::StatusCode;
use milena_node::{
    Lag,
    engine::{group::Description, instance::InstanceKey},
};
use serde_json::{Value, json};

use super::resource::{Place, escaped, told};
use crate::{
    answer::Answer,
    rest::{
        fault::{Fault, Told},
        v2,
    },
    serve::Door,
};

/// A member of either kind.
struct Member {
    id: String,
    instance: Option<String>,
    client: String,
    reads: Vec<(String, i32)>,
}

/// A group as it stands.
struct Group {
    name: String,
    state: &'static str,
    assignor: String,
    simple: bool,
    members: Vec<Member>,
}

pub(super) async fn list(door: &Door, place: &Place) -> Told<Answer> {
    let mut names: Vec<String> = door.node.groups().iter().map(|group| group.name.to_string()).collect();
    names.extend(door.node.ask_instances(|all| all.groups().map(ToString::to_string).collect::<Vec<_>>()).await?);
    names.sort_unstable();
    names.dedup();
    let mut data = Vec::with_capacity(names.len());
    for name in names {
        // It may have gone meanwhile.
        if let Ok(group) = find(door, &name).await {
            data.push(shown(door, place, &group));
        }
    }
    Ok(place.list("KafkaConsumerGroupList", "/consumer-groups", data))
}

async fn find(door: &Door, name: &str) -> Told<Group> {
    let description = door.node.describe_group(name).await?;
    let instances = instances(door, name).await?;
    if description.is_none() && instances.is_empty() {
        return Err(Fault::plain(StatusCode::NOT_FOUND, format!("Consumer group not found: {name}")));
    }
    let mut group = description.map_or_else(|| of_instances_only(name), |description| described(&description));
    if group.members.is_empty() && !instances.is_empty() {
        (group.state, group.assignor, group.simple) = ("STABLE", "rest".into(), false);
    }
    group.members.extend(instances);
    Ok(group)
}

fn of_instances_only(name: &str) -> Group {
    Group { name: name.into(), state: "EMPTY", assignor: String::new(), simple: true, members: Vec::new() }
}

fn described(group: &Description) -> Group {
    use milena_node::engine::group::PhaseName;
    let member = |member: &milena_node::engine::group::MemberDescription| Member {
        id: member.id.to_string(),
        instance: member.instance.as_deref().map(str::to_owned),
        client: member.client_id.to_string(),
        reads: assignment(&member.assignment).unwrap_or_default(),
    };
    Group {
        name: group.group.to_string(),
        state: match group.phase {
            PhaseName::Empty => "EMPTY",
            PhaseName::PreparingRebalance => "PREPARING_REBALANCE",
            PhaseName::CompletingRebalance => "COMPLETING_REBALANCE",
            PhaseName::Stable => "STABLE",
            PhaseName::Dead => "DEAD",
        },
        assignor: group.protocol.to_string(),
        simple: group.protocol_type.is_empty(),
        members: group.members.iter().map(member).collect(),
    }
}

async fn instances(door: &Door, group: &str) -> Told<Vec<Member>> {
    let names = door.node.ask_instances(|all| all.of_group(group).map(|(name, _)| name.clone()).collect::<Vec<_>>()).await?;
    let mut members = Vec::with_capacity(names.len());
    for name in names {
        let key = InstanceKey { group: group.into(), name };
        let reads = v2::assigned(door, &key).await.unwrap_or_default();
        members.push(Member { id: key.name.to_string(), instance: None, client: "rest".into(), reads });
    }
    Ok(members)
}

/// What a member of Kafka's consumer protocol was given: a version, then topics with partitions. `None` when it is none.
pub(super) fn assignment(bytes: &[u8]) -> Option<Vec<(String, i32)>> {
    let (_version, rest) = bytes.split_first_chunk::<2>()?;
    let (topics, mut rest) = count(rest)?;
    let mut all = Vec::new();
    for _ in 0..topics {
        let (len, after) = rest.split_first_chunk::<2>()?;
        let (name, after) = after.split_at_checked(usize::try_from(i16::from_be_bytes(*len)).ok()?)?;
        let name = std::str::from_utf8(name).ok()?;
        let (partitions, mut after) = count(after)?;
        for _ in 0..partitions {
            let (partition, next) = after.split_first_chunk::<4>()?;
            all.push((name.to_owned(), i32::from_be_bytes(*partition)));
            after = next;
        }
        rest = after;
    }
    Some(all)
}

fn count(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(i32::from_be_bytes(*count)).ok()?, rest))
}

fn path_of(group: &str) -> String {
    format!("/consumer-groups/{}", escaped(group))
}

fn shown(door: &Door, place: &Place, group: &Group) -> Value {
    let path = path_of(&group.name);
    let fields = json!({
        "consumer_group_id": group.name,
        "is_simple": group.simple,
        "is_mixed_consumer_group": false,
        "type": if door.node.is_share(&group.name) { "SHARE" } else { "CLASSIC" },
        "partition_assignor": group.assignor,
        "state": group.state,
        "coordinator": place.related(&format!("/brokers/{}", door.node.node_id())),
        // The proxy says the one; the other is what this one said before.
        "consumers": place.related(&format!("{path}/consumers")),
        "consumer": place.related(&format!("{path}/consumers")),
        "lag_summary": place.related(&format!("{path}/lag-summary")),
    });
    place.resource("KafkaConsumerGroup", &path, &format!("/consumer-group={}", group.name), fields)
}

pub(super) async fn one(door: &Door, place: &Place, name: &str) -> Told<Answer> {
    let group = find(door, name).await?;
    Ok(told(StatusCode::OK, &shown(door, place, &group)))
}

fn member_shown(place: &Place, group: &str, member: &Member) -> Value {
    let path = format!("{}/consumers/{}", path_of(group), escaped(&member.id));
    let fields = json!({
        "consumer_group_id": group,
        "consumer_id": member.id,
        "instance_id": member.instance,
        "client_id": member.client,
        "assignments": place.related(&format!("{path}/assignments")),
    });
    place.resource("KafkaConsumer", &path, &format!("/consumer-group={group}/consumer={}", member.id), fields)
}

fn member<'a>(group: &'a Group, id: &str) -> Told<&'a Member> {
    let found = group.members.iter().find(|member| member.id == id);
    found.ok_or_else(|| Fault::plain(StatusCode::NOT_FOUND, format!("Consumer not found: {id}")))
}

pub(super) async fn consumers(door: &Door, place: &Place, name: &str) -> Told<Answer> {
    let group = find(door, name).await?;
    let data = group.members.iter().map(|member| member_shown(place, name, member)).collect();
    Ok(place.list("KafkaConsumerList", &format!("{}/consumers", path_of(name)), data))
}

pub(super) async fn consumer(door: &Door, place: &Place, name: &str, id: &str) -> Told<Answer> {
    let group = find(door, name).await?;
    Ok(told(StatusCode::OK, &member_shown(place, name, member(&group, id)?)))
}

fn assignment_shown(place: &Place, group: &str, id: &str, (topic, partition): &(String, i32)) -> Value {
    let at = format!("{}/partitions/{partition}", escaped(topic));
    let path = format!("{}/consumers/{}/assignments/{at}", path_of(group), escaped(id));
    let name = format!("/consumer-group={group}/consumer={id}/assignment={topic}/partition={partition}");
    let fields = json!({
        "consumer_group_id": group,
        "consumer_id": id,
        "topic_name": topic,
        "partition_id": partition,
        "partition": place.related(&format!("/topics/{at}")),
        "lag": place.related(&format!("{}/lags/{at}", path_of(group))),
    });
    place.resource("KafkaConsumerAssignment", &path, &name, fields)
}

pub(super) async fn assignments(door: &Door, place: &Place, name: &str, id: &str) -> Told<Answer> {
    let group = find(door, name).await?;
    let data = member(&group, id)?.reads.iter().map(|at| assignment_shown(place, name, id, at)).collect();
    let path = format!("{}/consumers/{}/assignments", path_of(name), escaped(id));
    Ok(place.list("KafkaConsumerAssignmentList", &path, data))
}

pub(super) async fn one_assignment(
    door: &Door,
    place: &Place,
    (name, id): (&str, &str),
    (topic, partition): (&str, &str),
) -> Told<Answer> {
    let group = find(door, name).await?;
    let at = member(&group, id)?.reads.iter().find(|(t, p)| t == topic && p.to_string() == partition);
    let at = at.ok_or_else(|| Fault::plain(StatusCode::NOT_FOUND, "Consumer assignment not found."))?;
    Ok(told(StatusCode::OK, &assignment_shown(place, name, id, at)))
}

/// How far behind, with who reads it.
struct Behind {
    lag: Lag,
    records: i64,
    id: String,
    instance: Option<String>,
    client: String,
}

async fn behind(door: &Door, name: &str) -> Told<Vec<Behind>> {
    let group = find(door, name).await?;
    let mut readers: BTreeMap<(&str, i32), &Member> = BTreeMap::new();
    for member in &group.members {
        readers.extend(member.reads.iter().map(|(topic, partition)| ((topic.as_str(), *partition), member)));
    }
    let lags = door.node.lags(name).await?.unwrap_or_default();
    let with_reader = |lag: Lag| {
        let records = lag.records()?;
        let reader = readers.get(&(lag.topic.as_str(), lag.partition));
        let id = reader.map_or_else(String::new, |member| member.id.clone());
        let client = reader.map_or_else(String::new, |member| member.client.clone());
        Some(Behind { records, id, instance: reader.and_then(|member| member.instance.clone()), client, lag })
    };
    Ok(lags.into_iter().filter_map(with_reader).collect())
}

fn lag_shown(place: &Place, group: &str, behind: &Behind) -> Value {
    let (topic, partition) = (behind.lag.topic.as_str(), behind.lag.partition);
    let path = format!("{}/lags/{}/partitions/{partition}", path_of(group), escaped(topic));
    let fields = json!({
        "consumer_group_id": group,
        "topic_name": topic,
        "partition_id": partition,
        "consumer_id": behind.id,
        "instance_id": behind.instance,
        "client_id": behind.client,
        "current_offset": behind.lag.position,
        "log_end_offset": behind.lag.high,
        "lag": behind.records,
    });
    place.resource("KafkaConsumerLag", &path, &format!("/consumer-group={group}/lag={topic}/partition={partition}"), fields)
}

pub(super) async fn lags(door: &Door, place: &Place, name: &str) -> Told<Answer> {
    let data = behind(door, name).await?.iter().map(|behind| lag_shown(place, name, behind)).collect();
    Ok(place.list("KafkaConsumerLagList", &format!("{}/lags", path_of(name)), data))
}

pub(super) async fn one_lag(door: &Door, place: &Place, name: &str, (topic, partition): (&str, &str)) -> Told<Answer> {
    let all = behind(door, name).await?;
    let found = all.iter().find(|b| b.lag.topic.as_str() == topic && b.lag.partition.to_string() == partition);
    let found = found.ok_or_else(|| Fault::plain(StatusCode::NOT_FOUND, "Consumer lag not found."))?;
    Ok(told(StatusCode::OK, &lag_shown(place, name, found)))
}

pub(super) async fn lag_summary(door: &Door, place: &Place, name: &str) -> Told<Answer> {
    let all = behind(door, name).await?;
    let worst = all.iter().max_by_key(|behind| behind.records);
    let worst = worst.ok_or_else(|| Fault::plain(StatusCode::NOT_FOUND, "Consumer group offsets not found."))?;
    let (topic, partition) = (worst.lag.topic.as_str(), worst.lag.partition);
    let path = format!("{}/lag-summary", path_of(name));
    let fields = json!({
        "consumer_group_id": name,
        "max_lag_consumer_id": worst.id,
        "max_lag_instance_id": worst.instance,
        "max_lag_client_id": worst.client,
        "max_lag_topic_name": topic,
        "max_lag_partition_id": partition,
        "max_lag": worst.records,
        "total_lag": all.iter().map(|behind| behind.records).sum::<i64>(),
        "max_lag_consumer": place.related(&format!("{}/consumers/{}", path_of(name), escaped(&worst.id))),
        "max_lag_partition": place.related(&format!("/topics/{}/partitions/{partition}", escaped(topic))),
    });
    let name = format!("/consumer-group={name}/lag-summary");
    Ok(told(StatusCode::OK, &place.resource("KafkaConsumerGroupLagSummary", &path, &name, fields)))
}

#[cfg(test)]
mod tests {
    use super::assignment;

    #[test]
    fn an_assignment_is_read_and_broken_ones_are_none() {
        let bytes = [&[0u8, 1, 0, 0, 0, 1, 0, 1][..], b"t", &[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5]].concat();
        assert_eq!(assignment(&bytes), Some(vec![("t".into(), 0), ("t".into(), 5)]));
        for len in 0..bytes.len() {
            assert_eq!(assignment(&bytes[..len]), None);
        }
        // Whatever the counts claim, nothing is taken that is not there.
        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0x80, 0xff] {
                let mut other = bytes.clone();
                other[at] = value;
                let _ = assignment(&other);
            }
        }
    }
}
