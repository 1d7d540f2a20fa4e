//! Single data: encoded, decoded, or random.

use std::{
    io::{Read, Write},
    path::PathBuf,
};

use clap::Args;
use milena_schema::avro::{
    Dice, Plan, Schema, Unions, binary,
    container::{Codec, Writer},
};

use super::{
    convert::prettify,
    input::{self, SchemaOptions, SqueezeOptions},
    output::Out,
    text::Values,
};
use crate::failure::{Failure, Kind};

#[derive(Args, Debug)]
pub(crate) struct Encode {
    /// JSON values, one after another; as avro-tools has it, the schema itself may stand before the file
    #[arg(value_name = "FILE", num_args = 0..=2)]
    words: Vec<PathBuf>,
    #[command(flatten)]
    schema: SchemaOptions,
    /// Put magic byte 0 and this schema id in front, as serializers of a registry do
    #[arg(long, value_name = "ID")]
    id: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct Decode {
    /// The binary form of data, one after another; as avro-tools has it, the schema itself may stand before the file
    #[arg(value_name = "FILE", num_args = 0..=2)]
    words: Vec<PathBuf>,
    #[command(flatten)]
    schema: SchemaOptions,
    /// The data is one message: take its magic byte and schema id off first
    #[arg(long)]
    framed: bool,
    /// Over several lines
    #[arg(long)]
    pretty: bool,
    /// Tag the values of unions: {"string":"x"}
    #[arg(long)]
    avro_json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Random {
    /// Where to write the container file
    #[arg(default_value = "-")]
    out: PathBuf,
    #[command(flatten)]
    schema: SchemaOptions,
    #[command(flatten)]
    squeeze: SqueezeOptions,
    /// How many records
    #[arg(long, default_value_t = 10)]
    count: u64,
    /// The same seed gives the same records
    #[arg(long, allow_negative_numbers = true)]
    seed: Option<i64>,
    /// JSON lines instead of a container file
    #[arg(long)]
    json: bool,
}

/// Bytes of data that are decoded at once.
const DATA_LIMIT: u64 = 256 << 20;

pub(super) fn encode(options: &Encode) -> Result<(), Failure> {
    let (schema, file) = options.schema.before(&options.words)?;
    let mut values = Values::new(input::open(file)?);
    let mut out = Out::stdout();
    let mut data = Vec::new();
    loop {
        data.clear();
        if let Some(id) = options.id {
            data.push(0);
            data.extend_from_slice(&id.to_be_bytes());
        }
        if !values.next(&schema, &mut data, file)? {
            return Ok(out.flush()?);
        }
        out.write_all(&data)?;
    }
}

pub(super) fn decode(options: &Decode) -> Result<(), Failure> {
    let (schema, file) = options.schema.before(&options.words)?;
    let mut bytes = Vec::new();
    let mut data = input::open(file)?.take(DATA_LIMIT + 1);
    data.read_to_end(&mut bytes).map_err(|error| input::unread(file, &error))?;
    if bytes.len() as u64 > DATA_LIMIT {
        return Err(Failure::new(Kind::Failed, "more than 256 MiB of data are not decoded at once"));
    }
    let body = if options.framed { unframed(&bytes)? } else { &bytes };
    let plan = Plan::new(&schema);
    let unions = if options.avro_json { Unions::Tagged } else { Unions::Bare };
    let mut out = Out::stdout();
    let mut data = binary::Reader::new(body);
    let mut text = Vec::new();
    while !data.rest().is_empty() || body.is_empty() {
        let at = bytes.len() - data.rest().len();
        let failed = |error| Failure::new(Kind::Failed, format!("the data at byte {at} is none of the schema")).why(error);
        plan.write_json(&mut data, unions, &mut text).map_err(failed)?;
        if options.pretty {
            prettify(&mut text, 0)?;
        }
        text.push(b'\n');
        out.write_all(&text)?;
        text.clear();
        if data.rest().len() + at == bytes.len() {
            break;
        }
    }
    Ok(out.flush()?)
}

/// What comes behind magic byte 0 and a schema id.
fn unframed(bytes: &[u8]) -> Result<&[u8], Failure> {
    match bytes.split_at_checked(5) {
        Some(([0, ..], body)) => Ok(body),
        _ => Err(Failure::new(Kind::Failed, "the data has no magic byte 0 and schema id in front").hint("leave --framed out")),
    }
}

/// Chance, or what a seed gives.
pub(in crate::cmd) fn dice(seed: Option<i64>) -> Dice {
    let chance = || u64::from_le_bytes(input::sync()[..8].try_into().unwrap_or_default());
    Dice::new(seed.map_or_else(chance, |seed| seed as u64))
}

pub(super) fn random(options: &Random) -> Result<(), Failure> {
    let schema = options.schema.needed()?;
    let mut dice = dice(options.seed);
    let none = |flaw| Failure::new(Kind::Failed, "no random data can be made").why(flaw);
    let out = Out::create(Some(&options.out))?;
    if options.json {
        return random_json(&schema, &mut dice, options.count, out);
    }
    let squeeze = options.squeeze.or(Codec::Null)?;
    let mut writer = Writer::new(out, schema.text(), squeeze, &[], input::sync()).map_err(input::unwritten)?;
    for _ in 0..options.count {
        schema.random(&mut dice, writer.data()).map_err(none)?;
        writer.wrote().map_err(input::unwritten)?;
    }
    Out::keep_finished(writer.finish())
}

fn random_json(schema: &Schema, dice: &mut Dice, count: u64, mut out: Out) -> Result<(), Failure> {
    let plan = Plan::new(schema);
    for _ in 0..count {
        let mut data = Vec::new();
        schema.random(dice, &mut data).map_err(|flaw| Failure::new(Kind::Failed, "no random data can be made").why(flaw))?;
        let text = plan.to_json(&data, Unions::Bare).map_err(|e| Failure::new(Kind::Failed, "random data is broken").why(e))?;
        writeln!(out, "{text}")?;
    }
    out.keep()
}
