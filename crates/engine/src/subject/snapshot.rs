//! The registry in bytes, for a checkpoint. A schema's text is read back as it stands: nothing is parsed.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{
    Config, Content, Context, Known, Registry, Subject, Version, Versions,
    content::{read_document, write_document},
    fact::{
        mode_changed::{code, mode_of},
        read_name, read_subject, write_subject,
    },
    limits,
};
use crate::{
    fact::{
        BadFact,
        codec::{Reader, Writer},
    },
    ids::TopicId,
};

const NAME: &str = "snapshot of the schema registry";
const VERSION: u8 = 1;

impl Registry {
    /// Appends the whole state. The same state gives the same bytes.
    pub fn snapshot(&self, into: &mut Vec<u8>) {
        let mut w = Writer::new(into);
        w.u8(VERSION);
        w.option(self.topic, |w, topic| w.uuid(topic.0));
        w.count(self.contexts.len());
        for (name, context) in &self.contexts {
            w.str(name);
            context.write(&mut w);
        }
        w.count(self.configs.len());
        for (scope, config) in &self.configs {
            write_subject(&mut w, scope);
            write_document(&mut w, config);
        }
        w.count(self.modes.len());
        for (scope, mode) in &self.modes {
            write_subject(&mut w, scope);
            w.u8(code(*mode));
        }
    }

    /// Reads what [`Self::snapshot`] wrote.
    pub fn restore(bytes: &[u8]) -> Result<Self, BadFact> {
        let mut r = Reader::new(bytes);
        r.version(NAME, VERSION)?;
        let mut registry = Self { topic: r.option(|r| r.uuid())?.map(TopicId), ..Self::default() };
        for _ in 0..r.count("contexts", limits::CONTEXTS_MAX, 5)? {
            let name = read_name(&mut r)?;
            registry.contexts.insert(name, Context::read(&mut r)?);
        }
        for _ in 0..r.count("configurations", limits::SUBJECTS_MAX, 3)? {
            let scope = read_subject(&mut r)?;
            registry.configs.insert(scope, read_document::<Config>(&mut r)?);
        }
        for _ in 0..r.count("modes", limits::SUBJECTS_MAX, 3)? {
            let scope = read_subject(&mut r)?;
            registry.modes.insert(scope, mode_of(r.u8()?)?);
        }
        r.end()?;
        registry.note_references();
        Ok(registry)
    }

    fn note_references(&mut self) {
        let mut referring: Vec<(Subject, i32, Arc<Content>)> = Vec::new();
        for (context, inside) in &self.contexts {
            let known = inside.contents.values().filter(|known| !known.content.references.is_empty());
            for (known, (name, number)) in known.flat_map(|known| known.uses.iter().map(move |used| (known, used))) {
                let subject = Subject { context: context.clone(), name: name.clone() };
                referring.push((subject, *number, known.content.clone()));
            }
        }
        referring.iter().for_each(|(subject, number, content)| self.refer(subject, *number, content));
    }
}

impl Context {
    fn write(&self, w: &mut Writer<'_>) {
        w.bool(self.live);
        w.i32(self.mark);
        let mut ids: Vec<&i32> = self.contents.keys().collect();
        ids.sort_unstable();
        w.count(ids.len());
        for id in ids {
            w.i32(*id);
            self.contents[id].content.write(w);
        }
        w.count(self.subjects.len());
        for (name, versions) in &self.subjects {
            w.str(name);
            w.count(versions.by_number.len());
            for (number, version) in versions.by_number.iter() {
                w.i32(number);
                w.i32(version.id);
                w.bool(version.deleted);
                w.i64(version.at);
            }
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let (live, mark) = (r.bool()?, r.i32()?);
        let mut context = Self { live, mark, ..Self::default() };
        let schemas = r.count("schemas", limits::SUBJECTS_MAX, LEAST_SCHEMA)?;
        (context.contents, context.ids) = (HashMap::with_capacity(schemas), HashMap::with_capacity(schemas));
        for _ in 0..schemas {
            let id = r.i32()?;
            context.know(id, Arc::new(Content::read(r)?));
        }
        for _ in 0..r.count("subjects", limits::SUBJECTS_MAX, 2)? {
            let name = read_name(r)?;
            context.read_versions(&name, r)?;
        }
        Ok(context)
    }

    fn read_versions(&mut self, subject: &Arc<str>, r: &mut Reader<'_>) -> Result<(), BadFact> {
        let mut versions = Versions::default();
        for _ in 0..r.count("versions", limits::VERSIONS_MAX, 4)? {
            let number = r.i32()?;
            let (id, deleted, at) = (r.i32()?, r.bool()?, r.i64()?);
            let known: &mut Known = self.contents.get_mut(&id).ok_or(BadFact::Invalid { what: "schema id" })?;
            versions.insert(number, Version { id, content: known.content.clone(), deleted, at });
            known.uses.insert((subject.clone(), number));
        }
        self.subjects.insert(subject.clone(), versions);
        Ok(())
    }
}

/// Bytes that a schema takes at least: id, format, GUID, four lengths or marks.
const LEAST_SCHEMA: usize = 1 + 1 + 16 + 4;
