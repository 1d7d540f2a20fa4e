//! `milena take QUEUE`: messages for a while. Each is a line of JSON with its lease; `ack`, `nack` and `extend` take the lease.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    screen::counted,
    table::{self, Output},
    web::{Reply, Web, escaped},
    when,
};

/// Who works, when nobody says so.
pub(crate) const GROUP: &str = "workers";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The topic
    queue: String,
    /// Who works on it: each message goes to one taker of a group
    #[arg(short, long, default_value = GROUP)]
    group: String,
    /// At most so many messages
    #[arg(short = 'n', long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=500))]
    count: i64,
    /// Wait so long for the first, up to 30s
    #[arg(long, default_value = "20s", value_parser = millis, value_name = "TIME")]
    wait: i64,
    /// Keep them for so long [default: what the group's settings say]
    #[arg(long, value_parser = millis, value_name = "TIME")]
    lease: Option<i64>,
    /// How values are shown
    #[arg(long, default_value = "auto")]
    decode: Decode,
    #[arg(short, long, default_value = "jsonl")]
    output: Output,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Decode {
    Auto,
    Json,
    Base64,
    AvroJson,
    Plain,
}

impl Decode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Json => "json",
            Self::Base64 => "base64",
            Self::AvroJson => "avro_json",
            Self::Plain => "plain",
        }
    }
}

/// A length of time as the queues' API takes it.
pub(crate) fn millis(text: &str) -> Result<i64, String> {
    when::length(text).map(|length| i64::try_from(length.as_millis()).unwrap_or(i64::MAX))
}

/// A taken message, as the broker tells it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) lease: String,
    pub(crate) lease_expires_at: i64,
    pub(crate) delivery_count: u16,
    pub(crate) key: Value,
    pub(crate) value: Box<RawValue>,
    /// Everything else, as it came.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

#[derive(Deserialize)]
struct Received {
    messages: Vec<Message>,
}

/// What a call for messages brought.
pub(crate) enum Taken {
    Messages(Vec<Message>),
    /// Nothing, and why.
    Nothing(Why),
}

pub(crate) struct Why {
    pub(crate) state: String,
    depth: i64,
    in_flight: i64,
}

impl Why {
    fn of(reply: &Reply) -> Self {
        let number = |name: &str| reply.header(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let state = reply.header("queue-state").unwrap_or("empty").to_owned();
        Self { state, depth: number("queue-depth"), in_flight: number("queue-in-flight") }
    }

    pub(crate) fn words(&self) -> String {
        let left = counted(self.depth, "message");
        match self.state.as_str() {
            "all-leased" => format!("{left} left, and somebody works on each ({} in flight)", self.in_flight),
            "held-by-key" => format!("{left} left, each behind an unfinished one with the same key"),
            "delayed" => format!("{left} left, each waiting until its delay is over"),
            "letters-waiting" => format!("{left} left, and dead letters wait that cannot be written: milena why QUEUE -g GROUP"),
            "paused" => format!("{left} left, and the group is paused: milena queue resume"),
            _ => "the queue is empty".into(),
        }
    }
}

/// One call. `settle` says what became of what was taken before.
pub(crate) async fn receive(web: &Web, (queue, group): (&str, &str), wish: &Value, wait: i64) -> Result<Taken, Failure> {
    let path = format!("/q/v1/topics/{}/groups/{}:receive", escaped(queue), escaped(group));
    let reply = web.reply("POST", &path, wish, Duration::from_millis(wait.max(0) as u64)).await?;
    if reply.status() == 204 {
        return Ok(Taken::Nothing(Why::of(&reply)));
    }
    Ok(Taken::Messages(reply.parsed::<Received>()?.messages))
}

/// Values that are JSON stay as they came, byte for byte, but in a table.
fn print(messages: &[Message], output: Output) -> Result<(), Failure> {
    let text = |message| serde_json::to_string(message).unwrap_or_default();
    match output {
        Output::Json => {
            let all: Vec<String> = messages.iter().map(text).collect();
            crate::screen::line(format_args!("[\n  {}\n]", all.join(",\n  ")))
        }
        Output::Jsonl => crate::screen::print(&messages.iter().map(|message| text(message) + "\n").collect::<String>()),
        Output::Table | Output::Csv => {
            let rows = messages.iter().map(|message| serde_json::to_value(message).unwrap_or_default()).collect();
            table::rows(output, &["id", "delivery_count", "key", "value", "lease_expires_at", "lease"], rows)
        }
    }
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let web = Web::of(&options.connect.cluster().await?, "taking messages").await?;
    let mut wish = json!({ "max": options.count, "wait_ms": options.wait, "decode": options.decode.name() });
    if let Some(lease) = options.lease {
        wish["lease_ms"] = lease.into();
    }
    let messages = match receive(&web, (&options.queue, &options.group), &wish, options.wait).await? {
        Taken::Messages(messages) => messages,
        Taken::Nothing(why) => return Err(Failure::new(Kind::No, "there is nothing to take").why(why.words())),
    };
    print(&messages, options.output)?;
    if let Some(first) = messages.first() {
        options.connect.say(format_args!(
            "{} for {} until {}   (milena ack LEASE)",
            counted(messages.len() as i64, "message"),
            options.group,
            when::show(first.lease_expires_at)
        ));
    }
    Ok(())
}
