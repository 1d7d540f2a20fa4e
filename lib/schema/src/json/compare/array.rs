//! Arrays: items, tuples under open, partially open and closed content models, `contains`, bounds.

use serde_json::Value;

use super::{
    Kind, Pair, Walk,
    object::{Beside, Content},
};
use crate::json::model::{Array, Id};

impl Walk<'_> {
    pub(super) fn arrays(&mut self, pair: Pair, old: &Array, new: &Array) {
        use Kind::*;
        self.bound(pair, "maxItems", [MAX_ITEMS_ADDED, MAX_ITEMS_REMOVED, MAX_ITEMS_INCREASED, MAX_ITEMS_DECREASED]);
        self.bound(pair, "minItems", [MIN_ITEMS_ADDED, MIN_ITEMS_REMOVED, MIN_ITEMS_INCREASED, MIN_ITEMS_DECREASED]);
        let most = [MAX_CONTAINS_ADDED, MAX_CONTAINS_REMOVED, MAX_CONTAINS_INCREASED, MAX_CONTAINS_DECREASED];
        let least = [MIN_CONTAINS_ADDED, MIN_CONTAINS_REMOVED, MIN_CONTAINS_INCREASED, MIN_CONTAINS_DECREASED];
        self.bound(pair, "maxContains", most);
        self.bound(pair, "minContains", least);
        let unique = |value: &Value| value.get("uniqueItems") == Some(&Value::Bool(true));
        match (unique(self.source(pair.from)), unique(self.source(pair.to))) {
            (false, true) => self.tell(UNIQUE_ITEMS_ADDED, pair, pair.at, "uniqueItems"),
            (true, false) => self.tell(UNIQUE_ITEMS_REMOVED, pair, pair.at, "uniqueItems"),
            _ => {}
        }
        match (old.contains, new.contains) {
            // Whatever it lets in, one must be there, unless none need be: not even `true` is nothing.
            (None, Some(_)) if self.source(pair.to).get("minContains").and_then(Value::as_u64) != Some(0) => {
                self.tell(SCHEMA_ADDED, pair, pair.at, "contains")
            }
            (was, is) => self.optional(pair, "contains", was, is),
        }
        self.optional(pair, "items", old.every, new.every);
        let additional = Beside {
            key: "additionalItems",
            added: ADDITIONAL_ITEMS_ADDED,
            removed: ADDITIONAL_ITEMS_REMOVED,
            extended: ADDITIONAL_ITEMS_EXTENDED,
            narrowed: ADDITIONAL_ITEMS_NARROWED,
        };
        match (&old.tuple, &new.tuple) {
            (Some(_), Some(_)) => self.beside(pair, &additional, old.additional, new.additional),
            // What stands behind the new tuple's items was one of the old list's.
            (None, Some(_)) if new.additional.is_some() => self.beside(pair, &additional, old.every, new.additional),
            _ => {}
        }
        let unevaluated = Beside {
            key: "unevaluatedItems",
            added: UNEVALUATED_ITEMS_ADDED,
            removed: UNEVALUATED_ITEMS_REMOVED,
            extended: UNEVALUATED_ITEMS_EXTENDED,
            narrowed: UNEVALUATED_ITEMS_NARROWED,
        };
        self.beside(pair, &unevaluated, old.unevaluated, new.unevaluated);
        self.tuples(pair, old, new);
    }

    fn tuples(&mut self, pair: Pair, old: &Array, new: &Array) {
        let (were, are) = (old.tuple.as_deref().unwrap_or_default(), new.tuple.as_deref().unwrap_or_default());
        let at = self.step(pair.at, &["items"]);
        for (index, (was, is)) in were.iter().zip(are).enumerate() {
            let inside = self.step(at, &[&index.to_string()]);
            self.later(*was, *is, inside);
        }
        for (index, was) in were.iter().enumerate().skip(are.len()) {
            self.item_removed(pair, (at, index), *was, new);
        }
        for (index, is) in are.iter().enumerate().skip(were.len()) {
            self.item_added(pair, (at, index), *is, old);
        }
    }

    fn item_removed(&mut self, pair: Pair, (at, index): (usize, usize), was: Id, new: &Array) {
        use Kind::*;
        let name = index.to_string();
        let kind = match self.content_of(new.additional, new.unevaluated) {
            Content::Open => ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL,
            Content::Closed if self.is_nothing(was) => ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL,
            Content::Closed => ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL,
            Content::Partial => match new.additional.or(new.unevaluated) {
                Some(cover) if !self.fits(was, cover) => {
                    let inside = self.step(at, &[&name]);
                    self.later(was, cover, inside);
                    ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
                }
                _ => ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
            },
        };
        self.tell(kind, pair, at, &name);
    }

    fn item_added(&mut self, pair: Pair, (at, index): (usize, usize), is: Id, old: &Array) {
        use Kind::*;
        let name = index.to_string();
        let kind = match self.content_of(old.additional, old.unevaluated) {
            Content::Open if self.is_anything(is) => ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL,
            Content::Open => ITEM_ADDED_TO_OPEN_CONTENT_MODEL,
            Content::Closed => ITEM_ADDED_TO_CLOSED_CONTENT_MODEL,
            Content::Partial => match old.additional.or(old.unevaluated) {
                Some(cover) if !self.fits(cover, is) => {
                    let inside = self.step(at, &[&name]);
                    self.later(cover, is, inside);
                    ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
                }
                _ => ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
            },
        };
        self.tell(kind, pair, at, &name);
    }
}
