//! What a request asks for again and again is answered a few times only. Knows lists; knows no message.
//!
//! Some answers are thousands of times as long as the words that ask for them: all settings of a broker, all members of a
//! group. Apache Kafka answers each repetition; so do we, up to a number that no honest client reaches, since a small request
//! that repeats itself without end would fill the memory.

use std::{collections::HashMap, hash::Hash};

use crate::dispatch::Close;

/// So often the same thing is answered within one request.
const TIMES: u32 = 16;

/// How often each thing was asked for.
pub(crate) struct Asked<K>(HashMap<K, u32>);

impl<K: Eq + Hash> Asked<K> {
    pub(crate) fn new() -> Self {
        Self(HashMap::new())
    }
    /// Counts one more; false when it is one too many.
    pub(crate) fn again(&mut self, key: K) -> bool {
        let times = self.0.entry(key).or_insert(0);
        *times += 1;
        *times <= TIMES
    }
}

/// The list with at most sixteen of each, by what `key` says, in their places.
pub(crate) fn few<T, K: Eq + Hash>(mut list: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    if list.len() > TIMES as usize {
        let mut asked = Asked::new();
        list.retain(|item| asked.again(key(item)));
    }
    list
}

/// So many different things are answered within one request that nobody has any of.
const DIFFERENT: usize = 10_000;

/// Ends the connection that asks for more: each answer is several times as long as the question.
pub(crate) fn at_most(asked: usize, what: &str) -> Result<(), Close> {
    match asked {
        ..=DIFFERENT => Ok(()),
        _ => Err(Close::because(format!("{asked} {what} in one request; {DIFFERENT} are answered"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{DIFFERENT, at_most, few};

    #[test]
    fn what_nobody_has_is_answered_so_often() {
        assert!(at_most(DIFFERENT, "rules").is_ok() && at_most(DIFFERENT + 1, "rules").is_err());
    }

    #[test]
    fn the_first_sixteen_of_each_stay() {
        assert_eq!(few(vec![3, 1, 3], |n| *n), [3, 1, 3]);
        let mut many = vec![7; 100];
        many.push(8);
        let left = few(many, |n| *n);
        assert_eq!((left.len(), left.last()), (17, Some(&8)));
    }
}
