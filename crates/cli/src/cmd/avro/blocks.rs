//! Container files out of container files: some records, all blocks, another codec, or what damage left.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use milena_schema::avro::{
    Plan, binary,
    container::{Block, Error, Reader, Squeeze, Writer},
};

use super::{
    input::{self, SqueezeOptions},
    output::Out,
};
use crate::{
    failure::{Failure, Kind},
    screen,
};

#[derive(Args, Debug)]
pub(crate) struct Cat {
    /// Container files of one schema, and last where to write
    #[arg(required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// Pass over so many records first, of all files together
    #[arg(long, default_value_t = 0)]
    offset: u64,
    /// At most so many records in what is written
    #[arg(long)]
    limit: Option<u64>,
    /// This share of the records, from 0 to 1
    #[arg(long, default_value_t = 1.0)]
    samplerate: f64,
    #[command(flatten)]
    squeeze: SqueezeOptions,
}

#[derive(Args, Debug)]
pub(crate) struct Concat {
    /// Container files of one schema and codec, and last where to write
    #[arg(required = true, num_args = 2..)]
    files: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Recodec {
    /// A container file
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Where to write
    #[arg(default_value = "-")]
    out: PathBuf,
    #[command(flatten)]
    squeeze: SqueezeOptions,
}

#[derive(Args, Debug)]
pub(crate) struct Repair {
    /// A damaged container file
    file: PathBuf,
    /// Where to write what is whole; not needed for a report
    out: Option<PathBuf>,
    /// Which records: all that can be read, those prior to the first damage, those after it, or only a report
    #[arg(long, short = 'o', value_enum, default_value_t = Saved::All)]
    option: Saved,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Saved {
    All,
    Prior,
    After,
    Report,
}

/// The last of the names is where to write.
fn last(files: &[PathBuf]) -> (&[PathBuf], &Path) {
    match files.split_last() {
        Some((out, files)) if !files.is_empty() => (files, out),
        _ => (files, Path::new("-")),
    }
}

pub(super) fn cat(options: &Cat) -> Result<(), Failure> {
    if !(0.0..=1.0).contains(&options.samplerate) {
        return Err(Failure::usage("--samplerate is a share from 0 to 1"));
    }
    let (files, out) = last(&options.files);
    input::apart(files, out)?;
    let first = input::container(&files[0])?;
    let squeeze = options.squeeze.or(first.codec())?;
    let schema = first.schema().clone();
    drop(first);
    let out = Out::create(Some(out))?;
    let mut writer = Writer::new(out, schema.text(), squeeze, &[], input::sync()).map_err(input::unwritten)?;
    let mut sample =
        Sample { skip: options.offset, left: options.limit.unwrap_or(u64::MAX), rate: options.samplerate, share: 0.0 };
    for path in files {
        let mut reader = input::container(path)?;
        if reader.schema().canonical() != schema.canonical() {
            let what = format!("{} has another schema than {}", path.display(), files[0].display());
            return Err(Failure::new(Kind::Failed, what).hint("milena avro schema FILE shows each"));
        }
        let plan = Plan::new(reader.schema());
        while sample.left > 0 {
            let Some(block) = reader.next_block().map_err(|error| input::broken(path, error))? else { break };
            each(&plan, &block, path, |datum| {
                if sample.takes() {
                    writer.data().extend_from_slice(datum);
                    writer.wrote().map_err(input::unwritten)?;
                }
                Ok(())
            })?;
        }
    }
    Out::keep_finished(writer.finish())
}

struct Sample {
    skip: u64,
    left: u64,
    rate: f64,
    /// What adds up to the next record.
    share: f64,
}

impl Sample {
    /// Evenly spread, so that the same command gives the same file.
    fn takes(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.share += self.rate;
        if self.left == 0 || self.share < 1.0 {
            return false;
        }
        self.share -= 1.0;
        self.left -= 1;
        true
    }
}

/// The bytes of each record of a block.
fn each(plan: &Plan, block: &Block, path: &Path, mut take: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut data = binary::Reader::new(&block.data);
    for index in 0..block.count {
        take(input::datum(plan, &mut data, (block, index), path)?)?;
    }
    Ok(())
}

/// As avro-tools: 1 for another schema, 2 for other metadata, 3 for another codec.
pub(super) fn concat(options: &Concat) -> Result<ExitCode, Failure> {
    let (files, out) = last(&options.files);
    input::apart(files, out)?;
    let first = input::container(&files[0])?;
    let squeeze = Squeeze { codec: first.codec(), level: None };
    let (schema, meta) = (first.schema().clone(), own(&first));
    drop(first);
    for path in files {
        let reader = input::container(path)?;
        let differs = if reader.schema().canonical() != schema.canonical() {
            Some((1, "schema"))
        } else if own(&reader) != meta {
            Some((2, "metadata"))
        } else {
            (reader.codec() != squeeze.codec).then_some((3, "codec"))
        };
        if let Some((code, what)) = differs {
            screen::talk(format_args!(
                "error: {} has another {what} than {}\n  hint: milena avro meta FILE shows each",
                path.display(),
                files[0].display()
            ));
            return Ok(ExitCode::from(code));
        }
    }
    let out = Out::create(Some(out))?;
    let mut writer = Writer::new(out, schema.text(), squeeze, &meta, input::sync()).map_err(input::unwritten)?;
    for path in files {
        let mut reader = input::container(path)?;
        while let Some((count, packed, _)) = reader.next_packed().map_err(|error| input::broken(path, error))? {
            writer.packed(count, &packed).map_err(input::unwritten)?;
        }
    }
    Out::keep_finished(writer.finish())?;
    Ok(ExitCode::SUCCESS)
}

/// Metadata that is not Avro's own.
fn own<R: std::io::Read>(reader: &Reader<R>) -> Vec<(String, Vec<u8>)> {
    let mut meta: Vec<_> = reader.meta().iter().filter(|(key, _)| !key.starts_with("avro.")).cloned().collect();
    meta.sort();
    meta
}

pub(super) fn recodec(options: &Recodec) -> Result<(), Failure> {
    input::apart([&options.file], &options.out)?;
    let mut reader = input::container(&options.file)?;
    let squeeze = options.squeeze.or(milena_schema::avro::container::Codec::Null)?;
    let out = Out::create(Some(&options.out))?;
    let meta = own(&reader);
    let mut writer = Writer::new(out, reader.schema().text(), squeeze, &meta, input::sync()).map_err(input::unwritten)?;
    while let Some(block) = reader.next_block().map_err(|error| input::broken(&options.file, error))? {
        writer.repack(block.count, &block.data).map_err(input::unwritten)?;
    }
    Out::keep_finished(writer.finish())
}

#[derive(Default)]
struct Tally {
    blocks: u64,
    records: u64,
    damages: u64,
    /// Records that broken blocks say they had, as far as their heads can be believed.
    lost: u64,
}

pub(super) fn repair(options: &Repair) -> Result<(), Failure> {
    if let Some(out) = &options.out {
        input::apart([&options.file], out)?;
    }
    let mut reader = input::container(&options.file)?;
    let plan = Plan::new(reader.schema());
    let squeeze = Squeeze { codec: reader.codec(), level: None };
    let meta = own(&reader);
    let mut writer = match (&options.out, options.option) {
        (_, Saved::Report) => None,
        (Some(out), _) => {
            let out = Out::create(Some(out))?;
            Some(Writer::new(out, reader.schema().text(), squeeze, &meta, input::sync()).map_err(input::unwritten)?)
        }
        (None, _) => return Err(Failure::usage("where shall the mended file go?").fix("milena avro repair BROKEN MENDED")),
    };
    let mut tally = Tally::default();
    loop {
        match reader.next_block() {
            Ok(None) => break,
            Ok(Some(block)) => {
                let wanted = match options.option {
                    Saved::Prior => tally.damages == 0,
                    Saved::After => tally.damages > 0,
                    Saved::All | Saved::Report => true,
                };
                save(&plan, &block, writer.as_mut().filter(|_| wanted), &mut tally)?;
            }
            Err(Error::Damaged { .. }) => tally.damages += 1,
            Err(other) => return Err(input::broken(&options.file, other)),
        }
    }
    if let Some(writer) = writer {
        Out::keep_finished(writer.finish())?;
    }
    report(&reader, &tally)
}

/// The records of a block up to the first that cannot be read.
fn save(plan: &Plan, block: &Block, mut writer: Option<&mut Writer<Out>>, tally: &mut Tally) -> Result<(), Failure> {
    let mut data = binary::Reader::new(&block.data);
    tally.blocks += 1;
    for index in 0..block.count {
        let before = data.rest();
        if plan.skip(&mut data).is_err() {
            tally.damages += 1;
            tally.lost += block.count - index;
            return Ok(());
        }
        tally.records += 1;
        if let Some(writer) = &mut writer {
            writer.data().extend_from_slice(&before[..before.len() - data.rest().len()]);
            writer.wrote().map_err(input::unwritten)?;
        }
    }
    Ok(())
}

fn report<R: std::io::Read>(reader: &Reader<R>, tally: &Tally) -> Result<(), Failure> {
    let mut screen = screen::Screen::new();
    for damage in reader.damages() {
        screen.line(format_args!("byte {}: {}; {} bytes passed over", damage.at, damage.what, damage.skipped))?;
    }
    if tally.lost > 0 {
        screen.line(format_args!("{} records in whole blocks cannot be read", tally.lost))?;
    }
    let counted = |n: u64, what| screen::counted(i64::try_from(n).unwrap_or(i64::MAX), what);
    let (blocks, records) = (counted(tally.blocks, "block"), counted(tally.records, "record"));
    screen.line(format_args!("{blocks}, {records}, {}", counted(tally.damages, "damage")))?;
    screen.flush()
}
