//! The contract of every noun.

/// The moment a command is judged, given by the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// Milliseconds since 1970. For stamps that people and clients see. May jump.
    pub wall: i64,
    /// Milliseconds of a clock that never jumps. For sessions, leases, waits. Means nothing across a restart.
    pub mono: i64,
}

/// What a judgement leads to: what should become true, and what to answer when it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision<F, R> {
    pub facts: Vec<F>,
    pub reply: R,
}
impl<F, R> Decision<F, R> {
    /// Nothing changes.
    pub fn reply(reply: R) -> Self {
        Self { facts: Vec::new(), reply }
    }
    pub fn new(facts: Vec<F>, reply: R) -> Self {
        Self { facts, reply }
    }
}

/// One noun's judgement. Deterministic: same facts, same commands, same `Now`, same answers.
pub trait Machine {
    type Command;
    type Fact;
    type Reply;
    type Refusal;
    /// Reads state, changes nothing.
    fn decide(&self, now: Now, command: Self::Command) -> Result<Decision<Self::Fact, Self::Reply>, Self::Refusal>;
    /// The only way that state changes. Never refuses, never asks, reads no clock.
    fn apply(&mut self, fact: &Self::Fact);
    /// When time alone will want a say: a moment of `Now::mono`, or of `Now::wall` where the noun says so.
    fn deadline(&self) -> Option<i64> {
        None
    }
    /// What becomes true because time passed.
    fn expire(&self, _now: Now) -> Vec<Self::Fact> {
        Vec::new()
    }
}
