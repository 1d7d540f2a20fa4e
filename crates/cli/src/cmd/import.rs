//! `milena import`: the records of an Avro container file into a topic, framed by the registry's id of the file's schema.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::Args;
use indicatif::ProgressBar;
use milena_client::{
    Cluster, Delivery, NewRecord, Placed, Producer, ProducerConfig,
    record::{Codec, Compression},
    wire::Text,
};
use milena_schema::{
    Flaw, Format,
    avro::{Kind as Type, NodeId, Plan, Schema, Unions, Value as Datum, binary, container::Block},
};
use milena_serde::{self as serde, Error, Registered, Registry, framing};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinError, JoinHandle},
};

use super::{
    avro::input,
    sending::{self, Progress, Work},
};
use crate::{
    connect::{Connect, PATIENCE},
    failure::{Failure, Kind},
    schemas::{self, Known},
    screen::{self, Output, counted},
};

/// Blocks that are read before they are needed.
const AHEAD: usize = 2;
/// How long a topic may be unknown after it was asked for: it may just be coming into being.
const NEW_TOPIC: Duration = Duration::from_secs(3);

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  milena import people.avro people                  registers the file's schema as people-value
  milena import people.avro people --key id         each record's key is its field id
  milena export people - | milena import - copy     from one topic to another")]
pub(crate) struct Options {
    /// A container file, - is stdin
    file: PathBuf,
    /// Topic; made if the broker makes topics by itself
    topic: String,
    /// The field that is the key, such as id or user.id; a key that is null is left out
    #[arg(short, long, value_name = "FIELD")]
    key: Option<String>,
    /// Partition [default: by the key's hash as Java does it; without a key, any]
    #[arg(short, long, allow_negative_numbers = true)]
    partition: Option<i32>,
    /// Bare Avro, without magic byte and id; nothing is registered, and no registry is asked
    #[arg(long)]
    raw: bool,
    /// Compression: none, gzip, snappy, lz4, zstd
    #[arg(short = 'z', long, default_value = "none")]
    codec: Codec,
    /// How to say what was written
    #[arg(short, long, default_value = "text")]
    output: Output,
    /// Another registry than the broker's own
    #[arg(long, env = "MILENA_REGISTRY_URL", value_name = "URL")]
    registry: Option<String>,
    #[command(flatten)]
    connect: Connect,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let source = Source::open(&options.file).await?;
    let path = options.key.as_deref().map(|field| field_path(&source.schema, field)).transpose()?;
    let cluster = options.connect.cluster_with(|config| {
        config.auto_create_topics = true;
        config.retry.within = PATIENCE;
    });
    let cluster = cluster.await?;
    let registry = match options.raw {
        true => None,
        false => Some(schemas::registry(&cluster, options.registry.as_deref(), "import").await?),
    };
    topic_is_there(&cluster, &options).await?;
    let place = match &registry {
        Some(registry) => Some(register(registry, &source.schema, &options).await?),
        None => None,
    };
    let keys = match path {
        Some(path) => Some(Keys::new(path, registry.as_ref(), &options.topic).await?),
        None => None,
    };
    let plan = Plan::new(&source.schema);
    let framer = Framer { plan: &plan, id: place.as_ref().map(|place| place.id), keys, options: &options };
    let config = ProducerConfig { compression: Compression::from(options.codec), ..ProducerConfig::default() };
    let mut import = Import {
        bar: screen::bar(std::fs::metadata(&options.file).map_or(0, |file| file.len()), options.connect.quiet),
        source,
        open: None,
        framer,
        producer: Producer::new(cluster, config),
        progress: Progress::new("record"),
    };
    let outcome = sending::send_all(&mut import).await;
    import.bar.finish_and_clear();
    outcome.map_err(|failure| import.progress.spoilt(failure, |first| again(&options, first)))?;
    say(&options, import.progress.acknowledged, place.as_ref())
}

/// How one goes on from a record.
fn again(options: &Options, first: u64) -> Option<String> {
    let file = if options.file.as_os_str() == "-" { "FILE".into() } else { options.file.display().to_string() };
    let mut words = format!("milena avro cat --offset {} {file} - | milena import - {}", first - 1, options.topic);
    options.key.iter().for_each(|key| words += &format!(" --key {key}"));
    options.partition.iter().for_each(|partition| words += &format!(" -p {partition}"));
    if options.raw {
        words += " --raw";
    }
    Some(format!("{words}   (goes on with record {first}; what is written behind it comes twice)"))
}

/// Asks for topic and partition before anything is registered for them. A topic that was just made is waited for.
async fn topic_is_there(cluster: &Cluster, options: &Options) -> Result<(), Failure> {
    let name = Text::from(options.topic.as_str());
    let mut backoff = cluster.backoff(format!("topic {:?}", options.topic));
    let end = Instant::now() + NEW_TOPIC;
    let topic = loop {
        match cluster.topic(&name).await {
            Err(error) if error.code().is_some_and(|code| code.0 == 3) && Instant::now() < end => backoff.pause(error).await?,
            other => break other?,
        }
    };
    let count = topic.partitions.len();
    match options.partition {
        Some(partition) if !usize::try_from(partition).is_ok_and(|p| p < count) => {
            let missing = milena_client::Error::NoPartition { topic: options.topic.clone(), partition, count };
            Err(Failure::from(missing))
        }
        _ => Ok(()),
    }
}

/// Registers the file's schema, or finds it. What the subject's compatibility refuses ends here, before the first record.
async fn register(registry: &Registry, schema: &Schema, options: &Options) -> Result<Registered, Failure> {
    let subject = format!("{}-value", options.topic);
    let text = serde::Text { format: Format::Avro, text: schema.text().to_owned(), references: Vec::new() };
    registry.register(&subject, &text, false).await.map_err(|error| {
        let refused = matches!(error, Error::Refused { .. });
        let failure = Failure::from(error);
        if !refused {
            return failure;
        }
        failure
            .within(format!("the schema of {} cannot be registered as {subject}; nothing was written", options.file.display()))
            .fix(format!("milena schema level --subject {subject}   shows what is asked for; --raw writes without a schema"))
    })
}

/// The file, read on a thread of its own: what comes from a pipe may be long in coming, and meanwhile records are on their way.
struct Source {
    schema: Schema,
    blocks: mpsc::Receiver<Block>,
    reading: JoinHandle<Result<(), Failure>>,
}

impl Source {
    /// Waits for the header.
    async fn open(path: &Path) -> Result<Self, Failure> {
        let path = path.to_owned();
        let (head, schema) = oneshot::channel();
        let (give, blocks) = mpsc::channel(AHEAD);
        let reading = tokio::task::spawn_blocking(move || {
            let mut container = input::container(&path)?;
            // Nobody who waits for a block any more is nobody to read for.
            let mut heard = head.send(container.schema().clone()).is_ok();
            while heard && let Some(block) = container.next_block().map_err(|error| input::broken(&path, error))? {
                heard = give.blocking_send(block).is_ok();
            }
            Ok(())
        });
        match schema.await {
            Ok(schema) => Ok(Self { schema, blocks, reading }),
            Err(_) => Err(ended(reading.await).err().unwrap_or_else(|| ended_early(&"it has no header"))),
        }
    }

    /// The next block. May be dropped at any await.
    async fn next(&mut self) -> Result<Option<Block>, Failure> {
        match self.blocks.recv().await {
            Some(block) => Ok(Some(block)),
            None => ended((&mut self.reading).await).map(|()| None),
        }
    }
}

/// What the reading thread said at its end.
fn ended(outcome: Result<Result<(), Failure>, JoinError>) -> Result<(), Failure> {
    outcome.unwrap_or_else(|error| Err(ended_early(&error)))
}

fn ended_early(why: &dyn std::fmt::Display) -> Failure {
    Failure::new(Kind::Failed, "the file was not read to its end").why(why)
}

/// A block that is being taken apart.
struct Open {
    block: Block,
    /// Where in its data the next record begins.
    at: usize,
    /// Records taken from it.
    index: u64,
}

/// Everything that an import is made of while it runs.
struct Import<'o> {
    source: Source,
    open: Option<Open>,
    framer: Framer<'o>,
    producer: Producer,
    progress: Progress,
    bar: ProgressBar,
}

impl Work for Import<'_> {
    type Item = NewRecord;
    type Note = ();

    async fn next(&mut self) -> Result<Option<NewRecord>, Failure> {
        loop {
            if let Some(open) = self.open.as_mut().filter(|open| open.index < open.block.count) {
                return open.next(&self.framer, self.progress.taken + 1).map(Some);
            }
            let Some(block) = self.source.next().await? else { return Ok(None) };
            self.bar.set_position(block.at);
            self.open = Some(Open { block, at: 0, index: 0 });
        }
    }

    async fn send(&mut self, record: NewRecord) -> Result<(Delivery, ()), Failure> {
        Ok((self.producer.send(record).await?, ()))
    }

    async fn placed(&mut self, _: Placed, (): ()) -> Result<(), Failure> {
        Ok(())
    }

    fn progress(&mut self) -> &mut Progress {
        &mut self.progress
    }
}

impl Open {
    fn next(&mut self, framer: &Framer<'_>, number: u64) -> Result<NewRecord, Failure> {
        let mut data = binary::Reader::new(&self.block.data[self.at..]);
        let datum = input::datum(framer.plan, &mut data, (&self.block, self.index), &framer.options.file)?;
        let record = framer.record(datum, number)?;
        self.at += datum.len();
        self.index += 1;
        Ok(record)
    }
}

/// Makes records of data.
struct Framer<'o> {
    plan: &'o Plan,
    id: Option<u32>,
    keys: Option<Keys>,
    options: &'o Options,
}

impl Framer<'_> {
    fn record(&self, datum: &[u8], number: u64) -> Result<NewRecord, Failure> {
        let mut value = Vec::with_capacity(5 + datum.len());
        if let Some(id) = self.id {
            framing::put_prefix(&mut value, id);
        }
        value.extend_from_slice(datum);
        let key = match &self.keys {
            Some(keys) => keys.of(self.plan, datum).map_err(|unkeyed| unkeyed.told(number, self.options))?,
            None => None,
        };
        let record = NewRecord::new(self.options.topic.as_str(), value);
        Ok(NewRecord { key, partition: self.options.partition, ..record })
    }
}

/// Takes keys out of records.
struct Keys {
    path: Vec<String>,
    /// The newest schema of the topic's keys, if there is one.
    known: Option<Known>,
}

impl Keys {
    async fn new(path: Vec<String>, registry: Option<&Registry>, topic: &str) -> Result<Self, Failure> {
        let known = match registry {
            Some(registry) => Known::latest(registry, &format!("{topic}-key")).await?,
            None => None,
        };
        Ok(Self { path, known })
    }

    fn of(&self, plan: &Plan, datum: &[u8]) -> Result<Option<Bytes>, Unkeyed> {
        let whole = plan.decode(datum).map_err(|why| Unkeyed::None(why.to_string()))?;
        let found = found(plan.schema(), &whole, &self.path).map_err(Unkeyed::None)?;
        match (&self.known, found) {
            (_, Datum::Null) => Ok(None),
            (None, Datum::String(text)) => Ok(Some(Bytes::copy_from_slice(text.as_bytes()))),
            (None, Datum::Bytes(bytes) | Datum::Fixed(bytes)) => Ok(Some(Bytes::copy_from_slice(bytes))),
            (known, _) => {
                let json = self.json(plan, datum).map_err(|why| Unkeyed::None(why.to_string()))?;
                match (known, json) {
                    (Some(known), json) => {
                        let unfit = |flaw: Flaw| Unkeyed::Unfit { subject: known.subject.clone(), why: flaw.to_string() };
                        known.encode_key(&json.to_string()).map(|key| Some(key.into())).map_err(unfit)
                    }
                    // A symbol.
                    (None, Value::String(text)) => Ok(Some(text.into())),
                    (None, other) => Ok(Some(other.to_string().into())),
                }
            }
        }
    }

    /// The key as JSON.
    fn json(&self, plan: &Plan, datum: &[u8]) -> Result<Value, Box<dyn std::error::Error>> {
        let mut value: Value = serde_json::from_str(&plan.to_json(datum, Unions::Bare)?)?;
        for name in &self.path {
            value = value.get_mut(name).map(Value::take).unwrap_or_default();
        }
        Ok(value)
    }
}

/// Why a record has no key.
#[derive(Debug, PartialEq, Eq)]
enum Unkeyed {
    /// There is none where it should be.
    None(String),
    /// It is there, and the schema of the topic's keys does not take it.
    Unfit { subject: String, why: String },
}

impl Unkeyed {
    fn told(self, number: u64, options: &Options) -> Failure {
        match self {
            Self::None(why) => {
                Failure::new(Kind::Failed, format!("record {number} of {} has no key", options.file.display())).why(why)
            }
            Self::Unfit { subject, why } => {
                Failure::new(Kind::Failed, format!("the key of record {number} does not fit {subject}"))
                    .why(why)
                    .fix("--key with another field   or   --raw, which writes without schemas")
            }
        }
    }
}

/// What stands at a path. A record that is null has nothing but nulls in it; anything else that is no record has no fields.
fn found<'v>(schema: &Schema, whole: &'v Datum<'v>, path: &[String]) -> Result<&'v Datum<'v>, String> {
    let (mut kind, mut value) = bare(schema, schema.root(), whole);
    for (depth, name) in path.iter().enumerate() {
        let field = match (kind, value) {
            (Type::Record(record), Datum::Record(values)) => {
                record.position(name).and_then(|at| Some((record.fields[at].schema, values.get(at)?)))
            }
            (_, Datum::Null) => return Ok(value),
            _ => None,
        };
        let Some((node, inner)) = field else {
            let place = if depth == 0 { "the record".to_owned() } else { path[..depth].join(".") };
            return Err(format!("{place} is {} there, which has no field {name}", kind.branch_name()));
        };
        (kind, value) = bare(schema, node, inner);
    }
    Ok(value)
}

/// What a union holds, and its type.
fn bare<'s, 'v>(schema: &'s Schema, node: NodeId, value: &'v Datum<'v>) -> (&'s Type, &'v Datum<'v>) {
    match (schema.kind(node), value) {
        (Type::Union(branches), Datum::Union(branch, inner)) => match branches.get(*branch as usize) {
            Some(branch) => bare(schema, *branch, inner),
            None => (schema.kind(node), inner),
        },
        (kind, value) => (kind, value),
    }
}

/// The names of a field within fields, each of which the schema has.
fn field_path(schema: &Schema, field: &str) -> Result<Vec<String>, Failure> {
    let mut at = Some(schema.root());
    for name in field.split('.') {
        at = at.and_then(|node| field_of(schema, node, name));
    }
    match at {
        Some(_) => Ok(field.split('.').map(str::to_owned).collect()),
        None => Err(Failure::usage(format!("the schema of the file has no field {field:?}"))
            .hint(format!("its fields: {}", schema.fields().join(", ")))),
    }
}

/// A field of a record, or of a record in a union.
fn field_of(schema: &Schema, node: NodeId, name: &str) -> Option<NodeId> {
    match schema.kind(node) {
        Type::Record(record) => record.position(name).map(|at| record.fields[at].schema),
        Type::Union(branches) => branches.iter().find_map(|branch| match schema.kind(*branch) {
            Type::Union(_) => None,
            _ => field_of(schema, *branch, name),
        }),
        _ => None,
    }
}

fn say(options: &Options, records: u64, place: Option<&Registered>) -> Result<(), Failure> {
    let (file, subject) = (options.file.display(), format!("{}-value", options.topic));
    if options.output == Output::Json {
        return screen::line(json!({
            "file": file.to_string(), "topic": options.topic, "records": records,
            "subject": place.map(|_| subject), "version": place.and_then(|p| p.version), "id": place.map(|p| p.id),
        }));
    }
    if options.connect.quiet {
        return Ok(());
    }
    let schema = place.map_or("without a schema".into(), |place| {
        let version = place.version.map_or(String::new(), |version| format!(" v{version}"));
        format!("{subject}{version} (id {})", place.id)
    });
    let records = counted(i64::try_from(records).unwrap_or(i64::MAX), "record");
    screen::line(format_args!("{file} to {}   {records}   {schema}", options.topic))
}
