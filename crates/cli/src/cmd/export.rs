//! `milena export`: the values of a topic as an Avro container file. What several versions of a schema wrote is read into one.

use std::{
    cell::RefCell,
    collections::HashMap,
    io::{self, Write},
    path::PathBuf,
    rc::Rc,
};

use clap::Args;
use milena_client::{Cluster, Message, Reader};
use milena_schema::{
    Schema,
    avro::{
        self, Plan, Rigour, binary,
        container::{Codec, Squeeze, Writer},
    },
};
use milena_serde::{
    Error, Registered, Registry,
    framing::{self, VALUE_HEADER},
};
use serde_json::json;
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
};

use super::{
    avro::{
        input::{self, SchemaOptions, SqueezeOptions},
        output::Out,
    },
    read::{self, Range},
};
use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    schemas,
    screen::{self, Output, counted},
};

#[derive(Args, Debug)]
#[command(
    disable_version_flag = true,
    after_help = "Examples:
  milena export people people.avro                  all of it, as the newest version of people-value
  milena export people --offset @-1h > hour.avro    the last hour
  milena export people old.avro --version 1         as version 1 has it
  milena export people people.avro --codec zstandard"
)]
pub(crate) struct Options {
    topic: String,
    /// Where to write, - is stdout
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    range: Range,
    /// Stop after this many records
    #[arg(short = 'n', long)]
    count: Option<u64>,
    /// The version of TOPIC-value that the file has [default: the newest; without the subject, the first record's schema]
    #[arg(id = "of", long = "version", value_name = "N", conflicts_with_all = ["schema", "schema_file"])]
    version: Option<i32>,
    #[command(flatten)]
    schema: SchemaOptions,
    /// Leave out records that cannot be decoded, and say how many
    #[arg(long)]
    skip_bad: bool,
    #[command(flatten)]
    squeeze: SqueezeOptions,
    /// How to say what was written
    #[arg(short, long, default_value = "text")]
    output: Output,
    /// Another registry than the broker's own
    #[arg(long, env = "MILENA_REGISTRY_URL", value_name = "URL")]
    registry: Option<String>,
    #[command(flatten)]
    connect: Connect,
}

impl Options {
    fn to_stdout(&self) -> bool {
        self.file.as_os_str() == "-"
    }
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    if options.to_stdout() && options.output == Output::Json {
        return Err(Failure::usage("stdout cannot have both the file and -o json").fix("milena export TOPIC FILE -o json"));
    }
    let squeeze = options.squeeze.or(Codec::Null)?;
    let given = options.schema.given()?;
    let selection = options.range.of(&options.topic, false)?;
    let cluster = options.connect.cluster().await?;
    let mut reader = match options.range.open(&cluster, selection).await {
        Ok(reader) => reader,
        Err(error) => return Err(no_topic(&cluster, &options.topic, error).await),
    };
    let registry = schemas::registry(&cluster, options.registry.as_deref(), "export").await?;
    let target = match given {
        Some(schema) => Some(Target { words: "the schema that was given".into(), place: None, schema }),
        None => Target::registered(&registry, &options).await?,
    };
    let sink = Sink::open(options.file.clone()).await?;
    let mut sheet = Sheet { registry, squeeze, plans: HashMap::new(), sink, begun: None, tally: Tally::default() };
    if let Some(target) = target {
        sheet.begin(target).await?;
    }
    drain(&mut reader, &mut sheet, &options).await?;
    let Some((target, File { writer, gathered })) = sheet.begun else { return Err(nothing_known(&options.topic)) };
    writer.finish().map_err(input::unwritten)?;
    sheet.sink.take(&gathered).await?;
    sheet.sink.keep().await?;
    sheet.tally.say(&options, &target)
}

async fn no_topic(cluster: &Cluster, topic: &str, error: milena_client::Error) -> Failure {
    match read::unknown_topic(cluster, topic, error).await {
        (failure, read::Known::Nearest(near)) => failure.fix(format!("milena export {near}")),
        (failure, _) => failure,
    }
}

fn nothing_known(topic: &str) -> Failure {
    Failure::new(Kind::NotFound, format!("there is no schema for the values of {topic}"))
        .why(format!("the registry has no subject {topic}-value, and no record in the range carries a schema's id"))
        .fix(format!("milena export {topic} FILE --schema-file FILE.avsc   or   milena read {topic} > FILE.json"))
}

/// The schema that the file has.
struct Target {
    schema: avro::Schema,
    words: String,
    /// Subject, version and id, where it is registered.
    place: Option<(String, Option<i32>, u32)>,
}

impl Target {
    /// The version that is asked for, or the newest. `None`: the subject is not there.
    async fn registered(registry: &Registry, options: &Options) -> Result<Option<Self>, Failure> {
        let subject = format!("{}-value", options.topic);
        let found = match options.version {
            Some(version) => registry.version(&subject, version).await,
            None => match registry.latest(&subject).await {
                Err(Error::Refused { status: 404, .. }) => return Ok(None),
                other => other,
            },
        };
        let Registered { id, version, .. } = found.map_err(|error| {
            let missing = options.version.is_some() && matches!(error, Error::Refused { status: 404, .. });
            let failure = Failure::from(error);
            match missing {
                true => failure.hint(format!("milena schema show {subject} latest   shows the newest version")),
                false => failure,
            }
        })?;
        let schema = registry.schema(id).await?;
        let Schema::Avro(avro) = &*schema else {
            return Err(Failure::new(Kind::Failed, format!("the values of {} are {}", options.topic, schema.format()))
                .why("a container file holds Avro")
                .fix(format!("milena read {} > FILE.json", options.topic)));
        };
        let words = format!("{subject} v{} (id {id})", version.unwrap_or_default());
        Ok(Some(Self { schema: avro.clone(), words, place: Some((subject, version, id)) }))
    }
}

/// The schema's text with all that it refers to: a file stands alone.
fn alone(schema: &avro::Schema) -> String {
    match avro::Schema::parse_with(schema.text(), &[], Rigour::Stored) {
        Ok(_) => schema.text().to_owned(),
        Err(_) => schema.canonical_whole(),
    }
}

async fn drain(reader: &mut Reader, sheet: &mut Sheet, options: &Options) -> Result<(), Failure> {
    let bar = screen::bar(read::length(reader), options.connect.quiet);
    let most = options.count.unwrap_or(u64::MAX);
    while sheet.tally.records < most {
        let Some(message) = reader.next().await? else { break };
        bar.inc(1);
        match sheet.take(&message).await? {
            Ok(()) => {}
            Err(why) if options.skip_bad => {
                sheet.tally.bad += 1;
                sheet.tally.first_bad.get_or_insert_with(|| format!("{}: {why}", place(&message)));
            }
            Err(why) => {
                bar.finish_and_clear();
                return Err(Failure::new(Kind::Failed, format!("{} cannot be decoded", place(&message)))
                    .why(why)
                    .hint("--skip-bad leaves such records out; --version or --schema-file asks for another schema")
                    .fix(format!(
                        "milena read {} -p {} --offset {} -n 1 --hex",
                        message.topic, message.partition, message.offset
                    )));
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn place(message: &Message) -> String {
    format!("{}/{} @{}", message.topic, message.partition, message.offset)
}

/// The file, and what is needed to write into it.
struct Sheet {
    registry: Registry,
    squeeze: Squeeze,
    plans: HashMap<u32, Result<Known, String>>,
    sink: Sink,
    /// Nothing until it is known which schema the file has.
    begun: Option<(Target, File)>,
    tally: Tally,
}

/// A container file in memory: a block is gathered there before it is written.
struct File {
    writer: Writer<Gathered>,
    gathered: Gathered,
}

/// What the writer has written and nobody has taken yet.
#[derive(Clone, Default)]
struct Gathered(Rc<RefCell<Vec<u8>>>);

impl Write for Gathered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Pieces that may wait for whoever reads a pipe.
const WAITING: usize = 2;

/// Where the file goes to. Whoever reads a pipe may be slow or asleep, so it is written on a thread of its own: Ctrl-C is heard
/// meanwhile, and the connections live on.
enum Sink {
    Disk(Out),
    Pipe { give: mpsc::Sender<Vec<u8>>, writing: JoinHandle<io::Result<Out>> },
}

impl Sink {
    /// A named pipe is not even open before somebody reads it.
    async fn open(file: PathBuf) -> Result<Self, Failure> {
        let made = tokio::task::spawn_blocking(move || Out::create(Some(&file))).await;
        let mut out = made.map_err(|error| Failure::new(Kind::Failed, "the output cannot be opened").why(error))??;
        if out.is_disk() {
            return Ok(Self::Disk(out));
        }
        let (give, mut pieces) = mpsc::channel::<Vec<u8>>(WAITING);
        let writing = tokio::task::spawn_blocking(move || {
            while let Some(piece) = pieces.blocking_recv() {
                out.write_all(&piece)?;
            }
            out.flush()?;
            Ok(out)
        });
        Ok(Self::Pipe { give, writing })
    }

    /// Writes what was gathered.
    async fn take(&mut self, gathered: &Gathered) -> Result<(), Failure> {
        let piece = gathered.0.take();
        match self {
            _ if piece.is_empty() => Ok(()),
            Self::Disk(out) => Ok(out.write_all(&piece)?),
            Self::Pipe { give, writing } => match give.send(piece).await {
                Ok(()) => Ok(()),
                // The thread has ended, and says why.
                Err(_) => written(writing.await).map(drop),
            },
        }
    }

    /// All of it is written, and takes its name.
    async fn keep(self) -> Result<(), Failure> {
        match self {
            Self::Disk(out) => out.keep(),
            Self::Pipe { give, writing } => {
                drop(give);
                written(writing.await)?.keep()
            }
        }
    }
}

/// How the writing thread ended.
fn written(outcome: Result<io::Result<Out>, JoinError>) -> Result<Out, Failure> {
    let failed = |error: JoinError| Failure::new(Kind::Failed, "the output was not written to its end").why(error);
    Ok(outcome.map_err(failed)??)
}

/// How data of one schema become data of the file's.
struct Known {
    plan: Plan,
    other: bool,
}

/// Schemas that are remembered. Beyond it the memory is emptied and filled again.
const REMEMBERED: usize = 1_000;

impl Sheet {
    /// Begins the file, now that its schema is known.
    async fn begin(&mut self, target: Target) -> Result<(), Failure> {
        let gathered = Gathered::default();
        let text = alone(&target.schema);
        let writer = Writer::new(gathered.clone(), &text, self.squeeze, &[], input::sync()).map_err(input::unwritten)?;
        self.sink.take(&gathered).await?;
        self.begun = Some((target, File { writer, gathered }));
        Ok(())
    }

    /// Writes a message's value. The inner error says why that one cannot be decoded.
    async fn take(&mut self, message: &Message) -> Result<Result<(), String>, Failure> {
        let Some(value) = &message.value else {
            self.tally.tombstones += 1;
            return Ok(Ok(()));
        };
        let (id, body) = match self.split(message, value).await? {
            Ok(parts) => parts,
            Err(why) => return Ok(Err(why)),
        };
        if self.begun.is_none() {
            match self.first(id).await? {
                Ok(target) => self.begin(target).await?,
                Err(why) => return Ok(Err(why)),
            }
        }
        self.learn(id).await?;
        let Some((Ok(known), (_, File { writer, gathered }))) = self.plans.get(&id).map(Result::as_ref).zip(self.begun.as_mut())
        else {
            let why = self.plans.get(&id).and_then(|known| known.as_ref().err());
            return Ok(Err(why.cloned().unwrap_or_default()));
        };
        let before = writer.data().len();
        let mut data = binary::Reader::new(body);
        if let Err(why) = known.plan.rewrite(&mut data, writer.data()).and_then(|()| data.end()) {
            writer.data().truncate(before);
            return Ok(Err(format!("data of schema {id}: {why}")));
        }
        self.tally.records += 1;
        self.tally.others += u64::from(known.other);
        writer.wrote().map_err(input::unwritten)?;
        self.sink.take(gathered).await.map(Ok)
    }

    /// The schema's id, before the value or in a header, and the data.
    async fn split<'m>(&self, message: &Message, value: &'m [u8]) -> Result<Result<(u32, &'m [u8]), String>, Failure> {
        match read::header(&message.headers, VALUE_HEADER) {
            Some(named) => Ok(missing(self.registry.id_of(named.guid).await)?.map(|id| (id, value))),
            None => Ok(framing::split_prefix(value).map_err(|why| why.to_string())),
        }
    }

    /// The file's schema, where only its first record tells it.
    async fn first(&self, id: u32) -> Result<Result<Target, String>, Failure> {
        let found = self.avro(id).await?;
        Ok(found.map(|schema| Target { schema, words: format!("schema {id}"), place: None }))
    }

    async fn avro(&self, id: u32) -> Result<Result<avro::Schema, String>, Failure> {
        let found = missing(self.registry.schema(id).await)?;
        Ok(found.and_then(|schema| match &*schema {
            Schema::Avro(schema) => Ok(schema.clone()),
            other => Err(format!("schema {id} is {}, and a container file holds Avro", other.format())),
        }))
    }

    async fn learn(&mut self, id: u32) -> Result<(), Failure> {
        let Some((target, _)) = self.begun.as_ref().filter(|_| !self.plans.contains_key(&id)) else { return Ok(()) };
        let known = self.avro(id).await?.and_then(|writer| {
            let plan = Plan::resolve(&writer, &target.schema)
                .map_err(|flaw| format!("data of schema {id} cannot be read as {}: {flaw}", target.words))?;
            Ok(Known { plan, other: writer.parsing_form() != target.schema.parsing_form() })
        });
        if self.plans.len() >= REMEMBERED {
            self.plans.clear();
        }
        self.plans.insert(id, known);
        Ok(())
    }
}

/// What a registry does not have, or has and nobody can read, is about one record; all else is about the registry.
fn missing<T>(answer: Result<T, Error>) -> Result<Result<T, String>, Failure> {
    match answer {
        Ok(found) => Ok(Ok(found)),
        Err(error @ (Error::Refused { status: 404, .. } | Error::Schema { .. } | Error::Unsupported(_))) => {
            Ok(Err(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Default)]
struct Tally {
    records: u64,
    /// Of them, those that another schema wrote.
    others: u64,
    tombstones: u64,
    bad: u64,
    first_bad: Option<String>,
}

impl Tally {
    fn say(&self, options: &Options, target: &Target) -> Result<(), Failure> {
        let (subject, version, id) = match &target.place {
            Some((subject, version, id)) => (Some(subject), *version, Some(id)),
            None => (None, None, None),
        };
        if options.output == Output::Json {
            return screen::line(json!({
                "topic": options.topic, "file": options.file.display().to_string(), "records": self.records,
                "subject": subject, "version": version, "id": id,
                "resolved": self.others, "tombstones": self.tombstones, "skipped": self.bad,
            }));
        }
        let records = |n: u64, what: &str| counted(i64::try_from(n).unwrap_or(i64::MAX), what);
        let line =
            format!("{} to {}   {}   {}", options.topic, options.file.display(), records(self.records, "record"), target.words);
        if options.to_stdout() {
            options.connect.say(line);
        } else if !options.connect.quiet {
            screen::line(line)?;
        }
        if self.others > 0 {
            options.connect.say(format_args!("{} of another schema, read into this one", records(self.others, "record")));
        }
        if self.tombstones > 0 {
            options
                .connect
                .say(format_args!("{} left out: a container file has no room for them", records(self.tombstones, "tombstone")));
        }
        if let Some(first) = &self.first_bad {
            options
                .connect
                .say(format_args!("{} left out that cannot be decoded; the first: {first}", records(self.bad, "record")));
        }
        Ok(())
    }
}
