//! A failed command as a person meets it: what failed, why, what to do; and the exit code that scripts read.

use std::{fmt, process::ExitCode};

/// Why a command ended badly; each has its exit code, the same for every command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Failed = 1,
    Usage = 64,
}

#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    what: String,
    why: Option<String>,
    fix: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), why: None, fix: None }
    }
    pub(crate) fn why(mut self, why: impl ToString) -> Self {
        self.why = Some(why.to_string());
        self
    }
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.what)?;
        if let Some(why) = &self.why {
            writeln!(f, "  why:  {why}")?;
        }
        if let Some(fix) = &self.fix {
            writeln!(f, "  fix:  {fix}")?;
        }
        Ok(())
    }
}
