//! What a share group tells about itself. Questions; nothing changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{At, Letter, Share, Window, runs::Stand};
use crate::{
    group::MemberId,
    ids::{Offset, TopicId},
    limits,
    machine::Now,
};

/// ShareGroupDescribe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    pub epoch: i32,
    pub members: Vec<MemberDescription>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberDescription {
    pub id: MemberId,
    pub rack: Option<Arc<str>>,
    pub epoch: i32,
    pub client_id: Arc<str>,
    pub client_host: Arc<str>,
    pub subscribed: Vec<Arc<str>>,
    pub assignment: BTreeMap<TopicId, Vec<i32>>,
}

/// How much of a partition is left to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Depth {
    /// Everything below is finished.
    pub start: Offset,
    /// Records that are not finished.
    pub unfinished: i64,
    /// Of them, those that somebody works on.
    pub held: i64,
    /// Those that wait until their delay is over.
    pub delayed: i64,
    /// Those that wait for their dead letter.
    pub condemned: i64,
    /// Since the group began with it: acknowledged, gone before they were finished, buried as dead letters, failed deliveries.
    pub accepted: i64,
    pub lost: i64,
    pub buried: i64,
    pub failed: i64,
    /// So many wait for their dead letters that nothing more is handed out.
    pub choked: bool,
    /// When the group began with it, in wall-clock milliseconds.
    pub since: i64,
}

/// One record that is held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    pub at: At,
    pub first: Offset,
    pub last: Offset,
    pub delivery: u16,
    /// None: its delay is not over.
    pub owner: Option<MemberId>,
    /// Milliseconds that are left of it.
    pub left_ms: i64,
}

impl Share {
    /// In Kafka's words.
    pub fn state(&self) -> &'static str {
        match (self.dead, self.roster.is_empty()) {
            (true, _) => "Dead",
            (_, true) => "Empty",
            _ => "Stable",
        }
    }

    pub fn members(&self) -> usize {
        self.roster.members.len()
    }

    pub fn describe(&self) -> Description {
        let member = |(id, m): (&MemberId, &super::Member)| MemberDescription {
            id: id.clone(),
            rack: m.rack.clone(),
            epoch: m.epoch,
            client_id: m.client_id.clone(),
            client_host: m.client_host.clone(),
            subscribed: m.subscribed.clone(),
            assignment: m.assignment.clone(),
        };
        Description { epoch: self.roster.epoch, members: self.roster.members.iter().map(member).collect() }
    }

    /// Every partition that the group has begun with.
    pub fn partitions(&self) -> impl Iterator<Item = At> + '_ {
        self.partitions.keys().copied()
    }

    pub fn depth(&self, at: At, window: Window) -> Option<Depth> {
        let partition = self.partitions.get(&at)?;
        let counts = partition.runs.counts();
        let start = partition.runs.start().max(window.start);
        let mut depth = Depth {
            start,
            unfinished: window.end - start - counts.done,
            held: counts.held,
            delayed: counts.delayed,
            condemned: counts.condemned,
            accepted: partition.accepted,
            lost: partition.lost,
            buried: partition.buried,
            failed: partition.failed,
            choked: counts.condemned >= limits::SHARE_LETTERS_MAX,
            since: partition.since,
        };
        // What went from the log is lost from that moment on, whether or not that was stated already.
        for (first, last, cell) in partition.runs.pieces(partition.runs.start(), start - 1) {
            let records = last - first + 1;
            match cell.stand {
                Stand::Accepted | Stand::Archived => {
                    depth.unfinished += records;
                    continue;
                }
                Stand::Available => {}
                Stand::Held => depth.held -= records,
                Stand::Delayed => depth.delayed -= records,
                Stand::Condemned => depth.condemned -= records,
            }
            depth.lost += records;
        }
        depth.unfinished = depth.unfinished.max(0);
        Some(depth)
    }

    /// What is held of a partition, at most `max` runs of it.
    pub fn held(&self, now: Now, at: At, max: usize) -> Vec<Held> {
        let Some(partition) = self.partitions.get(&at) else { return Vec::new() };
        let runs = partition.held(partition.runs.start(), partition.runs.end() - 1);
        let held = |(first, last, cell): (Offset, Offset, super::runs::Cell)| {
            let live = self.grants.get(&cell.grant)?;
            let left_ms = (live.grant.until - now.mono).max(0);
            Some(Held { at, first, last, delivery: cell.failures + 1, owner: live.grant.owner.clone(), left_ms })
        };
        runs.filter_map(held).take(max).collect()
    }

    /// Who holds a record, and for how many more milliseconds.
    pub fn holder(&self, now: Now, at: At, offset: Offset) -> Option<(&MemberId, i64)> {
        let (_, _, cell) = self.partitions.get(&at)?.held(offset, offset).next()?;
        let grant = &self.grants.get(&cell.grant)?.grant;
        Some((grant.owner.as_ref()?, (grant.until - now.mono).max(0)))
    }

    pub fn has_letters(&self) -> bool {
        !self.condemned.is_empty()
    }

    /// Records that wait for their dead letters, at most `max`, those of `except` left out.
    pub fn letters(&self, max: usize, except: &BTreeSet<At>) -> Vec<Letter> {
        let mut letters = Vec::new();
        for at in self.condemned.difference(except) {
            let Some(partition) = self.partitions.get(at) else { continue };
            for (offset, note) in partition.notes.iter().take(max - letters.len()) {
                let cell = partition.runs.pieces(*offset, *offset).next();
                let deliveries = cell.map_or(0, |(_, _, cell)| cell.failures);
                let (why, by, reason) = (self.why(deliveries), note.by.clone(), note.reason.clone());
                letters.push(Letter { at: *at, offset: *offset, why, deliveries, by, reason, when: note.when });
            }
            if letters.len() >= max {
                break;
            }
        }
        letters
    }
}
