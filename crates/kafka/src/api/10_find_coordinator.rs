//! FindCoordinator (10), v0-6. Names the broker that keeps a group: this one. KIP-699.
//!
//! Not implemented: coordinators of transactions (type 1), which are answered UNSUPPORTED_VERSION until they arrive. Differs from Apache Kafka: no topic must be made first, so the
//! coordinator is there from the first request on.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use milena_wire::{
    ErrorCode, Text,
    find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse},
};

use crate::{
    asked::few,
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(10, "FindCoordinator", 0..=6, Cost::Cheap, |call| call.now(handle));

/// Kafka's word in versions 1 to 3; later ones say nothing.
const NO_ERROR: &str = "NONE";

/// Clients show these as they stand.
const NO_TRANSACTIONS: &str = "This broker does not have transactions yet; use an idempotent producer, without transactional.id.";

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;

fn invalid() -> (ErrorCode, &'static str) {
    (ErrorCode::INVALID_REQUEST, ErrorCode::INVALID_REQUEST.words())
}

/// `group:topic-id:partition`, the id as Kafka writes it.
fn is_share_key(key: &str) -> bool {
    let [group, topic, partition] = key.split(':').collect::<Vec<_>>()[..] else { return false };
    !group.is_empty() && URL_SAFE_NO_PAD.decode(topic).is_ok_and(|id| id.len() == 16) && partition.parse::<i32>().is_ok()
}

fn handle(cx: &Context, request: FindCoordinatorRequest) -> Result<FindCoordinatorResponse, Close> {
    let told = match request.key_type {
        GROUP => (ErrorCode::NONE, ""),
        TRANSACTION => (ErrorCode::UNSUPPORTED_VERSION, NO_TRANSACTIONS),
        // Whoever asks is a broker of a larger cluster, or curious.
        SHARE if cx.version >= 6 => (ErrorCode::NONE, ""),
        _ => invalid(),
    };
    if cx.version >= 4 {
        let keys = few(request.coordinator_keys, Text::clone);
        let told = |key: &Text| if request.key_type == SHARE && !is_share_key(key) { invalid() } else { told };
        let coordinators = keys.into_iter().map(|key| (told(&key), key)).map(|(told, key)| coordinator(cx, key, told)).collect();
        return Ok(FindCoordinatorResponse { coordinators, ..Default::default() });
    }
    let Coordinator { node_id, host, port, error_code, .. } = coordinator(cx, Text::default(), told);
    let words = if told.0.is_error() { told.1 } else { NO_ERROR };
    let error_message = (cx.version >= 1).then(|| Text::from_static(words));
    Ok(FindCoordinatorResponse { node_id, host, port, error_code, error_message, ..Default::default() })
}

fn coordinator(cx: &Context, key: Text, (error, words): (ErrorCode, &'static str)) -> Coordinator {
    if error.is_error() {
        return Coordinator {
            key,
            node_id: -1,
            port: -1,
            error_code: error.into(),
            error_message: Some(Text::from_static(words)),
            ..Default::default()
        };
    }
    let told = cx.peer.told();
    Coordinator {
        key,
        node_id: cx.peer.node().node_id(),
        host: told.host.into(),
        port: told.port.into(),
        error_message: Some(Text::default()),
        ..Default::default()
    }
}
