//! Kafka's error codes. The table itself is generated from `messages/errors.txt`; which code a refusal becomes is for the doors to say.

use std::fmt;

use crate::generated::ERRORS;

/// An error code as it stands in a response. Newer brokers may send codes that this table does not have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorCode(pub i16);

/// What is known about a code.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) retriable: bool,
    pub(crate) words: &'static str,
}

impl ErrorCode {
    fn known(self) -> Option<&'static Known> {
        usize::try_from(i32::from(self.0) + 1).ok().and_then(|at| ERRORS.get(at))
    }

    /// Whether it is anything but 0.
    pub fn is_error(self) -> bool {
        self.0 != 0
    }

    /// The name in the protocol, such as `NOT_LEADER_OR_FOLLOWER`; `UNKNOWN` for codes that are not in the table.
    pub fn name(self) -> &'static str {
        self.known().map_or("UNKNOWN", |known| known.name)
    }

    /// Whether the same request may succeed later, as the Java client judges it.
    pub fn retriable(self) -> bool {
        self.known().is_some_and(|known| known.retriable)
    }

    /// What happened, in a sentence for people.
    pub fn words(self) -> &'static str {
        self.known().map_or("The broker answered with an error code that this version does not know.", |known| known.words)
    }

    /// Every code of Kafka 4.3, in order, beginning with -1.
    pub fn all() -> impl Iterator<Item = ErrorCode> {
        (0..ERRORS.len()).map(|at| ErrorCode(at as i16 - 1))
    }
}

impl From<i16> for ErrorCode {
    fn from(code: i16) -> Self {
        Self(code)
    }
}

impl From<ErrorCode> for i16 {
    fn from(code: ErrorCode) -> Self {
        code.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
