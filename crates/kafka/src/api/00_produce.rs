//! Produce (0), v3-13. Appends batches; the answer waits until they are on disk. KIP-98, KIP-467, KIP-516, KIP-951.
//!
//! Versions 0-2 are told and close the connection, as in Apache Kafka (KAFKA-18659). Not implemented: transactions, which
//! are answered INVALID_TXN_STATE. Differs from Apache Kafka: null records are answered INVALID_RECORD, where it never
//! answers; `acks=1` waits for the disk as `acks=all` does.

use std::{borrow::Cow, sync::Arc};

use bytes::BytesMut;
use hashbrown::DefaultHashBuilder;
use milena_engine::ids::TopicId;
use milena_node::{AppendRefusal, Appended, Lsn, NoRoom, Node, Parked, Partition, Room, Topic, WriterId};
use milena_wire::{
    ErrorCode, Message, ProduceRequest, Reader, Text, Unencodable, Uuid,
    hot::{ProduceView, ProduceWriter, Step},
    produce::{PartitionProduceResponse, TopicProduceData},
};
use std::hash::BuildHasher;

use crate::{
    connection::Answer,
    dispatch::{Call, Card, Close, Cost, Outcome},
    errors::Code,
};

pub(super) const CARD: Card = Card::new(0, "Produce", 3..=13, Cost::Records, handle).told_from(0);

fn handle(call: Call<'_>) -> Outcome {
    let view = match parse(&call) {
        Ok(view) => view,
        Err(close) => return Outcome::Close(close),
    };
    let (version, correlation) = (call.version(), call.head.correlation);
    let writer = call.peer.writer(call.client_id());
    let node = call.peer.node();
    let Some(rooms) = rooms_now(node, &view) else {
        // The log is full for the moment: this connection waits for its turn, and holds its frame alone.
        let (peer, view) = (call.peer.clone(), view.clone());
        return Outcome::Later(Box::pin(async move {
            let node = peer.node();
            match produce_later(node, &view, writer, version, correlation).await? {
                Some(parked) => node.release(parked).await.map_err(|dead| Close::because(dead.to_string())),
                None => Ok(Answer::default()),
            }
        }));
    };
    match produce(node, &view, rooms, writer, version, correlation) {
        Ok(Some(parked)) => Outcome::Answer(parked),
        Ok(None) => Outcome::Silence,
        Err(close) => Outcome::Close(close),
    }
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
    for topic in std::mem::take(&mut request.topic_data) {
        let same = |other: &&mut TopicProduceData| other.name == topic.name && other.topic_id == topic.topic_id;
        let Some(merged) = topics.iter_mut().find(same) else {
            topics.push(TopicProduceData { partition_data: Vec::new(), ..topic.clone() });
            merge(topics.last_mut().map(|t| &mut t.partition_data), topic);
            continue;
        };
        merge(Some(&mut merged.partition_data), topic);
    }
    request.topic_data = topics;
    let mut out = BytesMut::new();
    request.encode(&mut out, version).map_err(|e| Cow::from(e.to_string()))?;
    Ok(out)
}

fn merge(into: Option<&mut Vec<milena_wire::produce::PartitionProduceData>>, topic: TopicProduceData) {
    let Some(into) = into else { return };
    for partition in topic.partition_data {
        match into.iter_mut().find(|p| p.index == partition.index) {
            Some(earlier) => *earlier = partition,
            None => into.push(partition),
        }
    }
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

fn produce(
    node: &Node,
    view: &ProduceView,
    rooms: Rooms,
    writer: WriterId,
    version: i16,
    correlation: i32,
) -> Result<Option<Parked<Answer>>, Close> {
    let mut out = BytesMut::with_capacity(64 + 64 * view.partitions);
    let mut rooms = rooms.into_iter();
    let mut work = Producing::begin(node, view, writer, version, correlation, &mut out).map_err(unwritable)?;
    for step in view.steps() {
        work.step(step, || rooms.next().unwrap_or(Err(NoRoom::TooLarge { need: 0, max: 0 }))).map_err(unwritable)?;
    }
    let whole = work.end().map_err(unwritable)?;
    whole.map(|whole| whole.map(|parked| parked.map(|()| Answer::from(out.freeze()))))
}

/// As [`produce`], but waits for room before each partition, and holds none while it waits.
async fn produce_later(
    node: &Node,
    view: &ProduceView,
    writer: WriterId,
    version: i16,
    correlation: i32,
) -> Result<Option<Parked<Answer>>, Close> {
    let mut out = BytesMut::with_capacity(64 + 64 * view.partitions);
    let mut work = Producing::begin(node, view, writer, version, correlation, &mut out).map_err(unwritable)?;
    for step in view.steps() {
        let room = match &step {
            Step::Partition { records: Some(records), .. } => node.room(records.len()).await,
            _ => Err(NoRoom::TooLarge { need: 0, max: 0 }),
        };
        work.step(step, || room).map_err(unwritable)?;
    }
    let whole = work.end().map_err(unwritable)?;
    whole.map(|whole| whole.map(|parked| parked.map(|()| Answer::from(out.freeze()))))
}

fn unwritable(error: Unencodable) -> Close {
    Close::because(format!("the answer to Produce cannot be written: {error}"))
}

/// One request under way: appends, and writes the answer that nobody may read yet.
struct Producing<'a> {
    node: &'a Node,
    view: &'a ProduceView,
    writer: WriterId,
    out: ProduceWriter<'a>,
    by_id: bool,
    topic: Option<Arc<Topic>>,
    /// The newest place that the answer stands on.
    whole: Parked<()>,
    /// The first refusal, for acks=0: its client hears of it by losing the connection.
    refused: Option<ErrorCode>,
}

impl<'a> Producing<'a> {
    fn begin(
        node: &'a Node,
        view: &'a ProduceView,
        writer: WriterId,
        version: i16,
        correlation: i32,
        out: &'a mut BytesMut,
    ) -> Result<Self, Unencodable> {
        let out = ProduceWriter::new(out, version, correlation, view.topics)?;
        let whole = Parked::new(Lsn::default(), ());
        Ok(Self { node, view, writer, out, by_id: version >= 13, topic: None, whole, refused: None })
    }

    fn step(&mut self, step: Step<'_>, room: impl FnOnce() -> Result<Room, NoRoom>) -> Result<(), Unencodable> {
        match step {
            Step::Topic { name, id, partitions } => self.topic(&name, id, partitions),
            Step::Partition { index, records } => {
                let records = records.map(|range| &self.view.frame()[range]);
                self.partition(index, records, room())
            }
        }
    }

    fn topic(&mut self, name: &str, id: Uuid, partitions: usize) -> Result<(), Unencodable> {
        self.topic = if self.by_id { self.node.topic_by_id(TopicId(id)) } else { self.node.topic(name) };
        let name = if self.by_id { Text::default() } else { Text::from(name) };
        self.out.topic(&name, id, partitions)
    }

    fn partition(&mut self, index: i32, records: Option<&[u8]>, room: Result<Room, NoRoom>) -> Result<(), Unencodable> {
        if !(-1..=1).contains(&self.view.acks) {
            return self.refuse(index, ErrorCode::INVALID_REQUIRED_ACKS, "acks must be -1, 0 or 1".into(), -1);
        }
        let Some(topic) = self.topic.clone() else {
            let error = if self.by_id { ErrorCode::UNKNOWN_TOPIC_ID } else { ErrorCode::UNKNOWN_TOPIC_OR_PARTITION };
            return self.refuse(index, error, error.words().to_owned(), -1);
        };
        let Some(partition) = topic.partition(index) else {
            let error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
            return self.refuse(index, error, error.words().to_owned(), -1);
        };
        let Some(records) = records else {
            return self.refuse(index, ErrorCode::INVALID_RECORD, "there are no records".into(), -1);
        };
        match room {
            Err(no_room) => self.refuse(index, no_room.code(), no_room.to_string(), -1),
            Ok(room) => {
                let parked = self.node.append(room, &topic, partition, records, self.writer);
                self.take(index, partition, parked)
            }
        }
    }

    /// Writes the answer of an append, and waits with it for what it waits for.
    fn take(
        &mut self,
        index: i32,
        partition: &Partition,
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
        self.refuse(index, refusal.code(), refusal.to_string(), log_start)
    }

    fn refuse(&mut self, index: i32, error: ErrorCode, words: String, log_start_offset: i64) -> Result<(), Unencodable> {
        self.refused.get_or_insert(error);
        self.out.partition(&PartitionProduceResponse {
            index,
            error_code: error.into(),
            base_offset: -1,
            log_start_offset,
            error_message: Some(Text::from(words)),
            ..Default::default()
        })
    }

    /// Ends the answer. `None`: the client wants none.
    fn end(self) -> Result<Result<Option<Parked<()>>, Close>, Unencodable> {
        self.out.finish(0, &[])?;
        Ok(match (self.view.acks, self.refused) {
            (0, Some(error)) => Err(Close::because(format!("a Produce with acks=0 was refused: {error}"))),
            (0, None) => Ok(None),
            _ => Ok(Some(self.whole)),
        })
    }
}
