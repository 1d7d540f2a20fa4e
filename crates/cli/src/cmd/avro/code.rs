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
        Schema, generate,
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
    /// Where to write: a file [default: -], or with --split a folder [default: .]
    out: Option<PathBuf>,
    /// One .avsc a type, as avro-tools' idl2schemata does
    #[arg(long)]
    split: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Schemata {
    /// An IDL file (.avdl)
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The folder to write into
    #[arg(default_value = ".")]
    out: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Compile {
    /// Files with schemas or protocols (.avpr), and last a folder, a file, or - to write to
    #[arg(required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// In which language: Rust, and Java after avro-tools' words `schema` and `protocol`, if it is not said
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
    let idl = parsed(&options.file)?;
    if options.split {
        return split(&idl, &options.file, options.out.as_deref().unwrap_or(Path::new(".")));
    }
    let main = match idl.main {
        Some(main) => main,
        None => match &mut idl.written().map_err(|flaw| no_idl(&options.file, flaw))?[..] {
            [only] => only.take(),
            types => types.to_vec().into(),
        },
    };
    write(options.out.as_deref().unwrap_or(Path::new("-")), &pretty(&main.to_string())?)
}

pub(super) fn schemata(options: &Schemata) -> Result<(), Failure> {
    split(&parsed(&options.file)?, &options.file, &options.out)
}

fn no_idl(file: &Path, flaw: Flaw) -> Failure {
    Failure::new(Kind::Failed, format!("{} is no IDL", file.display())).why(flaw)
}

fn parsed(file: &Path) -> Result<Parsed, Failure> {
    let text = read(file)?;
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut fetch = |_: Import, path: &str| {
        fs::read_to_string(folder.join(path))
            .map_err(|error| Flaw::new(format!("{} cannot be read: {error}", folder.join(path).display())))
    };
    Parsed::parse(&text, &mut fetch).map_err(|flaw| no_idl(file, flaw))
}

/// One file a type.
fn split(idl: &Parsed, file: &Path, folder: &Path) -> Result<(), Failure> {
    make(folder)?;
    for (name, schema) in idl.schemata().map_err(|flaw| no_idl(file, flaw))? {
        let simple = name.rsplit('.').next().unwrap_or(&name).to_owned();
        write(&folder.join(format!("{simple}.avsc")), &pretty(schema.text())?)?;
    }
    Ok(())
}

fn make(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::new(Kind::Failed, format!("{} cannot be made", folder.display())).why(error))
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
    let (files, word): (Vec<&PathBuf>, _) = match options.files.split_first() {
        Some((first, rest)) if (first.as_os_str() == "schema" || first.as_os_str() == "protocol") && !rest.is_empty() => {
            (rest.iter().collect(), Some(first.as_os_str()))
        }
        _ => (options.files.iter().collect(), None),
    };
    let usual = if word.is_some() { Language::Java } else { Language::Rust };
    let (out, sources) = match files.split_last() {
        Some((out, sources)) if !sources.is_empty() => (out.as_path(), sources.to_vec()),
        _ => (Path::new("-"), files),
    };
    for path in sources {
        let is_protocol = word.map_or(path.extension().is_some_and(|ending| ending == "avpr"), |word| word == "protocol");
        let schema = if is_protocol { protocol(path)? } else { input::schema_of(path)? };
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

/// The types of a protocol.
fn protocol(path: &Path) -> Result<Schema, Failure> {
    let none = |flaw: Flaw| Failure::new(Kind::Failed, format!("{} is no Avro protocol", path.display())).why(flaw);
    Parsed::types_of_protocol(&read(path)?).map_err(none)
}

/// Java wants a file for each class, in folders by package.
fn java(out: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    if out.as_os_str() == "-" {
        return Err(Failure::usage("Java code is written into a folder").fix("milena avro compile --lang java test.avsc src/"));
    }
    for (name, text) in files {
        let path = out.join(name);
        make(path.parent().unwrap_or(out))?;
        write(&path, text)?;
    }
    Ok(())
}
