//! What is said about messages that were written: where each is, and how safe; and how many were, when something breaks.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use milena_client::{Cluster, Error, Placed};
use serde_json::json;

use super::{AcksWord, Options};
use crate::{
    failure::{Failure, Kind},
    ours::Ours,
    screen::{Output, Screen, counted},
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
    count: u64,
    bytes: u64,
    bar: Option<ProgressBar>,
    safety: Option<&'static str>,
    /// What values are encoded with.
    schema: Option<String>,
    stop: Option<Stop>,
}

/// What ended the writing before the input's end.
struct Stop {
    failure: Failure,
    /// Which message was refused; `None` where it was never sent.
    number: Option<u64>,
    /// Acknowledged in front of it.
    before: u64,
    /// That are known not to be written: what was refused, and what was read but not sent.
    unwritten: u64,
    /// Nobody answered in time, rather than with a refusal.
    silent: bool,
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
            count: 0,
            bytes: 0,
            bar,
            safety: None,
            schema,
            stop: None,
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
        self.count += 1;
        self.bytes += bytes as u64;
        let stretch = self.partitions.entry(placed.partition).or_insert(Stretch { count: 0, first: placed.offset, last: None });
        stretch.count += 1;
        stretch.last = placed.offset;
        if let Some(bar) = &self.bar {
            bar.set_position(self.count);
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
        self.screen.line(format_args!("{} messages   {} bytes   {safety} in {}", self.count, self.bytes, brief(took)))
    }

    /// Only what is true: that a broker flushes before it acknowledges is known of ours alone.
    async fn learn_safety(&mut self, cluster: &Cluster) {
        if self.safety.is_some() {
            return;
        }
        self.safety = Some(match self.acks {
            AcksWord::None => "sent, acknowledged by nobody,",
            AcksWord::Leader | AcksWord::All => match Ours::ask(cluster).await {
                Some(Ours { durable: true, .. }) => "stored and flushed",
                Some(Ours { durable: false, .. }) => "kept in the broker's memory",
                None if self.acks == AcksWord::Leader => "acknowledged by the leader",
                None => "acknowledged",
            },
        });
    }

    /// A record was not taken. Without a connection nothing more is to be heard; else the fates of those behind it are.
    pub(super) fn refused(&mut self, number: u64, error: Error) -> Result<(), Failure> {
        // Of what was not answered in time nobody knows.
        let silent = matches!(error, Error::Expired { .. }) || error.is_connection();
        let unwritten = u64::from(!silent);
        let failure = Failure::from(error);
        match &mut self.stop {
            Some(stop) => stop.unwritten += unwritten,
            None if failure.kind() == Kind::Unreachable => return Err(failure),
            None => self.stop = Some(Stop { failure, number: Some(number), before: self.count, unwritten, silent }),
        }
        Ok(())
    }

    /// A value could not be made into a record, or not be sent. Without a connection that is the end of all.
    pub(super) fn unsent(&mut self, failure: Failure) -> Result<(), Failure> {
        if failure.kind() == Kind::Unreachable {
            return Err(failure);
        }
        self.stop.get_or_insert(Stop { failure, number: None, before: 0, unwritten: 1, silent: false });
        Ok(())
    }

    /// The input could not be read on.
    pub(super) fn unread(&mut self, failure: Failure) {
        self.stop.get_or_insert(Stop { failure, number: None, before: 0, unwritten: 0, silent: false });
    }

    /// The failure that ended it, once all fates are known. How it is told is [`Self::spoilt`]'s.
    pub(super) fn stopped(&mut self) -> Result<(), Failure> {
        match &self.stop {
            Some(stop) => Err(stop.failure.clone()),
            None => Ok(()),
        }
    }

    /// A failure, told with how far it came. `taken` were read.
    pub(super) fn spoilt(&mut self, failure: Failure, taken: u64) -> Failure {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let _ = self.screen.flush();
        if failure.kind() == Kind::Unheard || (taken <= 1 && self.count == 0) {
            return failure;
        }
        let messages = counted(self.count as i64, "acknowledged message");
        let Some(stop) = self.stop.take() else {
            let unknown = taken.saturating_sub(self.count);
            let told =
                Failure::new(failure.kind(), format!("connection lost after {messages}; {unknown} not known to be written"));
            // Fates are awaited in order, so everything in front of the first without one is written.
            return told.why(failure.what()).fix(format!(
                "milena wait ready && tail -n +{} FILE | milena produce {}   (a few may then be there twice)",
                self.count + 1,
                self.topic
            ));
        };
        failure.within(stop.words(self.count, taken))
    }
}

impl Stop {
    /// How many are written, which is not, and of how many nobody knows.
    fn words(&self, acknowledged: u64, taken: u64) -> String {
        let messages = |n: u64| counted(n as i64, "acknowledged message");
        let unknown = taken.saturating_sub(acknowledged + self.unwritten);
        let mut words = match self.number {
            None => format!("stopped after {}", messages(acknowledged)),
            Some(number) => {
                let more = match acknowledged - self.before {
                    0 => String::new(),
                    n => format!(", and {n} behind it written"),
                };
                let fate = if self.silent { "not acknowledged" } else { "refused" };
                format!("stopped after {}; message {number} was {fate}{more}", messages(self.before))
            }
        };
        if unknown > 0 {
            words += &format!("; {unknown} not known to be written");
        }
        words
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_came_is_told_without_claims() {
        let stop = |number, before, unwritten| Stop {
            failure: Failure::new(Kind::Failed, "x"),
            number,
            before,
            unwritten,
            silent: unwritten == 0,
        };
        assert_eq!(
            stop(Some(2), 1, 0).words(1, 3),
            "stopped after 1 acknowledged message; message 2 was not acknowledged; 2 not known to be written"
        );
        assert_eq!(stop(None, 0, 1).words(5, 6), "stopped after 5 acknowledged messages");
        assert_eq!(stop(Some(2), 1, 1).words(1, 2), "stopped after 1 acknowledged message; message 2 was refused");
        assert_eq!(
            stop(Some(2), 1, 1).words(3, 6),
            "stopped after 1 acknowledged message; message 2 was refused, and 2 behind it written; 2 not known to be written"
        );
    }
}
