//! Configurations and modes: of a subject, of a context, of everything. Knows in which order they are asked.

use super::{
    Config, DEFAULT_CONTEXT, EVERY_CONTEXT, GLOBAL_CONTEXT, Mode, Refusal, Registry, Reply, Subject, SubjectFact, Which,
    fact::{ConfigChanged, ModeChanged},
    limits,
};
use crate::machine::Decision;

type Decided = Result<Decision<SubjectFact, Reply>, Refusal>;

/// From the narrowest scope to the widest.
fn scopes(subject: &Subject) -> impl Iterator<Item = Subject> {
    let own = (!subject.is_context()).then(|| subject.clone());
    own.into_iter().chain([Subject::context(&subject.context), Subject::context(GLOBAL_CONTEXT)])
}

impl Registry {
    /// What was set on a scope itself.
    pub fn config(&self, scope: &Subject) -> Option<&Config> {
        self.configs.get(scope)
    }

    /// What holds there.
    pub fn effective_config(&self, subject: &Subject) -> Config {
        let set = scopes(subject).filter_map(|scope| self.configs.get(&scope).cloned());
        let layers = set.chain([Config::built_in()]);
        let config = layers.reduce(|narrow, wide| narrow.over(&wide)).unwrap_or_default();
        match self.configs.contains_key(subject) {
            true => config,
            // What a wider scope is called elsewhere says nothing about a subject in it.
            false => Config { alias: None, alias_for_deks: None, ..config },
        }
    }

    /// What was set on a scope itself.
    pub fn mode(&self, scope: &Subject) -> Option<Mode> {
        self.modes.get(scope).copied()
    }

    /// What holds there. `READONLY_OVERRIDE` is a mode of the whole registry, set where no subject is named: there that is the
    /// default context, whose other modes are its own.
    pub fn effective_mode(&self, subject: &Subject) -> Mode {
        let overrides = |scope: Subject| self.mode(&scope) == Some(Mode::ReadOnlyOverride);
        if scopes(subject).chain([Subject::context(DEFAULT_CONTEXT)]).any(overrides) {
            return Mode::ReadOnlyOverride;
        }
        scopes(subject).find_map(|scope| self.mode(&scope)).unwrap_or_default()
    }

    pub(super) fn set_config(&self, scope: Subject, changes: serde_json::Map<String, serde_json::Value>) -> Decided {
        judge_scope(&scope)?;
        self.judge_settings_writable(&scope)?;
        let config = changed(self.configs.get(&scope), changes)?;
        config.judge()?;
        let bytes = serde_json::to_vec(&config).map_or(usize::MAX, |json| json.len());
        if bytes > limits::DOCUMENT_BYTES_MAX {
            return Err(Refusal::TooLarge { bytes, max: limits::DOCUMENT_BYTES_MAX });
        }
        if !self.configs.contains_key(&scope) && self.configs.len() >= limits::SUBJECTS_MAX {
            return Err(Refusal::TooMany { what: "configurations", max: limits::SUBJECTS_MAX });
        }
        let reply = Reply::Config(Box::new(config.clone()));
        if self.configs.get(&scope) == Some(&config) {
            return Ok(Decision::reply(reply));
        }
        Ok(Decision::new(vec![ConfigChanged { scope, config: Some(Box::new(config)) }.into()], reply))
    }

    fn judge_settings_writable(&self, scope: &Subject) -> Result<(), Refusal> {
        let mode = self.effective_mode(scope);
        if mode.read_only() { Err(Refusal::ModeForbids { subject: scope.clone(), mode }) } else { Ok(()) }
    }

    pub(super) fn delete_config(&self, scope: Subject) -> Decided {
        self.judge_settings_writable(&scope)?;
        match self.configs.get(&scope) {
            Some(before) => {
                let reply = Reply::Config(Box::new(before.clone()));
                Ok(Decision::new(vec![ConfigChanged { scope, config: None }.into()], reply))
            }
            None if is_for_all(&scope) => Ok(Decision::reply(Reply::Config(Box::new(Config::built_in())))),
            None => Err(Refusal::NoSubject(scope)),
        }
    }

    pub(super) fn set_mode(&self, scope: Subject, mode: Mode, force: bool) -> Decided {
        judge_scope(&scope)?;
        if matches!(mode, Mode::ReadOnlyOverride | Mode::Forward) && !scope.is_context() {
            return Err(Refusal::ModeOfContexts { mode });
        }
        if !self.modes.contains_key(&scope) && self.modes.len() >= limits::SUBJECTS_MAX {
            return Err(Refusal::TooMany { what: "modes", max: limits::SUBJECTS_MAX });
        }
        let mut facts = Vec::new();
        if mode == Mode::Import && self.effective_mode(&scope) != Mode::Import && !force {
            if self.has_live(&scope) {
                return Err(Refusal::NotEmptyForImport);
            }
            facts.extend(self.leftovers(&scope));
        }
        if self.mode(&scope) != Some(mode) {
            facts.push(ModeChanged { scope, mode: Some(mode) }.into());
        }
        Ok(Decision::new(facts, Reply::Mode(mode)))
    }

    fn has_live(&self, scope: &Subject) -> bool {
        self.subjects(&reach(scope), Which::Live).iter().any(|subject| scope.is_context() || subject == scope)
    }

    pub(super) fn delete_mode(&self, scope: Subject, recursive: bool) -> Decided {
        let before = self.mode(&scope);
        if before.is_none() && !is_for_all(&scope) && !recursive {
            return Err(Refusal::NoSubject(scope));
        }
        let inside = |other: &Subject| recursive && scope.is_context() && other.context == scope.context && *other != scope;
        let below = self.modes.keys().filter(|other| inside(other)).cloned();
        let own = before.map(|_| scope.clone());
        let facts = own.into_iter().chain(below).map(|scope| ModeChanged { scope, mode: None }.into());
        Ok(Decision::new(facts.collect(), Reply::Mode(before.unwrap_or_default())))
    }
}

/// Settings stand on a subject, on a context, or on all contexts.
fn judge_scope(scope: &Subject) -> Result<(), Refusal> {
    match scope.is_context() {
        true if &*scope.context == GLOBAL_CONTEXT => Ok(()),
        true => super::judge_context(&scope.context),
        false => scope.judge(),
    }
}

/// A configuration with other values for some of its fields.
fn changed(config: Option<&Config>, changes: serde_json::Map<String, serde_json::Value>) -> Result<Config, Refusal> {
    let bad = |error: serde_json::Error| Refusal::BadConfig(error.to_string());
    let mut fields = serde_json::to_value(config.unwrap_or(&Config::default())).map_err(bad)?;
    for (name, value) in changes {
        match value.is_null() {
            true => fields.as_object_mut().and_then(|fields| fields.remove(&name)),
            false => fields.as_object_mut().and_then(|fields| fields.insert(name, value)),
        };
    }
    serde_json::from_value(fields).map_err(bad)
}

/// The default context's settings, and those of all: there without having been set.
fn is_for_all(scope: &Subject) -> bool {
    scope.is_context() && matches!(&*scope.context, DEFAULT_CONTEXT | GLOBAL_CONTEXT)
}

/// The beginning of the names of all subjects that settings of a scope hold for.
pub(super) fn reach(scope: &Subject) -> String {
    match &*scope.context {
        GLOBAL_CONTEXT => format!(":{EVERY_CONTEXT}:"),
        context => format!(":{context}:{}", scope.name),
    }
}
