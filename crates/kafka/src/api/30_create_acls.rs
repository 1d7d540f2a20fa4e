//! CreateAcls (30), v1-3. KIP-140. Refused, rule by rule: there are no access rules yet, which is what Apache Kafka answers
//! without an authorizer.

use milena_wire::{CreateAclsRequest, CreateAclsResponse, create_acls::AclCreationResult};

use crate::{
    access,
    asked::at_most,
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(30, "CreateAcls", 1..=3, Cost::Cheap, |call| call.now(handle));

fn handle(_: &Context, request: CreateAclsRequest) -> Result<CreateAclsResponse, Close> {
    at_most(request.creations.len(), "rules")?;
    let (error_code, error_message) = access::no_rules();
    let refused = AclCreationResult { error_code, error_message, ..Default::default() };
    Ok(CreateAclsResponse { results: vec![refused; request.creations.len()], ..Default::default() })
}
