//! A share group's durable state in one piece: what replaying its facts would have brought, in bytes that later releases
//! read. Members and locks are not in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    At, Rules, Share,
    ends::{End, Ends, Finished},
    fact::{SettledRun, ShareKeyed, read_at, read_offset, write_at},
    partition::{Note, Partition},
    runs::{Cell, Stand},
};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    group::GroupId,
    limits,
};

/// The first byte. No snapshot of another group begins so: those have their version there, which counts from 1.
pub const MARK: u8 = 0x53;
/// 2 counts what was acknowledged; 3 has the secret before the last one; 4 has when records were finished.
const VERSION: u8 = 4;

impl Share {
    /// Appends the snapshot, the group's name included.
    pub fn snapshot(&self, into: &mut Vec<u8>) {
        let w = &mut Writer::new(into);
        w.u8(MARK);
        w.u8(VERSION);
        w.str(self.id.as_str());
        w.option(self.key, |w, key| w.bytes(&key));
        w.option(self.former_key, |w, key| w.bytes(&key));
        w.count(self.partitions.len());
        for (at, partition) in &self.partitions {
            write_at(w, *at);
            write_partition(w, partition);
        }
    }

    /// Reads what [`Share::snapshot`] wrote. Apply the facts that came after it.
    pub fn restore(bytes: &[u8], rules: Rules) -> Result<Self, BadFact> {
        let r = &mut Reader::new(bytes);
        if r.u8()? != MARK {
            return Err(BadFact::Invalid { what: "snapshot of a share group" });
        }
        let version = r.version("share group snapshot", VERSION)?;
        let id = GroupId::from(r.str("bytes of a group name", limits::GROUP_NAME_BYTES_MAX)?);
        let mut share = Share::new(id, rules);
        let key = |r: &mut Reader<'_>| ShareKeyed::read(1, r).map(|keyed| keyed.key);
        share.key = r.option(key)?;
        share.former_key = if version >= 3 { r.option(key)? } else { None };
        let count = r.count("partitions", limits::PARTITIONS_MAX, 23)?;
        for _ in 0..count {
            let at: At = read_at(r)?;
            let partition = read_partition(r, version)?;
            if partition.is_condemned() {
                share.condemned.insert(at);
            }
            share.partitions.insert(at, partition);
        }
        share.stated = true;
        r.clone().end()?;
        Ok(share)
    }
}

fn write_partition(w: &mut Writer<'_>, partition: &Partition) {
    let runs = &partition.runs;
    w.i64(runs.start());
    w.i64(partition.since);
    w.i64(partition.lost);
    w.i64(partition.buried);
    w.i64(partition.failed);
    w.i64(partition.accepted);
    let pieces: Vec<SettledRun> = durable(partition);
    w.count(pieces.len());
    pieces.iter().for_each(|run| run.write(w));
    w.count(partition.notes.len());
    for (offset, note) in &partition.notes {
        w.i64(*offset);
        w.str(&note.by);
        w.option(note.reason.as_deref(), |w, v| w.str(v));
        w.i64(note.when);
    }
    write_ends(w, &partition.ends);
}

/// The names of workers, each once; then the runs, each with: whether the delivery count is the same for all of it (if not, it says
/// 0) and whether the last delivery failed, as bits; the window of time; the worker's place among the names.
fn write_ends(w: &mut Writer<'_>, ends: &Ends) {
    let names: BTreeSet<&str> = ends.iter().filter_map(|(_, _, end)| end.finished.by.as_deref()).collect();
    w.count(names.len());
    names.iter().for_each(|name| w.str(name));
    let places: BTreeMap<&str, u32> = names.iter().copied().zip(0..).collect();
    w.count(ends.iter().len());
    for (first, last, end) in ends.iter() {
        SettledRun { first, last, stand: end.stand, failures: end.failures.unwrap_or(0) }.write(w);
        w.u8(u8::from(end.failures.is_some()) | u8::from(end.failed) << 1);
        w.i64(end.finished.from);
        w.i64(end.finished.until);
        w.option(end.finished.by.as_deref().and_then(|by| places.get(by)), |w, place| w.u32(*place));
    }
}

fn read_ends(r: &mut Reader<'_>) -> Result<Ends, BadFact> {
    let invalid = || BadFact::Invalid { what: "run that is finished" };
    let count = r.count("workers", limits::SHARE_ENDS_MAX, 1)?;
    let name = |r: &mut Reader<'_>| Ok(r.str("bytes of a member's name", limits::MEMBER_NAME_BYTES_MAX)?.into());
    let names = (0..count).map(|_| name(r)).collect::<Result<Vec<Arc<str>>, BadFact>>()?;
    let count = r.count("runs that are finished", limits::SHARE_ENDS_MAX, 8)?;
    let (mut ends, mut before) = (Ends::default(), -1);
    for _ in 0..count {
        let run = SettledRun::read(r)?;
        let bits = r.u8()?;
        let (from, until) = (r.i64()?, r.i64()?);
        let by = r.option(|r| names.get(r.u32()? as usize).cloned().ok_or_else(invalid))?;
        let is_done = matches!(run.stand, Stand::Accepted | Stand::Archived);
        if !is_done || bits > 3 || run.first <= before || run.last >= i64::MAX / 2 {
            return Err(invalid());
        }
        before = run.last;
        let finished = Finished { from, until, by };
        let failures = (bits & 1 != 0).then_some(run.failures);
        ends.put(run.first, run.last, End { stand: run.stand, failures, failed: bits & 2 != 0, finished });
    }
    Ok(ends)
}

/// The runs as a restart finds them.
fn durable(partition: &Partition) -> Vec<SettledRun> {
    let mut runs: Vec<SettledRun> = Vec::new();
    for (first, last, cell) in partition.runs.pieces(partition.runs.start(), partition.runs.end() - 1) {
        let cell = cell.durable();
        match runs.last_mut() {
            Some(run) if (run.stand, run.failures) == (cell.stand, cell.failures) => run.last = last,
            _ => runs.push(SettledRun { first, last, stand: cell.stand, failures: cell.failures }),
        }
    }
    // Never touched, so that nothing has to be said of it.
    if runs.last().is_some_and(|run| (run.stand, run.failures) == (Stand::Available, 0)) {
        runs.pop();
    }
    runs
}

fn read_partition(r: &mut Reader<'_>, version: u8) -> Result<Partition, BadFact> {
    let (start, since) = (read_offset(r)?, r.i64()?);
    let mut partition = Partition::from(start, since);
    (partition.lost, partition.buried, partition.failed) = (r.i64()?, r.i64()?, r.i64()?);
    partition.accepted = if version >= 2 { r.i64()? } else { 0 };
    let count = r.count("runs", limits::SHARE_STORED_MAX, 4)?;
    for _ in 0..count {
        let run = SettledRun::read(r)?;
        if run.last >= i64::MAX / 2 {
            return Err(BadFact::Invalid { what: "run" });
        }
        partition.runs.set(run.first, run.last, Cell::of(run.stand, run.failures), |_| {});
    }
    partition.runs.advance();
    let count = r.count("notes", limits::SHARE_STORED_MAX, 4)?;
    for _ in 0..count {
        let offset = read_offset(r)?;
        let by = r.str("bytes of a member's name", limits::MEMBER_NAME_BYTES_MAX)?.into();
        let reason = r.option(|r| Ok(r.str("bytes of a reason", limits::SHARE_REASON_BYTES_MAX)?.into()))?;
        partition.notes.insert(offset, Note { by, reason, when: r.i64()? });
    }
    if version >= 4 {
        partition.ends = read_ends(r)?;
    }
    Ok(partition)
}
