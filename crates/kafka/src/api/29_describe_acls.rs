//! DescribeAcls (29), v1-3. KIP-140. There are no access rules yet, which is what Apache Kafka answers without an authorizer.

use milena_wire::{DescribeAclsRequest, DescribeAclsResponse};

use crate::{
    access,
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(29, "DescribeAcls", 1..=3, Cost::Cheap, |call| call.now(handle));

fn handle(_: &Context, _: DescribeAclsRequest) -> Result<DescribeAclsResponse, Close> {
    let (error_code, error_message) = access::no_rules();
    Ok(DescribeAclsResponse { error_code, error_message, ..Default::default() })
}
