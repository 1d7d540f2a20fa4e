//! The easy way to write: records go into batches, batches to leaders, in order and without doubles within a session.
//!
//! One batch of a partition is under way at a time, and grows while it waits: order survives any retry, and a busy
//! partition makes large batches by itself. With acks=all every batch carries a producer id and sequence numbers, so that a
//! retry whose first try did arrive is recognised by the broker.

mod identity;
mod queue;
mod sender;

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use milena_record::Compression;
use milena_wire::Text;
use tokio::sync::{Notify, Semaphore, oneshot};

use crate::{Cluster, Error, Result};
pub use milena_record::{murmur2, partition_of_key};
use queue::{State, Waiting};

/// When a record counts as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acks {
    /// As soon as it is sent. Nothing is known about it, not even its offset.
    None,
    /// When the leader has it.
    Leader,
    /// When every replica in sync has it.
    All,
}

impl Acks {
    fn wire(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

/// How a producer works.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    pub acks: Acks,
    /// Recognise doubles of retries. Only with [`Acks::All`].
    pub idempotent: bool,
    pub compression: Compression,
    /// How long a batch waits for company. Zero still makes batches while an earlier one is under way.
    pub linger: Duration,
    /// A batch is full at this many bytes before compression.
    pub batch_bytes: usize,
    /// Most bytes of batches in one request.
    pub request_bytes: usize,
    /// Most bytes waiting in memory; [`Producer::send`] waits for room.
    pub buffer_bytes: usize,
    /// A record that is not acknowledged after this long has failed.
    pub delivery_timeout: Duration,
    /// How long a topic may be unknown before its records fail: it may just be coming into being.
    pub topic_wait: Duration,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            idempotent: true,
            compression: Compression::NONE,
            linger: Duration::ZERO,
            batch_bytes: 512 << 10,
            request_bytes: 8 << 20,
            buffer_bytes: 32 << 20,
            delivery_timeout: Duration::from_secs(60),
            topic_wait: Duration::from_secs(3),
        }
    }
}

/// One record to be written.
#[derive(Clone, Debug, Default)]
pub struct NewRecord {
    pub topic: Text,
    /// `None`: by the key's hash, as Java has it; without a key, batch by batch to any.
    pub partition: Option<i32>,
    pub key: Option<Bytes>,
    /// `None` is a tombstone.
    pub value: Option<Bytes>,
    pub headers: Vec<(Bytes, Option<Bytes>)>,
    /// Milliseconds since 1970; `None`: now.
    pub timestamp: Option<i64>,
}

impl NewRecord {
    pub fn new(topic: impl Into<Text>, value: impl Into<Bytes>) -> Self {
        Self { topic: topic.into(), value: Some(value.into()), ..Self::default() }
    }
    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(k, v)| k.len() + v.as_ref().map_or(0, Bytes::len) + 4).sum();
        // Length, attributes, time, offset and counts take about this.
        24 + self.key.as_ref().map_or(0, Bytes::len) + self.value.as_ref().map_or(0, Bytes::len) + headers
    }
}

/// Where a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub topic: Text,
    pub partition: i32,
    /// `None` where the broker did not say: acks=0, or a retry of something it has.
    pub offset: Option<i64>,
    /// The record's time, which is the broker's under log append time.
    pub timestamp: i64,
}

/// The fate of one record. Dropping it does not recall the record.
#[must_use = "the record's fate is only known to this future"]
#[derive(Debug)]
pub struct Delivery(oneshot::Receiver<Result<Placed>>);

impl Future for Delivery {
    type Output = Result<Placed>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or(Err(Error::Gone)))
    }
}

/// Writes records. Dropping it abandons what is not sent; [`Producer::close`] does not.
pub struct Producer {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    cluster: Cluster,
    config: ProducerConfig,
    state: Mutex<State>,
    /// The sender has something to look at.
    wake: Notify,
    /// Something was finished.
    finished: Notify,
    /// Bytes that may still be taken in.
    room: Semaphore,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody sends any more: whoever waits for room, for a fate or for a flush is told so.
    fn abandon(&self) {
        self.room.close();
        let mut state = self.state();
        state.closed = true;
        state.queues.iter_mut().for_each(|queue| queue.batches.clear());
        drop(state);
        self.finished.notify_waiters();
    }
}

impl Producer {
    /// A producer on this runtime. Connects when there is something to send.
    pub fn new(cluster: Cluster, mut config: ProducerConfig) -> Self {
        config.idempotent &= config.acks == Acks::All;
        // A semaphore counts to 2^29 at least on every platform.
        config.buffer_bytes = config.buffer_bytes.clamp(1, 1 << 29);
        let shared = Arc::new(Shared {
            room: Semaphore::new(config.buffer_bytes),
            cluster,
            config,
            state: Mutex::default(),
            wake: Notify::new(),
            finished: Notify::new(),
        });
        let task = tokio::spawn(sender::run(shared.clone()));
        Self { shared, task }
    }

    /// Takes a record in, waiting for room and for the topic to be known. The result tells its fate.
    ///
    /// Records of one partition are written in the order of these calls.
    pub async fn send(&self, record: NewRecord) -> Result<Delivery> {
        let size = record.size();
        let limit = self.shared.config.buffer_bytes;
        if size > limit {
            return Err(Error::RecordTooLarge { size, limit });
        }
        let topic = self.topic(&record.topic).await?;
        let room = self.shared.room.acquire_many(size as u32).await.map_err(|_| Error::Gone)?;
        let (done, fate) = oneshot::channel();
        let mut state = self.shared.state();
        if state.closed || self.task.is_finished() {
            return Err(Error::Gone);
        }
        let partition = state.partition(&topic, &record)?;
        // Given back when the record is finished.
        room.forget();
        let timestamp = record.timestamp.unwrap_or_else(now);
        state.push(&self.shared.config, partition, Waiting { record, timestamp, size, done });
        drop(state);
        self.shared.wake.notify_one();
        Ok(Delivery(fate))
    }

    /// Sends and waits for the acknowledgement.
    pub async fn write(&self, record: NewRecord) -> Result<Placed> {
        self.send(record).await?.await
    }

    /// Sends everything taken in so far without lingering, and waits until each has its fate.
    pub async fn flush(&self) {
        let generation = self.shared.state().flush();
        self.shared.wake.notify_one();
        loop {
            let finished = self.shared.finished.notified();
            tokio::pin!(finished);
            // Registered before the look, so that nothing is missed between them.
            finished.as_mut().enable();
            let over = {
                let state = self.shared.state();
                state.is_flushed(generation) || state.closed
            };
            if over || self.task.is_finished() {
                return;
            }
            finished.await;
        }
    }

    /// Flushes and stops.
    pub async fn close(self) {
        self.flush().await;
    }

    /// The topic, waited for a little when it is not there: creation takes a moment to be seen.
    async fn topic(&self, name: &Text) -> Result<Arc<crate::Topic>> {
        let cluster = &self.shared.cluster;
        let retry = crate::Retry { within: self.shared.config.topic_wait, ..cluster.config().retry };
        let trace = cluster.config().options.trace.clone();
        let mut backoff = crate::Backoff::new(retry, format!("topic {:?}", &**name), trace);
        loop {
            match cluster.topic(name).await {
                Err(error) if error.code().is_some_and(|c| c.0 == 3) => backoff.pause_for(error).await?,
                other => return other,
            }
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.task.abort();
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}
