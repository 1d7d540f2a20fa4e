//! What stands around the registry: signs of life, who it is, and the neighbours that it does not have (associations,
//! exporters, the registry of keys), each refused as clients expect it.

use hyper::{Method, StatusCode};
use serde_json::json;

use super::{Outcome, asking::Call, fault::Fault, openapi, shape::ok};

pub(super) async fn route(call: &Call, method: &Method, path: &[&str]) -> Option<Outcome> {
    Some(match (method.as_str(), path) {
        ("GET" | "POST", [""]) => Ok(ok(&json!({}))),
        ("GET", ["v1", "metadata", "id"]) => Ok(ok(&identity(call))),
        ("GET", ["v1", "metadata", "version"]) => Ok(ok(&json!({"version": call.door.options.version, "commitId": ""}))),
        ("GET", ["v1", "metadata", "deployment"]) => Ok(ok(&json!({"attributes": []}))),
        ("GET", ["openapi", "registry.json"]) => Ok(ok(&openapi::page(call.door.options.version))),
        ("GET", ["associations", "subjects", _]) => Ok(ok(&json!([]))),
        // The answer that lets serializers fall back to the topic's name.
        ("GET" | "PUT" | "DELETE", ["associations", "resources", name, ..]) => {
            Err(Fault::new(40410, format!("No associations found for {name:?}; none are kept here")))
        }
        ("POST", ["associations" | "associations:batch"]) => Err(Fault::new(404, "associations are not kept here")),
        (_, ["dek-registry", "v1", "keks", name, ..]) => Err(Fault::new(40470, format!("Key '{name}' not found"))),
        (_, ["dek-registry", ..]) => Err(Fault::plain(StatusCode::NOT_FOUND, "there is no registry of encryption keys here")),
        (_, ["exporters", ..]) => Err(Fault::plain(StatusCode::NOT_FOUND, "schemas are not exported from here")),
        _ => return None,
    })
}

fn identity(call: &Call) -> serde_json::Value {
    let cluster = call.door.cluster_id();
    json!({"scope": {"path": [], "clusters": {"kafka-cluster": cluster, "schema-registry-cluster": "schema-registry"}}, "id": ""})
}
