//! Where Avro comes from: files, stdin; and schemas from a text, a file or a container.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::Args;
use milena_schema::{
    Resolved,
    avro::{
        Plan, Rigour, Schema, binary,
        container::{self, Block, Codec, Reader, Squeeze},
    },
};

use crate::failure::{Failure, Kind};

/// A schema, in one of the ways that avro-tools knows.
#[derive(Args, Debug)]
pub(in crate::cmd) struct SchemaOptions {
    /// The schema itself
    #[arg(long, value_name = "JSON", conflicts_with = "schema_file")]
    schema: Option<String>,
    /// A file with the schema: .avsc, or a container file
    #[arg(long, short = 's', value_name = "FILE")]
    schema_file: Option<PathBuf>,
}

impl SchemaOptions {
    pub(in crate::cmd) fn given(&self) -> Result<Option<Schema>, Failure> {
        match (&self.schema, &self.schema_file) {
            (Some(text), _) => parse(text, "--schema").map(Some),
            (None, Some(path)) => schema_of(path).map(Some),
            (None, None) => Ok(None),
        }
    }

    pub(super) fn needed(&self) -> Result<Schema, Failure> {
        let none = || Failure::usage("no schema is given").hint("--schema-file FILE or --schema JSON");
        self.given()?.ok_or_else(none)
    }
}

impl SchemaOptions {
    /// The schema and the file that it is about: avro-tools has the schema's text before the file, where no option gives one.
    pub(super) fn before<'w>(&self, words: &'w [PathBuf]) -> Result<(Schema, &'w Path), Failure> {
        match (self.given()?, words) {
            (Some(schema), []) => Ok((schema, Path::new("-"))),
            (Some(schema), [file]) => Ok((schema, file)),
            (None, [schema, file]) => Ok((parse(&schema.to_string_lossy(), "the first word")?, file)),
            (Some(_), _) => Err(Failure::usage("the schema is given twice: by an option, and before the file")),
            (None, _) => self.needed().map(|schema| (schema, Path::new("-"))),
        }
    }
}

#[derive(Args, Debug)]
pub(in crate::cmd) struct SqueezeOptions {
    /// null, deflate, snappy, bzip2, xz or zstandard
    #[arg(long, value_name = "CODEC")]
    codec: Option<String>,
    /// How hard deflate (1-9), xz (0-9) or zstandard (1-22) tries
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    level: Option<i32>,
}

impl SqueezeOptions {
    /// The codec that was asked for, else `usual`.
    pub(in crate::cmd) fn or(&self, usual: Codec) -> Result<Squeeze, Failure> {
        let codec = match &self.codec {
            None => usual,
            Some(name) => name.parse().map_err(|error: container::Error| Failure::usage(error.to_string()))?,
        };
        // avro-tools writes -1 for the codec's own choice.
        let level = self.level.and_then(|level| u32::try_from(level).ok());
        Ok(Squeeze { codec, level })
    }
}

pub(super) fn parse(text: &str, whose: &str) -> Result<Schema, Failure> {
    Schema::parse(text).map_err(|flaw| Failure::new(Kind::Failed, format!("{whose} is no Avro schema")).why(flaw))
}

/// The schema in a `.avsc` file or of a container file, by what it begins with.
pub(super) fn schema_of(path: &Path) -> Result<Schema, Failure> {
    schema_after(path, &[])
}

/// The same for one that may name types of others.
pub(super) fn schema_after(path: &Path, others: &[Schema]) -> Result<Schema, Failure> {
    let mut input = open(path)?;
    let mut begin = Vec::new();
    input.by_ref().take(4).read_to_end(&mut begin).map_err(|error| unread(path, &error))?;
    let whole = io::Cursor::new(begin.clone()).chain(input);
    if begin == container::MAGIC {
        let reader = Reader::new(whole).map_err(|error| broken(path, error))?;
        return Ok(reader.schema().clone());
    }
    let mut text = String::new();
    let limit = milena_schema::budget::TEXT as u64 + 1;
    whole.take(limit).read_to_string(&mut text).map_err(|error| unread(path, &error))?;
    if text.len() as u64 == limit {
        return Err(Failure::new(Kind::Failed, format!("{} is too large for a schema", path.display())));
    }
    match Schema::parse(&text) {
        Err(_) if !others.is_empty() => {
            let known = |other| Resolved { name: Schema::name(other).unwrap_or_default(), text: Schema::text(other) };
            let known: Vec<Resolved<'_>> = others.iter().map(known).collect();
            let parsed = Schema::parse_with(&text, &known, Rigour::Strict);
            parsed.map_err(|flaw| Failure::new(Kind::Failed, format!("{} is no Avro schema", path.display())).why(flaw))
        }
        _ => parse(&text, &path.display().to_string()),
    }
}

/// `-` is stdin.
pub(in crate::cmd) fn open(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Failure::new(Kind::NotFound, format!("{} is not there", path.display())))
        }
        Err(error) => Err(unread(path, &error)),
    }
}

pub(in crate::cmd) fn container(path: &Path) -> Result<Reader<Box<dyn Read + Send>>, Failure> {
    Reader::new(open(path)?).map_err(|error| broken(path, error))
}

/// A file that is read must not be written at the same time: it would be emptied first.
pub(in crate::cmd) fn apart<'p>(inputs: impl IntoIterator<Item = &'p PathBuf>, out: &Path) -> Result<(), Failure> {
    let Ok(place) = out.canonicalize() else { return Ok(()) };
    match inputs.into_iter().find(|input| input.canonicalize().is_ok_and(|input| input == place)) {
        Some(input) => Err(Failure::usage(format!("{} cannot be read and written at once", input.display()))),
        None => Ok(()),
    }
}

pub(super) fn unread(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("{} cannot be read", path.display())).why(error)
}

/// What a container file's reader said, for people.
pub(in crate::cmd) fn broken(path: &Path, error: container::Error) -> Failure {
    let failure = Failure::new(Kind::Failed, format!("{} cannot be read as an Avro file", path.display())).why(&error);
    match error {
        container::Error::Damaged { .. } => {
            failure.hint("the rest of it can be saved").fix(format!("milena avro repair {} mended.avro", path.display()))
        }
        _ => failure,
    }
}

/// The bytes of the next record of a block.
pub(in crate::cmd) fn datum<'b>(
    plan: &Plan,
    data: &mut binary::Reader<'b>,
    (block, index): (&Block, u64),
    path: &Path,
) -> Result<&'b [u8], Failure> {
    let before = data.rest();
    plan.skip(data).map_err(|error| {
        let what = format!("record {index} of the block at byte {} of {} cannot be read", block.at, path.display());
        Failure::new(Kind::Failed, what).why(error)
    })?;
    Ok(&before[..before.len() - data.rest().len()])
}

/// What went wrong while a container file was written.
pub(in crate::cmd) fn unwritten(error: container::Error) -> Failure {
    match error {
        container::Error::Io(error) => error.into(),
        other => Failure::new(Kind::Failed, other.to_string()),
    }
}

/// Sixteen bytes that nobody can foresee.
pub(in crate::cmd) fn sync() -> container::Sync {
    uuid::Uuid::new_v4().into_bytes()
}
