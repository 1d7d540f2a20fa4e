//! SyncGroup (14), v0-5. The leader hands out the work, the others wait for their share. KIP-345, KIP-559.

use milena_engine::group::{MemberId, Sync, Ticket};
use milena_wire::{ErrorCode, SyncGroupRequest, SyncGroupResponse};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::told,
    membership::{blob, bytes, instance, text},
};

pub(super) const CARD: Card = Card::new(14, "SyncGroup", 0..=5, Cost::Wait, |call| call.later(handle));

/// From here on the member says which protocol it believes in, and must.
const NAMED_FROM: i16 = 5;

async fn handle(cx: Context, request: SyncGroupRequest) -> Result<SyncGroupResponse, Close> {
    let unnamed = request.protocol_type.is_none() || request.protocol_name.is_none();
    if cx.version >= NAMED_FROM && unnamed && !request.group_id.is_empty() {
        return Ok(refused(ErrorCode::INCONSISTENT_GROUP_PROTOCOL));
    }
    let share =
        |a: &milena_wire::sync_group::SyncGroupRequestAssignment| (MemberId::from(a.member_id.as_str()), blob(&a.assignment));
    let sync = Sync {
        member: MemberId::from(request.member_id.as_str()),
        instance: instance(&request.group_instance_id),
        generation: request.generation_id,
        protocol_type: instance(&request.protocol_type),
        protocol: instance(&request.protocol_name),
        assignments: request.assignments.iter().map(share).collect(),
        ticket: Ticket(0),
    };
    Ok(match told(cx.peer.node().sync(&request.group_id, sync).await) {
        Ok(synced) => SyncGroupResponse {
            protocol_type: (cx.version >= NAMED_FROM).then(|| text(&synced.protocol_type)),
            protocol_name: (cx.version >= NAMED_FROM).then(|| text(&synced.protocol)),
            assignment: bytes(&synced.assignment),
            ..Default::default()
        },
        Err((error, _)) => refused(error),
    })
}

fn refused(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse { error_code: error.into(), ..Default::default() }
}
