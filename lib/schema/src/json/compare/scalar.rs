//! Text, numbers, enums and bounds.

use std::{cmp::Ordering, collections::HashSet};

use serde_json::{Number, Value};

use super::{Kind, Pair, Walk};

/// The kinds of one bound: added, removed, raised, lowered.
type Four = [Kind; 4];

impl Walk<'_> {
    pub(super) fn texts(&mut self, pair: Pair) {
        use Kind::*;
        self.bound(pair, "maxLength", [MAX_LENGTH_ADDED, MAX_LENGTH_REMOVED, MAX_LENGTH_INCREASED, MAX_LENGTH_DECREASED]);
        self.bound(pair, "minLength", [MIN_LENGTH_ADDED, MIN_LENGTH_REMOVED, MIN_LENGTH_INCREASED, MIN_LENGTH_DECREASED]);
        match (self.source(pair.from).get("pattern"), self.source(pair.to).get("pattern")) {
            (None, Some(_)) => self.tell(PATTERN_ADDED, pair, pair.at, "pattern"),
            (Some(_), None) => self.tell(PATTERN_REMOVED, pair, pair.at, "pattern"),
            (Some(was), Some(is)) if was != is => self.tell(PATTERN_CHANGED, pair, pair.at, "pattern"),
            _ => {}
        }
    }

    pub(super) fn numbers(&mut self, pair: Pair, was_integer: bool, is_integer: bool) {
        use Kind::*;
        match (was_integer, is_integer) {
            (false, true) => self.tell(TYPE_NARROWED, pair, pair.at, ""),
            (true, false) => self.tell(TYPE_EXTENDED, pair, pair.at, ""),
            _ => {}
        }
        let (from, to) = (self.source(pair.from), self.source(pair.to));
        let upper = [MAXIMUM_ADDED, MAXIMUM_REMOVED, MAXIMUM_INCREASED, MAXIMUM_DECREASED];
        let lower = [MINIMUM_ADDED, MINIMUM_REMOVED, MINIMUM_INCREASED, MINIMUM_DECREASED];
        let above =
            [EXCLUSIVE_MAXIMUM_ADDED, EXCLUSIVE_MAXIMUM_REMOVED, EXCLUSIVE_MAXIMUM_INCREASED, EXCLUSIVE_MAXIMUM_DECREASED];
        let below =
            [EXCLUSIVE_MINIMUM_ADDED, EXCLUSIVE_MINIMUM_REMOVED, EXCLUSIVE_MINIMUM_INCREASED, EXCLUSIVE_MINIMUM_DECREASED];
        for (key, exclusive, within, beyond) in
            [("maximum", "exclusiveMaximum", upper, above), ("minimum", "exclusiveMinimum", lower, below)]
        {
            let (was, is) = (limits(from, key, exclusive), limits(to, key, exclusive));
            self.limit(pair, key, was.0, is.0, within);
            self.limit(pair, exclusive, was.1, is.1, beyond);
        }
        self.multiples(pair);
    }

    fn multiples(&mut self, pair: Pair) {
        let of = |value: &Value| value.get("multipleOf").and_then(Value::as_f64);
        let kind = match (of(self.source(pair.from)), of(self.source(pair.to))) {
            (None, Some(_)) => Kind::MULTIPLE_OF_ADDED,
            (Some(_), None) => Kind::MULTIPLE_OF_REMOVED,
            (Some(was), Some(is)) if was == is => return,
            (Some(was), Some(is)) if divides(is, was) => Kind::MULTIPLE_OF_REDUCED,
            (Some(was), Some(is)) if divides(was, is) => Kind::MULTIPLE_OF_EXPANDED,
            (Some(_), Some(_)) => Kind::MULTIPLE_OF_CHANGED,
            (None, None) => return,
        };
        self.tell(kind, pair, pair.at, "multipleOf");
    }

    /// A bound that is one keyword with a number.
    pub(super) fn bound(&mut self, pair: Pair, key: &str, kinds: Four) {
        let (was, is) = (number(self.source(pair.from), key), number(self.source(pair.to), key));
        self.limit(pair, key, was, is, kinds);
    }

    fn limit(&mut self, pair: Pair, key: &str, was: Option<&Number>, is: Option<&Number>, kinds: Four) {
        let [added, removed, raised, lowered] = kinds;
        let kind = match (was, is) {
            (None, Some(_)) => added,
            (Some(_), None) => removed,
            (Some(was), Some(is)) => match order(was, is) {
                Ordering::Less => raised,
                Ordering::Greater => lowered,
                Ordering::Equal => return,
            },
            (None, None) => return,
        };
        self.tell(kind, pair, pair.at, key);
    }

    pub(super) fn enums(&mut self, pair: Pair, old: &[Value], new: &[Value]) {
        let set = |values: &[Value]| values.iter().map(ToString::to_string).collect::<HashSet<_>>();
        let (old, new) = (set(old), set(new));
        let kind = match (old.is_subset(&new), new.is_subset(&old)) {
            (true, true) => return,
            (true, false) => Kind::ENUM_ARRAY_EXTENDED,
            (false, true) => Kind::ENUM_ARRAY_NARROWED,
            (false, false) => Kind::ENUM_ARRAY_CHANGED,
        };
        self.tell(kind, pair, pair.at, "enum");
    }
}

fn number<'a>(keywords: &'a Value, key: &str) -> Option<&'a Number> {
    keywords.get(key)?.as_number()
}

/// The inclusive and the exclusive bound. In draft 4 the second is a word about the first.
fn limits<'a>(keywords: &'a Value, key: &str, exclusive: &str) -> (Option<&'a Number>, Option<&'a Number>) {
    let bound = number(keywords, key);
    match keywords.get(exclusive) {
        Some(Value::Bool(true)) => (None, bound),
        Some(Value::Number(beyond)) => (bound, Some(beyond)),
        _ => (bound, None),
    }
}

fn order(a: &Number, b: &Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

/// Whether `small` divides `large`, forgiving what binary fractions lose (0.1 divides 0.3).
fn divides(small: f64, large: f64) -> bool {
    if small == 0.0 {
        return false;
    }
    let quotient = large / small;
    quotient.round() != 0.0 && (quotient - quotient.round()).abs() < 1e-9 * quotient.abs().max(1.0)
}
