//! Files that every registry knows without a reference: `google/protobuf/*`, `google/type/*` and Confluent's own.
//!
//! The first come with `prost-reflect`; of the others we declare the messages, which are facts of the wire.

use prost_reflect::{DescriptorPool, prost_types::FileDescriptorProto};

use crate::Flaw;

macro_rules! texts {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("known/", $name)))),*] };
}

const TEXTS: &[(&str, &str)] = texts!(
    "confluent/meta.proto",
    "confluent/type/decimal.proto",
    "confluent/type/variant.proto",
    "google/type/calendar_period.proto",
    "google/type/color.proto",
    "google/type/date.proto",
    "google/type/datetime.proto",
    "google/type/dayofweek.proto",
    "google/type/decimal.proto",
    "google/type/expr.proto",
    "google/type/fraction.proto",
    "google/type/interval.proto",
    "google/type/latlng.proto",
    "google/type/localized_text.proto",
    "google/type/money.proto",
    "google/type/month.proto",
    "google/type/phone_number.proto",
    "google/type/postal_address.proto",
    "google/type/quaternion.proto",
    "google/type/timeofday.proto",
);

/// A known file by its path.
pub(super) fn file(name: &str) -> Result<Option<FileDescriptorProto>, Flaw> {
    if let Some((_, text)) = TEXTS.iter().find(|(known, _)| *known == name) {
        return protox_parse::parse(name, text).map(Some).map_err(|error| Flaw::new(error.to_string()));
    }
    if !name.starts_with("google/protobuf/") {
        return Ok(None);
    }
    Ok(DescriptorPool::global().get_file_by_name(name).map(|file| file.file_descriptor_proto().clone()))
}

#[cfg(test)]
mod tests {
    use crate::protobuf::Schema;

    #[test]
    fn every_known_file_can_be_imported() {
        let google = ["any", "api", "descriptor", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"];
        let google = google.iter().map(|name| format!("google/protobuf/{name}.proto"));
        for name in super::TEXTS.iter().map(|(name, _)| (*name).to_owned()).chain(google) {
            let text = format!("syntax = \"proto3\"; import \"{name}\";");
            Schema::parse(&text, &[]).unwrap_or_else(|flaw| panic!("{name}: {flaw}"));
        }
    }
}
