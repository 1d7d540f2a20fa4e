//! What goes out: a status, a type, and bytes; errors in one envelope. Knows no route.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde::Serialize;

pub(crate) type Answer = Response<Full<Bytes>>;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

pub(crate) fn bytes(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> Answer {
    bytes(status, TEXT, body.into())
}

pub(crate) fn json(body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(mut bytes_of_it) => {
            bytes_of_it.push(b'\n');
            bytes(StatusCode::OK, JSON, bytes_of_it)
        }
        Err(error) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be written as JSON").why(error).into(),
    }
}

/// An error as every admin route words it: what failed, why, and what to do.
#[derive(Serialize)]
pub(crate) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), why: None, fix: None }
    }
    pub(crate) fn why(mut self, why: impl ToString) -> Self {
        self.why = Some(why.to_string());
        self
    }
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let status = problem.status;
        let mut answer = json(&problem);
        *answer.status_mut() = status;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}
