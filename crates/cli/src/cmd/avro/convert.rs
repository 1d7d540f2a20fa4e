//! Between container files and lines of JSON, in constant memory.

use std::{io::Write, path::PathBuf};

use clap::Args;
use milena_schema::avro::{
    Plan, Schema, Unions, binary,
    container::{Block, Codec, Writer},
};

use super::{
    input::{self, SchemaOptions, SqueezeOptions},
    output::Out,
    text,
};
use crate::{
    failure::{Failure, Kind},
    ordered::{Then, ordered},
};

#[derive(Args, Debug)]
pub(crate) struct ToJson {
    /// A container file
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Only so many records from the beginning (10 if no number is given)
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10", require_equals = true)]
    head: Option<u64>,
    /// Over several lines
    #[arg(long)]
    pretty: bool,
    /// Tag the values of unions: {"string":"x"}
    #[arg(long)]
    avro_json: bool,
    /// Read with this schema instead of the writer's
    #[arg(long, value_name = "JSON", conflicts_with = "reader_schema_file")]
    reader_schema: Option<String>,
    /// Read with the schema in this file
    #[arg(long, value_name = "FILE")]
    reader_schema_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct FromJson {
    /// JSON values, one after another
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    schema: SchemaOptions,
    #[command(flatten)]
    squeeze: SqueezeOptions,
    /// Where to write it, instead of stdout
    #[arg(long, short = 'O', value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Text that is gathered before it is written.
const GATHER: usize = 128 << 10;

pub(super) fn to_json(options: &ToJson) -> Result<(), Failure> {
    let mut out = Out::stdout();
    let mut reader = input::container(&options.file)?;
    let plan = plan(options, reader.schema())?;
    let codec = reader.codec();
    let mut left = options.head.unwrap_or(u64::MAX);
    let next = || {
        if left == 0 {
            return Ok(None);
        }
        let Some((count, packed, at)) = reader.next_packed().map_err(|error| input::broken(&options.file, error))? else {
            return Ok(None);
        };
        let wanted = count.min(left);
        left -= wanted;
        Ok(Some((wanted, count, packed, at)))
    };
    let work = |(wanted, count, packed, at): (u64, u64, Vec<u8>, u64), give: &mut dyn FnMut(_)| {
        let mut text = Vec::with_capacity(2 * GATHER);
        let done = Block::unpack(codec, (count, &packed, at)).map_err(|error| input::broken(&options.file, error));
        let done = done.and_then(|block| lines(options, &plan, (&block, wanted), &mut text, &mut |text| give(Ok(text))));
        // What was read before the damage is shown too.
        give(Ok(text));
        if let Err(failure) = done {
            give(Err(failure));
        }
    };
    let done = ordered(next, work, |text: Result<Vec<u8>, Failure>| Ok(out.write_all(&text?).map(|()| Then::On)?));
    out.flush()?;
    done
}

/// So many records of a block as text. What was gathered is given away when it is much.
fn lines(
    options: &ToJson,
    plan: &Plan,
    (block, wanted): (&Block, u64),
    text: &mut Vec<u8>,
    give: &mut dyn FnMut(Vec<u8>),
) -> Result<(), Failure> {
    let unions = if options.avro_json { Unions::Tagged } else { Unions::Bare };
    let mut data = binary::Reader::new(&block.data);
    for index in 0..wanted {
        let start = text.len();
        if let Err(error) = plan.write_json(&mut data, unions, text) {
            text.truncate(start);
            let what = format!("record {index} of the block at byte {} of {}", block.at, options.file.display());
            return Err(Failure::new(Kind::Failed, format!("{what} cannot be read")).why(error));
        }
        if options.pretty {
            prettify(text, start)?;
        }
        text.push(b'\n');
        if text.len() >= GATHER {
            give(std::mem::replace(text, Vec::with_capacity(2 * GATHER)));
        }
    }
    Ok(())
}

fn plan(options: &ToJson, writer: &Schema) -> Result<Plan, Failure> {
    let reader = match (&options.reader_schema, &options.reader_schema_file) {
        (Some(text), _) => input::parse(text, "--reader-schema")?,
        (None, Some(path)) => input::schema_of(path)?,
        (None, None) => return Ok(Plan::new(writer)),
    };
    Plan::resolve(writer, &reader)
        .map_err(|flaw| Failure::new(Kind::Failed, "the file cannot be read with that schema").why(flaw))
}

/// The text from `start` on, over several lines.
pub(super) fn prettify(text: &mut Vec<u8>, start: usize) -> Result<(), Failure> {
    let failed = |error: serde_json::Error| Failure::new(Kind::Failed, "the record cannot be laid out").why(error);
    let tree: serde_json::Value = serde_json::from_slice(&text[start..]).map_err(failed)?;
    text.truncate(start);
    serde_json::to_writer_pretty(text, &tree).map_err(failed)
}

pub(super) fn from_json(options: &FromJson) -> Result<(), Failure> {
    if let Some(out) = &options.out {
        input::apart([&options.file], out)?;
    }
    let schema = options.schema.needed()?;
    let squeeze = options.squeeze.or(Codec::Null)?;
    let text = input::open(&options.file)?;
    let out = Out::create(options.out.as_deref())?;
    let mut writer = Writer::new(out, schema.text(), squeeze, &[], input::sync()).map_err(input::unwritten)?;
    text::write_all(text, (&schema, squeeze), &mut writer, &options.file)?;
    Out::keep_finished(writer.finish())
}
