//! The memory store keeps the laws, also while it answers as a store with several writers may.

use std::sync::Arc;

use milena_store::{
    Recovered, Replay, Store,
    dice::Dice,
    laws::{Harness, laws, script},
    memory::{Injected, Memory, Options},
};
use proptest::prelude::*;

struct InMemory {
    memory: Memory,
    /// Seed of what is injected: none without.
    faults: Option<u64>,
}

fn small() -> Options {
    Options { budget: 4 << 20, in_flight: 256 << 10, replayable: true, snapshot_after: 2000 }
}

fn harness(faults: Option<u64>) -> Box<dyn Harness> {
    Box::new(InMemory { memory: Memory::new(small()), faults })
}

impl Harness for InMemory {
    fn open(&mut self, replay: &mut dyn Replay) -> Result<(Arc<dyn Store>, Recovered), String> {
        let (memory, recovered) = self.memory.restart(replay);
        if let Some(seed) = &mut self.faults {
            *seed += 1;
            let mut dice = Dice::new(*seed);
            for _ in 0..40 {
                memory.inject([Injected::Stale, Injected::UnknownStored, Injected::UnknownLost][dice.below(3) as usize]);
            }
        }
        self.memory = memory.clone();
        Ok((Arc::new(memory), recovered))
    }
    fn cut(&mut self, store: Arc<dyn Store>) {
        drop(store);
    }
    fn fail(&mut self, _store: &Arc<dyn Store>) {
        self.memory.kill("told to");
    }
}

#[test]
fn memory_keeps_the_laws() {
    laws(&|| harness(None));
}

#[test]
fn random_lives_with_stale_and_unknown_answers_are_lived_as_remembered() {
    for seed in 0..30 {
        let steps = script::random(&mut Dice::new(1000 + seed), 150, 5);
        script::play(harness(Some(seed)), seed, &steps).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    // Each number is a step, so that a failing life shrinks to the steps that matter.
    #[test]
    fn any_script_is_lived_as_remembered(steps in prop::collection::vec(any::<u64>(), 1..150), logs in 1u64..9) {
        let steps: Vec<_> = steps.into_iter().map(|s| script::random_step(&mut Dice::new(s), logs)).collect();
        prop_assert_eq!(script::play(harness(None), 1, &steps), Ok(()), "{:#?}", steps);
    }
}
