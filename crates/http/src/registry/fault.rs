//! The one place that knows which code of the Schema Registry API a refusal becomes. Exhaustive: a new refusal does not
//! compile until somebody has decided what clients are told.

use hyper::{
    StatusCode,
    header::{ALLOW, HeaderValue, RETRY_AFTER},
};
use milena_node::{Dead, NoRoom, SchemaTrouble, engine::subject::Refusal};
use serde_json::json;

use super::shape::Form;
use crate::answer::{Answer, bytes};

/// The type of every answer, unless the client asks for another one.
pub(super) const VND_V1: HeaderValue = HeaderValue::from_static("application/vnd.schemaregistry.v1+json");

/// An error as clients see it.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(super) status: StatusCode,
    pub(super) code: u32,
    message: String,
    pub(super) allow: Option<String>,
}

impl Fault {
    /// A code of the registry: its status is its first three digits.
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        let status = u16::try_from(if code < 1000 { code } else { code / 100 }).ok();
        let status = status.and_then(|s| StatusCode::from_u16(s).ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, message: message.into(), allow: None }
    }

    /// A status that says it all.
    pub(super) fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, code: status.as_u16().into(), message: message.into(), allow: None }
    }

    /// A body that is no JSON, or not of the right types.
    pub(super) fn malformed(what: impl std::fmt::Display) -> Self {
        Self::plain(StatusCode::BAD_REQUEST, format!("the request body cannot be read: {what}"))
    }

    /// A refusal of the engine. Incompatibility has an old code and a new one.
    pub(super) fn of(refusal: &Refusal, form: Form) -> Self {
        let code = match (refusal, form) {
            (Refusal::Incompatible { .. }, Form::Seven) => 409,
            _ => code(refusal),
        };
        Self::new(code, refusal.to_string())
    }
}

fn code(refusal: &Refusal) -> u32 {
    match refusal {
        Refusal::NoSubject(_) => 40401,
        Refusal::NoVersion(_) => 40402,
        Refusal::NoSchema | Refusal::NoId(_) => 40403,
        Refusal::SubjectSoftDeleted(_) => 40404,
        Refusal::SubjectNotSoftDeleted(_) => 40405,
        Refusal::VersionSoftDeleted { .. } => 40406,
        Refusal::VersionNotSoftDeleted { .. } => 40407,
        Refusal::NoConfig(_) => 40408,
        Refusal::NoMode(_) => 40409,
        Refusal::NoContext(_) => 404,
        Refusal::Incompatible { .. } => 40901,
        Refusal::BadSchema(_) => 42201,
        Refusal::BadVersion(_) => 42202,
        Refusal::BadConfig(_) => 42203,
        Refusal::ModeForbids { .. }
        | Refusal::ModeOfContexts { .. }
        | Refusal::NotImporting { .. }
        | Refusal::IdMissing { .. }
        | Refusal::NotEmptyForImport
        | Refusal::LastOne(_)
        | Refusal::OtherContent(_) => 42205,
        Refusal::Referenced { .. } => 42206,
        Refusal::BadSubject(_) => 42208,
        Refusal::TooLarge { .. } => 42209,
        Refusal::BadRules(_) => 42210,
        Refusal::ContextNotEmpty(_) => 42211,
        Refusal::IdsUsedUp | Refusal::VersionsUsedUp(_) | Refusal::TooMany { .. } => 42201,
        // Looked at again until it is judged; nobody hears of it.
        Refusal::Changed => 50001,
    }
}

impl From<SchemaTrouble> for Fault {
    fn from(trouble: SchemaTrouble) -> Self {
        let words = format!("Error in the backend data store: {trouble}");
        match trouble {
            // Clients try again after these, and that may help.
            SchemaTrouble::NoRoom(NoRoom::TooLarge { .. }) => Self::new(42209, words),
            SchemaTrouble::NoRoom(_) => Self::plain(StatusCode::SERVICE_UNAVAILABLE, words),
            SchemaTrouble::Busy => Self::new(50002, words),
            SchemaTrouble::Topic(_) | SchemaTrouble::Lost => Self::new(50001, words),
        }
    }
}
impl From<Dead> for Fault {
    fn from(dead: Dead) -> Self {
        Self::plain(StatusCode::SERVICE_UNAVAILABLE, format!("Error in the backend data store: {dead}"))
    }
}

impl From<Fault> for Answer {
    fn from(fault: Fault) -> Self {
        let body = json!({"error_code": fault.code, "message": fault.message}).to_string();
        let mut answer = bytes(fault.status, VND_V1, body);
        if fault.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(allow) = fault.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            answer.headers_mut().insert(ALLOW, allow);
        }
        answer
    }
}
