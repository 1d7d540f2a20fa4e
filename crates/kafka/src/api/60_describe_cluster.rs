//! DescribeCluster (60), v0-2. Names the cluster and its one broker. KIP-700, KIP-919, KIP-1073.

use milena_wire::{
    ErrorCode,
    describe_cluster::{DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse},
};

use crate::{
    access,
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(60, "DescribeCluster", 0..=2, Cost::Cheap, |call| call.now(handle));

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

fn handle(cx: &Context, request: DescribeClusterRequest) -> Result<DescribeClusterResponse, Close> {
    match request.endpoint_type {
        _ if cx.version == 0 => {}
        BROKERS => {}
        CONTROLLERS => {
            let words = "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER";
            return Ok(refused(ErrorCode::MISMATCHED_ENDPOINT_TYPE, words.to_owned()));
        }
        other => return Ok(refused(ErrorCode::UNSUPPORTED_ENDPOINT_TYPE, format!("Unsupported endpoint type {other}"))),
    }
    let (node, told) = (cx.peer.node(), cx.peer.told());
    let broker =
        DescribeClusterBroker { broker_id: node.node_id(), host: told.host.into(), port: told.port.into(), ..Default::default() };
    Ok(DescribeClusterResponse {
        cluster_id: cx.peer.door.cluster_id(),
        controller_id: node.node_id(),
        brokers: vec![broker],
        cluster_authorized_operations: access::told(request.include_cluster_authorized_operations, access::CLUSTER),
        ..Default::default()
    })
}

fn refused(error: ErrorCode, words: String) -> DescribeClusterResponse {
    DescribeClusterResponse { error_code: error.into(), error_message: Some(words.into()), ..Default::default() }
}
