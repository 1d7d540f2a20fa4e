//! Questions that change nothing: lists, versions, ids.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Content, DEFAULT_CONTEXT, EVERY_CONTEXT, Refusal, Registry, Subject, Versions};
use crate::ids::Uuid;

/// Which version is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    Latest,
    Number(i32),
}

impl Wanted {
    /// `latest`, -1, or a number from 1.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("latest") || text == "-1" {
            return Ok(Self::Latest);
        }
        match text.parse() {
            Ok(number @ 1..) => Ok(Self::Number(number)),
            _ => Err(Refusal::BadVersion(text.chars().take(60).collect())),
        }
    }
}

/// Whether what is soft-deleted counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Which {
    #[default]
    Live,
    WithDeleted,
    OnlyDeleted,
}

impl Which {
    fn takes(self, deleted: bool) -> bool {
        match self {
            Self::Live => !deleted,
            Self::WithDeleted => true,
            Self::OnlyDeleted => deleted,
        }
    }
}

/// One registered version, as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    pub subject: Subject,
    pub version: i32,
    pub id: i32,
    pub content: Arc<Content>,
    pub deleted: bool,
    /// Wall-clock milliseconds.
    pub at: i64,
}

impl Registry {
    /// The contexts that are there, the default one first.
    pub fn contexts(&self) -> Vec<Arc<str>> {
        let others = self.contexts.iter().filter(|(name, c)| c.live && &***name != DEFAULT_CONTEXT);
        std::iter::once(DEFAULT_CONTEXT.into()).chain(others.map(|(name, _)| name.clone())).collect()
    }

    /// What holds under the aliases: a subject may stand for another one of its context.
    pub fn resolve(&self, subject: Subject) -> Subject {
        match self.configs.get(&subject).and_then(|config| config.alias.as_deref()) {
            Some(alias) if !alias.is_empty() => Subject::parse_in(&subject.context, alias),
            _ => subject,
        }
    }

    /// By subject, those that stand for it.
    pub fn aliases(&self) -> BTreeMap<Subject, Vec<Subject>> {
        let mut all: BTreeMap<Subject, Vec<Subject>> = BTreeMap::new();
        for (alias, config) in &self.configs {
            if let Some(name) = config.alias.as_deref().filter(|name| !name.is_empty()) {
                all.entry(Subject::parse_in(&alias.context, name)).or_default().push(alias.clone());
            }
        }
        all
    }

    /// Subjects whose names begin so, `:*:` meaning in every context.
    pub fn subjects(&self, prefix: &str, which: Which) -> Vec<Subject> {
        self.named(prefix).filter(|(_, v)| v.counts(which)).map(|(subject, _)| subject).collect()
    }

    fn named(&self, prefix: &str) -> impl Iterator<Item = (Subject, &Versions)> {
        let prefix = Subject::parse(prefix);
        let contexts = self.contexts.iter().filter(move |(name, _)| match &*prefix.context {
            EVERY_CONTEXT => true,
            context => &***name == context,
        });
        let start = prefix.name.clone();
        contexts.flat_map(move |(context, inside)| {
            let start = start.clone();
            let from = inside.subjects.range::<str, _>((std::ops::Bound::Included(&*start), std::ops::Bound::Unbounded));
            let named = from.take_while(move |(name, _)| name.starts_with(&*start));
            named.map(|(name, v)| (Subject { context: context.clone(), name: name.clone() }, v))
        })
    }

    /// Whether a subject has versions at all.
    pub fn has(&self, subject: &Subject, which: Which) -> bool {
        self.versions_of(subject).is_some_and(|versions| match which {
            Which::WithDeleted => true,
            _ => versions.by_number.iter().any(|(_, v)| which.takes(v.deleted)),
        })
    }

    /// The numbers of a subject's versions. Of a live one there may be no deleted ones, and that is an answer; a subject of which
    /// nothing is live is not there for whoever asks for live ones.
    pub fn versions(&self, subject: &Subject, which: Which) -> Result<Vec<i32>, Refusal> {
        let unknown = || Refusal::NoSubject(subject.clone());
        let versions = self.versions_of(subject).ok_or_else(unknown)?;
        let taken = versions.by_number.iter().filter(|(_, v)| which.takes(v.deleted)).map(|(number, _)| number);
        let taken: Vec<i32> = taken.collect();
        if taken.is_empty() && which != Which::OnlyDeleted { Err(unknown()) } else { Ok(taken) }
    }

    /// Whether a version is soft-deleted.
    pub fn is_deleted(&self, subject: &Subject, version: i32) -> bool {
        self.version_of(subject, version).is_some_and(|v| v.deleted)
    }

    /// One version. An unqualified subject that is not in the default context is looked for in the others.
    pub fn version(&self, subject: &Subject, wanted: Wanted, deleted: bool) -> Result<Shown, Refusal> {
        let here = self.version_in(&self.anywhere(subject), wanted, deleted);
        let elsewhere = self.everywhere(subject).into_iter();
        here.or_else(|refusal| elsewhere.filter_map(|s| self.version_in(&s, wanted, deleted).ok()).next().ok_or(refusal))
    }

    fn version_in(&self, subject: &Subject, wanted: Wanted, deleted: bool) -> Result<Shown, Refusal> {
        let versions = self.versions_of(subject).ok_or_else(|| Refusal::NoSubject(subject.clone()))?;
        let which = if deleted { Which::WithDeleted } else { Which::Live };
        if !versions.counts(which) {
            return Err(Refusal::NoSubject(subject.clone()));
        }
        let number = match wanted {
            Wanted::Latest => versions.live().next_back().map(|(number, _)| number).or_else(|| versions.last()),
            Wanted::Number(number) => Some(number),
        };
        let shown = number.and_then(|number| self.shown(subject, number)).filter(|shown| which.takes(shown.deleted));
        shown.ok_or_else(|| match wanted {
            Wanted::Latest => Refusal::NoVersion("latest".into()),
            Wanted::Number(number) => Refusal::NoVersion(number.to_string()),
        })
    }

    pub(super) fn shown(&self, subject: &Subject, number: i32) -> Option<Shown> {
        let version = self.version_of(subject, number)?;
        Some(version.shown(subject, number))
    }

    /// The subject in the context that has it, when its name says no context.
    pub fn anywhere(&self, subject: &Subject) -> Subject {
        if &*subject.context != DEFAULT_CONTEXT || self.versions_of(subject).is_some() {
            return subject.clone();
        }
        let elsewhere = self.contexts.iter().find(|(_, c)| c.subjects.contains_key(&subject.name));
        elsewhere.map_or_else(|| subject.clone(), |(name, _)| Subject::new(name, &subject.name))
    }

    /// The subjects that a name may mean: itself, and when it says no context those of its name in all contexts.
    pub fn everywhere(&self, subject: &Subject) -> Vec<Subject> {
        if &*subject.context != DEFAULT_CONTEXT {
            return vec![subject.clone()];
        }
        let named = self.contexts.iter().filter(|(_, c)| c.subjects.contains_key(&subject.name));
        let mut all: Vec<Subject> = named.map(|(name, _)| Subject::new(name, &subject.name)).collect();
        all.sort_by_key(|other| other != subject);
        if all.is_empty() { vec![subject.clone()] } else { all }
    }

    /// The schema of an id. `hint` names the context, and the subject whose version is preferred, and looked for elsewhere.
    pub fn by_id(&self, id: i32, hint: &Subject) -> Result<Shown, Refusal> {
        // The same number is another schema in another context: the one of the subject that is named comes first.
        let is_its = |context: &str| self.context(context).is_some_and(|c| c.uses_of(&hint.name, id).next().is_some());
        let unqualified = &*hint.context == DEFAULT_CONTEXT && !hint.is_context();
        let elsewhere = self.contexts.keys().map(|name| &**name).filter(|_| unqualified);
        let mut contexts = std::iter::once(&*hint.context).chain(elsewhere);
        let context = contexts.find(|context| is_its(context)).unwrap_or(&hint.context);
        self.shown_by_id(context, id, &hint.name).ok_or_else(|| Refusal::NoId(id.to_string()))
    }

    fn shown_by_id(&self, context: &str, id: i32, preferred: &str) -> Option<Shown> {
        let known = self.context(context)?.contents.get(&id)?;
        let of = |(name, number): &(Arc<str>, i32)| self.shown(&Subject::new(context, name), *number);
        let named = known.uses.iter().rev().filter(|(name, _)| &**name == preferred).filter_map(of);
        let all = known.uses.iter().filter_map(of);
        let shown: Vec<Shown> = named.chain(all).collect();
        shown.iter().find(|s| !s.deleted).or(shown.first()).cloned()
    }

    /// The schema of a GUID, in whichever context.
    pub fn by_guid(&self, guid: Uuid) -> Option<Shown> {
        let (context, id) = self.ids_of(guid).into_iter().next()?;
        self.shown_by_id(&context, id, "")
    }

    /// The ids of a GUID, by context.
    pub fn ids_of(&self, guid: Uuid) -> Vec<(Arc<str>, i32)> {
        let of = |context: &super::Context| {
            let all = [super::Format::Avro, super::Format::Json, super::Format::Protobuf];
            all.into_iter().flat_map(|format| context.ids.get(&(format, guid)).cloned().unwrap_or_default()).collect::<Vec<_>>()
        };
        let contexts = self.contexts.iter();
        contexts.flat_map(|(name, context)| of(context).into_iter().map(move |id| (name.clone(), id))).collect()
    }

    /// The last id that a context has handed out.
    pub fn mark(&self, context: &str) -> i32 {
        self.context(context).map_or(0, |c| c.mark)
    }

    /// The versions that are the schema of an id.
    pub fn uses(&self, id: i32, hint: &Subject, deleted: bool) -> Result<Vec<(Subject, i32)>, Refusal> {
        let found = self.by_id(id, hint)?;
        let context = &found.subject.context;
        let known = self.context(context).and_then(|c| c.contents.get(&id)).ok_or_else(|| Refusal::NoId(id.to_string()))?;
        let uses = known.uses.iter().filter(|(name, _)| hint.is_context() || *name == hint.name);
        let uses = uses.map(|(name, number)| (Subject::new(context, name), *number));
        Ok(uses.filter(|(subject, number)| deleted || !self.is_deleted(subject, *number)).collect())
    }

    /// The ids of the schemas that name a version.
    pub fn referenced_by(&self, subject: &Subject, version: i32, deleted: bool) -> Vec<i32> {
        let referrers = self.referrers.get(&(subject.clone(), version)).into_iter().flatten();
        let counted = referrers.filter_map(|(s, n)| self.version_of(s, *n)).filter(|v| deleted || !v.deleted);
        counted.map(|v| v.id).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Every version of the subjects whose names begin so; of each only the latest, when asked.
    pub fn list(&self, prefix: &str, which: Which, latest_only: bool) -> Vec<Shown> {
        let mut all = Vec::new();
        for (subject, versions) in self.named(prefix) {
            let taken = versions.by_number.iter().filter(|(_, v)| which.takes(v.deleted)).map(|(number, _)| number);
            let mut numbers: Vec<i32> = taken.collect();
            if latest_only {
                numbers.drain(..numbers.len().saturating_sub(1));
            }
            all.extend(numbers.into_iter().filter_map(|number| self.shown(&subject, number)));
        }
        all
    }

    /// The newest version whose metadata says all of this.
    pub fn with_properties(&self, subject: &Subject, wanted: &[(String, String)], deleted: bool) -> Result<Shown, Refusal> {
        let versions = self.versions_of(subject).ok_or_else(|| Refusal::NoSubject(subject.clone()))?;
        let has = |shown: &Shown| {
            let property = |name: &str| shown.content.metadata.as_deref().and_then(|m| m.property(name));
            wanted.iter().all(|(name, value)| property(name) == Some(value))
        };
        let newest = versions.by_number.iter().rev().filter(|(_, v)| deleted || !v.deleted);
        let mut shown = newest.filter_map(|(number, _)| self.shown(subject, number));
        shown.find(has).ok_or(Refusal::NoSchema)
    }

    /// How many subjects, versions and schemas there are.
    pub fn sizes(&self) -> (usize, usize, usize) {
        let contexts = || self.contexts.values();
        let versions = contexts().flat_map(|c| c.subjects.values()).map(|v| v.by_number.len()).sum();
        (contexts().map(|c| c.subjects.len()).sum(), versions, contexts().map(|c| c.contents.len()).sum())
    }
}

impl super::Version {
    pub(super) fn shown(&self, subject: &Subject, number: i32) -> Shown {
        let (subject, content) = (subject.clone(), self.content.clone());
        Shown { subject, version: number, id: self.id, content, deleted: self.deleted, at: self.at }
    }
}

impl Versions {
    /// Whether the subject is in a list. Only-deleted means that nothing of it is live.
    fn counts(&self, which: Which) -> bool {
        let live = self.live().next().is_some();
        match which {
            Which::Live => live,
            Which::WithDeleted => true,
            Which::OnlyDeleted => !live,
        }
    }
}
