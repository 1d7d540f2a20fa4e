//! Protobuf, proto2, proto3, editions 2023 and 2024: files read, printed again, compared, and their messages turned to JSON and back.
//!
//! Texts are parsed by `protox-parse` and linked by `prost-reflect`; a base64 `FileDescriptorProto` is accepted where a
//! text is. Imports come from the given references and from the files that every registry knows; nothing is looked for
//! elsewhere. Neither library knows editions: a text of one is said in the words that they know, and a descriptor of one is made
//! such a text (`editions.rs`).

mod compare;
mod dissect;
mod editions;
mod known;
mod message;
mod options;
mod print;
mod tags;

use base64::{Engine as _, engine::general_purpose::STANDARD};
pub use compare::{Change, Kind};
use editions::Edition;
pub use message::Message;
use prost_reflect::{
    DescriptorPool, FileDescriptor, MessageDescriptor,
    prost::Message as _,
    prost_types::{DescriptorProto, FileDescriptorProto},
};

use crate::{Difference, Flaw, Resolved, budget};

/// The name of the file itself. No import can lead to it.
const ITSELF: &str = "schema of this subject";
/// The syntax of a descriptor that has an edition.
const EDITIONS: &str = "editions";
/// Files that one schema is linked with, known ones included.
const FILES: usize = budget::REFERENCES + 64;

/// A Protobuf file with everything that it imports.
#[derive(Debug, Clone)]
pub struct Schema {
    /// As parsed, in its bytes: types are named as the text names them. Only printing needs it, and a tree of it would be ten
    /// times as large, beside the two that the linked file consists of.
    written: Box<[u8]>,
    /// The features of a file that has an edition.
    edition: Option<Edition>,
    file: FileDescriptor,
    name: Option<String>,
}

impl Schema {
    /// Reads a file: its text, or a `FileDescriptorProto` in base64.
    pub fn parse(text: &str, references: &[Resolved<'_>]) -> Result<Self, Flaw> {
        let pool = shelf(references)?;
        let source = read(&pool, ITSELF, text)?;
        Self::built(pool, source)
    }

    /// A file that is made already.
    fn linked(file: FileDescriptorProto, edition: Option<Edition>, references: &[Resolved<'_>]) -> Result<Self, Flaw> {
        Self::built(shelf(references)?, Source { edition, ..file.into() })
    }

    fn built(mut pool: DescriptorPool, mut source: Source) -> Result<Self, Flaw> {
        let edition = source.edition.clone();
        let written: Box<[u8]> = std::mem::take(&mut source.proto).encode_to_vec().into();
        source.proto = reread(&written)?;
        link(&mut pool, source)?;
        let file = pool.get_file_by_name(ITSELF).ok_or_else(|| Flaw::new("the file was not linked"))?;
        let name = file.messages().next().map(|message| message.full_name().to_owned());
        Ok(Self { written, edition, file, name })
    }

    /// The text by which the registry knows the schema again: printed from what was parsed, without comments.
    pub fn canonical(&self) -> String {
        print::canonical(&self.written(), &self.file, self.edition.as_ref())
    }

    /// The same without extensions: neither those that it declares nor options that are some.
    pub fn unextended(&self) -> String {
        print::unextended(&self.written(), &self.file, self.edition.as_ref())
    }

    /// The file as it was parsed.
    fn written(&self) -> FileDescriptorProto {
        // They were read once when the schema was built, and have not changed since.
        FileDescriptorProto::decode(&*self.written).unwrap_or_default()
    }

    /// The names of the fields of the first message.
    pub fn fields(&self) -> Vec<String> {
        let first = self.file.messages().next();
        first.into_iter().flat_map(|message| message.fields().map(|f| f.name().to_owned()).collect::<Vec<_>>()).collect()
    }

    /// The same in the order of tags, with full names of types.
    pub fn normalized(&self) -> String {
        print::normalized(self.file.file_descriptor_proto(), &self.file, self.edition.as_ref())
    }

    /// The full name of the first message.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The `FileDescriptorProto` in base64: the other form in which a registry gives and takes a schema. Of an edition it is that
    /// of the proto3 file whose messages have the same bytes.
    pub fn descriptor(&self) -> String {
        STANDARD.encode(renamed(self.file.encode_to_vec(), "default"))
    }

    /// Why this schema, as the reader, cannot read all that `writer` writes. Empty: it can.
    pub fn can_read(&self, writer: &Self) -> Vec<Difference> {
        compare::differences(writer, self)
    }

    /// Every change from `writer` to this schema, also those that break nothing.
    pub fn changes(&self, writer: &Self) -> Vec<Change> {
        compare::changes(writer, self)
    }

    /// A message of the file or of its imports, by its full name.
    pub fn message(&self, name: &str) -> Option<Message> {
        self.file.parent_pool().get_message_by_name(name).map(Message::of)
    }

    /// The message that a frame's indexes lead to: the n-th of the file, the n-th inside that, and so on.
    pub fn message_at(&self, indexes: &[i32]) -> Option<Message> {
        let mut indexes = indexes.iter().map(|index| usize::try_from(*index).ok());
        let mut at: MessageDescriptor = self.file.messages().nth(indexes.next()??)?;
        for index in indexes {
            let next = at.child_messages().nth(index?)?;
            at = next;
        }
        Some(Message::of(at))
    }

    /// The indexes of a message of this file, as frames carry them.
    pub fn indexes(&self, name: &str) -> Option<Vec<i32>> {
        let mut at = self.file.messages().find(|m| name_leads_to(name, m.full_name()))?;
        let mut indexes = vec![position(self.file.messages(), &at)?];
        while at.full_name() != name {
            let next = at.child_messages().find(|m| name_leads_to(name, m.full_name()))?;
            indexes.push(position(at.child_messages(), &next)?);
            at = next;
        }
        Some(indexes)
    }
}

/// A file out of the bytes that it is kept in. One that cannot be read again would be printed, and stored, as an empty one.
fn reread(written: &[u8]) -> Result<FileDescriptorProto, Flaw> {
    FileDescriptorProto::decode(written).map_err(|error| {
        Flaw::new(format!("the file cannot be read again from its own bytes ({error}); nest its messages less deep"))
    })
}

/// Whether a message is the named one or holds it.
fn name_leads_to(name: &str, message: &str) -> bool {
    name.strip_prefix(message).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn position(mut messages: impl Iterator<Item = MessageDescriptor>, wanted: &MessageDescriptor) -> Option<i32> {
    i32::try_from(messages.position(|message| message == *wanted)?).ok()
}

/// A file before it is linked.
struct Source {
    proto: FileDescriptorProto,
    /// The bytes of a descriptor: options of its own kinds are in them, and lost in `proto`.
    bytes: Option<Vec<u8>>,
    edition: Option<Edition>,
}

impl From<FileDescriptorProto> for Source {
    fn from(proto: FileDescriptorProto) -> Self {
        Self { proto, bytes: None, edition: None }
    }
}

/// What a file may import.
fn shelf(references: &[Resolved<'_>]) -> Result<DescriptorPool, Flaw> {
    let mut pool = DescriptorPool::new();
    for reference in references {
        if pool.get_file_by_name(reference.name).is_none() {
            let file = read(&pool, reference.name, reference.text)?;
            link(&mut pool, file).map_err(|flaw| flaw.at(format!("reference {}", reference.name)))?;
        }
    }
    Ok(pool)
}

/// A text or a descriptor in base64, under a name. `pool` has what it may import.
fn read(pool: &DescriptorPool, name: &str, text: &str) -> Result<Source, Flaw> {
    match decoded(name, text) {
        Some(source) if source.proto.syntax() == EDITIONS => parsed(name, &described(pool, source)?),
        Some(source) => Ok(source),
        None => parsed(name, text),
    }
}

fn parsed(name: &str, text: &str) -> Result<Source, Flaw> {
    let read = |text: &str| {
        let file = protox_parse::parse(name, text).map_err(|error| Flaw::new(error.to_string().replace(ITSELF, "the schema")));
        file.map(|file| FileDescriptorProto { source_code_info: None, ..file })
    };
    let Some((plain, edition)) = editions::rewritten(text)? else { return Ok(read(text)?.into()) };
    let mut file = read(&plain)?;
    edition.lower(&mut file)?;
    Ok(Source { edition: Some(edition), ..file.into() })
}

/// Refuses a new file of more parts than memory is meant for, before any of it is built. One that is stored already is read.
pub(crate) fn judge_size(text: &str) -> Result<(), Flaw> {
    let parts = match decoded(ITSELF, text) {
        Some(Source { proto, .. }) => {
            let methods = proto.service.iter().map(|service| service.method.len()).sum::<usize>();
            proto.message_type.iter().map(parts_of).sum::<usize>() + proto.extension.len() + methods
        }
        None => editions::parts(text),
    };
    let most = budget::PROTOBUF_PARTS;
    match parts > most {
        true => Err(Flaw::new(format!(
            "the file has {parts} messages, fields and methods; at most {most} are read. Divide it into several"
        ))),
        false => Ok(()),
    }
}

/// As [`editions::parts`] counts them in a text: an extension is a field, and a map brings a message of two fields with it.
fn parts_of(message: &DescriptorProto) -> usize {
    1 + message.field.len() + message.extension.len() + message.nested_type.iter().map(parts_of).sum::<usize>()
}

/// No text is base64 through and through: it would need a semicolon.
fn decoded(name: &str, text: &str) -> Option<Source> {
    let trimmed = text.trim();
    if trimmed.is_empty() || !trimmed.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')) {
        return None;
    }
    let bytes = renamed(STANDARD.decode(trimmed).ok()?, name);
    let proto = FileDescriptorProto::decode(bytes.as_slice()).ok()?;
    let known = matches!(proto.syntax(), "" | "proto2" | "proto3" | EDITIONS);
    known.then(|| Source { bytes: Some(bytes), ..FileDescriptorProto { source_code_info: None, ..proto }.into() })
}

/// A descriptor of an edition as the text that says the same. Linked as proto2, which has all that is printed; features are read
/// from its bytes.
fn described(pool: &DescriptorPool, source: Source) -> Result<String, Flaw> {
    let bytes = source.bytes.unwrap_or_default();
    let edition = editions::described(&bytes)?;
    let mut proto = FileDescriptorProto { syntax: Some("proto2".to_owned()), ..source.proto };
    let (syntax, dependency) = (proto.syntax.clone(), edition.option_imports().map(str::to_owned).collect::<Vec<_>>());
    proto.dependency.extend_from_slice(&dependency);
    // What comes twice: of one the last counts, of many all.
    let bytes = [bytes, FileDescriptorProto { syntax, dependency, ..FileDescriptorProto::default() }.encode_to_vec()];
    let mut trial = pool.clone();
    let name = proto.name().to_owned();
    link(&mut trial, Source { bytes: Some(bytes.concat()), ..proto.clone().into() })?;
    let file = trial.get_file_by_name(&name).ok_or_else(|| Flaw::new("the file was not linked"))?;
    Ok(print::canonical(&proto, &file, Some(&edition)))
}

/// The same descriptor under another name: of a field that comes twice the last counts.
fn renamed(mut bytes: Vec<u8>, name: &str) -> Vec<u8> {
    bytes.extend(FileDescriptorProto { name: Some(name.to_owned()), ..FileDescriptorProto::default() }.encode_to_vec());
    bytes
}

/// Adds a file to what it imports; of imports that are missing, those that every registry knows.
fn link(pool: &mut DescriptorPool, file: Source) -> Result<(), Flaw> {
    let mut wanted = vec![file];
    while let Some(file) = wanted.pop() {
        let missing = file.proto.dependency.iter().find(|name| pool.get_file_by_name(name).is_none()).cloned();
        let Some(name) = missing else {
            match file.bytes {
                Some(bytes) => pool.decode_file_descriptor_proto(bytes.as_slice()),
                None => pool.add_file_descriptor_proto(delimited(pool, file)?),
            }
            .map_err(unlinked)?;
            continue;
        };
        if wanted.len() > FILES {
            return Err(Flaw::new(format!("imports lead through more than {FILES} files")));
        }
        let known = known::file(&name)?.filter(|_| !wanted.iter().any(|f| f.proto.name() == name));
        let why = || Flaw::new(format!("import \"{name}\" is not among the references of the schema"));
        wanted.push(file);
        wanted.push(known.ok_or_else(why)?.into());
    }
    Ok(())
}

/// A file whose messages are written between a begin and an end where its features say so.
fn delimited(pool: &DescriptorPool, file: Source) -> Result<FileDescriptorProto, Flaw> {
    let Source { mut proto, edition, .. } = file;
    if let Some(edition) = edition.filter(Edition::delimits) {
        let mut trial = pool.clone();
        trial.add_file_descriptor_proto(proto.clone()).map_err(unlinked)?;
        if let Some(linked) = trial.get_file_by_name(proto.name()) {
            edition.delimit(&mut proto, &linked);
        }
    }
    Ok(proto)
}

fn unlinked(error: prost_reflect::DescriptorError) -> Flaw {
    Flaw::new(error.to_string().replace(ITSELF, "the schema"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_again_is_refused_and_not_stored_empty() {
        let named = |n: usize| DescriptorProto { name: Some(format!("M{n}")), ..DescriptorProto::default() };
        let file = |depth: usize| {
            let within = |inner, n| DescriptorProto { nested_type: vec![inner], ..named(n) };
            let message = (1..depth).fold(named(0), within);
            let syntax = Some("proto3".to_owned());
            FileDescriptorProto { name: Some(ITSELF.to_owned()), syntax, message_type: vec![message], ..Default::default() }
        };
        assert!(Schema::linked(file(20), None, &[]).unwrap().canonical().contains("message M0"));
        let flaw = Schema::linked(file(150), None, &[]).map(|_| ()).unwrap_err().to_string();
        assert!(flaw.contains("cannot be read again from its own bytes"), "{flaw}");
    }
}
