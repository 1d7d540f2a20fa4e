//! Books over messages: which were sent, and how often each was handled. Knows names and counts.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What a test's producers and consumers did, by whatever names their messages have. Cheap to clone: all clones are one book.
#[derive(Clone, Debug, Default)]
pub struct Book(Arc<Mutex<BTreeMap<String, Counts>>>);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    sent: u32,
    handled: u32,
}

/// Where a book does not balance.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Imbalance {
    /// Sent, and never handled.
    pub lost: Vec<String>,
    /// Handled more often than sent, and how often.
    pub doubled: Vec<(String, u32)>,
    /// Handled, and never sent.
    pub unknown: Vec<String>,
}

impl Imbalance {
    fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.unknown.is_empty()
    }
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doubled: Vec<String> = self.doubled.iter().map(|(name, times)| format!("{name} ({times} times)")).collect();
        let parts = [("never handled", &self.lost), ("handled more than once", &doubled), ("never sent", &self.unknown)];
        let told: Vec<String> =
            parts.iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| some(what, names)).collect();
        f.write_str(&told.join("; "))
    }
}

impl std::error::Error for Imbalance {}

fn some(what: &str, names: &[String]) -> String {
    const SHOWN: usize = 10;
    let dots = if names.len() > SHOWN { ", …" } else { "" };
    format!("{} {what}: {}{dots}", names.len(), names[..names.len().min(SHOWN)].join(", "))
}

impl Book {
    pub fn new() -> Self {
        Self::default()
    }

    /// A message was acknowledged to its producer.
    pub fn sent(&self, name: impl Into<String>) {
        self.hold().entry(name.into()).or_default().sent += 1;
    }

    /// A consumer did its work for a message.
    pub fn handled(&self, name: impl Into<String>) {
        self.hold().entry(name.into()).or_default().handled += 1;
    }

    /// How many were sent, and how many handled.
    pub fn counts(&self) -> (u64, u64) {
        self.hold().values().fold((0, 0), |(sent, handled), c| (sent + u64::from(c.sent), handled + u64::from(c.handled)))
    }

    /// Each message that was sent was handled as often as it was sent, and nothing else was.
    pub fn every_message_handled_once(&self) -> Result<(), Imbalance> {
        let mut found = Imbalance::default();
        for (name, counts) in self.hold().iter() {
            match (counts.sent, counts.handled) {
                (0, _) => found.unknown.push(name.clone()),
                (sent, handled) if handled < sent => found.lost.push(name.clone()),
                (sent, handled) if handled > sent => found.doubled.push((name.clone(), handled)),
                _ => {}
            }
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// The same where a message may be handled again after a crash: nothing was lost, and nothing is unknown.
    pub fn every_message_handled(&self) -> Result<(), Imbalance> {
        match self.every_message_handled_once() {
            Err(found) if !(found.lost.is_empty() && found.unknown.is_empty()) => Err(found),
            _ => Ok(()),
        }
    }

    fn hold(&self) -> MutexGuard<'_, BTreeMap<String, Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_names_what_does_not_balance() {
        let book = Book::new();
        for name in ["a", "b", "c"] {
            book.sent(name);
        }
        for name in ["b", "c", "c", "x"] {
            book.handled(name);
        }
        let found = book.every_message_handled_once().unwrap_err();
        assert_eq!(found.to_string(), "1 never handled: a; 1 handled more than once: c (2 times); 1 never sent: x");
        assert_eq!(book.counts(), (3, 4));
        book.handled("a");
        book.sent("x");
        assert!(book.every_message_handled_once().is_err() && book.every_message_handled().is_ok());
        book.sent("c");
        assert_eq!(book.every_message_handled_once(), Ok(()));
    }
}
