//! `milena avro`: Avro files, schemas and data, as avro-tools does it, and faster. Needs no broker.

mod blocks;
mod code;
mod convert;
mod datum;
mod facts;
pub(super) mod input;
pub(super) mod output;
mod text;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::failure::Failure;
pub(super) use datum::dice;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  milena avro fromjson --schema-file test.avsc people.json > people.avro
  milena avro tojson people.avro
  milena avro recodec --codec zstandard people.avro smaller.avro
  milena avro decode --schema-file test.avsc --framed < message.bin
  milena avro repair broken.avro mended.avro

A file is a path, or - for stdin. avro-tools' names work too: getschema, getmeta, fragtojson, jsontofrag.";

#[derive(Subcommand, Debug)]
enum Command {
    /// A container file as JSON, one line a record
    Tojson(convert::ToJson),
    /// JSON to a container file
    Fromjson(convert::FromJson),
    /// The schema of a container file
    #[command(alias = "getschema")]
    Schema(facts::OfFile),
    /// The metadata of a container file
    #[command(alias = "getmeta")]
    Meta(facts::Meta),
    /// How many records files or folders hold
    Count(facts::Count),
    /// Some records of several files in one file
    Cat(blocks::Cat),
    /// Files of one schema in one file, without unpacking them
    Concat(blocks::Concat),
    /// The same file, compressed otherwise
    Recodec(blocks::Recodec),
    /// Random records of a schema
    Random(datum::Random),
    /// One JSON value to Avro's binary form
    #[command(alias = "jsontofrag")]
    Encode(datum::Encode),
    /// Avro's binary form to JSON; takes magic byte and schema id off
    #[command(alias = "fragtojson")]
    Decode(datum::Decode),
    /// The Parsing Canonical Form of a schema
    Canonical(facts::Canonical),
    /// Fingerprints of schemas
    Fingerprint(facts::Fingerprint),
    /// Avro IDL to a schema or protocol
    Idl(code::Idl),
    /// One .avsc a type of Avro IDL, as `idl --split` does it
    Idl2schemata(code::Schemata),
    /// Code from a schema, or from the types of a protocol
    Compile(code::Compile),
    /// What can be read of a damaged container file
    Repair(blocks::Repair),
}

pub(crate) fn run(options: Options) -> Result<ExitCode, Failure> {
    match options.command {
        Command::Tojson(options) => convert::to_json(&options),
        Command::Fromjson(options) => convert::from_json(&options),
        Command::Schema(options) => facts::schema(&options),
        Command::Meta(options) => facts::meta(&options),
        Command::Count(options) => facts::count(&options),
        Command::Cat(options) => blocks::cat(&options),
        Command::Concat(options) => return blocks::concat(&options),
        Command::Recodec(options) => blocks::recodec(&options),
        Command::Random(options) => datum::random(&options),
        Command::Encode(options) => datum::encode(&options),
        Command::Decode(options) => datum::decode(&options),
        Command::Canonical(options) => facts::canonical(&options),
        Command::Fingerprint(options) => facts::fingerprint(&options),
        Command::Idl(options) => code::idl(&options),
        Command::Idl2schemata(options) => code::schemata(&options),
        Command::Compile(options) => code::compile(&options),
        Command::Repair(options) => blocks::repair(&options),
    }?;
    Ok(ExitCode::SUCCESS)
}
