//! What every answer may get on its way out: gzip for those who take it, and the headers that let a page of a named
//! origin read it (CORS). Knows no route.

use std::{io::Write, sync::Arc};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{
        ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_REQUEST_METHOD, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, ORIGIN, VARY,
    },
};

use crate::{
    answer::{Answer, Body, empty},
    memory::Memory,
};

/// Smaller bodies are not worth the processor's time.
const WORTH_PACKING: u64 = 1024;

/// Whether the peer takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT_ENCODING).and_then(|accept| accept.to_str().ok()).is_some_and(accepts_gzip)
}

/// Packs a whole body for a peer that takes gzip; it holds what it takes until it is taken, instead of what it was made of.
pub(crate) async fn pack(takes: bool, mut answer: Answer, memory: &Arc<Memory>) -> Answer {
    use hyper::body::Body as _;
    let size = answer.body().size_hint().lower();
    if !takes || !answer.body().whole() || size < WORTH_PACKING || answer.headers().contains_key(CONTENT_ENCODING) {
        return answer;
    }
    let Some(plain) = answer.body_mut().take().await else { return answer };
    let packed = gzip(&plain);
    drop(plain);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
    headers.remove(CONTENT_LENGTH);
    *answer.body_mut() = Body::Whole(memory.lend(packed).into());
    answer
}

/// RFC 9110 §12.5.3, as far as it is used: a weight of zero refuses.
fn accepts_gzip(accept: &str) -> bool {
    accept.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let weight = parts.find_map(|p| p.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
        named && weight.is_none_or(|q| q > 0.0)
    })
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut packer = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    match packer.write_all(plain).and_then(|()| packer.finish()) {
        Ok(packed) => packed.into(),
        Err(error) => unreachable!("memory takes every byte: {error}"),
    }
}

/// Which pages may read answers here, and change things: `access.control.allow.origin` of Kafka's HTTP neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Option<String>);

impl Origins {
    /// `*`, or one or more origins with commas between; nothing, or nothing but blanks, allows none.
    pub fn of(text: Option<&str>) -> Self {
        Self(text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_string))
    }

    /// What the header says to a page of this origin.
    fn allows(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        let allowed = self.0.as_deref()?;
        let origin_text = origin.to_str().ok()?;
        if allowed == "*" {
            return Some(HeaderValue::from_static("*"));
        }
        allowed.split(',').any(|one| one.trim().eq_ignore_ascii_case(origin_text)).then(|| origin.clone())
    }

    /// Must this request be refused because a page sends it? Browsers say where a request comes from whenever it may change
    /// something, also when a name was bound to this machine's address to make the page look like ours.
    pub(crate) fn refuses(&self, method: &Method, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return false };
        !method.is_safe() && self.allows(origin).is_none()
    }

    /// The same for a request that changes something although its method says that it does not: a fetch of a REST consumer moves
    /// it on. A picture in a page sends no origin, but browsers say that it comes from elsewhere.
    pub(crate) fn refuses_move(&self, headers: &HeaderMap) -> bool {
        let elsewhere = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site");
        match headers.get(ORIGIN) {
            Some(origin) => self.allows(origin).is_none(),
            None => elsewhere && self.0.is_none(),
        }
    }

    /// The answer to a browser that asks before it asks.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Answer> {
        let asks = method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        headers.get(ORIGIN).filter(|_| asks).and_then(|origin| self.allows(origin))?;
        let mut answer = empty(StatusCode::OK);
        let out = answer.headers_mut();
        out.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, HEAD"));
        out.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*, Authorization"));
        Some(answer)
    }

    /// Lets the page read the answer.
    pub(crate) fn sign(&self, origin: Option<&HeaderValue>, answer: &mut Answer) {
        let Some(value) = origin.and_then(|origin| self.allows(origin)) else { return };
        if value != "*" {
            answer.headers_mut().append(VARY, HeaderValue::from_name(ORIGIN));
        }
        answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, value);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn from(origin: &str) -> HeaderMap {
        [(ORIGIN, HeaderValue::from_str(origin).expect("text"))].into_iter().collect()
    }

    #[test]
    fn a_page_may_look_and_not_touch_unless_it_is_named() {
        let none = Origins::of(None);
        assert!(none.refuses(&Method::DELETE, &from("http://localhost:8080")));
        assert!(none.refuses(&Method::POST, &from("null")));
        assert!(!none.refuses(&Method::GET, &from("http://elsewhere")));
        assert!(!none.refuses(&Method::DELETE, &HeaderMap::new()));
        let named = Origins::of(Some("https://one.example, https://two.example"));
        assert!(!named.refuses(&Method::POST, &from("https://two.example")));
        assert!(named.refuses(&Method::POST, &from("https://three.example")));
        assert!(!Origins::of(Some("*")).refuses(&Method::POST, &from("null")));
    }

    #[test]
    fn weights_are_heeded() {
        assert!(accepts_gzip("deflate, gzip;q=0.5"));
        assert!(accepts_gzip("*"));
        assert!(!accepts_gzip("gzip;q=0, deflate"));
        assert!(!accepts_gzip("br"));
    }

    #[test]
    fn what_is_packed_can_be_unpacked() {
        let plain = "milena ".repeat(1000);
        let mut back = String::new();
        flate2::read::GzDecoder::new(&gzip(plain.as_bytes())[..]).read_to_string(&mut back).expect("gzip");
        assert_eq!(back, plain);
    }
}
