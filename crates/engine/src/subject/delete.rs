//! Deleting: softly, so that ids still work, and then for good. What others refer to stays.

use super::{
    Context, DEFAULT_CONTEXT, Refusal, Registry, Reply, Subject, SubjectFact, Wanted,
    fact::{ConfigChanged, ContextDeleted, ModeChanged, SubjectDeleted, VersionsDeleted, VersionsPurged},
};
use crate::machine::Decision;

type Decided = Result<Decision<SubjectFact, Reply>, Refusal>;

impl Registry {
    fn judge_writable(&self, subject: &Subject) -> Result<(), Refusal> {
        let mode = self.effective_mode(subject);
        if mode.read_only() { Err(Refusal::ModeForbids { subject: subject.clone(), mode }) } else { Ok(()) }
    }

    /// Whether somebody refers to a version, other than the subject `but`.
    fn judge_unreferenced(
        &self,
        subject: &Subject,
        version: i32,
        deleted_too: bool,
        but: Option<&Subject>,
    ) -> Result<(), Refusal> {
        let referrers = self.referrers.get(&(subject.clone(), version)).into_iter().flatten();
        let mut others = referrers.filter(|(s, _)| Some(s) != but);
        let counts = |(s, n): &(Subject, i32)| deleted_too || !self.is_deleted(s, *n);
        match others.any(counts) {
            true => Err(Refusal::Referenced { subject: subject.clone(), version }),
            false => Ok(()),
        }
    }

    /// Softly, in an import, also what a live one refers to: where it comes from it may be so, since who names a number may name
    /// that of a soft-deleted one.
    pub(super) fn delete_version(&self, subject: &Subject, wanted: Wanted, permanent: bool) -> Decided {
        self.judge_writable(subject)?;
        let versions = self.versions_of(subject).ok_or_else(|| Refusal::NoSubject(subject.clone()))?;
        if !permanent && versions.live().next().is_none() && wanted == Wanted::Latest {
            return Err(Refusal::NoSubject(subject.clone()));
        }
        let number = match wanted {
            Wanted::Number(number) => number,
            Wanted::Latest if permanent => versions.last().unwrap_or_default(),
            Wanted::Latest => versions.live().next_back().map_or(0, |(number, _)| number),
        };
        let version = versions.by_number.get(number).ok_or_else(|| Refusal::NoVersion(number.to_string()))?;
        if permanent || !self.effective_mode(subject).imports() {
            self.judge_unreferenced(subject, number, permanent, None)?;
        }
        let (named, reply) = (subject.clone(), Reply::Deleted(vec![number]));
        match (permanent, version.deleted) {
            (false, true) => Err(Refusal::VersionSoftDeleted { subject: named, version: number }),
            (true, false) => Err(Refusal::VersionNotSoftDeleted { subject: named, version: number }),
            (false, false) => Ok(Decision::new(vec![VersionsDeleted { subject: named, versions: vec![number] }.into()], reply)),
            (true, true) => {
                let last = versions.by_number.len() == 1;
                let mut facts = vec![VersionsPurged { subject: named, versions: vec![number] }.into()];
                facts.extend(if last { self.forget_settings(subject) } else { Vec::new() });
                Ok(Decision::new(facts, reply))
            }
        }
    }

    pub(super) fn delete_subject(&self, subject: &Subject, permanent: bool) -> Decided {
        self.judge_writable(subject)?;
        let versions = self.versions_of(subject).ok_or_else(|| Refusal::NoSubject(subject.clone()))?;
        let live: Vec<i32> = versions.live().map(|(number, _)| number).collect();
        if permanent {
            return self.purge_subject(subject, &live);
        }
        let Some(last) = live.last().copied() else { return Err(Refusal::SubjectSoftDeleted(subject.clone())) };
        for number in &live {
            self.judge_unreferenced(subject, *number, false, Some(subject))?;
        }
        let fact = SubjectDeleted { subject: subject.clone(), last };
        Ok(Decision::new(vec![fact.into()], Reply::Deleted(live)))
    }

    fn purge_subject(&self, subject: &Subject, live: &[i32]) -> Decided {
        if !live.is_empty() {
            return Err(Refusal::SubjectNotSoftDeleted(subject.clone()));
        }
        let all = self.versions_upto(subject, i32::MAX);
        for number in &all {
            self.judge_unreferenced(subject, *number, true, Some(subject))?;
        }
        let mut facts = vec![VersionsPurged { subject: subject.clone(), versions: all.clone() }.into()];
        facts.extend(self.forget_settings(subject));
        Ok(Decision::new(facts, Reply::Deleted(all)))
    }

    /// A subject that is gone for good takes its mode and its configuration with it.
    fn forget_settings(&self, subject: &Subject) -> Vec<SubjectFact> {
        let mode = self.modes.contains_key(subject).then(|| ModeChanged { scope: subject.clone(), mode: None }.into());
        let config = self.configs.contains_key(subject).then(|| ConfigChanged { scope: subject.clone(), config: None }.into());
        mode.into_iter().chain(config).collect()
    }

    /// What is only soft-deleted in a scope goes for good: before an import, whose ids and versions come from outside.
    pub(super) fn leftovers(&self, scope: &Subject) -> Vec<SubjectFact> {
        let named = self.subjects(&super::settings::reach(scope), super::Which::OnlyDeleted).into_iter();
        let inside = named.filter(|subject| scope.is_context() || subject == scope);
        let purged = inside.map(|subject| {
            let mut versions = self.versions_upto(&subject, i32::MAX);
            // What others refer to stays: without it they could not be read.
            versions.retain(|version| self.referenced_by(&subject, *version, true).is_empty());
            VersionsPurged { versions, subject }
        });
        purged.filter(|purged| !purged.versions.is_empty()).map(Into::into).collect()
    }

    pub(super) fn delete_context(&self, context: &str) -> Decided {
        let known = self.context(context).filter(|c| c.live && context != DEFAULT_CONTEXT);
        let known = known.ok_or_else(|| Refusal::NoContext(context.into()))?;
        self.judge_writable(&Subject::context(context))?;
        if !Context::is_empty(known) {
            return Err(Refusal::ContextNotEmpty(context.into()));
        }
        let mut facts = self.forget_settings(&Subject::context(context));
        facts.push(ContextDeleted { context: context.into() }.into());
        Ok(Decision::new(facts, Reply::Done))
    }
}

impl Context {
    fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }
}
