//! How much is tried, and how it is told: one line a harness, and one line of JSON when a campaign runs.

use std::{
    collections::{BTreeMap, HashSet},
    time::Instant,
};

/// `MILENA_CAMPAIGN=N` does N times the work of a CI run.
pub(crate) fn times() -> usize {
    std::env::var("MILENA_CAMPAIGN").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// Seeds differ between campaign runs when `MILENA_SEED` says so, and are the same otherwise.
pub(crate) fn seed() -> u64 {
    std::env::var("MILENA_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// What a harness tried, and what came of it.
pub(crate) struct Report {
    harness: String,
    tried: usize,
    passed: usize,
    states: HashSet<u64>,
    violations: Vec<String>,
    /// What happened beside, by name.
    asides: BTreeMap<&'static str, u64>,
    began: Instant,
}

impl Report {
    pub(crate) fn new(harness: impl Into<String>) -> Self {
        Self {
            harness: harness.into(),
            tried: 0,
            passed: 0,
            states: HashSet::new(),
            violations: Vec::new(),
            asides: BTreeMap::new(),
            began: Instant::now(),
        }
    }

    /// One trial; `Ok` carries a number for the state that was reached.
    pub(crate) fn count(&mut self, outcome: Result<u64, String>) {
        self.tried += 1;
        match outcome {
            Ok(state) => {
                self.passed += 1;
                self.states.insert(state);
            }
            Err(violation) => self.violations.push(violation),
        }
    }

    /// Counts something worth knowing that is neither passed nor failed.
    pub(crate) fn aside(&mut self, name: &'static str, count: u64) {
        *self.asides.entry(name).or_default() += count;
    }

    pub(crate) fn tried(&self) -> usize {
        self.tried
    }

    pub(crate) fn failed(&self) -> bool {
        !self.violations.is_empty()
    }

    pub(crate) fn first_violation(&self) -> Option<&str> {
        self.violations.first().map(String::as_str)
    }

    /// Prints the figures; panics when something was violated.
    pub(crate) fn finish(self) {
        let Report { harness, tried, passed, states, violations, asides, began } = self;
        let millis = began.elapsed().as_millis();
        let asides: String = asides.iter().map(|(name, count)| format!(", {count} {name}")).collect();
        println!("{harness}: tried {tried} passed {passed}, {} distinct states{asides}, {millis} ms", states.len());
        if std::env::var_os("MILENA_CAMPAIGN").is_some() {
            println!(
                r#"{{"harness":"{harness}","seed":{},"tried":{tried},"passed":{passed},"states":{},"millis":{millis}}}"#,
                seed(),
                states.len()
            );
        }
        let shown: Vec<_> = violations.iter().take(5).collect();
        assert!(violations.is_empty(), "{harness}: {} of {tried} failed: {shown:#?}", violations.len());
    }
}
