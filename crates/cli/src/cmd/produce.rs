//! `milena produce`: values from arguments, lines or files, each acknowledged before the command ends.

mod encode;
mod input;
mod random;
mod report;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::{Args, ValueEnum};
use milena_client::{
    Acks, Cluster, Delivery, NewRecord, Placed, Producer, ProducerConfig,
    record::{Codec, Compression},
};

use super::sending::{self, Progress, Work};
use crate::{
    connect::Connect,
    envelope,
    failure::{Failure, Kind},
};
use encode::Encoder;
use input::Input;
use random::Random;
use report::Report;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  milena produce hello \"my first message\"
  seq 1000 | milena produce numbers
  milena produce users -k 17 '{\"name\":\"john\"}' -H source=crm
  printf '17=john\\n18=ann\\n' | milena produce users --key-separator =
  milena produce users -k 17 --tombstone
  milena produce users --random 1000              of the schema users-value
  milena read users | milena produce users-copy --json")]
pub(crate) struct Options {
    /// Topic; made if the broker makes topics by itself
    topic: String,
    /// Values, one message each; without any, each line of stdin is one
    value: Vec<String>,
    /// Key of every message
    #[arg(short, long, allow_hyphen_values = true)]
    key: Option<String>,
    /// What stands between key and value in each line or VALUE
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["key", "json"])]
    key_separator: Option<String>,
    /// Header of every message; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    header: Vec<String>,
    /// Partition [default: by the key's hash as Java does it; without a key, any]
    #[arg(short, long, allow_negative_numbers = true)]
    partition: Option<i32>,
    /// Compression: none, gzip, snappy, lz4, zstd
    #[arg(short = 'z', long, default_value = "none")]
    codec: Codec,
    /// Who must have a message before it counts
    #[arg(long, default_value = "all", allow_negative_numbers = true)]
    acks: AcksWord,
    /// Delete the key: a message without a value
    #[arg(long, requires = "key", conflicts_with_all = ["value", "file", "json"])]
    tombstone: bool,
    /// Lines are JSON envelopes, as `read` prints them (kcat's -J is understood)
    #[arg(long, conflicts_with_all = ["key", "header"])]
    json: bool,
    /// Take lines from this file instead of stdin; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    file: Vec<PathBuf>,
    /// The whole of each file, or of stdin, is one message
    #[arg(long)]
    whole: bool,
    /// Bytes as they are, although the topic has schemas for keys or values
    #[arg(long)]
    raw: bool,
    /// Keys as they are, although the topic has a schema for them
    #[arg(long)]
    raw_key: bool,
    /// So many random values of the topic's Avro schema (10 if no number is given)
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10",
        conflicts_with_all = ["value", "file", "whole", "json", "tombstone", "raw", "key_separator", "message"])]
    random: Option<u64>,
    /// The same seed gives the same random values
    #[arg(long, requires = "random", allow_negative_numbers = true)]
    seed: Option<i64>,
    /// Which message of the topic's Protobuf schema the values are [default: its first]
    #[arg(long, value_name = "NAME", conflicts_with = "raw")]
    message: Option<String>,
    /// Timestamp of every message, such as 2026-11-22T14:00:00Z or -5m [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    time: Option<String>,
    /// How to say where messages went
    #[arg(short, long, default_value = "text")]
    output: crate::screen::Output,
    /// Give a message up when it is not acknowledged after this long, such as 10s, 500ms or 2m
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = crate::when::length)]
    timeout: Duration,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum AcksWord {
    /// Every replica in sync
    #[value(alias = "-1")]
    All,
    /// The leader
    #[value(alias = "1")]
    Leader,
    /// Nobody: sent is enough
    #[value(alias = "0")]
    None,
}

impl From<AcksWord> for Acks {
    fn from(word: AcksWord) -> Self {
        match word {
            AcksWord::All => Self::All,
            AcksWord::Leader => Self::Leader,
            AcksWord::None => Self::None,
        }
    }
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let template = Template::of(&options)?;
    let mut input = Input::new(&options)?;
    let patience = options.timeout.clamp(Duration::from_millis(1), Duration::from_secs(3600));
    let cluster = options.connect.cluster_with(|config| {
        config.auto_create_topics = true;
        // A record must not wait longer for its leader to be found than for its acknowledgement.
        config.retry.within = patience;
    });
    let cluster = cluster.await?;
    let encoder = Encoder::of(&cluster, &options).await?;
    if let Some(count) = options.random {
        input.invent(Random::new(encoder.value(), &options, count)?);
    }
    let producer = Producer::new(cluster.clone(), producer_config(&options, patience));
    let mut report = Report::new(&options, input.is_person(), encoder.words());
    let mut values = Values {
        producer: &producer,
        template: &template,
        encoder: &encoder,
        input: &mut input,
        report: &mut report,
        cluster: &cluster,
    };
    let outcome = sending::send_all(&mut values).await;
    outcome.map_err(|failure| report.spoilt(failure))?;
    report.finish(&cluster).await
}

fn producer_config(options: &Options, patience: Duration) -> ProducerConfig {
    ProducerConfig {
        acks: options.acks.into(),
        compression: Compression::from(options.codec),
        delivery_timeout: patience,
        ..ProducerConfig::default()
    }
}

/// What is done with each value.
struct Values<'a> {
    producer: &'a Producer,
    template: &'a Template,
    encoder: &'a Encoder,
    input: &'a mut Input,
    report: &'a mut Report,
    cluster: &'a Cluster,
}

impl Work for Values<'_> {
    type Item = Bytes;
    /// When it left, and how many bytes its value has.
    type Note = (Instant, usize);

    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        self.input.next().await
    }

    async fn send(&mut self, value: Bytes) -> Result<(Delivery, Self::Note), Failure> {
        let place = self.input.place();
        let record = self.encoder.encode(self.template.record(value, place.clone())?, &place)?;
        let bytes = record.value.as_ref().map_or(0, Bytes::len);
        self.report.begin();
        let at = Instant::now();
        Ok((self.producer.send(record).await?, (at, bytes)))
    }

    async fn placed(&mut self, placed: Placed, (at, bytes): Self::Note) -> Result<(), Failure> {
        self.report.placed(placed, bytes, at, self.cluster).await
    }

    fn progress(&mut self) -> &mut Progress {
        &mut self.report.progress
    }
}

/// What all messages of one call have in common.
struct Template {
    record: NewRecord,
    separator: Option<String>,
    tombstone: bool,
    json: bool,
    keep_partition: bool,
}

impl Template {
    fn of(options: &Options) -> Result<Self, Failure> {
        let header = |text: &String| match text.split_once('=') {
            Some((name, value)) => (Bytes::from(name.to_string()), Some(Bytes::from(value.to_string()))),
            None => (Bytes::from(text.clone()), None),
        };
        let timestamp = options.time.as_ref().map(|text| {
            crate::when::read(text).ok_or_else(|| {
                Failure::usage(format!("--time {text:?} is no time")).fix("--time 2026-11-22T14:00:00Z   or   --time -5m")
            })
        });
        Ok(Self {
            record: NewRecord {
                topic: options.topic.as_str().into(),
                partition: options.partition,
                key: options.key.clone().map(Bytes::from),
                value: None,
                headers: options.header.iter().map(header).collect(),
                timestamp: timestamp.transpose()?,
            },
            separator: options.key_separator.clone(),
            tombstone: options.tombstone,
            json: options.json,
            keep_partition: options.partition.is_none(),
        })
    }

    fn record(&self, value: Bytes, place: String) -> Result<NewRecord, Failure> {
        if self.json {
            return self.envelope(&value, &place);
        }
        let mut record = self.record.clone();
        if self.tombstone {
            return Ok(record);
        }
        record.value = Some(value.clone());
        if let Some(separator) = &self.separator {
            let at = memchr(&value, separator.as_bytes()).ok_or_else(|| {
                Failure::new(Kind::Failed, format!("{place} has no {separator:?} between key and value"))
                    .fix("--key-separator TEXT with what stands there, or leave it out")
            })?;
            record.key = Some(value.slice(..at));
            record.value = Some(value.slice(at + separator.len()..));
        }
        Ok(record)
    }

    fn envelope(&self, line: &[u8], place: &str) -> Result<NewRecord, Failure> {
        let bad = |why: String| {
            Failure::new(Kind::Failed, format!("{place} is no message as JSON"))
                .why(why)
                .hint("without --json each line is stored as it stands, JSON or not")
                .fix("one line a message: {\"key\":\"k\",\"value\":\"v\",\"headers\":[[\"name\",\"value\"]]}")
        };
        let text = std::str::from_utf8(line).map_err(|e| bad(e.to_string()))?;
        let record = envelope::read(text, &self.record.topic, self.keep_partition).map_err(bad)?;
        Ok(NewRecord {
            partition: self.record.partition.or(record.partition),
            timestamp: self.record.timestamp.or(record.timestamp),
            ..record
        })
    }
}

/// Where `needle` begins in `hay`.
fn memchr(hay: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() { None } else { hay.windows(needle.len()).position(|w| w == needle) }
}
