//! ListPartitionReassignments (46), v0. KIP-455. On one broker no partition ever moves, so the list is empty.

use milena_wire::list_partition_reassignments::{ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse};

use crate::dispatch::{Card, Close, Context, Cost};

pub(super) const CARD: Card = Card::new(46, "ListPartitionReassignments", 0..=0, Cost::Cheap, |call| call.now(handle));

fn handle(_cx: &Context, _request: ListPartitionReassignmentsRequest) -> Result<ListPartitionReassignmentsResponse, Close> {
    Ok(ListPartitionReassignmentsResponse { error_message: None, ..Default::default() })
}
