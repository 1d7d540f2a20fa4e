//! Messages pushed as server-sent events: a worker that keeps one connection open instead of asking again and again. At
//! most `credit` messages are out at a time; they are settled by POST like any other. Closing the stream gives back what
//! is not settled, and that counts as a delivery: whoever died at a message shall not meet it for ever.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, HeaderValue},
};
use milena_node::{
    Node,
    engine::{
        group::MemberId,
        share::{At, Dropping},
    },
};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::{
    Told,
    message::Decode,
    receive::{MAX, Message, Receive, Work},
    trouble::Trouble,
};
use crate::{
    answer::{Sender, stream},
    asked::Asked,
    serve::Door,
};

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
/// So often a worker hears that the stream lives when nothing else happens.
const BEAT: Duration = Duration::from_secs(15);
/// When there was no memory for the next message, it is asked for again after this long.
const AGAIN: Duration = Duration::from_secs(1);
/// A lease that has less than this left when it is seen for the last time has run out by itself.
const SLACK: Duration = Duration::from_millis(50);

/// Messages that streams have out: whose, where, and whether their worker has said what became of them. One that a stream
/// holds no more without such a word was taken away.
#[derive(Default)]
pub(crate) struct Pushed(Mutex<HashMap<(MemberId, At, i64), bool>>);

impl Pushed {
    fn hold(&self) -> MutexGuard<'_, HashMap<(MemberId, At, i64), bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// A word about messages is about to be told. What is no stream's is nobody's business here.
    pub(super) fn said(&self, node: &Node, group: &str, places: impl Iterator<Item = (At, i64)>) {
        if self.hold().is_empty() {
            return;
        }
        for (at, offset) in places {
            let Some((owner, _)) = node.share_holder(group, at, offset) else { continue };
            if let Some(said) = self.hold().get_mut(&(owner, at, offset)) {
                *said = true;
            }
        }
    }
}

/// Messages that are out: in order of their deliveries.
type Out = VecDeque<Sent>;

/// One message that is out. What it says is gone by then.
struct Sent {
    id: String,
    lease: String,
    place: (At, i64),
    /// When its lease ends, as far as is known.
    ends: Instant,
}

pub(super) async fn follow(door: &Arc<Door>, topic: &str, group: &str, asked: &Asked) -> Told {
    let number = |name: &str| match asked.query(name) {
        None => Ok(None),
        Some(text) => text.parse::<i64>().map(Some).map_err(|_| Trouble::invalid(format!("{name} is a number, not {text:?}"))),
    };
    let credit = number("credit")?.unwrap_or(1);
    if !(1..=MAX).contains(&credit) {
        return Err(Trouble::invalid(format!("credit is between 1 and {MAX}, not {credit}")));
    }
    let decode = asked.query("decode").map_or(Ok(Decode::default()), Decode::named)?;
    let wish = Receive { lease_ms: number("lease_ms")?, decode, ..Receive::default() };
    let work = Work::begin(door, topic, group, wish).await?;
    let (sender, mut answer) = stream(&door.memory, StatusCode::OK, EVENTS);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    tokio::task::spawn_local(async move {
        let mut out = Out::new();
        push(&work, credit, &sender, &mut out).await;
        for sent in &out {
            forget(&work, sent.place);
        }
        let dropping = Dropping { member: work.owner.clone(), failed: true, only: Vec::new() };
        let _ = work.door.node.share_drop(&work.group, dropping).await;
    });
    Ok(answer)
}

/// Runs until the worker goes away or nothing more can be taken.
async fn push(work: &Work, credit: i64, sender: &Sender, out: &mut Out) {
    let mut beat = Instant::now() + BEAT;
    // The head of the answer goes out with its first bytes.
    let mut text = String::from(": messages as they come\n\n");
    loop {
        work.let_go();
        if !text.is_empty() {
            beat = Instant::now() + BEAT;
            if sender.send(Bytes::from(std::mem::take(&mut text))).await.is_err() {
                return;
            }
        }
        let (seen, freed) = work.seen();
        look_after(work, out, &mut text);
        let room = credit - out.len() as i64;
        let taken = if room > 0 { work.take(room).await } else { Ok(Vec::new()) };
        let busy = taken.as_ref().is_err_and(Trouble::is_busy);
        match taken {
            Ok(messages) => messages.into_iter().for_each(|message| give(work, message, out, &mut text)),
            // Whoever follows is not sent away for it, since that would count as a failure of what is out.
            Err(_) if busy => {}
            Err(trouble) => {
                event(&mut text, "error", &trouble.shown());
                let _ = sender.send(Bytes::from(text)).await;
                return;
            }
        }
        if !text.is_empty() {
            continue;
        }
        let patience = patience(out, beat);
        let changes = async {
            match room > 0 {
                _ if busy => tokio::time::sleep(AGAIN).await,
                true => drop(work.door.node.share_wait(&work.group, freed, &seen, patience).await),
                // With no room left, only what becomes of the messages that are out matters.
                false => work.door.node.share_stirred(&work.group, patience, || still_out(work, out)).await,
            }
        };
        tokio::select! {
            () = sender.closed() => return,
            () = changes => {}
        }
        if Instant::now() >= beat {
            event(&mut text, "keepalive", &json!({}));
        }
    }
}

/// Until the first lease that is out ends, or the next sign of life is due.
fn patience(out: &Out, beat: Instant) -> Duration {
    let first = out.iter().map(|sent| sent.ends + SLACK).min();
    let until = first.map_or(beat, |ends| ends.min(beat));
    until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

fn give(work: &Work, message: Message, out: &mut Out, text: &mut String) {
    event(text, "message", &message);
    let place = message.place();
    let left = message.lease_expires_at - work.door.node.now().wall;
    let ends = Instant::now() + Duration::from_millis(left.max(0) as u64);
    work.door.pushed.hold().insert((work.owner.clone(), place.0, place.1), false);
    out.push_back(Sent { id: message.id, lease: message.lease, place, ends });
}

/// Whether everything that is out is still this worker's.
fn still_out(work: &Work, out: &Out) -> bool {
    out.iter().all(|sent| left_ms(work, sent).is_some())
}

/// Whether its worker has said something of the message. It is asked once.
fn forget(work: &Work, (at, offset): (At, i64)) -> bool {
    work.door.pushed.hold().remove(&(work.owner.clone(), at, offset)).unwrap_or(false)
}

/// Takes out what was settled, and tells of leases that ended otherwise.
fn look_after(work: &Work, out: &mut Out, text: &mut String) {
    let now = Instant::now();
    out.retain_mut(|sent| match left_ms(work, sent) {
        Some(left) => {
            sent.ends = now + Duration::from_millis(left as u64);
            true
        }
        None => {
            // Who settles a message knows that; whose time is over may not, and nobody else's doing is known to the worker.
            let (said, over) = (forget(work, sent.place), now + SLACK >= sent.ends);
            if over || !said {
                let reason = if over { "the lease ran out" } else { "the group, or its topic, was reset or deleted" };
                event(text, "revoked", &json!({ "id": sent.id, "lease": sent.lease, "reason": reason }));
            }
            false
        }
    });
}

fn left_ms(work: &Work, sent: &Sent) -> Option<i64> {
    let (at, offset) = sent.place;
    let (owner, left) = work.door.node.share_holder(&work.group, at, offset)?;
    (owner == work.owner).then_some(left)
}

fn event(text: &mut String, name: &str, data: &impl Serialize) {
    // Compact JSON has no line ends, so that one line is the whole event.
    let data = serde_json::to_string(data).unwrap_or_default();
    *text += &format!("event: {name}\ndata: {data}\n\n");
}
