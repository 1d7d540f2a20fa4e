//! Collections that hold one thing as a rule, and must hold a hundred thousand of themselves: a node of a B-tree has room
//! for eleven.

use std::{collections::BTreeSet, ops::RangeInclusive};

/// A sorted set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum Few<T> {
    #[default]
    None,
    One(T),
    /// Two or more.
    Many(BTreeSet<T>),
}

impl<T: Ord> Few<T> {
    pub(super) fn insert(&mut self, new: T) {
        *self = match std::mem::take(self) {
            Few::None => Few::One(new),
            Few::One(old) if old == new => Few::One(new),
            Few::One(old) => Few::Many([old, new].into()),
            Few::Many(mut many) => {
                many.insert(new);
                Few::Many(many)
            }
        };
    }

    pub(super) fn remove(&mut self, gone: &T) {
        *self = match std::mem::take(self) {
            Few::One(one) if one != *gone => Few::One(one),
            Few::None | Few::One(_) => Few::None,
            Few::Many(mut many) => {
                many.remove(gone);
                match many.len() {
                    0 | 1 => many.pop_first().map_or(Few::None, Few::One),
                    _ => Few::Many(many),
                }
            }
        };
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Few::None)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        let (one, many) = match self {
            Few::None => (None, None),
            Few::One(one) => (Some(one), None),
            Few::Many(many) => (None, Some(many)),
        };
        one.into_iter().chain(many.into_iter().flat_map(|many| many.iter()))
    }

    /// Those in a range.
    pub(super) fn range(&self, range: RangeInclusive<T>) -> impl DoubleEndedIterator<Item = &T> {
        let (one, many) = match self {
            Few::None => (None, None),
            Few::One(one) => (Some(one).filter(|one| range.contains(one)), None),
            Few::Many(many) => (None, Some(many.range(range))),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// A map from numbers that mostly come in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Numbered<V>(Vec<(i32, V)>);

impl<V> Default for Numbered<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Numbered<V> {
    fn place(&self, number: i32) -> Result<usize, usize> {
        self.0.binary_search_by_key(&number, |(number, _)| *number)
    }

    pub(super) fn get(&self, number: i32) -> Option<&V> {
        self.place(number).ok().map(|at| &self.0[at].1)
    }

    pub(super) fn get_mut(&mut self, number: i32) -> Option<&mut V> {
        self.place(number).ok().map(|at| &mut self.0[at].1)
    }

    pub(super) fn insert(&mut self, number: i32, value: V) {
        match self.place(number) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => {
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, (number, value));
            }
        }
    }

    pub(super) fn remove(&mut self, number: i32) -> Option<V> {
        self.place(number).ok().map(|at| self.0.remove(at).1)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, &V)> {
        self.0.iter().map(|(number, value)| (*number, value))
    }

    pub(super) fn upto(&self, last: i32) -> impl Iterator<Item = i32> {
        self.0.iter().map(|(number, _)| *number).take_while(move |number| *number <= last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn few_is_a_set(steps in prop::collection::vec((any::<bool>(), 0..6_u8), 0..40)) {
            let (mut few, mut set) = (Few::default(), BTreeSet::new());
            for (insert, value) in steps {
                if insert {
                    few.insert(value);
                    set.insert(value);
                } else {
                    few.remove(&value);
                    set.remove(&value);
                }
                prop_assert!(few.iter().eq(set.iter()) && few.iter().rev().eq(set.iter().rev()));
                prop_assert_eq!(few.is_empty(), set.is_empty());
                prop_assert!(few.range(0..=value).eq(set.range(0..=value)));
            }
        }

        #[test]
        fn numbered_is_a_map(steps in prop::collection::vec((0..3_u8, 0..9_i32), 0..40)) {
            let (mut numbered, mut map) = (Numbered::default(), BTreeMap::new());
            for (n, (what, number)) in steps.into_iter().enumerate() {
                match what {
                    0 => prop_assert_eq!(numbered.remove(number), map.remove(&number)),
                    _ => {
                        numbered.insert(number, n);
                        map.insert(number, n);
                    }
                }
                prop_assert_eq!(numbered.get(number), map.get(&number));
                prop_assert!(numbered.iter().eq(map.iter().map(|(k, v)| (*k, v))));
                prop_assert!(numbered.upto(number).eq(map.range(..=number).map(|(k, _)| *k)));
            }
        }
    }
}
