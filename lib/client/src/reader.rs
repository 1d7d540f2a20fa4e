//! The easy way to read: ranges of offset and time, without a group and without a trace on the broker.
//!
//! One fetch a broker is under way, in a fetch session (KIP-227), and the next is sent while the last one's records are
//! handed out. Batches are unpacked one at a time, when their turn comes.

mod fetch;
mod message;
mod plan;
mod session;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use milena_record::Limits;
use milena_wire::Text;
use tokio::task::JoinSet;

use crate::{Cluster, Error, Lane, Result};
use fetch::Fetched;
pub use message::{BatchView, Message};
use session::Session;

/// Where reading begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum From {
    /// The first record that is kept.
    #[default]
    Start,
    /// What comes from now on.
    End,
    /// This offset.
    Offset(i64),
    /// This many offsets behind the first that is kept, in each partition.
    After(i64),
    /// This many records before the end, in each partition.
    Last(i64),
    /// The first record at this time or later, in milliseconds since 1970.
    Time(i64),
}

/// Where reading ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Until {
    /// The end of the log as it is when reading begins.
    #[default]
    End,
    /// Never: wait for more.
    Never,
    /// In front of this offset, or at the end of the log as it is when reading begins, whichever comes first.
    Offset(i64),
    /// In front of this offset; one that is not there yet is waited for.
    Awaited(i64),
    /// In front of the first record at this time or later.
    Time(i64),
}

/// Which part of a topic to read.
#[derive(Clone, Debug)]
pub struct Selection {
    pub topic: Text,
    /// `None`: all.
    pub partitions: Option<Vec<i32>>,
    pub from: From,
    pub until: Until,
}

impl Selection {
    /// All that is there now.
    pub fn all(topic: impl Into<Text>) -> Self {
        Self { topic: topic.into(), partitions: None, from: From::Start, until: Until::End }
    }
}

/// What to do when the wanted offset is not in the log (any more).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutOfRange {
    /// [`Error::OutOfRange`] says what there is.
    Fail,
    /// Go on at the start of the log.
    Start,
    /// Go on at its end.
    End,
    /// Go on at the start if the offset is gone; wait at the end if it is not there yet.
    Nearest,
}

/// How a reader works.
#[derive(Clone, Debug)]
pub struct ReaderConfig {
    /// Leave out what transactions have not committed.
    pub committed: bool,
    /// How long the broker waits for something to send.
    pub max_wait: Duration,
    /// For this many bytes it does not wait.
    pub min_bytes: i32,
    /// Most bytes of one answer, and of one partition in it.
    pub max_bytes: i32,
    pub partition_bytes: i32,
    pub out_of_range: OutOfRange,
    /// Compare checksums.
    pub verify: bool,
    /// What unpacking one batch may cost: its bytes unpacked, and the messages made of them.
    pub limits: Limits,
    /// Use fetch sessions.
    pub sessions: bool,
}

impl Default for ReaderConfig {
    fn default() -> Self {
        Self {
            committed: false,
            max_wait: Duration::from_millis(500),
            min_bytes: 1,
            max_bytes: 16 << 20,
            partition_bytes: 1 << 20,
            out_of_range: OutOfRange::Fail,
            verify: true,
            limits: Limits::new(256 << 20),
            sessions: true,
        }
    }
}

/// How far one partition is read.
#[derive(Clone, Debug)]
pub struct Progress {
    pub topic: Text,
    pub partition: i32,
    /// Where reading began.
    pub from: i64,
    /// The next offset that will be handed out.
    pub position: i64,
    /// Where reading ends, if it does.
    pub until: Option<i64>,
    /// The end and the start of the log as last heard; -1 before the first answer.
    pub high_watermark: i64,
    pub log_start: i64,
    /// One past the last record that no open transaction can take back.
    pub last_stable: i64,
    /// Nothing more will come.
    pub done: bool,
    /// What fetches ask for next.
    fetch_at: i64,
    /// A fetch of it is under way, or the question where its ends are: until that is answered nothing else is asked about it,
    /// so that no record comes twice.
    asked: bool,
    retry_at: Option<Instant>,
    /// In a row.
    failures: u32,
}

/// Which partition, the offset that is not there, and the start and end of its log.
type Ends = (usize, i64, Result<(i64, i64)>);

/// Reads records.
pub struct Reader {
    cluster: Cluster,
    config: ReaderConfig,
    progress: Vec<Progress>,
    /// Fetched and not yet unpacked.
    ready: VecDeque<Fetched>,
    ready_bytes: usize,
    /// Unpacked and not yet handed out.
    messages: VecDeque<(usize, Message)>,
    tasks: JoinSet<fetch::Answer>,
    /// Partitions whose ends are being asked for, because their position is in neither.
    asking: JoinSet<Ends>,
    under_way: HashSet<i32>,
    sessions: HashMap<i32, Session>,
    /// Its fetches wait at the broker, and must not stand before others'.
    lane: Lane,
}

impl Reader {
    /// Finds out where to begin and end.
    pub async fn open(cluster: Cluster, selections: &[Selection], config: ReaderConfig) -> Result<Self> {
        let progress = plan::plan(&cluster, selections, config.committed).await?;
        Ok(Self::at(cluster, progress, config))
    }

    pub(crate) fn at(cluster: Cluster, progress: Vec<Progress>, config: ReaderConfig) -> Self {
        Self {
            cluster,
            config,
            progress,
            ready: VecDeque::new(),
            ready_bytes: 0,
            messages: VecDeque::new(),
            tasks: JoinSet::new(),
            asking: JoinSet::new(),
            under_way: HashSet::new(),
            sessions: HashMap::new(),
            lane: Lane::own(),
        }
    }

    /// How far each partition is.
    pub fn progress(&self) -> &[Progress] {
        &self.progress
    }

    /// The next record; `None` when every partition is at its end. Records of one partition come in order.
    ///
    /// An error is about one partition or one broker; after it, reading may go on with the others. May be dropped at any
    /// await.
    pub async fn next(&mut self) -> Result<Option<Message>> {
        loop {
            if let Some((at, message)) = self.messages.pop_front() {
                self.progress[at].position = message.offset + 1;
                return Ok(Some(message));
            }
            if self.unpack_next()? {
                continue;
            }
            if self.progress.iter().all(|p| p.done) && self.asking.is_empty() {
                return Ok(None);
            }
            self.fetch().await?;
        }
    }

    /// What is there without waiting for the broker.
    pub fn next_now(&mut self) -> Result<Option<Message>> {
        while self.messages.is_empty() && self.unpack_next()? {}
        Ok(self.messages.pop_front().map(|(at, message)| {
            self.progress[at].position = message.offset + 1;
            message
        }))
    }

    /// Sends what should be sent, and takes one answer or one pause.
    async fn fetch(&mut self) -> Result<()> {
        self.launch().await?;
        let wake = self.progress.iter().filter(|p| !p.done && !p.asked).filter_map(|p| p.retry_at).min();
        let pause = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            answer = self.tasks.join_next(), if !self.tasks.is_empty() => match answer {
                Some(Ok(answer)) => {
                    self.on_answer(answer)?;
                    // The next one travels while this one's records are handed out.
                    self.launch().await
                }
                _ => Err(Error::Gone),
            },
            Some(Ok((at, offset, ends))) = self.asking.join_next(), if !self.asking.is_empty() => self.on_ends(at, offset, ends),
            () = pause, if wake.is_some() => Ok(()),
            else => Ok(()),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.cluster.close_lane(self.lane);
    }
}
