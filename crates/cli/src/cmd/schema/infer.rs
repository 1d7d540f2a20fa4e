//! `schema infer`: a schema from samples, in a file, on stdin, or in a topic.

use std::{
    fs::File,
    io::{BufReader, Read, stdin},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use milena_client::{Cluster, From, OutOfRange, Reader, ReaderConfig, Selection, Until};
use milena_schema::infer::Shape;
use serde_json::Value;

use crate::{
    cmd::read::{Decoder, Depth},
    connect::Connect,
    failure::{Failure, Kind},
    screen,
};

/// Bytes of samples that are read.
const LARGEST: u64 = 256 << 20;

#[derive(Args, Debug)]
pub(super) struct Infer {
    /// JSON values, one after the other, or one array of them [default: stdin]
    #[arg(conflicts_with = "topic")]
    file: Option<PathBuf>,
    /// Take the values of this topic's first messages
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// In which language
    #[arg(long = "type", value_enum, ignore_case = true, default_value = "avro")]
    kind: Language,
    /// What the outermost record is called, with its namespace [default: after the file or topic]
    #[arg(long)]
    name: Option<String>,
    /// Samples that are looked at
    #[arg(short = 'n', long, default_value_t = 1000)]
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Language {
    Avro,
    Json,
}

pub(super) async fn run(options: &Infer, connect: &Connect) -> Result<(), Failure> {
    let (shape, samples) = match &options.topic {
        Some(topic) => of_topic(&connect.cluster().await?, topic, options.count).await?,
        None => of_file(options.file.as_deref(), options.count)?,
    };
    if samples == 0 {
        return Err(Failure::new(Kind::Failed, "there is no sample to learn from").fix("milena schema infer people.json"));
    }
    let given = options.name.clone().unwrap_or_else(|| options.usual_name());
    let (namespace, name) = given.rsplit_once('.').map_or((None, given.as_str()), |(space, name)| (Some(space), name));
    let mut schema = match options.kind {
        Language::Json => shape.json_schema(&given),
        Language::Avro => shape.avro(name).map_err(|flaw| {
            Failure::new(Kind::Failed, "these samples have no Avro schema").why(flaw).fix("milena schema infer --type json")
        })?,
    };
    if let (Some(space), Some(object)) = (namespace, schema.as_object_mut().filter(|o| o.contains_key("fields"))) {
        object.shift_insert(2, "namespace".into(), space.into());
    }
    connect.say(format_args!("learnt from {}", screen::counted(samples as i64, "sample")));
    screen::line(serde_json::to_string_pretty(&schema).unwrap_or_else(|_| schema.to_string()))?;
    Ok(())
}

impl Infer {
    fn usual_name(&self) -> String {
        let stem = self.file.as_deref().and_then(Path::file_stem).and_then(|stem| stem.to_str());
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        self.topic.as_deref().or(stem).unwrap_or("Record").chars().map(plain).collect()
    }
}

fn of_file(path: Option<&Path>, count: usize) -> Result<(Shape, usize), Failure> {
    let shown = path.map_or("stdin".into(), |path| path.display().to_string());
    let failed = |why: String| Failure::new(Kind::Failed, format!("{shown} cannot be read as JSON")).why(why);
    let source: Box<dyn Read> = match path.filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            Box::new(File::open(path).map_err(|e| Failure::new(Kind::NotFound, format!("{shown} cannot be read")).why(e))?)
        }
        None => Box::new(stdin()),
    };
    let values = serde_json::Deserializer::from_reader(BufReader::new(source.take(LARGEST))).into_iter::<Value>();
    let (mut shape, mut samples) = (Shape::default(), 0);
    for value in values {
        let value = value.map_err(|error| failed(error.to_string()))?;
        let inner = match value {
            Value::Array(items) => items,
            other => vec![other],
        };
        for sample in inner.iter().take(count - samples) {
            shape.add(sample);
            samples += 1;
        }
        if samples >= count {
            break;
        }
    }
    Ok((shape, samples))
}

async fn of_topic(cluster: &Cluster, topic: &str, count: usize) -> Result<(Shape, usize), Failure> {
    let selection = Selection { topic: topic.into(), partitions: None, from: From::Start, until: Until::End };
    let config = ReaderConfig { out_of_range: OutOfRange::Start, ..ReaderConfig::default() };
    let mut reader = match Reader::open(cluster.clone(), &[selection], config).await {
        Ok(reader) => reader,
        Err(error) => return Err(crate::cmd::read::no_topic(cluster, topic, error).await),
    };
    let mut decoder = Decoder::new(cluster.clone(), Depth::Decoded);
    let (mut shape, mut samples) = (Shape::default(), 0);
    while samples < count
        && let Some(mut message) = reader.next().await?
    {
        let place = format!("{topic}/{}/{}", message.partition, message.offset);
        decoder.decode(&mut message).await;
        let Some(value) = &message.value else { continue };
        let value = serde_json::from_slice(value).map_err(|error| {
            Failure::new(Kind::Failed, format!("{place} is no JSON, and has no schema that is known here")).why(error)
        })?;
        shape.add(&value);
        samples += 1;
    }
    Ok((shape, samples))
}
