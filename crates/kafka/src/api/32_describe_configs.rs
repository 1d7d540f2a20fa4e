//! DescribeConfigs (32), v1-4. Every setting with its value, where it comes from, and what it is for. KIP-133, KIP-226, KIP-569.

use std::collections::HashSet;

use milena_engine::settings::{Entry, Given};
use milena_wire::{
    DescribeConfigsRequest, DescribeConfigsResponse, ErrorCode, Text,
    describe_configs::{DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym},
};

use crate::{
    asked::few,
    config,
    dispatch::{Card, Close, Context, Cost},
    errors::Told,
};

pub(super) const CARD: Card = Card::new(32, "DescribeConfigs", 1..=4, Cost::Cheap, |call| call.now(handle));

/// From here on kind and prose are told.
const PROSE_FROM: i16 = 3;

/// How much is told of each setting.
#[derive(Clone, Copy)]
struct Depth {
    synonyms: bool,
    kind: bool,
    prose: bool,
}

fn handle(cx: &Context, request: DescribeConfigsRequest) -> Result<DescribeConfigsResponse, Close> {
    let depth = Depth {
        synonyms: request.include_synonyms,
        kind: cx.version >= PROSE_FROM,
        prose: request.include_documentation && cx.version >= PROSE_FROM,
    };
    // As Kafka: one resource of an unknown type spoils the whole request.
    let spoilt = request.resources.iter().any(|r| !config::TYPES.contains(&r.resource_type));
    let resources = few(request.resources, |r| (r.resource_type, r.resource_name.clone()));
    let results = resources.into_iter().map(|resource| {
        let found = match spoilt {
            true => Err((ErrorCode::INVALID_REQUEST, ErrorCode::INVALID_REQUEST.words().to_owned())),
            false => config::describe(cx.peer.node(), resource.resource_type, &resource.resource_name),
        };
        result(depth, resource, found)
    });
    Ok(DescribeConfigsResponse { results: results.collect(), ..Default::default() })
}

fn result(depth: Depth, asked: DescribeConfigsResource, found: Result<Vec<Entry>, Told>) -> DescribeConfigsResult {
    let (error, words, entries) = match found {
        Ok(entries) => (ErrorCode::NONE, String::new(), entries),
        Err((error, words)) => (error, words, Vec::new()),
    };
    // No names, or an empty list of them: all.
    let keys = asked.configuration_keys.filter(|keys| !keys.is_empty());
    let keys: Option<HashSet<&str>> = keys.as_ref().map(|keys| keys.iter().map(|key| &**key).collect());
    let wanted = |entry: &Entry| keys.as_ref().is_none_or(|keys| keys.contains(entry.setting.name));
    DescribeConfigsResult {
        error_code: error.into(),
        error_message: Some(words.into()),
        resource_type: asked.resource_type,
        resource_name: asked.resource_name,
        configs: entries.into_iter().filter(wanted).map(|entry| shown(depth, entry)).collect(),
        ..Default::default()
    }
}

fn shown(depth: Depth, entry: Entry) -> DescribeConfigsResourceResult {
    let synonym = |given: Given| DescribeConfigsSynonym {
        name: Text::from(given.name),
        value: given.value.map(Text::from),
        source: given.source as i8,
        ..Default::default()
    };
    let setting = entry.setting;
    let synonyms = if depth.synonyms { entry.synonyms } else { Vec::new() };
    DescribeConfigsResourceResult {
        name: Text::from(setting.name),
        value: entry.value.map(Text::from),
        read_only: setting.read_only(),
        config_source: entry.source as i8,
        is_sensitive: setting.sensitive(),
        synonyms: synonyms.into_iter().map(synonym).collect(),
        config_type: if depth.kind { setting.kind as i8 } else { 0 },
        documentation: depth.prose.then(|| Text::from(setting.prose)),
        ..Default::default()
    }
}
