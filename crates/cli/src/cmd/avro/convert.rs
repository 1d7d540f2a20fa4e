//! Between container files and lines of JSON, in constant memory.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use milena_schema::avro::{
    Plan, Schema, Unions, binary,
    container::{Codec, Writer},
};

use super::{
    input::{self, SchemaOptions, SqueezeOptions},
    output::Out,
};
use crate::failure::{Failure, Kind};

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
    let mut text = Vec::with_capacity(2 * GATHER);
    let done = lines(options, &mut text, &mut out);
    // What was read before the damage is shown too.
    out.write_all(&text)?;
    out.flush()?;
    done
}

fn lines(options: &ToJson, text: &mut Vec<u8>, out: &mut impl Write) -> Result<(), Failure> {
    let mut reader = input::container(&options.file)?;
    let plan = plan(options, reader.schema())?;
    let unions = if options.avro_json { Unions::Tagged } else { Unions::Bare };
    let mut left = options.head.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(block) = reader.next_block().map_err(|error| input::broken(&options.file, error))? else { break };
        let mut data = binary::Reader::new(&block.data);
        for index in 0..block.count.min(left) {
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
                out.write_all(text)?;
                text.clear();
            }
        }
        left -= block.count.min(left);
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
    let mut values = Values::new(input::open(&options.file)?);
    let out = Out::create(options.out.as_deref())?;
    let mut writer = Writer::new(out, schema.text(), squeeze, &[], input::sync()).map_err(input::unwritten)?;
    while values.next(&schema, writer.data(), &options.file)? {
        writer.wrote().map_err(input::unwritten)?;
    }
    Out::keep_finished(writer.finish())
}

/// JSON values one after another, on lines of their own or not.
pub(super) struct Values<R> {
    input: R,
    window: Vec<u8>,
    start: usize,
    /// Behind the last end of a line in the window.
    whole: usize,
    ended: bool,
    /// Lines in front of the window.
    lines: usize,
}

/// Bytes of one JSON value.
const VALUE_LIMIT: usize = 256 << 20;

impl<R: Read> Values<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, window: Vec::new(), start: 0, whole: 0, ended: false, lines: 0 }
    }

    /// Appends the next value's binary form; `false` at the end.
    pub(super) fn next(&mut self, schema: &Schema, out: &mut Vec<u8>, path: &Path) -> Result<bool, Failure> {
        loop {
            let front = &self.window[self.start..];
            let blank = front.iter().take_while(|b| b.is_ascii_whitespace()).count();
            self.start += blank;
            let front = &self.window[self.start..];
            // A number or word may go on in what was not read yet; a line's end says that it does not.
            let whole = self.ended || self.start < self.whole;
            if front.is_empty() && self.ended {
                return Ok(false);
            }
            if whole {
                match schema.encode_json_front(front, out) {
                    Ok(Some(taken)) => {
                        self.start += taken;
                        return Ok(true);
                    }
                    Ok(None) if self.ended => return Err(self.failure("the text ends inside a value", path)),
                    Ok(None) => {}
                    Err(flaw) => return Err(self.failure(&flaw.to_string(), path)),
                }
            }
            self.more(path)?;
        }
    }

    fn failure(&self, why: &str, path: &Path) -> Failure {
        let line = self.lines + self.window[..self.start].iter().filter(|b| **b == b'\n').count() + 1;
        let place = if path.as_os_str() == "-" { "stdin".to_owned() } else { path.display().to_string() };
        Failure::new(Kind::Failed, format!("the value at line {line} of {place} is none of the schema")).why(why)
    }

    /// Doubles what is at hand, so that a value over many lines is not tried too often.
    fn more(&mut self, path: &Path) -> Result<(), Failure> {
        self.lines += self.window[..self.start].iter().filter(|b| **b == b'\n').count();
        self.window.drain(..self.start);
        self.start = 0;
        if self.window.len() > VALUE_LIMIT {
            return Err(self.failure("it is longer than 256 MiB", path));
        }
        let wanted = self.window.len().max(256 << 10);
        let got = self.input.by_ref().take(wanted as u64).read_to_end(&mut self.window).map_err(|e| input::unread(path, &e))?;
        self.ended = got < wanted;
        self.whole = self.window.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        Ok(())
    }
}
