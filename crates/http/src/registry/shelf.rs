//! Answers that were made once: a schema by id, by GUID, or by version. Consumers ask for the same few again and again, and
//! between two changes of the registry the answer is the same bytes.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, StatusCode, body::Body as _};

use super::{fault::VND_V1, shape::Form};
use crate::{
    answer::{Answer, Body, bytes},
    asked::Asked,
};

/// Bytes of all answers that are kept. Beyond it all are dropped, and made anew.
const BYTES_MAX: u64 = 16 << 20;
/// What an entry takes beside its answer and its name.
const ENTRY: u64 = 96;

/// Answers by what was asked.
#[derive(Default)]
pub(crate) struct Shelf(RwLock<Held>);

#[derive(Default)]
struct Held {
    /// The count of changes that all answers were made at.
    changes: u64,
    answers: HashMap<Name, Full<Bytes>>,
    size: u64,
}

/// What was asked, as far as the answer depends on it.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Name {
    target: String,
    form: Form,
}

impl Name {
    /// Of a question whose answer is kept.
    pub(super) fn of(asked: &Asked, form: Form) -> Option<Self> {
        let segments = &asked.segments;
        let route: Vec<&str> = segments.iter().map(String::as_str).collect();
        let kept = matches!(
            route[..],
            ["schemas", "ids" | "guids", _]
                | ["schemas", "ids", _, "schema"]
                | ["subjects", _, "versions", _]
                | ["subjects", _, "versions", _, "schema"]
        );
        if !kept || asked.method != Method::GET {
            return None;
        }
        let mut target = asked.path.clone();
        for (name, value) in asked.all_queries() {
            // No byte of a query's text: parameters cannot run into one another.
            target.extend(['\0', '?']);
            target.push_str(name);
            target.push('\0');
            target.push_str(value);
        }
        Some(Self { target, form })
    }
}

impl Shelf {
    /// The answer, if it was made since the last change.
    pub(super) fn find(&self, name: &Name, changes: u64) -> Option<Answer> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let body = held.answers.get(name).filter(|_| held.changes == changes)?.clone();
        drop(held);
        let mut answer = bytes(StatusCode::OK, VND_V1, Bytes::new());
        *answer.body_mut() = Body::Whole(body);
        Some(answer)
    }

    /// Keeps an answer. `changes` was read before it was made: it may be older than the registry, never newer.
    pub(super) fn keep(&self, name: Name, changes: u64, answer: &Answer) {
        let Body::Whole(body) = answer.body() else { return };
        let size = body.size_hint().exact().unwrap_or(BYTES_MAX) + name.target.len() as u64 + ENTRY;
        if answer.status() != StatusCode::OK || size > BYTES_MAX / 16 {
            return;
        }
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if changes < held.changes {
            return;
        }
        if changes > held.changes || held.size + size > BYTES_MAX {
            *held = Held { changes, ..Held::default() };
        }
        if held.answers.insert(name, body.clone()).is_none() {
            held.size += size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(target: &str) -> Name {
        Name { target: target.into(), form: Form::Seven }
    }

    fn kept(shelf: &Shelf, target: &str, changes: u64) -> bool {
        shelf.find(&name(target), changes).is_some()
    }

    #[test]
    fn an_answer_lives_until_the_next_change() {
        let shelf = Shelf::default();
        let answer = bytes(StatusCode::OK, VND_V1, "{}");
        shelf.keep(name("a"), 5, &answer);
        assert!(kept(&shelf, "a", 5) && !kept(&shelf, "a", 6) && !kept(&shelf, "b", 5));
        shelf.keep(name("b"), 6, &answer);
        assert!(kept(&shelf, "b", 6) && !kept(&shelf, "a", 6), "what was made before a change is gone");
        shelf.keep(name("c"), 5, &answer);
        assert!(!kept(&shelf, "c", 6), "an answer from before the change comes too late");
    }

    #[test]
    fn errors_are_not_kept_and_memory_is_bounded() {
        let shelf = Shelf::default();
        shelf.keep(name("a"), 0, &bytes(StatusCode::NOT_FOUND, VND_V1, "{}"));
        assert!(!kept(&shelf, "a", 0));
        let large = bytes(StatusCode::OK, VND_V1, vec![b'x'; 900_000]);
        for n in 0..100 {
            shelf.keep(name(&n.to_string()), 0, &large);
            assert!(shelf.0.read().expect("sound").size <= BYTES_MAX);
        }
        assert!(kept(&shelf, "99", 0));
    }
}
