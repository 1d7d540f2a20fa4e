//! Which schema wrote a value, and what the value is as JSON.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use milena_node::{
    Topic,
    engine::{
        ids::{TopicId, Uuid},
        subject::{DEFAULT_CONTEXT, Format, Refusal, Shown, Subject},
    },
};
use milena_record::Headers;
use milena_serde::{Part, framing};

use super::{Codec, Trouble};
use crate::serve::Door;

/// Schemas that one answer remembers; a topic whose every record has its own is looked up again.
const REMEMBERED: usize = 1_000;

/// By what a value names its schema.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Name {
    /// In front of it.
    Id(u32),
    /// In a header beside it.
    Guid(Uuid),
}

/// Reads the values of one answer.
pub(crate) struct Decoder<'d> {
    door: &'d Door,
    /// What was found, also that nothing was.
    known: HashMap<(Name, TopicId, Part), Result<(Arc<Codec>, Format), String>>,
}

impl<'d> Decoder<'d> {
    pub(crate) fn new(door: &'d Door) -> Self {
        Self { door, known: HashMap::new() }
    }

    /// A value as JSON; or, in words, why it is none. With `format`, only values of such schemas are taken.
    pub(crate) async fn json(
        &mut self,
        topic: &Topic,
        part: Part,
        (value, headers): (&[u8], Headers<'_>),
        format: Option<Format>,
    ) -> Result<String, String> {
        let (name, body) = split(part, value, headers).map_err(|broken| broken.to_string())?;
        let (codec, found) = self.codec(name, topic, part).await?;
        match format {
            Some(wanted) if wanted != found => Err(format!("its schema is {found}, not {wanted}")),
            _ => codec.decode(&body).map_err(|flaw| flaw.to_string()),
        }
    }

    /// The schema that wrote a value, if one is named and known.
    pub(crate) async fn schema(&self, topic: &Topic, part: Part, (value, headers): (&[u8], Headers<'_>)) -> Option<Shown> {
        let (name, _) = split(part, value, headers).ok()?;
        self.shown(name, topic, part).await.ok()
    }

    async fn codec(&mut self, name: Name, topic: &Topic, part: Part) -> Result<(Arc<Codec>, Format), String> {
        let place = (name, topic.id, part);
        if let Some(known) = self.known.get(&place) {
            return known.clone();
        }
        let found = self.find(name, topic, part).await.map_err(|trouble| trouble.to_string());
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(place, found.clone());
        found
    }

    async fn find(&self, name: Name, topic: &Topic, part: Part) -> Result<(Arc<Codec>, Format), Trouble> {
        let shown = self.shown(name, topic, part).await?;
        let codec = self.door.shelf.codec(&self.door.node, &shown).await?;
        Ok((codec, shown.content.format))
    }

    async fn shown(&self, name: Name, topic: &Topic, part: Part) -> Result<Shown, Trouble> {
        let hint = Subject::new(DEFAULT_CONTEXT, &format!("{}-{}", topic.name, part.name()));
        let shown = self.door.node.ask_schemas(|registry| match name {
            Name::Id(id) => registry.by_id(id.cast_signed(), &hint),
            Name::Guid(guid) => registry.by_guid(guid).ok_or_else(|| Refusal::NoId(guid.to_string())),
        });
        Ok(shown.await??)
    }
}

/// The name of a value's schema, and the value without it. A header counts before what stands in front; the indexes of a
/// Protobuf message are in it too, and go where they are without one.
fn split<'m>(part: Part, value: &'m [u8], mut headers: Headers<'_>) -> Result<(Name, Cow<'m, [u8]>), framing::Broken> {
    let wanted = match part {
        Part::Key => framing::KEY_HEADER,
        Part::Value => framing::VALUE_HEADER,
    };
    let header = headers.find(|header| header.key == wanted.as_bytes()).and_then(|header| header.value);
    if let Some(Ok((guid, indexes))) = header.map(framing::split_header) {
        let body = if indexes.is_empty() { Cow::Borrowed(value) } else { [indexes, value].concat().into() };
        return Ok((Name::Guid(Uuid::from_bytes(guid)), body));
    }
    let (id, body) = framing::split_prefix(value)?;
    Ok((Name::Id(id), body.into()))
}
