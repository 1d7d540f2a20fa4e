//! Fetch (1), v4-18. Reads whole batches, and waits for them. KIP-74, KIP-227, KIP-320, KIP-516, KIP-951.
//!
//! Below the high watermark an answer carries at least one whole batch, whatever the limits. Differs from Apache Kafka:
//! never half a batch at the end.

use std::time::Duration;

use milena_engine::ids::TopicId;
use milena_node::{Node, Slice};
use milena_wire::{
    ErrorCode, FetchRequest, Place, Text, Unencodable, Uuid,
    fetch::NodeEndpoint,
    hot::{FetchWriter, Piece},
};
use tokio::time::Instant;

use crate::{
    connection::Answer,
    dispatch::{Call, Card, Close, Context, Cost, Head, Outcome},
    first_chance::{self, Notes},
    memory::Loan,
    reading::{Look, Share, Terms},
    session::{self, Key, TopicRef, Wanted},
};

pub(super) const CARD: Card = Card::new(1, "Fetch", 4..=18, Cost::Wait, handle);

const SESSIONS_FROM: i16 = 7;
const BY_ID_FROM: i16 = 13;
/// Below this nobody waits: the clock ticks in milliseconds.
const NO_WAIT: Duration = Duration::ZERO;

fn handle(call: Call<'_>) -> Outcome {
    let (cx, head, request) = match call.into_parts::<FetchRequest>() {
        Ok(parts) => parts,
        Err(close) => return Outcome::Close(close),
    };
    let fetch = match Fetch::begin(cx, head, request) {
        Ok(fetch) => fetch,
        Err(refused) => return refused,
    };
    let look = Look::at(fetch.node(), fetch.terms, fetch.context.partitions());
    if look.disk_bytes() > 0 || !fetch.is_enough(&look) {
        return Outcome::Later(Box::pin(fetch.wait(look)));
    }
    fetch.answer(look).into()
}

/// One fetch under way.
struct Fetch {
    cx: Context,
    head: Head,
    terms: Terms,
    min_bytes: usize,
    max_wait: Duration,
    context: session::Context,
}

impl Fetch {
    fn begin(mut cx: Context, head: Head, request: FetchRequest) -> Result<Self, Outcome> {
        // A slice of the receive buffer, which a waiting fetch must not keep from being used again.
        cx.client_id = Text::default();
        if !(0..=1).contains(&request.isolation_level) {
            // As Kafka: an error at the top, and the same for each partition.
            let error = ErrorCode::UNKNOWN_SERVER_ERROR;
            let look = Look::refused(&session_words(cx.version, request).partitions, error);
            return Err(write(&cx, &head, (error, 0), &look.shares).map_err(unwritable).into());
        }
        let now = cx.peer.node().now().mono;
        let fetch_max = cx.peer.node().settings().fetch_max_bytes;
        let terms = Terms {
            max_bytes: usize::try_from(request.max_bytes).unwrap_or(0).min(fetch_max).min(cx.peer.door.memory().left()),
            read_committed: request.isolation_level == 1,
            follower: request.replica_id.max(request.replica_state.replica_id) >= 0,
        };
        let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0).min(terms.max_bytes);
        let max_wait = Duration::from_millis(request.max_wait_ms.try_into().unwrap_or(0));
        let request = session_words(cx.version, request);
        let begun = if cx.version < SESSIONS_FROM {
            Ok(session::Context::Sessionless { partitions: request.partitions })
        } else {
            cx.peer.door.sessions().begin(now, request)
        };
        match begun {
            Ok(context) => Ok(Self { cx, head, terms, min_bytes, max_wait, context }),
            Err(refusal) => {
                let error = session_code(refusal);
                first_chance::one(&cx.peer, CARD.key, error);
                Err(refuse(&head, error).into())
            }
        }
    }

    fn node(&self) -> &Node {
        self.cx.peer.node()
    }

    /// Whether a look can be answered without waiting for more.
    fn is_enough(&self, look: &Look) -> bool {
        look.bytes >= self.min_bytes || look.urgent || look.open.is_empty() || self.max_wait == NO_WAIT
    }

    /// Looks again whenever enough bytes came or something changed, until it is enough or time is over.
    async fn wait(self, mut look: Look) -> Result<Answer, Close> {
        let deadline = Instant::now() + self.max_wait;
        loop {
            // What comes from the disk is new memory: it is held from here on, and then by the connection until it is taken.
            let loan = match look.disk_bytes() {
                0 => None,
                bytes => Some(Loan::take(self.cx.peer.door.memory(), bytes).await),
            };
            look.load(self.node()).await;
            let left = deadline.saturating_duration_since(Instant::now());
            if self.is_enough(&look) || left == NO_WAIT {
                return self.answer(look);
            }
            let missing = self.min_bytes - look.bytes;
            let open = std::mem::take(&mut look.open);
            // A waiting reader keeps no records: what it saw may be trimmed while it waits.
            drop((look, loan));
            self.node().wait(open, missing, left).await.map_err(|dead| Close::because(dead.to_string()))?;
            look = Look::at(self.node(), self.terms, self.context.partitions());
        }
    }

    fn answer(self, look: Look) -> Result<Answer, Close> {
        let counters = self.node().counters();
        if look.bytes > 0 {
            counters.fetches_with_records.add(1);
            counters.bytes_out.add(look.bytes as u64);
            look.count_out();
        } else {
            counters.fetches_empty.add(1);
        }
        let (session, shares) = self.settle(look.shares);
        write(&self.cx, &self.head, (ErrorCode::NONE, session), &shares).map_err(unwritable)
    }

    /// Notes in the session what is told, and leaves out what it knows already.
    fn settle(&self, shares: Vec<Share>) -> (i32, Vec<Share>) {
        match &self.context {
            session::Context::Sessionless { .. } => (0, shares),
            session::Context::Full { partitions } => {
                let told: Vec<_> = shares.iter().map(Share::told).collect();
                let now = self.node().now().mono;
                let by_id = self.cx.version >= BY_ID_FROM;
                (self.cx.peer.door.sessions().open(now, by_id, partitions, &told), shares)
            }
            session::Context::Incremental { id, .. } => {
                let told: Vec<_> = shares.iter().map(|share| (share.key.clone(), share.told())).collect();
                let news = self.cx.peer.door.sessions().settle(*id, &told);
                let mentioned = shares.into_iter().zip(news).filter(|(_, news)| *news).map(|(share, _)| share);
                (*id, mentioned.collect())
            }
        }
    }
}

/// The request in the words of sessions. Names are copied out of the frame, since a session outlives it.
fn session_words(version: i16, request: FetchRequest) -> session::Request {
    let by_id = version >= BY_ID_FROM;
    let named = |name: &Text, id: Uuid| match by_id {
        true => TopicRef::Id(id),
        false => TopicRef::Name(Text::from(name.as_str())),
    };
    let mut words = session::Request { id: request.session_id, epoch: request.session_epoch, by_id, ..Default::default() };
    for topic in request.topics {
        let named = named(&topic.topic, topic.topic_id);
        words.partitions.extend(topic.partitions.into_iter().map(|p| {
            let wanted = Wanted {
                offset: p.fetch_offset,
                max_bytes: p.partition_max_bytes,
                leader_epoch: p.current_leader_epoch,
                last_fetched_epoch: p.last_fetched_epoch,
            };
            (Key { topic: named.clone(), partition: p.partition }, wanted)
        }));
    }
    for topic in request.forgotten_topics_data {
        let named = named(&topic.topic, topic.topic_id);
        words.forgotten.extend(topic.partitions.into_iter().map(|partition| Key { topic: named.clone(), partition }));
    }
    words
}

fn session_code(refusal: session::Refusal) -> ErrorCode {
    match refusal {
        session::Refusal::NotFound => ErrorCode::FETCH_SESSION_ID_NOT_FOUND,
        session::Refusal::BadEpoch => ErrorCode::INVALID_FETCH_SESSION_EPOCH,
        session::Refusal::TopicIds => ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR,
    }
}

/// An answer about the whole request.
fn refuse(head: &Head, error: ErrorCode) -> Result<Answer, Close> {
    let refused = FetchWriter::<Slice>::new(head.version, head.correlation, 0, error.into(), 0, 0);
    let whole = refused.and_then(|writer| writer.finish(&[])).map_err(unwritable)?;
    Ok(gathered(whole.pieces))
}

fn unwritable(error: Unencodable) -> Close {
    Close::because(format!("the answer to Fetch cannot be written: {error}"))
}

fn write(cx: &Context, head: &Head, (error, session): (ErrorCode, i32), shares: &[Share]) -> Result<Answer, Unencodable> {
    note(cx, shares);
    let same = |a: &Share, b: &Share| a.key.topic == b.key.topic;
    let topics = shares.chunk_by(same);
    let mut writer = FetchWriter::new(head.version, head.correlation, 0, error.into(), session, topics.clone().count())?;
    let mut endpoints = Vec::new();
    for topic in topics {
        match &topic[0].key.topic {
            TopicRef::Name(name) => writer.topic(name, Uuid::nil(), topic.len())?,
            TopicRef::Id(id) => writer.topic(&Text::default(), *id, topic.len())?,
        }
        for share in topic {
            let mut data = std::borrow::Cow::Borrowed(&share.data);
            if data.current_leader.leader_epoch >= 0 {
                data.to_mut().current_leader.leader_id = cx.peer.node().node_id();
                if endpoints.is_empty() {
                    endpoints.push(endpoint(cx));
                }
            }
            writer.partition(&data, share.bytes, share.slices.iter().cloned())?;
        }
    }
    Ok(gathered(writer.finish(&endpoints)?.pieces))
}

/// Notes what the answer tells of partitions that failed.
fn note(cx: &Context, shares: &[Share]) {
    let mut notes = Notes::default();
    for share in shares.iter().filter(|share| share.data.error_code != 0) {
        let (name, id) = match &share.key.topic {
            TopicRef::Name(name) => (name.to_string(), Uuid::nil()),
            TopicRef::Id(id) => {
                (cx.peer.node().topic_by_id(TopicId(*id)).map_or_else(String::new, |t| t.name.as_str().to_owned()), *id)
            }
        };
        let place = Place { name: Some(&name), id, index: Some(share.key.partition) };
        notes.add(&cx.peer, CARD.key, place, ErrorCode(share.data.error_code), None);
    }
    notes.end(&cx.peer, CARD.key);
}

fn endpoint(cx: &Context) -> NodeEndpoint {
    let told = cx.peer.told();
    NodeEndpoint { node_id: cx.peer.node().node_id(), host: told.host.into(), port: told.port.into(), ..Default::default() }
}

fn gathered(pieces: Vec<Piece<Slice>>) -> Answer {
    let memory = |piece| match piece {
        Piece::Own(bytes) | Piece::Records(Slice::Memory(bytes)) => bytes,
        Piece::Records(Slice::File { .. }) => unreachable!("records on the disk are loaded before they are answered"),
    };
    Answer { pieces: pieces.into_iter().map(memory).collect(), ..Answer::default() }
}
