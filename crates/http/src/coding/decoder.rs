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
use milena_schema::avro::Unions;
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

/// A schema with what it is registered as; or, in words, why there is none.
type Found = Result<(Arc<Codec>, Shown), String>;

/// Reads the values of one answer.
pub(crate) struct Decoder<'d> {
    door: &'d Door,
    /// What was found, also that nothing was.
    known: HashMap<(Name, TopicId, Part), Found>,
}

/// Why a value is not read by a schema.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It does not name one.
    Unnamed(String),
    /// The one that it names is not there, or cannot be used.
    Unknown(String),
    /// It is not what its schema says.
    Unfit(String),
}

impl Unread {
    pub(crate) fn words(self) -> String {
        match self {
            Self::Unnamed(words) | Self::Unknown(words) | Self::Unfit(words) => words,
        }
    }
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
        let header = name_header(part, headers);
        let (name, body) = split(value, header).map_err(|broken| broken.to_string())?;
        let (codec, shown) = self.codec(name, topic, part).await?;
        match format {
            Some(wanted) if wanted != shown.content.format => {
                Err(format!("its schema is {}, not {wanted}", shown.content.format))
            }
            _ => codec.decode_with(&body, Unions::Tagged).map_err(|flaw| flaw.to_string()),
        }
    }

    /// The schema that wrote a value, if one is named and known.
    pub(crate) async fn schema(&self, topic: &Topic, part: Part, (value, headers): (&[u8], Headers<'_>)) -> Option<Shown> {
        let (name, _) = split(value, name_header(part, headers)).ok()?;
        self.shown(name, topic, part).await.ok()
    }

    /// A value as JSON, and the version that says what it is. `header` is what stands beside it under [`name_of`].
    pub(crate) async fn read(
        &mut self,
        topic: &Topic,
        part: Part,
        (value, header): (&[u8], Option<&[u8]>),
        unions: Unions,
    ) -> Result<(String, Shown), Unread> {
        let (name, body) = split(value, header).map_err(|broken| Unread::Unnamed(broken.to_string()))?;
        let (codec, shown) = self.codec(name, topic, part).await.map_err(Unread::Unknown)?;
        let json = codec.decode_with(&body, unions).map_err(|flaw| Unread::Unfit(flaw.to_string()))?;
        Ok((json, shown))
    }

    async fn codec(&mut self, name: Name, topic: &Topic, part: Part) -> Found {
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

    async fn find(&self, name: Name, topic: &Topic, part: Part) -> Result<(Arc<Codec>, Shown), Trouble> {
        let shown = self.shown(name, topic, part).await?;
        let codec = self.door.shelf.codec(&self.door.node, &shown).await?;
        Ok((codec, shown))
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

/// The header that names the schema of a key or a value, where one does.
pub(crate) fn name_of(part: Part) -> &'static str {
    match part {
        Part::Key => framing::KEY_HEADER,
        Part::Value => framing::VALUE_HEADER,
    }
}

fn name_header<'h>(part: Part, mut headers: Headers<'h>) -> Option<&'h [u8]> {
    headers.find(|header| header.key == name_of(part).as_bytes()).and_then(|header| header.value)
}

/// The name of a value's schema, and the value without it. A header counts before what stands in front; the indexes of a
/// Protobuf message are in it too, and go where they are without one.
fn split<'m>(value: &'m [u8], header: Option<&[u8]>) -> Result<(Name, Cow<'m, [u8]>), framing::Broken> {
    if let Some(Ok((guid, indexes))) = header.map(framing::split_header) {
        let body = if indexes.is_empty() { Cow::Borrowed(value) } else { [indexes, value].concat().into() };
        return Ok((Name::Guid(Uuid::from_bytes(guid)), body));
    }
    let (id, body) = framing::split_prefix(value)?;
    Ok((Name::Id(id), body.into()))
}
