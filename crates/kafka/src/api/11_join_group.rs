//! JoinGroup (11), v0-9. Enters a group, and waits until its next generation begins. KIP-345, KIP-394, KIP-800, KIP-814.

use milena_engine::group::{Join, Joined, Joiner, Ticket};
use milena_node::JoinReply;
use milena_wire::{ErrorCode, JoinGroupRequest, JoinGroupResponse, Text, Uuid, join_group::JoinGroupResponseMember};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::told,
    membership::{blob, bytes, instance, member, text},
};

pub(super) const CARD: Card = Card::new(11, "JoinGroup", 0..=9, Cost::Wait, |call| call.later(handle));

/// From here on an answer without a protocol says null instead of nothing.
const NULLS_FROM: i16 = 7;

async fn handle(cx: Context, request: JoinGroupRequest) -> Result<JoinGroupResponse, Close> {
    let join = Join {
        member: member(&request.member_id),
        instance: instance(&request.group_instance_id),
        client_id: cx.client_id.as_str().into(),
        client_host: format!("/{}", cx.peer.remote.ip().to_canonical()).into(),
        fresh: Uuid::new_v4(),
        session_ms: request.session_timeout_ms,
        rebalance_ms: if cx.version == 0 { request.session_timeout_ms } else { request.rebalance_timeout_ms },
        protocol_type: request.protocol_type.as_str().into(),
        protocols: request.protocols.iter().map(|p| (p.name.as_str().into(), blob(&p.metadata))).collect(),
        two_steps: cx.version >= 4,
        skips_assignment: cx.version >= 9,
        ticket: Ticket(0),
    };
    Ok(match told(cx.peer.node().join(&request.group_id, join).await) {
        Ok(JoinReply::Joined(joined)) => answered(cx.version, joined),
        Ok(JoinReply::ComeAgain(id)) => refused(cx.version, ErrorCode::MEMBER_ID_REQUIRED, Text::from(id.as_str())),
        Err((error, _)) => refused(cx.version, error, request.member_id),
    })
}

fn answered(version: i16, joined: Joined) -> JoinGroupResponse {
    let listed = |joiner: Joiner| JoinGroupResponseMember {
        member_id: Text::from(joiner.member.as_str()),
        group_instance_id: joiner.instance.as_ref().filter(|_| version >= 5).map(text),
        metadata: bytes(&joiner.metadata),
        ..Default::default()
    };
    JoinGroupResponse {
        generation_id: joined.generation,
        protocol_type: (version >= NULLS_FROM).then(|| text(&joined.protocol_type)),
        protocol_name: Some(text(&joined.protocol)),
        leader: Text::from(joined.leader.as_str()),
        skip_assignment: version >= 9 && joined.skip_assignment,
        member_id: Text::from(joined.member.as_str()),
        members: joined.members.into_iter().map(listed).collect(),
        ..Default::default()
    }
}

fn refused(version: i16, error: ErrorCode, member_id: Text) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code: error.into(),
        generation_id: -1,
        protocol_name: (version < NULLS_FROM).then(Text::default),
        member_id,
        ..Default::default()
    }
}
