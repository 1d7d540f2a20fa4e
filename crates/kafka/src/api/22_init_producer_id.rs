//! InitProducerId (22), v0-5. Hands out an id for an idempotent producer. KIP-98, KIP-360.
//!
//! Not implemented: transactional ids, which are answered UNSUPPORTED_VERSION until transactions arrive.

use milena_wire::{
    ErrorCode,
    init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::Code,
};

pub(super) const CARD: Card = Card::new(22, "InitProducerId", 0..=5, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: InitProducerIdRequest) -> Result<InitProducerIdResponse, Close> {
    let known = (request.producer_id, request.producer_epoch);
    let half_known = (known.0 == -1) != (known.1 == -1);
    match request.transactional_id.as_deref() {
        Some("") => return Ok(refused(ErrorCode::INVALID_REQUEST)),
        _ if half_known => return Ok(refused(ErrorCode::INVALID_REQUEST)),
        Some(_) => return Ok(refused(ErrorCode::UNSUPPORTED_VERSION)),
        None => {}
    }
    // As Kafka: without a transactional id a known id is not raised, a new one is handed out.
    Ok(match cx.peer.node().producer_id().await {
        Ok(Ok(id)) => InitProducerIdResponse { producer_id: id.0, producer_epoch: 0, ..Default::default() },
        Ok(Err(_used_up)) => refused(ErrorCode::UNKNOWN_SERVER_ERROR),
        Err(no_room) => refused(no_room.code()),
    })
}

fn refused(error: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse { error_code: error.into(), producer_id: -1, producer_epoch: -1, ..Default::default() }
}
