//! What changed between two Protobuf files, and whether a reader of the second still understands data of the first.
//!
//! Fields are matched by tags, messages by names. Pairs of messages are worked through from a list; one that was met is
//! not looked at again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use prost_reflect::{
    EnumDescriptor, FieldDescriptor, Kind as Type, MessageDescriptor, OneofDescriptor, Syntax,
    prost_types::field_descriptor_proto::Label,
};

use super::Schema;
use crate::{Difference, budget};

/// Changes that are listed.
const CHANGES: usize = 1_000;

macro_rules! kinds {
    (compatible: $($good:ident)*; breaking: $($bad:ident)*;) => {
        /// A kind of change, spelled as the registry's `errorType` is.
        #[allow(non_camel_case_types, missing_docs, reason = "the names are the registry's")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($good,)* $($bad,)* }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$good,)* $(Self::$bad,)*];

            /// The registry's name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$good => stringify!($good),)* $(Self::$bad => stringify!($bad),)* }
            }

            /// Whether readers still understand all data.
            pub fn is_compatible(self) -> bool {
                match self { $(Self::$good => true,)* $(Self::$bad => false,)* }
            }
        }
    };
}

kinds! {
    compatible:
        MESSAGE_ADDED MESSAGE_MOVED ENUM_ADDED ENUM_REMOVED ENUM_CONST_ADDED ENUM_CONST_CHANGED ENUM_CONST_REMOVED
        FIELD_ADDED FIELD_REMOVED FIELD_NAME_CHANGED FIELD_STRING_OR_BYTES_LABEL_CHANGED
        ONEOF_ADDED ONEOF_REMOVED ONEOF_FIELD_ADDED ONEOF_FIELD_MOVED_TO_TOP_LEVEL;
    breaking:
        PACKAGE_CHANGED MESSAGE_REMOVED FIELD_KIND_CHANGED FIELD_SCALAR_KIND_CHANGED FIELD_NAMED_TYPE_CHANGED
        FIELD_NUMERIC_LABEL_CHANGED REQUIRED_FIELD_ADDED REQUIRED_FIELD_REMOVED ONEOF_FIELD_REMOVED
        MULTIPLE_FIELDS_MOVED_TO_ONEOF FIELD_MOVED_TO_EXISTING_ONEOF;
}

impl Kind {
    /// The sentence for people, where `{path}`, `{reader}` and `{writer}` are to be filled in.
    fn sentence(self) -> &'static str {
        match self {
            Self::PACKAGE_CHANGED => "The package of the {reader} schema differs from the {writer} schema's",
            Self::MESSAGE_REMOVED => {
                "The {reader} schema is missing a field of type MESSAGE at path '{path}' in the {writer} schema"
            }
            Self::FIELD_KIND_CHANGED => {
                "The type of a field at path '{path}' in the {reader} schema does not match its type in the {writer} schema"
            }
            Self::FIELD_SCALAR_KIND_CHANGED => {
                "The kind of a SCALAR field at path '{path}' in the {reader} schema does not match its kind in the {writer} schema"
            }
            Self::FIELD_NAMED_TYPE_CHANGED => {
                "The type of a MESSAGE field at path '{path}' in the {reader} schema does not match its type in the {writer} schema"
            }
            Self::FIELD_NUMERIC_LABEL_CHANGED => {
                "The label of a numeric field at path '{path}' in the {reader} schema does not match its label in the {writer} schema"
            }
            Self::REQUIRED_FIELD_ADDED => {
                "The {reader} schema requires a field at path '{path}' that the {writer} schema does not"
            }
            Self::REQUIRED_FIELD_REMOVED => {
                "The {writer} schema has a required field at path '{path}' that is missing in the {reader} schema"
            }
            Self::ONEOF_FIELD_REMOVED => {
                "The {writer} schema has a oneof field at path '{path}' that is missing in the {reader} schema"
            }
            Self::MULTIPLE_FIELDS_MOVED_TO_ONEOF => {
                "Multiple fields of the {writer} schema were moved into the oneof at path '{path}' in the {reader} schema"
            }
            Self::FIELD_MOVED_TO_EXISTING_ONEOF => {
                "A field of the {writer} schema was moved into the oneof at path '{path}' in the {reader} schema, which has members already"
            }
            _ => "The element at path '{path}' in the {reader} schema differs from the {writer} schema's",
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What changed.
    pub kind: Kind,
    /// Where: names of messages and a field's tag, `#/Order/Item/2`.
    pub path: String,
    reader: String,
    writer: String,
}

pub(super) fn changes(writer: &Schema, reader: &Schema) -> Vec<Change> {
    walk(writer, reader).changes
}

pub(super) fn differences(writer: &Schema, reader: &Schema) -> Vec<Difference> {
    let walk = walk(writer, reader);
    let breaking = walk.changes.into_iter().filter(|change| !change.kind.is_compatible());
    let mut differences: Vec<_> = breaking.map(Change::into_difference).collect();
    if walk.exhausted {
        let steps = budget::COMPARISONS;
        differences.push(Difference {
            kind: "COMPARISON_NOT_DECIDED",
            path: "#/".to_owned(),
            template: format!("The {{reader}} schema could not be compared with the {{writer}} schema in {steps} steps"),
            message: String::new(),
            reader: String::new(),
            writer: String::new(),
        });
    }
    differences
}

impl Change {
    fn into_difference(self) -> Difference {
        Difference {
            kind: self.kind.name(),
            template: self.kind.sentence().replace("{path}", &self.path),
            path: self.path,
            message: String::new(),
            reader: self.reader,
            writer: self.writer,
        }
    }
}

#[derive(Default)]
struct Walk {
    changes: Vec<Change>,
    todo: Vec<(MessageDescriptor, MessageDescriptor, String)>,
    met: HashSet<(String, String)>,
    steps: usize,
    exhausted: bool,
}

fn walk(writer: &Schema, reader: &Schema) -> Walk {
    let mut walk = Walk::default();
    let (old, new) = (&writer.file, &reader.file);
    if old.package_name() != new.package_name() {
        walk.tell(Kind::PACKAGE_CHANGED, "#/".to_owned(), old.package_name(), new.package_name());
    }
    walk.messages("#", &old.messages().collect::<Vec<_>>(), &new.messages().collect::<Vec<_>>());
    walk.enums("#", old.enums(), new.enums());
    while let Some((old, new, path)) = walk.todo.pop() {
        walk.message(&old, &new, &path);
    }
    walk
}

impl Walk {
    fn tell(&mut self, kind: Kind, path: String, writer: &str, reader: &str) {
        if self.changes.len() < CHANGES || !kind.is_compatible() && self.changes.len() < 2 * CHANGES {
            self.changes.push(Change { kind, path, writer: writer.to_owned(), reader: reader.to_owned() });
        }
    }

    fn spend(&mut self) -> bool {
        self.steps += 1;
        self.exhausted |= self.steps > budget::COMPARISONS;
        !self.exhausted
    }

    /// Messages of one scope, by name. Entries of maps belong to their fields.
    fn messages(&mut self, scope: &str, old: &[MessageDescriptor], new: &[MessageDescriptor]) {
        let places = |list: &[MessageDescriptor]| -> HashMap<String, usize> {
            list.iter().filter(|m| !m.is_map_entry()).enumerate().map(|(at, m)| (m.name().to_owned(), at)).collect()
        };
        let (were, are) = (places(old), places(new));
        let by_name: HashMap<&str, &MessageDescriptor> = new.iter().map(|message| (message.name(), message)).collect();
        for message in old.iter().filter(|message| !message.is_map_entry()) {
            let name = message.name();
            let path = format!("{scope}/{name}");
            match (are.get(name), by_name.get(name)) {
                (Some(at), Some(counterpart)) => {
                    if were.get(name) != Some(at) {
                        self.tell(Kind::MESSAGE_MOVED, path.clone(), name, name);
                    }
                    self.later(message, counterpart, path);
                }
                _ => self.tell(Kind::MESSAGE_REMOVED, path, name, ""),
            }
        }
        for message in new.iter().filter(|message| !message.is_map_entry() && !were.contains_key(message.name())) {
            self.tell(Kind::MESSAGE_ADDED, format!("{scope}/{}", message.name()), "", message.name());
        }
    }

    fn later(&mut self, old: &MessageDescriptor, new: &MessageDescriptor, path: String) {
        if self.met.insert((old.full_name().to_owned(), new.full_name().to_owned())) && self.spend() {
            self.todo.push((old.clone(), new.clone(), path));
        }
    }

    fn enums(&mut self, scope: &str, old: impl Iterator<Item = EnumDescriptor>, new: impl Iterator<Item = EnumDescriptor>) {
        let new: BTreeMap<String, EnumDescriptor> = new.map(|e| (e.name().to_owned(), e)).collect();
        let mut met = HashSet::new();
        for was in old {
            met.insert(was.name().to_owned());
            let path = format!("{scope}/{}", was.name());
            match new.get(was.name()) {
                Some(is) => self.constants(&path, &was, is),
                None => self.tell(Kind::ENUM_REMOVED, path, was.name(), ""),
            }
        }
        for (name, _) in new.iter().filter(|(name, _)| !met.contains(*name)) {
            self.tell(Kind::ENUM_ADDED, format!("{scope}/{name}"), "", name);
        }
    }

    fn constants(&mut self, scope: &str, old: &EnumDescriptor, new: &EnumDescriptor) {
        let by_number = |of: &EnumDescriptor| -> BTreeMap<i32, String> {
            of.values().map(|value| (value.number(), value.name().to_owned())).collect()
        };
        let (old, new) = (by_number(old), by_number(new));
        for (number, was) in &old {
            let path = format!("{scope}/{number}");
            match new.get(number) {
                Some(is) if is != was => self.tell(Kind::ENUM_CONST_CHANGED, path, was, is),
                Some(_) => {}
                None => self.tell(Kind::ENUM_CONST_REMOVED, path, was, ""),
            }
        }
        for (number, is) in new.iter().filter(|(number, _)| !old.contains_key(number)) {
            self.tell(Kind::ENUM_CONST_ADDED, format!("{scope}/{number}"), "", is);
        }
    }

    fn message(&mut self, old: &MessageDescriptor, new: &MessageDescriptor, path: &str) {
        if old.is_map_entry() && new.is_map_entry() {
            return self.fields(old, new, path);
        }
        self.messages(path, &old.child_messages().collect::<Vec<_>>(), &new.child_messages().collect::<Vec<_>>());
        self.enums(path, old.child_enums(), new.child_enums());
        self.fields(old, new, path);
        self.old_oneofs(old, new, path);
        self.new_oneofs(old, new, path);
    }

    fn fields(&mut self, old: &MessageDescriptor, new: &MessageDescriptor, path: &str) {
        for was in old.fields() {
            if !self.spend() {
                return;
            }
            match new.get_field(was.number()) {
                Some(is) => self.field(&was, &is, format!("{path}/{}", was.number())),
                None if was.is_required() => {
                    self.tell(Kind::REQUIRED_FIELD_REMOVED, format!("{path}/{}", was.number()), was.name(), "");
                }
                // Members of oneofs are judged with their oneof.
                None if real_oneof(&was).is_some() => {}
                None => self.tell(Kind::FIELD_REMOVED, format!("{path}/{}", was.number()), was.name(), ""),
            }
        }
        for is in new.fields().filter(|is| old.get_field(is.number()).is_none()) {
            let kind = match real_oneof(&is) {
                _ if is.is_required() => Kind::REQUIRED_FIELD_ADDED,
                Some(_) => Kind::ONEOF_FIELD_ADDED,
                None => Kind::FIELD_ADDED,
            };
            self.tell(kind, format!("{path}/{}", is.number()), "", is.name());
        }
    }

    fn field(&mut self, was: &FieldDescriptor, is: &FieldDescriptor, path: String) {
        if was.name() != is.name() {
            self.tell(Kind::FIELD_NAME_CHANGED, path.clone(), was.name(), is.name());
        }
        self.labels(was, is, &path);
        let (from, to) = (was.kind(), is.kind());
        match (group(&from), group(&to)) {
            // One has a length before it, the other an end behind it.
            (Group::Message, Group::Message) if was.is_group() != is.is_group() => {
                self.tell(Kind::FIELD_KIND_CHANGED, path, &format!("{from:?}"), &format!("{to:?}"));
            }
            (Group::Message, Group::Message) => {
                if let (Some(old), Some(new)) = (from.as_message(), to.as_message()) {
                    self.named(old, new, path);
                }
            }
            (a, b) if a == b => {}
            (Group::Message, _) | (_, Group::Message) => {
                self.tell(Kind::FIELD_KIND_CHANGED, path, &format!("{from:?}"), &format!("{to:?}"));
            }
            _ => self.tell(Kind::FIELD_SCALAR_KIND_CHANGED, path, &format!("{from:?}"), &format!("{to:?}")),
        }
    }

    /// Types are the same when their local names are; what they hold is compared wherever they were declared.
    fn named(&mut self, old: &MessageDescriptor, new: &MessageDescriptor, path: String) {
        let entries = old.is_map_entry() && new.is_map_entry();
        if old.name() != new.name() && !entries {
            return self.tell(Kind::FIELD_NAMED_TYPE_CHANGED, path, old.full_name(), new.full_name());
        }
        self.later(old, new, path);
    }

    /// Labels count only where both are written.
    fn labels(&mut self, was: &FieldDescriptor, is: &FieldDescriptor, path: &str) {
        let (Some(from), Some(to)) = (written_label(was), written_label(is)) else { return };
        if from == to || was.is_map() || is.is_map() {
            return;
        }
        let shown = |label: Label| format!("{label:?}").to_lowercase();
        let kind = match (to, is.kind()) {
            (Label::Required, _) => Kind::REQUIRED_FIELD_ADDED,
            // Of several the last counts, or all are merged: nothing is misread.
            (_, Type::String | Type::Bytes | Type::Message(_)) => Kind::FIELD_STRING_OR_BYTES_LABEL_CHANGED,
            _ => Kind::FIELD_NUMERIC_LABEL_CHANGED,
        };
        self.tell(kind, path.to_owned(), &shown(from), &shown(to));
    }

    /// What became of the members of old oneofs.
    fn old_oneofs(&mut self, old: &MessageDescriptor, new: &MessageDescriptor, path: &str) {
        for oneof in old.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let members: Vec<_> = oneof.fields().collect();
            // Its name alone may go on, with other members.
            let named = new.oneofs().any(|later| !later.is_synthetic() && later.name() == oneof.name());
            let survives = named || members.iter().any(|member| new.get_field(member.number()).is_some());
            for member in &members {
                let at = format!("{path}/{}/{}", oneof.name(), member.number());
                match new.get_field(member.number()) {
                    Some(is) if real_oneof(&is).is_none() => {
                        self.tell(Kind::ONEOF_FIELD_MOVED_TO_TOP_LEVEL, at, member.name(), is.name());
                    }
                    Some(_) => {}
                    None if survives => self.tell(Kind::ONEOF_FIELD_REMOVED, at, member.name(), ""),
                    None => {}
                }
            }
            let kept = members.iter().any(|member| new.get_field(member.number()).is_some_and(|is| real_oneof(&is).is_some()));
            if !kept && !named {
                self.tell(Kind::ONEOF_REMOVED, format!("{path}/{}", oneof.name()), oneof.name(), "");
            }
        }
    }

    /// What was moved into new oneofs. Members that are new altogether do no harm.
    fn new_oneofs(&mut self, old: &MessageDescriptor, new: &MessageDescriptor, path: &str) {
        for oneof in new.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let before: Vec<_> = oneof.fields().filter_map(|member| old.get_field(member.number())).collect();
            let moved = before.iter().filter(|was| real_oneof(was).is_none()).count();
            let existing = before.len() - moved;
            // A writer may have set one of each at the same time.
            let origins: BTreeSet<_> = before.iter().filter_map(real_oneof).map(|was| was.name().to_owned()).collect();
            let at = format!("{path}/{}", oneof.name());
            if moved > 1 {
                self.tell(Kind::MULTIPLE_FIELDS_MOVED_TO_ONEOF, at, "", oneof.name());
            } else if (moved == 1 && existing > 0) || origins.len() > 1 {
                self.tell(Kind::FIELD_MOVED_TO_EXISTING_ONEOF, at, "", oneof.name());
            } else if existing == 0 {
                self.tell(Kind::ONEOF_ADDED, at, "", oneof.name());
            }
        }
    }
}

/// The oneof that the text shows; `optional` of proto3 makes one that it does not.
fn real_oneof(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field.containing_oneof().filter(|oneof| !oneof.is_synthetic())
}

fn written_label(field: &FieldDescriptor) -> Option<Label> {
    let proto = field.field_descriptor_proto();
    let implicit = field.parent_file().syntax() == Syntax::Proto3 && !proto.proto3_optional();
    match proto.label() {
        Label::Optional if implicit || real_oneof(field).is_some() => None,
        label => Some(label),
    }
}

/// Types whose bytes are read alike.
#[derive(PartialEq, Eq)]
enum Group {
    Varint,
    ZigZag,
    Bytes,
    Fixed32,
    Fixed64,
    Float,
    Double,
    Message,
}

fn group(kind: &Type) -> Group {
    match kind {
        Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 | Type::Bool | Type::Enum(_) => Group::Varint,
        Type::Sint32 | Type::Sint64 => Group::ZigZag,
        Type::String | Type::Bytes => Group::Bytes,
        Type::Fixed32 | Type::Sfixed32 => Group::Fixed32,
        Type::Fixed64 | Type::Sfixed64 => Group::Fixed64,
        Type::Float => Group::Float,
        Type::Double => Group::Double,
        Type::Message(_) => Group::Message,
    }
}
