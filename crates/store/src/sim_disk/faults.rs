//! Which operation fails, and how. Knows kinds of operations and counts them.

use std::io;

/// Kinds of operations that can be made to fail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Kind {
    Open,
    Read,
    Write,
    Sync,
    SetLen,
    Allocate,
    Punch,
    Rename,
    Unlink,
    SyncDir,
}

impl Kind {
    /// Every kind, for a harness that injects into each.
    pub const ALL: [Kind; 10] = [
        Kind::Open,
        Kind::Read,
        Kind::Write,
        Kind::Sync,
        Kind::SetLen,
        Kind::Allocate,
        Kind::Punch,
        Kind::Rename,
        Kind::Unlink,
        Kind::SyncDir,
    ];
}

/// How an operation fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The device says no; nothing was written.
    Eio,
    /// No room; nothing was written.
    Enospc,
    /// Half of the bytes were written before the device said no.
    Short,
}

impl Failure {
    pub(super) fn error(self) -> io::Error {
        match self {
            Failure::Eio | Failure::Short => io::Error::from_raw_os_error(EIO),
            Failure::Enospc => io::Error::from_raw_os_error(ENOSPC),
        }
    }
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// The `nth` operation of a kind fails (counted from one, from now on); with `lasting`, all after it too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    pub kind: Kind,
    pub nth: u64,
    pub failure: Failure,
    pub lasting: bool,
}

#[derive(Default)]
pub(super) struct Faults {
    counts: [u64; Kind::ALL.len()],
    rules: Vec<(u64, Rule)>,
    hits: u64,
}

impl Faults {
    pub(super) fn add(&mut self, rule: Rule) {
        self.rules.push((self.counts[rule.kind as usize] + rule.nth, rule));
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// How many operations failed on request.
    pub(super) fn hits(&self) -> u64 {
        self.hits
    }

    /// How many operations of this kind were asked for.
    pub(super) fn count(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    /// Counts one operation, and says whether it fails.
    pub(super) fn meet(&mut self, kind: Kind) -> Option<Failure> {
        self.counts[kind as usize] += 1;
        let count = self.counts[kind as usize];
        let met = |at: u64, rule: &Rule| rule.kind == kind && (count == at || (rule.lasting && count > at));
        let failure = self.rules.iter().find(|(at, rule)| met(*at, rule)).map(|(_, rule)| rule.failure)?;
        self.hits += 1;
        Some(failure)
    }
}
