//! Stdout, for data: buffered when a program reads, line by line when a person does. Stderr, for talk.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use clap::ValueEnum;
use indicatif::ProgressBar;

use crate::failure::Failure;

/// Words for people, or JSON for programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Output {
    #[value(alias = "table")]
    Text,
    #[value(alias = "jsonl")]
    Json,
}

pub(crate) struct Screen {
    out: BufWriter<Stdout>,
    pub(crate) person: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let out = io::stdout();
        Self { person: out.is_terminal(), out: BufWriter::with_capacity(64 << 10, out) }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes)?;
        if self.person {
            self.out.flush()?;
        }
        Ok(())
    }

    pub(crate) fn line(&mut self, line: impl std::fmt::Display) -> Result<(), Failure> {
        writeln!(self.out, "{line}")?;
        if self.person {
            self.out.flush()?;
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }
}

/// One line of talk, on stderr. That nobody reads it any more is no reason to stop what is being done.
pub(crate) fn talk(words: impl std::fmt::Display) {
    let _ = io::stderr().write_all(format!("{words}\n").as_bytes());
}

/// How far something is, where a person waits for it.
pub(crate) fn bar(all: u64, quiet: bool) -> ProgressBar {
    if quiet || !io::stderr().is_terminal() { ProgressBar::hidden() } else { ProgressBar::new(all) }
}

/// A number of things in words.
pub(crate) fn counted(n: i64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A number of bytes as a person reads it.
pub(crate) fn size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    format!("{value:.1} {unit}")
}

/// All that a command has to say, at once.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut screen = Screen::new();
    screen.bytes(text.as_bytes())?;
    screen.flush()
}

/// One line of it.
pub(crate) fn line(line: impl std::fmt::Display) -> Result<(), Failure> {
    print(&format!("{line}\n"))
}
