//! What a request asks for twice is answered once. Knows lists; knows no message.
//!
//! Some answers are thousands of times as long as the words that ask for them: all settings of a broker, all members of a
//! group. Without this a small request that repeats itself would fill the memory.

use std::{collections::HashSet, hash::Hash};

/// The list without repetitions, by what `key` says; the first of each stays, in its place.
pub(crate) fn once<T, K: Eq + Hash>(mut list: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    if list.len() > 1 {
        let mut seen = HashSet::new();
        list.retain(|item| seen.insert(key(item)));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::once;

    #[test]
    fn the_first_of_each_stays() {
        assert_eq!(once(vec![3, 1, 3, 2, 1], |n| *n), [3, 1, 2]);
        assert_eq!(once(vec![("a", 1), ("b", 2), ("a", 3)], |(name, _)| *name), [("a", 1), ("b", 2)]);
    }
}
