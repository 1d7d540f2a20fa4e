//! The REST proxy: Kafka for whoever has no Kafka client. v2 (records in and out, consumer instances) and v3 (everything
//! that administers, and produce as a stream).
//!
//! Nothing here is kept between two requests: consumer instances are durable records of the node, so any call may come
//! after a restart. Must not know: where bytes rest, and what may be done; a route is a parse, a verb, and an answer.

pub(crate) mod fault;
mod media;
pub(crate) mod produce;
mod v2;
mod v3;

use std::{fmt, marker::PhantomData, sync::Arc};

use hyper::{Method, StatusCode};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use self::media::Family;
pub(crate) use self::{
    fault::{Fault, Told},
    v2::Patterns,
};
use crate::{
    answer::{Answer, JSON, bytes},
    asked::Asked,
    coding::compact,
    serve::Door,
};

/// Largest body of a request, in bytes, before and after unpacking.
const BODY: usize = 16 << 20;

/// What this door answers, for programs.
const OPENAPI: &[u8] = include_bytes!("openapi.json");

/// Whether a path belongs to the proxy.
pub(crate) fn serves(path: &[&str], method: &Method) -> bool {
    match path {
        [""] => method == Method::POST,
        ["openapi", "rest.json"] => true,
        [first, ..] => matches!(*first, "topics" | "brokers" | "consumers" | "v3"),
        [] => false,
    }
}

pub(crate) async fn answer(door: &Arc<Door>, asked: Asked) -> Answer {
    match asked.segments.first().map(String::as_str) {
        // As Confluent's proxy answers at its root. On the common listener the front page stands there.
        Some("") if asked.looks() => bytes(StatusCode::OK, JSON, "{}"),
        Some("openapi") if asked.segments.get(1).is_some_and(|name| name == "rest.json") => match asked.looks() {
            true => bytes(StatusCode::OK, JSON, OPENAPI),
            false => unrouted("GET").answer(Family::V3),
        },
        Some("v3") => v3::answer(door, asked).await.unwrap_or_else(|fault| fault.answer(Family::V3)),
        _ => v2::answer(door, asked).await.unwrap_or_else(|fault| fault.answer(Family::V2)),
    }
}

/// A refusal that no route was asked about.
pub(crate) fn refused(path: &str, status: StatusCode, message: impl ToString) -> Answer {
    let family = if path.starts_with("/v3") { Family::V3 } else { Family::V2 };
    match status {
        StatusCode::SERVICE_UNAVAILABLE => Fault::retriable(message).answer(family),
        status => Fault::plain(status, message).answer(family),
    }
}

/// Nothing is at this path, or it does not answer this method.
fn unrouted(methods: &'static str) -> Fault {
    match methods {
        "" => Fault::plain(StatusCode::NOT_FOUND, "HTTP 404 Not Found"),
        methods => Fault::not_allowed(methods),
    }
}

/// A JSON object, and never an array in its place: serde would take the fields of a struct from a list as well.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

/// Text, or a number or a truth that becomes what it is written as: so the proxy takes values of settings.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scalar = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text,
            number @ serde_json::Value::Number(_) => number.to_string(),
            truth @ serde_json::Value::Bool(_) => truth.to_string(),
            other => return Err(serde::de::Error::custom(format_args!("a value is a text, a number or a truth, not {other}"))),
        };
        Ok(Self(scalar))
    }
}

/// Reads a body as JSON of a known shape. A field that is not known is refused, as the proxy does.
fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Told<T> {
    serde_json::from_slice::<Object<T>>(body).map(|object| object.0).map_err(|error| {
        let words = error.to_string();
        match words.split_once("unknown field `").and_then(|(_, rest)| rest.split_once('`')) {
            Some((field, _)) => Fault::plain(StatusCode::UNPROCESSABLE_ENTITY, format!("Unrecognized field: {field}")),
            None if error.is_data() => Fault::plain(StatusCode::UNPROCESSABLE_ENTITY, words),
            None => Fault::plain(StatusCode::BAD_REQUEST, format!("the body is not JSON: {words}")),
        }
    })
}
