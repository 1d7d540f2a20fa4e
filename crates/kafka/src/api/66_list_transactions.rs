//! ListTransactions (66), v0-2. KIP-664, KIP-994, KIP-1152. There are none: InitProducerId refuses transactional ids. What
//! cannot be looked for is named all the same.

use std::collections::BTreeSet;

use milena_engine::settings::offered::is_pattern;
use milena_wire::{ErrorCode, ListTransactionsRequest, ListTransactionsResponse, Text};

use crate::dispatch::{Card, Close, Context, Cost};

pub(super) const CARD: Card = Card::new(66, "ListTransactions", 0..=2, Cost::Cheap, |call| call.now(handle));

/// Kafka's names of a transaction's states.
const STATES: [&str; 8] =
    ["Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence"];

fn handle(_: &Context, request: ListTransactionsRequest) -> Result<ListTransactionsResponse, Close> {
    let is_unknown = |state: &Text| !STATES.contains(&&**state);
    let unknown: BTreeSet<Text> = request.state_filters.into_iter().filter(is_unknown).collect();
    let pattern = request.transactional_id_pattern.unwrap_or_default();
    let error = if is_pattern(&pattern) { ErrorCode::NONE } else { ErrorCode::INVALID_REGULAR_EXPRESSION };
    Ok(ListTransactionsResponse {
        error_code: error.into(),
        unknown_state_filters: unknown.into_iter().collect(),
        ..Default::default()
    })
}
