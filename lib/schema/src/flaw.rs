//! Why a schema, or data that should follow one, is refused.

/// What is wrong, and where: enough for the author to find and mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}", Self::shown(.place))]
pub struct Flaw {
    /// What is wrong, as a sentence without a full stop.
    pub what: String,
    /// Where: a JSON pointer into the schema, `line:column`, or a field's path; empty for the whole.
    pub place: String,
}

impl Flaw {
    /// A flaw of the whole.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: String::new() }
    }

    /// The same flaw, seen at `place`, if none was known yet.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        if self.place.is_empty() {
            self.place = place.into();
        }
        self
    }

    fn shown(place: &str) -> String {
        if place.is_empty() { String::new() } else { format!(" (at {place})") }
    }
}
