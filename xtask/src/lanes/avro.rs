//! Apache's avro-tools beside `milena avro`: files of each are read by the other, and both say the same of them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::server::Server;
use crate::{
    lane::{Ground, room},
    run,
};

const TOOLS: &str = "org.apache.avro:avro-tools:1.12.1";
const CODECS: [&str; 6] = ["null", "deflate", "snappy", "bzip2", "xz", "zstandard"];

/// Names, a union, an enum, bytes and a long beyond what a double holds.
const SCHEMA: &str = r#"{"type":"record","name":"FullName","namespace":"com.example","fields":[
    {"name":"first","type":"string"},{"name":"last","type":["null","string"],"default":null},
    {"name":"id","type":"long"},{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["A","B"]}},
    {"name":"raw","type":"bytes"},{"name":"marks","type":{"type":"array","items":"double"}}]}"#;
/// The same, grown by a field.
const READER: &str = r#"{"type":"record","name":"FullName","namespace":"com.example","fields":[
    {"name":"first","type":"string"},{"name":"age","type":"int","default":7}]}"#;
const IDL: &str = "@namespace(\"com.example\") protocol Mail { enum Kind { A, B } = B; \
    /** A letter. */ record Letter { string text; union { null, Kind } kind = null; array<Letter> answers; decimal(9,2) cost; date sent; } \
    void send(Letter letter); }";

struct Both {
    milena: PathBuf,
    jar: PathBuf,
    dir: tempfile::TempDir,
    checks: usize,
}

pub(crate) fn tools(ground: &Ground) -> Result<String> {
    let jar = avro_tools(ground)?;
    let mut both = Both { milena: ground.milena.clone(), jar, dir: tempfile::tempdir()?, checks: 0 };
    std::fs::write(both.path("s.avsc"), SCHEMA)?;
    std::fs::write(both.path("r.avsc"), READER)?;
    std::fs::write(both.path("i.avdl"), IDL)?;
    std::fs::write(both.path("d.json"), records())?;
    both.files()?;
    both.facts()?;
    both.single()?;
    both.damage()?;
    both.idl()?;
    both.topic()?;
    Ok(format!("{} answers of avro-tools 1.12.1 and milena avro are the same", both.checks))
}

/// Their jar, fetched once.
pub(crate) fn avro_tools(ground: &Ground) -> Result<PathBuf> {
    let room = room(ground, "avro")?;
    let jar = room.join("avro-tools-1.12.1.jar");
    if !jar.exists() {
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "dependency:copy", &format!("-Dartifact={TOOLS}")]);
        run::quiet(maven.arg(format!("-DoutputDirectory={}", room.display())))?;
    }
    Ok(jar)
}

fn records() -> String {
    let record = |i: u64| {
        let last = if i.is_multiple_of(3) { "null".to_owned() } else { format!("{{\"string\":\"doe \\\"{i}\\\" é\"}}") };
        let id = 9_007_199_254_740_993 + i;
        let kind = if i.is_multiple_of(2) { "A" } else { "B" };
        format!(
            "{{\"first\":\"john\",\"last\":{last},\"id\":{id},\"kind\":\"{kind}\",\"raw\":\"\\u00ff\\u0000a\",\"marks\":[0.5,1e300,{i}]}}\n"
        )
    };
    (0..300).map(record).collect()
}

impl Both {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn ours(&self, args: &[&str]) -> Result<String> {
        run::quiet(Command::new(&self.milena).arg("avro").args(args).current_dir(self.dir.path()))
    }

    fn theirs(&self, args: &[&str]) -> Result<String> {
        run::quiet(Command::new("java").arg("-jar").arg(&self.jar).args(args).current_dir(self.dir.path()))
    }

    /// Bytes on stdout, kept in a file.
    fn keep(&self, mut command: Command, name: &str) -> Result<()> {
        let file = std::fs::File::create(self.path(name))?;
        let status = command.current_dir(self.dir.path()).stdout(file).stderr(std::process::Stdio::null()).status()?;
        ensure!(status.success(), "{command:?}: {status}");
        Ok(())
    }

    fn same(&mut self, what: &str, ours: &str, theirs: &str) -> Result<()> {
        self.checks += 1;
        ensure!(ours.trim() == theirs.trim(), "{what}\nours:   {ours:.2000}\ntheirs: {theirs:.2000}");
        Ok(())
    }

    /// The same JSON values, whatever their numbers look like.
    fn same_json(&mut self, what: &str, ours: &str, theirs: &str) -> Result<()> {
        self.checks += 1;
        let (a, b) = (values(ours)?, values(theirs)?);
        ensure!(a == b && !a.is_empty(), "{what}\nours:   {ours:.2000}\ntheirs: {theirs:.2000}");
        Ok(())
    }

    /// Container files of every codec, both ways.
    fn files(&mut self) -> Result<()> {
        let written = records();
        for codec in CODECS {
            let (a, b) = (format!("ours-{codec}.avro"), format!("theirs-{codec}.avro"));
            self.ours(&["fromjson", "--schema-file", "s.avsc", "--codec", codec, "d.json", "--out", &a])?;
            let theirs = self.theirs(&["tojson", &a])?;
            self.same_json(&format!("our file of {codec}"), &written, &theirs)?;
            let mut java = Command::new("java");
            // Of xz and zstandard it wants to be told how hard to try.
            java.arg("-jar").arg(&self.jar).args([
                "fromjson",
                "--schema-file",
                "s.avsc",
                "--codec",
                codec,
                "--level",
                "3",
                "d.json",
            ]);
            self.keep(java, &b)?;
            let ours = self.ours(&["tojson", "--avro-json", &b])?;
            self.same_json(&format!("their file of {codec}"), &ours, &written)?;
        }
        let (ours, theirs) = (
            self.ours(&["tojson", "--head=3", "--avro-json", "--reader-schema-file", "r.avsc", "ours-xz.avro"])?,
            self.theirs(&["tojson", "--head=3", "--reader-schema-file", "r.avsc", "ours-xz.avro"])?,
        );
        self.same_json("tojson with a reader's schema", &ours, &theirs)
    }

    fn facts(&mut self) -> Result<()> {
        let (ours, theirs) = (self.ours(&["getschema", "theirs-xz.avro"])?, self.theirs(&["getschema", "ours-xz.avro"])?);
        self.same_json("getschema", &ours, &theirs)?;
        // Theirs takes the file from before the option only.
        let key = ["getmeta", "ours-xz.avro", "--key", "avro.codec"];
        let (ours, theirs) = (self.ours(&key)?, self.theirs(&key)?);
        self.same("getmeta", &ours, &theirs)?;
        let (ours, theirs) = (self.ours(&["count", "theirs-snappy.avro"])?, self.theirs(&["count", "ours-snappy.avro"])?);
        self.same("count", &ours, &theirs)?;
        let (ours, theirs) = (self.ours(&["canonical", "s.avsc"])?, self.theirs(&["canonical", "s.avsc", "-"])?);
        self.same("canonical", &ours, &theirs)?;
        std::fs::write(self.path("c.avsc"), format!("// said\n{SCHEMA} /* all */"))?;
        // One of another name: theirs reads all with one parser, which knows each name once.
        std::fs::write(self.path("n.avsc"), r#"{"type":"fixed","name":"N","size":2}"#)?;
        let prints = ["fingerprint", "c.avsc", "n.avsc"];
        let (ours, theirs) = (self.ours(&prints)?, self.theirs(&prints)?);
        self.same("fingerprints of several, and comments", &ours, &theirs)?;
        for algorithm in ["CRC-64-AVRO", "MD5", "SHA-256"] {
            let args = ["fingerprint", "--fingerprint", algorithm, "s.avsc"];
            let theirs = self.theirs(&args)?;
            let ours = self.ours(&args)?;
            self.same(algorithm, &ours, theirs.split_whitespace().next().unwrap_or_default())?;
        }
        self.ours(&["concat", "ours-xz.avro", "theirs-xz.avro", "both.avro"])?;
        let counted = self.theirs(&["count", "both.avro"])?;
        self.same("concat", "600", &counted)?;
        self.ours(&["recodec", "--codec", "zstandard", "ours-xz.avro", "again.avro"])?;
        let (ours, theirs) = (self.ours(&["tojson", "--avro-json", "again.avro"])?, self.theirs(&["tojson", "again.avro"])?);
        self.same_json("recodec", &ours, &theirs)?;
        self.ours(&["cat", "--offset", "10", "--limit", "5", "ours-xz.avro", "five.avro"])?;
        let theirs = self.theirs(&["tojson", "five.avro"])?;
        let five: String = records().lines().skip(10).take(5).map(|l| format!("{l}\n")).collect();
        self.same_json("cat", &five, &theirs)?;
        self.ours(&["random", "--schema-file", "s.avsc", "--count", "50", "--seed", "1", "--codec", "deflate", "random.avro"])?;
        let counted = self.theirs(&["count", "random.avro"])?;
        self.same("our random", "50", &counted)?;
        self.theirs(&["random", "--schema-file", "s.avsc", "--count", "50", "--seed", "1", "theirs-random.avro"])?;
        let (ours, theirs) =
            (self.ours(&["tojson", "--avro-json", "theirs-random.avro"])?, self.theirs(&["tojson", "theirs-random.avro"])?);
        self.same_json("their random", &ours, &theirs)
    }

    /// Data without a container.
    fn single(&mut self) -> Result<()> {
        let mut ours = Command::new(&self.milena);
        ours.args(["avro", "jsontofrag", "--schema-file", "s.avsc", "d.json"]);
        self.keep(ours, "ours.bin")?;
        let mut theirs = Command::new("java");
        theirs.arg("-jar").arg(&self.jar).args(["jsontofrag", "--schema-file", "s.avsc", "d.json"]);
        self.keep(theirs, "theirs.bin")?;
        self.checks += 1;
        ensure!(
            std::fs::read(self.path("ours.bin"))? == std::fs::read(self.path("theirs.bin"))?,
            "jsontofrag writes other bytes"
        );
        let args = ["fragtojson", "--schema-file", "s.avsc", "theirs.bin"];
        let (ours, theirs) = (self.ours(&[&args[..], &["--avro-json"]].concat())?, self.theirs(&args)?);
        self.same_json("fragtojson", &ours, &theirs)
    }

    /// Both mend the same file to the same records.
    fn damage(&mut self) -> Result<()> {
        self.ours(&["concat", "ours-snappy.avro", "ours-snappy.avro", "ours-snappy.avro", "three.avro"])?;
        let mut bytes = std::fs::read(self.path("three.avro"))?;
        let middle = bytes.len() / 2;
        bytes[middle..middle + 20].fill(0xff);
        std::fs::write(self.path("broken.avro"), bytes)?;
        for option in ["all", "prior", "after"] {
            self.ours(&["repair", "-o", option, "broken.avro", "ours-mended.avro"])?;
            self.theirs(&["repair", "-o", option, "broken.avro", "theirs-mended.avro"])?;
            let (ours, theirs) =
                (self.theirs(&["tojson", "ours-mended.avro"])?, self.ours(&["tojson", "--avro-json", "theirs-mended.avro"])?);
            self.same_json(&format!("repair {option}"), &ours, &theirs)?;
        }
        Ok(())
    }

    /// Their file goes through a topic, and ours comes out of it.
    fn topic(&mut self) -> Result<()> {
        let server = Server::start(&self.milena, &self.path("data"), &[])?;
        for words in [&["import", "theirs-snappy.avro", "people"][..], &["export", "people", "people.avro", "--codec", "snappy"]]
        {
            let mut command = Command::new(&self.milena);
            run::quiet(command.args(words).args(["-b", &server.kafka]).current_dir(self.dir.path()))?;
        }
        let theirs = self.theirs(&["tojson", "people.avro"])?;
        self.same_json("a file through a topic", &records(), &theirs)
    }

    fn idl(&mut self) -> Result<()> {
        let (ours, theirs) = (self.ours(&["idl", "i.avdl"])?, self.theirs(&["idl", "i.avdl"])?);
        self.same_json("idl", &ours, &theirs)?;
        for (dir, mine) in [("ours", true), ("theirs", false)] {
            std::fs::create_dir(self.path(dir))?;
            if mine {
                self.ours(&["idl2schemata", "i.avdl", dir])?
            } else {
                self.theirs(&["idl2schemata", "i.avdl", dir])?
            };
        }
        for name in ["Kind.avsc", "Letter.avsc"] {
            let read = |dir: &str| {
                std::fs::read_to_string(self.path(dir).join(Path::new(name))).with_context(|| format!("{dir}/{name}"))
            };
            let (ours, theirs) = (read("ours")?, read("theirs")?);
            self.same_json(&format!("idl2schemata {name}"), &ours, &theirs)?;
        }
        Ok(())
    }
}

/// JSON values, one after another. Numbers with a point are compared as numbers, whole ones digit by digit.
fn values(text: &str) -> Result<Vec<Value>> {
    let text: Vec<&str> = text.lines().filter(|l| !l.contains(" WARN ")).collect();
    let stream = serde_json::Deserializer::from_str(&text.join("\n")).into_iter::<Value>().collect::<Result<Vec<_>, _>>();
    let mut values = stream.or_else(|error| bail!("no JSON: {error}: {:.500}", text.join("\n")))?;
    values.iter_mut().for_each(plain);
    Ok(values)
}

/// A double that is a whole number is the same as that number.
fn plain(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 1e15) {
                *value = (float as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        Value::Object(members) => members.values_mut().for_each(plain),
        _ => {}
    }
}
