//! What became of deliveries, and the end of members, partitions and the group itself.

use std::collections::BTreeMap;

use super::{
    AckBatch, Acknowledge, At, Dropping, Fact, Grant, Granted, Lease, LeaseOutcome, LeaseRefusal, NEVER, Refusal, Reply, Settle,
    Share, Soft, Verdict,
    fact::{SettledRun, ShareDeleted, ShareForgotten, ShareSettled},
    partition::Partition,
    runs::{Cell, Piece, Stand},
};
use crate::{
    group::MemberId,
    ids::{Offset, TopicId},
    limits,
    machine::{Decision, Now},
};

/// Changes of one partition under way.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) runs: Vec<SettledRun>,
    renewed: Vec<(Offset, Offset)>,
    pub(super) returned: Vec<(Offset, Offset)>,
}

impl Draft {
    pub(super) fn run(&mut self, first: Offset, last: Offset, cell: Cell) {
        match self.runs.last_mut() {
            Some(run) if run.last + 1 == first && (run.stand, run.failures) == (cell.stand, cell.failures) => run.last = last,
            _ => self.runs.push(SettledRun { first, last, stand: cell.stand, failures: cell.failures }),
        }
    }

    /// The facts, durable ones first.
    pub(super) fn facts(self, now: Now, at: At, by: &str, reason: Option<&str>) -> Vec<Fact> {
        let mut facts = Vec::new();
        if !self.runs.is_empty() {
            let (by, reason) = (cut(by, limits::MEMBER_NAME_BYTES_MAX), reason.map(|r| cut(r, limits::SHARE_REASON_BYTES_MAX)));
            facts.push(ShareSettled { at, when: now.wall, by, reason, runs: self.runs }.into());
        }
        if !self.returned.is_empty() {
            facts.push(Fact::Soft(Soft::Returned { at, ranges: self.returned }));
        }
        facts
    }
}

fn cut(text: &str, max: usize) -> Box<str> {
    text[..text.floor_char_boundary(max)].into()
}

impl Share {
    pub(super) fn acknowledge(&self, now: Now, acknowledge: &Acknowledge) -> Result<Decision<Fact, Reply>, Refusal> {
        let partition = self.partitions.get(&acknowledge.at).ok_or(Refusal::NotBegun)?;
        check(&acknowledge.batches)?;
        let mut draft = Draft::default();
        for batch in &acknowledge.batches {
            match batch.verdicts.as_slice() {
                [one] => self.judge(partition, &acknowledge.owner, (batch.first, batch.last), *one, &mut draft)?,
                each => {
                    for (offset, verdict) in (batch.first..).zip(each) {
                        self.judge(partition, &acknowledge.owner, (offset, offset), *verdict, &mut draft)?;
                    }
                }
            }
        }
        let mut next = self.fresh_grant();
        let renewed = std::mem::take(&mut draft.renewed);
        let rests = self.rest(now, acknowledge.at, &draft.runs, &mut next);
        let mut facts = draft.facts(now, acknowledge.at, acknowledge.owner.as_str(), None);
        facts.extend(rests);
        if !renewed.is_empty() {
            let until = now.mono.saturating_add(self.rules.lock_ms);
            let held = Grant { at: acknowledge.at, owner: Some(acknowledge.owner.clone()), until };
            facts.push(self.holding(partition, held, renewed, &mut next));
        }
        Ok(Decision::new(facts, Reply::Done))
    }

    fn holding(&self, partition: &Partition, held: Grant, ranges: Vec<(Offset, Offset)>, next: &mut u32) -> Fact {
        let keys = ranges.iter().flat_map(|(first, last)| partition.keys(*first, *last)).collect();
        Fact::Soft(Soft::Held { grant: self.draw(next), held, ranges, keys })
    }

    /// The number of a new grant, when several are made at once: `next` began as [`Share::fresh_grant`].
    fn draw(&self, next: &mut u32) -> u32 {
        let drawn = *next;
        loop {
            *next = next.wrapping_add(1).max(1);
            if !self.grants.contains_key(next) {
                return drawn;
            }
        }
    }

    /// What failed just now rests for as long as the group's settings say, held by nobody.
    pub(super) fn rest(&self, now: Now, at: At, runs: &[SettledRun], next: &mut u32) -> Option<Fact> {
        let failed = runs.iter().filter(|run| run.stand == Stand::Available && run.failures > 0);
        let ranges: Vec<(Offset, Offset)> = failed.map(|run| (run.first, run.last)).collect();
        let partition = self.partitions.get(&at).filter(|_| self.rules.delay_ms > 0 && !ranges.is_empty())?;
        let until = now.mono.saturating_add(self.rules.delay_ms);
        Some(self.holding(partition, Grant { at, owner: None, until }, ranges, next))
    }

    /// One verdict on some records. What lies below the start was finished long ago, and saying so again does no harm.
    fn judge(
        &self,
        partition: &Partition,
        owner: &MemberId,
        (first, last): (Offset, Offset),
        verdict: Verdict,
        draft: &mut Draft,
    ) -> Result<(), Refusal> {
        for (first, last, cell) in partition.runs.pieces(first, last) {
            if cell.stand != Stand::Held {
                return Err(Refusal::RecordState("The record is not acquired, so it cannot be acknowledged."));
            }
            if self.grants.get(&cell.grant).and_then(|live| live.grant.owner.as_ref()) != Some(owner) {
                return Err(Refusal::RecordState("The record is acquired by another member."));
            }
            match verdict {
                Verdict::Gap => draft.run(first, last, Cell::of(Stand::Archived, cell.failures)),
                Verdict::Accept => draft.run(first, last, Cell::of(Stand::Accepted, cell.failures)),
                Verdict::Release => draft.run(first, last, self.failed(cell.failures)),
                Verdict::Reject => draft.run(first, last, self.given_up(cell.failures.saturating_add(1))),
                Verdict::Renew if self.rules.renew => draft.renewed.push((first, last)),
                Verdict::Renew => return Err(Refusal::RecordState("share.renew.acknowledge.enable is false for this group.")),
            }
        }
        Ok(())
    }

    /// A delivery ended without an acknowledgement.
    pub(super) fn failed(&self, failures: u16) -> Cell {
        let failures = failures.saturating_add(1);
        match failures >= self.rules.deliveries {
            true => self.given_up(failures),
            false => Cell::of(Stand::Available, failures),
        }
    }

    fn given_up(&self, failures: u16) -> Cell {
        Cell::of(if self.rules.letters { Stand::Condemned } else { Stand::Archived }, failures)
    }

    pub(super) fn settle(&self, now: Now, settle: &Settle) -> Decision<Fact, Reply> {
        let mut drafts: BTreeMap<At, Draft> = BTreeMap::new();
        let mut seen = std::collections::BTreeSet::new();
        let (mut outcomes, mut holds, mut next) = (Vec::new(), Vec::new(), self.fresh_grant());
        for (lease, verdict, ms) in &settle.leases {
            // One word for each record. A lease that was lost before says nothing, whatever stands behind it.
            let outcome = match seen.contains(&(lease.at, lease.offset)) {
                true => Err(LeaseRefusal::Lost),
                false => {
                    let draft = drafts.entry(lease.at).or_default();
                    self.settle_one(now, &settle.by, (*lease, *verdict, *ms), draft, &mut holds, &mut next)
                }
            };
            if outcome.is_ok() {
                seen.insert((lease.at, lease.offset));
            }
            outcomes.push(outcome);
        }
        let reason = settle.reason.as_deref();
        let drafts = drafts.into_iter().flat_map(|(at, draft)| draft.facts(now, at, &settle.by, reason));
        let facts = drafts.chain(holds.into_iter().map(Fact::Soft)).collect();
        Decision::new(facts, Reply::Settled(outcomes))
    }

    fn settle_one(
        &self,
        now: Now,
        by: &str,
        (lease, verdict, ms): (Lease, Verdict, Option<i64>),
        draft: &mut Draft,
        holds: &mut Vec<Soft>,
        next: &mut u32,
    ) -> LeaseOutcome {
        let partition = self.partitions.get(&lease.at).ok_or(LeaseRefusal::NotFound)?;
        if partition.since != lease.since {
            return Err(LeaseRefusal::Lost);
        }
        let finishes = matches!(verdict, Verdict::Accept | Verdict::Gap);
        let piece = partition.runs.pieces(lease.offset, lease.offset).next();
        let end = partition.ends.of(lease.offset);
        let known = || end.and_then(|end| Some(Cell::of(end.stand, end.failures?)));
        let Some(cell) = piece.map(|(_, _, cell)| cell).or_else(known) else {
            // Finished, and how is forgotten. While the lease runs, by nobody else: an acknowledgement that is sent again finds what
            // it wanted. Later the record may have been given to others. What was given up nobody acknowledged.
            let given_up = end.is_some_and(|end| end.stand == Stand::Archived);
            return if finishes && lease.runs && !given_up { Ok(None) } else { Err(LeaseRefusal::Lost) };
        };
        if !self.is_theirs(lease, cell) {
            let again = cell.stand == Stand::Accepted && cell.failures.checked_add(1) == Some(lease.delivery) && finishes;
            return if again { Ok(None) } else { Err(LeaseRefusal::Lost) };
        }
        let at = lease.offset;
        let since = partition.since;
        match verdict {
            Verdict::Gap => draft.run(at, at, Cell::of(Stand::Archived, cell.failures)),
            Verdict::Accept => draft.run(at, at, Cell::of(Stand::Accepted, cell.failures)),
            Verdict::Reject => draft.run(at, at, self.given_up(cell.failures.saturating_add(1))),
            Verdict::Release => {
                let after = self.failed(cell.failures);
                draft.run(at, at, after);
                let ms = ms.unwrap_or(self.rules.delay_ms);
                if let (1.., Stand::Available) = (ms, after.stand) {
                    holds.push(self.hold_one(now, lease, None, (ms, next)));
                }
            }
            Verdict::Renew => {
                let owner = self.grants.get(&cell.grant).and_then(|live| live.grant.owner.clone());
                let (ms, grant) = (ms.unwrap_or(self.rules.lock_ms), *next);
                let owner = owner.unwrap_or_else(|| MemberId::from(by));
                holds.push(self.hold_one(now, lease, Some(owner), (ms, next)));
                let until = now.mono.saturating_add(ms.clamp(1, limits::SHARE_LOCK_MS_MAX));
                return Ok(Some(Granted { runs: vec![(at, at, cell.failures + 1)], grant, until, since }));
            }
        }
        Ok(None)
    }

    /// The record is held by this very lease; or nobody holds it since the broker began, and nothing failed since.
    fn is_theirs(&self, lease: Lease, cell: Cell) -> bool {
        let same = cell.failures.checked_add(1) == Some(lease.delivery);
        match lease.grant {
            Some(grant) => same && cell.stand == Stand::Held && cell.grant == grant,
            None => same && cell.stand == Stand::Available,
        }
    }

    fn hold_one(&self, now: Now, lease: Lease, owner: Option<MemberId>, (ms, next): (i64, &mut u32)) -> Soft {
        let known = self.partitions.get(&lease.at).map(|p| p.keys(lease.offset, lease.offset)).unwrap_or_default();
        let told = lease.key.filter(|_| known.is_empty()).map(|key| (lease.offset, key));
        let keys = known.into_iter().chain(told).collect();
        let until = now.mono.saturating_add(ms.clamp(1, limits::SHARE_LOCK_MS_MAX));
        let grant = self.draw(next);
        Soft::Held { grant, held: Grant { at: lease.at, owner, until }, ranges: vec![(lease.offset, lease.offset)], keys }
    }

    /// What a member holds is free again.
    pub(super) fn drop_member(&self, now: Now, dropping: &Dropping) -> Decision<Fact, Reply> {
        let mut drafts: BTreeMap<At, Draft> = BTreeMap::new();
        for (grant, live) in &self.grants {
            let theirs = live.grant.owner.as_ref() == Some(&dropping.member);
            if theirs && (dropping.only.is_empty() || dropping.only.contains(&live.grant.at)) {
                let draft = drafts.entry(live.grant.at).or_default();
                self.free(*grant, dropping.failed, draft);
            }
        }
        let (by, mut next) = (dropping.member.as_str(), self.fresh_grant());
        let facts = drafts.into_iter().flat_map(|(at, draft)| self.ended(now, at, draft, (by, None), &mut next));
        Decision::new(facts.collect(), Reply::Done)
    }

    /// What a taking brought from an offset on, as if it had never been taken.
    pub(super) fn give_back(&self, now: Now, grant: u32, from: Offset) -> Decision<Fact, Reply> {
        let Some(live) = self.grants.get(&grant) else { return Decision::reply(Reply::Done) };
        let mut draft = Draft::default();
        let held = self.held_by(grant).into_iter().filter(|(_, last, _)| *last >= from);
        draft.returned.extend(held.map(|(first, last, _)| (first.max(from), last)));
        let facts = self.ended(now, live.grant.at, draft, ("", None), &mut self.fresh_grant());
        Decision::new(facts, Reply::Done)
    }

    /// The facts of deliveries that ended, and what they lead to.
    pub(super) fn ended(&self, now: Now, at: At, draft: Draft, (by, reason): (&str, Option<&str>), next: &mut u32) -> Vec<Fact> {
        let rests = self.rest(now, at, &draft.runs, next);
        let mut facts = draft.facts(now, at, by, reason);
        facts.extend(rests);
        facts
    }

    /// Everything that a grant still holds: failed, or as if it had never been taken.
    pub(super) fn free(&self, grant: u32, failed: bool, draft: &mut Draft) {
        for (first, last, cell) in self.held_by(grant) {
            match failed {
                true => draft.run(first, last, self.failed(cell.failures)),
                false => draft.returned.push((first, last)),
            }
        }
    }

    pub(super) fn held_by(&self, grant: u32) -> Vec<Piece> {
        let Some(live) = self.grants.get(&grant) else { return Vec::new() };
        let Some(partition) = self.partitions.get(&live.grant.at) else { return Vec::new() };
        partition.held(live.first, live.last).filter(|(_, _, cell)| cell.grant == grant).collect()
    }

    pub(super) fn buried(&self, now: Now, at: At, offset: Offset) -> Decision<Fact, Reply> {
        let cell = self.partitions.get(&at).and_then(|p| p.runs.pieces(offset, offset).next());
        let Some((_, _, cell)) = cell.filter(|(_, _, cell)| cell.stand == Stand::Condemned) else {
            return Decision::reply(Reply::Buried(false));
        };
        let mut draft = Draft::default();
        draft.run(offset, offset, Cell::of(Stand::Archived, cell.failures));
        Decision::new(draft.facts(now, at, "", None), Reply::Buried(true))
    }

    /// What nobody holds of these is finished; nothing else is touched.
    pub(super) fn finish(&self, now: Now, at: At, (first, last): (Offset, Offset), as_work: bool) -> Decision<Fact, Reply> {
        let Some(partition) = self.partitions.get(&at) else { return Decision::reply(Reply::Buried(false)) };
        let mut draft = Draft::default();
        for (first, last, cell) in partition.runs.free(first, last) {
            let stand = if as_work { Stand::Accepted } else { Stand::Archived };
            draft.run(first, last, Cell::of(stand, cell.failures));
        }
        let facts = draft.facts(now, at, "", None);
        let any = !facts.is_empty();
        Decision::new(facts, Reply::Buried(any))
    }

    pub(super) fn forget(&self, partitions: &[At]) -> Result<Decision<Fact, Reply>, Refusal> {
        if !self.roster.is_empty() {
            return Err(Refusal::NotEmpty);
        }
        let partitions: Vec<At> = partitions.iter().copied().filter(|at| self.partitions.contains_key(at)).collect();
        self.keeps_letters(partitions.iter().map(|at| (*at, NEVER)))?;
        let facts = if partitions.is_empty() { Vec::new() } else { vec![ShareForgotten { partitions }.into()] };
        Ok(Decision::new(facts, Reply::Done))
    }

    pub(super) fn forget_topics(&self, topics: &[TopicId]) -> Decision<Fact, Reply> {
        let partitions: Vec<At> = self.partitions.keys().copied().filter(|at| topics.contains(&at.topic)).collect();
        let facts = if partitions.is_empty() { Vec::new() } else { vec![ShareForgotten { partitions }.into()] };
        Decision::new(facts, Reply::Done)
    }

    pub(super) fn delete(&self, now: Now) -> Result<Decision<Fact, Reply>, Refusal> {
        if !self.roster.is_empty() {
            return Err(Refusal::NotEmpty);
        }
        self.keeps_letters(self.partitions.keys().map(|at| (*at, NEVER)))?;
        Ok(Decision::new(vec![ShareDeleted { when: now.wall }.into()], Reply::Done))
    }

    /// What was given up below these offsets and waits for its dead letter is not dropped, as long as the group wants letters.
    pub(super) fn keeps_letters(&self, below: impl Iterator<Item = (At, Offset)>) -> Result<(), Refusal> {
        let waiting = |(at, below): (At, Offset)| self.partitions.get(&at).map_or(0, |p| p.notes.range(..below).count());
        match if self.rules.letters { below.map(waiting).sum() } else { 0 } {
            0 => Ok(()),
            waiting => Err(Refusal::LettersWait { waiting }),
        }
    }
}

/// Batches rise, and have one verdict or one for each record.
fn check(batches: &[AckBatch]) -> Result<(), Refusal> {
    let mut before = -1;
    for batch in batches {
        if batch.first < 0 || batch.last < batch.first || batch.last >= i64::MAX / 2 {
            return Err(Refusal::Invalid("Acknowledgement batches must have a first offset that is not after their last."));
        }
        if batch.first <= before {
            return Err(Refusal::Invalid("Acknowledgement batches must not overlap, and must be in order."));
        }
        let each = usize::try_from(batch.last - batch.first + 1).ok();
        if batch.verdicts.len() != 1 && Some(batch.verdicts.len()) != each {
            return Err(Refusal::Invalid("An acknowledgement batch has one type, or one for each of its offsets."));
        }
        before = batch.last;
    }
    Ok(())
}
