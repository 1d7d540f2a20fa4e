//! Tags of messages and fields: the option `(confluent.message_meta).tags`, `(confluent.field_meta).tags`.

use std::collections::BTreeSet;

use prost_reflect::{
    DynamicMessage, MessageDescriptor, Value,
    prost_types::{
        DescriptorProto, FieldOptions, FileDescriptorProto, MessageOptions, UninterpretedOption, uninterpreted_option::NamePart,
    },
};

use super::{Schema, options};
use crate::{
    Flaw, Resolved,
    tags::{Part, Retagging, Tagged},
};

const OF_MESSAGE: &str = "confluent.message_meta";
const OF_FIELD: &str = "confluent.field_meta";
/// The file that declares both.
const DECLARED: &str = "confluent/meta.proto";

impl Schema {
    /// The parts of the file that have tags.
    pub fn tagged(&self) -> Vec<Tagged> {
        let mut found = Vec::new();
        for (part, options, extension) in self.parts() {
            let tags = tags_of(&options, extension);
            if !tags.is_empty() {
                found.push(Tagged { part, tags });
            }
        }
        found
    }

    /// Its text with other tags.
    pub fn retagged(&self, change: &Retagging, references: &[Resolved<'_>]) -> Result<String, Flaw> {
        let all = self.parts();
        change.judge(&all.iter().map(|(part, ..)| part.clone()).collect::<Vec<_>>())?;
        // Read anew from text, where every option stands as it is written.
        let mut text = Self::parse(&self.canonical(), references)?.written();
        for (part, options, extension) in all {
            if let Some(tags) = change.after(&part, &tags_of(&options, extension)) {
                let option = option(&options, extension, &tags);
                set(&mut text, &part, extension, option);
            }
        }
        let declared = text.dependency.iter().any(|name| name == DECLARED);
        if !declared && !change.add.is_empty() {
            text.dependency.push(DECLARED.to_owned());
        }
        Ok(Self::linked(text, self.edition.clone(), references)?.canonical())
    }

    /// Every message and field of the file, with its options and the one that holds its tags.
    fn parts(&self) -> Vec<(Part, DynamicMessage, &'static str)> {
        let mut parts = Vec::new();
        let mut messages: Vec<MessageDescriptor> = self.file.messages().collect();
        while let Some(message) = messages.pop() {
            if message.is_map_entry() {
                continue;
            }
            parts.push((Part::record(message.full_name()), message.options(), OF_MESSAGE));
            parts.extend(message.fields().map(|field| (Part::field(field.full_name()), field.options(), OF_FIELD)));
            messages.extend(message.child_messages());
        }
        parts.sort_by(|a, b| a.0.cmp(&b.0));
        parts
    }
}

fn meta(options: &DynamicMessage, extension: &str) -> Option<DynamicMessage> {
    let (_, value) = options.extensions().find(|(known, _)| known.full_name() == extension)?;
    value.as_message().cloned()
}

fn tags_of(options: &DynamicMessage, extension: &str) -> BTreeSet<String> {
    let meta = meta(options, extension);
    let tags = meta.as_ref().and_then(|meta| meta.get_field_by_name("tags"));
    let tags = tags.as_deref().and_then(Value::as_list).map(<[Value]>::to_vec).unwrap_or_default();
    tags.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The whole option with other tags; `None` when nothing is left of it.
fn option(options: &DynamicMessage, extension: &str, tags: &BTreeSet<String>) -> Option<UninterpretedOption> {
    let mut parts = Vec::new();
    if let Some(mut meta) = meta(options, extension) {
        meta.clear_field_by_name("tags");
        let rest = options::aggregate(&meta);
        parts.push(rest.trim_start_matches('{').trim_end_matches('}').trim().to_owned());
    }
    parts.extend(tags.iter().map(|tag| format!("tags: {}", options::quoted(tag.as_bytes()))));
    parts.retain(|part| !part.is_empty());
    let name = NamePart { name_part: extension.to_owned(), is_extension: true };
    let value = Some(parts.join(" "));
    (!parts.is_empty()).then(|| UninterpretedOption {
        name: vec![name],
        aggregate_value: value,
        ..UninterpretedOption::default()
    })
}

/// Puts the option where its part is declared.
fn set(file: &mut FileDescriptorProto, part: &Part, extension: &str, option: Option<UninterpretedOption>) {
    let package = file.package().to_owned();
    let inside = part.path.strip_prefix(&package).unwrap_or(&part.path).trim_start_matches('.').to_owned();
    let mut names: Vec<&str> = inside.split('.').collect();
    let field = if part.is_field { names.pop() } else { None };
    let Some(message) = find(&mut file.message_type, &names) else { return };
    let list = match field {
        None => &mut message.options.get_or_insert_with(MessageOptions::default).uninterpreted_option,
        Some(name) => match message.field.iter_mut().find(|field| field.name() == name) {
            Some(field) => &mut field.options.get_or_insert_with(FieldOptions::default).uninterpreted_option,
            None => return,
        },
    };
    let is_it = |option: &UninterpretedOption| {
        option.name.first().is_some_and(|name| name.is_extension && name.name_part.trim_start_matches('.') == extension)
    };
    list.retain(|option| !is_it(option));
    list.extend(option);
}

fn find<'m>(messages: &'m mut [DescriptorProto], names: &[&str]) -> Option<&'m mut DescriptorProto> {
    let (first, rest) = names.split_first()?;
    let message = messages.iter_mut().find(|message| message.name() == *first)?;
    if rest.is_empty() { Some(message) } else { find(&mut message.nested_type, rest) }
}
