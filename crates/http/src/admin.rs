//! `/admin/v1`: what no Kafka API carries. Today: how the server stands.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde_json::json;

use crate::{
    answer::{Answer, Problem, json},
    router::wrong_method,
    serve::Door,
};

pub(crate) async fn answer(door: &Arc<Door>, method: &Method, path: &[&str], _query: &str, _body: &Bytes) -> Answer {
    match path {
        ["status"] if method == Method::GET => status(door),
        ["status"] => wrong_method("GET"),
        _ => Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at /admin/v1/{}", path.join("/"))).into(),
    }
}

fn status(door: &Door) -> Answer {
    let node = &door.node;
    let (gauges, topics) = (node.gauges(), node.topics());
    let partitions: usize = topics.iter().map(|t| t.partitions.len()).sum();
    json(&json!({
        "version": door.options.version,
        "alive": node.alive().is_ok(),
        "data": door.options.data,
        "topics": topics.len(),
        "partitions": partitions,
        "connections": node.counters().connections.get(),
        "records_in": node.counters().records_in.get(),
        "bytes_in": node.counters().bytes_in.get(),
        "log_bytes": gauges.log_bytes,
        "segment_bytes": gauges.segment_bytes,
        "disk_free": gauges.disk_free,
        "disk_total": gauges.disk_total,
    }))
}
