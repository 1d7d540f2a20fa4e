//! LeaveGroup (13), v0-5. Members leave, or administrators send static ones away. KIP-345, KIP-800.

use milena_engine::group::Leaver;
use milena_wire::{
    ErrorCode, LeaveGroupRequest, LeaveGroupResponse,
    leave_group::{MemberIdentity, MemberResponse},
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::{Code, told},
    membership::{instance, member},
};

pub(super) const CARD: Card = Card::new(13, "LeaveGroup", 0..=5, Cost::Fact, |call| call.later(handle));

/// From here on several members may leave with one request.
const MANY_FROM: i16 = 3;

async fn handle(cx: Context, request: LeaveGroupRequest) -> Result<LeaveGroupResponse, Close> {
    let members = if cx.version >= MANY_FROM {
        request.members
    } else {
        vec![MemberIdentity { member_id: request.member_id, ..Default::default() }]
    };
    let leavers = members.iter().map(|m| Leaver { member: member(&m.member_id), instance: instance(&m.group_instance_id) });
    let outcomes = match told(cx.peer.node().leave(&request.group_id, leavers.collect()).await) {
        Ok(outcomes) => outcomes,
        Err((error, _)) => return Ok(LeaveGroupResponse { error_code: error.into(), ..Default::default() }),
    };
    let codes = outcomes.iter().map(|outcome| outcome.as_ref().err().map_or(ErrorCode::NONE, |refusal| refusal.code()));
    if cx.version < MANY_FROM {
        let error = codes.into_iter().next().unwrap_or(ErrorCode::NONE);
        return Ok(LeaveGroupResponse { error_code: error.into(), ..Default::default() });
    }
    let members = members.into_iter().zip(codes).map(|(member, error)| MemberResponse {
        member_id: member.member_id,
        group_instance_id: member.group_instance_id,
        error_code: error.into(),
        ..Default::default()
    });
    Ok(LeaveGroupResponse { members: members.collect(), ..Default::default() })
}
