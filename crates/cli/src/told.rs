//! What a command did, told once: in words for people, or as facts for programs. Facts are fields, never sentences.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    screen::{self, Screen, lines, print},
    table::{self, Output},
};

/// How a command tells what it did.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Told {
    /// Words, or what there is to know as JSON or CSV
    #[arg(short, long, default_value = "table")]
    output: Output,
}

impl Told {
    pub(crate) fn of(output: Output) -> Self {
        Self { output }
    }

    /// Whether a person is told, in words.
    pub(crate) fn is_words(self) -> bool {
        self.output == Output::Table
    }

    /// Tells it. Of no words nothing is written.
    pub(crate) fn tell(self, facts: Value, words: impl std::fmt::Display) -> Result<(), Failure> {
        match self.output {
            Output::Json => screen::line(screen::json(format_args!("{facts:#}"))),
            Output::Jsonl => screen::line(screen::json(facts)),
            Output::Csv => table::rows(Output::Csv, &names(&facts), vec![facts.clone()]),
            Output::Table => {
                let words = words.to_string();
                let end = if words.is_empty() || words.ends_with('\n') { "" } else { "\n" };
                print(&(lines(&words) + end))
            }
        }
    }

    /// The same for what does not end by itself: there is no end to which one JSON value could wait, so it is one a line.
    pub(crate) fn endless(self) -> Self {
        Self { output: if self.output == Output::Json { Output::Jsonl } else { self.output } }
    }

    /// For programs, rows with these fields; for people nothing, since they are told in words.
    pub(crate) fn rows(self, fields: &[&str], rows: Vec<Value>) -> Result<(), Failure> {
        if self.is_words() { Ok(()) } else { table::rows(self.output, fields, rows) }
    }

    /// Begins to tell what comes bit by bit: in one JSON value it is the list of this name, in CSV it has these fields.
    pub(crate) fn stream(self, name: &'static str, fields: &'static [&'static str]) -> Stream {
        Stream { output: self.output, name, fields, kept: Vec::new(), begun: false, screen: Screen::new() }
    }
}

fn names(facts: &Value) -> Vec<&str> {
    facts.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// Rows that come one by one. Each is told as it comes, unless one JSON value of all of them is wanted: that is told at the end, or
/// as far as it came when there is none, by Ctrl-C or a failure.
pub(crate) struct Stream {
    output: Output,
    name: &'static str,
    fields: &'static [&'static str],
    /// Only for one JSON value.
    kept: Vec<Value>,
    begun: bool,
    screen: Screen,
}

impl Stream {
    /// Something for people only.
    pub(crate) fn words(&mut self, words: impl std::fmt::Display) -> Result<(), Failure> {
        if self.output == Output::Table {
            self.screen.line(lines(&words.to_string()))?;
        }
        self.screen.flush()
    }

    /// A row of which people want no words.
    pub(crate) fn quietly(&mut self, facts: Value) -> Result<(), Failure> {
        if self.output == Output::Table { Ok(()) } else { self.row(facts, "") }
    }

    pub(crate) fn row(&mut self, facts: Value, words: impl std::fmt::Display) -> Result<(), Failure> {
        match self.output {
            Output::Json => self.kept.push(facts),
            Output::Jsonl => self.screen.line(screen::json(facts))?,
            Output::Csv => {
                if !std::mem::replace(&mut self.begun, true) {
                    self.screen.line(self.fields.join(","))?;
                }
                self.screen.line(table::csv(self.fields, &facts))?;
            }
            Output::Table => self.screen.line(lines(&words.to_string()))?,
        }
        self.screen.flush()
    }

    /// The end, with what is true of all rows. CSV has no place for it.
    pub(crate) fn finish(mut self, sums: Value, words: impl std::fmt::Display) -> Result<(), Failure> {
        let words = words.to_string();
        match self.output {
            Output::Json => self.whole(sums)?,
            Output::Jsonl if names(&sums).is_empty() => {}
            Output::Jsonl => self.screen.line(screen::json(sums))?,
            Output::Csv => {}
            Output::Table if words.is_empty() => {}
            Output::Table => self.screen.line(lines(&words))?,
        }
        self.screen.flush()
    }

    fn whole(&mut self, sums: Value) -> Result<(), Failure> {
        let mut whole = sums;
        whole[self.name] = json!(std::mem::take(&mut self.kept));
        self.screen.line(screen::json(format_args!("{whole:#}")))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.kept.is_empty() {
            // Nobody is left who could be told that it failed.
            let _ = self.whole(json!({"complete": false})).and_then(|()| self.screen.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_of_all_rows_is_kept_for_the_end_and_for_nothing_else() {
        let told = |output| Told { output }.stream("rows", &["n"]);
        let mut one = told(Output::Json);
        one.row(json!({"n": 1}), "one").unwrap();
        assert_eq!(one.kept.len(), 1, "it is told when the stream is dropped");
        one.whole(json!({})).unwrap();
        assert!(one.kept.is_empty(), "and only once");
        let mut lines = told(Output::Jsonl);
        lines.row(json!({"n": 1}), "one").unwrap();
        assert!(lines.kept.is_empty());
    }
}
