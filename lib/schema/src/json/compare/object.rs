//! Objects: properties under open, partially open and closed content models, what is required, dependencies.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::{Kind, Pair, Walk};
use crate::{
    Policy,
    json::{
        dialect,
        model::{Id, Object},
    },
};

/// Bytes that one pattern may compile to, when a name is matched with it.
const PROGRAM: usize = 1 << 20;

/// What an object may hold beside its named properties.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Anything.
    Open,
    /// What a schema or a pattern allows.
    Partial,
    Closed,
}

/// How what is beside the named members changed.
pub(super) struct Beside {
    pub(super) key: &'static str,
    pub(super) added: Kind,
    pub(super) removed: Kind,
    pub(super) extended: Kind,
    pub(super) narrowed: Kind,
}

impl Walk<'_> {
    pub(super) fn objects(&mut self, pair: Pair, old: &Object<'_>, new: &Object<'_>) {
        use Kind::*;
        let most = [MAX_PROPERTIES_ADDED, MAX_PROPERTIES_REMOVED, MAX_PROPERTIES_INCREASED, MAX_PROPERTIES_DECREASED];
        let least = [MIN_PROPERTIES_ADDED, MIN_PROPERTIES_REMOVED, MIN_PROPERTIES_INCREASED, MIN_PROPERTIES_DECREASED];
        self.bound(pair, "maxProperties", most);
        self.bound(pair, "minProperties", least);
        self.optional(pair, "propertyNames", old.names, new.names);
        let additional = Beside {
            key: "additionalProperties",
            added: ADDITIONAL_PROPERTIES_ADDED,
            removed: ADDITIONAL_PROPERTIES_REMOVED,
            extended: ADDITIONAL_PROPERTIES_EXTENDED,
            narrowed: ADDITIONAL_PROPERTIES_NARROWED,
        };
        self.beside(pair, &additional, old.additional, new.additional);
        let unevaluated = Beside {
            key: "unevaluatedProperties",
            added: UNEVALUATED_PROPERTIES_ADDED,
            removed: UNEVALUATED_PROPERTIES_REMOVED,
            extended: UNEVALUATED_PROPERTIES_EXTENDED,
            narrowed: UNEVALUATED_PROPERTIES_NARROWED,
        };
        self.beside(pair, &unevaluated, old.unevaluated, new.unevaluated);
        self.dependencies(pair, old, new);
        self.patterns(pair, old, new);
        self.properties(pair, old, new);
    }

    /// Compares the schema of all members that have no name of their own. Absent means that anything goes.
    pub(super) fn beside(&mut self, pair: Pair, kinds: &Beside, old: Option<Id>, new: Option<Id>) {
        let old = old.filter(|id| !self.is_anything(*id));
        let new = new.filter(|id| !self.is_anything(*id));
        let kind = match (old, new) {
            (None, None) => return,
            (Some(was), None) if self.is_nothing(was) => kinds.added,
            (Some(_), None) => kinds.extended,
            (None, Some(is)) if self.is_nothing(is) => kinds.removed,
            (None, Some(_)) => kinds.narrowed,
            (Some(was), Some(is)) => match (self.is_nothing(was), self.is_nothing(is)) {
                (true, true) => return,
                (true, false) => kinds.extended,
                (false, true) => kinds.narrowed,
                (false, false) => {
                    let at = self.step(pair.at, &[kinds.key]);
                    return self.later(was, is, at);
                }
            },
        };
        self.tell(kind, pair, pair.at, kinds.key);
    }

    fn dependencies(&mut self, pair: Pair, old: &Object<'_>, new: &Object<'_>) {
        let at = self.step(pair.at, &["dependencies"]);
        let (were, are): (HashMap<_, _>, HashMap<_, _>) =
            (old.needs.iter().copied().collect(), new.needs.iter().copied().collect());
        for (name, was) in &old.needs {
            match are.get(name) {
                None => self.tell(Kind::DEPENDENCY_ARRAY_REMOVED, pair, at, name),
                Some(is) => self.dependency(pair, at, name, (was, is)),
            }
        }
        for (name, _) in new.needs.iter().filter(|(name, _)| !were.contains_key(name)) {
            self.tell(Kind::DEPENDENCY_ARRAY_ADDED, pair, at, name);
        }
        let (were, are): (HashMap<_, _>, HashMap<_, _>) =
            (old.dependent.iter().copied().collect(), new.dependent.iter().copied().collect());
        for (name, was) in &old.dependent {
            match are.get(name) {
                None => self.tell(Kind::DEPENDENCY_SCHEMA_REMOVED, pair, at, name),
                Some(is) => {
                    let inside = self.step(at, &[name]);
                    self.later(*was, *is, inside);
                }
            }
        }
        for (name, _) in new.dependent.iter().filter(|(name, _)| !were.contains_key(name)) {
            self.tell(Kind::DEPENDENCY_SCHEMA_ADDED, pair, at, name);
        }
    }

    fn dependency(&mut self, pair: Pair, at: usize, name: &str, (was, is): (&[Value], &[Value])) {
        let names = |list: &[Value]| list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<HashSet<_>>();
        let (was, is) = (names(was), names(is));
        let kind = match (was.is_subset(&is), is.is_subset(&was)) {
            (true, true) => return,
            (true, false) => Kind::DEPENDENCY_ARRAY_EXTENDED,
            (false, true) => Kind::DEPENDENCY_ARRAY_NARROWED,
            (false, false) => Kind::DEPENDENCY_ARRAY_CHANGED,
        };
        self.tell(kind, pair, at, name);
    }

    /// Patterns are properties whose names are not known: the same rules, but nothing can require them.
    fn patterns(&mut self, pair: Pair, old: &Object<'_>, new: &Object<'_>) {
        let (were, are) = (by_name(&old.patterns), by_name(&new.patterns));
        for (pattern, was) in &old.patterns {
            match are.get(pattern) {
                Some(is) => {
                    let at = self.step(pair.at, &["patternProperties", pattern]);
                    self.later(*was, *is, at);
                }
                None => self.removed(pair, ("patternProperties", pattern), *was, new, new.additional),
            }
        }
        let added: Vec<_> = new.patterns.iter().filter(|(pattern, _)| !were.contains_key(pattern)).copied().collect();
        for (pattern, is) in &added {
            let need = Need::Optional;
            self.added(pair, ("patternProperties", pattern), (*is, need), old, old.additional.or(old.unevaluated));
        }
        if !added.is_empty() {
            self.named_by_patterns(pair, old, &added);
        }
    }

    /// A pattern that is new also speaks of properties that were there, whatever the content model says about others.
    fn named_by_patterns(&mut self, pair: Pair, old: &Object<'_>, added: &[(&str, Id)]) {
        let mut matcher = Matcher::new(added);
        let at = self.step(pair.at, &["properties"]);
        for (name, was) in &old.properties {
            if !self.spend() {
                return;
            }
            let (covers, mut inside) = (matcher.covers(name), None);
            for is in covers {
                // Each of them is a comparison that waits.
                if !self.spend() {
                    return;
                }
                let inside = *inside.get_or_insert_with(|| self.step(at, &[name]));
                self.later(*was, is, inside);
            }
        }
    }

    fn properties(&mut self, pair: Pair, old: &Object<'_>, new: &Object<'_>) {
        let (were, are) = (by_name(&old.properties), by_name(&new.properties));
        let (needed, needs) = (required(self.source(pair.from)), required(self.source(pair.to)));
        let (mut in_old, mut in_new) = (Matcher::new(&old.patterns), Matcher::new(&new.patterns));
        for (name, was) in &old.properties {
            match are.get(name) {
                Some(is) => {
                    let at = self.step(pair.at, &["properties", name]);
                    self.later(*was, *is, at);
                }
                None => {
                    let cover = in_new.cover(name).or(new.additional).or(new.unevaluated);
                    self.removed(pair, ("properties", name), *was, new, cover);
                }
            }
        }
        for (name, is) in new.properties.iter().filter(|(name, _)| !were.contains_key(name)) {
            let need = match (needs.contains(name), self.model.has_default(*is)) {
                (false, _) => Need::Optional,
                (true, true) => Need::Completed,
                (true, false) => Need::Required,
            };
            let cover = in_old.cover(name).or(old.additional).or(old.unevaluated);
            self.added(pair, ("properties", name), (*is, need), old, cover);
        }
        self.requirements(pair, (&were, &needed), (&are, &needs));
    }

    /// Names that became required, or no longer are. What was added with its property was judged there.
    fn requirements(&mut self, pair: Pair, (were, needed): Names<'_, '_>, (are, needs): Names<'_, '_>) {
        let at = self.step(pair.at, &["required"]);
        let mut newly: Vec<_> = needs.difference(needed).copied().collect();
        newly.sort_unstable();
        for name in newly {
            match are.get(name) {
                Some(_) if !were.contains_key(name) => {}
                Some(id) if self.model.has_default(*id) => {
                    self.tell(Kind::REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED, pair, at, name);
                }
                _ => self.tell(Kind::REQUIRED_ATTRIBUTE_ADDED, pair, at, name),
            }
        }
        let mut no_longer: Vec<_> = needed.difference(needs).copied().collect();
        no_longer.sort_unstable();
        for name in no_longer {
            self.tell(Kind::REQUIRED_ATTRIBUTE_REMOVED, pair, at, name);
        }
    }

    /// A property that only the old schema has: the new one's content model decides.
    fn removed(&mut self, pair: Pair, (key, name): (&str, &str), was: Id, new: &Object<'_>, cover: Option<Id>) {
        use Kind::*;
        let at = self.step(pair.at, &[key]);
        let kind = match self.content(new) {
            Content::Open => PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL,
            Content::Closed if self.is_nothing(was) => PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL,
            Content::Closed => PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL,
            Content::Partial => match cover {
                Some(cover) if !self.fits(was, cover) => {
                    let inside = self.step(at, &[name]);
                    self.later(was, cover, inside);
                    PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
                }
                _ => PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
            },
        };
        self.tell(kind, pair, at, name);
    }

    /// A property that only the new schema has: the old one's content model decides, since it says what data may hold there.
    fn added(&mut self, pair: Pair, (key, name): (&str, &str), (is, need): (Id, Need), old: &Object<'_>, cover: Option<Id>) {
        use Kind::*;
        let at = self.step(pair.at, &[key]);
        let content = self.content(old);
        if content == Content::Open {
            let kind = match (need, self.policy) {
                (Need::Optional | Need::Completed, _) if self.is_anything(is) => {
                    PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL
                }
                (Need::Optional, Policy::Lenient) => OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL,
                (Need::Completed, Policy::Lenient) => REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL,
                _ => PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL,
            };
            return self.tell(kind, pair, at, name);
        }
        if content == Content::Partial {
            let kind = match cover {
                Some(cover) if !self.fits(cover, is) => {
                    let inside = self.step(at, &[name]);
                    self.later(cover, is, inside);
                    PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
                }
                None if !self.is_anything(is) => PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
                _ => PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
            };
            self.tell(kind, pair, at, name);
        }
        let kind = match need {
            Need::Optional => OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL,
            Need::Completed => REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL,
            Need::Required => REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL,
        };
        self.tell(kind, pair, at, name);
    }

    fn content(&self, object: &Object<'_>) -> Content {
        if !object.patterns.is_empty() {
            return Content::Partial;
        }
        self.content_of(object.additional, object.unevaluated)
    }

    /// The content model that the two keywords make. The first, where it is written, leaves the second nothing to say.
    pub(super) fn content_of(&self, additional: Option<Id>, unevaluated: Option<Id>) -> Content {
        match additional.or(unevaluated) {
            None => Content::Open,
            Some(id) if self.is_anything(id) => Content::Open,
            Some(id) if self.is_nothing(id) => Content::Closed,
            Some(_) => Content::Partial,
        }
    }
}

/// Properties by name, and the names that are required.
type Names<'n, 'a> = (&'n HashMap<&'a str, Id>, &'n HashSet<&'a str>);

/// Whether data must have an added property.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Optional,
    /// Required, but a default completes data that lacks it.
    Completed,
    Required,
}

fn by_name<'a>(members: &[(&'a str, Id)]) -> HashMap<&'a str, Id> {
    members.iter().copied().collect()
}

fn required(keywords: &Value) -> HashSet<&str> {
    keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Finds the pattern that covers a name. Compiled at the first question, since most objects are never asked.
struct Matcher<'p, 'a> {
    patterns: &'p [(&'a str, Id)],
    compiled: Option<Vec<(regex::Regex, Id)>>,
}

impl<'p, 'a> Matcher<'p, 'a> {
    fn new(patterns: &'p [(&'a str, Id)]) -> Self {
        Self { patterns, compiled: None }
    }

    fn cover(&mut self, name: &str) -> Option<Id> {
        self.covers(name).next()
    }

    /// A pattern that no linear engine can run covers nothing.
    fn covers<'m>(&'m mut self, name: &'m str) -> impl Iterator<Item = Id> + use<'m, 'p, 'a> {
        let compile = |(pattern, id): &(&str, Id)| {
            let small = pattern.len() <= dialect::PATTERN;
            let mut builder = regex::RegexBuilder::new(pattern);
            let program = builder.size_limit(PROGRAM / self.patterns.len().clamp(1, 16)).dfa_size_limit(PROGRAM / 16);
            small.then(|| program.build().ok()).flatten().map(|program| (program, *id))
        };
        let compiled = self.compiled.get_or_insert_with(|| self.patterns.iter().take(64).filter_map(compile).collect());
        compiled.iter().filter(|(program, _)| program.is_match(name)).map(|(_, id)| *id)
    }
}
