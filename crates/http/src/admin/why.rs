//! Why a reader finds nothing: one sentence a partition. A reader is a consumer group, a REST instance of it, or a queue
//! (share group). Looks, and judges nothing.

use milena_node::{
    Lag, Partition, Topic, View,
    engine::{
        instance::Instances,
        settings::topic::GapPolicy,
        share::{At, Depth, Held, Window},
        unread::UnreadRemoved,
    },
};
use serde_json::{Value, json};

use super::readers::{find, line, stopped};
use crate::{
    answer::{Answer, Problem, json},
    serve::Door,
};

/// Runs of leased records that are looked at for the lease that ends first.
const LEASES: usize = 1_000;

/// Who asks.
enum Reader<'a> {
    Nobody,
    /// There is no group of the name.
    Unknown,
    Group {
        name: &'a str,
        lags: Vec<Lag>,
    },
    Queue(&'a str),
}

/// How a queue stands in a partition.
#[derive(Clone, Debug)]
struct Queue {
    depth: Depth,
    by_key: bool,
    paused: bool,
    full: bool,
    /// Milliseconds until the first lease ends, and until the first delay is over.
    lease_ends: Option<i64>,
    delay_ends: Option<i64>,
}

/// What a REST instance was given and its group has not committed.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Given {
    instance: String,
    /// The next offset that it will be given.
    upto: i64,
}

/// `GET topics/{name}/why?group=G`
pub(super) async fn answer(door: &Door, name: &str, group: Option<&str>) -> Result<Answer, Problem> {
    let topic = find(door, name)?;
    let reader = reader(door, group).await?;
    let lost = door.node.unread(Some(name)).await.map_err(stopped)?;
    let mut partitions = Vec::with_capacity(topic.partitions.len());
    for partition in topic.partitions.iter() {
        let Some(view) = partition.view() else { continue };
        let missed = lost.iter().rev().find(|line| line.partition == partition.index() && of(line, group));
        let mut shown = match &reader {
            Reader::Queue(queue) => of_queue(door, queue, partition, view).await?,
            Reader::Group { name, lags } => of_group(door, name, lags, (&topic, partition), view).await?,
            Reader::Nobody | Reader::Unknown => json!({"position": null, "waiting": null, "because": of_nobody(view)}),
        };
        shown["partition"] = partition.index().into();
        (shown["start"], shown["end"], shown["readable"]) = (view.start.into(), view.high.into(), view.stable.into());
        shown["removed_unread"] = missed.map_or(Value::Null, line);
        partitions.push(shown);
    }
    let group_known = group.map(|_| !matches!(reader, Reader::Unknown));
    let kind = match reader {
        Reader::Queue(_) => Some("queue"),
        Reader::Group { .. } => Some("consumer"),
        Reader::Nobody | Reader::Unknown => None,
    };
    Ok(json(&json!({"topic": name, "group": group, "group_known": group_known, "kind": kind, "partitions": partitions})))
}

async fn reader<'a>(door: &Door, group: Option<&'a str>) -> Result<Reader<'a>, Problem> {
    let Some(name) = group else { return Ok(Reader::Nobody) };
    if let Some(lags) = door.node.lags(name).await.map_err(stopped)? {
        return Ok(Reader::Group { name, lags });
    }
    if door.node.ask_share(name, |_| ()).await.map_err(stopped)?.is_some() {
        return Ok(Reader::Queue(name));
    }
    let instances = door.node.ask_instances(|all| all.of_group(name).next().is_some()).await.map_err(stopped)?;
    Ok(if instances { Reader::Group { name, lags: Vec::new() } } else { Reader::Unknown })
}

fn of(line: &UnreadRemoved, group: Option<&str>) -> bool {
    group.is_none_or(|group| line.groups.iter().any(|(name, _)| &**name == group))
}

async fn of_group(
    door: &Door,
    group: &str,
    lags: &[Lag],
    (topic, partition): (&Topic, &Partition),
    view: View,
) -> Result<Value, Problem> {
    let here = |lag: &&Lag| lag.topic == topic.name && lag.partition == partition.index();
    let position = lags.iter().find(here).map(|lag| lag.position);
    let at = (topic.id, partition.index());
    let given = door.node.ask_instances(|all| given(all, group, at, position)).await.map_err(stopped)?;
    let mut because = of_reader(view, position, group, topic.settings.gap_policy);
    if let Some(Given { instance, upto }) = &given {
        let (from, more) = (position.unwrap_or(view.start), (view.high - upto).max(0));
        because = format!(
            "the REST instance {instance} was given everything before {upto} and has not committed it (the group stands at {from}; ?redeliver=true gives it again); {more} more records wait for it"
        );
    }
    Ok(json!({
        "position": position,
        "waiting": position.map(|position| (view.high - position.max(view.start)).max(0)),
        "because": because,
        "given_to": given.map(|given| json!({"instance": given.instance, "upto": given.upto})),
    }))
}

/// The instance that was given most of a partition without its group having committed it.
fn given(all: &Instances, group: &str, at: (milena_node::engine::ids::TopicId, i32), position: Option<i64>) -> Option<Given> {
    let of = |(name, instance): (&std::sync::Arc<str>, &milena_node::engine::instance::Instance)| {
        let upto = *instance.positions.get(&at)?;
        let from = position.or_else(|| instance.begins.get(&at).copied()).unwrap_or(0);
        (upto > from).then(|| Given { instance: name.to_string(), upto })
    };
    all.of_group(group).filter_map(of).max_by_key(|given| given.upto)
}

async fn of_queue(door: &Door, group: &str, partition: &Partition, view: View) -> Result<Value, Problem> {
    let at = At { topic: partition.topic(), partition: partition.index() };
    let (window, now) = (Window { start: view.start, end: view.stable }, door.node.now());
    let standing = door.node.ask_share(group, |share| {
        let held = share.held(now, at, LEASES);
        let first = |leased: bool| held.iter().filter(|h: &&Held| h.owner.is_some() == leased).map(|h| h.left_ms).min();
        let (lease_ends, delay_ends) = (first(true), first(false));
        let depth = share.depth(at, window)?;
        let (rules, full) = (share.rules(), !share.has_locks(at));
        Some(Queue { depth, by_key: rules.by_key, paused: rules.paused, full, lease_ends, delay_ends })
    });
    let Some(queue) = standing.await.map_err(stopped)?.flatten() else {
        return Ok(
            json!({"position": null, "waiting": null, "because": format!("{group} has not begun with this partition: it does at its next receive")}),
        );
    };
    let wall = |left: Option<i64>| left.map(|ms| now.wall + ms);
    Ok(json!({
        "position": queue.depth.start,
        "waiting": queue.free(),
        "because": queue.because(view),
        "leased": queue.depth.held,
        "lease_ends_at": wall(queue.lease_ends),
        "delayed": queue.depth.delayed,
        "delay_ends_at": wall(queue.delay_ends),
        "dead_letters_waiting": queue.depth.condemned,
        "lost_to_retention": queue.depth.lost,
    }))
}

impl Queue {
    /// Records that nobody works on and that wait for nothing.
    fn free(&self) -> i64 {
        let Depth { unfinished, held, delayed, condemned, .. } = self.depth;
        (unfinished - held - delayed - condemned).max(0)
    }

    fn because(&self, view: View) -> String {
        let Depth { unfinished, held, delayed, condemned, lost, .. } = self.depth;
        let seconds = |ms: Option<i64>| ms.map_or_else(|| "later".into(), |ms| format!("in {} s", ms.div_euclid(1_000) + 1));
        match () {
            () if unfinished == 0 && view.high == 0 => "nothing was ever written here".into(),
            () if unfinished == 0 && view.stable < view.high => open(view.stable),
            () if unfinished == 0 && lost > 0 => {
                format!(
                    "the end is reached: nothing waits up to {}, and {lost} records were removed before the queue was done with them",
                    view.stable
                )
            }
            () if unfinished == 0 => format!("the end is reached: the queue is done with everything up to {}", view.stable),
            () if self.paused => format!("the queue is paused: {} records wait until it is resumed", self.free()),
            () if self.free() > 0 && self.depth.choked => {
                format!(
                    "{condemned} records are given up and wait for their dead letters, as many as may: until some are written the {} others are not handed out",
                    self.free()
                )
            }
            () if self.free() > 0 && self.full => {
                format!(
                    "{held} records are leased, as many as the queue may lease of a partition; the first lease ends {}",
                    seconds(self.lease_ends)
                )
            }
            () if self.free() > 0 && self.by_key && held > 0 => {
                format!(
                    "{} records can be taken, but those whose keys are leased: {held} are, and the first lease ends {}",
                    self.free(),
                    seconds(self.lease_ends)
                )
            }
            () if self.free() > 0 => format!("{} records can be taken", self.free()),
            () if held > 0 => {
                format!(
                    "all are leased: {held} records, of which the first is free again {} unless it is settled before",
                    seconds(self.lease_ends)
                )
            }
            () if delayed > 0 => {
                format!("{delayed} records wait until their delay is over, the first {}", seconds(self.delay_ends))
            }
            () => format!("{condemned} records are given up and wait for their dead letters"),
        }
    }
}

fn open(from: i64) -> String {
    format!("offsets from {from} belong to a transaction that is still open")
}

fn of_nobody(view: View) -> String {
    let View { start, high, stable, .. } = view;
    match () {
        () if high == 0 => "nothing was ever written here".into(),
        () if start == high => format!("all {high} records were removed; the next one gets offset {high}"),
        () if stable < high => {
            format!(
                "offsets {start} to {} can be read; with isolation.level=read_committed only up to {}, for a transaction is open there",
                high - 1,
                stable - 1
            )
        }
        () => format!("offsets {start} to {} can be read", high - 1),
    }
}

/// One sentence of a partition for a consumer group.
fn of_reader(view: View, position: Option<i64>, group: &str, gap: GapPolicy) -> String {
    let View { start, high, stable, .. } = view;
    match position {
        _ if high == 0 || start == high => of_nobody(view),
        None => {
            format!(
                "{group} has no position here: its auto.offset.reset decides (earliest: {start}, latest: {high} and nothing yet)"
            )
        }
        Some(at) if at < start && gap == GapPolicy::Next => {
            format!("the group stands at {at}, and everything before {start} was removed: it goes on there")
        }
        Some(at) if at < start => {
            format!("the group stands at {at}, and everything before {start} was removed: its auto.offset.reset decides")
        }
        Some(at) if at > high => format!("the group stands at {at}, behind the end, {high}: its auto.offset.reset decides"),
        Some(at) if at == high => format!("the end is reached: the group has read everything up to {high}"),
        Some(at) if at >= stable => open(at),
        Some(at) => format!("the group stands at {at}: {} records wait for it", high - at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(start: i64, stable: i64, high: i64) -> View {
        View { start, stable, high, epoch: 0 }
    }

    fn says(because: &str, words: &str) {
        assert!(because.contains(words), "{because:?} does not say {words:?}");
    }

    #[test]
    fn every_reason_of_a_reader_has_its_words() {
        let of = |view, position| of_reader(view, position, "g", GapPolicy::Error);
        says(&of(view(0, 0, 0), None), "nothing was ever written");
        says(&of(view(5, 5, 5), Some(3)), "all 5 records were removed");
        says(&of_nobody(view(0, 5, 5)), "offsets 0 to 4 can be read");
        says(&of_nobody(view(0, 3, 5)), "with isolation.level=read_committed only up to 2");
        says(&of(view(2, 5, 5), None), "g has no position here");
        says(&of(view(2, 5, 5), Some(1)), "everything before 2 was removed: its auto.offset.reset decides");
        says(&of_reader(view(2, 5, 5), Some(1), "g", GapPolicy::Next), "everything before 2 was removed: it goes on there");
        says(&of(view(0, 5, 5), Some(9)), "behind the end, 5");
        says(&of(view(0, 5, 5), Some(5)), "the end is reached");
        says(&of(view(0, 3, 5), Some(3)), "a transaction that is still open");
        says(&of(view(0, 5, 5), Some(2)), "3 records wait for it");
    }

    #[test]
    fn every_reason_of_a_queue_has_its_words() {
        let at = |unfinished, held, delayed, condemned| Queue {
            depth: Depth { unfinished, held, delayed, condemned, ..Depth::default() },
            by_key: false,
            paused: false,
            full: false,
            lease_ends: Some(29_500),
            delay_ends: Some(900),
        };
        let because = |queue: Queue| queue.because(view(0, 5, 5));
        says(&at(0, 0, 0, 0).because(view(0, 0, 0)), "nothing was ever written");
        says(&at(0, 0, 0, 0).because(view(0, 3, 5)), "a transaction that is still open");
        says(&because(at(0, 0, 0, 0)), "the end is reached: the queue is done with everything up to 5");
        let lost = Queue { depth: Depth { lost: 4, ..Depth::default() }, ..at(0, 0, 0, 0) };
        says(&because(lost), "nothing waits up to 5, and 4 records were removed before the queue was done with them");
        says(&because(at(5, 2, 1, 0)), "2 records can be taken");
        says(&because(Queue { by_key: true, ..at(5, 2, 0, 0) }), "but those whose keys are leased: 2 are");
        says(&because(Queue { paused: true, ..at(5, 2, 0, 0) }), "the queue is paused: 3 records wait");
        let choked = Queue { full: true, depth: Depth { choked: true, ..at(5, 0, 0, 3).depth }, ..at(5, 0, 0, 3) };
        says(&because(choked), "3 records are given up and wait for their dead letters, as many as may");
        says(&because(Queue { full: true, ..at(5, 2, 0, 0) }), "as many as the queue may lease");
        says(&because(at(3, 3, 0, 0)), "all are leased: 3 records, of which the first is free again in 30 s");
        says(&because(at(2, 0, 2, 0)), "2 records wait until their delay is over, the first in 1 s");
        says(&because(at(1, 0, 0, 1)), "1 records are given up");
    }
}
