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
        let key = self.part(&mut message.key, header(&headers, KEY_HEADER), &format!("{topic}-key")).await;
        let value = self.part(&mut message.value, header(&headers, VALUE_HEADER), &format!("{topic}-value")).await;
        message.headers = headers;
        Meaning { key, value }
    }

    async fn part(&mut self, part: &mut Option<Bytes>, header: Option<[u8; 16]>, subject: &str) -> Option<Arc<Known>> {
        let bytes = part.as_ref()?;
        let (known, body) = match header {
            Some(guid) => (self.shelf.by_guid(guid, subject).await?, bytes.clone()),
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

/// The GUID that a header of this name carries.
pub(crate) fn header(headers: &[(Bytes, Option<Bytes>)], name: &str) -> Option<[u8; 16]> {
    let (_, value) = headers.iter().find(|(key, _)| key == name)?;
    framing::split_header(value.as_ref()?).ok().map(|(guid, _)| guid)
}
