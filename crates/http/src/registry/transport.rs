//! Around every answer: the media type that the client takes, and the number that it gave its request.

use hyper::{
    Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue},
};

use super::{
    Outcome,
    fault::{Fault, VND_V1},
};
use crate::{
    answer::{Answer, JSON},
    asked::Asked,
};

const VND: HeaderValue = HeaderValue::from_static("application/vnd.schemaregistry+json");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) struct Transport {
    /// The type of the answer.
    pub(super) media: Result<HeaderValue, Fault>,
    request_id: HeaderValue,
}

impl Transport {
    pub(super) fn of(asked: &Asked) -> Self {
        let accepted = asked.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let accepted = accepted.collect::<Vec<_>>().join(",");
        let media = media_for(&accepted).and_then(|media| judge_sent(asked).map(|()| media));
        let given = asked.headers.get(&REQUEST_ID).filter(|id| !id.is_empty() && id.len() <= 256).cloned();
        let drawn = || HeaderValue::from_str(&milena_node::engine::ids::Uuid::new_v4().to_string()).unwrap_or(JSON);
        Self { media, request_id: given.unwrap_or_else(drawn) }
    }

    pub(super) fn dress(self, outcome: Outcome) -> Answer {
        let mut answer = outcome.unwrap_or_else(Answer::from);
        if let Ok(media) = self.media
            && answer.headers().contains_key(CONTENT_TYPE)
        {
            answer.headers_mut().insert(CONTENT_TYPE, media);
        }
        answer.headers_mut().insert(REQUEST_ID, self.request_id);
        answer
    }
}

/// What a body may be called. Nothing at all is fine, as are bytes of no type.
fn judge_sent(asked: &Asked) -> Result<(), Fault> {
    let sends = matches!(asked.method, Method::POST | Method::PUT);
    let Some(sent) = asked.header(&CONTENT_TYPE).filter(|_| sends) else { return Ok(()) };
    let kind = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = [
        "application/vnd.schemaregistry.v1+json",
        "application/vnd.schemaregistry+json",
        "application/json",
        "application/octet-stream",
        "",
    ];
    match known.contains(&kind.as_str()) {
        true => Ok(()),
        false => Err(Fault::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "HTTP 415 Unsupported Media Type")),
    }
}

/// The best of our types that the client takes: by its weights, and among equals by our own preference.
fn media_for(accepted: &str) -> Result<HeaderValue, Fault> {
    let ours = [(VND_V1, 1.0), (VND, 0.9), (JSON, 0.5)];
    if accepted.trim().is_empty() {
        return Ok(VND_V1);
    }
    let weighed = ours.into_iter().map(|(media, preference)| (weight(accepted, &media) * preference, media));
    let best = weighed.filter(|(weight, _)| *weight > 0.0).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, media)| media).ok_or_else(|| Fault::plain(StatusCode::NOT_ACCEPTABLE, "HTTP 406 Not Acceptable"))
}

/// The weight of one type in an Accept header: that of the most exact range that it is in.
fn weight(accepted: &str, media: &HeaderValue) -> f32 {
    let name = media.to_str().unwrap_or_default();
    let ranges = accepted.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let exactness = match parts.next()? {
            range if range.eq_ignore_ascii_case(name) => 3,
            range if range.eq_ignore_ascii_case("application/*") => 2,
            "*/*" | "*" => 1,
            _ => return None,
        };
        let weight = parts.find_map(|p| p.strip_prefix("q=")).map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
        Some((exactness, weight))
    });
    ranges.max_by_key(|(exactness, _)| *exactness).map_or(0.0, |(_, weight)| weight.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_an_answer_follows_the_client() {
        let chosen = |accepted: &str| media_for(accepted).ok();
        assert_eq!(chosen(""), Some(VND_V1));
        assert_eq!(chosen("*/*"), Some(VND_V1));
        assert_eq!(chosen("application/json"), Some(JSON));
        assert_eq!(chosen("application/json, */*;q=0.1"), Some(JSON));
        assert_eq!(chosen("application/vnd.schemaregistry+json, application/json"), Some(VND));
        assert_eq!(chosen("application/*;q=0.2"), Some(VND_V1));
        assert_eq!(chosen("text/html"), None);
        assert_eq!(chosen("*/*, application/vnd.schemaregistry.v1+json;q=0"), Some(VND));
    }
}
