//! What systemd knows of the server, where systemd runs it: whether it had to be started again and again, and its last words.

use std::{path::Path, process::Command};

/// More of them in a day is no accident.
const OFTEN: u64 = 3;

/// How the unit stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unit {
    pub(super) state: String,
    /// Since it was last started by hand.
    pub(super) restarts: u64,
}

impl Unit {
    /// `None`: no systemd, or no such unit.
    pub(super) fn ask() -> Option<Self> {
        if !Path::new("/run/systemd/system").exists() {
            return None;
        }
        let output = Command::new("systemctl").args(["show", "milena", "-p", "LoadState,ActiveState,NRestarts"]).output().ok()?;
        Self::read(&String::from_utf8_lossy(&output.stdout))
    }

    fn read(text: &str) -> Option<Self> {
        let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        (of("LoadState") == Some("loaded")).then(|| Self {
            state: of("ActiveState").unwrap_or("unknown").to_owned(),
            restarts: of("NRestarts").and_then(|n| n.parse().ok()).unwrap_or(0),
        })
    }

    pub(super) fn is_restless(&self) -> bool {
        self.restarts > OFTEN
    }
}

/// The last lines that the service logged; none where the journal has none or may not be read.
pub(super) fn last_words() -> Vec<String> {
    if !Path::new("/run/systemd/system").exists() {
        return Vec::new();
    }
    let journal = Command::new("journalctl").args(["-u", "milena", "-n", "5", "--no-pager", "-q", "-o", "cat"]).output();
    let text = journal.ok().filter(|output| output.status.success()).map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_and_one_that_is_not_there_is_none() {
        let restless = Unit::read("LoadState=loaded\nActiveState=active\nNRestarts=7\n").unwrap();
        assert_eq!(restless, Unit { state: "active".into(), restarts: 7 });
        assert!(restless.is_restless());
        assert_eq!(Unit::read("LoadState=not-found\nActiveState=inactive\nNRestarts=0\n"), None);
        assert_eq!(Unit::read(""), None);
    }
}
