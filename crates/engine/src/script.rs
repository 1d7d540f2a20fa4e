//! Plays: `scripts/<noun>/*.txt`. A line with `> ` is a command to the noun's stage; the lines after it are what the
//! stage answered: facts, replies, refusals, deadlines. `#` begins a comment. A play that no longer says what happens
//! fails with both texts; `MILENA_REWRITE_SCRIPTS=1` writes down what happens, for a person to judge.

use std::{collections::BTreeMap, fmt::Debug, fs, path::Path, str::FromStr};

/// Where a play is performed: one noun and the time.
pub(crate) trait Stage {
    /// Performs one command and says what came of it, a line each.
    fn perform(&mut self, verb: &str, line: &Line) -> Vec<String>;
}

/// The words of a command: `verb word … name=value …`.
pub(crate) struct Line {
    pub(crate) words: Vec<String>,
    named: BTreeMap<String, String>,
}

impl Line {
    fn parse(text: &str) -> (String, Self) {
        let (named, mut words): (Vec<_>, Vec<_>) = text.split_whitespace().partition(|w| w.contains('='));
        let verb = words.remove(0).to_owned();
        let named = named.iter().map(|w| w.split_once('=').expect("partitioned by it")).map(|(n, v)| (n.into(), v.into()));
        (verb, Self { words: words.into_iter().map(Into::into).collect(), named: named.collect() })
    }
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(String::as_str)
    }
    /// All `name=value` pairs.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.named.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
    pub(crate) fn opt<T: FromStr<Err: Debug>>(&self, name: &str) -> Option<T> {
        self.text(name).map(|v| v.parse().unwrap_or_else(|e| panic!("{name}={v}: {e:?}")))
    }
    pub(crate) fn or<T: FromStr<Err: Debug>>(&self, name: &str, default: T) -> T {
        self.opt(name).unwrap_or(default)
    }
    pub(crate) fn word<T: FromStr<Err: Debug>>(&self, at: usize) -> T {
        let word = self.words.get(at).unwrap_or_else(|| panic!("word {at} is missing"));
        word.parse().unwrap_or_else(|e| panic!("{word}: {e:?}"))
    }
}

/// Performs every play of a noun, each on a fresh stage. A noun without plays is a mistake.
pub(crate) fn perform_all<S: Stage>(noun: &str, fresh: impl Fn() -> S) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(noun);
    let mut plays: Vec<_> = fs::read_dir(&dir).expect("the noun has scripts").map(|e| e.unwrap().path()).collect();
    plays.sort();
    assert!(!plays.is_empty(), "no plays in {}", dir.display());
    let failed: Vec<String> = plays.iter().filter_map(|play| perform(play, &mut fresh()).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn perform(play: &Path, stage: &mut dyn Stage) -> Result<(), String> {
    let written = fs::read_to_string(play).expect("a play is text");
    let mut happened = String::new();
    for line in written.lines() {
        let Some(command) = line.strip_prefix("> ") else {
            if line.is_empty() || line.starts_with('#') {
                happened.push_str(&format!("{line}\n"));
            }
            continue;
        };
        happened.push_str(&format!("{line}\n"));
        let (verb, line) = Line::parse(command);
        stage.perform(&verb, &line).iter().for_each(|said| happened.push_str(&format!("{said}\n")));
    }
    if std::env::var_os("MILENA_REWRITE_SCRIPTS").is_some() {
        fs::write(play, &happened).expect("a play can be rewritten");
        return Ok(());
    }
    match written.lines().zip(happened.lines()).position(|(w, h)| w != h) {
        None if written.lines().count() == happened.lines().count() => Ok(()),
        at => Err(format!("{}, from line {}:\n{happened}", play.display(), at.map_or(0, |at| at + 1))),
    }
}
