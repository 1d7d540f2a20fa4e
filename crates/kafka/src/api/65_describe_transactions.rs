//! DescribeTransactions (65), v0. KIP-664. Nobody has one: InitProducerId refuses transactional ids.

use milena_wire::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, ErrorCode, describe_transactions::TransactionState,
};

use crate::{
    asked::{at_most, few},
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(65, "DescribeTransactions", 0..=0, Cost::Cheap, |call| call.now(handle));

fn handle(_: &Context, request: DescribeTransactionsRequest) -> Result<DescribeTransactionsResponse, Close> {
    let unknown = |transactional_id: milena_wire::Text| {
        let error = if transactional_id.is_empty() { ErrorCode::INVALID_REQUEST } else { ErrorCode::TRANSACTIONAL_ID_NOT_FOUND };
        TransactionState { error_code: error.into(), transactional_id, ..Default::default() }
    };
    at_most(request.transactional_ids.len(), "transactional ids")?;
    let ids = few(request.transactional_ids, Clone::clone);
    let transaction_states = ids.into_iter().map(unknown).collect();
    Ok(DescribeTransactionsResponse { transaction_states, ..Default::default() })
}
