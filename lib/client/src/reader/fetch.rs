//! Sending fetches, and what their answers mean.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;
use milena_record::{Batch, Control, Entry, Flaw, Records, split};
use milena_wire::{
    ErrorCode, FetchRequest, FetchResponse, Text, Uuid,
    fetch::{AbortedTransaction, PartitionData},
};

use super::{
    OutOfRange, Progress, Reader, ReaderConfig,
    message::unpack,
    session::{Session, Wanted},
};
use crate::{At, Cluster, Error, Lane, Node, Result, Retry};

/// Records of one partition, not yet unpacked.
pub(super) struct Fetched {
    at: usize,
    bytes: Bytes,
    aborted: Aborted,
}

/// What a fetch under way comes back with.
pub(super) struct Answer {
    node: i32,
    wanted: Vec<Wanted>,
    session: Session,
    result: Result<FetchResponse>,
}

const OFFSET_OUT_OF_RANGE: i16 = 1;
/// Fetched and not handed out: no more than this many answers' worth.
const READY_ANSWERS: usize = 2;

impl Reader {
    /// Sends a fetch to every broker that has none under way and leads something wanted.
    pub(super) async fn launch(&mut self) -> Result<()> {
        if self.ready_bytes >= READY_ANSWERS * self.config.max_bytes.max(1) as usize {
            return Ok(());
        }
        let now = Instant::now();
        let mut by_node: BTreeMap<i32, Vec<Wanted>> = BTreeMap::new();
        for at in 0..self.progress.len() {
            let progress = &self.progress[at];
            if progress.is_fetched() || progress.asked || progress.retry_at.is_some_and(|t| t > now) {
                continue;
            }
            let (topic, partition, offset) = (progress.topic.clone(), progress.partition, progress.fetch_at);
            match self.leader_and_id(&topic, partition).await {
                Ok((node, topic_id)) => {
                    self.progress[at].retry_at = None;
                    by_node.entry(node).or_default().push(Wanted { at, topic, topic_id, partition, offset });
                }
                Err(error) => self.trouble(at, error)?,
            }
        }
        for (node, wanted) in by_node {
            if self.under_way.insert(node) {
                wanted.iter().for_each(|w| self.progress[w.at].asked = true);
                let session = self.sessions.remove(&node).unwrap_or_default();
                let (cluster, config, lane) = (self.cluster.clone(), self.config.clone(), self.lane);
                self.tasks.spawn(async move { fetch(cluster, config, (node, lane), session, wanted).await });
            }
        }
        Ok(())
    }

    async fn leader_and_id(&self, topic: &Text, partition: i32) -> Result<(i32, Uuid)> {
        let leader = self.cluster.leader(topic, partition).await?;
        Ok((leader, self.cluster.topic(topic).await?.id))
    }

    pub(super) fn on_answer(&mut self, answer: Answer) -> Result<()> {
        let Answer { node, wanted, mut session, result } = answer;
        self.under_way.remove(&node);
        wanted.iter().for_each(|w| self.progress[w.at].asked = false);
        let response = result.and_then(|r| Error::check(r.error_code, None, || format!("fetch from broker {node}")).map(|()| r));
        match &response {
            Ok(response) if self.config.sessions => session.answered(response.session_id),
            Ok(_) => {}
            // 70, 71 and 106: the session is gone, which a whole fetch cures. Else what it heard is unknown.
            Err(_) => session.reset(),
        }
        self.sessions.insert(node, session);
        match response {
            Ok(response) => self.on_response(&wanted, response),
            Err(error) if matches!(error.code(), Some(ErrorCode(70 | 71 | 106))) => Ok(()),
            Err(error) => self.node_trouble(&wanted, &error),
        }
    }

    /// Answers are matched with what was asked, not with what is known of topics by now: that may have been forgotten.
    fn on_response(&mut self, wanted: &[Wanted], response: FetchResponse) -> Result<()> {
        let mut unnamed: HashSet<usize> = wanted.iter().map(|w| w.at).collect();
        let mut first_error = Ok(());
        for topic in response.responses {
            for data in topic.partitions {
                if let Some(w) = wanted.iter().find(|w| w.is(&topic.topic, topic.topic_id, data.partition_index)) {
                    unnamed.remove(&w.at);
                    first_error = first_error.and(self.on_partition(w.at, data));
                }
            }
        }
        // In a session, a partition of which there is nothing new is not named. That is a success too.
        unnamed.into_iter().for_each(|at| self.progress[at].failures = 0);
        first_error
    }

    fn on_partition(&mut self, at: usize, data: PartitionData) -> Result<()> {
        let progress = &mut self.progress[at];
        if progress.done {
            return Ok(());
        }
        let about = || format!("fetch from {}-{}", progress.topic, progress.partition);
        if data.error_code == OFFSET_OUT_OF_RANGE {
            return self.out_of_range(at);
        }
        if let Err(error) = Error::check(data.error_code, None, about) {
            return self.trouble(at, error);
        }
        progress.failures = 0;
        progress.high_watermark = data.high_watermark;
        progress.log_start = data.log_start_offset;
        progress.last_stable = data.last_stable_offset;
        let Some(bytes) = data.records.filter(|r| !r.is_empty()) else { return Ok(()) };
        match last_offset(&bytes) {
            Some(last) if last >= progress.fetch_at => progress.fetch_at = last + 1,
            Some(_) => return Ok(()),
            // Not one whole batch: a broker before KIP-74 and a batch larger than asked for.
            None => {
                progress.done = true;
                let flaw = Flaw::Truncated { needed: self.config.partition_bytes as usize + 1, present: bytes.len() };
                return Err(damaged(progress, flaw));
            }
        }
        self.ready_bytes += bytes.len();
        self.ready.push_back(Fetched { at, bytes, aborted: Aborted::new(data.aborted_transactions.unwrap_or_default()) });
        Ok(())
    }

    /// A partition's error: waited out if it passes, else final for it.
    pub(super) fn trouble(&mut self, at: usize, error: Error) -> Result<()> {
        let retry = self.cluster.config().retry;
        let progress = &mut self.progress[at];
        self.cluster.forget_topic(&progress.topic);
        progress.failures += 1;
        // What has rotted on a disk is not mended by asking again, whatever Kafka's table says of the code.
        let rotten = matches!(&error, Error::Server { code, .. } if *code == ErrorCode::CORRUPT_MESSAGE);
        match pause_after(retry, progress.failures).filter(|_| error.is_retriable() && !rotten) {
            Some(pause) => {
                progress.retry_at = Some(Instant::now() + pause);
                Ok(())
            }
            None => {
                progress.done = true;
                Err(error)
            }
        }
    }

    /// A broker's error concerns all that was asked of it, and nothing else: that is looked up and tried again.
    fn node_trouble(&mut self, wanted: &[Wanted], error: &Error) -> Result<()> {
        let mut first_error = Ok(());
        for w in wanted {
            if !self.progress[w.at].is_fetched() {
                first_error = first_error.and(self.trouble(w.at, error.clone()));
            }
        }
        first_error
    }

    fn out_of_range(&mut self, at: usize) -> Result<()> {
        // Both ends are asked for anew, since the answer has them at -1.
        let (cluster, policy) = (self.cluster.clone(), self.config.out_of_range);
        let progress = &mut self.progress[at];
        progress.done = policy == OutOfRange::Fail;
        // Nothing is fetched until the ends are known: `on_ends` clears it.
        progress.asked = true;
        let (topic, partition, offset) = (progress.topic.clone(), progress.partition, progress.fetch_at);
        let committed = self.config.committed;
        self.asking.spawn(async move {
            let ask = async |place: At| cluster.list_offsets(&[(topic.clone(), partition, place)], committed).await;
            let ends = match (ask(At::Start).await, ask(At::End).await) {
                (Ok(start), Ok(end)) => Ok((start[0].offset.unwrap_or(0), end[0].offset.unwrap_or(0))),
                (Err(error), _) | (_, Err(error)) => Err(error),
            };
            (at, offset, ends)
        });
        Ok(())
    }

    /// What out-of-range partitions do now that both ends are known.
    pub(super) fn on_ends(&mut self, at: usize, offset: i64, ends: Result<(i64, i64)>) -> Result<()> {
        let progress = &mut self.progress[at];
        progress.asked = false;
        let (start, end) = ends.inspect_err(|_| progress.done = true)?;
        let to = match self.config.out_of_range {
            OutOfRange::Fail => {
                let topic = progress.topic.as_str().into();
                return Err(Error::OutOfRange { topic, partition: progress.partition, offset, start, end });
            }
            OutOfRange::Nearest if offset > end => {
                // What comes first and was not asked for is left out when it is unpacked.
                (progress.fetch_at, progress.retry_at) = (end, None);
                return Ok(());
            }
            OutOfRange::Start | OutOfRange::Nearest => start,
            OutOfRange::End => end,
        };
        (progress.fetch_at, progress.position, progress.retry_at) = (to, to, None);
        // Whoever reads a stretch that lies behind the end is not given what lies in front of it.
        progress.done = progress.until.is_some_and(|until| to >= until || offset > end);
        Ok(())
    }

    /// Reads the records of the next batch that is ready. `false`: none is.
    pub(super) fn unpack_next(&mut self) -> Result<bool> {
        let Some(Fetched { at, bytes, mut aborted }) = self.ready.pop_front() else { return Ok(false) };
        self.ready_bytes -= bytes.len();
        // After damage nothing more of a partition is handed out: a reader must not jump over it unaware.
        if self.progress[at].done {
            return Ok(true);
        }
        let mut entries = split(&bytes);
        let Some(entry) = entries.next() else { return Ok(true) };
        let last = entry.as_ref().ok().and_then(|e| last_offset(e.bytes));
        if let Err(flaw) = entry.and_then(|entry| self.unpack_entry(at, &bytes, entry, &mut aborted)) {
            self.progress[at].done = true;
            return Err(damaged(&self.progress[at], flaw));
        }
        let progress = &mut self.progress[at];
        if let Some(last) = last {
            // Compaction and markers leave gaps that no record fills.
            if self.messages.is_empty() {
                progress.position = progress.position.max(last + 1);
            }
            progress.done = progress.until.is_some_and(|until| last + 1 >= until);
        }
        let rest = bytes.slice_ref(entries.rest());
        if !rest.is_empty() && !progress.done {
            self.ready_bytes += rest.len();
            self.ready.push_front(Fetched { at, bytes: rest, aborted });
        }
        Ok(true)
    }

    fn unpack_entry(&mut self, at: usize, bytes: &Bytes, entry: Entry<'_>, aborted: &mut Aborted) -> Result<(), Flaw> {
        let progress = &self.progress[at];
        if entry.magic == 2 {
            let batch = Batch::parse(entry.bytes)?;
            if self.config.verify {
                batch.check_crc()?;
            }
            let skip = self.config.committed && aborted.skips(&batch);
            if batch.header().is_control() || skip {
                return Ok(());
            }
        }
        let wanted = progress.position..progress.until.unwrap_or(i64::MAX);
        let messages = unpack(bytes, entry, &progress.topic, progress.partition, &self.config.limits)?;
        self.messages.extend(messages.into_iter().filter(|m| wanted.contains(&m.offset)).map(|m| (at, m)));
        Ok(())
    }
}

/// Which transactions in an answer were aborted (KIP-98): a producer's batches from the listed offset to its marker.
struct Aborted {
    /// By first offset, the last one first.
    listed: Vec<AbortedTransaction>,
    producers: HashSet<i64>,
}

impl Aborted {
    fn new(mut listed: Vec<AbortedTransaction>) -> Self {
        listed.sort_by_key(|a| std::cmp::Reverse(a.first_offset));
        Self { listed, producers: HashSet::new() }
    }

    fn skips(&mut self, batch: &Batch<'_>) -> bool {
        let header = batch.header();
        while let Some(next) = self.listed.pop_if(|a| a.first_offset <= header.last_offset()) {
            self.producers.insert(next.producer_id);
        }
        if header.is_control() {
            let marker = Records::new(&header, batch.raw_payload()).next().and_then(Result::ok);
            if marker.and_then(|m| m.key).and_then(Control::from_key) == Some(Control::Abort) {
                self.producers.remove(&header.producer_id());
            }
            return true;
        }
        header.is_transactional() && self.producers.contains(&header.producer_id())
    }
}

async fn fetch(cluster: Cluster, config: ReaderConfig, to: (i32, Lane), mut session: Session, wanted: Vec<Wanted>) -> Answer {
    let result = fetch_once(&cluster, &config, to, &mut session, &wanted).await;
    Answer { node: to.0, wanted, session, result }
}

async fn fetch_once(
    cluster: &Cluster,
    config: &ReaderConfig,
    (node, lane): (i32, Lane),
    session: &mut Session,
    wanted: &[Wanted],
) -> Result<FetchResponse> {
    let connection = cluster.connection(&Node::Id(node), lane).await?;
    let nameless = wanted.iter().any(|w| w.topic_id.is_nil());
    let version = connection.version_to::<FetchRequest>(if nameless { 12 } else { i16::MAX })?;
    let sessions = config.sessions && version >= 7;
    if !sessions {
        session.reset();
    }
    let (topics, forgotten) = session.ask(wanted, config.partition_bytes);
    let request = FetchRequest {
        max_wait_ms: config.max_wait.as_millis().min(i32::MAX as u128) as i32,
        min_bytes: config.min_bytes,
        max_bytes: config.max_bytes,
        isolation_level: i8::from(config.committed),
        session_id: session.id,
        // -1 asks for no session.
        session_epoch: if sessions { session.epoch } else { -1 },
        topics,
        forgotten_topics_data: forgotten,
        ..Default::default()
    };
    let patience = cluster.config().options.request_timeout + config.max_wait;
    connection.start(&request, version)?.within(patience).answer().await
}

/// How long to wait after so many failures in a row; `None` when patience has ended.
fn pause_after(retry: Retry, failures: u32) -> Option<Duration> {
    // The first five are quick; their pauses are not worth counting.
    let waited = retry.most.saturating_mul(failures.saturating_sub(5));
    (waited < retry.within).then(|| retry.doubled(failures.saturating_sub(1)))
}

/// The last offset that whole entries of a blob reach.
fn last_offset(blob: &[u8]) -> Option<i64> {
    let last = split(blob).map_while(Result::ok).last()?;
    match last.magic {
        2 => Batch::parse(last.bytes).ok().map(|b| b.header().last_offset()),
        _ => last.bytes.first_chunk().map(|o| i64::from_be_bytes(*o)),
    }
}

fn damaged(progress: &Progress, flaw: Flaw) -> Error {
    let (topic, partition, offset) = (progress.topic.as_str().into(), progress.partition, progress.position);
    Error::Damaged { topic, partition, offset, flaw }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends() {
        let millis = |failures| pause_after(Retry::default(), failures).map(|pause| pause.as_millis());
        assert_eq!([1, 2, 5, 6, 34, 35].map(millis), [Some(50), Some(100), Some(800), Some(1000), Some(1000), None]);
        assert_eq!(pause_after(Retry::NEVER, 1), None);
        assert!(pause_after(Retry { within: Duration::MAX, ..Retry::default() }, u32::MAX).is_some());
    }
}
