//! Errors as the REST proxy words them: a status, a number that clients compare, and words. Every refusal of a noun gets
//! its number here and nowhere else.

use hyper::{
    StatusCode,
    header::{ALLOW, HeaderValue, RETRY_AFTER},
};
use milena_node::{
    AppendRefusal, Dead, DeleteRecordsRefusal, NoRoom, ReadError, SchemaTrouble,
    engine::{group, instance, partition, settings, subject, topic},
};
use milena_record::Flaw as RecordsFlaw;
use milena_schema::Flaw;
use serde::Serialize;

use super::media::Family;
use crate::{
    answer::{Answer, bytes},
    asked::Unreadable,
    coding::{Part, Trouble},
    memory::Spent,
};

/// One error.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) code: u32,
    pub(crate) message: String,
    /// Methods that the path answers, where it was asked by another.
    allow: Option<&'static str>,
}

/// What a route answers.
pub(crate) type Told<T> = Result<T, Fault>;

#[derive(Serialize)]
struct Envelope<'a> {
    error_code: u32,
    message: &'a str,
}

impl Fault {
    pub(crate) fn new(status: StatusCode, code: u32, message: impl ToString) -> Self {
        Self { status, code, message: message.to_string(), allow: None }
    }
    /// The status is the number, as for whatever has none of its own.
    pub(crate) fn plain(status: StatusCode, message: impl ToString) -> Self {
        Self::new(status, status.as_u16().into(), message)
    }
    pub(crate) fn not_allowed(methods: &'static str) -> Self {
        let words = format!("HTTP 405 Method Not Allowed: this path answers {methods}");
        Self { allow: Some(methods), ..Self::plain(StatusCode::METHOD_NOT_ALLOWED, words) }
    }
    pub(crate) fn no_topic() -> Self {
        Self::new(StatusCode::NOT_FOUND, 40401, "Topic not found.")
    }
    pub(crate) fn no_partition() -> Self {
        Self::new(StatusCode::NOT_FOUND, 40402, "Partition not found.")
    }
    pub(crate) fn no_instance() -> Self {
        Self::new(StatusCode::NOT_FOUND, 40403, "Consumer instance not found.")
    }
    pub(crate) fn no_group() -> Self {
        Self::new(StatusCode::NOT_FOUND, 40405, "Consumer group not found.")
    }
    pub(crate) fn illegal_state(message: impl ToString) -> Self {
        Self::new(StatusCode::CONFLICT, 40903, message)
    }
    pub(crate) fn bad_config(message: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, 42204, format!("Invalid consumer configuration: {message}"))
    }
    pub(crate) fn bad_payload(message: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, 42206, format!("Payload error. {message}"))
    }
    /// Records with a part that has no schema, in a format that needs one.
    pub(crate) fn no_schema(part: Part) -> Self {
        let (code, name) = match part {
            Part::Key => (42201, "key"),
            Part::Value => (42202, "value"),
        };
        let words = format!("the request has {name}s in a format with schemas, and neither {name}_schema nor {name}_schema_id");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, words)
    }
    /// Data that its schema does not take.
    pub(crate) fn unfit(flaw: Flaw) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, 42203, format!("the JSON is no value of the schema: {flaw}"))
    }
    fn bad_schema(why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, 42205, format!("Invalid schema: {why}"))
    }
    pub(crate) fn bad_request(message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 40002, message)
    }
    /// Kafka's part went wrong, and will again.
    pub(crate) fn kafka(message: impl ToString) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 50002, message)
    }
    /// Kafka's part went wrong, and may be well the next time.
    pub(crate) fn retriable(message: impl ToString) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 50003, message)
    }

    pub(crate) fn answer(self, family: Family) -> Answer {
        let envelope = Envelope { error_code: self.code, message: &self.message };
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        let mut answer = bytes(self.status, family.media_type(), body);
        if let Some(methods) = self.allow {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        }
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

impl From<Unreadable> for Fault {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Spent(spent) => spent.into(),
            error => Self::plain(error.status(), error),
        }
    }
}

impl From<Spent> for Fault {
    fn from(spent: Spent) -> Self {
        Self::retriable(spent)
    }
}

impl From<Dead> for Fault {
    fn from(dead: Dead) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            50302,
            format!("the broker has stopped: {dead}; look at its disk, then restart it"),
        )
    }
}

impl From<NoRoom> for Fault {
    fn from(no_room: NoRoom) -> Self {
        match no_room {
            NoRoom::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, 413, no_room),
            NoRoom::DiskFull { .. } => Self::retriable(no_room),
            NoRoom::NoLog(refusal) => refusal.into(),
            NoRoom::Dead(dead) => dead.into(),
        }
    }
}

impl From<SchemaTrouble> for Fault {
    fn from(trouble: SchemaTrouble) -> Self {
        match trouble {
            SchemaTrouble::NoRoom(no_room) => no_room.into(),
            SchemaTrouble::Busy => Self::retriable(trouble),
            SchemaTrouble::Topic(_) | SchemaTrouble::Lost => Self::kafka(trouble),
        }
    }
}

impl From<subject::Refusal> for Fault {
    fn from(refusal: subject::Refusal) -> Self {
        use subject::Refusal;
        match refusal {
            Refusal::BadSchema(_) | Refusal::BadRules(_) | Refusal::TooLarge { .. } | Refusal::BadSubject(_) => {
                Self::bad_schema(refusal)
            }
            // What the proxy's clients know for whatever the registry declines; no time has run out.
            _ => Self::new(StatusCode::REQUEST_TIMEOUT, 40801, format!("Schema registration or lookup failed: {refusal}")),
        }
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(refusal) => refusal.into(),
            Trouble::Registry(trouble) => trouble.into(),
            Trouble::Schema(flaw) => Self::bad_schema(flaw),
            Trouble::Wish(words) => Self::bad_payload(words),
        }
    }
}

impl From<topic::Refusal> for Fault {
    fn from(refusal: topic::Refusal) -> Self {
        use topic::Refusal;
        match &refusal {
            Refusal::UnknownName(_) | Refusal::UnknownId(_) | Refusal::NotAutoCreated(_) | Refusal::NotInTrash(_) => {
                Self::no_topic()
            }
            Refusal::TooManyInRequest | Refusal::TooManyPartitions { .. } | Refusal::TooManyGroups { .. } => {
                Self::new(StatusCode::FORBIDDEN, 40301, refusal)
            }
            Refusal::Setting(setting) => setting.clone().into(),
            _ => Self::bad_request(refusal),
        }
    }
}

impl From<settings::Refusal> for Fault {
    fn from(refusal: settings::Refusal) -> Self {
        match &refusal {
            settings::Refusal::Unknown { .. } => Self::new(StatusCode::NOT_FOUND, 404, refusal),
            _ => Self::bad_request(refusal),
        }
    }
}

impl From<instance::Refusal> for Fault {
    fn from(refusal: instance::Refusal) -> Self {
        use instance::Refusal;
        match &refusal {
            Refusal::Unknown(_) => Self::no_instance(),
            Refusal::Exclusive => Self::illegal_state(refusal),
            // Plans are made anew where they are made; whoever hears of it has had bad luck a thousand times.
            Refusal::Stale | Refusal::Overtaken => Self::retriable(refusal),
            Refusal::TooLong { .. } | Refusal::Full { .. } | Refusal::Heavy { .. } => Self::bad_config(refusal),
        }
    }
}

impl From<group::Refusal> for Fault {
    fn from(refusal: group::Refusal) -> Self {
        use group::Refusal;
        match &refusal {
            Refusal::NotFound(_) => Self::no_group(),
            Refusal::UnknownMember(_) | Refusal::IllegalGeneration { .. } => Self::illegal_state(
                "the group has members that speak Kafka's own protocol; only they can commit for it while they are there",
            ),
            Refusal::NotEmpty | Refusal::Subscribed(_) | Refusal::FencedInstance { .. } => Self::illegal_state(refusal),
            Refusal::Rebalancing | Refusal::Dead => Self::retriable(refusal),
            Refusal::NamelessGroup
            | Refusal::SessionTimeout { .. }
            | Refusal::InconsistentProtocol
            | Refusal::Full { .. }
            | Refusal::TooLarge { .. }
            | Refusal::MetadataTooLarge { .. } => Self::bad_request(refusal),
        }
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::NoLog => Self::no_partition(),
            ReadError::Damaged { .. } => Self::kafka(error),
            ReadError::WouldBlock | ReadError::Fault(_) => Self::retriable(error),
        }
    }
}

impl From<AppendRefusal> for Fault {
    fn from(refusal: AppendRefusal) -> Self {
        match &refusal {
            AppendRefusal::Gone => Self::no_topic(),
            AppendRefusal::Kept | AppendRefusal::Internal(_) => Self::new(StatusCode::FORBIDDEN, 40301, refusal),
            AppendRefusal::Flaw(RecordsFlaw::TooLarge { .. } | RecordsFlaw::Bomb { .. })
            | AppendRefusal::Refused(partition::Refusal::TooLarge { .. }) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, 413, refusal)
            }
            AppendRefusal::Flaw(_) => Self::bad_request(refusal),
            AppendRefusal::Refused(_) => Self::bad_request(refusal),
            AppendRefusal::Room { .. } => Self::retriable(refusal),
            AppendRefusal::Dead(dead) => dead.clone().into(),
        }
    }
}

impl From<DeleteRecordsRefusal> for Fault {
    fn from(refusal: DeleteRecordsRefusal) -> Self {
        match refusal {
            DeleteRecordsRefusal::Gone => Self::no_partition(),
            DeleteRecordsRefusal::Kept => Self::new(StatusCode::FORBIDDEN, 40301, refusal),
            DeleteRecordsRefusal::Refused(_) => Self::bad_request(refusal),
        }
    }
}
