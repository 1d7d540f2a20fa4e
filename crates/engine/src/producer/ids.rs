//! Producer ids are handed out once, for ever. A block is taken by one fact and used up from memory; a crash skips what
//! was left of it, which costs nothing, since there are 2^63 of them.
//!
//! An idempotent producer always gets a new id in epoch 0, also when it names the one it had: so does Kafka, and the
//! epoch after that is the client's own (KIP-360).

use crate::{
    fact::{
        BadFact, ProducerIdsTaken,
        codec::{Reader, Writer},
        facts,
    },
    ids::ProducerId,
    limits,
    machine::{Decision, Machine, Now},
};

facts! {
    /// What can become true of the allocator.
    pub enum ProducerIdsFact of "producer id allocator" { ProducerIdsTaken }
}

/// The allocator.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProducerIds {
    /// The first id that no block has.
    next: i64,
    /// What is left of the block that was taken last; not stored. Ids are used up by [`ProducerIds::hand_out`].
    left: i64,
}

/// Take a block, if none is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TakeBlock;

/// There are no ids left: 2^63 were handed out, or a fact said so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("all producer ids are used up")]
pub struct UsedUp;

impl Machine for ProducerIds {
    type Command = TakeBlock;
    type Fact = ProducerIdsFact;
    type Reply = ();
    type Refusal = UsedUp;

    fn decide(&self, _now: Now, TakeBlock: TakeBlock) -> Result<Decision<ProducerIdsFact, ()>, UsedUp> {
        if self.left > 0 {
            return Ok(Decision::reply(()));
        }
        let next = self.next.checked_add(limits::PRODUCER_ID_BLOCK).ok_or(UsedUp)?;
        Ok(Decision::new(vec![ProducerIdsTaken { next }.into()], ()))
    }

    fn apply(&mut self, fact: &ProducerIdsFact) {
        let ProducerIdsFact::ProducerIdsTaken(taken) = fact;
        self.left = taken.next.saturating_sub(self.next).max(0);
        self.next = self.next.max(taken.next);
    }
}

impl ProducerIds {
    /// The next id of the block. `None`: take one first. The id may be told to nobody before the block's fact is committed.
    pub fn hand_out(&mut self) -> Option<ProducerId> {
        let id = self.next - self.left;
        self.left = self.left.checked_sub(1).filter(|left| *left >= 0)?;
        Some(ProducerId(id))
    }

    /// Forgets what is left of the block: at the end of a recovery nobody knows which of them were handed out.
    pub fn recovered(&mut self) {
        self.left = 0;
    }

    /// So many blocks were taken of which nothing is known any more: their ids are handed out to nobody.
    pub fn pass_blocks(&mut self, blocks: u64) {
        let ids = i64::try_from(blocks).unwrap_or(i64::MAX).saturating_mul(limits::PRODUCER_ID_BLOCK);
        self.next = self.next.saturating_add(ids);
    }

    pub fn snapshot(&self, into: &mut Vec<u8>) {
        let mut w = Writer::new(into);
        w.u8(1);
        w.i64(self.next);
    }

    pub fn restore(bytes: &[u8]) -> Result<Self, BadFact> {
        let mut r = Reader::new(bytes);
        r.version("snapshot of the producer id allocator", 1)?;
        let next = r.i64()?;
        r.end()?;
        if next < 0 {
            return Err(BadFact::Invalid { what: "producer id" });
        }
        Ok(Self { next, left: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { wall: 0, mono: 0 };

    fn take(ids: &mut ProducerIds) {
        ids.decide(NOW, TakeBlock).unwrap().facts.iter().for_each(|f| ids.apply(f));
    }

    #[test]
    fn ids_are_dense_within_a_block_and_a_block_is_taken_only_when_none_is_left() {
        let mut ids = ProducerIds::default();
        assert_eq!(ids.hand_out(), None);
        take(&mut ids);
        for expected in 0..limits::PRODUCER_ID_BLOCK {
            assert_eq!(ids.decide(NOW, TakeBlock).unwrap().facts, []);
            assert_eq!(ids.hand_out(), Some(ProducerId(expected)));
        }
        assert_eq!(ids.hand_out(), None);
        assert_eq!(ids.hand_out(), None);
        take(&mut ids);
        assert_eq!(ids.hand_out(), Some(ProducerId(limits::PRODUCER_ID_BLOCK)));
    }

    #[test]
    fn no_id_is_handed_out_twice_across_a_crash() {
        let mut ids = ProducerIds::default();
        take(&mut ids);
        let before = ids.hand_out().unwrap();
        let mut bytes = Vec::new();
        ids.snapshot(&mut bytes);
        assert_eq!(bytes, [1, 0xd0, 0x0f], "a snapshot has the bytes it always had");
        for mut after in [ProducerIds::restore(&bytes).unwrap(), replayed()] {
            take(&mut after);
            assert!(after.hand_out().unwrap() > ProducerId(before.0 + limits::PRODUCER_ID_BLOCK - 2));
        }
        fn replayed() -> ProducerIds {
            let mut ids = ProducerIds::default();
            ids.apply(&ProducerIdsTaken { next: limits::PRODUCER_ID_BLOCK }.into());
            ids.recovered();
            ids
        }
    }

    #[test]
    fn when_all_are_used_up_it_says_so() {
        let mut ids = ProducerIds::default();
        ids.apply(&ProducerIdsTaken { next: i64::MAX - 5 }.into());
        ids.recovered();
        assert_eq!(ids.decide(NOW, TakeBlock), Err(UsedUp));
    }
}
