//! The features of an edition's descriptor, read from its bytes: the library that decodes descriptors does not know them.
//! The numbers are those of `google/protobuf/descriptor.proto`.

use prost_reflect::prost::{self, Message};

use super::{Edition, FEATURES, Place, Year, joined};
use crate::Flaw;

/// `Edition.EDITION_2023`; the next one is the next number.
const EDITION_2023: i32 = 1_000;
/// `VERIFY` of `utf8_validation` is 2, and what was 1 is gone.
const GAPPED: &str = "utf8_validation";

#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "prost")]
struct File {
    #[prost(message, repeated, tag = "4")]
    messages: Vec<Type>,
    #[prost(message, repeated, tag = "5")]
    enums: Vec<EnumType>,
    #[prost(message, repeated, tag = "7")]
    extensions: Vec<Field>,
    #[prost(message, optional, tag = "8")]
    options: Option<FileOptions>,
    #[prost(int32, tag = "14")]
    edition: i32,
    #[prost(string, repeated, tag = "15")]
    option_imports: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "prost")]
struct FileOptions {
    #[prost(message, optional, tag = "50")]
    features: Option<Features>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "prost")]
struct Type {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    fields: Vec<Field>,
    #[prost(message, repeated, tag = "3")]
    messages: Vec<Type>,
    #[prost(message, repeated, tag = "4")]
    enums: Vec<EnumType>,
    #[prost(message, repeated, tag = "6")]
    extensions: Vec<Field>,
    #[prost(message, optional, tag = "7")]
    options: Option<TypeOptions>,
    #[prost(int32, tag = "11")]
    visibility: i32,
}

#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "prost")]
struct TypeOptions {
    #[prost(message, optional, tag = "12")]
    features: Option<Features>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "prost")]
struct Field {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "8")]
    options: Option<FieldOptions>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "prost")]
struct FieldOptions {
    #[prost(message, optional, tag = "21")]
    features: Option<Features>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "prost")]
struct EnumType {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "3")]
    options: Option<EnumOptions>,
    #[prost(int32, tag = "6")]
    visibility: i32,
}

#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "prost")]
struct EnumOptions {
    #[prost(message, optional, tag = "7")]
    features: Option<Features>,
}

/// Each in its place of [`FEATURES`]; 0 is not set. Those of generators are extensions of this, and mean nothing here.
#[derive(Clone, PartialEq, Message)]
#[prost(prost_path = "prost")]
struct Features {
    #[prost(int32, tag = "1")]
    presence: i32,
    #[prost(int32, tag = "2")]
    enum_type: i32,
    #[prost(int32, tag = "3")]
    repeated: i32,
    #[prost(int32, tag = "4")]
    utf8: i32,
    #[prost(int32, tag = "5")]
    messages: i32,
    #[prost(int32, tag = "6")]
    json: i32,
    #[prost(int32, tag = "7")]
    style: i32,
    #[prost(int32, tag = "8")]
    visibility: i32,
}

/// What a descriptor of an edition says that no other has.
pub(in crate::protobuf) fn described(bytes: &[u8]) -> Result<Edition, Flaw> {
    let file = File::decode(bytes).map_err(|error| Flaw::new(format!("the descriptor cannot be read: {error}")))?;
    let year = match file.edition {
        EDITION_2023 => Year::E2023,
        later if later == EDITION_2023 + 1 => Year::E2024,
        other => return Err(Flaw::new(format!("edition {other} of the descriptor is not supported: 2023 and 2024 are"))),
    };
    let mut edition = Edition { year, option_imports: file.option_imports.iter().cloned().collect(), ..Edition::default() };
    edition.all((Place::File, ""), file.options.as_ref().and_then(|options| options.features.as_ref()))?;
    edition.fields("", &file.extensions)?;
    edition.enums("", &file.enums)?;
    file.messages.iter().try_for_each(|message| edition.message("", message))?;
    Ok(edition)
}

impl Edition {
    fn message(&mut self, scope: &str, message: &Type) -> Result<(), Flaw> {
        let key = joined(scope, &message.name);
        self.seen(&key, message.visibility);
        self.all((Place::Message, &key), message.options.as_ref().and_then(|options| options.features.as_ref()))?;
        self.fields(&key, &message.fields)?;
        self.fields(&key, &message.extensions)?;
        self.enums(&key, &message.enums)?;
        message.messages.iter().try_for_each(|nested| self.message(&key, nested))
    }

    fn fields(&mut self, scope: &str, fields: &[Field]) -> Result<(), Flaw> {
        fields.iter().try_for_each(|field| {
            let features = field.options.as_ref().and_then(|options| options.features.as_ref());
            self.all((Place::Field, &joined(scope, &field.name)), features)
        })
    }

    fn enums(&mut self, scope: &str, enums: &[EnumType]) -> Result<(), Flaw> {
        for of in enums {
            let key = joined(scope, &of.name);
            self.seen(&key, of.visibility);
            self.all((Place::Enum, &key), of.options.as_ref().and_then(|options| options.features.as_ref()))?;
        }
        Ok(())
    }

    /// `SymbolVisibility`.
    fn seen(&mut self, key: &str, visibility: i32) {
        if let Some(word) = [(1, "local"), (2, "export")].into_iter().find_map(|(n, word)| (n == visibility).then_some(word)) {
            self.visible.insert(key.to_owned(), word);
        }
    }

    fn all(&mut self, on: (Place, &str), features: Option<&Features>) -> Result<(), Flaw> {
        let Some(f) = features else { return Ok(()) };
        let values = [f.presence, f.enum_type, f.repeated, f.utf8, f.messages, f.json, f.style, f.visibility];
        for (known, value) in FEATURES.iter().zip(values).filter(|(_, value)| *value != 0) {
            let at = usize::try_from(value - if known.name == GAPPED { 2 } else { 1 }).ok();
            let named = at.and_then(|at| known.values.get(at));
            let name = named.ok_or_else(|| Flaw::new(format!("features.{} has no value {value}", known.name)))?;
            self.note(on, known.name, name)?;
        }
        Ok(())
    }
}
