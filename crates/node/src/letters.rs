//! Dead letters: a record that a share group gave up goes whole into a topic of its own, in the same entry of the log that
//! says that the group is done with it. Knows how a letter looks and how two logs share an entry; which record is given up
//! is the engine's judgement.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use milena_engine::{
    ids::{TopicId, Uuid},
    machine::{Decision, Machine},
    partition::Verdict,
    retention,
    share::{self, At, Command, Fact, Letter, Reply, Why},
    topic::{CreateTopic, Refusal as TopicRefusal},
};
use milena_record::{Batch, Builder, Codec, HEADER_LEN, Limits, RecordHeader, Records, patch_base_offset, patch_leader_epoch};
use milena_store::{Class, Credit, Part, Payload, Slice, Version};

use crate::{
    append::WriterId,
    intake::{self, Declined, Intake, UNPACKED_MAX},
    node::Node,
    noun::{NoRoom, Written},
    partition::Partition,
    release::{Dead, Then},
    shares::ShareCell,
    topics::Topic,
};

/// Letters that are looked for at a time.
const AT_ONCE: usize = 64;
/// What could not be written is tried again after this long, and then ever more rarely.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(60);
/// The log takes this beside the bytes of a letter.
const BESIDE: u64 = 1024;
/// The header of a letter that is not the whole record.
pub(crate) const COPIED: &str = "__dlq.errors.copied";
/// A letter is larger than its record by its headers.
const HEADERS_ROOM: i64 = 64 << 10;

/// Why a letter could not be written this time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritten {
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error(transparent)]
    Topic(#[from] TopicRefusal),
    #[error("the dead-letter topic does not take it: {0}")]
    Declined(String),
    #[error("its record cannot be read: {0}")]
    Read(#[from] milena_store::ReadError),
}
impl From<Dead> for Unwritten {
    fn from(dead: Dead) -> Self {
        Self::NoRoom(dead.into())
    }
}

/// A record's life so far, and itself.
pub(crate) struct Body {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) timestamp: i64,
}

impl Body {
    /// The record of that offset, if it is in the first batch of these bytes.
    pub(crate) fn within(bytes: &[u8], offset: i64) -> Option<Self> {
        let batch = Batch::parse(milena_record::split(bytes).next()?.ok()?.bytes).ok()?;
        let payload = batch.payload(&Limits::new(UNPACKED_MAX)).ok()?;
        let r = Records::new(&batch.header(), &payload).map_while(Result::ok).find(|r| r.offset == offset)?;
        Some(Self {
            key: r.key.map(<[u8]>::to_vec),
            value: r.value.map(<[u8]>::to_vec),
            headers: r.headers.map(|h| (h.key.to_vec(), h.value.map(<[u8]>::to_vec))).collect(),
            timestamp: r.timestamp,
        })
    }

    /// A batch of it alone, under these headers.
    pub(crate) fn alone(&self, headers: &[RecordHeader<'_>]) -> Vec<u8> {
        let mut builder = Builder::new(Codec::None);
        let pushed = builder.push(self.timestamp, self.key.as_deref(), self.value.as_deref(), headers);
        debug_assert!(pushed.is_ok(), "one record with a few headers more");
        builder.finish().unwrap_or_default()
    }
}

impl Node {
    /// Writes what the group has to write, until nothing is left. One task a group, and only while there is something.
    pub(crate) async fn write_letters(self, cell: Arc<ShareCell>) {
        let mut patience = AGAIN;
        // Partitions whose letters cannot be written now: those of others do not wait for them.
        let mut stuck: BTreeSet<At> = BTreeSet::new();
        loop {
            let (letters, none_left) = {
                let mut state = cell.state.hold();
                let letters = state.noun.machine.letters(AT_ONCE, &stuck);
                state.burying = state.noun.machine.has_letters();
                (letters, !state.burying)
            };
            if none_left || self.alive().is_err() {
                return;
            }
            if letters.is_empty() {
                tokio::time::sleep(patience).await;
                patience = (patience * 2).min(AGAIN_MAX);
                stuck.clear();
            }
            for letter in &letters {
                if stuck.contains(&letter.at) {
                    continue;
                }
                match self.write_letter(&cell, letter).await {
                    Ok(()) => patience = AGAIN,
                    Err(Unwritten::NoRoom(NoRoom::Dead(_))) => return,
                    Err(error) => {
                        let (group, offset) = (cell.name(), letter.offset);
                        tracing::warn!(%error, %group, offset, "a dead letter cannot be written yet; the record is kept for it");
                        stuck.insert(letter.at);
                    }
                }
            }
        }
    }

    async fn write_letter(&self, cell: &Arc<ShareCell>, letter: &Letter) -> Result<(), Unwritten> {
        let Some(topic) = self.topic_by_id(letter.at.topic) else {
            // In the trash, from where it may come back; when it is gone for good, the group forgets it, too.
            return Err(Unwritten::Declined("the topic of its record is deleted".into()));
        };
        let partition = topic.partition(letter.at.partition);
        if let Some(start) =
            partition.and_then(|partition| partition.view()).map(|view| view.start).filter(|s| letter.offset < *s)
        {
            // Retention was faster: it is lost, and no letter says so.
            let trim = Command::Trim { at: letter.at, to: start };
            let _ = self.share_command(cell.name(), &trim).await?;
            return Ok(());
        }
        let body = match partition {
            Some(partition) => self.body(&topic, partition, letter.offset).await?,
            None => None,
        };
        let body = match body {
            // Letters of letters would never end.
            Some(body) if !topic.name.as_str().starts_with(&self.settings().letters_prefix) => body,
            other => {
                let (group, offset, there) = (cell.name(), letter.offset, other.is_some());
                tracing::warn!(%group, topic = %topic.name, offset, there, "a record was given up and has no dead letter");
                let buried = Command::Buried { at: letter.at, offset: letter.offset };
                let _ = self.share_command(cell.name(), &buried).await?;
                return Ok(());
            }
        };
        let dead = self.letter_topic(cell.name(), &topic).await?;
        let whole = share::letter_is_whole(&self.config(), cell.name());
        let batch = letter_batch(cell.name(), &topic, letter, whole.then_some(&body));
        let buried = Command::Buried { at: letter.at, offset: letter.offset };
        self.both(cell, &buried, (&dead, 0), &batch).await.map(|_| ())
    }

    /// The record itself. `None`: it is not there any more.
    pub(crate) async fn body(&self, topic: &Topic, partition: &Partition, offset: i64) -> Result<Option<Body>, Unwritten> {
        if partition.view().is_none_or(|view| offset < view.start) {
            return Ok(None);
        }
        let found = self.read_whole(topic, partition, offset, 1).await?;
        let Some(Slice::Memory(bytes)) = found.slices.first() else { return Ok(None) };
        Ok(Body::within(bytes, offset))
    }

    /// Where letters of this topic go, made with the first of them.
    async fn letter_topic(&self, group: &str, source: &Topic) -> Result<Arc<Topic>, Unwritten> {
        let name = self.letter_topic_name(group, source.name.as_str());
        match self.topic(&name) {
            Some(topic) if topic.id == source.id => {
                return Err(Unwritten::Declined(format!(
                    "{name} is where the record comes from, and it would come back for ever"
                )));
            }
            Some(topic) if self.keeps(topic.id) => {
                return Err(Unwritten::Declined(format!("{name} is written by the broker alone")));
            }
            Some(topic) if topic.settings.takes_letters => return Ok(topic),
            Some(_) => return Err(Unwritten::Declined(format!("errors.deadletterqueue.group.enable is false on {name}"))),
            None if self.settings().letters_make_topics => {}
            None => {
                let why = "is not there, and errors.deadletterqueue.auto.create.topics.enable is false";
                return Err(Unwritten::Declined(format!("{name} {why}")));
            }
        }
        let room = i64::try_from(source.rules.max_bytes).unwrap_or(i64::MAX).saturating_add(HEADERS_ROOM);
        let largest = room.min(i64::from(i32::MAX)).to_string();
        let create = CreateTopic {
            id: TopicId(Uuid::nil()),
            name: name.clone(),
            partitions: 1,
            replicas: -1,
            assignments: Vec::new(),
            settings: vec![("max.message.bytes".into(), Some(largest))],
            default_partitions: 1,
            node: self.node_id(),
        };
        match self.create_topic(create).await? {
            Err(TopicRefusal::Exists(_)) => self.topic(&name).ok_or(TopicRefusal::UnknownName(name).into()),
            other => Ok(other?),
        }
    }

    /// The name of the topic that takes a group's letters of this topic.
    pub fn letter_topic_name(&self, group: &str, source: &str) -> String {
        if let Some(name) = share::letter_topic(&self.config(), group) {
            return name;
        }
        let prefix = &self.settings().letters_prefix;
        let room = milena_engine::limits::TOPIC_NAME_BYTES_MAX.saturating_sub(prefix.len());
        format!("{prefix}{}", &source[..source.floor_char_boundary(room)])
    }

    /// One entry of two logs: a record, and that a group is done with the one that it comes from. `false`: it was done with it
    /// already, and nothing was written.
    pub(crate) async fn both(
        &self,
        cell: &Arc<ShareCell>,
        command: &Command,
        (topic, partition): (&Topic, i32),
        batch: &[u8],
    ) -> Result<bool, Unwritten> {
        let declined = |why: Declined| match why {
            Declined::Flaw(flaw) => Unwritten::Declined(flaw.to_string()),
            Declined::Refused(refusal) => Unwritten::Declined(refusal.to_string()),
        };
        let mut intake = intake::take(&topic.rules, self.now(), batch).map_err(declined)?;
        let Some(partition) = topic.partition(partition).cloned() else { return Ok(false) };
        let credit = self.hub().credit(Class::Data, intake.bytes.len() as u64 + BESIDE).await?;
        self.both_now(cell, command, (topic, &partition), &mut intake, credit)
    }

    fn both_now(
        &self,
        cell: &Arc<ShareCell>,
        command: &Command,
        (topic, partition): (&Topic, &Arc<Partition>),
        intake: &mut Intake<'_>,
        credit: Credit,
    ) -> Result<bool, Unwritten> {
        let now = self.now();
        // The group before the partition, always.
        let mut group = cell.state.hold();
        let mut state = partition.hold();
        let Some(log) = group.log else { return Ok(false) };
        let Ok(Decision { facts, reply: Reply::Buried(true) }) = group.noun.machine.decide(now, command.clone()) else {
            return Ok(false);
        };
        if facts.is_empty() {
            return Ok(false);
        }
        if state.is_gone() {
            return Err(Unwritten::Declined("it was just deleted".into()));
        }
        let placement = match state.noun.machine.place(now, self.producer_expiry(), &intake.batch) {
            Ok(Verdict::Placed(placement)) => placement,
            Ok(Verdict::Duplicate(_)) => return Ok(false),
            Err(refusal) => return Err(Unwritten::Declined(refusal.to_string())),
        };
        patch_base_offset(&mut intake.head, placement.base);
        patch_leader_epoch(&mut intake.head, placement.epoch);
        intake.batch.base = placement.base;
        let written: Vec<Vec<u8>> = facts.iter().filter_map(Fact::written).collect();
        let version = group.noun.version.0;
        let part = |(expected, fact)| Part { log, expected: Version(expected), fact, payload: None };
        let mut parts: Vec<Part<'_>> = (version..).zip(written.iter().map(Vec::as_slice)).map(part).collect();
        let payload = Payload {
            base: placement.base,
            last: placement.last,
            stamp: intake.stamp,
            writer: WriterId::default().0,
            head: HEADER_LEN as u16,
            patched: &intake.head,
            bytes: &intake.bytes,
            verified: None,
        };
        parts.push(Part { log: partition.log(), expected: state.noun.version, fact: &[], payload: Some(payload) });
        let lsn = self.hub().reserve(credit, Class::Data, now.wall, &parts)?;
        group.noun.version = Version(version + written.len() as u64);
        group.noun.lsn = lsn;
        facts.iter().for_each(|fact| group.noun.machine.apply(fact));
        state.noun.lsn = lsn;
        state.noun.version = Version(state.noun.version.0 + 1);
        state.noun.machine.apply_batch(&intake.batch, now.wall);
        let waits = state.flies(lsn, intake.bytes.len());
        let bytes = intake.bytes.len() as u64;
        let appended = retention::Entry { base: placement.base, last: placement.last, bytes, at: now.wall, stamp: intake.stamp };
        let alarm = self.retention_after_append(topic, &mut state, &appended);
        drop(state);
        self.after_share_step(cell, group);
        if let Some(at) = alarm {
            self.set_retention_alarm(partition, at);
        }
        if waits {
            self.hub().when(lsn, Then::Tell(partition.clone()));
        }
        self.counters().records_in.add(1);
        Ok(true)
    }
}

/// The whole record (or nothing of it), and in headers where it comes from, why it is here, how often it was tried, and by
/// whom last. KIP-1191's headers first, with the sentences of Apache Kafka 4.4 where nobody gave a reason; the others are ours.
fn letter_batch(group: &str, topic: &Topic, letter: &Letter, body: Option<&Body>) -> Vec<u8> {
    let (why, sentence) = match letter.why {
        Why::Rejected => ("rejected", "Offset rejected by client."),
        Why::Deliveries => ("delivery-limit", "Offset delivery count exceeded the threshold."),
    };
    let said = letter.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or(sentence);
    let ours = [
        ("__dlq.errors.topic", topic.name.as_str().to_owned()),
        ("__dlq.errors.partition", letter.at.partition.to_string()),
        ("__dlq.errors.offset", letter.offset.to_string()),
        ("__dlq.errors.group", group.to_owned()),
        ("__dlq.errors.delivery.count", letter.deliveries.to_string()),
        ("__dlq.errors.message", said.to_owned()),
        ("__dlq.errors.reason", why.to_owned()),
        ("__dlq.errors.member", letter.by.to_string()),
        ("__dlq.errors.timestamp", letter.when.to_string()),
    ];
    let copied = (COPIED, "false".to_owned());
    let ours: Vec<_> = ours.into_iter().chain(body.is_none().then_some(copied)).collect();
    let nothing = Body { key: None, value: None, headers: Vec::new(), timestamp: letter.when };
    let body = body.unwrap_or(&nothing);
    let own = body.headers.iter().map(|(key, value)| RecordHeader { key, value: value.as_deref() });
    let ours = ours.iter().map(|(key, value)| RecordHeader { key: key.as_bytes(), value: Some(value.as_bytes()) });
    let headers: Vec<RecordHeader<'_>> = own.chain(ours).collect();
    body.alone(&headers)
}
