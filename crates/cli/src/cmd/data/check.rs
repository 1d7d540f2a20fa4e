//! `milena data check`: what is damaged, where, whose it is, and what to do.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use milena_node::Inhabitant;
use milena_store::local::{Damage, Leftover, Seen};
use serde_json::{Value, json};

use super::place::{Closed, Place};
use crate::{
    failure::{Failure, Kind},
    screen::{Output, counted, print},
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The directory that `serve --data` was given
    #[arg(default_value = "milena-data")]
    dir: PathBuf,
    #[arg(short, long, default_value = "text")]
    output: Output,
}

/// What a look at everything found.
pub(crate) struct Checked {
    pub(crate) damage: Vec<Named>,
    leftovers: Vec<Leftover>,
    seen: Seen,
    clean: bool,
    foreign: Option<String>,
}

/// Damage, and whose it is.
pub(crate) struct Named {
    damage: Damage,
    name: Option<String>,
    partition: Option<(String, i32)>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let checked = look(&options.dir)?;
    print(&match options.output {
        Output::Text => checked.text(&options.dir),
        Output::Json => format!("{}\n", checked.json(&options.dir)),
    })?;
    Ok(ExitCode::from(if checked.is_sound() { 0 } else { Kind::No as u8 }))
}

/// Looks at everything in a directory.
pub(crate) fn look(dir: &Path) -> Result<Checked, Failure> {
    let place = match Place::open(dir) {
        Ok(place) => place,
        Err(Closed::Failure(failure)) => return Err(failure),
        Err(Closed::Damaged { file, what }) => return Ok(Checked::unreadable(file, what)),
    };
    let (damage, seen) = place.rest.damage();
    let leftovers = place
        .rest
        .leftovers()
        .map_err(|fault| Failure::new(Kind::Failed, format!("{} cannot be read", dir.display())).why(fault))?;
    let named = |damage: Damage| {
        let partition = damage.log.and_then(|log| match place.inhabitant(log) {
            Some(Inhabitant::Partition { topic, partition, .. }) => Some((topic.clone(), *partition)),
            _ => None,
        });
        Named { name: damage.log.map(|log| place.name(log)), partition, damage }
    };
    let damage = damage.into_iter().map(named).collect();
    Ok(Checked { damage, leftovers, seen, clean: place.rest.recovered.clean, foreign: place.foreign.clone() })
}

impl Checked {
    /// Nothing more can be told without it.
    fn unreadable(file: String, what: String) -> Self {
        let damage = Damage { file, range: None, log: None, positions: None, what };
        let damage = vec![Named { damage, name: None, partition: None }];
        Self { damage, leftovers: Vec::new(), seen: Seen::default(), clean: false, foreign: None }
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.damage.is_empty() && self.foreign.is_none()
    }

    /// In one line, for whoever only wants to know.
    pub(crate) fn summary(&self) -> String {
        let Seen { logs, payloads, bytes, files } = self.seen;
        let batches = if payloads == 1 { "1 batch".into() } else { format!("{payloads} batches") };
        format!("{}, {batches} with {bytes} bytes, {}", counted(logs as i64, "log"), counted(files as i64, "file"))
    }

    fn text(&self, dir: &Path) -> String {
        let mut out = format!("{}: {}\n", dir.display(), self.summary());
        if !self.clean {
            out += "the last stop was not clean: the next start reads the write-ahead log back, which is no damage\n";
        }
        if let Some(foreign) = &self.foreign {
            out += &format!("foreign   {foreign}\n  do:     start it with the release that wrote it, or a newer one\n");
        }
        for named in &self.damage {
            let Damage { file, range, what, .. } = &named.damage;
            out += &format!("damaged   {file}{}   {}{what}\n", at(range.as_ref()), named.whose());
            out += &format!("  do:     {}\n", named.advice());
        }
        for Leftover { file, range, what } in &self.leftovers {
            out += &format!("leftover  {file}{}   {what}\n", at(range.as_ref()));
        }
        match self.damage.len() {
            0 if self.foreign.is_none() => out += "nothing is damaged\n",
            0 => {}
            n => out += &format!("{}\n", counted(n as i64, "damaged range")),
        }
        out
    }

    fn json(&self, dir: &Path) -> Value {
        let from = |range: &Option<Range<u64>>| range.as_ref().map(|r| r.start);
        let to = |range: &Option<Range<u64>>| range.as_ref().map(|r| r.end);
        let damage: Vec<Value> = self
            .damage
            .iter()
            .map(|named| {
                let d = &named.damage;
                json!({
                    "file": d.file,
                    "from": from(&d.range),
                    "to": to(&d.range),
                    "log": d.log.map(|log| log.0),
                    "of": named.name,
                    "topic": named.partition.as_ref().map(|(topic, _)| topic),
                    "partition": named.partition.as_ref().map(|(_, partition)| partition),
                    "first_offset": d.positions.as_ref().map(|p| p.start),
                    "last_offset": d.positions.as_ref().map(|p| p.end - 1),
                    "what": d.what,
                    "do": named.advice(),
                })
            })
            .collect();
        let leftover = |l: &Leftover| json!({ "file": l.file, "from": from(&l.range), "to": to(&l.range), "what": l.what });
        json!({
            "directory": dir.display().to_string(),
            "sound": self.is_sound(),
            "clean_stop": self.clean,
            "foreign": self.foreign,
            "logs": self.seen.logs,
            "batches": self.seen.payloads,
            "bytes": self.seen.bytes,
            "files": self.seen.files,
            "damage": damage,
            "leftovers": self.leftovers.iter().map(leftover).collect::<Vec<_>>(),
        })
    }
}

fn at(range: Option<&Range<u64>>) -> String {
    range.map_or_else(String::new, |r| format!(" bytes {}..{}", r.start, r.end))
}

impl Named {
    /// Whose bytes they are, and which records: ends with a colon, or is empty.
    fn whose(&self) -> String {
        let Some(name) = &self.name else { return String::new() };
        match &self.damage.positions {
            Some(p) if p.end - p.start == 1 => format!("{name} offset {}: ", p.start),
            Some(p) => format!("{name} offsets {} to {}: ", p.start, p.end - 1),
            None => format!("{name}: "),
        }
    }

    fn advice(&self) -> String {
        let restore = "stop here and restore the directory from a backup (milena restore)";
        match (&self.damage.positions, &self.partition) {
            (Some(positions), Some((topic, partition))) => format!(
                "{restore}; or go on without them: everything else is served, these offsets are answered CORRUPT_MESSAGE, and readers go on \
                 with milena group reset GROUP {topic} --partition {partition} --to {} --yes",
                positions.end
            ),
            _ if self.damage.log.is_some() => format!("{restore}; a start goes on without it, and says so"),
            _ if self.damage.file.starts_with("seg-") || self.damage.file.starts_with("snap-") => {
                format!(
                    "copy the directory to another disk: what it holds is checked above by itself, but this disk changes bytes; or {restore}"
                )
            }
            _ if self.damage.file.contains("log") => {
                format!("{restore}; or start with --accept-loss, which goes on without what is lost")
            }
            _ => restore.into(),
        }
    }
}
