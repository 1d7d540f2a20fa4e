//! ListTransactions (66), v0-2. KIP-664, KIP-994, KIP-1152. There are none: InitProducerId refuses transactional ids. What
//! cannot be looked for is named all the same.

use std::collections::BTreeSet;

use milena_wire::{ErrorCode, ListTransactionsRequest, ListTransactionsResponse, Text};
use regex::RegexBuilder;

use crate::dispatch::{Card, Close, Context, Cost};

pub(super) const CARD: Card = Card::new(66, "ListTransactions", 0..=2, Cost::Cheap, |call| call.now(handle));

/// Kafka's names of a transaction's states.
const STATES: [&str; 8] =
    ["Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence"];
/// What a pattern may cost when it is compiled, and its length: what is taken on the way there grows with that.
const PATTERN_BYTES_MAX: usize = 1 << 20;
const PATTERN_LENGTH_MAX: usize = 1024;

fn handle(_: &Context, request: ListTransactionsRequest) -> Result<ListTransactionsResponse, Close> {
    let is_unknown = |state: &Text| !STATES.contains(&&**state);
    let unknown: BTreeSet<Text> = request.state_filters.into_iter().filter(is_unknown).collect();
    let pattern = request.transactional_id_pattern.unwrap_or_default();
    let compiled = || RegexBuilder::new(&pattern).size_limit(PATTERN_BYTES_MAX).build();
    let error = match (pattern.len() <= PATTERN_LENGTH_MAX).then(compiled) {
        Some(Ok(_)) => ErrorCode::NONE,
        _ => ErrorCode::INVALID_REGULAR_EXPRESSION,
    };
    Ok(ListTransactionsResponse {
        error_code: error.into(),
        unknown_state_filters: unknown.into_iter().collect(),
        ..Default::default()
    })
}
