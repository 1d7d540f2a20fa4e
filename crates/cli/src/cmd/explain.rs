//! `milena explain`: error codes, settings and words of the trade. Works without a broker.

use std::fmt::Write;

use clap::Args;
use milena_client::wire::ErrorCode;
use milena_engine::settings::{Bearing, Setting, broker, topic};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Kind},
    nearest::nearest,
    told::Told,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// An error's name or number, a setting, a check of doctor such as D08, or a word such as lag
    what: String,
    #[command(flatten)]
    told: Told,
}

/// Words that Kafka's own documentation takes for granted.
const TERMS: &[(&str, &str)] = &[
    (
        "acks",
        "Who must have a record before its write is acknowledged: 0 nobody, 1 the leader, all every replica in sync. A Milena flushes to disk before it acknowledges 1 or all.",
    ),
    (
        "advertised",
        "The address that a broker tells clients to use from then on. When it is wrong for the client's machine, the first connection works and the next does not. milena serve tells each client the address it dialled.",
    ),
    ("batch", "Records travel and rest in batches: compressed, checksummed and numbered together. A batch is stored as it came."),
    (
        "compact",
        "A cleanup policy that keeps the last record of every key. Milena accepts it, refuses records without a key, and keeps every record until compaction arrives.",
    ),
    ("consumer group", "Readers that share a topic's partitions among them, and remember in the broker how far they are."),
    ("coordinator", "The broker that looks after a group: who is in it, who reads what, and its positions."),
    ("high watermark", "The end of what readers may see: everything in front of it is safe."),
    ("idempotent", "A producer with an id that numbers its batches, so that a batch sent twice is stored once."),
    ("isr", "In-sync replicas: copies of a partition that have all of it."),
    ("lag", "How many records are between a group's position and the end of the partition."),
    ("leader", "The broker that takes writes and answers reads of a partition."),
    ("leader epoch", "A number that rises when a partition's leader changes, so that stale clients and logs can be told."),
    ("log start", "The first offset that is still kept. Retention and topic trim move it."),
    ("offset", "The number of a record in its partition. It never changes and is never used again."),
    ("partition", "A topic's log in order. A topic has one or more; a key always goes to the same one."),
    ("position", "The next offset that a group will read in a partition; Kafka calls it the committed offset."),
    ("producer id", "The number by which brokers recognise an idempotent producer."),
    ("rebalance", "A group shares out its partitions anew, because a member came, left or was silent for too long."),
    (
        "retention",
        "How long, or how much of, a partition is kept. Milena keeps everything until a topic says otherwise, and then to the batch.",
    ),
    ("tombstone", "A record with a key and no value: the key is deleted."),
    ("topic", "A named log of records, in partitions."),
];

/// What is known of something.
pub(crate) struct About {
    facts: Value,
    pub(crate) words: String,
}

impl About {
    pub(crate) fn tell(self, told: Told) -> Result<(), Failure> {
        told.tell(self.facts, self.words)
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    about(options.what.trim())?.tell(options.told)
}

fn about(what: &str) -> Result<About, Failure> {
    if let Some(code) = code(what) {
        return Ok(about_code(code));
    }
    if found(what).is_some() {
        return setting(what);
    }
    if let Some(check) = check(what) {
        return Ok(check);
    }
    let plain = what.to_lowercase().replace(['-', '_'], " ");
    if let Some((term, words)) = TERMS.iter().find(|(term, _)| *term == plain || format!("{term}s") == plain) {
        let facts = json!({"kind": "word", "name": term, "meaning": words});
        return Ok(About { facts, words: format!("{term}\n  {words}\n") });
    }
    let codes = ErrorCode::all().map(ErrorCode::name);
    let settings = topic::all().chain(broker::all()).map(|s| s.name);
    let known = TERMS.iter().map(|(term, _)| *term).chain(codes).chain(settings);
    Err(unknown(what, nearest(what, known), "explain"))
}

/// The manual's page about `milena doctor`: what it says of a check is said here too.
const DOCTOR: &str = include_str!("../../../../docs/doctor.md");

/// A check of the doctor by its id, such as D08: the row of its table.
pub(crate) fn check(id: &str) -> Option<About> {
    let row = DOCTOR.lines().find(|line| {
        let of = line.strip_prefix("| ").and_then(|rest| rest.split_once(" | "));
        of.is_some_and(|(first, _)| first.len() == 3 && first.eq_ignore_ascii_case(id))
    })?;
    let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
    let (id, name, words) = (cells.next()?, cells.next()?, cells.next()?);
    let meaning = plain(words);
    let words = format!("{id} {name}\n  {meaning}\n  milena doctor --only {id} -v   shows it\n");
    Some(About { facts: json!({"kind": "check", "id": id, "name": name, "meaning": meaning}), words })
}

/// Text of a page without its marks: emphasis, and the targets of links.
fn plain(words: &str) -> String {
    let mut out = String::new();
    let mut rest = words;
    while let Some((before, link)) = rest.split_once('[') {
        let Some((shown, after)) = link.split_once("](").and_then(|(shown, target)| Some((shown, target.split_once(')')?.1)))
        else {
            break;
        };
        out += before;
        out += shown;
        rest = after;
    }
    (out + rest).replace("**", "").replace(['*', '`'], "")
}

fn unknown(what: &str, near: Option<&str>, command: &str) -> Failure {
    let failure = Failure::new(Kind::NotFound, format!("nothing is known of {what:?}"));
    match near {
        Some(near) => failure.hint(format!("did you mean {near:?}?")).fix(format!("milena {command} {near:?}")),
        None => failure.hint(
            "it knows Kafka's error codes, settings, doctor's checks such as D08, and words such as lag, offset, tombstone",
        ),
    }
}

fn code(what: &str) -> Option<ErrorCode> {
    let number = what.parse::<i16>().ok();
    ErrorCode::all().find(|c| Some(c.0) == number || c.name().eq_ignore_ascii_case(what))
}

fn about_code(code: ErrorCode) -> About {
    let again = if code.retriable() { "yes: the same request may succeed a little later" } else { "no: it would fail again" };
    let words = format!("{} (error {})\n  {}\n  try again?  {again}\n", code.name(), code.0, code.words());
    let facts = json!({
        "kind": "error", "name": code.name(), "code": code.0, "meaning": code.words(), "retriable": code.retriable(),
    });
    About { facts, words }
}

fn found(name: &str) -> Option<&'static Setting> {
    topic::setting(name).or_else(|| broker::setting(name))
}

/// One setting, as this version knows it.
pub(crate) fn setting(name: &str) -> Result<About, Failure> {
    let Some(setting) = found(name) else {
        let known = topic::all().chain(broker::all()).map(|s| s.name);
        return Err(unknown(name, nearest(name, known), "config explain"));
    };
    let mut text = format!("{}\n  {}\n", setting.name, setting.prose);
    let of: &[&str] = match (topic::setting(name).is_some(), broker::setting(name).is_some()) {
        (true, true) => &["topics", "brokers"],
        (true, false) => &["topics"],
        _ => &["brokers"],
    };
    let _ = writeln!(text, "  of          {}", of.join(" and "));
    let _ = writeln!(text, "  default     {}", setting.default.unwrap_or("not set"));
    for fallback in setting.fallbacks {
        let _ = writeln!(text, "  else from   {}", fallback.name);
    }
    let (since, because) = match setting.bearing {
        Bearing::Honoured { since } => (Some(since), None),
        Bearing::Reported { because } | Bearing::Inert { because } => (None, Some(because)),
    };
    let here = since.map_or_else(|| because.unwrap_or_default().to_string(), |since| format!("honoured since {since}"));
    let _ = writeln!(text, "  in Milena   {here}");
    let fallbacks: Vec<&str> = setting.fallbacks.iter().map(|fallback| fallback.name).collect();
    let facts = json!({
        "kind": "setting", "name": setting.name, "meaning": setting.prose, "of": of, "default": setting.default,
        "else_from": fallbacks, "honoured_since": since, "because": because,
    });
    Ok(About { facts, words: text })
}
