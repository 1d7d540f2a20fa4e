//! Heartbeat (12), v0-4. A member says that it lives, and hears whether it has to join again. Costs no write.

use milena_engine::group::{Heartbeat, MemberId};
use milena_wire::{ErrorCode, HeartbeatRequest, HeartbeatResponse};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::told,
    membership::instance,
};

pub(super) const CARD: Card = Card::new(12, "Heartbeat", 0..=4, Cost::Cheap, |call| call.later(handle));

async fn handle(cx: Context, request: HeartbeatRequest) -> Result<HeartbeatResponse, Close> {
    let beat = Heartbeat {
        member: MemberId::from(request.member_id.as_str()),
        instance: instance(&request.group_instance_id),
        generation: request.generation_id,
    };
    let error = match told(cx.peer.node().heartbeat(&request.group_id, beat).await) {
        Ok(()) => ErrorCode::NONE,
        Err((error, _)) => error,
    };
    Ok(HeartbeatResponse { error_code: error.into(), ..Default::default() })
}
