//! Plain counters for metrics and `status`. Knows names and numbers; knows no format that shows them.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// How many API keys are counted one by one. Larger keys are counted together in the last slot.
pub const COUNTED_KEYS: usize = 128;

/// A number that only grows. Relaxed: a reader sees each counter right, not all counters at one moment.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);
impl Count {
    /// Answers what it was before.
    pub fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::Relaxed)
    }
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);
impl Gauge {
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    pub fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }
    pub fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }
    /// Adds `n` if that stays within `limit`; or, for somebody whose own `mine` is all that there is, in any case.
    pub fn add_within(&self, n: u64, limit: u64, mine: u64) -> bool {
        let within = |now: u64| (now <= mine || now.saturating_add(n) <= limit).then(|| now.saturating_add(n));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok()
    }
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the node and its doors have done since the start.
#[derive(Debug)]
pub struct Counters {
    requests: [Count; COUNTED_KEYS],
    request_errors: [Count; COUNTED_KEYS],
    /// What a door calls its requests.
    names: OnceLock<fn(i16) -> Option<&'static str>>,
    pub connections_opened: Count,
    pub connections: Gauge,
    /// Bytes of requests and answers that Kafka connections hold, those that hold little left out.
    pub held: Gauge,
    /// The same of the HTTP door.
    pub http_held: Gauge,
    /// Connections closed to make room for others.
    pub crowded_out: Count,
    pub batches_in: Count,
    pub records_in: Count,
    pub bytes_in: Count,
    pub bytes_out: Count,
    /// Fetches answered with records, and without: idle polls are kept apart so that they do not hide the business.
    pub fetches_with_records: Count,
    pub fetches_empty: Count,
    pub batches_refused: Count,
    pub duplicates: Count,
    /// Moves of a log start by retention.
    pub expirations: Count,
    /// Expired batches that answers left out behind living ones (`milena.retention.clock=create`).
    pub hidden_batches: Count,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            requests: std::array::from_fn(|_| Count::default()),
            request_errors: std::array::from_fn(|_| Count::default()),
            names: OnceLock::new(),
            connections_opened: Count::default(),
            connections: Gauge::default(),
            held: Gauge::default(),
            http_held: Gauge::default(),
            crowded_out: Count::default(),
            batches_in: Count::default(),
            records_in: Count::default(),
            bytes_in: Count::default(),
            bytes_out: Count::default(),
            fetches_with_records: Count::default(),
            fetches_empty: Count::default(),
            batches_refused: Count::default(),
            duplicates: Count::default(),
            expirations: Count::default(),
            hidden_batches: Count::default(),
        }
    }
}

impl Counters {
    fn slot(key: i16) -> usize {
        usize::try_from(key).unwrap_or(usize::MAX).min(COUNTED_KEYS - 1)
    }
    /// One request of this API key was answered.
    pub fn request(&self, key: i16) {
        self.requests[Self::slot(key)].add(1);
    }
    /// One request of this API key was answered with an error at its top level, or closed its connection.
    pub fn request_error(&self, key: i16) {
        self.request_errors[Self::slot(key)].add(1);
    }
    /// A door says what it calls its requests. The first one to say so counts.
    pub fn name_requests(&self, names: fn(i16) -> Option<&'static str>) {
        let _ = self.names.set(names);
    }
    /// Kafka's name of a request; `None` of one that no door serves.
    pub fn request_name(&self, key: i16) -> Option<&'static str> {
        self.names.get().and_then(|names| names(key))
    }
    /// `(key, requests, errors)` of every key that was ever asked for.
    pub fn requests(&self) -> impl Iterator<Item = (i16, u64, u64)> + '_ {
        self.requests.iter().zip(&self.request_errors).enumerate().filter_map(|(key, (all, errors))| {
            let key = i16::try_from(key).ok()?;
            (all.get() + errors.get() > 0).then(|| (key, all.get(), errors.get()))
        })
    }
}
