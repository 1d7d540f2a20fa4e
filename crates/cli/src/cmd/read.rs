//! `milena read` and `tail`: a range of a topic, without a group and without a trace on the broker.

mod decode;
mod filter;
mod format;
mod hex;
mod range;
pub(crate) mod show;

use std::io::IsTerminal;

use clap::Args;
use indicatif::ProgressBar;
use milena_client::{Cluster, Message, Reader, Selection, Until};

use crate::{
    connect::Connect,
    failure::Failure,
    nearest::nearest,
    screen::{self, Screen, counted},
};
pub(crate) use decode::{Decoder, Depth, Meaning, header};
use filter::Filter;
pub(crate) use range::Range;
use show::{Output, Shape, Show};

#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  milena read orders                              everything there is, one JSON line a message
  milena read orders --offset -10                 the last ten of each partition
  milena read orders --offset @-1h                since an hour ago
  milena read orders --offset @-48h:-24h          the day before the last one
  milena read orders --where value.user.id=17     only these
  milena read orders -f '%p %o %k %s\\n'           in kcat's format language
  milena read orders --count 1 --hex              every byte explained
  milena read orders -F                           and what comes next, until Ctrl-C")]
pub(crate) struct Options {
    topic: String,
    #[command(flatten)]
    select: Select,
    #[command(flatten)]
    look: Look,
    /// Wait for more at the end, until Ctrl-C
    #[arg(short = 'F', long)]
    follow: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Flags of `tail`: those of `read`, from now on.
#[derive(Args, Clone, Debug)]
pub(crate) struct TailOptions {
    topic: String,
    #[command(flatten)]
    select: Select,
    #[command(flatten)]
    look: Look,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Args, Clone, Debug)]
struct Select {
    #[command(flatten)]
    range: Range,
    /// Stop after this many messages
    #[arg(short = 'n', long, allow_negative_numbers = true)]
    count: Option<u64>,
    /// Only messages for which this holds: key, value, value.a.b, header.NAME, partition, offset; = != contains ~ !~ < <= > >=; repeated: all
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    filter: Vec<String>,
}

/// How messages are shown; shared with `message show`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Look {
    /// kcat's format language: %s value %k key %t topic %p partition %o offset %T milliseconds %h headers \n \t, and rpk's %v %V %d %H %a %x %y %i with its braces
    #[arg(short, long, value_name = "FORMAT", conflicts_with_all = ["hex", "output"])]
    format: Option<String>,
    /// Every byte, explained
    #[arg(long, conflicts_with = "output")]
    hex: bool,
    #[arg(short, long, default_value = "jsonl")]
    output: Output,
    /// Bytes as they are: what carries the id of a schema is not decoded
    #[arg(long)]
    raw: bool,
}

impl Look {
    /// What turns keys and values that have a schema into JSON; kcat's format and the dump are about bytes.
    pub(crate) fn decoder(&self, cluster: &Cluster) -> Decoder {
        let depth = match (self.raw || self.format.is_some(), self.hex) {
            (true, _) => Depth::Raw,
            (false, true) => Depth::Explained,
            (false, false) => Depth::Decoded,
        };
        Decoder::new(cluster.clone(), depth)
    }

    /// Whether one JSON value is asked for, rather than lines.
    pub(crate) fn is_json(&self) -> bool {
        self.format.is_none() && !self.hex && self.output == Output::Json
    }

    pub(crate) fn shape(&self) -> Result<Shape, Failure> {
        Ok(match (&self.format, self.hex) {
            (Some(format), _) => Shape::Format(format::Format::parse(format)?),
            (None, true) => Shape::Hex,
            (None, false) => Shape::Output(self.output),
        })
    }
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let selection = options.select.range.of(&options.topic, options.follow)?;
    read(&options, selection).await
}

pub(crate) async fn tail(options: TailOptions) -> Result<(), Failure> {
    let TailOptions { topic, mut select, look, connect } = options;
    if select.range.offset.is_none() && select.range.from.is_none() {
        select.range.from = Some("now".into());
    }
    run(Options { topic, select, look, follow: true, connect }).await
}

async fn read(options: &Options, selection: Selection) -> Result<(), Failure> {
    let filters: Vec<Filter> = options.select.filter.iter().map(|f| Filter::parse(f)).collect::<Result<_, _>>()?;
    let mut show = Show::new(options.look.shape()?, Screen::new(), options.follow)?;
    let cluster = options.connect.cluster().await?;
    let until = selection.until;
    let mut reader = match options.select.range.open(&cluster, selection).await {
        Ok(reader) => reader,
        Err(error) => return Err(no_topic(&cluster, &options.topic, error).await),
    };
    if options.follow {
        options.connect.say(format_args!("waiting for messages of {}; Ctrl-C ends", options.topic));
    }
    let mut decoder = options.look.decoder(&cluster);
    let counts = drain(&mut reader, options, &filters, (&mut show, &mut decoder)).await?;
    show.finish()?;
    let asked = if let Until::Offset(offset) = until { offset } else { 0 };
    options.connect.say(ending(&reader, options, &counts, asked));
    Ok(())
}

/// How many messages were seen, and how many of them shown.
#[derive(Default)]
struct Counts {
    seen: u64,
    shown: u64,
    /// It was enough before the end was reached.
    enough: bool,
}

async fn drain(
    reader: &mut Reader,
    options: &Options,
    filters: &[Filter],
    (show, decoder): (&mut Show, &mut Decoder),
) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    let most = options.select.count.unwrap_or(u64::MAX);
    let bar = bar(reader, options);
    while counts.shown < most {
        let Some(mut message) = next(reader, show).await? else {
            bar.finish_and_clear();
            return Ok(counts);
        };
        let meaning = decoder.decode(&mut message).await;
        counts.seen += 1;
        if counts.seen.is_multiple_of(256) {
            bar.set_position(counts.seen);
        }
        if filters.iter().all(|f| f.holds(&message)) {
            counts.shown += 1;
            show.message(&message, &meaning, reader.progress())?;
        }
    }
    bar.finish_and_clear();
    counts.enough = true;
    Ok(counts)
}

/// What was shown is sent on before there is a wait for more.
async fn next(reader: &mut Reader, show: &mut Show) -> Result<Option<Message>, Failure> {
    if let Some(message) = reader.next_now()? {
        return Ok(Some(message));
    }
    show.flush()?;
    Ok(reader.next().await?)
}

/// A bar where a person waits for a program or a file to be fed.
fn bar(reader: &Reader, options: &Options) -> ProgressBar {
    let shown = std::io::stdout().is_terminal() || options.follow;
    screen::bar(length(reader), options.connect.quiet || shown)
}

/// How many offsets a reader has before it.
pub(crate) fn length(reader: &Reader) -> u64 {
    let all: i64 = reader.progress().iter().filter_map(|p| Some(p.until? - p.from)).filter(|n| *n > 0).sum();
    all.unsigned_abs()
}

/// What a person wants to know when nothing more comes: how much it was, and why it ended.
/// `asked` is the end of a range of offsets.
fn ending(reader: &Reader, options: &Options, counts: &Counts, asked: i64) -> String {
    let messages = |n: u64| counted(n as i64, "message");
    let of = if counts.seen == counts.shown { String::new() } else { format!(" of {} read", counts.seen) };
    if counts.enough {
        return format!("{}{of}   (--count reached; there may be more)", messages(counts.shown));
    }
    let progress = reader.progress();
    if counts.seen > 0 && progress.iter().any(|p| p.until.is_some_and(|until| until < asked)) {
        return format!("{}{of}   (the range goes on past the end; wait for the rest with -F)", messages(counts.shown));
    }
    if counts.seen > 0 {
        return format!("{}{of}   (follow with -F)", messages(counts.shown));
    }
    let (start, end) =
        (progress.iter().map(|p| p.log_start).sum::<i64>(), progress.iter().map(|p| p.high_watermark).sum::<i64>());
    if end == 0 {
        return format!("no messages: {} has never had one   (wait for one with -F)", options.topic);
    }
    if end <= start {
        return format!("no messages: all {end} that {} had are gone   (wait for one with -F)", options.topic);
    }
    format!("no messages in this range; {} has up to {}   (from the start: milena read {0})", options.topic, end - start)
}

/// A topic that is not there, with the one that was perhaps meant, for whoever wants to read it.
pub(crate) async fn no_topic(cluster: &Cluster, name: &str, error: milena_client::Error) -> Failure {
    let create = format!("milena topic create {name}");
    match unknown_topic(cluster, name, error).await {
        (failure, Known::Nearest(near)) => failure.fix(format!("{create}      or      milena read {near}")),
        (failure, Known::Others | Known::None) => failure.fix(create),
        (failure, Known::Itself) => failure,
    }
}

/// Which topics are known when one is not found.
pub(crate) enum Known {
    /// It is there; the failure is about something else.
    Itself,
    None,
    Others,
    Nearest(String),
}

/// UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID.
pub(crate) fn is_unknown(error: &milena_client::Error) -> bool {
    error.code().is_some_and(|c| matches!(c.0, 3 | 100))
}

/// A topic that is not there, with a hint at what is.
pub(crate) async fn unknown_topic(cluster: &Cluster, name: &str, error: milena_client::Error) -> (Failure, Known) {
    let unknown = is_unknown(&error);
    let failure = Failure::from(error);
    if !unknown {
        return (failure, Known::Itself);
    }
    let known = cluster.refresh(milena_client::Topics::All).await.map(|m| m.topics).unwrap_or_default();
    match nearest(name, known.keys().map(|k| &**k)) {
        Some(near) => (failure.hint(format!("did you mean {near:?}?")), Known::Nearest(near.to_string())),
        None if known.is_empty() => (failure.hint("this broker has no topics at all"), Known::None),
        None => (failure.hint("milena topic ls   shows the topics that are there"), Known::Others),
    }
}
