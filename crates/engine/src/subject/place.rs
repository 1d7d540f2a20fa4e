//! Where things stand: contexts, subjects, versions, ids. Knows how a fact changes them; judges nothing.

use std::sync::Arc;

use super::{Content, Context, Known, Registry, Subject, Version, Versions, fact::SchemaRegistered};

impl Registry {
    pub(super) fn context(&self, context: &str) -> Option<&Context> {
        self.contexts.get(context)
    }

    pub(super) fn context_mut(&mut self, context: &str) -> &mut Context {
        if !self.contexts.contains_key(context) {
            self.contexts.insert(context.into(), Context::default());
        }
        self.contexts.get_mut(context).expect("it was just put there")
    }

    pub(super) fn versions_of(&self, subject: &Subject) -> Option<&Versions> {
        self.context(&subject.context)?.subjects.get(&subject.name)
    }

    pub(super) fn version_of(&self, subject: &Subject, version: i32) -> Option<&Version> {
        self.versions_of(subject)?.by_number.get(version)
    }

    pub(super) fn content_of(&self, context: &str, id: i32) -> Option<&Arc<Content>> {
        self.context(context)?.contents.get(&id).map(|known| &known.content)
    }

    /// The versions of a subject up to one of them, deleted or not.
    pub(super) fn versions_upto(&self, subject: &Subject, last: i32) -> Vec<i32> {
        let versions = self.versions_of(subject);
        versions.map_or_else(Vec::new, |v| v.by_number.upto(last).collect())
    }

    fn next_epoch(&mut self) -> u64 {
        self.epoch += 1;
        self.epoch
    }

    pub(super) fn apply_registered(&mut self, registered: &SchemaRegistered) {
        let SchemaRegistered { subject, version, id, at, content } = registered;
        let epoch = self.next_epoch();
        let context = self.context_mut(&subject.context);
        context.live = true;
        context.mark = context.mark.max(*id);
        if let Some(content) = content {
            context.know(*id, content.clone());
        }
        if let Some(content) = context.place(&subject.name, *version, *id, (*at, epoch)) {
            self.refer(subject, *version, &content);
        }
    }

    /// Notes what a version refers to.
    pub(super) fn refer(&mut self, subject: &Subject, version: i32, content: &Content) {
        for referred in content.referred(&subject.context) {
            self.referrers.entry(referred).or_default().insert((subject.clone(), version));
        }
    }

    pub(super) fn apply_deleted(&mut self, subject: &Subject, numbers: &[i32]) {
        let epoch = self.next_epoch();
        let context = self.context_mut(&subject.context);
        let Some(versions) = context.subjects.get_mut(&subject.name) else { return };
        versions.epoch = epoch;
        for number in numbers {
            if let Some(version) = Arc::make_mut(&mut versions.by_number).get_mut(*number) {
                version.deleted = true;
            }
        }
    }

    pub(super) fn apply_purged(&mut self, subject: &Subject, numbers: &[i32]) {
        let epoch = self.next_epoch();
        // From the end, so that no version has to move up for each that goes.
        for number in numbers.iter().rev() {
            let context = self.context_mut(&subject.context);
            let Some(content) = context.remove(&subject.name, *number, epoch) else { continue };
            for referred in content.referred(&subject.context) {
                if let Some(referrers) = self.referrers.get_mut(&referred) {
                    referrers.remove(&(subject.clone(), *number));
                    if referrers.is_empty() {
                        self.referrers.remove(&referred);
                    }
                }
            }
        }
    }
}

impl Context {
    /// The id of a schema, if it has one.
    pub(super) fn id_of(&self, content: &Content) -> Option<i32> {
        let ids = self.ids.get(&(content.format, content.guid))?;
        // The name is a hash that somebody can find two texts for, so it is not believed.
        ids.iter().copied().find(|id| self.contents.get(id).is_some_and(|known| *known.content == *content))
    }

    /// The versions of a subject that are the schema of an id.
    pub(super) fn uses_of<'a>(&'a self, subject: &Arc<str>, id: i32) -> impl DoubleEndedIterator<Item = i32> + use<'a> {
        let range = (subject.clone(), i32::MIN)..=(subject.clone(), i32::MAX);
        self.contents.get(&id).into_iter().flat_map(move |known| known.uses.range(range.clone())).map(|(_, number)| *number)
    }

    pub(super) fn know(&mut self, id: i32, content: Arc<Content>) {
        let name = (content.format, content.guid);
        if self.contents.insert(id, Known { content, uses: Default::default() }).is_none() {
            self.ids.entry(name).or_default().push(id);
        }
    }

    /// Enters a version; answers what it is.
    fn place(&mut self, subject: &str, number: i32, id: i32, (at, epoch): (i64, u64)) -> Option<Arc<Content>> {
        let known = self.contents.get_mut(&id)?;
        let name = match self.subjects.get_key_value(subject) {
            Some((name, _)) => name.clone(),
            None => subject.into(),
        };
        let versions = self.subjects.entry(name.clone()).or_default();
        versions.epoch = epoch;
        versions.insert(number, Version { id, content: known.content.clone(), deleted: false, at });
        known.uses.insert((name, number));
        Some(known.content.clone())
    }

    /// Takes a version away, and its schema when nobody else is it.
    fn remove(&mut self, subject: &str, number: i32, epoch: u64) -> Option<Arc<Content>> {
        let name = self.subjects.get_key_value(subject)?.0.clone();
        let versions = self.subjects.get_mut(subject)?;
        versions.epoch = epoch;
        let version = versions.remove(number)?;
        if versions.by_number.is_empty() {
            self.subjects.remove(subject);
        }
        let known = self.contents.get_mut(&version.id)?;
        known.uses.remove(&(name, number));
        let content = known.content.clone();
        if known.uses.is_empty() {
            self.contents.remove(&version.id);
            self.forget_name(&content, version.id);
        }
        Some(content)
    }

    fn forget_name(&mut self, content: &Content, id: i32) {
        let name = (content.format, content.guid);
        if let Some(ids) = self.ids.get_mut(&name) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.ids.remove(&name);
            }
        }
    }
}
