//! The table of writers: client id, address and principal under a small number, so that every stored batch can say who
//! wrote it at the cost of four bytes.
//!
//! A number is never given to another writer: an old batch must not name the wrong one. What is used again is the room.
//! When the table is full, the writer that was not seen for longest is forgotten, and its batches say "unknown".

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use crate::{
    fact::{
        BadFact, WriterInterned,
        codec::{Reader, Writer as Bytes},
        facts,
    },
    limits,
    machine::{Decision, Machine, Now},
};

facts! {
    /// What can become true of the table.
    pub enum WritersFact of "table of writers" { WriterInterned }
}

/// Number of a batch whose writer nobody knows.
pub const UNKNOWN: u32 = 0;

/// Who writes. Longer fields are cut to [`limits::WRITER_FIELD_BYTES_MAX`] bytes when interned.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Writer {
    pub client: Box<str>,
    /// Without the port.
    pub address: Box<str>,
    pub principal: Box<str>,
}

/// The table. Numbers grow, so the lowest is the one interned first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Writers {
    room: usize,
    by_number: BTreeMap<u32, Writer>,
    numbers: HashMap<Writer, u32>,
    /// The number that the next writer gets.
    next: u32,
    /// Everybody by when they were seen last. Not stored: it only decides who is forgotten, and the fact says who that was.
    seen: BTreeSet<(i64, u32)>,
    seen_at: HashMap<u32, i64>,
}

/// Before every moment.
const NEVER: i64 = i64::MIN;

/// There are no numbers left; batches go on with [`UNKNOWN`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("all numbers of writers are used up")]
pub struct UsedUp;

impl Default for Writers {
    fn default() -> Self {
        Self::with_room(limits::WRITERS_MAX)
    }
}

impl Machine for Writers {
    type Command = Writer;
    type Fact = WritersFact;
    /// The writer's number.
    type Reply = u32;
    type Refusal = UsedUp;

    fn decide(&self, _now: Now, writer: Writer) -> Result<Decision<WritersFact, u32>, UsedUp> {
        let writer = writer.cut();
        if let Some(number) = self.numbers.get(&writer) {
            return Ok(Decision::reply(*number));
        }
        let number = self.next;
        if number == u32::MAX {
            return Err(UsedUp);
        }
        let forgotten = if self.by_number.len() >= self.room { self.longest_unseen() } else { None };
        let Writer { client, address, principal } = writer;
        Ok(Decision::new(vec![WriterInterned { writer: number, client, address, principal, forgotten }.into()], number))
    }

    fn apply(&mut self, fact: &WritersFact) {
        let WritersFact::WriterInterned(WriterInterned { writer: number, client, address, principal, forgotten }) = fact;
        if let Some(gone) = forgotten.and_then(|number| self.by_number.remove(&number).map(|w| (number, w))) {
            self.numbers.remove(&gone.1);
            let at = self.seen_at.remove(&gone.0).unwrap_or(NEVER);
            self.seen.remove(&(at, gone.0));
        }
        let writer = Writer { client: client.clone(), address: address.clone(), principal: principal.clone() };
        self.enter(*number, writer);
        self.next = self.next.max(number.saturating_add(1));
    }
}

impl Writers {
    /// A table for at most `room` writers.
    pub fn with_room(room: usize) -> Self {
        let (by_number, numbers) = (BTreeMap::new(), HashMap::new());
        Self { room, by_number, numbers, next: UNKNOWN + 1, seen: BTreeSet::new(), seen_at: HashMap::new() }
    }

    /// Who has that number, if it was not forgotten.
    pub fn writer(&self, number: u32) -> Option<&Writer> {
        self.by_number.get(&number)
    }

    /// A connection of this writer was seen; who is seen is not forgotten.
    pub fn seen(&mut self, number: u32, now: Now) {
        if self.by_number.contains_key(&number) {
            let before = self.seen_at.insert(number, now.mono).unwrap_or(NEVER);
            self.seen.remove(&(before, number));
            self.seen.insert((now.mono, number));
        }
    }

    /// So many numbers were given to writers of whom nothing is known any more: nobody else gets them.
    pub fn pass_numbers(&mut self, count: u64) {
        self.next = self.next.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// Of those that were not seen since the start, the one that was interned first.
    fn longest_unseen(&self) -> Option<u32> {
        self.seen.first().map(|(_, number)| *number)
    }

    fn enter(&mut self, number: u32, writer: Writer) {
        self.numbers.insert(writer.clone(), number);
        self.by_number.insert(number, writer);
        self.seen.insert((NEVER, number));
    }

    pub fn snapshot(&self, into: &mut Vec<u8>) {
        let mut w = Bytes::new(into);
        w.u8(1);
        w.u32(self.next);
        w.count(self.by_number.len());
        for (number, writer) in &self.by_number {
            w.u32(*number);
            [&writer.client, &writer.address, &writer.principal].into_iter().for_each(|field| w.str(field));
        }
    }

    pub fn restore(bytes: &[u8]) -> Result<Self, BadFact> {
        let mut r = Reader::new(bytes);
        r.version("snapshot of the table of writers", 1)?;
        let mut writers = Self { next: r.u32()?, ..Self::default() };
        for _ in 0..r.count("writers", limits::WRITERS_MAX, 4)? {
            let number = r.u32()?;
            let field = |r: &mut Reader<'_>| r.str("bytes of a writer's name", limits::WRITER_FIELD_BYTES_MAX).map(Box::from);
            let writer = Writer { client: field(&mut r)?, address: field(&mut r)?, principal: field(&mut r)? };
            writers.enter(number, writer);
        }
        r.end()?;
        Ok(writers)
    }
}

impl Writer {
    fn cut(mut self) -> Self {
        for field in [&mut self.client, &mut self.address, &mut self.principal] {
            if field.len() > limits::WRITER_FIELD_BYTES_MAX {
                *field = field[..field.floor_char_boundary(limits::WRITER_FIELD_BYTES_MAX)].into();
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(client: &str) -> Writer {
        Writer { client: client.into(), address: "127.0.0.1".into(), principal: "User:ANONYMOUS".into() }
    }
    fn at(mono: i64) -> Now {
        Now { wall: 0, mono }
    }
    fn intern(writers: &mut Writers, client: &str) -> (u32, usize) {
        let decision = writers.decide(at(0), named(client)).unwrap();
        decision.facts.iter().for_each(|f| writers.apply(f));
        (decision.reply, decision.facts.len())
    }

    #[test]
    fn a_writer_keeps_its_number_and_costs_one_fact() {
        let mut writers = Writers::default();
        assert_eq!(intern(&mut writers, "a"), (1, 1));
        assert_eq!(intern(&mut writers, "b"), (2, 1));
        assert_eq!(intern(&mut writers, "a"), (1, 0));
        assert_eq!(writers.writer(2), Some(&named("b")));
        assert_eq!(writers.writer(UNKNOWN), None);
    }

    #[test]
    fn a_full_table_forgets_who_was_unseen_longest_and_never_uses_a_number_again() {
        let mut writers = Writers::with_room(2);
        intern(&mut writers, "a");
        intern(&mut writers, "b");
        writers.seen(1, at(5));
        assert_eq!(intern(&mut writers, "c"), (3, 1));
        assert_eq!((writers.writer(1).is_some(), writers.writer(2)), (true, None));
        assert_eq!(intern(&mut writers, "b"), (4, 1));
        assert_eq!(writers.writer(3), None);
        assert_eq!((writers.by_number.len(), writers.numbers.len(), writers.seen.len(), writers.seen_at.len()), (2, 2, 2, 1));
    }

    #[test]
    fn a_snapshot_brings_everything_back_but_who_was_seen() {
        let mut writers = Writers::default();
        intern(&mut writers, "a");
        intern(&mut writers, "ü");
        let mut bytes = Vec::new();
        writers.snapshot(&mut bytes);
        assert_eq!(Writers::restore(&bytes).unwrap(), writers);
        let expected = *b"\x01\x03\x02\x01\x01a\x09127.0.0.1\x0eUser:ANONYMOUS\x02\x02\xc3\xbc\x09127.0.0.1\x0eUser:ANONYMOUS";
        assert_eq!(bytes, expected, "a snapshot has the bytes it always had");
        for len in 0..bytes.len() {
            assert!(Writers::restore(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let mut writers = Writers::default();
        let long = "ü".repeat(300);
        let (number, _) = intern(&mut writers, &long);
        assert_eq!(&*writers.writer(number).unwrap().client, "ü".repeat(127));
        assert_eq!(intern(&mut writers, &long), (number, 0));
    }
}
