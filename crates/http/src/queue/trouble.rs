//! Errors of the queue: a code, words that say what to do, and whether the same request may succeed later.

use hyper::{
    StatusCode,
    header::{ALLOW, HeaderValue, RETRY_AFTER},
};
use milena_node::{
    AppendRefusal, NoRoom, ReadError, TakeRefusal,
    engine::{partition, settings, share, topic},
};
use milena_record::Flaw;
use serde_json::{Value, json};

use crate::{
    answer::{Answer, json as as_json},
    asked::Unreadable,
    memory::Spent,
};

/// The code of whatever finds no memory.
const BUSY: &str = "busy";

#[derive(Debug)]
pub(super) struct Trouble {
    status: StatusCode,
    code: &'static str,
    words: String,
    /// Of a 405.
    allow: Option<String>,
}

impl Trouble {
    pub(super) fn new(status: StatusCode, code: &'static str, words: impl Into<String>) -> Self {
        Self { status, code, words: words.into(), allow: None }
    }
    pub(super) fn invalid(words: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", words)
    }
    pub(super) fn json(error: &serde_json::Error) -> Self {
        Self::invalid(format!("the body is not the JSON that this route reads: {error}"))
    }
    pub(super) fn unreadable(error: &Unreadable) -> Self {
        Self::of_status(error.status(), error.to_string())
    }
    /// What went wrong before any route had to do with it.
    pub(super) fn of_status(status: StatusCode, words: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::SERVICE_UNAVAILABLE => BUSY,
            StatusCode::FORBIDDEN => "forbidden",
            _ => "unreadable",
        };
        Self::new(status, code, words)
    }
    pub(super) fn nothing_here(path: &str) -> Self {
        let words = format!("there is nothing at {path}; /openapi/queue.json lists the routes");
        Self::new(StatusCode::NOT_FOUND, "not_found", words)
    }
    pub(super) fn wrong_method(methods: &str) -> Self {
        let words = format!("this path answers {methods}");
        Self { allow: Some(methods.to_owned()), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", words) }
    }
    pub(super) fn not_json(kind: &str) -> Self {
        let words = format!("the body is {kind:?}; send application/json, or messages as application/x-ndjson");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", words)
    }
    pub(super) fn unread(error: ReadError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable_log", error.to_string())
    }
    pub(super) fn damaged(flaw: Flaw) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable_log", format!("a stored batch cannot be read: {flaw}"))
    }
    pub(super) fn no_topic(name: &str) -> Self {
        let words = format!("there is no topic {name:?}; create it, or put a message into it first");
        Self::new(StatusCode::NOT_FOUND, "topic_not_found", words)
    }
    pub(super) fn no_group(name: &str) -> Self {
        let words = format!("there is no queue group {name:?}; it begins with the first receive");
        Self::new(StatusCode::NOT_FOUND, "group_not_found", words)
    }
    pub(super) fn lease_lost() -> Self {
        let words = "the lease has ended: the message was given to somebody else, or its time was over; receive again";
        Self::new(StatusCode::GONE, "lease_lost", words)
    }
    pub(super) fn no_lease() -> Self {
        let words = "this is no lease of this group: send it as :receive gave it";
        Self::new(StatusCode::BAD_REQUEST, "lease_invalid", words)
    }
    pub(super) fn dead(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string())
    }
    pub(super) fn key_reused(key: &str) -> Self {
        let words = format!("the Idempotency-Key {key:?} was used for another body within the last day; take a new one");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", words)
    }
    pub(super) fn code(&self) -> &'static str {
        self.code
    }
    pub(super) fn words(&self) -> &str {
        &self.words
    }
    /// The envelope.
    pub(super) fn shown(&self) -> Value {
        json!({"error_code": self.code, "message": self.words, "retriable": self.retriable()})
    }
    /// There is no memory for it just now.
    pub(super) fn is_busy(&self) -> bool {
        self.code == BUSY
    }
    fn retriable(&self) -> bool {
        matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
    }
}

impl From<Trouble> for Answer {
    fn from(trouble: Trouble) -> Self {
        let mut answer = as_json(&trouble.shown());
        *answer.status_mut() = trouble.status;
        if let Some(Ok(methods)) = trouble.allow.as_deref().map(HeaderValue::from_str) {
            answer.headers_mut().insert(ALLOW, methods);
        }
        if trouble.retriable() {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

impl From<Spent> for Trouble {
    fn from(spent: Spent) -> Self {
        Self::of_status(StatusCode::SERVICE_UNAVAILABLE, spent.to_string())
    }
}

impl From<NoRoom> for Trouble {
    fn from(no_room: NoRoom) -> Self {
        match no_room {
            NoRoom::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", no_room.to_string()),
            NoRoom::NoLog(refusal) => refusal.into(),
            NoRoom::DiskFull { .. } | NoRoom::Dead(_) => Self::dead(no_room),
        }
    }
}

impl From<AppendRefusal> for Trouble {
    fn from(refusal: AppendRefusal) -> Self {
        let (status, code) = match &refusal {
            AppendRefusal::Gone => (StatusCode::NOT_FOUND, "topic_not_found"),
            AppendRefusal::Kept | AppendRefusal::Internal(_) => (StatusCode::FORBIDDEN, "not_writable"),
            AppendRefusal::Flaw(Flaw::TooLarge { .. } | Flaw::Bomb { .. })
            | AppendRefusal::Refused(partition::Refusal::TooLarge { .. }) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            AppendRefusal::Flaw(_) | AppendRefusal::Refused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            AppendRefusal::Room { .. } | AppendRefusal::Dead(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        Self::new(status, code, refusal.to_string())
    }
}

impl From<share::Refusal> for Trouble {
    fn from(refusal: share::Refusal) -> Self {
        use share::Refusal;
        let (status, code) = match refusal {
            Refusal::NotFound(_) => (StatusCode::NOT_FOUND, "group_not_found"),
            Refusal::OtherKind(_) => (StatusCode::CONFLICT, "other_kind_of_group"),
            Refusal::NotEmpty => (StatusCode::CONFLICT, "group_not_empty"),
            Refusal::LettersWait { .. } => (StatusCode::CONFLICT, "letters_waiting"),
            Refusal::RecordState(_) => (StatusCode::GONE, "lease_lost"),
            Refusal::Full { .. } | Refusal::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            Refusal::Invalid(_) | Refusal::UnknownMember(_) | Refusal::Fenced { .. } => {
                (StatusCode::BAD_REQUEST, "invalid_request")
            }
            Refusal::NotBegun => (StatusCode::NOT_FOUND, "not_begun"),
        };
        Self::new(status, code, refusal.to_string())
    }
}

impl From<topic::Refusal> for Trouble {
    fn from(refusal: topic::Refusal) -> Self {
        use topic::Refusal;
        match refusal {
            Refusal::UnknownName(_) | Refusal::NotAutoCreated(_) => {
                Self::new(StatusCode::NOT_FOUND, "topic_not_found", refusal.to_string())
            }
            _ => Self::invalid(refusal.to_string()),
        }
    }
}

impl From<settings::Refusal> for Trouble {
    fn from(refusal: settings::Refusal) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_setting", refusal.to_string())
    }
}

impl From<TakeRefusal> for Trouble {
    fn from(refusal: TakeRefusal) -> Self {
        match refusal {
            TakeRefusal::Gone => Self::new(StatusCode::NOT_FOUND, "topic_not_found", "the topic was just deleted"),
            TakeRefusal::Refused(refusal) => refusal.into(),
            TakeRefusal::NoRoom(no_room) => no_room.into(),
            TakeRefusal::Read(error) => Self::unread(error),
        }
    }
}
