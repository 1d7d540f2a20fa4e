//! The expiry ledger: what was removed before a group had read it, and whose reading that was. A bounded list; the oldest
//! line goes first, and how many there ever were is counted.
//!
//! A line becomes true in the same entry of the log as the log start that made it so. It judges nothing.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    fact::{
        BadFact, Content, MoveReason,
        codec::{Reader, Writer},
        facts,
    },
    ids::{Offset, TopicId, TopicName},
    limits,
};

facts! {
    /// What can become true of the ledger.
    pub enum UnreadFact of "expiry ledger" { UnreadRemoved }
}

/// Records went before a group had read them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnreadRemoved {
    pub topic: TopicId,
    pub name: TopicName,
    pub partition: i32,
    /// The first offset that somebody had not read.
    pub from: Offset,
    /// One past the last.
    pub to: Offset,
    /// Wall-clock milliseconds.
    pub at: i64,
    pub why: MoveReason,
    /// Who had not read it, and where each stood.
    pub groups: Vec<(Arc<str>, Offset)>,
}

impl Content for UnreadRemoved {
    const KIND: u8 = 184;
    const VERSION: u8 = 1;
    const NAME: &'static str = "unread records removed";
    fn write(&self, w: &mut Writer<'_>) {
        w.uuid(self.topic.0);
        w.str(self.name.as_str());
        w.i32(self.partition);
        w.i64(self.from);
        w.i64(self.to);
        w.i64(self.at);
        w.u8(self.why.code());
        w.count(self.groups.len());
        for (group, position) in &self.groups {
            w.str(group);
            w.i64(*position);
        }
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let topic = TopicId(r.uuid()?);
        let name = r.str("bytes of a topic name", 249)?.parse().map_err(|_| BadFact::Invalid { what: "topic name" })?;
        let (partition, from, to, at) = (r.i32()?, r.i64()?, r.i64()?, r.i64()?);
        let why = MoveReason::of_code(r.u8()?)?;
        let count = r.count("groups", limits::UNREAD_GROUPS_MAX, 2)?;
        let group = |r: &mut Reader<'_>| Ok((r.str("bytes of a group name", limits::GROUP_NAME_BYTES_MAX)?.into(), r.i64()?));
        let groups = (0..count).map(|_| group(r)).collect::<Result<_, BadFact>>()?;
        Ok(Self { topic, name, partition, from, to, at, why, groups })
    }
}

impl UnreadRemoved {
    /// The same readers go on not reading the same partition.
    fn continues(&self, earlier: &Self) -> bool {
        let names = |line: &Self| line.groups.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let same = (self.topic, self.partition, self.why) == (earlier.topic, earlier.partition, earlier.why);
        same && self.from == earlier.to && names(self) == names(earlier)
    }
}

/// The ledger.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    lines: VecDeque<UnreadRemoved>,
    /// Records that went unread, ever.
    records: u64,
}

impl Ledger {
    /// Oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &UnreadRemoved> {
        self.lines.iter()
    }
    pub fn records(&self) -> u64 {
        self.records
    }

    pub fn apply(&mut self, fact: &UnreadFact) {
        let UnreadFact::UnreadRemoved(line) = fact;
        self.records = self.records.saturating_add(line.to.abs_diff(line.from));
        let place = (line.topic, line.partition);
        let last = self.lines.iter_mut().rev().find(|other| (other.topic, other.partition) == place);
        match last {
            Some(last) if line.continues(last) => (last.to, last.at) = (line.to, line.at),
            _ => {
                if self.lines.len() == limits::UNREAD_LINES_MAX {
                    self.lines.pop_front();
                }
                self.lines.push_back(line.clone());
            }
        }
    }

    pub fn snapshot(&self, into: &mut Vec<u8>) {
        let w = &mut Writer::new(into);
        w.u8(1);
        w.u64(self.records);
        w.count(self.lines.len());
        self.lines.iter().for_each(|line| line.write(w));
    }

    pub fn restore(bytes: &[u8]) -> Result<Self, BadFact> {
        let r = &mut Reader::new(bytes);
        let version = r.version("snapshot of the expiry ledger", 1)?;
        let records = r.u64()?;
        let count = r.count("lines", limits::UNREAD_LINES_MAX, 24)?;
        let lines = (0..count).map(|_| UnreadRemoved::read(version, r)).collect::<Result<_, _>>()?;
        r.clone().end()?;
        Ok(Self { lines, records })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Uuid;

    fn line(partition: i32, from: i64, to: i64) -> UnreadRemoved {
        UnreadRemoved {
            topic: TopicId(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)),
            name: "t".parse().unwrap(),
            partition,
            from,
            to,
            at: 7,
            why: MoveReason::Forced,
            groups: vec![("g".into(), from)],
        }
    }

    #[test]
    fn a_line_has_the_bytes_it_always_had() {
        let mut bytes = Vec::new();
        UnreadFact::from(line(0, 3, 5)).encode(&mut bytes);
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "b8010102030405060708090a0b0c0d0e0f10017400060a0e0401016706");
        assert_eq!(UnreadFact::decode(&bytes), Ok(line(0, 3, 5).into()));
        for len in 0..bytes.len() {
            assert!(UnreadFact::decode(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn what_goes_on_is_one_line_and_the_oldest_goes_first() {
        let mut ledger = Ledger::default();
        for (partition, from, to) in [(0, 0, 2), (1, 0, 1), (0, 2, 5), (0, 7, 8)] {
            ledger.apply(&line(partition, from, to).into());
        }
        let ranges: Vec<_> = ledger.lines().map(|l| (l.partition, l.from, l.to)).collect();
        assert_eq!((ranges, ledger.records()), (vec![(0, 0, 5), (1, 0, 1), (0, 7, 8)], 7));
        for n in 0..2 * limits::UNREAD_LINES_MAX as i64 {
            ledger.apply(&line(2, 3 * n, 3 * n + 1).into());
        }
        let mut bytes = Vec::new();
        ledger.snapshot(&mut bytes);
        assert_eq!(Ledger::restore(&bytes).as_ref(), Ok(&ledger));
        assert_eq!(ledger.lines().count(), limits::UNREAD_LINES_MAX);
    }
}
