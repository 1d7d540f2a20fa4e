//! `GET …/records`: a fetch. It answers as soon as there is something, never leaves out a record because it is large or
//! cannot be decoded, and notes what it gives before it gives it.
//!
//! | asks | with |
//! |---|---|
//! | how long to wait, how much | `timeout`, `max_bytes`, `max_records` |
//! | everything again that was not committed | `redeliver=true` |
//! | the last answer again, because it was lost | the header `Fetch-Id` as it was sent with it or came in it |
//! | headers and timestamps too | `meta=true` |

use std::time::Duration;

use hyper::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};
use milena_node::{
    Node,
    engine::{
        ids::Uuid,
        instance::{Command, Deliver, Delivered, Instance, InstanceKey, Reading, Refusal, Reply},
    },
};
use tokio::time::Instant;

use super::{
    reading::{self, Plan, Want},
    shown::{Gathered, Limits},
};
use crate::{
    answer::{Answer, bytes},
    asked::Asked,
    rest::{
        fault::{Fault, Told},
        media,
    },
    serve::Door,
};

/// No fetch waits longer.
const PATIENCE_MAX: Duration = Duration::from_secs(30);
/// While a fetch waits it looks this often whether its partitions are still the same.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// However soon instances are to be taken for silent, a fetch that waits looks no more often.
const WINK: Duration = Duration::from_millis(20);
/// While nothing is there to wait at (the topic does not exist yet), it looks this often.
const LOOK_FOR_TOPICS: Duration = Duration::from_millis(100);
/// The most bytes of one answer, of its keys and values and of its text, and what is given when nothing is said.
const BYTES_MAX: usize = 16 << 20;
/// Plans that others made void before a fetch gives up.
const TRIES: usize = 100;

const FETCH_ID: HeaderName = HeaderName::from_static("fetch-id");
const WHY_EMPTY: HeaderName = HeaderName::from_static("why-empty");
const DATA_LOSS: HeaderName = HeaderName::from_static("x-data-loss");

/// What a fetch asks for.
struct Wish {
    patience: Duration,
    limits: Limits,
    min_bytes: usize,
    /// The client's name for it.
    fetch: Option<String>,
}

pub(super) async fn answer(door: &Door, asked: Asked, key: InstanceKey) -> Told<Answer> {
    let node = &door.node;
    let instance = reading::find(node, &key).await?;
    media::judge_accept_of(&asked.headers, instance.settings.format)?;
    let wish = Wish::of(&asked, &instance)?;
    let turn = match node.instances(Command::Fetch(key.clone())).await?? {
        Reply::Turn(turn) => turn,
        other => unreachable!("a fetch is answered with its turn, not {other:?}"),
    };
    // Looked at anew: up to here an older request of the same name could be answered.
    if let Some(again) = repeated(door, &reading::find(node, &key).await?, &wish).await? {
        return Ok(again);
    }
    if asked.query("redeliver") == Some("true") {
        node.instances(Command::Rewind(key.clone())).await??;
    } else if instance.settings.auto_commit {
        // Whoever asks for more has dealt with what it got.
        reading::commit_delivered(door, &key, asked.peer.writer(node).0).await?;
    }
    fetch(door, (&key, turn), &wish).await
}

impl Wish {
    fn of(asked: &Asked, instance: &Instance) -> Told<Self> {
        let number = |name: &str| -> Told<Option<u64>> {
            let Some(text) = asked.query(name) else { return Ok(None) };
            match text.parse::<i64>() {
                // -1 is the proxy's word for nothing in particular.
                Ok(-1) => Ok(None),
                Ok(number) if number >= 0 => Ok(Some(number as u64)),
                _ => Err(Fault::plain(StatusCode::BAD_REQUEST, format!("{name} is a whole number from 0, not {text:?}"))),
            }
        };
        let settings = &instance.settings;
        let patience = Duration::from_millis(number("timeout")?.unwrap_or(settings.timeout_ms.into())).min(PATIENCE_MAX);
        let size = |number: Option<u64>| number.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let of_instance = (settings.max_records > 0).then_some(settings.max_records as usize);
        let limits = Limits {
            // 0 is no bound of the client's, as in the proxy.
            bytes: size(number("max_bytes")?.filter(|bytes| *bytes > 0)).unwrap_or(BYTES_MAX).clamp(1, BYTES_MAX),
            text: BYTES_MAX,
            records: size(number("max_records")?).or(of_instance).unwrap_or(usize::MAX).max(1),
            format: settings.format,
            meta: asked.query("meta") == Some("true"),
        };
        let min_bytes = (settings.min_bytes as usize).min(limits.bytes);
        Ok(Self { patience, limits, min_bytes, fetch: asked.header(&FETCH_ID).map(str::to_owned) })
    }
}

/// The answer that was given under this name, once more.
async fn repeated(door: &Door, instance: &Instance, wish: &Wish) -> Told<Option<Answer>> {
    let Some(last) = instance.last.as_ref().filter(|last| wish.fetch.as_deref() == Some(&*last.name)) else {
        return Ok(None);
    };
    let node = &door.node;
    let mut gathered = Gathered::new(door, Limits { bytes: usize::MAX, text: usize::MAX, records: usize::MAX, ..wish.limits });
    for range in &last.ranges {
        let Some(topic) = node.topic_by_id(range.topic) else { continue };
        let Some(partition) = topic.partition(range.partition).cloned() else { continue };
        let Some(view) = partition.view() else { continue };
        let from = range.from.max(view.start);
        let lost_from = (from > range.from).then_some(range.from);
        gathered.take(&Want { topic, partition, view, from, lost_from }, range.to).await?;
    }
    Ok(Some(written(gathered, Some(&last.name), None)))
}

/// Nothing, since this is not the newest fetch: who asked last, or made the instance again, gets what comes.
async fn overtaken(door: &Door, key: &InstanceKey, wish: &Wish) -> Told<Answer> {
    // Unless the newer one is the same request again.
    match repeated(door, &reading::find(&door.node, key).await?, wish).await? {
        Some(again) => Ok(again),
        None => Ok(written(Gathered::new(door, wish.limits), None, Some("overtaken"))),
    }
}

async fn fetch(door: &Door, (key, turn): (&InstanceKey, u64), wish: &Wish) -> Told<Answer> {
    let node = &door.node;
    let deadline = Instant::now() + wish.patience;
    for _ in 0..TRIES {
        let (plan, gathered) = loop {
            let plan = Plan::of(door, key).await?;
            if plan.instance.reading == Reading::Nothing {
                return Err(Fault::illegal_state("Consumer is not subscribed to any topics or assigned any partitions"));
            }
            if plan.instance.turn != turn {
                return overtaken(door, key, wish).await;
            }
            let gathered = gather(door, &plan, wish).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            if gathered.is_enough(wish.min_bytes) || left.is_zero() {
                break (plan, gathered);
            }
            let missing = wish.min_bytes.saturating_sub(gathered.bytes());
            drop(gathered);
            wait(node, key, &plan, (missing, left)).await?;
            // Who waits is awake, and takes over from others who are not any more.
            node.instances(Command::Call(key.clone())).await??;
        };
        if gathered.ranges().is_empty() {
            if plan.instance.voided {
                node.instances(Command::Tell(key.clone())).await??;
            }
            let why = why_empty(door, &plan).await?;
            return Ok(written(gathered, None, Some(why)));
        }
        let fetch = wish.fetch.clone().unwrap_or_else(|| Uuid::new_v4().simple().to_string());
        let deliver = Deliver {
            key: key.clone(),
            version: plan.instance.version,
            turn,
            fetch: fetch.as_str().into(),
            ranges: gathered.ranges().to_vec(),
        };
        match node.instances(Command::Deliver(deliver)).await? {
            Ok(_) => return Ok(written(gathered, Some(&fetch), None)),
            Err(Refusal::Stale) => {}
            Err(Refusal::Overtaken) => return overtaken(door, key, wish).await,
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(Refusal::Stale.into())
}

async fn gather<'d>(door: &'d Door, plan: &Plan, wish: &Wish) -> Told<Gathered<'d>> {
    let mut gathered = Gathered::new(door, wish.limits);
    // Another partition is first each time, so that a busy one cannot starve the others.
    let first = plan.instance.version as usize % plan.wants.len().max(1);
    let (before, after) = plan.wants.split_at(first.min(plan.wants.len()));
    for want in after.iter().chain(before) {
        gathered.take(want, want.view.high).await?;
    }
    Ok(gathered)
}

/// Until there is something more to give, or another instance has been silent for so long that its partitions can be had.
async fn wait(node: &Node, key: &InstanceKey, plan: &Plan, (missing, left): (usize, Duration)) -> Told<()> {
    let silent = node.ask_instances(|instances| instances.silent_at(key)).await?;
    let ms = silent.map_or(u64::MAX, |at| at.saturating_sub(node.now().wall).max(0).unsigned_abs());
    // Its own signs of life are not to be missed either.
    let beat = u64::from(plan.instance.settings.idle_ms / 2);
    let left = left.min(Duration::from_millis(ms.min(beat)).max(WINK));
    let at: Vec<_> = plan.wants.iter().map(|want| (want.partition.clone(), want.view.high)).collect();
    if at.is_empty() {
        tokio::time::sleep(left.min(LOOK_FOR_TOPICS)).await;
    } else {
        node.wait(at, missing.max(1), left.min(LOOK_AGAIN)).await?;
    }
    Ok(())
}

async fn why_empty(door: &Door, plan: &Plan) -> Told<&'static str> {
    Ok(match plan.wants.as_slice() {
        [] if reading::topics(door, &plan.instance.reading).await?.is_empty() => "no-such-topic",
        [] => "no-partition-is-this-instances",
        _ => "end-reached",
    })
}

fn written(gathered: Gathered<'_>, fetch: Option<&str>, why: Option<&'static str>) -> Answer {
    let format = gathered.format();
    let lost: Vec<String> = gathered.lost().to_vec();
    let mut answer = bytes(StatusCode::OK, media::of_records(format), gathered.end());
    let headers = answer.headers_mut();
    if let Some(value) = fetch.and_then(|name| HeaderValue::from_str(name).ok()) {
        headers.insert(FETCH_ID, value);
    }
    if let Some(why) = why {
        headers.insert(WHY_EMPTY, HeaderValue::from_static(why));
    }
    for value in lost.iter().filter_map(|lost| HeaderValue::from_str(lost).ok()) {
        headers.append(DATA_LOSS, value);
    }
    answer
}

/// A range that was just read.
pub(super) fn range(want: &Want, to: i64) -> Delivered {
    // What was lost is dealt with as well: it is told once, and not again after a restart.
    let from = want.lost_from.unwrap_or(want.from);
    Delivered { topic: want.topic.id, partition: want.partition.index(), from, to }
}
