//! What happened, in order: connections, requests and answers as they went over the wire, and the faults between them.
//! Knows frames and names of APIs; what a message means is for whoever reads it.

use std::{
    collections::VecDeque,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use milena_wire::{api, frame};
use serde::Serialize;

/// Of each frame so many bytes are kept at most.
pub(crate) const KEPT: usize = 64 << 10;
/// Frames and events that are kept at most; beyond it the oldest go.
const BYTES: usize = 32 << 20;
const EVENTS: usize = 100_000;

/// Something that happened, and when, counted from the start of the kit.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: Duration,
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// A Kafka client connected.
    Connected { connection: u64, peer: SocketAddr },
    /// It asked.
    Asked(Asked),
    /// It was answered: the answer's bytes were given to its socket.
    Answered(Answered),
    /// Its connection ended, and why if it was the kit who ended it.
    Closed { connection: u64, cut: bool },
    /// A request over HTTP, and the status that it was answered with; `None` when the broker died over it.
    Http { peer: SocketAddr, method: String, path: String, status: Option<u16> },
    /// What the kit did to the broker.
    Fault(String),
}

/// A Kafka request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub connection: u64,
    pub correlation: i32,
    /// Its name in the protocol, such as `Produce`.
    pub api: &'static str,
    pub key: i16,
    pub version: i16,
    pub client: Option<String>,
    /// Bytes of the frame.
    pub bytes: usize,
    /// The frame without its length, for `milena_wire::frame::open`; its first 64 KiB when it is longer.
    pub frame: Bytes,
}

/// The answer to one.
#[derive(Clone, Debug)]
pub struct Answered {
    pub connection: u64,
    pub correlation: i32,
    pub api: &'static str,
    pub bytes: usize,
    pub frame: Bytes,
}

impl Asked {
    /// What the head of a request says. `None` for what is no request.
    pub(crate) fn of(connection: u64, start: &[u8], bytes: usize) -> Option<Self> {
        let (key, version, correlation) = frame::peek(start)?;
        let frame = Bytes::copy_from_slice(start);
        let client = frame::open(frame.clone()).ok().and_then(|(head, _)| head.client_id).map(|id| id.to_string());
        let api = api(key).map_or("unknown", |api| api.name);
        Some(Self { connection, correlation, api, key, version, client, bytes, frame })
    }
}

impl What {
    fn weight(&self) -> usize {
        match self {
            Self::Asked(asked) => asked.frame.len(),
            Self::Answered(answered) => answered.frame.len(),
            Self::Http { path, .. } => path.len(),
            Self::Fault(words) => words.len(),
            Self::Connected { .. } | Self::Closed { .. } => 0,
        }
    }
}

impl fmt::Display for Event {
    /// One line, as a person reads a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3} ms  ", self.at.as_secs_f64() * 1e3)?;
        match &self.what {
            What::Connected { connection, peer } => write!(f, "#{connection} connected from {peer}"),
            What::Asked(a) => {
                let client = a.client.as_deref().unwrap_or("-");
                write!(f, "#{} {client} asked {} v{} ({}), {} bytes", a.connection, a.api, a.version, a.correlation, a.bytes)
            }
            What::Answered(a) => {
                write!(f, "#{} was answered {} ({}), {} bytes", a.connection, a.api, a.correlation, a.bytes)
            }
            What::Closed { connection, cut } => write!(f, "#{connection} {}", if *cut { "was cut" } else { "closed" }),
            What::Http { peer, method, path, status } => {
                let status = status.map_or("no answer".into(), |status| status.to_string());
                write!(f, "{peer} {method} {path}: {status}")
            }
            What::Fault(words) => write!(f, "** {words}"),
        }
    }
}

/// The same for programs of any language.
#[derive(Serialize)]
pub(crate) struct Shown {
    at_ms: f64,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    words: String,
}

impl From<&Event> for Shown {
    fn from(event: &Event) -> Self {
        let (what, connection) = match &event.what {
            What::Connected { connection, .. } => ("connected", Some(*connection)),
            What::Asked(asked) => ("asked", Some(asked.connection)),
            What::Answered(answered) => ("answered", Some(answered.connection)),
            What::Closed { connection, cut: true } => ("cut", Some(*connection)),
            What::Closed { connection, cut: false } => ("closed", Some(*connection)),
            What::Http { .. } => ("http", None),
            What::Fault(_) => ("fault", None),
        };
        let words = event.to_string().trim_start().to_string();
        let mut shown = Shown {
            at_ms: event.at.as_secs_f64() * 1e3,
            what,
            connection,
            api: None,
            version: None,
            client: None,
            correlation: None,
            bytes: None,
            words,
        };
        match &event.what {
            What::Asked(asked) => {
                (shown.api, shown.version, shown.client) = (Some(asked.api), Some(asked.version), asked.client.clone());
                (shown.correlation, shown.bytes) = (Some(asked.correlation), Some(asked.bytes));
            }
            What::Answered(answered) => {
                (shown.api, shown.correlation) = (Some(answered.api), Some(answered.correlation));
                shown.bytes = Some(answered.bytes);
            }
            _ => {}
        }
        shown
    }
}

/// Everything that clients did since the kit started, or since it was cleared.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Inner>);

struct Inner {
    begin: Instant,
    events: Mutex<Events>,
}

#[derive(Default)]
pub(crate) struct Events {
    kept: VecDeque<Event>,
    bytes: usize,
    /// How many went to make room.
    forgotten: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self(Arc::new(Inner { begin: Instant::now(), events: Mutex::default() }))
    }
}

/// The record, held: what is done meanwhile is in it before anybody can look.
pub(crate) struct Pen<'a> {
    begin: Instant,
    events: MutexGuard<'a, Events>,
}

impl Pen<'_> {
    pub(crate) fn note(&mut self, what: What) {
        let events = &mut *self.events;
        events.bytes += what.weight();
        events.kept.push_back(Event { at: self.begin.elapsed(), what });
        while events.bytes > BYTES || events.kept.len() > EVENTS {
            let Some(oldest) = events.kept.pop_front() else { break };
            events.bytes -= oldest.what.weight();
            events.forgotten += 1;
        }
    }
}

impl Recorder {
    pub(crate) fn pen(&self) -> Pen<'_> {
        Pen { events: self.hold(), begin: self.0.begin }
    }

    pub(crate) fn note(&self, what: What) {
        self.pen().note(what);
    }

    pub(crate) fn fault(&self, words: impl Into<String>) {
        self.note(What::Fault(words.into()));
    }

    /// What is kept, and how many older events went to make room.
    pub(crate) fn all(&self) -> (Vec<Event>, u64) {
        let events = self.hold();
        (events.kept.iter().cloned().collect(), events.forgotten)
    }

    pub(crate) fn clear(&self) {
        *self.hold() = Events::default();
    }

    fn hold(&self) -> MutexGuard<'_, Events> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts a stream into frames, keeping the begin of each.
#[derive(Default)]
pub(crate) struct Frames {
    prefix: Vec<u8>,
    left: usize,
    whole: usize,
    kept: Vec<u8>,
}

impl Frames {
    /// Takes what went over the wire, and tells of each frame that is whole now: its begin, and how long it was.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut see: impl FnMut(&[u8], usize)) {
        while !bytes.is_empty() {
            if self.left == 0 {
                let take = bytes.len().min(4 - self.prefix.len());
                self.prefix.extend_from_slice(&bytes[..take]);
                bytes = &bytes[take..];
                let Some(prefix) = self.prefix.first_chunk::<4>() else { return };
                // What is no length is no frame either: the broker will say so and close.
                self.left = usize::try_from(i32::from_be_bytes(*prefix)).unwrap_or(0);
                self.whole = self.left;
                self.prefix.clear();
                self.kept.clear();
                continue;
            }
            let take = bytes.len().min(self.left);
            let keep = take.min(KEPT - self.kept.len());
            self.kept.extend_from_slice(&bytes[..keep]);
            self.left -= take;
            bytes = &bytes[take..];
            if self.left == 0 {
                see(&self.kept, self.whole);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(pieces: &[&[u8]]) -> Vec<(Vec<u8>, usize)> {
        let (mut cutter, mut seen) = (Frames::default(), Vec::new());
        for piece in pieces {
            cutter.feed(piece, |kept, len| seen.push((kept.to_vec(), len)));
        }
        seen
    }

    #[test]
    fn frames_are_found_however_the_stream_is_cut() {
        let stream = b"\0\0\0\x02ab\0\0\0\x01c\0\0\0\0\0\0\0\x01d";
        let expected = vec![(b"ab".to_vec(), 2), (b"c".to_vec(), 1), (b"d".to_vec(), 1)];
        for size in 1..=stream.len() {
            assert_eq!(frames(&stream.chunks(size).collect::<Vec<_>>()), expected, "pieces of {size}");
        }
    }

    #[test]
    fn of_a_long_frame_the_begin_is_kept() {
        let mut stream = (KEPT as u32 + 10).to_be_bytes().to_vec();
        stream.extend(vec![7; KEPT + 10]);
        let seen = frames(&[&stream]);
        assert_eq!((seen[0].0.len(), seen[0].1), (KEPT, KEPT + 10));
        assert!(frames(&[&[0xff; 64]]).is_empty(), "a length below zero is no frame");
    }

    #[test]
    fn the_oldest_events_make_room() {
        let recorder = Recorder::default();
        (0..EVENTS + 5).for_each(|n| recorder.note(What::Closed { connection: n as u64, cut: false }));
        let (events, forgotten) = recorder.all();
        assert_eq!((events.len(), forgotten), (EVENTS, 5));
        assert!(matches!(events[0].what, What::Closed { connection: 5, .. }));
    }
}
