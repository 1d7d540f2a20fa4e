//! Trying again: how often, how long between, and only what may be tried again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Error, Result, Step, Trace};

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Pause after the first failure; doubled each time.
    pub first: Duration,
    /// The longest pause.
    pub most: Duration,
    /// After this long the last error is final.
    pub within: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first: Duration::from_millis(50), most: Duration::from_secs(1), within: Duration::from_secs(30) }
    }
}

impl Retry {
    /// The first error is final.
    pub const NEVER: Self = Self { first: Duration::ZERO, most: Duration::ZERO, within: Duration::ZERO };

    /// The pause that was doubled so many times.
    pub(crate) fn doubled(&self, times: u32) -> Duration {
        self.first.saturating_mul(1 << times.min(16)).min(self.most)
    }
}

/// One thing being tried.
pub struct Backoff {
    retry: Retry,
    doing: String,
    began: Instant,
    attempts: u32,
    trace: Option<Arc<dyn Trace>>,
}

impl Backoff {
    /// `doing` names it in traces.
    pub fn new(retry: Retry, doing: impl Into<String>, trace: Option<Arc<dyn Trace>>) -> Self {
        Self { retry, doing: doing.into(), began: Instant::now(), attempts: 0, trace }
    }

    /// After a failure: waits, or gives the error back when it is final or patience ended.
    pub async fn pause(&mut self, error: Error) -> Result<()> {
        if error.is_retriable() { self.pause_for(error).await } else { Err(error) }
    }

    /// As [`Backoff::pause`], for errors that the caller knows to be passing.
    pub async fn pause_for(&mut self, error: Error) -> Result<()> {
        let wait = self.wait();
        if self.began.elapsed() + wait > self.retry.within {
            return Err(error);
        }
        if let Some(trace) = &self.trace {
            trace.step(&Step::Retrying { doing: &self.doing, error: &error, attempt: self.attempts, wait });
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Something worked meanwhile: patience begins anew.
    pub fn reset(&mut self) {
        (self.began, self.attempts) = (Instant::now(), 0);
    }

    /// The next pause, with a fifth of it up to chance so that clients do not march in step.
    pub fn wait(&mut self) -> Duration {
        let doubled = self.retry.doubled(self.attempts);
        self.attempts += 1;
        let chance = u64::from(self.began.elapsed().subsec_nanos()).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        doubled.mul_f64(0.8 + 0.4 * (chance as f64 / f64::from(u32::MAX)))
    }
}
