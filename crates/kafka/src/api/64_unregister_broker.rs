//! UnregisterBroker (64), v0. KIP-500. Refused: the only broker cannot leave, and there is no other.
//!
//! Differs from Apache Kafka: it lets its only broker be unregistered, and serves nothing from then on.

use milena_wire::{
    ErrorCode, Text,
    unregister_broker::{UnregisterBrokerRequest, UnregisterBrokerResponse},
};

use crate::dispatch::{Card, Close, Context, Cost};

pub(super) const CARD: Card = Card::new(64, "UnregisterBroker", 0..=0, Cost::Cheap, |call| call.now(handle));

fn handle(cx: &Context, request: UnregisterBrokerRequest) -> Result<UnregisterBrokerResponse, Close> {
    let id = request.broker_id;
    let (error, words) = if id == cx.peer.node().node_id() {
        (ErrorCode::UNSUPPORTED_VERSION, format!("Broker ID {id} is the only broker and cannot be unregistered"))
    } else {
        (ErrorCode::BROKER_ID_NOT_REGISTERED, format!("Broker ID {id} is not currently registered"))
    };
    Ok(UnregisterBrokerResponse { error_code: error.into(), error_message: Some(Text::from(words)), ..Default::default() })
}
