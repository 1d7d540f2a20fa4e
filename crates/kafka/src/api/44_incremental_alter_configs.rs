//! IncrementalAlterConfigs (44), v0-1. Sets, deletes, appends to and subtracts from single settings. KIP-339.

use milena_engine::settings::{Change, Op};
use milena_wire::{
    ErrorCode, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, Text,
    incremental_alter_configs::{AlterConfigsResource, AlterConfigsResourceResponse},
};

use crate::{
    config::{self, Wish},
    dispatch::{Card, Close, Context, Cost},
    errors::Told,
};

pub(super) const CARD: Card = Card::new(44, "IncrementalAlterConfigs", 0..=1, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: IncrementalAlterConfigsRequest) -> Result<IncrementalAlterConfigsResponse, Close> {
    let twice = config::repeated(request.resources.iter().map(|r| (r.resource_type, r.resource_name.as_str())));
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in request.resources {
        let (kind, name) = (resource.resource_type, resource.resource_name.as_str());
        let altered = if twice.contains(&(kind, name.to_owned())) {
            Err((ErrorCode::INVALID_REQUEST, "Each resource must appear at most once.".to_owned()))
        } else {
            match wish(&resource) {
                Ok(wish) => config::alter(cx.peer.node(), kind, name, wish, request.validate_only).await,
                Err(told) => Err(told),
            }
        };
        responses.push(response(resource, altered));
    }
    Ok(IncrementalAlterConfigsResponse { responses, ..Default::default() })
}

fn wish(resource: &AlterConfigsResource) -> Result<Wish, Told> {
    let change = |config: &milena_wire::incremental_alter_configs::AlterableConfig| {
        let op = match config.config_operation {
            0 => Op::Set,
            1 => Op::Delete,
            2 => Op::Append,
            3 => Op::Subtract,
            other => {
                return Err((ErrorCode::UNKNOWN_SERVER_ERROR, format!("there is no config operation {other}")));
            }
        };
        Ok(Change { name: config.name.to_string(), op, value: config.value.as_ref().map(Text::to_string) })
    };
    resource.configs.iter().map(change).collect::<Result<_, _>>().map(Wish::Some)
}

fn response(resource: AlterConfigsResource, altered: Result<(), Told>) -> AlterConfigsResourceResponse {
    let (error, words) = altered.map_or_else(|(error, words)| (error, Some(words)), |()| (ErrorCode::NONE, None));
    AlterConfigsResourceResponse {
        error_code: error.into(),
        error_message: words.map(Text::from),
        resource_type: resource.resource_type,
        resource_name: resource.resource_name,
        ..Default::default()
    }
}
