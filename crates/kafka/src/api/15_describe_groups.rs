//! DescribeGroups (15), v0-6. Members, their metadata and what they work on. KIP-430, KIP-1043.

use milena_engine::group::{Description, MemberDescription};
use milena_wire::{
    DescribeGroupsRequest, DescribeGroupsResponse, ErrorCode, Text,
    describe_groups::{DescribedGroup, DescribedGroupMember},
};

use crate::{
    access,
    asked::few,
    dispatch::{Card, Close, Context, Cost},
    membership::{bytes, text},
};

pub(super) const CARD: Card = Card::new(15, "DescribeGroups", 0..=6, Cost::Cheap, |call| call.later(handle));

async fn handle(cx: Context, request: DescribeGroupsRequest) -> Result<DescribeGroupsResponse, Close> {
    let ids = few(request.groups, Text::clone);
    let mut groups = Vec::with_capacity(ids.len());
    for id in ids {
        let described = cx.peer.node().describe_group(&id).await.map_err(|dead| Close::because(dead.to_string()))?;
        groups.push(match described {
            Some(found) => DescribedGroup {
                authorized_operations: access::told(request.include_authorized_operations, access::GROUP),
                ..group(&cx, id, found)
            },
            None => missing(&cx, id, request.include_authorized_operations),
        });
    }
    Ok(DescribeGroupsResponse { groups, ..Default::default() })
}

fn group(cx: &Context, id: Text, found: Description) -> DescribedGroup {
    let member = |m: MemberDescription| DescribedGroupMember {
        member_id: Text::from(m.id.as_str()),
        group_instance_id: m.instance.as_ref().filter(|_| cx.version >= 4).map(text),
        client_id: text(&m.client_id),
        client_host: text(&m.client_host),
        member_metadata: bytes(&m.metadata),
        member_assignment: bytes(&m.assignment),
        ..Default::default()
    };
    DescribedGroup {
        group_id: id,
        group_state: Text::from_static(found.phase.as_str()),
        protocol_type: text(&found.protocol_type),
        protocol_data: text(&found.protocol),
        members: found.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

/// Before version 6 a group that is not there is told as a dead one.
fn missing(cx: &Context, id: Text, operations: bool) -> DescribedGroup {
    let dead = DescribedGroup { group_state: Text::from_static("Dead"), group_id: id, ..Default::default() };
    if cx.version < 6 {
        return DescribedGroup { authorized_operations: access::told(operations, access::GROUP), ..dead };
    }
    let words = format!("Group {} not found.", dead.group_id);
    DescribedGroup { error_code: ErrorCode::GROUP_ID_NOT_FOUND.into(), error_message: Some(words.into()), ..dead }
}
