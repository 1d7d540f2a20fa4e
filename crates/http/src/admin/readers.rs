//! What readers did and did not: the expiry ledger, the history of positions, the life of one record. Each is a question;
//! nothing changes.

use std::sync::Arc;

use hyper::StatusCode;
use milena_node::{
    Partition, Topic, View,
    engine::{fact::MoveReason, producer::writers::Writer, unread::UnreadRemoved},
};
use serde_json::{Value, json};

use super::{receipt, why};
use crate::{
    answer::{Answer, Problem, json},
    serve::Door,
};

pub(super) fn serves(path: &[&str]) -> bool {
    matches!(
        path,
        ["unread"] | ["topics", _, "unread" | "why"] | ["topics", _, "partitions", _, "records", _] | ["groups", _, "history"]
    )
}

pub(super) async fn answer(door: &Door, path: &[&str], group: Option<&str>) -> Result<Answer, Problem> {
    match path {
        ["topics", topic, "unread"] => unread(door, Some(topic)).await,
        ["topics", topic, "why"] => why::answer(door, topic, group).await,
        ["topics", topic, "partitions", partition, "records", offset] => receipt::answer(door, (topic, partition), offset).await,
        ["groups", group, "history"] => history(door, group).await,
        _ => unread(door, None).await,
    }
}

pub(super) fn find(door: &Door, name: &str) -> Result<Arc<Topic>, Problem> {
    door.node.topic(name).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no topic {name:?}")))
}

pub(super) fn find_partition<'a>(topic: &'a Topic, partition: &str) -> Result<(&'a Arc<Partition>, View), Problem> {
    let found = partition.parse().ok().and_then(|index| topic.partition(index));
    let found = found.and_then(|partition| Some((partition, partition.view()?)));
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("{} has no partition {partition:?}", topic.name)))
}

pub(super) fn stopped(dead: impl ToString) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store has stopped").why(dead)
}

pub(super) fn who(writer: Option<&Writer>) -> Value {
    writer.map_or(Value::Null, |w| json!({"client": &*w.client, "address": &*w.address}))
}

fn reason(why: MoveReason) -> &'static str {
    match why {
        MoveReason::Age => "age",
        MoveReason::Size => "size",
        MoveReason::Asked => "asked",
        MoveReason::Loss => "damage",
        MoveReason::Forced => "maximum",
    }
}

pub(super) fn line(line: &UnreadRemoved) -> Value {
    let group = |(name, position): &(Arc<str>, i64)| json!({"group": &**name, "position": position});
    json!({
        "topic": line.name.as_str(),
        "partition": line.partition,
        "from": line.from,
        "to": line.to,
        "records": line.to - line.from,
        "at": line.at,
        "why": reason(line.why),
        "groups": line.groups.iter().map(group).collect::<Vec<_>>(),
    })
}

/// `GET unread` and `GET topics/{name}/unread`. A topic that is gone still has its lines.
async fn unread(door: &Door, topic: Option<&str>) -> Result<Answer, Problem> {
    let lines = door.node.unread(topic).await.map_err(stopped)?;
    Ok(json(&lines.iter().map(line).collect::<Vec<_>>()))
}

/// `GET groups/{name}/history`: where the group stands and stood, oldest first.
async fn history(door: &Door, group: &str) -> Result<Answer, Problem> {
    let who = |writer: u32| who(door.node.who(milena_node::WriterId(writer)).as_ref());
    let found = door.node.ask_group(group, |group| {
        let position = |(id, _, partition, position): (_, _, i32, &milena_node::engine::group::Position)| {
            let topic = door.node.topic_by_id(id)?;
            let past =
                |past: &milena_node::engine::group::Past| json!({"position": past.offset, "at": past.at, "by": who(past.writer)});
            Some(json!({
                "topic": topic.name.as_str(),
                "partition": partition,
                "position": position.offset,
                "at": position.at,
                "by": who(position.writer),
                "history": position.history.iter().map(past).collect::<Vec<_>>(),
            }))
        };
        group.positions().filter_map(position).collect::<Vec<_>>()
    });
    let positions = found.await.map_err(stopped)?;
    let positions = positions.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no group {group:?}")))?;
    Ok(json(&json!({"group": group, "positions": positions})))
}
