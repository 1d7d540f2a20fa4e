//! Readers that retention waits for, and the ledger of what went although somebody had not read it. Knows where groups
//! stand; what that means for a log start is the engine's judgement.

use std::sync::Arc;

use milena_engine::{
    fact::MoveReason,
    group::Commit,
    ids::UNREAD_LOG,
    limits,
    partition::PartitionFact,
    share::At,
    unread::{UnreadFact, UnreadRemoved},
};
use milena_store::{Class, Credit, LogId, Lsn, Parked, Part, Version};

use crate::{
    node::Node,
    noun::Written,
    partition::{Partition, State},
    release::Dead,
    shares::ShareCell,
    topics::Topic,
};

/// A line for the ledger, and its bytes.
pub(crate) type Line = (UnreadFact, Vec<u8>);

/// Lines that one move of a log start makes at most. What a queue had not done may lie scattered between what it had.
const LINES: usize = 16;

/// A group, where it stands, and one range that it had not read: from the first offset to before the second.
type Missed = (Arc<str>, i64, (i64, i64));

impl Node {
    /// The offset below which every group that retention waits for has read this partition. `None`: it waits for nobody.
    pub(crate) fn read_by_all(&self, topic: &Topic, partition: i32) -> Option<i64> {
        let at = At { topic: topic.id, partition };
        let named = topic.settings.retention_readers.iter().map(|name| self.read_upto(name, at).unwrap_or(0)).min();
        named.into_iter().chain(self.finished_by_holders(at)).min()
    }

    /// Below this every queue is done that holds up retention by its own setting.
    pub(crate) fn finished_by_holders(&self, at: At) -> Option<i64> {
        if !self.0.shares.has_holders() {
            return None;
        }
        let finished = |cell: Arc<ShareCell>| {
            let state = cell.state.hold();
            let machine = &state.noun.machine;
            machine.finished_below(at).filter(|_| machine.rules().holds)
        };
        self.0.shares.all().into_iter().filter_map(finished).min()
    }

    /// How far a group has come: its position, or, of a queue, below what it is done with everything.
    fn read_upto(&self, group: &str, at: At) -> Option<i64> {
        let position = self.0.groups.find(group).and_then(|cell| {
            let state = cell.state.hold();
            state.noun.machine.position(at.topic, at.partition).map(|position| position.offset)
        });
        let finished = || self.0.shares.find(group)?.state.hold().noun.machine.finished_below(at);
        position.or_else(finished)
    }

    /// A queue is done with more of a partition, or ends: whoever holds up retention there is looked at anew.
    pub(crate) fn reader_moved(&self, at: At) {
        let waits = |topic: &Arc<Topic>| topic.policy.hold_ms.is_some() || self.0.shares.has_holders();
        let topic = self.topic_by_id(at.topic).filter(waits);
        if let Some(partition) = topic.as_ref().and_then(|topic| topic.partition(at.partition)) {
            self.look_soon(partition);
        }
    }

    /// Partitions whose retention waits for whoever commits here.
    pub(crate) fn held_by(&self, commit: &Commit) -> Vec<Arc<Partition>> {
        let held = |position: &milena_engine::group::CommitPosition| {
            let topic = self.topic_by_id(position.at.topic)?;
            topic.policy.hold_ms?;
            topic.partition(position.at.partition).cloned()
        };
        commit.positions.iter().filter_map(held).collect()
    }

    /// What groups had not read below `to`, as lines of the ledger. Groups that never read the topic miss nothing, unless
    /// retention was told to wait for them.
    pub(crate) fn unread_below(&self, partition: &Partition, to: i64, why: MoveReason) -> Vec<Line> {
        let Some(topic) = self.topic_by_id(partition.topic()) else { return Vec::new() };
        let Some(start) = partition.view().map(|view| view.start) else { return Vec::new() };
        let mut missed: Vec<Missed> = Vec::new();
        for cell in self.0.groups.all() {
            let state = cell.state.hold();
            let machine = &state.noun.machine;
            if let Some(position) = machine.position(topic.id, partition.index()).filter(|position| position.offset < to) {
                missed.push((machine.id().as_str().into(), position.offset, (position.offset.max(start), to)));
            }
        }
        let at = At { topic: topic.id, partition: partition.index() };
        for cell in self.0.shares.all() {
            let mut open = cell.state.hold().noun.machine.unfinished(at, start, to);
            if let (Some((first, _)), Some((_, last)), true) = (open.first(), open.last(), open.len() > LINES) {
                open = vec![(*first, *last)];
            }
            missed.extend(open.into_iter().map(|(first, last)| (cell.name().clone(), first, (first, last + 1))));
        }
        for name in &topic.settings.retention_readers {
            if self.read_upto(name, at).is_none() {
                missed.push((name.as_str().into(), 0, (start, to)));
            }
        }
        let (partition, now) = (partition.index(), self.now().wall);
        let line = |(from, to, groups): Range| {
            let line = UnreadRemoved { topic: topic.id, name: topic.name.clone(), partition, from, to, at: now, why, groups };
            let fact = UnreadFact::from(line);
            let bytes = fact.written()?;
            Some((fact, bytes))
        };
        ranges(missed).into_iter().filter_map(line).collect()
    }

    /// The log start moves and the ledger says so, in one entry.
    pub(crate) fn move_start_past_unread(
        &self,
        partition: &Partition,
        state: &mut State,
        credit: Credit,
        fact: &PartitionFact,
        lines: &[Line],
    ) -> Result<Lsn, Dead> {
        let mut bytes = Vec::with_capacity(16);
        fact.encode(&mut bytes);
        let mut ledger = self.0.unread.hold();
        let part = |log, expected, fact| Part { log, expected, fact, payload: None };
        let mut parts = vec![part(partition.log(), state.noun.version, &bytes[..])];
        let version = ledger.version.0;
        parts.extend((version..).zip(lines).map(|(version, (_, bytes))| part(LogId(UNREAD_LOG), Version(version), &bytes[..])));
        let lsn = self.hub().reserve(credit, Class::Fact, self.now().wall, &parts)?;
        state.noun.machine.apply(fact);
        (state.noun.lsn, state.noun.version) = (lsn, Version(state.noun.version.0 + 1));
        state.moves(lsn);
        lines.iter().for_each(|(line, _)| ledger.machine.apply(line));
        (ledger.lsn, ledger.version) = (lsn, Version(version + lines.len() as u64));
        for (UnreadFact::UnreadRemoved(line), _) in lines {
            tracing::warn!(topic = %line.name, partition = line.partition, from = line.from, to = line.to, why = ?line.why, groups = ?line.groups, "records were removed that a group had not read");
        }
        Ok(lsn)
    }

    /// What went unread of a topic, or of all, oldest first.
    pub async fn unread(&self, topic: Option<&str>) -> Result<Vec<UnreadRemoved>, Dead> {
        let parked = {
            let ledger = self.0.unread.hold();
            let of_topic = |line: &&UnreadRemoved| topic.is_none_or(|name| line.name.as_str() == name);
            Parked::new(ledger.lsn, ledger.machine.lines().filter(of_topic).cloned().collect())
        };
        self.release(parked).await
    }
}

/// From, to, and who missed any of it with where they stood.
type Range = (i64, i64, Vec<(Arc<str>, i64)>);

/// What was missed by anybody, in order. Ranges that touch are one, and so are all when they are too many.
fn ranges(mut missed: Vec<Missed>) -> Vec<Range> {
    missed.retain(|(_, _, (from, to))| from < to);
    missed.sort_by_key(|(_, _, range)| *range);
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for (_, _, (from, to)) in &missed {
        match ranges.last_mut() {
            Some((_, end)) if *from <= *end => *end = (*to).max(*end),
            _ => ranges.push((*from, *to)),
        }
    }
    if let (Some((from, _)), Some((_, to)), true) = (ranges.first(), ranges.last(), ranges.len() > LINES) {
        ranges = vec![(*from, *to)];
    }
    let who = |(from, to): (i64, i64)| {
        let within = missed.iter().filter(|(_, _, range)| range.0 < to && from < range.1);
        let mut groups: Vec<(Arc<str>, i64)> = within.map(|(name, stood, _)| (name.clone(), *stood)).collect();
        groups.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        groups.dedup_by(|a, b| a.0 == b.0);
        groups.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        groups.truncate(limits::UNREAD_GROUPS_MAX);
        (from, to, groups)
    };
    ranges.into_iter().map(who).collect()
}
