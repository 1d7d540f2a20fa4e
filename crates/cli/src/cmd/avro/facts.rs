//! What a file or schema is: schema, metadata, number of records, canonical form, fingerprint.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use milena_schema::avro::Schema;

use super::{
    input::{self, SchemaOptions},
    output::Out,
};
use crate::{
    failure::{Failure, Kind},
    screen,
};

#[derive(Args, Debug)]
pub(crate) struct OfFile {
    /// A container file
    #[arg(default_value = "-")]
    file: PathBuf,
    /// As it stands in the file, letter by letter
    #[arg(long)]
    raw: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Meta {
    /// A container file
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Only this key's value
    #[arg(long)]
    key: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Count {
    /// Container files, or folders of them
    #[arg(default_value = "-")]
    files: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Canonical {
    /// A file with a schema, unless an option gives it; then where to write
    #[arg(value_name = "FILE", num_args = 0..=2)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    schema: SchemaOptions,
}

#[derive(Args, Debug)]
pub(crate) struct Fingerprint {
    /// Files with schemas [default: -]; each of several has its name behind its fingerprint
    #[arg(value_name = "FILE", conflicts_with_all = ["schema", "schema_file"])]
    files: Vec<PathBuf>,
    #[command(flatten)]
    schema: SchemaOptions,
    /// CRC-64-AVRO, MD5 or SHA-256
    #[arg(long, short = 'f', value_name = "ALGORITHM", default_value = "CRC-64-AVRO", ignore_case = true)]
    fingerprint: String,
}

pub(super) fn schema(options: &OfFile) -> Result<(), Failure> {
    let reader = input::container(&options.file)?;
    if options.raw {
        return screen::line(reader.schema().text().trim_end());
    }
    let mut text = reader.schema().text().as_bytes().to_vec();
    super::convert::prettify(&mut text, 0)?;
    screen::line(String::from_utf8_lossy(&text))
}

pub(super) fn meta(options: &Meta) -> Result<(), Failure> {
    let reader = input::container(&options.file)?;
    let show = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    if let Some(key) = &options.key {
        let value = reader.meta().iter().find(|(k, _)| k == key);
        let none = || Failure::new(Kind::NotFound, format!("{} has no metadata {key:?}", options.file.display()));
        return screen::line(show(&value.ok_or_else(none)?.1));
    }
    let mut text = String::new();
    for (key, value) in reader.meta() {
        let _ = writeln!(text, "{key}\t{}", show(value));
    }
    screen::print(&text)
}

pub(super) fn count(options: &Count) -> Result<(), Failure> {
    let mut total = 0;
    for path in &options.files {
        total += count_of(path)?;
    }
    screen::line(total)
}

/// A folder's own files count, those in folders below it too; hidden ones do not.
fn count_of(path: &Path) -> Result<u64, Failure> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| input::unread(path, &error))?;
        let mut total = 0;
        for entry in entries {
            let entry = entry.map_err(|error| input::unread(path, &error))?.path();
            let hidden = entry.file_name().is_some_and(|name| name.as_encoded_bytes().first().is_some_and(|b| b"._".contains(b)));
            if !hidden {
                total += count_of(&entry)?;
            }
        }
        return Ok(total);
    }
    let mut reader = input::container(path)?;
    let mut total = 0;
    while let Some((count, _, _)) = reader.next_packed().map_err(|error| input::broken(path, error))? {
        total += count;
    }
    Ok(total)
}

pub(super) fn canonical(options: &Canonical) -> Result<(), Failure> {
    let (schema, rest) = match (options.schema.given()?, &options.files[..]) {
        (Some(schema), rest) => (schema, rest),
        (None, []) => (input::schema_of(Path::new("-"))?, &[][..]),
        (None, [file, rest @ ..]) => (input::schema_of(file)?, rest),
    };
    if let [_, _, ..] = rest {
        return Err(Failure::usage("the schema is given twice: by an option, and as a file"));
    }
    let mut out = Out::create(rest.first().map(PathBuf::as_path))?;
    writeln!(out, "{}", schema.parsing_form())?;
    out.keep()
}

pub(super) fn fingerprint(options: &Fingerprint) -> Result<(), Failure> {
    if let Some(schema) = options.schema.given()? {
        return screen::line(print(&schema, &options.fingerprint)?);
    }
    let stdin = [PathBuf::from("-")];
    let files = if options.files.is_empty() { &stdin[..] } else { &options.files };
    let mut lines = String::new();
    for path in files {
        let print = print(&input::schema_of(path)?, &options.fingerprint)?;
        let _ = match files {
            [_] => writeln!(lines, "{print}"),
            _ => writeln!(lines, "{print} {}", path.display()),
        };
    }
    screen::print(&lines)
}

/// A fingerprint in hexadecimal.
fn print(schema: &Schema, algorithm: &str) -> Result<String, Failure> {
    let print = match algorithm.to_ascii_uppercase().as_str() {
        "CRC-64-AVRO" => schema.rabin().to_le_bytes().to_vec(),
        "MD5" => schema.md5().to_vec(),
        "SHA-256" => schema.sha256().to_vec(),
        other => return Err(Failure::usage(format!("fingerprint {other} is not known")).hint("CRC-64-AVRO, MD5 or SHA-256")),
    };
    Ok(print.iter().map(|byte| format!("{byte:02x}")).collect())
}
