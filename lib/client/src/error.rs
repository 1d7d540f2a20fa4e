//! What can go wrong between a client and a cluster: what failed, why, and what may be done about it.

use std::{io, time::Duration};

use milena_record::Flaw;
use milena_wire::{ErrorCode, Malformed, Unencodable};

use crate::{BadEndpoint, Endpoint, TlsFailure};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any failure of this client. Cloneable, because one lost connection fails everybody who waited on it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    BadEndpoint(#[from] BadEndpoint),
    /// No bootstrap address was given.
    #[error("no broker address was given")]
    NoBootstrap,
    #[error("the host name {host:?} cannot be resolved: {detail}")]
    UnknownHost { host: String, detail: String },
    #[error("cannot connect to {endpoint}: {failure}")]
    Connect { endpoint: Endpoint, failure: ConnectFailure },
    /// The connection could not be made secure.
    #[error("{endpoint}: no secure connection: {failure}")]
    Tls { endpoint: Endpoint, failure: TlsFailure },
    /// The broker did not let the user in.
    #[error("{endpoint} does not let {user:?} in by {mechanism}: {failure}")]
    Login { endpoint: Endpoint, user: String, mechanism: &'static str, failure: LoginFailure },
    /// The cluster is used as somebody else now; what was under way for the former user is given up.
    #[error("the user was changed while this was under way")]
    PrincipalChanged,
    /// The peer closed, or the connection broke.
    #[error("{endpoint} closed the connection{}{}", waiting.map(|w| format!(" while {w} was waiting for an answer")).unwrap_or_default(), if *answered { "" } else { ", without ever having answered" })]
    Closed {
        endpoint: Endpoint,
        /// The request that was waiting, if one was.
        waiting: Option<&'static str>,
        /// Whether it had ever answered anything on this connection.
        answered: bool,
    },
    #[error("{endpoint} did not answer {request} within {after:?}")]
    TimedOut { endpoint: Endpoint, request: &'static str, after: Duration },
    /// What came is not the Kafka protocol.
    #[error("{endpoint} does not speak the Kafka protocol: {guess}")]
    NotKafka { endpoint: Endpoint, guess: &'static str },
    #[error("{endpoint} sent {what} that cannot be read: {source}")]
    Malformed { endpoint: Endpoint, what: &'static str, source: Malformed },
    #[error("{request} cannot be written in version {version}: {source}")]
    Unencodable { request: &'static str, version: i16, source: Unencodable },
    /// Client and broker have no version of a request in common.
    #[error("{endpoint} {}", match theirs { Some((a, b)) => format!("speaks {request} in versions {a} to {b}, this client needs {} to {}", ours.0, ours.1), None => format!("does not offer {request}") })]
    Unsupported { endpoint: Endpoint, request: &'static str, ours: (i16, i16), theirs: Option<(i16, i16)> },
    /// The broker understood, and said no.
    #[error("{about}: {}{}", code, message.as_deref().map(|m| format!(": {m}")).unwrap_or_else(|| format!(": {}", code.words())))]
    Server {
        code: ErrorCode,
        /// What it is about, such as `topic "people"`.
        about: String,
        /// The broker's own words, where it sent some.
        message: Option<String>,
    },
    /// Metadata name no leader for the partition.
    #[error("partition {partition} of topic {topic:?} has no leader")]
    NoLeader { topic: String, partition: i32 },
    #[error("topic {topic:?} has no partition {partition}; it has {count}")]
    NoPartition { topic: String, partition: i32, count: usize },
    /// Metadata does not know the node.
    #[error("no broker has the id {0}")]
    NoNode(i32),
    /// A fetched batch that is damaged.
    #[error("{topic}-{partition} at offset {offset}: {flaw}")]
    Damaged { topic: String, partition: i32, offset: i64, flaw: Flaw },
    /// The position asked for is not in the log.
    #[error("{topic}-{partition} has offsets from {start} to {end}, not {offset}")]
    OutOfRange { topic: String, partition: i32, offset: i64, start: i64, end: i64 },
    /// One record is larger than a request or the buffer may be.
    #[error("the record has {size} bytes; this client sends at most {limit}")]
    RecordTooLarge { size: usize, limit: usize },
    /// A record waited longer than its time.
    #[error("the record was not acknowledged within {after:?}; the last reason was: {}", last.as_ref().map(|e| e.to_string()).unwrap_or_else(|| "no answer yet".into()))]
    Expired { after: Duration, last: Option<Box<Error>> },
    /// The producer, reader or consumer was closed, or its task is gone.
    #[error("it was closed")]
    Gone,
    /// An argument that cannot work, in words.
    #[error("{0}")]
    Invalid(String),
}

/// Why a login failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoginFailure {
    /// The broker does not have this mechanism switched on.
    #[error("this mechanism is not switched on there; there are: {}", if offered.is_empty() { "none".into() } else { offered.join(", ") })]
    Mechanism { offered: Vec<String> },
    #[error("this port has no logins: it takes anybody")]
    NoLogins,
    /// User or password are wrong.
    #[error("{0}")]
    Rejected(String),
    /// It may not be the broker that it says it is.
    #[error("the broker's side of the login is not right: {0}")]
    Server(String),
}

/// Why a connection could not be opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConnectFailure {
    #[error("connection refused: the host is there, but nothing listens on that port")]
    Refused,
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    #[error("the name has no address")]
    NoAddress,
    #[error("{0}")]
    Other(String),
}

impl From<&io::Error> for ConnectFailure {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl Error {
    /// An error code that an answer carries. `about` names what it concerns.
    pub fn server(code: ErrorCode, about: impl Into<String>, message: Option<&str>) -> Self {
        let message = message.filter(|m| !m.is_empty()).map(Into::into);
        Self::Server { code, about: about.into(), message }
    }

    /// `Ok` for code 0, else [`Error::Server`].
    pub(crate) fn check(code: i16, message: Option<&str>, about: impl FnOnce() -> String) -> Result<()> {
        if code == 0 { Ok(()) } else { Err(Self::server(ErrorCode(code), about(), message)) }
    }

    /// The broker's error code, if the broker sent one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Server { code, .. } => Some(*code),
            Self::Expired { last: Some(last), .. } => last.code(),
            _ => None,
        }
    }

    /// Whether the broker could not be reached, or stopped talking.
    pub fn is_connection(&self) -> bool {
        matches!(
            self,
            Self::UnknownHost { .. }
                | Self::Connect { .. }
                | Self::Tls { .. }
                | Self::Closed { .. }
                | Self::TimedOut { .. }
                | Self::NotKafka { .. }
        )
    }

    /// Whether the same thing may succeed a little later: a leader moves, a broker restarts.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Server { code, .. } => code.retriable(),
            Self::Tls { failure, .. } => matches!(failure, TlsFailure::TimedOut(_) | TlsFailure::Closed),
            Self::Connect { .. } | Self::Closed { .. } | Self::TimedOut { .. } | Self::NoLeader { .. } | Self::NoNode(_) => true,
            _ => false,
        }
    }

    /// What to do, where that can be known.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoBootstrap => "give an address such as localhost:9092".into(),
            Self::UnknownHost { host, .. } => {
                format!(
                    "check the spelling of {host:?}; if a broker advertised this name, its advertised address is wrong for this machine"
                )
            }
            Self::Connect { endpoint, failure: ConnectFailure::Refused } => format!(
                "is the broker running, and does it listen on {}? A broker that listens on 127.0.0.1 only cannot be reached from elsewhere",
                endpoint
            ),
            Self::Connect { failure: ConnectFailure::TimedOut(_), .. } => {
                "a firewall that drops packets, a wrong address or a host that is down look like this".into()
            }
            Self::Closed { answered: false, .. } => {
                "a listener that expects TLS closes like this (add --tls); so does a broker that is stopping".into()
            }
            Self::Closed { answered: true, waiting: Some("Metadata"), .. } => {
                "a listener that expects a login closes like this: name a user (--user NAME)".into()
            }
            Self::Tls { failure: TlsFailure::NotTls, .. } => {
                "this port speaks without TLS: leave --tls out, or use another port".into()
            }
            Self::Tls { failure: TlsFailure::UnknownAuthority, .. } => {
                "name the file with the authority's certificate: --ca FILE".into()
            }
            Self::Tls { failure: TlsFailure::OtherName { .. }, .. } => {
                "dial the broker by a name that stands in its certificate".into()
            }
            Self::Tls { failure: TlsFailure::WantsCertificate, .. } => "name ours: --tls-cert FILE --tls-key FILE".into(),
            Self::Login { failure: LoginFailure::Mechanism { offered }, .. } if !offered.is_empty() => {
                format!("--sasl-mechanism {}", offered[0])
            }
            Self::Login { failure: LoginFailure::NoLogins, .. } => "leave the user out, or use another port".into(),
            Self::Login { failure: LoginFailure::Rejected(_), .. } => {
                "look at the user's name and password; the broker does not say which of them is wrong".into()
            }
            Self::TimedOut { request: "ApiVersions", .. } => {
                "something accepted the connection and says nothing: not a Kafka broker, a TLS listener, or a broker that hangs"
                    .into()
            }
            Self::NotKafka { guess: "it answers TLS", .. } => "that port speaks TLS: add --tls".into(),
            Self::NotKafka { .. } => "check the port: Kafka usually listens on 9092".into(),
            Self::Unsupported { theirs: None, .. } => "the broker is older than this feature, or has it switched off".into(),
            Self::OutOfRange { start, end, .. } => format!("read from an offset between {start} and {end}"),
            _ => return None,
        })
    }
}
