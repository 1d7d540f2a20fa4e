//! From one language to another: IDL to JSON, schemas to code.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use milena_schema::{
    Flaw,
    avro::{
        generate,
        idl::{Idl as Parsed, Import},
    },
};

use super::{convert::prettify, input, output::Out};
use crate::failure::{Failure, Kind};

#[derive(Args, Debug)]
pub(crate) struct Idl {
    /// An IDL file (.avdl)
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Where to write: a file, or with --split a folder
    #[arg(default_value = "-")]
    out: PathBuf,
    /// One .avsc a type, as avro-tools' idl2schemata does
    #[arg(long)]
    split: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Compile {
    /// Files with schemas, and last a folder, a file, or - to write to
    #[arg(required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// In which language: Rust, and Java after avro-tools' word `schema`, if it is not said
    #[arg(long, short = 'l', value_enum)]
    lang: Option<Language>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    /// Structs and enums that write and read themselves; needs the crate milena-schema
    Rust,
    /// Classes that Apache's Avro takes as specific records; needs its jar
    Java,
    /// Dataclasses; needs fastavro
    Python,
    /// Interfaces with functions that write and read them; needs nothing
    #[value(alias = "ts")]
    Typescript,
}

pub(super) fn idl(options: &Idl) -> Result<(), Failure> {
    let text = read(&options.file)?;
    let folder = options.file.parent().unwrap_or(Path::new("")).to_owned();
    let mut fetch = |_: Import, path: &str| {
        fs::read_to_string(folder.join(path))
            .map_err(|error| Flaw::new(format!("{} cannot be read: {error}", folder.join(path).display())))
    };
    let failed = |flaw: Flaw| Failure::new(Kind::Failed, format!("{} is no IDL", options.file.display())).why(flaw);
    let idl = Parsed::parse(&text, &mut fetch).map_err(failed)?;
    if options.split {
        for (name, schema) in idl.schemata().map_err(failed)? {
            let simple = name.rsplit('.').next().unwrap_or(&name).to_owned();
            write(&options.out.join(format!("{simple}.avsc")), &pretty(schema.text())?)?;
        }
        return Ok(());
    }
    let main = match idl.main {
        Some(main) => main,
        None => match &mut idl.written().map_err(failed)?[..] {
            [only] => only.take(),
            types => types.to_vec().into(),
        },
    };
    write(&options.out, &pretty(&main.to_string())?)
}

fn pretty(text: &str) -> Result<String, Failure> {
    let mut text = text.as_bytes().to_vec();
    prettify(&mut text, 0)?;
    text.push(b'\n');
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let mut file = input::open(path)?.take(milena_schema::budget::TEXT as u64);
    file.read_to_string(&mut text).map_err(|error| input::unread(path, &error))?;
    Ok(text)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut out = Out::create(Some(path))?;
    out.write_all(text.as_bytes())?;
    out.keep()
}

pub(super) fn compile(options: &Compile) -> Result<(), Failure> {
    let (files, usual): (Vec<&PathBuf>, _) = match options.files.split_first() {
        Some((first, rest)) if first.as_os_str() == "schema" && !rest.is_empty() => (rest.iter().collect(), Language::Java),
        _ => (options.files.iter().collect(), Language::Rust),
    };
    let (out, sources) = match files.split_last() {
        Some((out, sources)) if !sources.is_empty() => (out.as_path(), sources.to_vec()),
        _ => (Path::new("-"), files),
    };
    for path in sources {
        let schema = input::schema_of(path)?;
        let failed = |flaw: Flaw| Failure::new(Kind::Failed, format!("no code can be made from {}", path.display())).why(flaw);
        let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().replace(['-', '.', ' '], "_");
        let (text, ending) = match options.lang.unwrap_or(usual) {
            Language::Rust => (generate::rust(&schema).map_err(failed)?, "rs"),
            Language::Python => (generate::python(&schema).map_err(failed)?, "py"),
            Language::Typescript => (generate::typescript(&schema).map_err(failed)?, "ts"),
            Language::Java => {
                java(out, &generate::java(&schema).map_err(failed)?)?;
                continue;
            }
        };
        if out.is_dir() {
            write(&out.join(format!("{stem}.{ending}")), &text)?;
        } else {
            write(out, &text)?;
        }
    }
    Ok(())
}

/// Java wants a file for each class, in folders by package.
fn java(out: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    if out.as_os_str() == "-" {
        return Err(Failure::usage("Java code is written into a folder").fix("milena avro compile --lang java test.avsc src/"));
    }
    for (name, text) in files {
        let path = out.join(name);
        let folder = path.parent().unwrap_or(out);
        let failed = |error| Failure::new(Kind::Failed, format!("{} cannot be made", folder.display())).why(error);
        fs::create_dir_all(folder).map_err(failed)?;
        write(&path, text)?;
    }
    Ok(())
}
