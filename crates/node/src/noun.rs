//! What every noun has in common here: a machine, its place in its log, and the way from a command to a parked reply.
//! Knows the contract (judge, reserve, apply under one short lock); knows no noun.

use milena_engine::{
    answered::AnsweredFact,
    machine::{Decision, Machine, Now},
    partition::PartitionFact,
    producer::{ids::ProducerIdsFact, writers::WritersFact},
    settings::BrokerConfigFact,
    topic::CatalogFact,
    unread::UnreadFact,
};
use milena_store::{Class, Credit, LogId, Lsn, NoCredit, OpId, Parked, Part, Reserved, Version};

use crate::{
    lock::Lock,
    release::{Dead, Hub},
};

/// A machine, and up to where its log has been applied to it.
#[derive(Debug, Default)]
pub(crate) struct Noun<M> {
    pub(crate) machine: M,
    pub(crate) version: Version,
    /// The last reservation whose facts are applied here: every reply waits for it.
    pub(crate) lsn: Lsn,
}

impl<M> Noun<M> {
    pub(crate) fn new(machine: M) -> Self {
        Self { machine, version: Version(0), lsn: Lsn(0) }
    }
}

/// Facts of this noun can be written down.
pub(crate) trait Written {
    /// The fact's bytes. `None`: it lasts only while this process does, and is applied without being written.
    fn written(&self) -> Option<Vec<u8>>;
}

/// Who must keep up with a noun, under its lock.
pub(crate) trait Follow<M: Machine> {
    /// These facts are about to be reserved.
    fn before(&mut self, _machine: &M, _facts: &[M::Fact]) {}
    /// This fact was just applied.
    fn after(&mut self, _machine: &mut M, _fact: &M::Fact) {}
    /// All facts of a command were applied, up to this LSN.
    fn done(&mut self, _machine: &mut M, _lsn: Lsn) {}
}
impl<M: Machine> Follow<M> for () {}

/// Why a verb could not be tried at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoRoom {
    #[error("{need} bytes do not fit an entry of at most {max} bytes")]
    TooLarge { need: u64, max: u64 },
    #[error("the disk is full: {missing} bytes missing before records are accepted again")]
    DiskFull { missing: u64 },
    /// The catalog refused to give a log.
    #[error(transparent)]
    NoLog(#[from] milena_engine::topic::Refusal),
    #[error(transparent)]
    Dead(#[from] Dead),
}

impl From<NoCredit> for NoRoom {
    /// [`NoCredit::Later`] is for those who wait; who does not is told that nothing fits.
    fn from(no: NoCredit) -> Self {
        match no {
            NoCredit::Later => Self::TooLarge { need: 0, max: 0 },
            NoCredit::TooLarge { need, max } => Self::TooLarge { need, max },
            NoCredit::DiskFull { missing } => Self::DiskFull { missing },
            NoCredit::Dead(fault) => Self::Dead(Dead(fault)),
        }
    }
}

/// What the log takes beside the bytes of a fact; generous, since room that is not used comes back at once.
const PART_COST: u64 = 96;
/// The first guess at the room of a command's facts. Too small only means that the command is judged twice.
const FIRST_GUESS: u64 = 1024;

impl Hub {
    /// Room in the log; waits for its turn, first come first served.
    pub(crate) async fn credit(&self, class: Class, bytes: u64) -> Result<Credit, NoRoom> {
        std::future::poll_fn(|cx| {
            use std::task::Poll;
            match self.store().credit(class, bytes, Some(cx.waker())) {
                Ok(credit) => Poll::Ready(Ok(credit)),
                Err(NoCredit::Later) => Poll::Pending,
                Err(no) => Poll::Ready(Err(no.into())),
            }
        })
        .await
    }

    /// Gives an entry its place. The caller holds the lock of every noun in `parts`.
    pub(crate) fn reserve(&self, mut credit: Credit, class: Class, at: i64, parts: &[Part<'_>]) -> Result<Lsn, Dead> {
        let op = self.next_op();
        loop {
            match self.store().append(credit, op, at, parts) {
                Reserved::At(lsn) => return Ok(lsn),
                Reserved::Dead(fault) => return Err(Dead(fault)),
                // The same op again finds what became of it.
                Reserved::Unknown => credit = self.more_credit(class, parts)?,
                // Nobody else writes to our logs, so a stale guard means that state and log have parted.
                Reserved::Stale { log, version } => {
                    panic!("log {} is at version {}, which its noun does not know", log.0, version.0)
                }
            }
        }
    }

    fn more_credit(&self, class: Class, parts: &[Part<'_>]) -> Result<Credit, Dead> {
        let bytes = parts.iter().map(|p| p.fact.len() as u64 + p.payload.map_or(0, |p| p.bytes.len() as u64)).sum();
        loop {
            match self.store().credit(class, bytes, None) {
                Ok(credit) => return Ok(credit),
                Err(NoCredit::Dead(fault)) => return Err(Dead(fault)),
                Err(_) => {
                    self.store().lead();
                    std::thread::yield_now();
                }
            }
        }
    }

    /// Judges a command, writes its facts to the noun's log, applies them, and parks the reply until they are on disk.
    pub(crate) async fn command<M>(
        &self,
        noun: &Lock<Noun<M>>,
        log: LogId,
        now: Now,
        command: M::Command,
        follow: &mut impl Follow<M>,
    ) -> Result<Parked<Result<M::Reply, M::Refusal>>, NoRoom>
    where
        M: Machine,
        M::Command: Clone,
        M::Fact: Written,
    {
        let mut room = FIRST_GUESS;
        loop {
            let credit = self.credit(Class::Fact, room).await?;
            let mut held = noun.hold();
            let Decision { facts, reply } = match held.machine.decide(now, command.clone()) {
                Ok(decision) => decision,
                Err(refusal) => return Ok(Parked::new(held.lsn, Err(refusal))),
            };
            match self.record(&mut held, log, now.wall, (credit, room), &facts, follow)? {
                Ok(lsn) => return Ok(Parked::new(lsn, Ok(reply))),
                Err(more) => room = more,
            }
        }
    }

    /// Reserves and applies facts that were judged under the same lock. `Err(bytes)` when the credit is too small.
    pub(crate) fn record<M>(
        &self,
        held: &mut Noun<M>,
        log: LogId,
        at: i64,
        (credit, room): (Credit, u64),
        facts: &[M::Fact],
        follow: &mut impl Follow<M>,
    ) -> Result<Result<Lsn, u64>, Dead>
    where
        M: Machine,
        M::Fact: Written,
    {
        let written: Vec<Vec<u8>> = facts.iter().filter_map(Written::written).collect();
        let needed = written.iter().map(|fact| fact.len() as u64 + PART_COST).sum::<u64>();
        if needed > room {
            return Ok(Err(needed));
        }
        follow.before(&held.machine, facts);
        if !written.is_empty() {
            let version = held.version.0;
            let part = |(expected, fact)| Part { log, expected: Version(expected), fact, payload: None };
            let parts: Vec<Part<'_>> = (version..).zip(written.iter().map(Vec::as_slice)).map(part).collect();
            held.lsn = self.reserve(credit, Class::Fact, at, &parts)?;
            held.version = Version(version + parts.len() as u64);
        }
        for fact in facts {
            held.machine.apply(fact);
            follow.after(&mut held.machine, fact);
        }
        let lsn = held.lsn;
        follow.done(&mut held.machine, lsn);
        Ok(Ok(lsn))
    }

    /// Reserves one fact of a noun that is no [`Machine`]; the caller holds its lock and applies the fact.
    pub(crate) fn reserve_one<M>(
        &self,
        log: LogId,
        noun: &mut Noun<M>,
        credit: Credit,
        at: i64,
        fact: &[u8],
    ) -> Result<Lsn, Dead> {
        let part = Part { log, expected: noun.version, fact, payload: None };
        noun.lsn = self.reserve(credit, Class::Fact, at, &[part])?;
        noun.version = Version(noun.version.0 + 1);
        Ok(noun.lsn)
    }
}

macro_rules! written {
    ($($Fact:ty),+ $(,)?) => {
        $(impl Written for $Fact {
            fn written(&self) -> Option<Vec<u8>> {
                let mut bytes = Vec::new();
                self.encode(&mut bytes);
                Some(bytes)
            }
        })+
    };
}
written!(CatalogFact, PartitionFact, ProducerIdsFact, WritersFact, BrokerConfigFact, UnreadFact, AnsweredFact);

/// An operation's identity: unique in the process, and (by the random half) among processes.
#[derive(Debug)]
pub(crate) struct Ops {
    process: u64,
    next: std::sync::atomic::AtomicU64,
}
impl Ops {
    pub(crate) fn new() -> Self {
        Self { process: uuid::Uuid::new_v4().as_u64_pair().0, next: 1.into() }
    }
    pub(crate) fn next(&self) -> OpId {
        let next = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        OpId(u128::from(self.process) << 64 | u128::from(next))
    }
}
