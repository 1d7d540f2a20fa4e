//! One request, from its frame to its handler, and from the handler's reply to an answer frame.
//!
//! Knows headers, versions and cards. What a request means is known by its file in `api/` alone.

use std::{borrow::Cow, future::Future, ops::RangeInclusive, pin::Pin, rc::Rc};

use bytes::{BufMut, Bytes, BytesMut};
use milena_node::{Lsn, Parked};
use milena_wire::{ErrorCode, Message, Reader, Request, Text};

use crate::{
    api::CARDS,
    connection::{Answer, SCRATCH},
    first_chance,
    peer::Peer,
};

/// What a request costs the node at most, for those who read the cards: the manual, metrics, limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cost {
    /// Looks at memory.
    Cheap,
    /// Reads or writes a small fact.
    Fact,
    /// Moves records.
    Records,
    /// May wait long: for bytes, or for other members.
    Wait,
}

/// What the house knows about an API key. Everything else reads it: ApiVersions, dispatch, the manual.
#[derive(Debug)]
pub struct Card {
    pub key: i16,
    pub name: &'static str,
    /// What the handler serves.
    pub versions: RangeInclusive<i16>,
    /// First version told by ApiVersions. Smaller than the first one served only for Produce (KAFKA-18659).
    pub told_from: i16,
    pub cost: Cost,
    pub(crate) handle: fn(Call<'_>) -> Outcome,
    /// Answers a version that is not served. Without it the connection closes, as with Kafka.
    pub(crate) unsupported: Option<Refuse>,
}
type Refuse = fn(&Head) -> Result<Answer, Close>;
impl Card {
    pub(crate) const fn new(
        key: i16,
        name: &'static str,
        versions: RangeInclusive<i16>,
        cost: Cost,
        handle: fn(Call<'_>) -> Outcome,
    ) -> Self {
        let told_from = *versions.start();
        Self { key, name, versions, told_from, cost, handle, unsupported: None }
    }

    pub(crate) const fn unsupported(mut self, refuse: Refuse) -> Self {
        self.unsupported = Some(refuse);
        self
    }

    pub(crate) const fn told_from(mut self, version: i16) -> Self {
        self.told_from = version;
        self
    }
}

/// The card of a key, if it is served.
pub fn card(key: i16) -> Option<&'static Card> {
    CARDS.binary_search_by_key(&key, |card| card.key).ok().map(|at| CARDS[at])
}

/// All cards, by key.
pub fn cards() -> &'static [&'static Card] {
    CARDS
}

/// Why a connection ends. Said in the log; the peer just sees the end, as with Kafka.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Close(pub Cow<'static, str>);
impl Close {
    pub(crate) fn because(why: impl Into<Cow<'static, str>>) -> Self {
        Self(why.into())
    }
}

/// An answer that cannot be given at once.
pub(crate) type Later = Pin<Box<dyn Future<Output = Result<Answer, Close>>>>;

/// What became of a request.
pub(crate) enum Outcome {
    /// The answer; it may go out when its place is committed.
    Answer(Parked<Answer>),
    Later(Later),
    /// Nothing is answered (acks=0); what was produced got this place.
    Silence(Lsn),
    Close(Close),
}
impl From<Result<Answer, Close>> for Outcome {
    fn from(result: Result<Answer, Close>) -> Self {
        match result {
            Ok(answer) => Self::Answer(Parked::new(Lsn::default(), answer)),
            Err(close) => Self::Close(close),
        }
    }
}

/// The fixed part of a request.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) key: i16,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    /// Where the client id lies in the frame; empty if it was null.
    client_id: (usize, usize),
    /// Where the body begins.
    body: usize,
}

/// One request on its way to its handler.
pub(crate) struct Call<'a> {
    pub(crate) peer: &'a Rc<Peer>,
    pub(crate) head: Head,
    frame: Bytes,
}

/// What an asynchronous handler keeps of its request beside the body.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) peer: Rc<Peer>,
    pub(crate) version: i16,
    pub(crate) client_id: Text,
}

/// Gives a frame to its handler.
pub(crate) fn dispatch(peer: &Rc<Peer>, frame: Bytes) -> Outcome {
    let head = match Head::parse(&frame) {
        Ok(head) => head,
        Err(close) => return Outcome::Close(close),
    };
    peer.meet(|| String::from_utf8_lossy(&frame[head.client_id.0..head.client_id.1]).into_owned());
    peer.asks(head.key);
    let (counters, key) = (peer.node().counters(), head.key);
    counters.request(key);
    let outcome = handle(peer, head, frame);
    if matches!(outcome, Outcome::Close(_)) {
        counters.request_error(key);
    }
    outcome
}

fn handle(peer: &Rc<Peer>, head: Head, frame: Bytes) -> Outcome {
    match card(head.key) {
        Some(card) if card.versions.contains(&head.version) => (card.handle)(Call { peer, head, frame }),
        Some(Card { unsupported: Some(refuse), .. }) => {
            first_chance::one(peer, head.key, ErrorCode::UNSUPPORTED_VERSION);
            refuse(&head).into()
        }
        Some(card) => Outcome::Close(Close::because(format!(
            "{} version {} is not served; {} to {} are",
            card.name,
            head.version,
            card.versions.start(),
            card.versions.end()
        ))),
        None => Outcome::Close(Close::because(match milena_wire::api(head.key) {
            Some(api) => format!("{} (API key {}) is not served yet", api.name, head.key),
            None => format!("there is no API key {}", head.key),
        })),
    }
}

impl Head {
    fn parse(frame: &[u8]) -> Result<Self, Close> {
        let short = || Close::because("the request header is incomplete");
        let fixed = frame.first_chunk::<10>().ok_or_else(short)?;
        let i16_at = |at: usize| i16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let (key, version, length) = (i16_at(0), i16_at(2), i16_at(8));
        let correlation = i32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
        // A negative length is null, whichever it is (as Kafka).
        let end = 10 + usize::try_from(length).unwrap_or(0);
        let rest = frame.get(end..).ok_or_else(short)?;
        let flexible = milena_wire::api(key).is_some_and(|api| api.is_flexible(version));
        let tags = if flexible { skip_tags(rest).ok_or_else(short)? } else { 0 };
        Ok(Self { key, version, correlation, client_id: (10, end), body: end + tags })
    }

    fn response_is_flexible(&self) -> bool {
        milena_wire::api(self.key).is_some_and(|api| api.response_header_version(self.version) == 1)
    }

    /// An answer frame around a body: `write` appends the body.
    fn frame<E: std::fmt::Display>(
        &self,
        capacity: usize,
        write: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<Answer, Close> {
        let mut out = self.begin(capacity);
        write(&mut out).map_err(|e| Close::because(format!("the answer to API key {} cannot be written: {e}", self.key)))?;
        finish(&mut out)?;
        Ok(Answer::from(out))
    }

    /// The head of an answer: a length to be set by [`finish`], and the response header.
    fn begin(&self, capacity: usize) -> BytesMut {
        let mut out = BytesMut::with_capacity(capacity + 9);
        out.put_i32(0);
        out.put_i32(self.correlation);
        if self.response_is_flexible() {
            out.put_u8(0);
        }
        out
    }
}

/// Sets the length in front of an answer.
fn finish(out: &mut BytesMut) -> Result<(), Close> {
    let length = i32::try_from(out.len() - 4).map_err(|_| Close::because("the answer exceeds 2 GiB"))?;
    out[..4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// How many bytes a section of tagged fields takes.
fn skip_tags(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let count = varint(bytes, &mut at)?;
    for _ in 0..count {
        varint(bytes, &mut at)?;
        let size = varint(bytes, &mut at)? as usize;
        at = at.checked_add(size).filter(|end| *end <= bytes.len())?;
    }
    Some(at)
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u32> {
    let mut value = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

impl Call<'_> {
    pub(crate) fn version(&self) -> i16 {
        self.head.version
    }

    pub(crate) fn client_id(&self) -> &[u8] {
        &self.frame[self.head.client_id.0..self.head.client_id.1]
    }

    /// A reader at the body.
    pub(crate) fn body(&self) -> Reader {
        Reader::new(self.frame.slice(self.head.body..))
    }

    /// Takes the frame out of the buffer that it shares with others, for a request that may wait long. A frame that does
    /// not fit that buffer was received on its own.
    pub(crate) fn on_its_own(mut self) -> Self {
        if self.frame.len() < SCRATCH {
            self.frame = Bytes::copy_from_slice(&self.frame);
        }
        self
    }

    pub(crate) fn parts<Q: Request>(&self) -> Result<(Context, Q), Close> {
        let client_id = Text::from_bytes(self.frame.slice(self.head.client_id.0..self.head.client_id.1));
        let version = self.head.version;
        let body = Q::decode(&mut self.body(), version)
            .map_err(|e| Close::because(format!("a malformed {} version {version}: {e}", Q::NAME)))?;
        Ok((Context { peer: self.peer.clone(), version, client_id }, body))
    }

    pub(crate) fn into_parts<Q: Request>(self) -> Result<(Context, Head, Q), Close> {
        let (cx, body) = self.parts()?;
        Ok((cx, self.head, body))
    }

    /// Decodes the body, and answers at once what `handle` answers.
    pub(crate) fn now<Q: Request>(self, handle: impl FnOnce(&Context, Q) -> Result<Q::Response, Close>) -> Outcome {
        let answer = self.parts().and_then(|(cx, body)| self.kept().answer::<Q>(&handle(&cx, body)?));
        answer.into()
    }

    /// Decodes the body, and answers what `handle` answers in its time.
    pub(crate) fn later<Q: Request + 'static, F>(self, handle: impl FnOnce(Context, Q) -> F) -> Outcome
    where
        F: Future<Output = Result<Q::Response, Close>> + 'static,
    {
        let call = self.on_its_own();
        match call.parts() {
            Ok((cx, body)) => {
                let (work, kept) = (handle(cx, body), call.kept());
                Outcome::Later(Box::pin(async move { kept.answer::<Q>(&work.await?) }))
            }
            Err(close) => Outcome::Close(close),
        }
    }

    /// What is needed again when the answer is there.
    fn kept(self) -> Kept {
        Kept { peer: self.peer.clone(), head: self.head, frame: self.frame }
    }
}

/// A request that was handled, for its answer: where that tells an error, it is read again to see what it was about.
struct Kept {
    peer: Rc<Peer>,
    head: Head,
    frame: Bytes,
}

impl Kept {
    fn answer<Q: Request>(&self, response: &Q::Response) -> Result<Answer, Close> {
        let request = || Q::decode(&mut Reader::new(self.frame.slice(self.head.body..)), self.head.version).ok();
        first_chance::answered(&self.peer, request, response);
        encode(&self.head, response)
    }
}

fn encode<R: Message>(head: &Head, response: &R) -> Result<Answer, Close> {
    encode_as(head, response, head.version)
}

/// Encodes a response in another version than the one asked for.
pub(crate) fn encode_as<R: Message>(head: &Head, response: &R, version: i16) -> Result<Answer, Close> {
    head.frame(256, |out| response.encode(out, version))
}
