//! How a queue stands, and who holds what. Looks only.

use std::sync::Arc;

use milena_node::engine::share::At;
use serde_json::{Value, json};

use super::{
    Told, ok,
    receive::{depth, oldest_ms},
    trouble::Trouble,
};
use crate::serve::Door;

/// Runs of held messages that are shown of one partition.
const SHOWN: usize = 1_000;

pub(super) async fn group(door: &Arc<Door>, topic: &str, group: &str) -> Told {
    let node = &door.node;
    let topic = node.topic(topic).ok_or_else(|| Trouble::no_topic(topic))?;
    let about = node.ask_share(group, |share| (share.state(), share.members(), share.rules().clone())).await;
    let Some((state, members, rules)) = about.map_err(Trouble::dead)? else { return Err(Trouble::no_group(group)) };
    let depth = depth(door, &topic, group).await?;
    ok(&json!({
        "topic": topic.name.as_str(),
        "group": group,
        "state": state,
        "members": members,
        "depth": depth.unfinished,
        "in_flight": depth.held,
        "delayed": depth.delayed,
        "dead_letters": depth.buried,
        "dead_letters_waiting": depth.condemned,
        "failed_deliveries": depth.failed,
        "lost_to_retention": depth.lost,
        "oldest_ms": oldest_ms(door, &topic, group).await?,
        "dead_letter_topic": rules.letters.then(|| node.letter_topic_name(group, topic.name.as_str())),
        "lease_ms": rules.lock_ms,
        "max_deliveries": rules.deliveries,
        "order": if rules.by_key { "key" } else { "none" },
    }))
}

pub(super) async fn leases(door: &Arc<Door>, topic: &str, group: &str) -> Told {
    let node = &door.node;
    let topic = node.topic(topic).ok_or_else(|| Trouble::no_topic(topic))?;
    let mut leases: Vec<Value> = Vec::new();
    for partition in topic.partitions.iter() {
        let (at, now) = (At { topic: topic.id, partition: partition.index() }, node.now());
        let held = node.ask_share(group, |share| share.held(now, at, SHOWN)).await.map_err(Trouble::dead)?;
        let Some(held) = held else { return Err(Trouble::no_group(group)) };
        leases.extend(held.into_iter().map(|held| {
            json!({
                "partition": held.at.partition,
                "first": held.first,
                "last": held.last,
                "delivery_count": held.delivery,
                "holder": held.owner.map(|owner| owner.as_str().to_owned()),
                "left_ms": held.left_ms,
            })
        }));
    }
    ok(&json!({ "leases": leases }))
}
