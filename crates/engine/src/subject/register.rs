//! Registering a schema, and looking one up. Knows the steps between a request and a version; what a text says, and
//! whether two get along, is asked of `lib/schema` without any lock.

use std::{collections::HashSet, sync::Arc};

use milena_schema::{Flaw, Resolved, Retagging, Schema};

use super::{
    Config, Content, Format, Metadata, Mode, Refusal, Registry, Reply, RuleSet, Shown, Spelling, Spellings, Subject, SubjectFact,
    Version, Wanted,
    content::Reference,
    document::{merged_metadata, merged_rules},
    fact::{ContextCreated, SchemaRegistered, VersionsPurged},
    limits,
    name::DEFAULT_CONTEXT,
    past::{Among, Earlier, PARSED_MOST, Past},
};
use crate::machine::{Decision, Now};

/// A schema as somebody sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    pub subject: Subject,
    pub format: Format,
    pub text: Arc<str>,
    /// A version of -1 means the latest.
    pub references: Vec<Reference>,
    pub metadata: Option<Metadata>,
    pub rules: Option<RuleSet>,
    /// The version that it must get; `None` for the next.
    pub version: Option<Wanted>,
    /// Where ids are given from outside.
    pub id: Option<i32>,
    /// Tags that the text gets, and loses.
    pub tags: Retagging,
    pub normalize: bool,
    /// Compatibility does not matter.
    pub force: bool,
}

impl Asked {
    /// The version that its metadata mean.
    fn noted(&self) -> Option<i32> {
        self.metadata.as_ref().and_then(Metadata::version)
    }
}

/// What a look at the registry leads to.
#[derive(Clone, Debug)]
pub enum Look {
    /// It is there as it was sent, and nothing needs to be parsed.
    Known(Shown),
    Judge(Box<Question>),
}

/// Everything that a judgement needs, of one moment.
#[derive(Clone, Debug)]
pub struct Question {
    pub(super) asked: Asked,
    /// What holds for the subject.
    pub(super) config: Config,
    pub(super) mode: Mode,
    /// What was registered there before.
    pub(super) past: Past,
    /// What the new schema stands on, in dependency order.
    references: Vec<(String, Arc<Content>)>,
    /// The number that the next version gets; `None` behind the last that there is.
    next: Option<i32>,
    /// A version that is just what was sent is the answer, whatever a later one says beside it: parsed or not, the same request
    /// has one answer.
    as_it_comes: bool,
    stamp: Stamp,
}

/// What a judgement stood on. Only that: what is done to other subjects must not make it void, or one client could keep all
/// others from registering.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Stamp {
    /// Of the subject's versions; `None` where there are none.
    epoch: Option<u64>,
    config: Config,
    mode: Mode,
    referred: Vec<Referred>,
}

/// A version that the new schema refers to, as it was. What that one refers to itself stays while it is there.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Referred {
    subject: Subject,
    version: i32,
    found: Option<(Arc<Content>, bool)>,
}

impl Referred {
    /// The very same, and not one that was put there again after it had gone.
    fn is(&self, now: Option<&Version>) -> bool {
        match (&self.found, now) {
            (Some((content, deleted)), Some(now)) => Arc::ptr_eq(content, &now.content) && *deleted == now.deleted,
            (found, now) => found.is_none() && now.is_none(),
        }
    }
}

/// A schema that may be registered, if nothing has changed meanwhile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    subject: Subject,
    /// It is there already.
    known: Option<Shown>,
    content: Content,
    version: i32,
    id: Option<i32>,
    stamp: Stamp,
}

impl Judged {
    /// The version that is this schema already, if there is one.
    pub fn known(&self) -> Option<&Shown> {
        self.known.as_ref()
    }
    /// As it will be stored.
    pub fn content(&self) -> &Content {
        &self.content
    }
}

impl Registry {
    /// Gathers what is needed to register a schema.
    pub fn look(&self, mut asked: Asked, spellings: &Spellings) -> Result<Look, Refusal> {
        asked.subject.judge()?;
        judge_size(&asked)?;
        let config = self.effective_config(&asked.subject);
        asked.normalize |= config.normalize.unwrap_or(false);
        let mode = self.effective_mode(&asked.subject);
        // An import brings what another registry holds, and that is what it stays.
        asked.normalize &= !mode.imports();
        self.resolve_references(&mut asked)?;
        let placed = asked.version.is_some() || asked.id.is_some() || asked.noted().is_some_and(|version| version < 1);
        let as_it_comes = !config.adds() && !placed && asked.tags.is_empty() && !asked.text.is_empty();
        if as_it_comes && let Some(known) = self.as_sent(&asked, spellings, false) {
            return Ok(Look::Known(known));
        }
        let question = self.question(asked, config, mode, false)?;
        Ok(Look::Judge(Box::new(Question { as_it_comes, ..question })))
    }

    /// Gathers what is needed to look a schema up, or to compare it with `among`; `None`: all that are live.
    pub fn look_up(&self, mut asked: Asked, spellings: &Spellings, deleted: bool, among: Option<Among>) -> Result<Look, Refusal> {
        judge_size(&asked)?;
        if let Some(Among::One(Wanted::Number(number))) = among {
            let there = self.version(&asked.subject, Wanted::Number(number), false);
            there.map_err(|_| Refusal::NoVersion(number.to_string()))?;
        }
        let config = self.effective_config(&asked.subject);
        asked.normalize |= config.normalize.unwrap_or(false);
        if asked.text.trim().is_empty() {
            return match among {
                None => Err(Refusal::NoSchema),
                Some(_) => Err(Refusal::BadSchema("Empty schema".into())),
            };
        }
        self.resolve_references(&mut asked)?;
        if among.is_none()
            && let Some(known) = self.as_sent(&asked, spellings, deleted)
        {
            return Ok(Look::Known(known));
        }
        let mode = self.effective_mode(&asked.subject);
        let mut question = self.question(asked, config, mode, deleted)?;
        if let Some(among) = among {
            question.past = self.narrowed(question.past, among);
        }
        Ok(Look::Judge(Box::new(question)))
    }

    /// The version whose stored text is the text that was sent, or else what that one is known to be stored as.
    fn as_sent(&self, asked: &Asked, spellings: &Spellings, deleted: bool) -> Option<Shown> {
        let sent = (!asked.normalize).then_some(&asked.text);
        let mut texts = sent.into_iter().chain(spellings.stored(asked));
        texts.find_map(|text| self.with_text(text, asked, deleted))
    }

    fn with_text(&self, text: &str, asked: &Asked, deleted: bool) -> Option<Shown> {
        let Asked { format, references, metadata, rules, .. } = asked;
        let content = Content::new(*format, text, references.clone(), metadata.clone(), rules.clone());
        let id = self.context(&asked.subject.context)?.id_of(&content)?;
        self.newest_of(&asked.subject, id, deleted)
    }

    fn newest_of(&self, subject: &Subject, id: i32, deleted: bool) -> Option<Shown> {
        let mut newest = self.context(&subject.context)?.uses_of(&subject.name, id).rev();
        newest.find_map(|number| self.shown(subject, number).filter(|shown| deleted || !shown.deleted))
    }

    /// Gives every reference the number of its version; one that leads nowhere makes the schema invalid.
    fn resolve_references(&self, asked: &mut Asked) -> Result<(), Refusal> {
        for reference in &mut asked.references {
            let referred = Subject::parse_in(&asked.subject.context, &reference.subject);
            let wanted = if reference.version == -1 { Wanted::Latest } else { Wanted::Number(reference.version) };
            let found = self.versions_of(&referred).and_then(|_| self.version(&referred, wanted, true).ok());
            let found = found.filter(|f| !f.deleted || wanted != Wanted::Latest);
            reference.version = found.map(|f| f.version).ok_or_else(|| no_reference(reference))?;
        }
        Ok(())
    }

    fn question(&self, mut asked: Asked, config: Config, mode: Mode, deleted: bool) -> Result<Question, Refusal> {
        let subject = asked.subject.clone();
        let versions = self.versions_of(&subject);
        let past = self.past(&subject, deleted, config.compares_many());
        if asked.text.is_empty() {
            let latest = past.latest().ok_or_else(|| Refusal::BadSchema("Empty schema".into()))?;
            asked.text = (&*latest.text).into();
            asked.format = latest.format;
            asked.references = latest.references.to_vec();
        }
        let references = self.closure(&subject.context, &asked.references);
        let next = versions.and_then(super::Versions::last).unwrap_or(0).checked_add(1);
        let stamp = self.stamp(&asked, &config, mode);
        Ok(Question { asked, config, mode, past, references, next, as_it_comes: false, stamp })
    }

    fn stamp(&self, asked: &Asked, config: &Config, mode: Mode) -> Stamp {
        let referred = asked.references.iter().map(|reference| {
            let subject = Subject::parse_in(&asked.subject.context, &reference.subject);
            let found = self.version_of(&subject, reference.version).map(|found| (found.content.clone(), found.deleted));
            Referred { subject, version: reference.version, found }
        });
        let epoch = self.versions_of(&asked.subject).map(|versions| versions.epoch);
        Stamp { epoch, config: config.clone(), mode, referred: referred.collect() }
    }

    /// Whether all that a judgement stood on is still so.
    fn still(&self, subject: &Subject, stamp: &Stamp) -> bool {
        self.versions_of(subject).map(|versions| versions.epoch) == stamp.epoch
            && stamp.referred.iter().all(|referred| referred.is(self.version_of(&referred.subject, referred.version)))
            && self.effective_mode(subject) == stamp.mode
            && self.effective_config(subject) == stamp.config
    }

    /// What references lead to, and what that leads to: each once, what is needed first.
    pub(super) fn closure(&self, context: &str, references: &[Reference]) -> Vec<(String, Arc<Content>)> {
        let mut walk = Walk { registry: self, seen: HashSet::new(), found: Vec::new() };
        walk.step(context, references);
        walk.found
    }

    pub(super) fn register(&self, now: Now, judged: &Judged) -> Result<Decision<SubjectFact, Reply>, Refusal> {
        let subject = &judged.subject;
        if !self.still(subject, &judged.stamp) {
            return Err(Refusal::Changed);
        }
        if let Some(known) = &judged.known {
            return Ok(Decision::reply(Reply::Registered(known.clone())));
        }
        let version = judged.version;
        let content = Arc::new(judged.content.clone());
        let (id, fresh) = self.id_for(subject, judged.id, &content)?;
        self.judge_place(subject, version, id)?;
        self.judge_room(subject, fresh)?;
        let mut facts = self.context_fact(&subject.context)?;
        let shown = Shown { subject: subject.clone(), version, id, content: content.clone(), deleted: false, at: now.wall };
        let content = fresh.then_some(content);
        facts.push(SchemaRegistered { subject: subject.clone(), version, id, at: now.wall, content }.into());
        let replaced = self.replaced(subject, id, version);
        if !replaced.is_empty() {
            facts.push(VersionsPurged { subject: subject.clone(), versions: replaced }.into());
        }
        Ok(Decision::new(facts, Reply::Registered(shown)))
    }

    /// Older versions that are the same schema and only soft-deleted: the new one stands for them, unless others name them.
    fn replaced(&self, subject: &Subject, id: i32, version: i32) -> Vec<i32> {
        let same = self.context(&subject.context).into_iter().flat_map(|context| context.uses_of(&subject.name, id));
        let older = same.filter(|number| *number < version && self.is_deleted(subject, *number));
        older.filter(|number| self.referenced_by(subject, *number, true).is_empty()).collect()
    }

    fn context_fact(&self, context: &str) -> Result<Vec<SubjectFact>, Refusal> {
        if context == DEFAULT_CONTEXT || self.context(context).is_some_and(|c| c.live) {
            return Ok(Vec::new());
        }
        // The default one may come later.
        let all = self.contexts.len() + usize::from(self.context(DEFAULT_CONTEXT).is_none());
        if all >= limits::CONTEXTS_MAX {
            return Err(Refusal::TooMany { what: "contexts", max: limits::CONTEXTS_MAX });
        }
        Ok(vec![ContextCreated { context: context.into() }.into()])
    }

    /// The id of a schema, and whether it has it only from now on.
    fn id_for(&self, subject: &Subject, given: Option<i32>, content: &Content) -> Result<(i32, bool), Refusal> {
        let context = self.context(&subject.context);
        if let Some(id) = given {
            return match context.and_then(|c| c.contents.get(&id)) {
                None => Ok((id, true)),
                Some(known) if *known.content == *content => Ok((id, false)),
                Some(_) => Err(Refusal::OtherContent(id)),
            };
        }
        if let Some(id) = context.and_then(|c| c.id_of(content)) {
            return Ok((id, false));
        }
        let mark = context.map_or(0, |c| c.mark);
        if mark == limits::LAST_ID {
            return Err(Refusal::IdsUsedUp);
        }
        Ok((mark + 1, true))
    }

    /// What a start would refuse to read is not taken in.
    fn judge_room(&self, subject: &Subject, fresh: bool) -> Result<(), Refusal> {
        let max = limits::SUBJECTS_MAX;
        let Some(context) = self.context(&subject.context) else { return Ok(()) };
        if !context.subjects.contains_key(&subject.name) && context.subjects.len() >= max {
            return Err(Refusal::TooMany { what: "subjects", max });
        }
        match fresh && context.contents.len() >= max {
            true => Err(Refusal::TooMany { what: "schemas", max }),
            false => Ok(()),
        }
    }

    /// A version that is there already is not written over by another schema.
    fn judge_place(&self, subject: &Subject, version: i32, id: i32) -> Result<(), Refusal> {
        let versions = self.versions_of(subject);
        if versions.is_some_and(|v| v.by_number.len() >= limits::VERSIONS_MAX) {
            return Err(Refusal::TooMany { what: "versions of a subject", max: limits::VERSIONS_MAX });
        }
        match self.version_of(subject, version) {
            Some(there) if there.id != id => Err(Refusal::OtherContent(there.id)),
            _ => Ok(()),
        }
    }
}

/// A walk over references, in which what was seen is not seen again: diamonds are small, and circles end.
struct Walk<'a> {
    registry: &'a Registry,
    seen: HashSet<(Subject, i32)>,
    found: Vec<(String, Arc<Content>)>,
}

impl Walk<'_> {
    fn step(&mut self, context: &str, references: &[Reference]) {
        for reference in references {
            let subject = Subject::parse_in(context, &reference.subject);
            let seen = !self.seen.insert((subject.clone(), reference.version));
            if seen || self.seen.len() > limits::REFERENCES_MAX {
                continue;
            }
            let Some(shown) = self.registry.shown(&subject, reference.version) else { continue };
            self.step(&subject.context, &shown.content.references);
            self.found.push((reference.name.clone(), shown.content));
        }
    }
}

fn no_reference(reference: &Reference) -> Refusal {
    let Reference { name, subject, version } = reference;
    Refusal::BadSchema(format!("No schema reference found for subject \"{subject}\" and version {version} (reference {name:?})"))
}

fn judge_size(asked: &Asked) -> Result<(), Refusal> {
    let (bytes, max) = (asked.text.len(), limits::SCHEMA_BYTES_MAX);
    if bytes > max {
        return Err(Refusal::TooLarge { bytes, max });
    }
    let long = |r: &Reference| r.name.len() > limits::REFERENCE_NAME_BYTES_MAX || r.subject.len() > limits::SUBJECT_BYTES_MAX;
    if asked.references.len() > limits::REFERENCES_MAX || asked.references.iter().any(long) {
        return Err(Refusal::BadSchema(format!("a schema has at most {} references", limits::REFERENCES_MAX)));
    }
    let document = |json: serde_json::Result<Vec<u8>>| json.map_or(0, |bytes| bytes.len());
    let bytes = document(serde_json::to_vec(&asked.metadata)) + document(serde_json::to_vec(&asked.rules));
    match bytes > limits::DOCUMENT_BYTES_MAX {
        true => Err(Refusal::TooLarge { bytes, max: limits::DOCUMENT_BYTES_MAX }),
        false => Ok(()),
    }
}

/// Texts as `lib/schema` wants them.
pub(super) fn resolved(references: &[(String, Arc<Content>)]) -> Vec<Resolved<'_>> {
    references.iter().map(|(name, content)| Resolved { name, text: &content.text }).collect()
}

impl Question {
    pub fn subject(&self) -> &Subject {
        &self.asked.subject
    }

    /// Whether what was sent names other schemas.
    pub fn refers(&self) -> bool {
        !self.asked.references.is_empty()
    }

    /// The text as it was sent, to remember what it is stored as.
    pub fn spelling(&self) -> Option<Spelling> {
        Spelling::of(&self.asked)
    }

    /// The text, parsed, and as it would be stored.
    pub(super) fn read(&self) -> Result<(Schema, Content), Refusal> {
        let strict = self.config.validate_new_schemas.unwrap_or(true) && !self.mode.imports();
        self.read_by(if strict { Schema::parse } else { Schema::parse_stored })
    }

    /// The same, with no more asked of it than of a text that is stored: an import, or an older release, may have put it there. One
    /// of more parts than a new one may have is built only where there is another such, that it could be.
    fn read_as_stored(&self) -> Result<(Schema, Content), Refusal> {
        let large = |format, text: &str| Schema::judge_size(format, text);
        let Asked { format, text, .. } = &self.asked;
        if let Err(flaw) = large(*format, text) {
            let alike = self.past.iter().map(Earlier::content).filter(|content| content.format == *format);
            if !alike.take(PARSED_MOST).any(|content| large(*format, &content.text).is_err()) {
                return Err(self.bad(&flaw));
            }
        }
        self.read_by(Schema::parse_stored)
    }

    fn bad(&self, flaw: &Flaw) -> Refusal {
        Refusal::BadSchema(format!("Invalid schema of type {}, details: {flaw}", self.asked.format.name()))
    }

    fn read_by(&self, read: fn(Format, &str, &[Resolved<'_>]) -> Result<Schema, Flaw>) -> Result<(Schema, Content), Refusal> {
        let (asked, references) = (&self.asked, resolved(&self.references));
        let bad = |flaw: Flaw| self.bad(&flaw);
        let mut schema = read(asked.format, &asked.text, &references).map_err(bad)?;
        if !asked.tags.is_empty() {
            let text = schema.retagged(&asked.tags, &references).map_err(bad)?;
            schema = read(asked.format, &text, &references).map_err(bad)?;
        }
        let text = if asked.normalize { schema.normalized() } else { self.as_it_stays(&schema) };
        let mut references = asked.references.clone();
        if asked.normalize {
            references.sort_by(|a, b| (&a.name, &a.subject, a.version).cmp(&(&b.name, &b.subject, b.version)));
            references.dedup();
        }
        Ok((schema, Content::new(asked.format, &text, references, asked.metadata.clone(), asked.rules.clone())))
    }

    /// The text as it is stored without being put into normal form. An import of one that is in normal form keeps it: another
    /// form of it would have another GUID, and data that name it by that one could not be read here. What was imported before
    /// in the other form is that version still.
    fn as_it_stays(&self, schema: &Schema) -> String {
        let canonical = schema.canonical();
        let is_there = || self.past.iter().any(|past| *past.content().text == *canonical);
        let is_normal = || schema.normalized() == *self.asked.text;
        match self.mode.imports() && !is_there() && is_normal() {
            true => self.asked.text.to_string(),
            false => canonical,
        }
    }

    /// Judges whether it may be registered. Takes as long as parsing and comparing do.
    pub fn judge(self) -> Result<Judged, Refusal> {
        let (schema, content) = match self.read() {
            Ok(read) => read,
            // What may not come anew may be there.
            Err(refusal) => {
                let stored = self.read_as_stored().ok();
                return stored.and_then(|(_, content)| self.known(&content).ok()).ok_or(refusal);
            }
        };
        let wanted = match self.known(&content) {
            Ok(known) => return Ok(known),
            Err(wanted) => wanted,
        };
        let (stamp, subject) = (self.stamp.clone(), self.asked.subject.clone());
        self.judge_mode()?;
        if let Some(rules) = &wanted.rules {
            rules.judge()?;
        }
        if !self.mode.imports() && !self.asked.force {
            let verdict = self.compare(&schema, wanted.metadata.as_deref());
            if !verdict.compatible {
                return Err(Refusal::Incompatible { subject, details: verdict.messages });
            }
        }
        let version = self.judged_version()?;
        let content = self.with_version(wanted, version);
        content.judge_size()?;
        Ok(Judged { subject, known: None, content, version, id: self.asked.id, stamp })
    }

    /// The judgement where it is there already; where not, what was to be found.
    fn known(&self, content: &Content) -> Result<Judged, Content> {
        let wanted = self.as_stored(content);
        let exact = || self.as_it_comes.then(|| self.past.exactly(content)).flatten();
        let known = || exact().or_else(|| self.same(&wanted)).or_else(|| self.same_whole(&[&wanted], &self.past));
        match if self.asks_anew() { None } else { known() } {
            Some(known) => {
                let (subject, stamp) = (self.asked.subject.clone(), self.stamp.clone());
                Ok(Judged { subject, known: Some(known), content: wanted, version: 0, id: None, stamp })
            }
            None => Err(wanted),
        }
    }

    pub(super) fn latest(&self) -> Option<&Content> {
        self.past.latest()
    }

    /// With the metadata and rules that it would be stored with: what it does not say is the latest version's, and the
    /// configuration goes over and under.
    pub(super) fn as_stored(&self, content: &Content) -> Content {
        if self.mode.imports() {
            return content.clone();
        }
        let inherited = self.latest().map(|latest| content.inheriting(latest));
        self.layered(inherited.as_ref().unwrap_or(content)).without_empty()
    }

    /// With what the configuration puts over and under.
    fn layered(&self, content: &Content) -> Content {
        let config = &self.config;
        if !config.adds() {
            return content.clone();
        }
        let (given, over) = (content.metadata.as_deref(), config.override_metadata.as_ref());
        let metadata = merged_metadata(config.default_metadata.as_ref(), given, over);
        let (given, over) = (content.rules.as_deref(), config.override_rule_set.as_ref());
        content.with(metadata, merged_rules(config.default_rule_set.as_ref(), given, over))
    }

    /// Whether a version is asked for that cannot be there yet: one by its number, which must be the next, or the next one.
    fn asks_anew(&self) -> bool {
        let numbered = matches!(self.asked.version, Some(Wanted::Number(_)));
        !self.mode.imports() && (numbered || self.asked.noted().is_some_and(|version| version < 1))
    }

    /// The live version that is this schema, rather the one that its metadata mean than a newer one. Where the id or the version
    /// is given, only the one that has both.
    fn same(&self, content: &Content) -> Option<Shown> {
        let fits = |past: &Earlier<'_>| {
            let version = match self.asked.version {
                Some(Wanted::Number(number)) => past.number == number,
                _ => true,
            };
            !past.version.deleted && version && self.asked.id.is_none_or(|id| past.version.id == id)
        };
        let same = || self.past.iter().filter(|past| fits(past) && past.content().same_but_version(content));
        let meant = self.asked.noted().and_then(|version| same().find(|past| past.number == version));
        meant.or_else(|| same().next()).map(Earlier::shown)
    }

    fn judge_mode(&self) -> Result<(), Refusal> {
        let subject = || self.asked.subject.clone();
        match (self.mode, self.asked.id) {
            (mode, _) if mode.read_only() => Err(Refusal::ModeForbids { subject: subject(), mode }),
            (mode, Some(_)) if !mode.imports() => Err(Refusal::NotImporting { subject: subject() }),
            (mode, None) if mode.imports() => Err(Refusal::IdMissing { subject: subject() }),
            (_, Some(id)) if id < 1 => Err(Refusal::BadSchema(format!("{id} is no id; ids begin with 1"))),
            (_, Some(limits::LAST_ID)) => Err(Refusal::LastOne("id")),
            _ => Ok(()),
        }
    }

    /// The version that was asked for, which outside of an import must be the next, or the next.
    fn judged_version(&self) -> Result<i32, Refusal> {
        match self.asked.version {
            Some(Wanted::Number(limits::LAST_VERSION)) if self.mode.imports() => Err(Refusal::LastOne("version")),
            Some(Wanted::Number(number)) if Some(number) == self.next || self.mode.imports() => Ok(number),
            Some(Wanted::Number(_)) => Err(Refusal::BadSchema("Version is not one more than previous version".into())),
            None | Some(Wanted::Latest) => self.next.ok_or_else(|| Refusal::VersionsUsedUp(self.asked.subject.clone())),
        }
    }

    /// Where a version was asked for, be it only the latest, or the latest notes its own, the new one does as well.
    fn with_version(&self, content: Content, version: i32) -> Content {
        let before = self.latest().and_then(|latest| latest.metadata.as_deref()).and_then(Metadata::version);
        let noted = self.asked.noted().or(before).is_some();
        if !(self.asked.version.is_some() || noted) || self.mode.imports() {
            return content;
        }
        let metadata = content.metadata.as_deref().cloned().unwrap_or_default().with_version(version);
        content.with(Some(metadata), content.rules.as_deref().cloned())
    }

    /// Looks the schema up among the versions that were gathered, or as the one that its metadata mean.
    pub fn find(self) -> Result<Shown, Refusal> {
        let (_, content) = self.read_as_stored()?;
        let inherited = self.latest().map(|latest| content.inheriting(latest));
        let candidates = [Some(content), inherited];
        let past = match self.asked.noted() {
            Some(version @ 1..) => self.past.clone().known_as(version),
            _ => self.past.clone(),
        };
        for candidate in candidates.iter().flatten() {
            let alike = || past.iter().find(|past| past.content().same_but_version(candidate)).map(Earlier::shown);
            if let Some(found) = past.exactly(candidate).or_else(alike) {
                return Ok(found);
            }
        }
        let all: Vec<&Content> = candidates.iter().flatten().collect();
        let normal = self.asked.normalize.then(|| find_normal(&candidates, &past)).flatten();
        normal.or_else(|| self.same_whole(&all, &past)).ok_or(Refusal::NoSchema)
    }

    /// The version that refers to what was sent in one piece: serializers send a schema whole that was registered in parts.
    fn same_whole(&self, candidates: &[&Content], past: &Past) -> Option<Shown> {
        if !self.asked.references.is_empty() || self.asked.version.is_some() || self.asked.id.is_some() {
            return None;
        }
        let in_parts = past.iter().filter(|past| !past.content().references.is_empty());
        let whole = in_parts.take(PARSED_MOST).find(|past| {
            let stored = past.content();
            let parsed = Schema::parse_stored(stored.format, &stored.text, &resolved(past.references())).ok();
            let Some(text) = parsed.and_then(|schema| schema.spelled("resolved")) else { return false };
            let (metadata, rules) = (stored.metadata.as_deref().cloned(), stored.rules.as_deref().cloned());
            let whole = Content::new(stored.format, &text, Vec::new(), metadata, rules);
            candidates.iter().any(|candidate| whole.same_but_version(candidate))
        });
        whole.map(Earlier::shown)
    }
}

/// Versions that were registered as they came are the same if they would be the same in normal form.
fn find_normal(candidates: &[Option<Content>], past: &Past) -> Option<Shown> {
    for past in past.iter().take(PARSED_MOST) {
        let stored = past.content();
        let Ok(schema) = Schema::parse_stored(stored.format, &stored.text, &resolved(past.references())) else { continue };
        let (metadata, rules) = (stored.metadata.as_deref().cloned(), stored.rules.as_deref().cloned());
        let normal = Content::new(stored.format, &schema.normalized(), stored.references.to_vec(), metadata, rules);
        if candidates.iter().flatten().any(|candidate| normal.same_but_version(candidate)) {
            return Some(past.shown());
        }
    }
    None
}
