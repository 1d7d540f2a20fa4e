//! Media types of the proxy: what a body is, what a client takes, in which form records go in and out.

use hyper::{
    HeaderMap, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue},
};
use milena_node::engine::instance::Format;

use super::fault::{Fault, Told};

/// Which of the two interfaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    V2,
    V3,
}

impl Family {
    pub(crate) fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::V2 => "application/vnd.kafka.v2+json",
            Self::V3 => "application/json",
        })
    }
}

/// How the type of an answer with records is called.
pub(crate) fn of_records(format: Format) -> HeaderValue {
    HeaderValue::from_static(match format {
        Format::Binary => "application/vnd.kafka.binary.v2+json",
        Format::Json => "application/vnd.kafka.json.v2+json",
        Format::Avro => "application/vnd.kafka.avro.v2+json",
        Format::JsonSchema => "application/vnd.kafka.jsonschema.v2+json",
        Format::Protobuf => "application/vnd.kafka.protobuf.v2+json",
    })
}

/// The name without parameters, in lower case.
fn essence(text: &str) -> String {
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// One media type: any JSON, JSON with records of a format, or something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Any,
    Records(Format),
    Other,
}

fn kind(text: &str) -> Kind {
    match &*essence(text) {
        "" | "*/*" | "application/*" | "application/json" | "application/vnd.kafka+json" | "application/vnd.kafka.v2+json" => {
            Kind::Any
        }
        "application/vnd.kafka.binary.v2+json" => Kind::Records(Format::Binary),
        "application/vnd.kafka.json.v2+json" => Kind::Records(Format::Json),
        "application/vnd.kafka.avro.v2+json" => Kind::Records(Format::Avro),
        "application/vnd.kafka.jsonschema.v2+json" => Kind::Records(Format::JsonSchema),
        "application/vnd.kafka.protobuf.v2+json" => Kind::Records(Format::Protobuf),
        _ => Kind::Other,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// In which form the records of a body are. A body that only says that it is JSON has binary ones.
pub(crate) fn sent(headers: &HeaderMap) -> Told<Format> {
    match kind(text(headers, &CONTENT_TYPE)) {
        Kind::Any => Ok(Format::Binary),
        Kind::Records(format) => Ok(format),
        Kind::Other => Err(unsupported()),
    }
}

/// The body is JSON of any kind, or nothing is said of it.
pub(crate) fn judge_body(headers: &HeaderMap) -> Told<()> {
    if kind(text(headers, &CONTENT_TYPE)) == Kind::Other { Err(unsupported()) } else { Ok(()) }
}

fn unsupported() -> Fault {
    Fault::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "HTTP 415 Unsupported Media Type")
}

/// What the client takes: several lines are one list, and what it gives no weight at all it does not take. Nothing said is
/// anything.
fn accepted(headers: &HeaderMap) -> Vec<Kind> {
    let lines: Vec<&str> = headers.get_all(ACCEPT).iter().map(|line| line.to_str().unwrap_or_default()).collect();
    if lines.is_empty() {
        return vec![Kind::Any];
    }
    let weighs = |one: &&str| {
        let weight = one.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("q="));
        weight.and_then(|weight| weight.trim().parse::<f32>().ok()) != Some(0.0)
    };
    lines.iter().flat_map(|line| line.split(',')).filter(weighs).map(kind).collect()
}

/// The client takes JSON.
pub(crate) fn judge_accept(headers: &HeaderMap) -> Told<()> {
    let takes = accepted(headers).iter().any(|kind| *kind != Kind::Other);
    if takes { Ok(()) } else { Err(Fault::plain(StatusCode::NOT_ACCEPTABLE, "HTTP 406 Not Acceptable")) }
}

/// The client takes records in this format.
pub(crate) fn judge_accept_of(headers: &HeaderMap, format: Format) -> Told<()> {
    let kinds = accepted(headers);
    if kinds.iter().any(|kind| *kind == Kind::Any || *kind == Kind::Records(format)) {
        return Ok(());
    }
    if kinds.iter().all(|kind| *kind == Kind::Other) {
        return judge_accept(headers);
    }
    Err(Fault::new(
        StatusCode::NOT_ACCEPTABLE,
        40601,
        "The requested embedded data format does not match the deserializer for this consumer instance",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> HeaderMap {
        [(ACCEPT, HeaderValue::from_str(text).expect("text"))].into_iter().collect()
    }

    #[test]
    fn a_client_gets_records_in_the_format_of_its_instance_or_hears_that_it_does_not_take_them() {
        let of = |text: &str| judge_accept_of(&accept(text), Format::Json).map_err(|fault| fault.code);
        assert_eq!(of("application/vnd.kafka.json.v2+json"), Ok(()));
        assert_eq!(of("application/vnd.kafka.v2+json; q=0.5, text/html"), Ok(()));
        assert_eq!(of("*/*"), Ok(()));
        assert_eq!(of("application/vnd.kafka.binary.v2+json"), Err(40601));
        assert_eq!(of("text/html"), Err(406));
        assert_eq!(of("application/json;q=0, text/html"), Err(406));
        let two = [(ACCEPT, HeaderValue::from_static("text/html")), (ACCEPT, HeaderValue::from_static("application/json"))];
        let lines: HeaderMap = two.into_iter().fold(HeaderMap::new(), |mut all, (name, value)| {
            all.append(name, value);
            all
        });
        assert_eq!(judge_accept_of(&lines, Format::Json).map_err(|fault| fault.code), Ok(()));
        assert_eq!(judge_accept_of(&HeaderMap::new(), Format::Json).map_err(|f| f.code), Ok(()));
    }
}
