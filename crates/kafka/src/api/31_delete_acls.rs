//! DeleteAcls (31), v1-3. KIP-140. Refused, filter by filter: there are no access rules yet, which is what Apache Kafka answers
//! without an authorizer.

use milena_wire::{DeleteAclsRequest, DeleteAclsResponse, delete_acls::DeleteAclsFilterResult};

use crate::{
    access,
    asked::at_most,
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(31, "DeleteAcls", 1..=3, Cost::Cheap, |call| call.now(handle));

fn handle(_: &Context, request: DeleteAclsRequest) -> Result<DeleteAclsResponse, Close> {
    at_most(request.filters.len(), "filters")?;
    let (error_code, error_message) = access::no_rules();
    let refused = DeleteAclsFilterResult { error_code, error_message, ..Default::default() };
    Ok(DeleteAclsResponse { filter_results: vec![refused; request.filters.len()], ..Default::default() })
}
