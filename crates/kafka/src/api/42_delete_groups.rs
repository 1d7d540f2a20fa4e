//! DeleteGroups (42), v0-2. Groups without members go, and their positions with them. KIP-229.

use std::collections::HashSet;

use milena_wire::{DeleteGroupsRequest, DeleteGroupsResponse, ErrorCode, delete_groups::DeletableGroupResult};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::told,
};

pub(super) const CARD: Card = Card::new(42, "DeleteGroups", 0..=2, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: DeleteGroupsRequest) -> Result<DeleteGroupsResponse, Close> {
    let (mut seen, mut results) = (HashSet::new(), Vec::new());
    for group_id in request.groups_names {
        if !seen.insert(group_id.clone()) {
            continue;
        }
        let deleted = told(cx.peer.node().delete_group(&group_id).await);
        let error = deleted.map_or_else(|(error, _)| error, |()| ErrorCode::NONE);
        results.push(DeletableGroupResult { group_id, error_code: error.into(), ..Default::default() });
    }
    Ok(DeleteGroupsResponse { results, ..Default::default() })
}
