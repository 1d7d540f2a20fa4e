//! What a broker has, and whether a later broker has it too. Knows topics, records, positions of groups and queues; reads
//! them through the node, as clients would be answered.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::mpsc,
};

use milena_node::{
    Node, Partition, Slice, Topic, UNPACKED_MAX,
    engine::share::{At, Window},
};
use milena_record::{Batch, Limits, Records};

use crate::kit::{End, Inner, Kit, Trouble};

/// Topic and partition.
type Place = (String, i32);
/// Group, topic and partition.
type Reader = (String, String, i32);

/// Everything that clients were told is there, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Picture {
    partitions: BTreeMap<Place, Seen>,
    /// Where consumer groups go on.
    positions: BTreeMap<Reader, i64>,
    /// Where queues begin, and how many messages are not finished.
    queues: BTreeMap<Reader, (i64, i64)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    start: i64,
    high: i64,
    /// Offset, and a number that differs when key, value, headers or time do.
    records: Vec<(i64, u64)>,
}

/// What is missing; a line each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lost(pub Vec<String>);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        f.write_str(&self.0[..self.0.len().min(SHOWN)].join("; "))?;
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for Lost {}

impl Picture {
    /// How many records are in it.
    pub fn records(&self) -> usize {
        self.partitions.values().map(|seen| seen.records.len()).sum()
    }

    /// Whether everything of `before` is here: each record at its offset with its bytes, no position further back, no finished
    /// message back in its queue. What was trimmed meanwhile is not missed.
    pub fn holds(&self, before: &Picture) -> Result<(), Lost> {
        let mut lost = Vec::new();
        for (place, then) in &before.partitions {
            match self.partitions.get(place) {
                Some(now) => missing(place, then, now, &mut lost),
                None => lost.push(format!("{}-{} is gone, with {} records", place.0, place.1, then.records.len())),
            }
        }
        for ((group, topic, partition), then) in &before.positions {
            let now = self.positions.get(&(group.clone(), topic.clone(), *partition));
            if now.is_none_or(|now| now < then) {
                let now = now.map_or("has none".into(), |now| format!("is at {now}"));
                lost.push(format!("group {group} was at {then} of {topic}-{partition}, and {now}"));
            }
        }
        for (reader, then) in &before.queues {
            self.queue_holds(before, reader, *then, &mut lost);
        }
        if lost.is_empty() { Ok(()) } else { Err(Lost(lost)) }
    }

    fn queue_holds(&self, before: &Picture, reader: &Reader, (start, unfinished): (i64, i64), lost: &mut Vec<String>) {
        let (group, topic, partition) = reader;
        let place = (topic.clone(), *partition);
        let high = |picture: &Picture| picture.partitions.get(&place).map_or(0, |seen| seen.high);
        let came = (high(self) - high(before)).max(0);
        match self.queues.get(reader) {
            None => lost.push(format!("queue {group} of {topic}-{partition} is gone")),
            Some((now, _)) if *now < start => {
                lost.push(format!("queue {group} began at {start} of {topic}-{partition}, and begins at {now}"));
            }
            Some((_, now)) if *now > unfinished + came => lost.push(format!(
                "queue {group} had {unfinished} messages to do in {topic}-{partition}, and has {now}: finished ones came back"
            )),
            Some(_) => {}
        }
    }
}

fn missing((topic, partition): &Place, then: &Seen, now: &Seen, lost: &mut Vec<String>) {
    let here: BTreeMap<i64, u64> = now.records.iter().copied().collect();
    for (offset, digest) in then.records.iter().filter(|(offset, _)| *offset >= now.start) {
        match here.get(offset) {
            Some(same) if same == digest => {}
            Some(_) => lost.push(format!("{topic}-{partition}@{offset} has other bytes")),
            None => lost.push(format!("{topic}-{partition}@{offset} is gone")),
        }
    }
    if now.high < then.high {
        lost.push(format!("{topic}-{partition} ended at {}, and ends at {}", then.high, now.high));
    }
}

impl Kit {
    /// Everything that clients were told is there, now.
    pub fn picture(&self) -> Result<Picture, Trouble> {
        self.inner.picture()
    }

    /// Kills the broker, starts it again, and says what it had and has no more. Clients may be at work meanwhile.
    pub fn nothing_lost_across_restart(&self) -> Result<Picture, Trouble> {
        self.inner.nothing_lost_across(End::Kill)
    }

    /// The same over a power cut: what is in the picture must have been synced.
    pub fn nothing_lost_across_power_cut(&self) -> Result<Picture, Trouble> {
        self.inner.nothing_lost_across(End::Power)
    }
}

impl Inner {
    /// Asks the node on a thread of its own, and waits.
    pub(crate) fn ask<R, F>(&self, question: impl FnOnce(Node) -> F + Send + 'static) -> Result<R, Trouble>
    where
        R: Send + 'static,
        F: Future<Output = R> + 'static,
    {
        let live = self.live().ok_or(Trouble::Down)?;
        let (tell, told) = mpsc::channel();
        let node = live.node.clone();
        live.node.runtimes().spawn_on(0, move || async move {
            // Who asked may have given up.
            let _ = tell.send(question(node).await);
        });
        told.recv().map_err(|_| Trouble::Down)
    }

    pub(crate) fn picture(&self) -> Result<Picture, Trouble> {
        self.ask(take)?.map_err(Trouble::Other)
    }

    pub(crate) fn nothing_lost_across(&self, end: End) -> Result<Picture, Trouble> {
        let before = self.picture()?;
        self.end(end)?;
        self.start()?;
        let after = self.picture()?;
        after.holds(&before).map_err(|lost| Trouble::Other(lost.to_string()))?;
        Ok(before)
    }
}

async fn take(node: Node) -> Result<Picture, String> {
    let mut picture = Picture::default();
    // Readers first: a position that is taken later may be ahead of the records.
    for group in node.groups() {
        let lags = node.lags(&group.name).await.map_err(|dead| dead.to_string())?;
        for lag in lags.unwrap_or_default() {
            picture.positions.insert((group.name.to_string(), lag.topic.to_string(), lag.partition), lag.position);
        }
    }
    for topic in node.topics() {
        for partition in topic.partitions.iter() {
            for share in node.shares() {
                if let Some(queue) = queue(&node, &share.name, &topic, partition).await? {
                    picture.queues.insert((share.name.to_string(), topic.name.to_string(), partition.index()), queue);
                }
            }
            picture.partitions.insert((topic.name.to_string(), partition.index()), seen(&node, &topic, partition).await?);
        }
    }
    Ok(picture)
}

/// Where a queue begins, and how much is left to do.
async fn queue(node: &Node, group: &str, topic: &Topic, partition: &Partition) -> Result<Option<(i64, i64)>, String> {
    let Some(view) = partition.view() else { return Ok(None) };
    let (at, window) = (At { topic: topic.id, partition: partition.index() }, Window { start: view.start, end: view.stable });
    let depth = node.ask_share(group, |share| share.depth(at, window)).await.map_err(|dead| dead.to_string())?;
    Ok(depth.flatten().map(|depth| (depth.start, depth.unfinished)))
}

async fn seen(node: &Node, topic: &Topic, partition: &Partition) -> Result<Seen, String> {
    const AT_ONCE: usize = 1 << 20;
    let view = partition.view().ok_or("a partition went away meanwhile")?;
    let mut seen = Seen { start: view.start, high: view.high, records: Vec::new() };
    let mut from = view.start;
    while from < view.high {
        let found = node.read(topic, partition, from, AT_ONCE).await.map_err(|error| error.to_string())?;
        if found.bytes == 0 {
            break;
        }
        for slice in &found.slices {
            let Slice::Memory(bytes) = slice else { continue };
            digest(bytes, &mut seen.records).map_err(|flaw| format!("{}-{}: {flaw}", topic.name, partition.index()))?;
        }
        from = found.upto + 1;
    }
    seen.records.retain(|(offset, _)| (view.start..view.high).contains(offset));
    Ok(seen)
}

fn digest(bytes: &[u8], into: &mut Vec<(i64, u64)>) -> Result<(), String> {
    for entry in milena_record::split(bytes) {
        let entry = entry.map_err(|flaw| flaw.to_string())?;
        let batch = Batch::parse(entry.bytes).map_err(|flaw| flaw.to_string())?;
        let payload = batch.payload(&Limits::new(UNPACKED_MAX)).map_err(|flaw| flaw.to_string())?;
        for record in Records::new(&batch.header(), &payload) {
            let record = record.map_err(|flaw| flaw.to_string())?;
            let mut hasher = DefaultHasher::new();
            (record.timestamp, record.key, record.value).hash(&mut hasher);
            record.headers.for_each(|header| (header.key, header.value).hash(&mut hasher));
            into.push((record.offset, hasher.finish()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(start: i64, records: &[(i64, u64)]) -> Picture {
        let high = records.last().map_or(start, |(offset, _)| offset + 1);
        let seen = Seen { start, high, records: records.to_vec() };
        Picture { partitions: [(("t".into(), 0), seen)].into(), ..Picture::default() }
    }

    #[test]
    fn what_is_gone_or_changed_is_named() {
        let before = one(0, &[(0, 7), (1, 8), (2, 9)]);
        assert_eq!(one(0, &[(0, 7), (1, 8), (2, 9), (3, 1)]).holds(&before), Ok(()));
        assert_eq!(one(2, &[(2, 9)]).holds(&before), Ok(()), "what was trimmed is not missed");
        let lost = one(0, &[(0, 7), (1, 80)]).holds(&before).unwrap_err();
        assert_eq!(lost.0, ["t-0@1 has other bytes", "t-0@2 is gone", "t-0 ended at 3, and ends at 2"]);
        assert!(Picture::default().holds(&before).unwrap_err().to_string().contains("t-0 is gone, with 3 records"));
    }

    #[test]
    fn positions_and_queues_do_not_go_back() {
        let reader = || ("g".to_string(), "t".to_string(), 0);
        let with = |position, queue| Picture {
            positions: [(reader(), position)].into(),
            queues: [(reader(), queue)].into(),
            ..one(0, &[(0, 7), (1, 8)])
        };
        let before = with(2, (1, 1));
        assert_eq!(with(2, (1, 1)).holds(&before), Ok(()));
        assert_eq!(with(3, (2, 0)).holds(&before), Ok(()));
        assert_eq!(with(1, (1, 1)).holds(&before).unwrap_err().0, ["group g was at 2 of t-0, and is at 1"]);
        assert!(with(2, (0, 1)).holds(&before).unwrap_err().to_string().contains("began at 1"));
        assert!(with(2, (1, 2)).holds(&before).unwrap_err().to_string().contains("finished ones came back"));
    }
}
