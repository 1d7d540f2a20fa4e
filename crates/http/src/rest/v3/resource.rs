//! The shape of everything in v3: a kind, where it is, what it belongs to, and what is related to it, by absolute addresses.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::{
    answer::{Answer, bytes},
    asked::Asked,
    rest::media::Family,
    serve::Door,
};

/// Addresses and names below one cluster.
pub(super) struct Place {
    /// `http://host/v3/clusters/{id}`.
    base: String,
    pub(super) cluster: String,
}

impl Place {
    pub(super) fn of(door: &Door, asked: &Asked) -> Self {
        let cluster = door.cluster_id();
        let host = asked.host();
        Self { base: format!("http://{host}/v3/clusters/{cluster}"), cluster }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(super) fn related(&self, path: &str) -> Value {
        json!({"related": self.url(path)})
    }

    /// One resource. `name` is its resource name below the cluster.
    pub(super) fn resource(&self, kind: &str, path: &str, name: &str, fields: Value) -> Value {
        let mut resource = Map::new();
        resource.insert("kind".into(), kind.into());
        let name = format!("crn:///kafka={}{name}", self.cluster);
        resource.insert("metadata".into(), json!({"self": self.url(path), "resource_name": name}));
        resource.insert("cluster_id".into(), self.cluster.as_str().into());
        if let Value::Object(fields) = fields {
            resource.extend(fields);
        }
        Value::Object(resource)
    }

    /// A list of resources, never cut.
    pub(super) fn list(&self, kind: &str, path: &str, data: Vec<Value>) -> Answer {
        told(StatusCode::OK, &json!({"kind": kind, "metadata": {"self": self.url(path), "next": null}, "data": data}))
    }
}

pub(super) fn told(status: StatusCode, body: &Value) -> Answer {
    bytes(status, Family::V3.media_type(), serde_json::to_vec(body).unwrap_or_default())
}

/// A segment of a path as an address has it.
pub(super) fn escaped(segment: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    percent_encoding::utf8_percent_encode(segment, PLAIN).to_string()
}
