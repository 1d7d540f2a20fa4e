//! What is said about messages that were written: where each is, and how safe; and how many were, when something breaks.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use milena_client::{Cluster, Placed};
use serde_json::json;

use super::{AcksWord, Options};
use crate::{
    cmd::sending::Progress,
    failure::Failure,
    ours::Ours,
    screen::{Output, Screen},
};

/// Up to this many messages have a line each; more have a line a partition.
const ONE_BY_ONE: usize = 10;

pub(super) struct Report {
    output: Output,
    acks: AcksWord,
    quiet: bool,
    /// Somebody is typing, and sees each line's fate at once.
    person: bool,
    screen: Screen,
    began: Option<Instant>,
    first: Vec<(Placed, usize, Duration)>,
    partitions: BTreeMap<i32, Stretch>,
    topic: String,
    pub(super) progress: Progress,
    bytes: u64,
    bar: Option<ProgressBar>,
    safety: Option<&'static str>,
    /// What values are encoded with.
    schema: Option<String>,
}

/// The offsets of one partition, first and last.
struct Stretch {
    count: u64,
    first: Option<i64>,
    last: Option<i64>,
}

impl Report {
    pub(super) fn new(options: &Options, person: bool, schema: Option<String>) -> Self {
        let bar = (!person && !options.connect.quiet && std::io::stderr().is_terminal()).then(bar);
        Self {
            output: options.output,
            acks: options.acks,
            quiet: options.connect.quiet,
            person,
            screen: Screen::new(),
            began: None,
            first: Vec::new(),
            partitions: BTreeMap::new(),
            topic: options.topic.clone(),
            progress: Progress::new("message"),
            bytes: 0,
            bar,
            safety: None,
            schema,
        }
    }

    /// The first record is about to leave.
    pub(super) fn begin(&mut self) {
        self.began.get_or_insert_with(Instant::now);
    }

    pub(super) async fn placed(
        &mut self,
        placed: Placed,
        bytes: usize,
        since: Instant,
        cluster: &Cluster,
    ) -> Result<(), Failure> {
        let took = since.elapsed();
        self.bytes += bytes as u64;
        let stretch = self.partitions.entry(placed.partition).or_insert(Stretch { count: 0, first: placed.offset, last: None });
        stretch.count += 1;
        stretch.last = placed.offset;
        if let Some(bar) = &self.bar {
            bar.set_position(self.progress.acknowledged);
        }
        if self.output == Output::Json {
            return self.json(&placed, bytes);
        }
        if self.person {
            self.learn_safety(cluster).await;
            return self.line(&placed, bytes, took);
        }
        if self.first.len() <= ONE_BY_ONE {
            self.first.push((placed, bytes, took));
        }
        Ok(())
    }

    fn json(&mut self, placed: &Placed, bytes: usize) -> Result<(), Failure> {
        let line = json!({
            "topic": &*placed.topic, "partition": placed.partition, "offset": placed.offset, "bytes": bytes, "ts": placed.timestamp,
        });
        self.screen.line(line)
    }

    pub(super) async fn finish(mut self, cluster: &Cluster) -> Result<(), Failure> {
        let took = self.began.map_or(Duration::ZERO, |began| began.elapsed());
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if self.output == Output::Text && !self.person && !self.quiet {
            self.learn_safety(cluster).await;
            if self.first.len() <= ONE_BY_ONE {
                for (placed, bytes, took) in std::mem::take(&mut self.first) {
                    self.line(&placed, bytes, took)?;
                }
            } else {
                self.summary(took)?;
            }
        }
        self.screen.flush()
    }

    fn line(&mut self, placed: &Placed, bytes: usize, took: Duration) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        let safety = self.safety.unwrap_or("acknowledged");
        let schema = self.schema.as_ref().map_or(String::new(), |schema| format!("{schema}   "));
        let at = placed.offset.map_or(String::new(), |offset| format!(" @{offset}"));
        self.screen.line(format_args!(
            "{}/{}{at}   {bytes} {}   {schema}{safety} in {}",
            placed.topic,
            placed.partition,
            if bytes == 1 { "byte" } else { "bytes" },
            brief(took)
        ))
    }

    fn summary(&mut self, took: Duration) -> Result<(), Failure> {
        for (partition, s) in std::mem::take(&mut self.partitions) {
            let range = match (s.first, s.last) {
                (Some(first), Some(last)) => format!(" @{first} to @{last}"),
                _ => String::new(),
            };
            self.screen.line(format_args!("{}/{partition}{range}   {} messages", self.topic, s.count))?;
        }
        let safety = self.safety.unwrap_or("acknowledged");
        self.screen.line(format_args!(
            "{} messages   {} bytes   {safety} in {}",
            self.progress.acknowledged,
            self.bytes,
            brief(took)
        ))
    }

    /// Only what is true: that a broker flushes before it acknowledges is known of ours alone.
    async fn learn_safety(&mut self, cluster: &Cluster) {
        if self.safety.is_some() {
            return;
        }
        self.safety = Some(match self.acks {
            AcksWord::None => "sent, acknowledged by nobody,",
            AcksWord::Leader | AcksWord::All => match Ours::seen(cluster).await {
                Some(Ours { durable: true, .. }) => "stored and flushed",
                Some(Ours { durable: false, .. }) => "kept in the broker's memory",
                None if self.acks == AcksWord::Leader => "acknowledged by the leader",
                None => "acknowledged",
            },
        });
    }

    /// A failure, told with how far it came.
    pub(super) fn spoilt(&mut self, failure: Failure) -> Failure {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let _ = self.screen.flush();
        self.progress.spoilt(failure, |first| {
            let again = || format!("tail -n +{first} FILE | milena produce {}   (a few may then be there twice)", self.topic);
            self.progress.is_lost().then(|| format!("milena wait ready && {}", again()))
        })
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{human_pos} messages   {per_sec}   {elapsed}");
    let bar = ProgressBar::no_length();
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A duration to three digits.
pub(crate) fn brief(took: Duration) -> String {
    match took.as_micros() {
        us @ 0..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        us => format!("{:.2} s", us as f64 / 1e6),
    }
}
