//! What was registered under a subject before, as a judgement looks at it: shared with the registry and walked without its
//! lock, since there may be a million.

use std::{collections::HashMap, sync::Arc};

use super::{Content, Metadata, Registry, Shown, Subject, Version, Versions, Wanted, few::Numbered};

/// Versions of a subject that one question parses at most, but for those that it is compared with.
pub(super) const PARSED_MOST: usize = 100;

/// Which versions a schema is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Among {
    /// Those that count when it is registered.
    All,
    One(Wanted),
}

/// What a schema refers to, in dependency order.
pub(super) type References = Vec<(String, Arc<Content>)>;

/// The versions of one moment.
#[derive(Clone, Debug)]
pub(super) struct Past {
    subject: Subject,
    versions: Arc<Numbered<Version>>,
    /// Whether soft-deleted ones count.
    deleted: bool,
    /// Of the versions that may be parsed.
    references: HashMap<i32, References>,
}

/// One earlier version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier<'a> {
    past: &'a Past,
    pub(super) number: i32,
    pub(super) version: &'a Version,
}

impl Past {
    /// Newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Earlier<'_>> {
        let counted = self.versions.iter().rev().filter(|(_, version)| self.deleted || !version.deleted);
        counted.map(|(number, version)| Earlier { past: self, number, version })
    }

    /// Of these the version of a number, and those that have it noted in them.
    pub(super) fn known_as(self, wanted: i32) -> Self {
        let noted = |content: &Content| content.metadata.as_deref().and_then(Metadata::version) == Some(wanted);
        let mut versions = Numbered::default();
        for (number, version) in self.versions.iter().filter(|(number, v)| *number == wanted || noted(&v.content)) {
            versions.insert(number, version.clone());
        }
        Self { versions: Arc::new(versions), ..self }
    }

    /// The newest that is this schema to the last word.
    pub(super) fn exactly(&self, content: &Content) -> Option<Shown> {
        self.iter().find(|past| past.content() == content).map(Earlier::shown)
    }

    pub(super) fn latest(&self) -> Option<&Content> {
        self.iter().next().map(|latest| latest.content())
    }
}

impl<'a> Earlier<'a> {
    pub(super) fn content(self) -> &'a Content {
        &self.version.content
    }

    pub(super) fn references(self) -> &'a [(String, Arc<Content>)] {
        self.past.references.get(&self.number).map_or(&[], Vec::as_slice)
    }

    pub(super) fn shown(self) -> Shown {
        self.version.shown(&self.past.subject, self.number)
    }
}

impl Registry {
    /// The earlier versions of a subject. What they refer to is gathered of `all` of them, or of those that a look-up parses.
    pub(super) fn past(&self, subject: &Subject, deleted: bool, all: bool) -> Past {
        let nothing = Versions::default();
        let versions = self.versions_of(subject).unwrap_or(&nothing);
        let most = if all { usize::MAX } else { PARSED_MOST };
        let referring = versions.referring.iter().rev().filter_map(|number| Some((*number, versions.by_number.get(*number)?)));
        let parsed = referring.filter(|(_, version)| deleted || !version.deleted).take(most);
        let references = parsed.map(|(number, version)| (number, self.closure(&subject.context, &version.content.references)));
        Past { subject: subject.clone(), versions: versions.by_number.clone(), deleted, references: references.collect() }
    }

    /// Of the past, the versions that a schema is compared with.
    pub(super) fn narrowed(&self, past: Past, among: Among) -> Past {
        let number = match among {
            Among::All => return past,
            Among::One(Wanted::Latest) => past.iter().next().map(|latest| latest.number),
            Among::One(Wanted::Number(number)) => Some(number),
        };
        let one = number.and_then(|number| Some((number, past.versions.get(number)?.clone())));
        let (mut versions, mut references) = (Numbered::default(), HashMap::new());
        if let Some((number, version)) = one {
            // An old one is not among those that a look-up parses.
            references.insert(number, self.closure(&past.subject.context, &version.content.references));
            versions.insert(number, version);
        }
        Past { versions: Arc::new(versions), references, ..past }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::Machine,
        subject::{Format, Reference, fact::SchemaRegistered},
    };

    /// A subject whose versions all refer to another one.
    fn registry(versions: i32) -> (Registry, Subject) {
        let mut registry = Registry::default();
        let mut put = |name: &str, version: i32, id: i32, references: Vec<Reference>| {
            let subject = Subject::new(".", name);
            let content = Content::new(Format::Avro, &format!("text {id}"), references, None, None);
            let content = Some(Arc::new(content));
            registry.apply(&SchemaRegistered { subject, version, id, at: 0, content }.into());
        };
        put("base", 1, 1, Vec::new());
        for version in 1..=versions {
            let reference = Reference { name: "b".into(), subject: "base".into(), version: 1 };
            put("a", version, version + 1, vec![reference]);
        }
        (registry, Subject::new(".", "a"))
    }

    #[test]
    fn a_question_shares_the_versions_and_gathers_only_what_it_parses() {
        let (mut registry, subject) = registry(500);
        let past = registry.past(&subject, false, false);
        let held = registry.versions_of(&subject).expect("it is there").by_number.clone();
        assert!(Arc::ptr_eq(&past.versions, &held), "nothing is copied");
        assert_eq!((past.iter().count(), past.references.len()), (500, PARSED_MOST));
        assert!(past.iter().take(PARSED_MOST).all(|earlier| earlier.references().len() == 1), "those of the newest");
        assert_eq!(registry.past(&subject, false, true).references.len(), 500);
        let old = registry.narrowed(past.clone(), Among::One(Wanted::Number(7)));
        let seen: Vec<_> = old.iter().map(|earlier| (earlier.number, earlier.references().len())).collect();
        assert_eq!(seen, [(7, 1)], "an old one comes with what it refers to");
        registry.apply_deleted(&subject, &[500]);
        assert_eq!(past.iter().next().map(|earlier| earlier.number), Some(500), "a question is of one moment");
        assert_eq!(registry.past(&subject, false, false).iter().next().map(|earlier| earlier.number), Some(499));
    }
}
