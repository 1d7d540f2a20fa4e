//! Keys and values that carry a schema's id, before them or in a header, as JSON. What cannot be decoded stays as it is, and
//! looks like it.

use std::sync::Arc;

use bytes::Bytes;
use milena_client::{Cluster, Message};
use milena_serde::framing::{self, KEY_HEADER, VALUE_HEADER};

use crate::schemas::{Known, Shelf};

/// The schemas of a message's parts.
#[derive(Clone, Default)]
pub(crate) struct Meaning {
    pub(crate) key: Option<Arc<Known>>,
    pub(crate) value: Option<Arc<Known>>,
    /// Where a header names the schema, what it has behind the GUID: a Protobuf message's indexes.
    pub(crate) key_indexes: Option<Bytes>,
    pub(crate) value_indexes: Option<Bytes>,
}

/// What is done with parts that have a schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Depth {
    /// They are turned into JSON.
    Decoded,
    /// Their bytes stay, but their schemas are found.
    Explained,
    /// Nothing is asked.
    Raw,
}

pub(crate) struct Decoder {
    shelf: Shelf,
    depth: Depth,
}

impl Decoder {
    pub(crate) fn new(cluster: Cluster, depth: Depth) -> Self {
        Self { shelf: Shelf::new(cluster), depth }
    }

    /// Finds the schemas of a message, and decodes it if that is wanted.
    pub(crate) async fn decode(&mut self, message: &mut Message) -> Meaning {
        if self.depth == Depth::Raw {
            return Meaning::default();
        }
        let (topic, headers) = (message.topic.clone(), std::mem::take(&mut message.headers));
        let (of_key, of_value) = (header(&headers, KEY_HEADER), header(&headers, VALUE_HEADER));
        let key = self.part(&mut message.key, of_key.as_ref(), &format!("{topic}-key")).await;
        let value = self.part(&mut message.value, of_value.as_ref(), &format!("{topic}-value")).await;
        message.headers = headers;
        let indexes = |of: Option<Named>| of.map(|named| named.indexes);
        Meaning { key, value, key_indexes: indexes(of_key), value_indexes: indexes(of_value) }
    }

    async fn part(&mut self, part: &mut Option<Bytes>, header: Option<&Named>, subject: &str) -> Option<Arc<Known>> {
        let bytes = part.as_ref()?;
        let (known, body) = match header {
            Some(Named { guid, indexes }) => (self.shelf.by_guid(*guid, subject).await?, joined(indexes, bytes)),
            None => {
                let (id, body) = framing::split_prefix(bytes).ok()?;
                (self.shelf.by_id(id, subject).await?, bytes.slice_ref(body))
            }
        };
        if self.depth == Depth::Decoded {
            let json = known.decode(&body).ok()?;
            *part = Some(json.into());
        }
        Some(known)
    }
}

/// A schema as a header names it.
pub(crate) struct Named {
    pub(crate) guid: [u8; 16],
    /// Of a Protobuf message: they stand here, and not before the value.
    pub(crate) indexes: Bytes,
}

/// The schema that a header of this name carries.
pub(crate) fn header(headers: &[(Bytes, Option<Bytes>)], name: &str) -> Option<Named> {
    let (_, value) = headers.iter().find(|(key, _)| key == name)?;
    let value = value.as_ref()?;
    framing::split_header(value).ok().map(|(guid, indexes)| Named { guid, indexes: value.slice_ref(indexes) })
}

/// As it would stand behind an id.
pub(super) fn joined(indexes: &Bytes, bytes: &Bytes) -> Bytes {
    if indexes.is_empty() { bytes.clone() } else { [&indexes[..], &bytes[..]].concat().into() }
}
