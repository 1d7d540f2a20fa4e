//! AlterConfigs (33), v0-2. Replaces all settings of a resource; old tools still use it. KIP-133.
//!
//! Differs from Apache Kafka: a resource given twice is refused, where it never answers.

use milena_wire::{
    AlterConfigsRequest, AlterConfigsResponse, ErrorCode, Text,
    alter_configs::{AlterConfigsResource, AlterConfigsResourceResponse},
};

use crate::{
    config::{self, Wish},
    dispatch::{Card, Close, Context, Cost},
    errors::Told,
};

pub(super) const CARD: Card = Card::new(33, "AlterConfigs", 0..=2, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: AlterConfigsRequest) -> Result<AlterConfigsResponse, Close> {
    let twice = config::repeated(request.resources.iter().map(|r| (r.resource_type, r.resource_name.as_str())));
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in request.resources {
        let (kind, name) = (resource.resource_type, resource.resource_name.as_str());
        let altered = match twice.contains(&(kind, name.to_owned())) {
            true => Err((ErrorCode::INVALID_REQUEST, "Each resource must appear at most once.".to_owned())),
            false => config::alter(cx.peer.node(), kind, name, wish(&resource), request.validate_only).await,
        };
        responses.push(response(resource, altered));
    }
    Ok(AlterConfigsResponse { responses, ..Default::default() })
}

fn wish(resource: &AlterConfigsResource) -> Wish {
    Wish::Whole(resource.configs.iter().map(|c| (c.name.to_string(), c.value.as_ref().map(Text::to_string))).collect())
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
