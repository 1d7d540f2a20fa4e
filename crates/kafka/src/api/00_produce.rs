//! Produce (0), v3-13. Appends batches; the answer waits until they are on disk. KIP-98, KIP-467, KIP-516, KIP-951.
//!
//! Versions 0-2 are told and close the connection, as in Apache Kafka (KAFKA-18659). Not implemented: transactions, which
//! are answered INVALID_TXN_STATE. Differs from Apache Kafka: null records are answered INVALID_RECORD, where it never
//! answers; `acks=1` waits for the disk as `acks=all` does.

use std::{borrow::Cow, future::Future, hash::BuildHasher, rc::Rc, sync::Arc};

use bytes::BytesMut;
use hashbrown::{DefaultHashBuilder, HashMap};
use milena_engine::ids::TopicId;
use milena_node::{AppendRefusal, Appended, Lsn, NoRoom, Node, Parked, Partition, Room, Topic, WriterId};
use milena_record::{Codec, Header};
use milena_wire::{
    ErrorCode, Message, Place, ProduceRequest, Reader, Text, Unencodable, Uuid,
    hot::{ProduceView, ProduceWriter, Step},
    produce::{PartitionProduceResponse, TopicProduceData},
};

use crate::{
    connection::Answer,
    dispatch::{Call, Card, Close, Cost, Head, Outcome},
    errors::Code,
    first_chance::Notes,
    offenders::record_errors,
    peer::Peer,
};

pub(super) const CARD: Card = Card::new(0, "Produce", 3..=13, Cost::Records, handle).told_from(0);

/// From here on topics are named by id.
const BY_ID_FROM: i16 = 13;
/// From here on records may be packed with Zstandard.
const ZSTD_FROM: i16 = 7;

fn handle(call: Call<'_>) -> Outcome {
    let view = match parse(&call) {
        Ok(view) => view,
        Err(close) => return Outcome::Close(close),
    };
    let writer = call.peer.writer(call.client_id());
    let node = call.peer.node();
    match rooms_now(node, &view) {
        Some(rooms) => match produce(&call, &view, rooms, writer) {
            Ok(Told { parked, answer: true }) => Outcome::Answer(parked),
            Ok(Told { parked, answer: false }) => Outcome::Silence(parked.lsn()),
            Err(close) => Outcome::Close(close),
        },
        // The log is full for the moment: this connection waits for its turn.
        None => Outcome::Later(Box::pin(produce_later(call.peer.clone(), call.on_its_own(), writer))),
    }
}

/// What became of a request: the answer, and whether the client wants it.
struct Told {
    parked: Parked<Answer>,
    answer: bool,
}

fn parse(call: &Call<'_>) -> Result<ProduceView, Close> {
    let malformed = |e: &dyn std::fmt::Display| Close::because(format!("a malformed Produce: {e}"));
    let view = ProduceView::parse(call.body(), call.version()).map_err(|e| malformed(&e))?;
    if !repeats(&view) {
        return Ok(view);
    }
    let once = once_each(call).map_err(|e| malformed(&e))?;
    ProduceView::parse(Reader::new(once.freeze()), call.version()).map_err(|e| malformed(&e))
}

/// Whether a partition may be given twice. Wrong only on the safe side.
fn repeats(view: &ProduceView) -> bool {
    if view.partitions < 2 {
        return false;
    }
    let hasher = DefaultHashBuilder::default();
    let mut topic = 0;
    let mut seen: Vec<u64> = Vec::with_capacity(view.partitions);
    for step in view.steps() {
        match step {
            Step::Topic { name, id, .. } => topic = hasher.hash_one((&*name, id)),
            Step::Partition { index, .. } => seen.push(hasher.hash_one((topic, index))),
        }
    }
    seen.sort_unstable();
    seen.windows(2).any(|pair| pair[0] == pair[1])
}

/// The request with each partition once: the last one wins, silently, as in Apache Kafka.
fn once_each(call: &Call<'_>) -> Result<BytesMut, Cow<'static, str>> {
    let version = call.version();
    let mut request = ProduceRequest::decode(&mut call.body(), version).map_err(|e| Cow::from(e.to_string()))?;
    let mut topics: Vec<TopicProduceData> = Vec::new();
    // Where each topic and each of its partitions is: there may be hundreds of thousands.
    let (mut places, mut indexes) = (HashMap::new(), HashMap::new());
    for mut topic in std::mem::take(&mut request.topic_data) {
        let partitions = std::mem::take(&mut topic.partition_data);
        let at = *places.entry((topic.name.clone(), topic.topic_id)).or_insert(topics.len());
        if at == topics.len() {
            topics.push(topic);
        }
        let merged = &mut topics[at].partition_data;
        for partition in partitions {
            let nth = *indexes.entry((at, partition.index)).or_insert(merged.len());
            match merged.get_mut(nth) {
                Some(earlier) => *earlier = partition,
                None => merged.push(partition),
            }
        }
    }
    request.topic_data = topics;
    let mut out = BytesMut::new();
    request.encode(&mut out, version).map_err(|e| Cow::from(e.to_string()))?;
    Ok(out)
}

type Rooms = Vec<Result<Room, NoRoom>>;

/// Room in the log for each partition's records, or `None` if somebody would have to wait for it.
fn rooms_now(node: &Node, view: &ProduceView) -> Option<Rooms> {
    let mut rooms = Vec::with_capacity(view.partitions);
    for step in view.steps() {
        if let Step::Partition { records, .. } = step {
            rooms.push(node.room_now(records.map_or(0, |r| r.len()))?);
        }
    }
    Some(rooms)
}

fn produce(call: &Call<'_>, view: &ProduceView, rooms: Rooms, writer: WriterId) -> Result<Told, Close> {
    let mut out = BytesMut::with_capacity(64 + 64 * view.partitions);
    let mut rooms = rooms.into_iter();
    let mut work = Producing::begin(call.peer, view, writer, &call.head, &mut out).map_err(unwritable)?;
    for step in view.steps() {
        work.step(step, || rooms.next().unwrap_or(Err(NO_ROOM))).map_err(unwritable)?;
    }
    let (whole, answer) = work.end()?;
    Ok(Told { parked: whole.map(|()| Answer::from(out)), answer })
}

/// As [`produce`], but waits for room before each partition, and holds none while it waits.
fn produce_later(peer: Rc<Peer>, call: Call<'_>, writer: WriterId) -> impl Future<Output = Result<Answer, Close>> + use<> {
    let (view, head) = (parse(&call), call.head);
    async move {
        let view = view?;
        let mut out = BytesMut::with_capacity(64 + 64 * view.partitions);
        let mut work = Producing::begin(&peer, &view, writer, &head, &mut out).map_err(unwritable)?;
        for step in view.steps() {
            let room = match &step {
                Step::Partition { records: Some(records), .. } => peer.node().room(records.len()).await,
                _ => Err(NO_ROOM),
            };
            work.step(step, || room).map_err(unwritable)?;
        }
        let (whole, answer) = work.end()?;
        peer.node().release(whole).await.map_err(|dead| Close::because(dead.to_string()))?;
        Ok(if answer { Answer::from(out) } else { Answer::default() })
    }
}

/// For steps that need none.
const NO_ROOM: NoRoom = NoRoom::TooLarge { need: 0, max: 0 };

fn unwritable(error: Unencodable) -> Close {
    Close::because(format!("the answer to Produce cannot be written: {error}"))
}

/// One request under way: appends, and writes the answer that nobody may read yet.
struct Producing<'a> {
    peer: &'a Peer,
    node: &'a Node,
    view: &'a ProduceView,
    writer: WriterId,
    out: ProduceWriter<'a>,
    by_id: bool,
    /// Whether its version knows of Zstandard (KIP-110).
    zstd: bool,
    topic: Option<Arc<Topic>>,
    /// As the client named it.
    named: (Text, Uuid),
    /// The newest place that the answer stands on.
    whole: Parked<()>,
    /// The first refusal, for acks=0: its client hears of it by losing the connection.
    refused: Option<ErrorCode>,
    notes: Notes,
}

impl<'a> Producing<'a> {
    fn begin(
        peer: &'a Peer,
        view: &'a ProduceView,
        writer: WriterId,
        head: &Head,
        out: &'a mut BytesMut,
    ) -> Result<Self, Unencodable> {
        let out = ProduceWriter::new(out, head.version, head.correlation, view.topics)?;
        let whole = Parked::new(Lsn::default(), ());
        let (node, by_id, named) = (peer.node(), head.version >= BY_ID_FROM, (Text::default(), Uuid::nil()));
        let zstd = head.version >= ZSTD_FROM;
        Ok(Self { peer, node, view, writer, out, by_id, zstd, topic: None, named, whole, refused: None, notes: Notes::default() })
    }

    fn step(&mut self, step: Step<'_>, room: impl FnOnce() -> Result<Room, NoRoom>) -> Result<(), Unencodable> {
        match step {
            Step::Topic { name, id, partitions } => self.topic(name, id, partitions),
            Step::Partition { index, records } => {
                let records = records.map(|range| &self.view.frame()[range]);
                self.partition(index, records, room())
            }
        }
    }

    fn topic(&mut self, name: Cow<'_, str>, id: Uuid, partitions: usize) -> Result<(), Unencodable> {
        self.topic = if self.by_id { self.node.topic_by_id(TopicId(id)) } else { self.node.topic(&name) };
        let name = match name {
            Cow::Borrowed(name) => Text::from_bytes(self.view.frame().slice_ref(name.as_bytes())),
            Cow::Owned(name) => Text::from(name),
        };
        self.out.topic(&name, id, partitions)?;
        self.named = (name, id);
        Ok(())
    }

    fn partition(&mut self, index: i32, records: Option<&[u8]>, room: Result<Room, NoRoom>) -> Result<(), Unencodable> {
        let unknown = if self.by_id { ErrorCode::UNKNOWN_TOPIC_ID } else { ErrorCode::UNKNOWN_TOPIC_OR_PARTITION };
        let Some(topic) = self.topic.clone() else { return self.refuse(index, unknown, None, -1) };
        let Some(partition) = topic.partition(index) else {
            return self.refuse(index, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, None, -1);
        };
        let Some(records) = records else {
            return self.refuse(index, ErrorCode::INVALID_RECORD, Some("there are no records".into()), -1);
        };
        if !(-1..=1).contains(&self.view.acks) {
            let words = "acks must be -1, 0 or 1".into();
            return self.refuse(index, ErrorCode::INVALID_REQUIRED_ACKS, Some(words), -1);
        }
        if !self.zstd && Header::parse(records).is_ok_and(|header| header.codec() == Ok(Codec::Zstd)) {
            let words = "Zstandard came with version 7 of Produce".into();
            return self.refuse(index, ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, Some(words), -1);
        }
        match room {
            Err(no_room) => self.refuse(index, no_room.code(), Some(no_room.to_string()), -1),
            Ok(room) => {
                let parked = self.node.append(room, &topic, partition, records, self.writer);
                self.take(index, partition, records, parked)
            }
        }
    }

    /// Writes the answer of an append, and waits with it for what it waits for.
    fn take(
        &mut self,
        index: i32,
        partition: &Partition,
        records: &[u8],
        parked: Parked<Result<Appended, AppendRefusal>>,
    ) -> Result<(), Unencodable> {
        let (out, mut refusal) = (&mut self.out, None);
        self.whole.absorb(parked, |(), result| match result {
            Ok(Appended { base_offset, log_append_time, log_start, .. }) => {
                out.accepted(index, base_offset, log_append_time.unwrap_or(-1), log_start);
            }
            Err(refused) => refusal = Some(refused),
        });
        let Some(refusal) = refusal else { return Ok(()) };
        let log_start = match refusal.in_the_log() {
            true => partition.view().map_or(-1, |view| view.start),
            false => -1,
        };
        self.note(index, refusal.code(), Some(&refusal.to_string()));
        let record_errors = match &refusal {
            AppendRefusal::Refused(refusal) => {
                let compact = self.topic.as_ref().is_some_and(|topic| topic.settings.cleanup.compact);
                record_errors(records, refusal, compact)
            }
            _ => Vec::new(),
        };
        self.out.partition(&PartitionProduceResponse {
            record_errors,
            ..refused(index, refusal.code(), Some(refusal.to_string()), log_start)
        })
    }

    fn refuse(&mut self, index: i32, error: ErrorCode, words: Option<String>, log_start_offset: i64) -> Result<(), Unencodable> {
        self.note(index, error, words.as_deref());
        self.out.partition(&refused(index, error, words, log_start_offset))
    }

    fn note(&mut self, index: i32, error: ErrorCode, words: Option<&str>) {
        self.refused.get_or_insert(error);
        let name = self.topic.as_ref().map_or(&*self.named.0, |topic| topic.name.as_str());
        let place = Place { name: Some(name), id: self.named.1, index: Some(index) };
        self.notes.add(self.peer, CARD.key, place, error, words);
    }

    /// Ends the answer, and says whether the client wants it.
    fn end(self) -> Result<(Parked<()>, bool), Close> {
        self.out.finish(0, &[]).map_err(unwritable)?;
        self.notes.end(self.peer, CARD.key);
        match (self.view.acks, self.refused) {
            (0, Some(error)) => Err(Close::because(format!("a Produce with acks=0 was refused: {error}"))),
            (acks, _) => Ok((self.whole, acks != 0)),
        }
    }
}

fn refused(index: i32, error: ErrorCode, words: Option<String>, log_start_offset: i64) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        error_code: error.into(),
        base_offset: -1,
        log_start_offset,
        error_message: words.map(Text::from),
        ..Default::default()
    }
}
