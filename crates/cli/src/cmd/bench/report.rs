//! What a bench found, for people and for programs.

use std::{fmt::Write, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::screen::Output;

#[derive(Serialize)]
pub(super) struct Report {
    pub(super) topic: String,
    /// Bytes of a record.
    pub(super) size: usize,
    pub(super) written: Written,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alone: Option<Alone>,
    pub(super) read: Rate,
}

#[derive(Serialize)]
pub(super) struct Written {
    #[serde(flatten)]
    pub(super) rate: Rate,
    /// From handing a record over to its acknowledgement.
    pub(super) ms: Times,
}

#[derive(Serialize)]
pub(super) struct Alone {
    pub(super) records: u64,
    pub(super) ms: Times,
}

#[derive(Serialize)]
pub(super) struct Rate {
    records: u64,
    seconds: f64,
    per_second: f64,
    mb_per_second: f64,
}

/// Milliseconds.
#[derive(Serialize)]
pub(super) struct Times {
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Rate {
    pub(super) fn new(records: u64, bytes: u64, took: Duration) -> Self {
        let seconds = took.as_secs_f64().max(1e-6);
        Self { records, seconds, per_second: records as f64 / seconds, mb_per_second: bytes as f64 / 1e6 / seconds }
    }

    fn words(&self) -> String {
        let Self { records, seconds, per_second, mb_per_second } = self;
        format!("{records} records in {seconds:.2} s: {per_second:.0} a second, {mb_per_second:.1} MB/s")
    }
}

impl From<&Histogram<u64>> for Times {
    fn from(micros: &Histogram<u64>) -> Self {
        let at = |quantile| micros.value_at_quantile(quantile) as f64 / 1e3;
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: micros.max() as f64 / 1e3 }
    }
}

impl Times {
    fn words(&self) -> String {
        let Self { p50, p90, p99, p999, max } = self;
        format!("p50 {p50:.2}  p90 {p90:.2}  p99 {p99:.2}  p99.9 {p999:.2}  max {max:.2} ms")
    }
}

impl Report {
    /// Records that were acknowledged, and are not there. Somebody else who writes to the topic can hide some.
    pub(super) fn lost(&self) -> u64 {
        let acknowledged = self.written.rate.records + self.alone.as_ref().map_or(0, |alone| alone.records);
        acknowledged.saturating_sub(self.read.records)
    }

    pub(super) fn told(&self, output: Output) -> String {
        match output {
            Output::Text => self.text(),
            Output::Json => serde_json::to_string(self).unwrap_or_default() + "\n",
        }
    }

    fn text(&self) -> String {
        let mut out = format!("written      {}\n", self.written.rate.words());
        // Writing to memory does not fail.
        let _ = writeln!(out, "             acknowledged after {}", self.written.ms.words());
        if let Some(Alone { records, ms }) = &self.alone {
            let _ = writeln!(out, "one by one   {records} records, each acknowledged after {}", ms.words());
        }
        let _ = writeln!(out, "read         {}", self.read.words());
        if self.lost() > 0 {
            let _ = writeln!(out, "LOST         {} records that were acknowledged are not there", self.lost());
        }
        out
    }
}
