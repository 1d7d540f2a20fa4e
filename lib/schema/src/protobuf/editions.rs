//! Protobuf editions (2023, 2024): a text whose features are read, and a file that says the same in the words of proto3.
//!
//! The parser and the linker know proto2 and proto3. A text of an edition is rewritten word by word into one that they take
//! (a label for each field, names that are reserved in quotes, features taken out), and what the features mean is set in the
//! descriptor: presence, packing, the encoding of messages. The features themselves are kept, since the text is printed with
//! them again. A descriptor of an edition is printed as such a text first (`descriptor.rs`). The rules: "Protobuf Editions
//! Overview", "Feature Settings for Editions", "Symbol Visibility".

mod descriptor;
mod text;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use descriptor::described;

use prost_reflect::{
    ExtensionDescriptor, FileDescriptor, MessageDescriptor,
    prost_types::{
        DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FieldOptions, FileDescriptorProto,
        field_descriptor_proto::Label, field_descriptor_proto::Type,
    },
};
pub(super) use text::{parts, rewritten};

use crate::Flaw;

/// An edition of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Year {
    #[default]
    E2023,
    E2024,
}

impl Year {
    fn named(name: &str) -> Option<Self> {
        [Self::E2023, Self::E2024].into_iter().find(|year| year.name() == name)
    }
    fn name(self) -> &'static str {
        match self {
            Self::E2023 => "2023",
            Self::E2024 => "2024",
        }
    }
}

/// What a feature may be set on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    File,
    Message,
    Field,
    Enum,
    /// Oneofs, values of enums, services, methods: no feature means anything there, but for the style of names.
    Other,
}

/// A feature of the language: its name, since when it is there, what it may be, what it is when nobody says, and where it may stand
/// beside the file.
struct Known {
    name: &'static str,
    since: Year,
    values: &'static [&'static str],
    default: &'static str,
    places: &'static [Place],
}

const PRESENCE: &str = "field_presence";
const REPEATED: &str = "repeated_field_encoding";
const MESSAGES: &str = "message_encoding";

const STYLE: &str = "enforce_naming_style";

/// In the order of their numbers in `FeatureSet`, which begin with 1; so do the values of each, but for a gap in one.
const FEATURES: &[Known] = &[
    Known::of(PRESENCE, &["EXPLICIT", "IMPLICIT", "LEGACY_REQUIRED"], "EXPLICIT", &[Place::Field]),
    Known::of("enum_type", &["OPEN", "CLOSED"], "OPEN", &[Place::Enum]),
    Known::of(REPEATED, &["PACKED", "EXPANDED"], "PACKED", &[Place::Field]),
    Known::of("utf8_validation", &["VERIFY", "NONE"], "VERIFY", &[Place::Field]),
    Known::of(MESSAGES, &["LENGTH_PREFIXED", "DELIMITED"], "LENGTH_PREFIXED", &[Place::Field]),
    Known::of("json_format", &["ALLOW", "LEGACY_BEST_EFFORT"], "ALLOW", &[Place::Message, Place::Enum]),
    // Names are checked by the compiler of who wrote the file, and so is what may be seen from other files.
    Known::of_2024(
        STYLE,
        &["STYLE2024", "STYLE_LEGACY"],
        "STYLE2024",
        &[Place::Message, Place::Field, Place::Enum, Place::Other],
    ),
    Known::of_2024(
        "default_symbol_visibility",
        &["EXPORT_ALL", "EXPORT_TOP_LEVEL", "LOCAL_ALL", "STRICT"],
        "EXPORT_TOP_LEVEL",
        &[],
    ),
];

impl Known {
    const fn of(name: &'static str, values: &'static [&'static str], default: &'static str, places: &'static [Place]) -> Self {
        Self { name, since: Year::E2023, values, default, places }
    }
    const fn of_2024(
        name: &'static str,
        values: &'static [&'static str],
        default: &'static str,
        places: &'static [Place],
    ) -> Self {
        Self { since: Year::E2024, ..Self::of(name, values, default, places) }
    }
}

/// The features of a file, by what they stand on: its name within the file, or nothing for the file itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Edition {
    year: Year,
    set: BTreeMap<String, Vec<(String, String)>>,
    /// `export` or `local`, by the message or enum that it stands before.
    visible: BTreeMap<String, &'static str>,
    /// Files that are imported for their options alone.
    option_imports: BTreeSet<String>,
}

impl Edition {
    /// Notes one: `name` without `features.`. Those of generators, `(pb.cpp).string_type`, are kept and mean nothing here.
    fn note(&mut self, (place, key): (Place, &str), name: &str, value: &str) -> Result<(), Flaw> {
        if !name.starts_with('(') {
            let known = FEATURES.iter().find(|known| known.name == name && known.since <= self.year);
            let year = self.year.name();
            let known = known.ok_or_else(|| Flaw::new(format!("there is no feature {name:?} in edition {year}")))?;
            if place != Place::File && !known.places.contains(&place) {
                return Err(Flaw::new(format!("features.{name} means nothing here")));
            }
            if !known.values.contains(&value) {
                return Err(Flaw::new(format!("features.{name} is one of {}, not {value}", known.values.join(", "))));
            }
            if place == Place::File && (name, value) == (PRESENCE, "LEGACY_REQUIRED") {
                return Err(Flaw::new("a file cannot make all of its fields required"));
            }
        }
        if place == Place::Other {
            // Nothing is read or written by it, and it is not printed again.
            return Ok(());
        }
        let list = self.set.entry(key.to_owned()).or_default();
        if list.iter().any(|(had, _)| had == name) {
            return Err(Flaw::new(format!("features.{name} is set twice")));
        }
        list.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// As a file begins.
    pub(super) fn head(&self) -> String {
        format!("edition = \"{}\";", self.year.name())
    }

    /// What stands before a message or an enum, with a blank.
    pub(super) fn visibility(&self, key: &str) -> String {
        self.visible.get(key).map(|word| format!("{word} ")).unwrap_or_default()
    }

    /// Files that are imported for their options alone.
    pub(super) fn option_imports(&self) -> impl Iterator<Item = &str> {
        self.option_imports.iter().map(String::as_str)
    }

    /// Whether a file is imported for its options alone.
    pub(super) fn is_option_import(&self, name: &str) -> bool {
        self.option_imports.contains(name)
    }

    /// What stands on something, as options are printed.
    pub(super) fn options(&self, key: &str) -> Vec<(String, String)> {
        let list = self.set.get(key).into_iter().flatten();
        list.map(|(name, value)| (format!("features.{name}"), value.clone())).collect()
    }

    /// What holds for a field: its own word, the file's, or the edition's.
    fn of_field(&self, key: &str, feature: &str) -> &str {
        let said = |key: &str| self.set.get(key)?.iter().find(|(name, _)| name == feature).map(|(_, value)| value.as_str());
        let default = || FEATURES.iter().find(|known| known.name == feature).map_or("", |known| known.default);
        said(key).or_else(|| said("")).unwrap_or_else(default)
    }

    /// Says in the descriptor what the features mean, but for the encoding of messages.
    pub(super) fn lower(&self, file: &mut FileDescriptorProto) -> Result<(), Flaw> {
        file.syntax = Some("proto3".to_owned());
        begin_with_zero(&file.enum_type)?;
        for extension in &mut file.extension {
            self.lower_field(extension, "")?;
        }
        file.message_type.iter_mut().try_for_each(|message| self.lower_message(message, ""))
    }

    fn lower_message(&self, message: &mut DescriptorProto, scope: &str) -> Result<(), Flaw> {
        let key = joined(scope, message.name());
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            return Ok(());
        }
        begin_with_zero(&message.enum_type)?;
        for field in message.field.iter_mut().chain(&mut message.extension) {
            self.lower_field(field, &key)?;
        }
        message.nested_type.iter_mut().try_for_each(|nested| self.lower_message(nested, &key))
    }

    fn lower_field(&self, field: &mut FieldDescriptorProto, scope: &str) -> Result<(), Flaw> {
        let key = joined(scope, field.name());
        if field.label() == Label::Repeated {
            if self.of_field(&key, REPEATED) == "EXPANDED" {
                field.options.get_or_insert_with(FieldOptions::default).packed = Some(false);
            }
            return Ok(());
        }
        let is_plain = field.oneof_index.is_none() && field.extendee.is_none();
        match self.of_field(&key, PRESENCE) {
            "IMPLICIT" if is_plain && field.default_value.is_some() => Err(Flaw::new(format!(
                "field {key} has a default, and features.field_presence = IMPLICIT leaves no room for one"
            ))),
            "IMPLICIT" if is_plain => Ok(()),
            "LEGACY_REQUIRED" if is_plain => {
                (field.label, field.proto3_optional) = (Some(Label::Required.into()), Some(true));
                Ok(())
            }
            _ => {
                // A member of a oneof has presence by that.
                field.proto3_optional = field.oneof_index.is_none().then_some(true);
                Ok(())
            }
        }
    }

    /// Whether any message is written between a begin and an end.
    pub(super) fn delimits(&self) -> bool {
        self.set.values().flatten().any(|(name, value)| name == MESSAGES && value == "DELIMITED")
    }

    /// Says so in the descriptor. `trial` is the same file, linked: only that tells messages from enums.
    pub(super) fn delimit(&self, file: &mut FileDescriptorProto, trial: &FileDescriptor) {
        self.delimit_extensions(&mut file.extension, trial.extensions(), "");
        for (message, linked) in file.message_type.iter_mut().zip(trial.messages()) {
            self.delimit_message(message, &linked, "");
        }
    }

    fn delimit_extensions(
        &self,
        fields: &mut [FieldDescriptorProto],
        linked: impl Iterator<Item = ExtensionDescriptor>,
        scope: &str,
    ) {
        for (field, linked) in fields.iter_mut().zip(linked) {
            self.delimit_field(field, linked.kind().as_message().is_some(), scope);
        }
    }

    fn delimit_field(&self, field: &mut FieldDescriptorProto, is_message: bool, scope: &str) {
        if is_message && self.of_field(&joined(scope, field.name()), MESSAGES) == "DELIMITED" {
            field.r#type = Some(Type::Group.into());
        }
    }

    fn delimit_message(&self, message: &mut DescriptorProto, linked: &MessageDescriptor, scope: &str) {
        let key = joined(scope, message.name());
        for field in &mut message.field {
            let known = u32::try_from(field.number()).ok().and_then(|number| linked.get_field(number));
            // The entries of maps, and what is in them, have lengths whatever the file says.
            let is_message = known.is_some_and(|known| !known.is_map() && known.kind().as_message().is_some());
            self.delimit_field(field, is_message, &key);
        }
        self.delimit_extensions(&mut message.extension, linked.child_extensions(), &key);
        for (nested, linked) in message.nested_type.iter_mut().zip(linked.child_messages()) {
            if !linked.is_map_entry() {
                self.delimit_message(nested, &linked, &key);
            }
        }
    }
}

/// The linker wants it of every enum of proto3, and the language of every open one.
fn begin_with_zero(enums: &[EnumDescriptorProto]) -> Result<(), Flaw> {
    let wrong = enums.iter().find(|e| e.value.first().is_some_and(|value| value.number() != 0));
    let flaw = |e: &EnumDescriptorProto| {
        Flaw::new(format!(
            "the first value of enum {} is not 0: in an edition that is supported of no enum, closed ones included",
            e.name()
        ))
    };
    wrong.map_or(Ok(()), |e| Err(flaw(e)))
}

/// A name within another one's scope.
pub(super) fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}
