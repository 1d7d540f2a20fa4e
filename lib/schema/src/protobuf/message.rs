//! Messages to JSON and back, by descriptors alone.

use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions, prost::Message as _};

use crate::{Flaw, tree};

/// A message type of a schema.
#[derive(Debug, Clone)]
pub struct Message {
    pub(super) descriptor: MessageDescriptor,
}

impl Message {
    pub(super) fn of(descriptor: MessageDescriptor) -> Self {
        Self { descriptor }
    }

    /// The full name.
    pub fn name(&self) -> &str {
        self.descriptor.full_name()
    }

    /// The bytes of a message as JSON in Protobuf's mapping: names in camel case, 64-bit numbers as strings.
    ///
    /// Unknown fields are left out, since JSON has no place for them.
    pub fn to_json(&self, bytes: &[u8]) -> Result<String, Flaw> {
        let message = DynamicMessage::decode(self.descriptor.clone(), bytes)
            .map_err(|error| Flaw::new(format!("the bytes are no {}: {error}", self.name())))?;
        let mut out = Vec::new();
        let options = SerializeOptions::new().skip_default_fields(true);
        message
            .serialize_with_options(&mut serde_json::Serializer::new(&mut out), &options)
            .map_err(|error| Flaw::new(format!("{} has no JSON: {error}", self.name())))?;
        String::from_utf8(out).map_err(|error| Flaw::new(error.to_string()))
    }

    /// JSON to the bytes of a message. A member that is no field is refused.
    pub fn from_json(&self, text: &str) -> Result<Vec<u8>, Flaw> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let options = DeserializeOptions::new().deny_unknown_fields(true);
        let message =
            DynamicMessage::deserialize_with_options(self.descriptor.clone(), &mut deserializer, &options).map_err(tree::flaw)?;
        deserializer.end().map_err(tree::flaw)?;
        Ok(message.encode_to_vec())
    }
}
