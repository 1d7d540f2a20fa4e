//! What one check found, and the list of all checks. Knows no check's work and no form of output.

use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Verdict {
    Skipped,
    Ok,
    Warning,
    Failure,
}

impl Verdict {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
    pub(crate) fn mark(self) -> char {
        match self {
            Self::Skipped => '-',
            Self::Ok => '✓',
            Self::Warning => '!',
            Self::Failure => '✗',
        }
    }
}

/// Every check, in the order in which it is told.
pub(crate) const CHECKS: &[(&str, &str)] = &[
    ("D01", "name"),
    ("D02", "ping"),
    ("D03", "port"),
    ("D04", "answer"),
    ("D05", "tls"),
    ("D06", "login"),
    ("D07", "apis"),
    ("D08", "address"),
    ("D09", "coordinator"),
    ("D10", "round trip"),
    ("D11", "rights"),
    ("D12", "clock"),
    ("D13", "registry"),
    ("D14", "rest, queue"),
    ("D15", "console"),
    ("D16", "sizes"),
    ("S01", "process"),
    ("S02", "ports"),
    ("S03", "firewall"),
    ("S04", "disk"),
    ("S05", "fsync"),
    ("S06", "filesystem"),
    ("S07", "limits"),
    ("S08", "data"),
    ("S09", "retention"),
    ("S10", "groups"),
    ("S11", "security"),
    ("S12", "backup"),
    ("S13", "clients"),
];

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Finding {
    pub(crate) id: &'static str,
    pub(crate) verdict: Verdict,
    /// The cause, or what was measured, in a line.
    pub(crate) words: String,
    /// More lines, for people.
    pub(crate) detail: Vec<String>,
    /// One thing to do, to be pasted.
    pub(crate) fix: Option<String>,
    pub(crate) took: Duration,
}

impl Finding {
    pub(crate) fn new(id: &'static str, verdict: Verdict, words: impl Into<String>) -> Self {
        Self { id, verdict, words: words.into(), detail: Vec::new(), fix: None, took: Duration::ZERO }
    }
    pub(crate) fn ok(id: &'static str, words: impl Into<String>) -> Self {
        Self::new(id, Verdict::Ok, words)
    }
    pub(crate) fn warning(id: &'static str, words: impl Into<String>) -> Self {
        Self::new(id, Verdict::Warning, words)
    }
    pub(crate) fn failure(id: &'static str, words: impl Into<String>) -> Self {
        Self::new(id, Verdict::Failure, words)
    }
    pub(crate) fn skipped(id: &'static str, why: impl Into<String>) -> Self {
        Self::new(id, Verdict::Skipped, why)
    }
    pub(crate) fn detail(mut self, line: impl Into<String>) -> Self {
        self.detail.push(line.into());
        self
    }
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
    pub(crate) fn took(mut self, took: Duration) -> Self {
        self.took = took;
        self
    }
    pub(crate) fn name(&self) -> &'static str {
        CHECKS.iter().find(|(id, _)| *id == self.id).map_or("", |(_, name)| name)
    }
    /// The same finding, as far as somebody who watches for changes cares.
    pub(crate) fn is_news(&self, before: &Self) -> bool {
        self.verdict != before.verdict
    }
}

#[cfg(test)]
mod tests {
    use super::CHECKS;
    use crate::cmd::explain::check;

    #[test]
    fn every_check_is_explained_as_the_manual_does() {
        for (id, name) in CHECKS {
            let text = check(&id.to_lowercase()).unwrap_or_else(|| panic!("docs/doctor.md has no row for {id}")).words;
            assert!(text.starts_with(&format!("{id} {name}\n  ")), "{text}");
            assert!(!text.contains(['*', '`', '[', '|']), "{text}");
        }
        assert!(check("D99").is_none() && check("id").is_none());
    }
}
