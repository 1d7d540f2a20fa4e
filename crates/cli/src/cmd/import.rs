//! `milena import`: the records of an Avro container file into a topic, framed by the registry's id of the file's schema.

use std::{collections::VecDeque, path::PathBuf};

use bytes::Bytes;
use clap::Args;
use milena_client::{
    Cluster, Delivery, NewRecord, Producer, ProducerConfig,
    record::{Codec, Compression},
};
use milena_schema::{
    Format,
    avro::{Kind as Type, NodeId, Plan, Schema, Unions, binary, container::Block},
};
use milena_serde::{Error, Registered, Registry, Text, framing};
use serde_json::{Value, json};

use super::avro::input;
use crate::{
    connect::{Connect, PATIENCE},
    failure::{Failure, Kind},
    schemas::{self, Known},
    screen::{self, Output, counted},
};

/// Records under way; reading goes on while they are acknowledged, and memory stays bounded.
const WINDOW: usize = 10_000;

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
    /// Bare Avro, without magic byte and id; nothing is registered, and no registry is needed
    #[arg(long)]
    raw: bool,
    /// Compression: none, gzip, snappy, lz4, zstd
    #[arg(short = 'z', long, default_value = "none")]
    codec: Codec,
    /// How to say what was written
    #[arg(short, long, default_value = "text")]
    output: Output,
    /// Another registry than the broker's own
    #[arg(long, env = "MILENA_REGISTRY_URL", value_name = "URL", conflicts_with = "raw")]
    registry: Option<String>,
    #[command(flatten)]
    connect: Connect,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let mut container = input::container(&options.file)?;
    let path = options.key.as_deref().map(|field| field_path(container.schema(), field)).transpose()?;
    let cluster = options.connect.cluster_with(|config| {
        config.auto_create_topics = true;
        config.retry.within = PATIENCE;
    });
    let cluster = cluster.await?;
    let registry = match options.raw {
        true => None,
        false => Some(schemas::registry(&cluster, options.registry.as_deref(), "import").await?),
    };
    let place = match &registry {
        Some(registry) => Some(register(registry, container.schema(), &options).await?),
        None => None,
    };
    let keys = match path {
        Some(path) => Some(Keys::new(path, registry.as_ref(), &options.topic).await?),
        None => None,
    };
    let framer =
        Framer { plan: Plan::new(container.schema()), id: place.as_ref().map(|place| place.id), keys, options: &options };
    let mut sender = Sender::new(cluster, options.codec);
    let bar = screen::bar(std::fs::metadata(&options.file).map_or(0, |file| file.len()), options.connect.quiet);
    let mut outcome = Ok(());
    while outcome.is_ok() {
        let block = match container.next_block() {
            Ok(Some(block)) => block,
            Ok(None) => break,
            Err(error) => {
                outcome = Err(input::broken(&options.file, error));
                break;
            }
        };
        bar.set_position(block.at);
        outcome = send(&framer, &mut sender, &block).await;
    }
    let settled = sender.settle(0).await;
    bar.finish_and_clear();
    outcome.and(settled).map_err(|failure| sender.spoilt(failure))?;
    say(&options, sender.acknowledged, place.as_ref())
}

/// Registers the file's schema, or finds it. What the subject's compatibility refuses ends here, before the first record.
async fn register(registry: &Registry, schema: &Schema, options: &Options) -> Result<Registered, Failure> {
    let subject = format!("{}-value", options.topic);
    let text = Text { format: Format::Avro, text: schema.text().to_owned(), references: Vec::new() };
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

async fn send(framer: &Framer<'_>, sender: &mut Sender, block: &Block) -> Result<(), Failure> {
    let mut data = binary::Reader::new(&block.data);
    for index in 0..block.count {
        let datum = input::datum(&framer.plan, &mut data, (block, index), &framer.options.file)?;
        let record = framer.record(datum, sender.sent + 1)?;
        sender.send(record).await?;
    }
    Ok(())
}

/// Makes records of data.
struct Framer<'o> {
    plan: Plan,
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
            Some(keys) => keys.of(&self.plan, datum).map_err(|why| {
                let what = format!("record {number} of {} has no key", self.options.file.display());
                Failure::new(Kind::Failed, what).why(why)
            })?,
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

    fn of(&self, plan: &Plan, datum: &[u8]) -> Result<Option<Bytes>, String> {
        let text = plan.to_json(datum, Unions::Bare).map_err(|why| why.to_string())?;
        let mut value: Value = serde_json::from_str(&text).map_err(|why| why.to_string())?;
        for name in &self.path {
            value = value[name.as_str()].take();
        }
        Ok(match (&self.known, value) {
            (_, Value::Null) => None,
            (Some(known), value) => Some(known.encode(&value.to_string(), None).map_err(|flaw| flaw.to_string())?.into()),
            (None, Value::String(text)) => Some(text.into()),
            (None, other) => Some(other.to_string().into()),
        })
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

/// Records on their way, acknowledged in order.
struct Sender {
    producer: Producer,
    under_way: VecDeque<Delivery>,
    sent: u64,
    acknowledged: u64,
}

impl Sender {
    fn new(cluster: Cluster, codec: Codec) -> Self {
        let config = ProducerConfig { compression: Compression::from(codec), ..ProducerConfig::default() };
        Self { producer: Producer::new(cluster, config), under_way: VecDeque::new(), sent: 0, acknowledged: 0 }
    }

    async fn send(&mut self, record: NewRecord) -> Result<(), Failure> {
        self.settle(WINDOW).await?;
        self.under_way.push_back(self.producer.send(record).await?);
        self.sent += 1;
        Ok(())
    }

    /// Waits until at most so many are under way.
    async fn settle(&mut self, most: usize) -> Result<(), Failure> {
        while self.under_way.len() > most
            && let Some(oldest) = self.under_way.pop_front()
        {
            oldest.await?;
            self.acknowledged += 1;
        }
        Ok(())
    }

    /// A failure, told with how far it came.
    fn spoilt(&self, failure: Failure) -> Failure {
        let open = match self.sent - self.acknowledged {
            0 => String::new(),
            n => format!("; {n} behind them not known to be written"),
        };
        let records = counted(i64::try_from(self.acknowledged).unwrap_or(i64::MAX), "acknowledged record");
        failure.within(format!("stopped after {records}{open}"))
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
