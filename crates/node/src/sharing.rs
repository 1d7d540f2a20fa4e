//! Verbs on share groups, as doors call them: take records, say what became of them, be a member. Knows how to read what is
//! taken and how to wait for more; who may have what is the engine's judgement.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use milena_engine::{
    group::MemberId,
    ids::{TopicId, Uuid},
    machine::Machine,
    share::{
        self, Acknowledge, Acquire, At, Beat, Beaten, Command, Description, Dropping, Granted, KEY_LEN, LeaseOutcome, Refusal,
        Reply, Rules, Settle, Share, Start, Window,
    },
};
use milena_record::{Batch, Header, Limits, Records, crc32c};
use milena_store::{Class, ReadError, Slice};

use crate::{
    intake::UNPACKED_MAX,
    node::Node,
    noun::NoRoom,
    offsets::Sought,
    partition::{Partition, View},
    release::Dead,
    shares::{LEAVING, ShareCell, is_there},
    topics::Topic,
    wait::{Crowd, Waiting, Woken},
};

/// What a share group answers: judged and durable, or not even tried.
pub type ShareTold<T> = Result<Result<T, Refusal>, NoRoom>;

/// Looks for records to take behind those whose keys are busy, where keys are in order: all that was read may be of one.
const LOOKS_BY_KEY: usize = 32;
/// Bytes that are read at a time then, whatever is wished: they are looked through, not given.
const REACH_BY_KEY: usize = 1 << 20;
/// Records that others may take at the same moment: so many more than are wished are looked at.
const BESIDE: i64 = 64;
/// What would drop letters that are still to be written looks so often whether they are, and after so long.
const LETTERS_LOOKS: usize = 100;
const LETTERS_LOOK: Duration = Duration::from_millis(20);
/// Less than this is not worth a second look.
const REACH_MIN: usize = 4 << 10;

/// A wish for records of one partition.
#[derive(Clone, Debug)]
pub struct Take {
    pub topic: Arc<Topic>,
    pub partition: i32,
    pub owner: MemberId,
    /// Records at most.
    pub max: i64,
    /// Not one more, even if that cuts a batch.
    pub strictly: bool,
    /// Bytes of whole batches to read at most; one batch is read whatever its size.
    pub max_bytes: usize,
    pub lock_ms: Option<i64>,
}

/// Taken records, in the whole batches that hold them.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    pub granted: Granted,
    pub batches: Bytes,
}

/// Why nothing can be taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TakeRefusal {
    #[error("the partition is gone")]
    Gone,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}
impl From<Dead> for TakeRefusal {
    fn from(dead: Dead) -> Self {
        Self::NoRoom(dead.into())
    }
}

/// A share group in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareListing {
    pub name: Arc<str>,
    pub state: &'static str,
    pub members: usize,
}

/// A secret of 244 random bits.
fn drawn() -> [u8; KEY_LEN] {
    let mut drawn = [0; KEY_LEN];
    drawn[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    drawn[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    drawn
}

impl Node {
    /// What holds for a share group.
    pub(crate) fn share_rules(&self, name: &str) -> Rules {
        Rules::of(&self.config(), name)
    }

    /// ShareGroupHeartbeat. `beat.topics` is filled in here. The group has begun with every partition of the topics that
    /// its members read before this is answered.
    pub async fn share_beat(&self, group: &str, mut beat: Beat) -> ShareTold<Beaten> {
        let cell = match self.share_cell(group) {
            Ok(cell) => cell,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut names: Vec<Arc<str>> = cell.state.hold().noun.machine.reads().cloned().collect();
        names.extend(beat.subscribed.iter().flatten().cloned());
        names.sort_unstable();
        names.dedup();
        let topics: Vec<Arc<Topic>> = names.iter().filter_map(|name| self.topic(name)).collect();
        let known = |t: &Arc<Topic>| (Arc::from(t.name.as_str()), (t.id, t.partitions.len() as u32));
        beat.topics = topics.iter().map(known).collect();
        let leaves = beat.epoch < 0;
        let beaten = match self.share_command(group, &Command::Beat(beat)).await? {
            Ok(Reply::Beaten(beaten)) => beaten,
            Ok(other) => unreachable!("a beat is answered with an epoch, not {other:?}"),
            Err(refusal) => return Ok(Err(refusal)),
        };
        if !leaves {
            for topic in &topics {
                if let Err(refusal) = self.share_begin(group, topic).await? {
                    return Ok(Err(refusal));
                }
            }
        }
        Ok(Ok(beaten))
    }

    /// The group begins with those partitions of the topic that it has not begun with.
    pub async fn share_begin(&self, group: &str, topic: &Topic) -> ShareTold<()> {
        loop {
            let cell = match self.share_cell(group) {
                Ok(cell) => cell,
                Err(refusal) => return Ok(Err(refusal)),
            };
            if let Some(begun) = self.share_begin_in(&cell, topic).await? {
                return Ok(begun);
            }
            tokio::time::sleep(LEAVING).await;
        }
    }

    /// `None`: the group is on its way out. Where it would have begun is not where one of its name begins after it.
    async fn share_begin_in(&self, cell: &Arc<ShareCell>, topic: &Topic) -> Result<Option<Result<(), Refusal>>, NoRoom> {
        let (missing, start) = {
            let state = cell.state.hold();
            let machine = &state.noun.machine;
            let missing: Vec<Arc<Partition>> = topic.partitions.iter().filter(|p| !machine.has_begun(at(p))).cloned().collect();
            // A partition that was added since is read from its first record: everything in it came after the group began.
            let grown = machine.has_begun_topic(topic.id);
            let start = match machine.rules().start {
                Start::Latest | Start::Within(_) if grown => Start::Earliest,
                start => start,
            };
            (missing, start)
        };
        if missing.is_empty() {
            return Ok(Some(Ok(())));
        }
        let mut starts = Vec::with_capacity(missing.len());
        for partition in missing {
            let Some(view) = partition.view() else { continue };
            starts.push((at(&partition), self.share_start(&partition, view, start).await));
        }
        let begin = |share: &Share, now| share.decide(now, Command::Begin(starts.clone()));
        match self.share_step(cell, Class::Position, begin).await? {
            Some(parked) => Ok(Some(self.release(parked).await?.map(|_| ()))),
            None => Ok(None),
        }
    }

    /// Where a group begins with a partition.
    pub async fn share_start(&self, partition: &Partition, view: View, start: Start) -> i64 {
        match start {
            Start::Earliest => view.start,
            Start::Latest => view.high,
            Start::Within(ms) => self.share_since(partition, view, self.now().wall.saturating_sub(ms)).await,
            Start::Since(at) => self.share_since(partition, view, at).await,
        }
    }

    async fn share_since(&self, partition: &Partition, view: View, since: i64) -> i64 {
        // What cannot be searched is begun at its first record: rather too much than too little.
        let found = self.seek(partition, Sought::Since(since)).await;
        found.map_or(view.start, |found| found.map_or(view.high, |stamped| stamped.offset))
    }

    /// Takes records that nobody holds, and reads them. Nothing taken: there is nothing just now.
    pub async fn share_take(&self, group: &str, take: &Take) -> Result<Taken, TakeRefusal> {
        let partition = take.topic.partition(take.partition).ok_or(TakeRefusal::Gone)?.clone();
        if take.max <= 0 {
            return Ok(Taken::default());
        }
        loop {
            // Where keys are in order, or whole batches are wished, what may be taken is known only once it was read.
            let by_key = || self.look_share(group, |share| share.rules().by_key) == Some(true);
            if !take.strictly || by_key() {
                return self.read_then_take(group, take, &partition).await;
            }
            // Each turn that takes nothing is one in which somebody else took something.
            if let Some(taken) = self.take_then_read(group, take, &partition).await? {
                return Ok(taken);
            }
        }
    }

    /// Takes by offsets alone, so that whoever comes at the same moment takes others, and only what was taken is read.
    /// `None`: somebody else was faster.
    async fn take_then_read(&self, group: &str, take: &Take, partition: &Partition) -> Result<Option<Taken>, TakeRefusal> {
        let (reach, max) = match take.max {
            // The batch that holds it, whatever its size.
            1 => (1, 1),
            _ => self.share_reach(partition, take, 0),
        };
        let window = window(partition)?;
        let first = self.share_candidate(group, &take.topic, at(partition), (window.start, window)).await?;
        let Some(first) = first else { return Ok(Some(Taken::default())) };
        let last = first.saturating_add(max - 1).saturating_add(BESIDE);
        let acquire = Acquire { max, ..acquire(take, partition, window, (first, last)) };
        let granted = self.share_acquire(group, acquire).await?;
        let (Some(&(first, ..)), Some(&(_, last, _))) = (granted.runs.first(), granted.runs.last()) else { return Ok(None) };
        let found = match self.read_whole(&take.topic, partition, first, reach).await {
            Ok(found) => found,
            Err(error) => {
                self.share_give_back(group, granted.grant, first).await??;
                return Err(error.into());
            }
        };
        let upto = if found.bytes == 0 { first - 1 } else { found.upto };
        if upto < last {
            self.share_give_back(group, granted.grant, upto + 1).await??;
        }
        let batches = between(&joined(&found.slices), first, last);
        Ok(Some(Taken { granted: granted.up_to(upto), batches }))
    }

    /// Reads, and takes what of it may be taken.
    async fn read_then_take(&self, group: &str, take: &Take, partition: &Partition) -> Result<Taken, TakeRefusal> {
        // Where keys count: what had become free when the look began.
        let order = || self.look_share(group, |share| share.rules().by_key.then(|| share.freed())).flatten();
        let (mut from, mut seen, mut looks) = (0, order(), 0);
        loop {
            let by_key = seen.is_some();
            // Without keys a look that takes nothing is one in which somebody else took something.
            looks += usize::from(by_key);
            if looks > LOOKS_BY_KEY {
                break;
            }
            let window = window(partition)?;
            let Some(first) = self.share_candidate(group, &take.topic, at(partition), (from, window)).await? else { break };
            // Where keys count, all that is wished may be busy, and what is free lie far behind it.
            let reach = if by_key { take.max_bytes.max(REACH_BY_KEY) } else { self.share_reach(partition, take, BESIDE).0 };
            let found = self.read_whole(&take.topic, partition, first, reach).await?;
            if found.bytes == 0 {
                break;
            }
            let bytes = joined(&found.slices);
            let acquire = Acquire {
                batch_ends: if take.strictly { Vec::new() } else { ends(&bytes) },
                keys: if by_key { keys(&bytes, first) } else { Vec::new() },
                freed: seen,
                ..acquire(take, partition, window, (first, found.upto))
            };
            let granted = self.share_acquire(group, acquire).await?;
            if let (Some((first, ..)), Some((_, last, _))) = (granted.runs.first(), granted.runs.last()) {
                let batches = between(&bytes, *first, *last);
                return Ok(Taken { granted, batches });
            }
            let now = order();
            // What became free meanwhile may stand in front of all that was looked at.
            from = if now == seen { found.upto + 1 } else { 0 };
            seen = now;
        }
        Ok(Taken::default())
    }

    async fn share_acquire(&self, group: &str, acquire: Acquire) -> Result<Granted, TakeRefusal> {
        match self.share_command(group, &Command::Acquire(acquire)).await?? {
            Reply::Granted(granted) => Ok(granted),
            other => unreachable!("a taking is answered with records, not {other:?}"),
        }
    }

    /// Bytes to read for a taking, and records to take: what they need as records of this partition go, not all that they
    /// may have. So many records `beside` them are read, too.
    fn share_reach(&self, partition: &Partition, take: &Take, beside: i64) -> (usize, i64) {
        let (most, max) = (take.max_bytes.max(1), take.max.max(1));
        let Some(bounds) = self.hub().store().bounds(partition.log()) else { return (most, max) };
        let each = bounds.bytes / (bounds.end - bounds.start).max(1) as u64 + 1;
        let wished = max.saturating_add(beside) as u64;
        let reach = usize::try_from(each.saturating_mul(wished)).unwrap_or(most).max(REACH_MIN).min(most);
        // What does not fit is given back, but until then nobody else has it: no more is taken than will fit as records go.
        let fit = i64::try_from(most as u64 / each).unwrap_or(max);
        (reach, max.min(fit.max(1)))
    }

    /// The first record that may be taken, once the group has begun with the partition.
    async fn share_candidate(
        &self,
        group: &str,
        topic: &Topic,
        at: At,
        (from, window): (i64, Window),
    ) -> Result<Option<i64>, TakeRefusal> {
        let question = |share: &Share| {
            let free = || share.available(at, from.max(window.start), window.end);
            let may = share.has_locks(at) && !share.rules().paused;
            share.has_begun(at).then(|| if may { free() } else { None })
        };
        if let Some(Some(candidate)) = self.look_share(group, question) {
            return Ok(candidate);
        }
        self.share_begin(group, topic).await??;
        Ok(self.look_share(group, question).flatten().flatten())
    }

    /// ShareAcknowledge of one partition.
    pub async fn share_acknowledge(&self, group: &str, acknowledge: Acknowledge) -> ShareTold<()> {
        self.share_existing(group, Command::Acknowledge(acknowledge)).await.map(|told| told.map(|_| ()))
    }

    /// One outcome a lease, in the order asked.
    pub async fn share_settle(&self, group: &str, mut settle: Settle) -> ShareTold<Vec<LeaseOutcome>> {
        self.recall_keys(group, &mut settle).await;
        self.share_lose(group, &settle).await?;
        let told = self.share_existing(group, Command::Settle(settle)).await?;
        Ok(told.map(|reply| match reply {
            Reply::Settled(outcomes) => outcomes,
            other => unreachable!("leases are settled with outcomes, not {other:?}"),
        }))
    }

    /// A lease on a record that went from the log cannot be extended: that it went may not be stated yet.
    async fn share_lose(&self, group: &str, settle: &Settle) -> Result<(), NoRoom> {
        for (lease, ..) in settle.leases.iter().filter(|(_, verdict, _)| matches!(verdict, share::Verdict::Renew)) {
            let topic = self.topic_by_id(lease.at.topic);
            let partition = topic.as_ref().and_then(|topic| topic.partition(lease.at.partition));
            let start = partition.and_then(|partition| partition.view()).map_or(0, |view| view.start);
            if lease.offset < start && self.look_share(group, |share| share.has_begun(lease.at)) == Some(true) {
                let _ = self.share_command(group, &Command::Trim { at: lease.at, to: start }).await?;
            }
        }
        Ok(())
    }

    /// The log of a partition begins at `to` now: queues that were not done with what lay before it say so.
    pub(crate) async fn trim_shares(&self, partition: &Partition, to: i64) -> Result<(), Dead> {
        let at = at(partition);
        for cell in self.0.shares.all() {
            let behind = cell.state.hold().noun.machine.finished_below(at).is_some_and(|below| below < to);
            if !behind {
                continue;
            }
            match self.share_command(cell.name(), &Command::Trim { at, to }).await {
                Ok(_) => {}
                Err(NoRoom::Dead(dead)) => return Err(dead),
                // Whoever looks is told all the same; it is stated with the next taking, or at the next start.
                Err(error) => {
                    tracing::warn!(%error, group = %cell.name(), ?at, "what a queue lost cannot be written for the moment")
                }
            }
        }
        Ok(())
    }

    /// How many records of a topic went before the group was done with them. Looks only, and waits for nothing.
    pub fn share_lost(&self, group: &str, topic: TopicId) -> i64 {
        self.look_share(group, |share| share.lost(topic)).unwrap_or(0)
    }

    /// Where keys are in order, a lease that an earlier life of the broker gave is told the key of its record: those who are to
    /// wait for it are known by that.
    async fn recall_keys(&self, group: &str, settle: &mut Settle) {
        if self.look_share(group, |share| share.rules().by_key) != Some(true) {
            return;
        }
        let mut read: Option<(At, Vec<(i64, u64)>)> = None;
        for (lease, verdict, _) in &mut settle.leases {
            if lease.grant.is_some() || !matches!(verdict, share::Verdict::Renew | share::Verdict::Release) {
                continue;
            }
            let find = |(at, keys): &(At, Vec<(i64, u64)>)| {
                let known = keys.binary_search_by_key(&lease.offset, |(offset, _)| *offset).ok()?;
                (*at == lease.at).then(|| keys[known].1)
            };
            lease.key = read.as_ref().and_then(find);
            if lease.key.is_none() {
                read = self.keys_at(lease.at, lease.offset).await.map(|keys| (lease.at, keys));
                lease.key = read.as_ref().and_then(find);
            }
        }
    }

    /// Hashes of the keys of the records of the batch that holds this one, from there on. `None`: it cannot be read.
    async fn keys_at(&self, at: At, offset: i64) -> Option<Vec<(i64, u64)>> {
        let topic = self.topic_by_id(at.topic)?;
        let found = self.read_whole(&topic, topic.partition(at.partition)?, offset, 1).await.ok()?;
        Some(keys(&joined(&found.slices), offset))
    }

    /// A session ended: what the member holds is free again.
    pub async fn share_drop(&self, group: &str, dropping: Dropping) -> ShareTold<()> {
        self.share_existing(group, Command::Drop(dropping)).await.map(|told| told.map(|_| ()))
    }

    /// What a taking brought from an offset on is free again, as if it had never been taken.
    pub async fn share_give_back(&self, group: &str, grant: u32, from: i64) -> ShareTold<()> {
        self.share_existing(group, Command::GiveBack { grant, from }).await.map(|told| told.map(|_| ()))
    }

    /// AlterShareGroupOffsets: the group begins anew there.
    pub async fn share_reset(&self, group: &str, starts: Vec<(At, i64)>) -> ShareTold<()> {
        self.once_letters_are_written(group, Command::Reset(starts)).await.map(|told| told.map(|_| ()))
    }

    /// The secret that leases of this group are signed with, drawn at its first use and durable before it is answered.
    pub async fn share_key(&self, group: &str) -> ShareTold<[u8; KEY_LEN]> {
        if let Some(key) = self.share_key_drawn(group).await?.flatten() {
            return Ok(Ok(key));
        }
        if let Err(refusal) = self.share_command(group, &Command::Key(drawn())).await? {
            return Ok(Err(refusal));
        }
        // Somebody else may have been faster.
        Ok(self.share_key_drawn(group).await?.flatten().ok_or(Refusal::NotFound(group.into())))
    }

    /// Another secret. Leases that the one before signed stay good; those of the one before that do not.
    pub async fn share_change_key(&self, group: &str) -> ShareTold<()> {
        self.share_existing(group, Command::ChangeKey(drawn())).await.map(|told| told.map(|_| ()))
    }

    /// For how long the group's takings lock, in milliseconds. `None`: there is no such group.
    pub fn share_lock_ms(&self, group: &str) -> Option<i64> {
        self.look_share(group, |share| share.rules().lock_ms)
    }

    /// Names this life of the broker: grants of another one mean nothing here.
    pub fn life(&self) -> u64 {
        self.0.shares.life()
    }

    /// DeleteShareGroupOffsets.
    pub async fn share_forget(&self, group: &str, partitions: Vec<At>) -> ShareTold<()> {
        self.share_existing(group, Command::Forget(partitions)).await.map(|told| told.map(|_| ()))
    }

    pub async fn delete_share(&self, group: &str) -> ShareTold<()> {
        self.share_existing(group, Command::Delete).await.map(|told| told.map(|_| ()))
    }

    /// All share groups, by name.
    pub fn shares(&self) -> Vec<ShareListing> {
        let listing = |cell: &Arc<crate::shares::ShareCell>| {
            let state = cell.state.hold();
            let share = &state.noun.machine;
            is_there(share).then(|| ShareListing { name: cell.name().clone(), state: share.state(), members: share.members() })
        };
        self.0.shares.all().iter().filter_map(listing).collect()
    }

    /// ShareGroupDescribe: state and members. `None`: there is no such group.
    pub async fn describe_share(&self, group: &str) -> Result<Option<(&'static str, Description)>, Dead> {
        self.ask_share(group, |share| (share.state(), share.describe())).await
    }

    /// Whether there is a share group of this name.
    pub fn is_share(&self, group: &str) -> bool {
        self.0.shares.find(group).is_some()
    }

    /// What [`Node::share_wait`] compares: how often records became available in the group.
    pub fn share_freed(&self, group: &str) -> u64 {
        self.0.shares.find(group).map_or(0, |cell| cell.state.hold().noun.machine.freed())
    }

    /// Waits until records are committed at one of these partitions behind what was seen, or became available in the
    /// group after it was seen at `freed`, or `patience` is over.
    pub async fn share_wait(
        &self,
        group: &str,
        freed: u64,
        partitions: &[(Arc<Partition>, i64)],
        patience: Duration,
    ) -> Result<Woken, Dead> {
        if patience.is_zero() {
            return Ok(Woken::Timeout);
        }
        self.alive()?;
        let mut waiting = Waiting::new(self.hub(), 1);
        // A group that did nothing yet has nothing to free.
        if let Some(cell) = self.0.shares.find(group) {
            let Some(place) = cell.list(waiting.waiter(), freed) else { return Ok(Woken::Changed) };
            waiting.listed_at(cell, place);
        }
        for (partition, seen) in partitions {
            match partition.list(waiting.waiter(), *seen) {
                Ok(place) => waiting.listed_at(partition.clone(), place),
                Err(woken) => return Ok(woken),
            }
        }
        let woken = tokio::time::timeout(patience, waiting).await.unwrap_or(Woken::Timeout);
        self.alive()?;
        Ok(woken)
    }

    /// Waits until anything happens in the group that is not what `looked` saw, or `patience` is over. `looked` is called
    /// once the wait has begun, so that nothing that happens meanwhile is missed.
    pub async fn share_stirred(&self, group: &str, patience: Duration, looked: impl FnOnce() -> bool) {
        let Some(cell) = self.0.shares.find(group) else { return tokio::time::sleep(patience).await };
        let stirred = cell.stirred.notified();
        if looked() {
            let _ = tokio::time::timeout(patience, stirred).await;
        }
    }

    /// Who of the share group's takers works on a record, and for how many more milliseconds.
    pub fn share_holder(&self, group: &str, at: At, offset: i64) -> Option<(MemberId, i64)> {
        let (cell, now) = (self.0.shares.find(group)?, self.now());
        let state = cell.state.hold();
        state.noun.machine.holder(now, at, offset).map(|(owner, left)| (owner.clone(), left))
    }

    /// The topics that a share group has begun with.
    pub fn share_topics(&self, group: &str) -> Vec<Arc<Topic>> {
        let Some(cell) = self.0.shares.find(group) else { return Vec::new() };
        let mut ids: Vec<TopicId> = cell.state.hold().noun.machine.partitions().map(|at| at.topic).collect();
        ids.dedup();
        let mut topics: Vec<Arc<Topic>> = ids.into_iter().filter_map(|id| self.topic_by_id(id)).collect();
        topics.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
        topics
    }

    /// A topic has more partitions: whoever waits for records of it looks at those, too.
    pub(crate) fn share_grown(&self, topic: TopicId) {
        for cell in self.0.shares.all() {
            let concerned = {
                let machine = &mut cell.state.hold().noun.machine;
                let concerned = machine.has_begun_topic(topic);
                if concerned {
                    machine.grown();
                }
                concerned
            };
            if concerned {
                cell.tell();
            }
        }
    }

    /// These topics are gone, and what share groups knew of them.
    pub(crate) async fn share_forget_topics(&self, topics: &[TopicId]) -> Result<(), NoRoom> {
        for cell in self.0.shares.all() {
            let concerned = cell.state.hold().noun.machine.partitions().any(|at| topics.contains(&at.topic));
            if concerned {
                let _ = self.share_command(cell.name(), &Command::ForgetTopics(topics.to_vec())).await?;
            }
        }
        Ok(())
    }

    /// A command that makes no sense for a group that is not there.
    async fn share_existing(&self, group: &str, command: Command) -> ShareTold<Reply> {
        // One that is there is judged again, and the answer to that waits; that one is gone must be durable to be told.
        let known = self.look_share(group, |_| ()).is_some() || self.ask_share(group, |_| ()).await?.is_some();
        match known {
            true => self.once_letters_are_written(group, command).await,
            false => Ok(Err(Refusal::NotFound(group.into()))),
        }
    }

    /// What would drop records that wait for their dead letters waits for those: what can be written is in a moment.
    async fn once_letters_are_written(&self, group: &str, command: Command) -> ShareTold<Reply> {
        for _ in 0..LETTERS_LOOKS {
            match self.share_command(group, &command).await? {
                Err(Refusal::LettersWait { .. }) => tokio::time::sleep(LETTERS_LOOK).await,
                told => return Ok(told),
            }
        }
        self.share_command(group, &command).await
    }
}

/// What is wished of these offsets, by whatever stands at them.
fn acquire(take: &Take, partition: &Partition, window: Window, (first, last): (i64, i64)) -> Acquire {
    Acquire {
        at: at(partition),
        window,
        owner: take.owner.clone(),
        first,
        last,
        max: take.max,
        batch_ends: Vec::new(),
        keys: Vec::new(),
        lock_ms: take.lock_ms,
        freed: None,
    }
}

/// What of it may be taken.
fn window(partition: &Partition) -> Result<Window, TakeRefusal> {
    let view = partition.view().ok_or(TakeRefusal::Gone)?;
    Ok(Window { start: view.start, end: view.stable })
}

fn at(partition: &Partition) -> At {
    At { topic: partition.topic(), partition: partition.index() }
}

/// One piece of memory; copied only when it lay in several.
fn joined(slices: &[Slice]) -> Bytes {
    let memory = |slice: &Slice| if let Slice::Memory(bytes) = slice { bytes.clone() } else { Bytes::new() };
    if let [only] = slices {
        return memory(only);
    }
    let mut all = BytesMut::with_capacity(slices.iter().map(Slice::len).sum());
    slices.iter().for_each(|slice| all.extend_from_slice(&memory(slice)));
    all.freeze()
}

/// First and last offset of each batch, and where it lies.
fn batches(bytes: &Bytes) -> impl Iterator<Item = (i64, i64, Bytes)> + '_ {
    milena_record::split(bytes).filter_map(Result::ok).filter_map(|entry| {
        let header = Header::parse(entry.bytes).ok()?;
        let (base, delta) = (header.base_offset(), i64::from(header.last_offset_delta()));
        Some((base, base + delta, bytes.slice_ref(entry.bytes)))
    })
}

fn ends(bytes: &Bytes) -> Vec<i64> {
    batches(bytes).map(|(_, last, _)| last).collect()
}

/// The whole batches that hold what lies between these offsets.
fn between(bytes: &Bytes, first: i64, last: i64) -> Bytes {
    let (mut from, mut to) = (None, 0);
    let mut at = 0;
    for (base, end, batch) in batches(bytes) {
        if end >= first && base <= last {
            from.get_or_insert(at);
            to = at + batch.len();
        }
        at += batch.len();
    }
    from.map_or_else(Bytes::new, |from| bytes.slice(from..to))
}

/// Hashes of the keys of records from `first` on; records without key are left out. Two keys with one hash wait for each
/// other without need, which is rare and does no harm.
fn keys(bytes: &Bytes, first: i64) -> Vec<(i64, u64)> {
    let mut keys = BTreeMap::new();
    for (_, _, batch) in batches(bytes) {
        let Ok(batch) = Batch::parse(&batch) else { continue };
        let Ok(payload) = batch.payload(&Limits::new(UNPACKED_MAX)) else { continue };
        for record in Records::new(&batch.header(), &payload).map_while(Result::ok) {
            if let Some(key) = record.key.filter(|_| record.offset >= first) {
                let hash = u64::from(crc32c(key)) << 32 | (key.len() as u64 & 0xffff_ffff);
                keys.insert(record.offset, hash);
            }
        }
    }
    keys.into_iter().collect()
}
