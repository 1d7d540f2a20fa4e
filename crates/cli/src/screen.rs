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
    let line = format!("{}\n", lines(&words.to_string()));
    let _ = io::stderr().write_all(line.as_bytes());
}

/// What somebody else has named or written, on one line. A terminal is not to be steered by it.
pub(crate) fn printable(text: &str) -> String {
    text.chars().flat_map(|c| escaped(c, c.is_control())).collect()
}

/// The same for words that have lines and columns of their own.
pub(crate) fn lines(text: &str) -> String {
    text.chars().flat_map(|c| escaped(c, c.is_control() && !matches!(c, '\n' | '\t'))).collect()
}

fn escaped(c: char, steers: bool) -> impl Iterator<Item = char> {
    let escaped = steers.then(|| c.escape_default());
    let plain = (!steers).then_some(c);
    escaped.into_iter().flatten().chain(plain)
}

/// JSON in which nothing steers a terminal: it leaves as they are the control characters that ASCII does not know, and DEL.
pub(crate) fn json(json: impl std::fmt::Display) -> String {
    let text = json.to_string();
    if !text.contains(is_raw) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_raw(c) { out.push_str(&format!("\\u{:04x}", c as u32)) } else { out.push(c) }
    }
    out
}

/// Whether it steers a terminal and still may stand in JSON as it is.
pub(crate) fn is_raw(c: char) -> bool {
    ('\u{7f}'..='\u{9f}').contains(&c)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_have_named_steers_a_terminal() {
        assert_eq!(printable("a\x1b[2J\nb"), "a\\u{1b}[2J\\nb");
        assert_eq!(lines("a\r\u{9b}2J\n\tb"), "a\\r\\u{9b}2J\n\tb");
        let odd = serde_json::json!({"a": "\u{7f}\u{9b}é\x1b"});
        assert_eq!(json(&odd), r#"{"a":"\u007f\u009bé\u001b"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json(&odd)).unwrap(), odd);
    }
}
