//! Full names: a simple name and its namespace.

use std::fmt;

use crate::Flaw;

/// The eight names that no definition may take.
pub(crate) const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// The full name of a record, enum or fixed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    full: Box<str>,
    /// Where the simple name begins.
    simple: usize,
}

impl Name {
    /// A name that has dots is full already; any other lies in `namespace`, unless that is empty.
    pub fn new(name: &str, namespace: Option<&str>) -> Self {
        let full: Box<str> = match namespace {
            Some(space) if !space.is_empty() && !name.contains('.') => format!("{space}.{name}").into(),
            _ => name.strip_prefix('.').filter(|n| !n.contains('.')).unwrap_or(name).into(),
        };
        let simple = full.rfind('.').map_or(0, |dot| dot + 1);
        Self { full, simple }
    }

    /// With its namespace.
    pub fn full(&self) -> &str {
        &self.full
    }

    /// Without its namespace.
    pub fn simple(&self) -> &str {
        &self.full[self.simple..]
    }

    /// Its namespace, if it lies in one.
    pub fn namespace(&self) -> Option<&str> {
        (self.simple > 0).then(|| &self.full[..self.simple - 1]).filter(|space| !space.is_empty())
    }

    /// How to write it where `namespace` is the enclosing one: short where that suffices.
    pub(crate) fn within(&self, namespace: Option<&str>) -> &str {
        if self.namespace() == namespace && !PRIMITIVES.contains(&self.simple()) { self.simple() } else { self.full() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

/// A letter or underscore, then letters, digits and underscores. Letters of any alphabet, as in Java's library.
pub(crate) fn check(name: &str, what: &str) -> Result<(), Flaw> {
    let mut letters = name.chars();
    let Some(first) = letters.next() else { return Err(Flaw::new(format!("empty {what}"))) };
    if !(first.is_alphabetic() || first == '_') {
        return Err(Flaw::new(format!("illegal first character in {what} \"{name}\": a letter or _ must stand there")));
    }
    match letters.find(|c| !(c.is_alphanumeric() || *c == '_')) {
        Some(c) => Err(Flaw::new(format!("illegal character {c:?} in {what} \"{name}\": letters, digits and _ may stand there"))),
        None => Ok(()),
    }
}
