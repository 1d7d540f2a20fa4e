//! From one language to another: IDL to JSON, schemas to code.

use std::{
    collections::BTreeMap,
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
    let out = options.out.as_deref().unwrap_or(Path::new("-"));
    input::apart([&options.file], out)?;
    write(out, &pretty(&main.to_string())?)
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
    let (files, word) = match options.files.split_first() {
        Some((first, rest)) if (first.as_os_str() == "schema" || first.as_os_str() == "protocol") && !rest.is_empty() => {
            (rest, first.to_str())
        }
        _ => (&options.files[..], None),
    };
    let lang = options.lang.unwrap_or(if word.is_some() { Language::Java } else { Language::Rust });
    let (out, named) = match files.split_last() {
        Some((out, sources)) if !sources.is_empty() => (out.as_path(), sources),
        _ => (Path::new("-"), files),
    };
    let mut sources = Vec::new();
    for path in named {
        sources.extend(within(path, word)?);
    }
    let is_folder = goes_into_a_folder(out, &sources, lang)?;
    let mut made = Vec::new();
    for (path, schema) in sources.iter().zip(schemas(&sources, word)?) {
        made.extend(code(lang, path, &schema, is_folder)?);
    }
    for (name, text) in made {
        let path = if is_folder { out.join(name) } else { out.to_owned() };
        if is_folder {
            make(path.parent().unwrap_or(out))?;
        }
        write(&path, &text)?;
    }
    Ok(())
}

/// A source, or those of a folder, as avro-tools takes them.
fn within(path: &Path, word: Option<&str>) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error: std::io::Error| input::unread(path, &error);
    let ending = if word == Some("protocol") { "avpr" } else { "avsc" };
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        found.extend(Some(entry.map_err(failed)?.path()).filter(|path| path.extension().is_some_and(|e| e == ending)));
    }
    if found.is_empty() {
        return Err(Failure::new(Kind::NotFound, format!("{} has no .{ending} files", path.display())));
    }
    found.sort();
    Ok(found)
}

/// Whether the code goes into a folder. Nothing that is read is written over, and no file of code over another.
fn goes_into_a_folder(out: &Path, sources: &[PathBuf], lang: Language) -> Result<bool, Failure> {
    let fix = |folder: &str| format!("milena avro compile {} {folder}", sources[0].display());
    let ending = |of: &Path| of.extension().map(|ending| ending.to_string_lossy().into_owned());
    if matches!(ending(out).as_deref(), Some("avsc" | "avpr" | "avdl")) && !out.is_dir() {
        let what = format!("{} is a schema by its name, and the last name is where the code goes", out.display());
        return Err(Failure::usage(what).fix(fix("src/")));
    }
    input::apart(sources, out)?;
    if lang == Language::Java {
        return match out.as_os_str() == "-" {
            true => {
                Err(Failure::usage("Java code is written into a folder").fix("milena avro compile --lang java test.avsc src/"))
            }
            false => Ok(true),
        };
    }
    let is_folder = out.is_dir() || out.as_os_str().as_encoded_bytes().ends_with(b"/");
    let is_file = out.as_os_str() == "-" || out.is_file() || ending(out).as_deref() == Some(lang.ending());
    if sources.len() > 1 && is_file && !is_folder {
        return Err(Failure::usage(format!("the code of {} schemas is written into a folder", sources.len())).fix(fix("… src/")));
    }
    let mut stems = BTreeMap::new();
    for path in sources {
        if let Some(other) = stems.insert(stem(path), path) {
            let what = format!("{} and {} would be one file of code", other.display(), path.display());
            return Err(Failure::usage(what).fix(fix("other/")));
        }
    }
    Ok(is_folder || sources.len() > 1)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().replace(['-', '.', ' '], "_")
}

/// The schemas of the sources, in their order. One may name types of those before it.
fn schemas(sources: &[PathBuf], word: Option<&str>) -> Result<Vec<Schema>, Failure> {
    let mut all: Vec<Schema> = Vec::new();
    for path in sources {
        let is_protocol = word.map_or(path.extension().is_some_and(|ending| ending == "avpr"), |word| word == "protocol");
        let schema = if is_protocol { protocol(path)? } else { input::schema_after(path, &all)? };
        all.push(schema);
    }
    Ok(all)
}

/// The files that a schema becomes. The name of what does not go into a folder does not matter.
fn code(lang: Language, path: &Path, schema: &Schema, is_folder: bool) -> Result<Vec<(String, String)>, Failure> {
    let failed = |flaw: Flaw| Failure::new(Kind::Failed, format!("no code can be made from {}", path.display())).why(flaw);
    let text = match lang {
        Language::Java => return generate::java(schema).map_err(failed),
        Language::Rust => generate::rust(schema),
        Language::Python => generate::python(schema),
        Language::Typescript => generate::typescript(schema),
    };
    let name = if is_folder { format!("{}.{}", stem(path), lang.ending()) } else { String::new() };
    Ok(vec![(name, text.map_err(failed)?)])
}

impl Language {
    fn ending(self) -> &'static str {
        match self {
            Self::Rust => "rs",
            Self::Java => "java",
            Self::Python => "py",
            Self::Typescript => "ts",
        }
    }
}

/// The types of a protocol.
fn protocol(path: &Path) -> Result<Schema, Failure> {
    let none = |flaw: Flaw| Failure::new(Kind::Failed, format!("{} is no Avro protocol", path.display())).why(flaw);
    Parsed::types_of_protocol(&read(path)?).map_err(none)
}
