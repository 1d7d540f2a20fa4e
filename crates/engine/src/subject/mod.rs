//! The schema registry: which schemas are registered under which subjects, by which ids they are known, and what must
//! hold for the next one.
//!
//! ```text
//!               register               delete                    delete for good
//!   (none) ------------------> live <----------> soft-deleted ------------------> gone
//!                                     register
//!                                     (again, under a new number)
//! ```
//!
//! A schema is judged in three steps, so that nobody waits while a text is parsed: [`Registry::look`] gathers under the
//! noun's lock what the judgement needs ([`Question`]), the question is answered without it, and the command carries the
//! answer back together with the state it was true for. If that has changed meanwhile, it is asked again.
//!
//! Texts are stored as they were made canonical and are parsed only when a new one is compared with them. This room must
//! not know HTTP; the shape of the topic `_schemas`, which is a contract with other registries, is in [`record`].

mod ask;
mod compare;
mod content;
mod delete;
mod document;
pub mod fact;
mod few;
pub mod limits;
mod name;
mod past;
mod place;
mod reading;
pub mod record;
mod refusal;
mod register;
mod reserved;
mod settings;
mod snapshot;
mod spellings;
mod stored;
#[cfg(test)]
mod tests;

pub use ask::{Shown, Wanted, Which};
pub use compare::Verdict;
pub use content::{Content, Reference};
pub use document::{Config, EnableAt, Level, Metadata, Mode, Policy, Rule, RuleKind, RuleMode, RuleSet};
pub use fact::SubjectFact;
pub use milena_schema::{Format, Part, Retagging, Tagged};
pub use name::{DEFAULT_CONTEXT, EVERY_CONTEXT, GLOBAL_CONTEXT, Subject, judge_context};
pub use past::Among;
pub use reading::{Found, Reading, Sought};
pub use refusal::Refusal;
pub use register::{Asked, Judged, Look, Question};
pub use spellings::{Spelling, Spellings};
pub use stored::Stored;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hashbrown::HashMap;

use self::few::{Few, Numbered};
use crate::{
    ids::{TopicId, Uuid},
    machine::{Decision, Machine, Now},
};

/// Everything that is registered.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    contexts: BTreeMap<Arc<str>, Context>,
    configs: BTreeMap<Subject, Config>,
    modes: BTreeMap<Subject, Mode>,
    /// Who refers to a version: other versions, deleted ones included.
    referrers: HashMap<(Subject, i32), BTreeSet<(Subject, i32)>>,
    /// The topic `_schemas`, since it is ours.
    topic: Option<TopicId>,
    /// Grows with every change of any subject's versions; each subject keeps the last of its own. One that is gone and comes
    /// again has therefore never the same.
    epoch: u64,
}

#[derive(Clone, Debug, Default)]
struct Context {
    /// It was not deleted. What is left of a deleted one is the mark.
    live: bool,
    /// The last id that was handed out. Never falls, so that no id ever means two schemas.
    mark: i32,
    contents: HashMap<i32, Known>,
    /// Ids by what they stand for.
    ids: HashMap<(Format, Uuid), Vec<i32>>,
    subjects: BTreeMap<Arc<str>, Versions>,
}

/// A schema that has an id, and the versions that are it.
#[derive(Clone, Debug)]
struct Known {
    content: Arc<Content>,
    uses: Few<(Arc<str>, i32)>,
}

/// The versions of one subject.
#[derive(Clone, Debug, Default)]
struct Versions {
    /// Shared with questions that are being answered, so that asking one does not copy what may be a million. Who changes it
    /// while one is out copies it once.
    by_number: Arc<Numbered<Version>>,
    /// Those that refer to others.
    referring: Few<i32>,
    /// That of the registry when they changed last.
    epoch: u64,
}

#[derive(Clone, Debug)]
struct Version {
    id: i32,
    content: Arc<Content>,
    deleted: bool,
    /// When it was registered, in wall-clock milliseconds.
    at: i64,
}

impl Versions {
    fn insert(&mut self, number: i32, version: Version) {
        if !version.content.references.is_empty() {
            self.referring.insert(number);
        }
        Arc::make_mut(&mut self.by_number).insert(number, version);
    }
    fn remove(&mut self, number: i32) -> Option<Version> {
        self.referring.remove(&number);
        Arc::make_mut(&mut self.by_number).remove(number)
    }
    fn live(&self) -> impl DoubleEndedIterator<Item = (i32, &Version)> {
        self.by_number.iter().filter(|(_, v)| !v.deleted)
    }
    fn last(&self) -> Option<i32> {
        self.by_number.iter().next_back().map(|(number, _)| number)
    }
}

/// Everything that changes the registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// `_schemas` exists and is ours from here on.
    Claim(TopicId),
    Register(Arc<Judged>),
    DeleteVersion {
        subject: Subject,
        version: Wanted,
        permanent: bool,
    },
    DeleteSubject {
        subject: Subject,
        permanent: bool,
    },
    DeleteContext(String),
    /// Fields as JSON has them: what is named is set, or unset by a null; the others stay as they are.
    SetConfig {
        scope: Subject,
        changes: Box<serde_json::Map<String, serde_json::Value>>,
    },
    DeleteConfig(Subject),
    SetMode {
        scope: Subject,
        mode: Mode,
        force: bool,
    },
    DeleteMode {
        scope: Subject,
        recursive: bool,
    },
}

/// What is answered when the facts are true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    Done,
    Registered(Shown),
    /// Versions that are deleted now.
    Deleted(Vec<i32>),
    /// What was set before.
    Config(Box<Config>),
    Mode(Mode),
}

impl Machine for Registry {
    type Command = Command;
    type Fact = SubjectFact;
    type Reply = Reply;
    type Refusal = Refusal;

    fn decide(&self, now: Now, command: Command) -> Result<Decision<SubjectFact, Reply>, Refusal> {
        match command {
            Command::Claim(topic) => Ok(self.claim(topic)),
            Command::Register(judged) => self.register(now, &judged),
            Command::DeleteVersion { subject, version, permanent } => self.delete_version(&subject, version, permanent),
            Command::DeleteSubject { subject, permanent } => self.delete_subject(&subject, permanent),
            Command::DeleteContext(context) => self.delete_context(&context),
            Command::SetConfig { scope, changes } => self.set_config(scope, *changes),
            Command::DeleteConfig(scope) => self.delete_config(scope),
            Command::SetMode { scope, mode, force } => self.set_mode(scope, mode, force),
            Command::DeleteMode { scope, recursive } => self.delete_mode(scope, recursive),
        }
    }

    fn apply(&mut self, fact: &SubjectFact) {
        match fact {
            SubjectFact::TopicClaimed(claimed) => self.topic = Some(claimed.topic),
            SubjectFact::ContextCreated(created) => self.context_mut(&created.context).live = true,
            SubjectFact::SchemaRegistered(registered) => self.apply_registered(registered),
            SubjectFact::VersionsDeleted(deleted) => self.apply_deleted(&deleted.subject, &deleted.versions),
            SubjectFact::SubjectDeleted(deleted) => {
                let versions = self.versions_upto(&deleted.subject, deleted.last);
                self.apply_deleted(&deleted.subject, &versions);
            }
            SubjectFact::VersionsPurged(purged) => self.apply_purged(&purged.subject, &purged.versions),
            SubjectFact::ConfigChanged(changed) => {
                set(&mut self.configs, &changed.scope, changed.config.as_deref().cloned());
            }
            SubjectFact::ModeChanged(changed) => set(&mut self.modes, &changed.scope, changed.mode),
            SubjectFact::ContextDeleted(deleted) => self.context_mut(&deleted.context).live = false,
        }
    }
}

fn set<V>(map: &mut BTreeMap<Subject, V>, scope: &Subject, value: Option<V>) {
    match value {
        Some(value) => map.insert(scope.clone(), value),
        None => map.remove(scope),
    };
}

impl Registry {
    /// The topic that holds everything that is here for readers of other houses, once there is one.
    pub fn topic(&self) -> Option<TopicId> {
        self.topic
    }

    fn claim(&self, topic: TopicId) -> Decision<SubjectFact, Reply> {
        if self.topic == Some(topic) {
            return Decision::reply(Reply::Done);
        }
        Decision::new(vec![fact::TopicClaimed { topic }.into()], Reply::Done)
    }
}
