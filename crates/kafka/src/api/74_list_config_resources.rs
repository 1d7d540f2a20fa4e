//! ListConfigResources (74), v0-1. Names what has settings. KIP-1142. Version 0 is ListClientMetricsResources (KIP-714).

use milena_engine::settings::offered::Offered;
use milena_wire::{
    ErrorCode, ListConfigResourcesRequest, ListConfigResourcesResponse, Text, list_config_resources::ConfigResource,
};

use crate::{
    config,
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(74, "ListConfigResources", 0..=1, Cost::Cheap, |call| call.now(handle));

fn handle(cx: &Context, request: ListConfigResourcesRequest) -> Result<ListConfigResourcesResponse, Close> {
    if cx.version == 0 {
        let config_resources = subscriptions(cx).collect();
        return Ok(ListConfigResourcesResponse { config_resources, ..Default::default() });
    }
    if request.resource_types.iter().any(|kind| !config::TYPES.contains(kind)) {
        let error_code = ErrorCode::UNSUPPORTED_VERSION.into();
        return Ok(ListConfigResourcesResponse { error_code, ..Default::default() });
    }
    let asked = |kind: &i8| request.resource_types.is_empty() || request.resource_types.contains(kind);
    let node = cx.peer.node();
    let mut config_resources = Vec::new();
    for resource_type in config::TYPES.into_iter().filter(asked) {
        let names: Vec<Text> = match resource_type {
            config::TOPIC => node.topics().iter().map(|t| Text::from(t.name.as_str())).collect(),
            config::BROKER | config::LOGGER => vec![Text::from(node.node_id().to_string())],
            config::GROUP => node.config().resources(Offered::Group).map(Text::from).collect(),
            _ => subscriptions(cx).map(|resource| resource.resource_name).collect(),
        };
        config_resources.extend(names.into_iter().map(|resource_name| ConfigResource {
            resource_name,
            resource_type,
            ..Default::default()
        }));
    }
    Ok(ListConfigResourcesResponse { config_resources, ..Default::default() })
}

/// Version 0 knows this type only, and does not name it.
fn subscriptions(cx: &Context) -> impl Iterator<Item = ConfigResource> + use<> {
    let config = cx.peer.node().config();
    let names: Vec<Text> = config.resources(Offered::ClientMetrics).map(Text::from).collect();
    names.into_iter().map(|resource_name| ConfigResource { resource_name, ..Default::default() })
}
