//! `milena data dump`: every record that can be read, one line of JSON each, as `milena read` prints it.

use std::{path::PathBuf, process::ExitCode};

use bytes::Bytes;
use clap::Args;
use milena_client::{Message, record::Limits, wire::Text};
use milena_node::{Inhabitant, UNPACKED_MAX};
use milena_store::{LogId, local::Damage};

use super::place::{Closed, Place};
use crate::{
    envelope,
    failure::{Failure, Kind},
    screen::{self, Screen},
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The directory that `serve --data` was given
    #[arg(default_value = "milena-data")]
    dir: PathBuf,
    /// Only this topic
    #[arg(short, long)]
    topic: Option<String>,
    /// Only this partition; may be repeated
    #[arg(short, long, requires = "topic")]
    partition: Vec<i32>,
    /// Also topics that were deleted and are still there
    #[arg(long)]
    deleted: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let place = Place::open(&options.dir).map_err(|closed| match closed {
        Closed::Failure(failure) => failure,
        Closed::Damaged { file, what } => Failure::new(Kind::No, format!("{file} is damaged, so nothing can be found"))
            .why(what)
            .fix("restore the directory from a backup: milena restore"),
    })?;
    let mut logs: Vec<(String, i32, LogId)> =
        place.rest.logs().into_iter().filter_map(|log| options.wants(&place, log)).collect();
    logs.sort();
    if let (true, Some(topic)) = (logs.is_empty(), &options.topic) {
        return Err(Failure::new(Kind::NotFound, format!("there is no record of {topic:?} in {}", options.dir.display()))
            .hint("--deleted also looks at topics that were deleted"));
    }
    let mut dump = Dump { screen: Screen::new(), line: String::new(), damaged: 0 };
    for (topic, partition, log) in logs {
        dump.partition(&place, log, &topic.as_str().into(), partition)?;
    }
    dump.screen.flush()?;
    Ok(ExitCode::from(if dump.damaged > 0 { Kind::No as u8 } else { 0 }))
}

impl Options {
    fn wants(&self, place: &Place, log: LogId) -> Option<(String, i32, LogId)> {
        let Some(Inhabitant::Partition { topic, partition, deleted }) = place.inhabitant(log) else { return None };
        let wanted = (self.deleted || !deleted)
            && self.topic.as_ref().is_none_or(|only| only == topic)
            && (self.partition.is_empty() || self.partition.contains(partition));
        wanted.then(|| (topic.clone(), *partition, log))
    }
}

struct Dump {
    screen: Screen,
    line: String,
    damaged: u64,
}

impl Dump {
    /// Records go to stdout; what cannot be read is told on stderr, in its place.
    fn partition(&mut self, place: &Place, log: LogId, topic: &Text, partition: i32) -> Result<(), Failure> {
        let start = place.rest.bounds(log).map_or(0, |bounds| bounds.start);
        let mut outcome = Ok(());
        place.rest.payloads(log, &mut |payload| {
            if outcome.is_err() {
                return;
            }
            outcome = match payload {
                Ok((_, bytes)) => self.batch(&Bytes::copy_from_slice(bytes), topic, partition, start),
                Err(damage) => {
                    self.tell(&damage, topic, partition);
                    Ok(())
                }
            };
        });
        outcome
    }

    fn batch(&mut self, bytes: &Bytes, topic: &Text, partition: i32, start: i64) -> Result<(), Failure> {
        let messages = match Message::unpack(bytes, topic, partition, &Limits::new(UNPACKED_MAX)) {
            Ok(messages) => messages,
            Err(flaw) => {
                self.damaged += 1;
                screen::talk(format_args!("cannot be read: a batch of {topic}-{partition} whose checksum is right: {flaw}"));
                return Ok(());
            }
        };
        // A batch may begin before what was trimmed ends.
        for message in messages.iter().filter(|message| message.offset >= start) {
            self.line.clear();
            envelope::write(message, None, false, &mut self.line);
            self.screen.line(&self.line)?;
        }
        Ok(())
    }

    fn tell(&mut self, damage: &Damage, topic: &Text, partition: i32) {
        self.damaged += 1;
        let range = damage.range.as_ref().map_or_else(String::new, |r| format!(" bytes {}..{}", r.start, r.end));
        let offsets = damage.positions.as_ref().map_or_else(String::new, |p| format!(" offsets {} to {}", p.start, p.end - 1));
        screen::talk(format_args!("damaged: {}{range}: {topic}-{partition}{offsets}: {}", damage.file, damage.what));
    }
}
