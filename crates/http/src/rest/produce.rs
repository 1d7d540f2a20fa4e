//! Records into partitions: which partition each goes to, batches around them, and what became of each. For both
//! interfaces; knows nothing of their JSON.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use milena_node::{AppendRefusal, Appended, Node, Parked, Partition, Topic, WriterId};
use milena_record::{Builder, Codec, RecordHeader, partition_of_key};

use super::fault::{Fault, Told};

/// What the format puts around one record, generously.
const AROUND: usize = 64;

/// A record as a client sent it, in bytes.
#[derive(Debug, Default)]
pub(crate) struct NewRecord {
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) timestamp: Option<i64>,
}

impl NewRecord {
    fn size(&self) -> usize {
        let len = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + len(value) + 16).sum();
        len(&self.key) + len(&self.value) + headers + AROUND
    }
}

/// Where a record went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
}

/// Somebody who writes.
pub(crate) struct Author<'a> {
    pub(crate) node: &'a Node,
    pub(crate) writer: WriterId,
    pub(crate) turn: &'a AtomicUsize,
}

/// A batch under way: which records are in it, and their partition.
struct Flight {
    partition: i32,
    records: Vec<usize>,
    parked: Parked<Result<Appended, AppendRefusal>>,
}

impl Author<'_> {
    /// The topic of that name, made if the broker's settings say so.
    pub(crate) async fn topic(&self, name: &str) -> Told<Arc<Topic>> {
        if let Some(topic) = self.node.topic(name) {
            return Ok(topic);
        }
        Ok(self.node.create_topic_automatically(name).await??)
    }

    /// Appends all, each partition's in the order given, and answers one outcome a record when all are on disk.
    pub(crate) async fn produce(&self, topic: &Topic, records: &[NewRecord]) -> Vec<Told<Placed>> {
        let now = self.node.now().wall;
        let mut outcomes: Vec<Option<Told<Placed>>> = records.iter().map(|_| None).collect();
        let mut flights = Vec::new();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        for (partition, members) in self.dealt(topic, records, turn) {
            match usize::try_from(partition).ok().and_then(|p| topic.partitions.get(p)) {
                Some(found) => self.append(topic, found, records, &members, &mut flights, &mut outcomes).await,
                None => members.iter().for_each(|at| outcomes[*at] = Some(Err(Fault::no_partition()))),
            }
        }
        for Flight { partition, records: members, parked } in flights {
            let told = self.node.release(parked).await.map_err(Fault::from).and_then(|told| told.map_err(Fault::from));
            for (delta, at) in (0..).zip(members) {
                let place = |appended: Appended| Placed {
                    partition,
                    offset: appended.base_offset + delta,
                    timestamp: appended.log_append_time.or(records[at].timestamp).unwrap_or(now),
                };
                outcomes[at] = Some(told.clone().map(place));
            }
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Err(Fault::kafka("the record was not written")))).collect()
    }

    /// Which records go to which partition.
    fn dealt(&self, topic: &Topic, records: &[NewRecord], turn: usize) -> Vec<(i32, Vec<usize>)> {
        let count = topic.partitions.len() as i32;
        let mut dealt: Vec<(i32, Vec<usize>)> = Vec::new();
        for (at, record) in records.iter().enumerate() {
            let partition = match (record.partition, &record.key) {
                (Some(partition), _) => partition,
                (None, Some(key)) => partition_of_key(key, count),
                (None, None) => (turn % count.max(1) as usize) as i32,
            };
            match dealt.iter_mut().find(|(other, _)| *other == partition) {
                Some((_, members)) => members.push(at),
                None => dealt.push((partition, vec![at])),
            }
        }
        dealt
    }

    /// Cuts one partition's records into batches that the topic takes, and appends them.
    async fn append(
        &self,
        topic: &Topic,
        partition: &Arc<Partition>,
        records: &[NewRecord],
        members: &[usize],
        flights: &mut Vec<Flight>,
        outcomes: &mut [Option<Told<Placed>>],
    ) {
        let most = topic.settings.max_message_bytes as usize;
        let mut rest = members;
        while !rest.is_empty() {
            let mut size = AROUND;
            let fits = |at: &&usize| {
                size += records[**at].size();
                size <= most
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (batch, after) = rest.split_at(count);
            rest = after;
            match self.append_one(topic, partition, records, batch).await {
                Ok(parked) => flights.push(Flight { partition: partition.index(), records: batch.to_vec(), parked }),
                Err(fault) => batch.iter().for_each(|at| outcomes[*at] = Some(Err(fault.clone()))),
            }
        }
    }

    async fn append_one(
        &self,
        topic: &Topic,
        partition: &Arc<Partition>,
        records: &[NewRecord],
        members: &[usize],
    ) -> Told<Parked<Result<Appended, AppendRefusal>>> {
        let batch = self.batch(records, members)?;
        let mut need = batch.len();
        loop {
            let room = match self.node.room_now(need) {
                Some(room) => room?,
                None => self.node.room(need).await?,
            };
            let parked = self.node.append(room, topic, partition, &batch, self.writer);
            // The topic packs it anew, and that takes more than was sent: once more, with as much.
            match parked.lsn() {
                lsn if lsn == milena_node::Lsn(0) => match self.node.release(parked).await? {
                    Err(AppendRefusal::Room { need: more, .. }) => need = more,
                    told => return Ok(Parked::new(lsn, told)),
                },
                _ => return Ok(parked),
            }
        }
    }

    fn batch(&self, records: &[NewRecord], members: &[usize]) -> Told<Vec<u8>> {
        let now = self.node.now().wall;
        let mut builder = Builder::new(Codec::None);
        let mut headers = Vec::new();
        for record in members.iter().map(|at| &records[*at]) {
            headers.clear();
            headers
                .extend(record.headers.iter().map(|(key, value)| RecordHeader { key: key.as_bytes(), value: value.as_deref() }));
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            builder.push(record.timestamp.unwrap_or(now), key, value, &headers).map_err(Fault::bad_payload)?;
        }
        builder.finish().map_err(Fault::bad_payload)
    }
}
