//! Answers that are kept for who asks again: under a key of the client's own choice stands what it was told, for a day, so
//! that a request whose answer was lost can be sent once more and does its work once. Bounded in number and in bytes: when
//! there is too much, the oldest answers go first.
//!
//! An answer becomes true in the same entry of the log as what it tells of. It judges nothing but whether a key was used,
//! and knows neither requests nor what an answer says.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
        facts,
    },
    limits,
    machine::Now,
};

facts! {
    /// What can become true of the answers.
    pub enum AnsweredFact of "kept answers" { AnswerKept }
}

/// A hash of what a client called its request, and of whom it was sent to.
pub type Key = [u8; 16];

/// An answer was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerKept {
    pub key: Key,
    /// A hash of what was asked: the same key with another question is a mistake.
    pub print: [u8; 16],
    /// Wall-clock milliseconds.
    pub at: i64,
    pub answer: Arc<[u8]>,
}

impl Content for AnswerKept {
    const KIND: u8 = 160;
    const VERSION: u8 = 1;
    const NAME: &'static str = "answer kept";
    fn write(&self, w: &mut Writer<'_>) {
        w.bytes(&self.key);
        w.bytes(&self.print);
        w.i64(self.at);
        w.bytes(&self.answer);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let hash = |r: &mut Reader<'_>| {
            let bytes = r.bytes("bytes of a hash", 16)?;
            bytes.try_into().map_err(|_| BadFact::Invalid { what: "hash" })
        };
        let (key, print, at) = (hash(r)?, hash(r)?, r.i64()?);
        Ok(Self { key, print, at, answer: r.bytes("bytes of an answer", limits::ANSWER_BYTES_MAX)?.into() })
    }
}

/// What is known of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Known {
    /// Nobody used it within the window.
    Fresh,
    /// The same was asked before, and this was the answer.
    Again(Arc<[u8]>),
    /// Something else was asked before.
    Other,
}

/// All kept answers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answered {
    by_key: HashMap<Key, AnswerKept>,
    by_time: BTreeSet<(i64, Key)>,
    bytes: usize,
}

impl Answered {
    /// What was answered under this key, if that is not too long ago.
    pub fn known(&self, now: Now, key: &Key, print: &[u8; 16]) -> Known {
        let since = now.wall.saturating_sub(limits::ANSWER_KEPT_MS);
        match self.by_key.get(key).filter(|kept| kept.at > since) {
            None => Known::Fresh,
            Some(kept) if kept.print == *print => Known::Again(kept.answer.clone()),
            Some(_) => Known::Other,
        }
    }

    pub fn len(&self) -> usize {
        self.by_key.len()
    }
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Also lets go what is older than the window, seen from this answer, and what is too much.
    pub fn apply(&mut self, fact: &AnsweredFact) {
        let AnsweredFact::AnswerKept(kept) = fact;
        self.enter(kept.clone());
        let since = kept.at.saturating_sub(limits::ANSWER_KEPT_MS);
        while let Some((at, key)) = self.by_time.first().copied() {
            let too_much = self.by_key.len() > limits::ANSWERS_MAX || self.bytes > limits::ANSWERS_BYTES_MAX;
            if at > since && !too_much {
                return;
            }
            self.drop(&key);
        }
    }

    fn enter(&mut self, kept: AnswerKept) {
        self.drop(&kept.key);
        self.bytes += kept.answer.len();
        self.by_time.insert((kept.at, kept.key));
        self.by_key.insert(kept.key, kept);
    }

    fn drop(&mut self, key: &Key) {
        if let Some(gone) = self.by_key.remove(key) {
            self.by_time.remove(&(gone.at, *key));
            self.bytes -= gone.answer.len();
        }
    }

    pub fn snapshot(&self, into: &mut Vec<u8>) {
        let w = &mut Writer::new(into);
        w.u8(1);
        w.count(self.by_time.len());
        self.by_time.iter().filter_map(|(_, key)| self.by_key.get(key)).for_each(|kept| kept.write(w));
    }

    pub fn restore(bytes: &[u8]) -> Result<Self, BadFact> {
        let r = &mut Reader::new(bytes);
        let version = r.version("snapshot of kept answers", 1)?;
        let count = r.count("answers", limits::ANSWERS_MAX, 36)?;
        let mut answered = Self::default();
        for _ in 0..count {
            answered.enter(AnswerKept::read(version, r)?);
        }
        r.clone().end()?;
        Ok(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PRINT: [u8; 16] = [2; 16];

    fn now(wall: i64) -> Now {
        Now { wall, mono: 0 }
    }
    fn keep(answered: &mut Answered, key: u8, at: i64, answer: &[u8]) {
        answered.apply(&AnswerKept { key: [key; 16], print: PRINT, at, answer: answer.into() }.into());
    }

    #[test]
    fn an_answer_has_the_bytes_it_always_had() {
        let fact = AnsweredFact::from(AnswerKept { key: [1; 16], print: PRINT, at: 7, answer: b"ok"[..].into() });
        let mut bytes = Vec::new();
        fact.encode(&mut bytes);
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, format!("a001 10{} 10{} 0e 026f6b", "01".repeat(16), "02".repeat(16)).replace(' ', ""));
        assert_eq!(AnsweredFact::decode(&bytes), Ok(fact));
        (0..bytes.len()).for_each(|len| assert!(AnsweredFact::decode(&bytes[..len]).is_err(), "{len} bytes"));
    }

    #[test]
    fn a_key_is_known_for_a_day() {
        let mut answered = Answered::default();
        keep(&mut answered, 1, 1_000, b"first");
        let day = limits::ANSWER_KEPT_MS;
        assert_eq!(answered.known(now(1_000), &[1; 16], &PRINT), Known::Again(b"first"[..].into()));
        assert_eq!(answered.known(now(1_000), &[1; 16], &[3; 16]), Known::Other);
        assert_eq!(answered.known(now(1_000), &[9; 16], &PRINT), Known::Fresh);
        assert_eq!(answered.known(now(1_000 + day), &[1; 16], &PRINT), Known::Fresh);
        keep(&mut answered, 2, 1_000 + day, b"second");
        assert_eq!((answered.len(), answered.bytes), (1, 6), "what is too old goes with the next");
        // A clock that jumps back does not make what was just kept too old.
        keep(&mut answered, 3, 5, b"third");
        assert_eq!(answered.known(now(5), &[3; 16], &PRINT), Known::Again(b"third"[..].into()));
    }

    #[test]
    fn too_much_lets_the_oldest_go() {
        let mut answered = Answered::default();
        let large = vec![0; limits::ANSWER_BYTES_MAX];
        let fit = limits::ANSWERS_BYTES_MAX / large.len();
        for n in 0..fit + 3 {
            let key = (n as u128).to_be_bytes();
            answered.apply(&AnswerKept { key, print: PRINT, at: n as i64, answer: large.clone().into() }.into());
        }
        assert_eq!(answered.len(), fit);
        assert_eq!(answered.known(now(0), &2u128.to_be_bytes(), &PRINT), Known::Fresh);
        assert!(matches!(answered.known(now(0), &3u128.to_be_bytes(), &PRINT), Known::Again(_)));
    }

    proptest! {
        #[test]
        fn a_snapshot_is_the_answers(facts in prop::collection::vec((0..6u8, 0..200_000_000i64, prop::collection::vec(any::<u8>(), 0..9)), 0..20)) {
            let mut answered = Answered::default();
            facts.iter().for_each(|(key, at, answer)| keep(&mut answered, *key, *at, answer));
            let mut bytes = Vec::new();
            answered.snapshot(&mut bytes);
            prop_assert_eq!(Answered::restore(&bytes), Ok(answered));
            for len in 0..bytes.len() {
                prop_assert!(Answered::restore(&bytes[..len]).is_err());
            }
        }

        #[test]
        fn hostile_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Answered::restore(&bytes);
            let _ = AnsweredFact::decode(&bytes);
        }
    }
}
