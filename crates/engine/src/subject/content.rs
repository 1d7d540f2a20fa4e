//! What a schema is, apart from where it is registered: its text, what it refers to, what is said about it. Two that are
//! the same have one id in a context. Knows the identity (GUID) that other registries give the same schema.

use md5::{Digest, Md5};
use milena_schema::Format;

use super::{
    Metadata, Refusal, RuleSet, Subject,
    document::{Rule, merged_metadata},
    limits,
};
use crate::{
    fact::{
        BadFact,
        codec::{Reader, Writer},
    },
    ids::Uuid,
};

/// How formats are written in facts.
fn code(format: Format) -> u8 {
    match format {
        Format::Avro => 0,
        Format::Json => 1,
        Format::Protobuf => 2,
    }
}

fn format_of(code: u8) -> Result<Format, BadFact> {
    match code {
        0 => Ok(Format::Avro),
        1 => Ok(Format::Json),
        2 => Ok(Format::Protobuf),
        _ => Err(BadFact::Invalid { what: "schema format" }),
    }
}

/// One schema that another one names.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reference {
    /// A full name in Avro, a URI in JSON Schema, an import path in Protobuf.
    pub name: String,
    /// As it was given: without a context it means the one that it stands in.
    pub subject: String,
    pub version: i32,
}

/// A schema with all that belongs to its identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    pub format: Format,
    pub text: Box<str>,
    pub references: Box<[Reference]>,
    pub metadata: Option<Box<Metadata>>,
    pub rules: Option<Box<RuleSet>>,
    /// Made of all of the above but the format, as Confluent's registry makes it.
    pub guid: Uuid,
}

impl Content {
    pub fn new(
        format: Format,
        text: &str,
        references: Vec<Reference>,
        metadata: Option<Metadata>,
        rules: Option<RuleSet>,
    ) -> Self {
        let (metadata, rules) = (metadata.map(Box::new), rules.map(Box::new));
        let mut content = Self { format, text: text.into(), references: references.into(), metadata, rules, guid: Uuid::nil() };
        content.guid = content.hashed();
        content
    }

    fn hashed(&self) -> Uuid {
        let mut hash = Md5::new();
        hash.update(self.text.as_bytes());
        for reference in &self.references {
            hash.update(reference.name.as_bytes());
            hash.update(reference.subject.as_bytes());
            hash.update(reference.version.to_be_bytes());
        }
        if let Some(metadata) = &self.metadata {
            hash.update([1]);
            hash_metadata(&mut hash, metadata);
        }
        if let Some(rules) = &self.rules {
            hash.update([1]);
            let lists = [&rules.migration_rules, &rules.domain_rules, &rules.encoding_rules];
            lists.into_iter().flatten().flatten().for_each(|rule| hash_rule(&mut hash, rule));
        }
        Uuid::from_bytes(hash.finalize().into())
    }

    /// The same schema, whatever version the registry noted in it.
    pub(super) fn same_but_version(&self, other: &Self) -> bool {
        let plain = |c: &Self| c.metadata.as_deref().cloned().and_then(Metadata::without_version);
        let rules = |c: &Self| c.rules.clone().filter(|rules| **rules != RuleSet::default());
        self.format == other.format
            && self.text == other.text
            && self.references == other.references
            && rules(self) == rules(other)
            && plain(self) == plain(other)
    }

    /// The same schema with other metadata and rules.
    pub(super) fn with(&self, metadata: Option<Metadata>, rules: Option<RuleSet>) -> Self {
        Self::new(self.format, &self.text, self.references.to_vec(), metadata, rules)
    }

    /// Metadata and rules that say nothing keep an earlier version's from being inherited. Beyond that they are none.
    pub(super) fn without_empty(self) -> Self {
        let said = |metadata: &Metadata| *metadata != Metadata::default();
        let ruled = |rules: &RuleSet| *rules != RuleSet::default();
        if self.metadata.as_deref().is_none_or(said) && self.rules.as_deref().is_none_or(ruled) {
            return self;
        }
        let metadata = self.metadata.as_deref().cloned().filter(said);
        let rules = self.rules.as_deref().cloned().filter(ruled);
        self.with(metadata, rules)
    }

    /// With what an earlier version says where this one says nothing.
    pub(super) fn inheriting(&self, earlier: &Self) -> Self {
        let metadata = self.metadata.as_deref().or(earlier.metadata.as_deref());
        let rules = self.rules.as_deref().or(earlier.rules.as_deref());
        self.with(merged_metadata(None, metadata, None).and_then(Metadata::without_version), rules.cloned())
    }

    /// What each reference means in a context.
    pub fn referred<'a>(&'a self, context: &'a str) -> impl Iterator<Item = (Subject, i32)> + 'a {
        self.references.iter().map(move |r| (Subject::parse_in(context, &r.subject), r.version))
    }

    /// What is stored is longer than what was sent where the canonical form is, or where the configuration adds something. It is
    /// read with the same bounds at every start.
    pub(super) fn judge_size(&self) -> Result<(), Refusal> {
        let document = |bytes: Option<serde_json::Result<Vec<u8>>>| bytes.map_or(0, |b| b.map_or(usize::MAX, |b| b.len()));
        let documents =
            [document(self.metadata.as_deref().map(serde_json::to_vec)), document(self.rules.as_deref().map(serde_json::to_vec))];
        let too_large = |bytes: usize, max: usize| (bytes > max).then_some(Refusal::TooLarge { bytes, max });
        let text = too_large(self.text.len(), limits::SCHEMA_BYTES_MAX);
        let documents = documents.into_iter().find_map(|bytes| too_large(bytes, limits::DOCUMENT_BYTES_MAX));
        text.or(documents).map_or(Ok(()), Err)
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.u8(code(self.format));
        w.uuid(self.guid);
        w.str(&self.text);
        w.count(self.references.len());
        for reference in &self.references {
            w.str(&reference.name);
            w.str(&reference.subject);
            w.i32(reference.version);
        }
        w.option(self.metadata.as_deref(), write_document);
        w.option(self.rules.as_deref(), write_document);
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let format = format_of(r.u8()?)?;
        let guid = r.uuid()?;
        let text = r.str("bytes of a schema", limits::SCHEMA_BYTES_MAX)?.into();
        let references = r.count("references", limits::REFERENCES_MAX, 3)?;
        let references = (0..references).map(|_| read_reference(r)).collect::<Result<_, _>>()?;
        let metadata = r.option(read_document)?.map(Box::new);
        let rules = r.option(read_document)?.map(Box::new);
        Ok(Self { format, text, references, metadata, rules, guid })
    }
}

fn read_reference(r: &mut Reader<'_>) -> Result<Reference, BadFact> {
    let name = r.str("bytes of a reference", limits::REFERENCE_NAME_BYTES_MAX)?.into();
    let subject = r.str("bytes of a subject", 2 * limits::SUBJECT_BYTES_MAX + 2)?.into();
    Ok(Reference { name, subject, version: r.i32()? })
}

/// Documents are stored as the JSON that clients see: their fields are theirs, and new ones come with every release.
pub(super) fn write_document(w: &mut Writer<'_>, document: &impl serde::Serialize) {
    // Maps with names for keys are all there is, and those can always be written.
    w.bytes(&serde_json::to_vec(document).expect("a document is JSON"));
}

pub(super) fn read_document<D: serde::de::DeserializeOwned>(r: &mut Reader<'_>) -> Result<D, BadFact> {
    let bytes = r.bytes("bytes of a document", 2 * limits::DOCUMENT_BYTES_MAX)?;
    serde_json::from_slice(bytes).map_err(|_| BadFact::Invalid { what: "document" })
}

fn hash_metadata(hash: &mut Md5, metadata: &Metadata) {
    for (path, tags) in metadata.tags.iter().flatten() {
        hash.update(path.as_bytes());
        tags.iter().for_each(|tag| hash.update(tag.as_bytes()));
    }
    for (name, value) in metadata.properties.iter().flatten() {
        hash.update(name.as_bytes());
        hash.update(value.as_bytes());
    }
    metadata.sensitive.iter().flatten().for_each(|name| hash.update(name.as_bytes()));
}

fn hash_rule(hash: &mut Md5, rule: &Rule) {
    let upper = |json: serde_json::Result<String>| json.unwrap_or_default().trim_matches('"').to_string();
    let (kind, mode) = (upper(serde_json::to_string(&rule.kind)), upper(serde_json::to_string(&rule.mode)));
    let head = [Some(&rule.name), rule.doc.as_ref(), Some(&kind), Some(&mode), rule.rule_type.as_ref()];
    head.into_iter().flatten().for_each(|text| hash.update(text.as_bytes()));
    rule.tags.iter().flatten().for_each(|tag| hash.update(tag.as_bytes()));
    for (name, value) in rule.params.iter().flatten() {
        hash.update(name.as_bytes());
        hash.update(value.as_bytes());
    }
    let tail = [&rule.expr, &rule.on_success, &rule.on_failure];
    tail.into_iter().flatten().for_each(|text| hash.update(text.as_bytes()));
    if rule.disabled {
        hash.update([1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_the_md5_of_the_text_and_of_every_reference() {
        let plain = Content::new(Format::Avro, "\"string\"", Vec::new(), None, None);
        // printf '"string"' | md5sum
        assert_eq!(plain.guid.simple().to_string(), MD5_OF_STRING);
        let reference = Reference { name: "a.B".into(), subject: "b".into(), version: 258 };
        let referring = Content::new(Format::Avro, "\"string\"", vec![reference], None, None);
        // printf '"string"a.Bb\0\0\1\2' | md5sum
        assert_eq!(referring.guid.simple().to_string(), MD5_OF_REFERRING);
        let json = Content::new(Format::Json, "\"string\"", Vec::new(), None, None);
        assert_eq!(json.guid, plain.guid, "the format is no part of it");
    }

    const MD5_OF_STRING: &str = "095d71cf12556b9d5e330ad575b3df5d";
    const MD5_OF_REFERRING: &str = "f84e7c430abe071f607ebfa6dd207e0a";
}
