//! Patterns of topics, compiled once for all fetches: the subscribers of a group look at each other's, and a fetch may not wait
//! for what thousands of others have subscribed to.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use milena_node::Node;
use regex::{Regex, RegexBuilder};

use crate::rest::fault::{Fault, Told};

/// What a pattern may take when it is compiled, in bytes.
const PATTERN_BYTES: usize = 1 << 20;
/// Patterns that are remembered. Usual ones take some kilobytes.
const REMEMBERED: usize = 500;

/// What texts mean. `None`: it is no pattern (any more), and matches nothing. Shared, since a clone would begin anew with what a
/// pattern has learnt of its texts.
pub(super) type Compiled = HashMap<Box<str>, Option<Arc<Regex>>>;

/// The patterns that were asked for last.
#[derive(Default)]
pub(crate) struct Patterns(Mutex<Compiled>);

impl Patterns {
    /// All of these; what is not known is compiled where it holds nobody up.
    pub(super) async fn compiled(&self, node: &Node, texts: BTreeSet<Box<str>>) -> Told<Compiled> {
        let (mut found, missing) = self.known(texts);
        if missing.is_empty() {
            return Ok(found);
        }
        let compile = |text: Box<str>| {
            let pattern = pattern(&text).ok().map(Arc::new);
            (text, pattern)
        };
        let new: Compiled = node.aside(move || missing.into_iter().map(compile).collect()).await?;
        let mut known = self.hold();
        if known.len() + new.len() > REMEMBERED {
            known.clear();
        }
        known.extend(new.iter().take(REMEMBERED).map(|(text, pattern)| (text.clone(), pattern.clone())));
        found.extend(new);
        Ok(found)
    }

    /// What is known of these, and what is not.
    fn known(&self, texts: BTreeSet<Box<str>>) -> (Compiled, Vec<Box<str>>) {
        let (mut found, mut missing) = (Compiled::with_capacity(texts.len()), Vec::new());
        let known = self.hold();
        for text in texts {
            match known.get(&text) {
                Some(pattern) => drop(found.insert(text, pattern.clone())),
                None => missing.push(text),
            }
        }
        (found, missing)
    }

    fn hold(&self) -> MutexGuard<'_, Compiled> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As in Kafka the whole name must match.
pub(super) fn pattern(text: &str) -> Told<Regex> {
    let build = |text: &str| RegexBuilder::new(text).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
    // By itself first: what is none may become one between the anchors.
    build(text)
        .and_then(|_| build(&format!("^(?:{text})$")))
        .map_err(|error| Fault::bad_config(format!("the topic pattern cannot be used: {error}")))
}
