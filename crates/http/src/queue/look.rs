//! A look at messages that takes nothing: any number of people may look at the same ones, and no group notices.

use std::{sync::Arc, time::Duration};

use hyper::StatusCode;
use milena_node::{Partition, Slice, Topic, View};
use serde::Serialize;

use super::{
    Told,
    message::{ANSWER, Decode, Decoder, Enough, Raw, Shown, afforded},
    ok,
    trouble::Trouble,
};
use crate::{
    asked::Asked,
    memory::{Loan, Spent},
    serve::Door,
};

const MAX: usize = 500;
const WAIT_MS_MAX: u64 = 30_000;
/// Bytes of batches that are read at a time; one message is always shown, whatever its size.
const BYTES: usize = 1 << 20;

#[derive(Serialize)]
struct Seen {
    id: String,
    partition: i32,
    offset: i64,
    #[serde(flatten)]
    shown: Shown,
}

#[derive(Serialize)]
struct Looked {
    messages: Vec<Seen>,
    /// To be asked for next.
    next_offset: i64,
    start: i64,
    end: i64,
}

/// Which messages are wanted.
struct Wish {
    offset: i64,
    max: usize,
    wait: Duration,
    decode: Decode,
}

pub(super) async fn look(door: &Arc<Door>, topic: &str, partition: &str, asked: &Asked) -> Told {
    let topic = door.node.topic(topic).ok_or_else(|| Trouble::no_topic(topic))?;
    let partition = partition.parse().ok().and_then(|index| topic.partition(index)).ok_or_else(|| {
        let last = topic.partitions.len() - 1;
        let words = format!("the topic has partitions 0 to {last}, and no partition {partition:?}");
        Trouble::new(StatusCode::NOT_FOUND, "partition_not_found", words)
    })?;
    let view = partition.view().ok_or_else(|| Trouble::no_topic(topic.name.as_str()))?;
    let wish = Wish::of(asked, view)?;
    if wish.offset == view.stable && !wish.wait.is_zero() {
        door.node.wait(vec![(partition.clone(), view.high)], 1, wish.wait).await.map_err(Trouble::dead)?;
    }
    let view = partition.view().ok_or_else(|| Trouble::no_topic(topic.name.as_str()))?;
    let mut held = door.memory.loan();
    let found = read((door, &mut held), (&topic, partition), &wish, view.stable).await?;
    let mut decoder = Decoder::new(door, &topic, wish.decode);
    let mut messages = Vec::with_capacity(found.len());
    for raw in &found {
        let (index, offset) = (partition.index(), raw.offset);
        let id = format!("{}/{index}/{offset}", topic.name);
        messages.push(Seen { id, partition: index, offset, shown: decoder.shown(raw).await });
    }
    let next = found.last().map_or(wish.offset, |raw| raw.offset + 1);
    ok(&Looked { messages, next_offset: next, start: view.start, end: view.stable })
}

impl Wish {
    fn of(asked: &Asked, view: View) -> Result<Self, Trouble> {
        let number = |name: &str| match asked.query(name) {
            None => Ok(None),
            Some(text) => {
                text.parse::<u64>().map(Some).map_err(|_| Trouble::invalid(format!("{name} is a number, not {text:?}")))
            }
        };
        let max = number("max")?.unwrap_or(10);
        if !(1..=MAX as u64).contains(&max) {
            return Err(Trouble::invalid(format!("max is between 1 and {MAX}, not {max}")));
        }
        let wait = Duration::from_millis(number("wait_ms")?.unwrap_or(0).min(WAIT_MS_MAX));
        let decode = asked.query("decode").map_or(Ok(Decode::default()), Decode::named)?;
        Ok(Self { offset: offset(asked.query("offset"), view)?, max: max as usize, wait, decode })
    }
}

/// `earliest`, `latest`, an offset, or so many before the end.
fn offset(text: Option<&str>, view: View) -> Result<i64, Trouble> {
    let wanted = match text {
        None | Some("earliest") => return Ok(view.start),
        Some("latest") => return Ok(view.stable),
        Some(text) => text
            .parse::<i64>()
            .map_err(|_| Trouble::invalid(format!("offset is a number, earliest, latest, or -N for the last N, not {text:?}")))?,
    };
    match wanted {
        ..0 => Ok(view.stable.saturating_add(wanted).max(view.start)),
        before if before < view.start => {
            let words = format!("messages before offset {} are removed: retention or somebody deleted them", view.start);
            Err(Trouble::new(StatusCode::GONE, "removed", words))
        }
        beyond if beyond > view.stable => {
            Err(Trouble::invalid(format!("the partition ends at offset {}; {beyond} is not there yet", view.stable)))
        }
        there => Ok(there),
    }
}

/// Messages from an offset on, below `end`; at least one if there is any.
async fn read(
    (door, held): (&Door, &mut Loan),
    (topic, partition): (&Topic, &Partition),
    wish: &Wish,
    end: i64,
) -> Result<Vec<Raw>, Trouble> {
    let (mut next, mut found, mut left) = (wish.offset, Vec::new(), ANSWER);
    while next < end && found.is_empty() {
        let read = door.node.read(topic, partition, next, BYTES).await.map_err(Trouble::unread)?;
        for slice in &read.slices {
            let Slice::Memory(bytes) = slice else { continue };
            let enough = Enough { records: wish.max - found.len(), bytes: left, one: found.is_empty() };
            let so_far = (&mut *held, ANSWER - left);
            let read = afforded(so_far, bytes, |offset| (next..end).contains(&offset), enough).map_err(Trouble::damaged)?;
            left = left.saturating_sub(read.bytes);
            found.extend(read.records);
            if read.cut.is_some() {
                return if found.is_empty() { Err(Spent.into()) } else { Ok(found) };
            }
        }
        // Batches of nothing but gaps are passed over.
        next = (read.upto + 1).max(next + 1);
    }
    Ok(found)
}
