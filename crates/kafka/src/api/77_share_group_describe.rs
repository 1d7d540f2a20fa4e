//! ShareGroupDescribe (77), v1. Members of share groups, and what each of them reads. KIP-932.

use milena_engine::share::{Description, MemberDescription};
use milena_node::Node;
use milena_wire::{
    ErrorCode, ShareGroupDescribeRequest, ShareGroupDescribeResponse, Text,
    share_group_describe::{Assignment, DescribedGroup, Member, TopicPartitions},
};

use crate::{
    access,
    asked::few,
    dispatch::{Card, Close, Context, Cost},
    membership::text,
};

pub(super) const CARD: Card = Card::new(77, "ShareGroupDescribe", 1..=1, Cost::Cheap, |call| call.later(handle));

async fn handle(cx: Context, request: ShareGroupDescribeRequest) -> Result<ShareGroupDescribeResponse, Close> {
    let ids = few(request.group_ids, Text::clone);
    let mut groups = Vec::with_capacity(ids.len());
    for id in ids {
        let node = cx.peer.node();
        let described = node.describe_share(&id).await.map_err(|dead| Close::because(dead.to_string()))?;
        let authorized_operations = access::told(request.include_authorized_operations, access::GROUP);
        groups.push(match described {
            Some((state, found)) => DescribedGroup { authorized_operations, ..group(node, id, state, found) },
            None => missing(id),
        });
    }
    Ok(ShareGroupDescribeResponse { groups, ..Default::default() })
}

fn group(node: &Node, id: Text, state: &'static str, found: Description) -> DescribedGroup {
    let member = |m: MemberDescription| {
        let part = |(topic, partitions): (milena_engine::ids::TopicId, Vec<i32>)| TopicPartitions {
            topic_id: topic.0,
            topic_name: node.topic_by_id(topic).map_or_else(Text::default, |t| Text::from(t.name.as_str())),
            partitions,
            ..Default::default()
        };
        let topic_partitions = m.assignment.into_iter().map(part).collect();
        Member {
            member_id: Text::from(m.id.as_str()),
            rack_id: m.rack.as_ref().map(text),
            member_epoch: m.epoch,
            client_id: text(&m.client_id),
            client_host: text(&m.client_host),
            subscribed_topic_names: m.subscribed.iter().map(text).collect(),
            assignment: Assignment { topic_partitions, ..Default::default() },
            ..Default::default()
        }
    };
    DescribedGroup {
        group_id: id,
        group_state: Text::from_static(state),
        group_epoch: found.epoch,
        assignment_epoch: found.epoch,
        assignor_name: Text::from_static("simple"),
        members: found.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

fn missing(id: Text) -> DescribedGroup {
    let words = format!("Group {id} not found.");
    DescribedGroup {
        error_code: ErrorCode::GROUP_ID_NOT_FOUND.into(),
        error_message: Some(words.into()),
        group_id: id,
        authorized_operations: i32::MIN,
        ..Default::default()
    }
}
