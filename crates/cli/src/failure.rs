//! A failed command as a person meets it: what failed, why, what to do, where to read; and the exit code that scripts read.

use std::{fmt, io, process::ExitCode};

use milena_client::{Error, wire::ErrorCode};

use crate::screen;

/// Why a command ended badly; each has its exit code, the same for every command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Whoever read our output has gone away; there is nobody to tell.
    Unheard = 0,
    Failed = 1,
    /// A check was made, and it says no.
    No = 2,
    Unreachable = 3,
    NotAllowed = 4,
    NotFound = 5,
    Exists = 6,
    Usage = 64,
    Interrupted = 130,
}

#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: Kind,
    what: String,
    why: Option<String>,
    hint: Option<String>,
    fix: Option<String>,
    more: Option<&'static str>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), why: None, hint: None, fix: None, more: None }
    }
    /// Words that cannot work.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Kind::Usage, what)
    }
    pub(crate) fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted")
    }
    pub(crate) fn why(mut self, why: impl ToString) -> Self {
        self.why = Some(why.to_string());
        self
    }
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
    /// The same with other first words, of which this is the reason: a broker's own words, if it gave some.
    pub(crate) fn within(mut self, what: String) -> Self {
        let inner = std::mem::replace(&mut self.what, what);
        self.why = Some(match self.why.take() {
            Some(why) if self.more.is_some() => why,
            Some(why) => format!("{inner}: {why}"),
            None => inner,
        });
        self
    }
    pub(crate) fn what(&self) -> &str {
        &self.what
    }
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }
    /// Says it, unless there is nobody left to hear it, or nothing that they do not know.
    pub(crate) fn tell(&self) {
        if !matches!(self.kind, Kind::Unheard | Kind::Interrupted) {
            screen::talk(self.to_string().trim_end());
        }
    }
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }
}

impl fmt::Display for Failure {
    /// Four lines at most: with a hint and a fix there is no room for the reason's page.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", one_line(&self.what))?;
        let more = self.more.map(|name| format!("milena explain {name}"));
        let lines = [("why: ", &self.why), ("hint:", &self.hint), ("fix: ", &self.fix), ("more:", &more)];
        let given = lines.into_iter().filter_map(|(label, text)| Some((label, text.as_ref()?)));
        for (label, text) in given.take(3) {
            writeln!(f, "  {label} {}", one_line(text))?;
        }
        Ok(())
    }
}

/// A broker's or parser's words may have several lines; here they have one.
fn one_line(text: &str) -> String {
    screen::printable(&text.split('\n').map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("; "))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = match &error {
            Error::Server { code, about, message } => refused(*code, about, message.as_deref()),
            Error::Expired { last: Some(last), after } => {
                let kind = if last.is_connection() { Kind::Unreachable } else { Kind::Failed };
                Failure::new(kind, format!("not acknowledged within {after:?}")).why(last)
            }
            Error::Login { .. } => Failure::new(Kind::NotAllowed, error.to_string()),
            Error::NoPartition { .. } => Failure::new(Kind::NotFound, error.to_string()),
            Error::OutOfRange { .. } => Failure::new(Kind::NotFound, error.to_string()),
            Error::BadEndpoint(_) | Error::Invalid(_) | Error::NoBootstrap => Failure::usage(error.to_string()),
            _ if error.is_connection() => Failure::new(Kind::Unreachable, error.to_string()),
            _ => Failure::new(Kind::Failed, error.to_string()),
        };
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn refused(code: ErrorCode, about: &str, message: Option<&str>) -> Failure {
    let (kind, what) = match code.0 {
        3 | 69 | 100 => (Kind::NotFound, format!("{about} does not exist")),
        36 => (Kind::Exists, format!("{about} exists already")),
        68 => (Kind::Exists, format!("{about} has members")),
        29 | 30 | 31 | 53 | 58 | 73 => (Kind::NotAllowed, format!("{about}: not allowed")),
        7 => (Kind::Unreachable, format!("{about}: no answer in time")),
        _ => (Kind::Failed, format!("{about}: the broker says no")),
    };
    let mut failure = Failure::new(kind, what);
    // Of a thing that is not there, the code says no more than the first line.
    if kind != Kind::NotFound || message.is_some() {
        failure = failure.why(message.unwrap_or(code.words()));
    }
    failure.more = Some(code.name());
    failure
}

impl From<milena_serde::Error> for Failure {
    fn from(error: milena_serde::Error) -> Self {
        use milena_serde::Error as Said;
        let kind = match &error {
            Said::Address(_) => Kind::Usage,
            Said::Unreachable { .. } => Kind::Unreachable,
            Said::Refused { status, .. } => crate::web::kind_of(*status),
            _ => Kind::Failed,
        };
        match error {
            Said::Refused { message, .. } => Self::new(kind, message),
            other => Self::new(kind, other.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::Unheard, "the output was closed"),
            _ => Self::new(Kind::Failed, "the output cannot be written").why(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_four_lines_at_most_and_its_exit_code() {
        let error = Error::server(ErrorCode(17), "topic \"a b\"", Some("names have no spaces\nor lines"));
        let failure = Failure::from(error).hint("h").fix("f");
        assert_eq!(
            failure.to_string(),
            "error: topic \"a b\": the broker says no\n  why:  names have no spaces; or lines\n  hint: h\n  fix:  f\n"
        );
        let missing = Failure::from(Error::server(ErrorCode(3), "topic \"x\"", None));
        assert_eq!(missing.kind(), Kind::NotFound);
        assert_eq!(missing.to_string(), "error: topic \"x\" does not exist\n  more: milena explain UNKNOWN_TOPIC_OR_PARTITION\n");
    }
}
