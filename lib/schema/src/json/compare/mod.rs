//! What changed between two schemas, and whether a reader of the second still accepts all data of the first.
//!
//! Pairs of parts are worked through from a list, so that depth is bounded by memory that is counted and not by the
//! stack; only the members of combinations are tried out inside one another, to a bounded depth. A pair that was met
//! before is not looked at again, which ends cycles and keeps diamonds small. In a cycle a trial leans on the outcome of one that
//! is still open: what it found is forgotten when that one fails.

mod array;
mod combined;
mod kinds;
mod object;
mod scalar;

use std::collections::{HashMap, HashSet};

pub use kinds::Kind;
use serde_json::Value;

use super::{
    Schema, library,
    model::{Id, Model, Shape},
};
use crate::{Difference, Flaw, Policy, budget};

/// How deep combinations are tried out inside combinations.
const TRIALS: usize = 64;
/// Changes that are listed.
const CHANGES: usize = 1_000;
/// Bytes of one path, and of one part of a schema that is shown.
const SHOWN: usize = 1 << 10;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What changed.
    pub kind: Kind,
    /// Where: `#/properties/a`.
    pub path: String,
    reader: String,
    writer: String,
}

/// Every change from `writer` to `reader` that is told; those that break come whatever happens.
pub(super) fn changes(writer: &Schema, reader: &Schema, policy: Policy) -> Vec<Change> {
    walk(writer, reader, policy).map(|outcome| outcome.changes).unwrap_or_default()
}

/// Why `reader` may refuse what `writer` accepts.
pub(super) fn differences(writer: &Schema, reader: &Schema, policy: Policy) -> Vec<Difference> {
    let outcome = match walk(writer, reader, policy) {
        Ok(outcome) => outcome,
        Err(flaw) => return vec![undecided(&flaw.to_string())],
    };
    let breaking = outcome.changes.into_iter().filter(|change| !change.kind.is_compatible(policy));
    let mut differences: Vec<Difference> = breaking.map(Change::into_difference).collect();
    differences.extend(outcome.exhausted.then(|| {
        let steps = budget::COMPARISONS;
        undecided(&format!("the two schemas take more than {steps} comparisons, or nest combinations deeper than {TRIALS}"))
    }));
    differences
}

/// A verdict that could not be reached is a refusal.
fn undecided(why: &str) -> Difference {
    Difference {
        kind: "COMPARISON_NOT_DECIDED",
        path: "#/".to_owned(),
        template: format!("The {{reader}} schema could not be compared with the {{writer}} schema: {why}"),
        message: String::new(),
        reader: String::new(),
        writer: String::new(),
    }
}

impl Change {
    fn into_difference(self) -> Difference {
        Difference {
            kind: self.kind.name(),
            template: self.kind.sentence().replace("{path}", &self.path),
            path: self.path,
            message: String::new(),
            reader: self.reader,
            writer: self.writer,
        }
    }
}

struct Outcome {
    changes: Vec<Change>,
    exhausted: bool,
}

fn walk(writer: &Schema, reader: &Schema, policy: Policy) -> Result<Outcome, Flaw> {
    let (old, new) = (library::shelve(writer)?, library::shelve(reader)?);
    let mut model = Model::new();
    let (from, to) = (model.read(writer, &old)?, model.read(reader, &new)?);
    let mut walk = Walk {
        model: &model,
        policy,
        steps: budget::COMPARISONS,
        exhausted: false,
        verdicts: HashMap::new(),
        leaning: Vec::new(),
        depth: 0,
        trail: vec![Step { up: 0, name: String::new() }],
        round: Round::default(),
    };
    walk.round.todo.push(Pair { from, to, at: 0 });
    walk.work();
    Ok(Outcome { changes: walk.round.changes, exhausted: walk.exhausted })
}

/// Two parts to be compared, and where they stand.
#[derive(Clone, Copy)]
struct Pair {
    from: Id,
    to: Id,
    at: usize,
}

/// One segment of a path, linked to those before it.
struct Step {
    up: usize,
    name: String,
}

/// The state of one comparison from its top: the whole, or a trial.
#[derive(Default)]
struct Round {
    todo: Vec<Pair>,
    met: HashSet<(Id, Id)>,
    changes: Vec<Change>,
    broken: bool,
    trial: bool,
    /// The depth of the outermost open trial that it leans on.
    leans: Option<usize>,
}

/// What is known of a pair that was tried.
#[derive(Clone, Copy)]
enum Verdict {
    /// It is being tried at this depth, and counts as compatible: what breaks would show elsewhere in the trial.
    Open(usize),
    /// Compatible if the open trial of this depth, and those between, turn out so.
    Leaning(usize),
    Settled(bool),
}

struct Walk<'m> {
    model: &'m Model<'m>,
    policy: Policy,
    steps: usize,
    exhausted: bool,
    verdicts: HashMap<(Id, Id), Verdict>,
    /// The pairs that lean on open trials, in the order in which they were tried.
    leaning: Vec<(Id, Id)>,
    depth: usize,
    trail: Vec<Step>,
    round: Round,
}

impl Round {
    fn lean(&mut self, depth: usize) {
        self.leans = Some(self.leans.map_or(depth, |outermost| outermost.min(depth)));
    }
}

impl<'m> Walk<'m> {
    /// Compares pair after pair until none is left. A trial ends at the first change that breaks.
    fn work(&mut self) {
        while let Some(pair) = self.round.todo.pop() {
            if self.exhausted || (self.round.trial && self.round.broken) {
                return;
            }
            if self.spend() {
                self.pair(pair);
            }
        }
    }

    fn spend(&mut self) -> bool {
        if self.steps == 0 {
            self.exhausted = true;
            self.round.broken = true;
            return false;
        }
        self.steps -= 1;
        true
    }

    /// Whether `to` accepts all that `from` accepts, without telling why not.
    fn fits(&mut self, from: Id, to: Id) -> bool {
        let key = (self.model.behind(from), self.model.behind(to));
        if key.0 == key.1 {
            return true;
        }
        match self.verdicts.get(&key) {
            Some(Verdict::Settled(verdict)) => return *verdict,
            Some(Verdict::Open(depth) | Verdict::Leaning(depth)) => {
                self.round.lean(*depth);
                return true;
            }
            None if self.depth == TRIALS => {
                self.exhausted = true;
                return false;
            }
            None => {}
        }
        self.depth += 1;
        self.verdicts.insert(key, Verdict::Open(self.depth));
        let began = self.leaning.len();
        let round = Round { todo: vec![Pair { from: key.0, to: key.1, at: 0 }], trial: true, ..Round::default() };
        let outer = std::mem::replace(&mut self.round, round);
        self.work();
        let trial = std::mem::replace(&mut self.round, outer);
        let verdict = !trial.broken && !self.exhausted;
        self.settle(key, verdict, trial.leans.filter(|depth| *depth < self.depth), began);
        self.depth -= 1;
        verdict
    }

    /// Notes how a trial ended, and what becomes of those within it that leaned on it. One that failed did so although all that was
    /// open counted as compatible, and fails for good; one that leans on nothing outside itself holds for good.
    fn settle(&mut self, key: (Id, Id), verdict: bool, leans: Option<usize>, began: usize) {
        match leans {
            _ if !verdict => {
                for forgotten in self.leaning.drain(began..) {
                    self.verdicts.remove(&forgotten);
                }
                self.verdicts.insert(key, Verdict::Settled(false));
            }
            None => {
                for within in self.leaning.drain(began..).chain([key]) {
                    self.verdicts.insert(within, Verdict::Settled(true));
                }
            }
            Some(depth) => {
                self.leaning.push(key);
                for within in &self.leaning[began..] {
                    self.verdicts.insert(*within, Verdict::Leaning(depth));
                }
                self.round.lean(depth);
            }
        }
    }

    fn pair(&mut self, pair: Pair) {
        let (from, to) = (self.model.behind(pair.from), self.model.behind(pair.to));
        if from == to || !self.round.met.insert((from, to)) {
            return;
        }
        let pair = Pair { from, to, at: pair.at };
        self.annotations(pair);
        self.shapes(pair);
    }

    /// Keywords that say something and demand nothing.
    fn annotations(&mut self, pair: Pair) {
        let (from, to) = (self.source(pair.from), self.source(pair.to));
        let keys = [
            ("$id", Kind::ID_CHANGED),
            ("title", Kind::TITLE_CHANGED),
            ("description", Kind::DESCRIPTION_CHANGED),
            ("default", Kind::DEFAULT_CHANGED),
        ];
        for (key, kind) in keys {
            if from.get(key) != to.get(key) {
                self.tell(kind, pair, pair.at, key);
            }
        }
    }

    fn shapes(&mut self, pair: Pair) {
        let model = self.model;
        let is_bytes = |id| self.source(id).get("connect.type").and_then(Value::as_str) == Some("bytes");
        if is_bytes(pair.from) && is_bytes(pair.to) {
            return;
        }
        match (&model.at(pair.from).shape, &model.at(pair.to).shape) {
            (_, Shape::Anything) | (Shape::Nothing, _) | (Shape::Null, Shape::Null) | (Shape::Boolean, Shape::Boolean) => {}
            (Shape::Combined(was, old), Shape::Combined(is, new)) => self.combinations(pair, (*was, old), (*is, new)),
            (_, Shape::Combined(is, new)) => self.plain_to_combination(pair, *is, new),
            (Shape::Combined(was, old), _) => self.out_of_combination(pair, *was, old),
            (Shape::Anything, _) | (_, Shape::Nothing) => self.tell(Kind::TYPE_NARROWED, pair, pair.at, ""),
            (Shape::Text, Shape::Text) => self.texts(pair),
            (Shape::Number { integer: was }, Shape::Number { integer: is }) => self.numbers(pair, *was, *is),
            (Shape::Object(old), Shape::Object(new)) => self.objects(pair, old, new),
            (Shape::Array(old), Shape::Array(new)) => self.arrays(pair, old, new),
            (Shape::Enum(old), Shape::Enum(new)) => self.enums(pair, old, new),
            (Shape::Const(old), Shape::Const(new)) if old == new => {}
            (Shape::Const(_), Shape::Const(_)) => self.tell(Kind::CONST_CHANGED, pair, pair.at, "const"),
            (Shape::Not(old), Shape::Not(new)) => self.negations(pair, *old, *new),
            (Shape::Conditional(..), Shape::Conditional(..)) => self.conditionals(pair),
            _ => self.tell(Kind::TYPE_CHANGED, pair, pair.at, ""),
        }
    }

    /// `if` must be what it was, since it both lets in and shuts out; its consequences are compared.
    fn conditionals(&mut self, pair: Pair) {
        let model = self.model;
        let (Shape::Conditional(was, then, otherwise), Shape::Conditional(is, new_then, new_otherwise)) =
            (&model.at(pair.from).shape, &model.at(pair.to).shape)
        else {
            return;
        };
        if self.source(*was) != self.source(*is) {
            self.tell(Kind::TYPE_CHANGED, pair, pair.at, "if");
            return;
        }
        self.optional(pair, "then", *then, *new_then);
        self.optional(pair, "else", *otherwise, *new_otherwise);
    }

    /// A part that either side may lack: lacking it demands nothing.
    fn optional(&mut self, pair: Pair, key: &str, from: Option<Id>, to: Option<Id>) {
        match (from, to) {
            (None, Some(to)) if !self.is_anything(to) => self.tell(Kind::SCHEMA_ADDED, pair, pair.at, key),
            (Some(_), None) => self.tell(Kind::SCHEMA_REMOVED, pair, pair.at, key),
            (Some(from), Some(to)) => {
                let at = self.step(pair.at, &[key]);
                self.later(from, to, at);
            }
            (None, _) => {}
        }
    }

    fn later(&mut self, from: Id, to: Id, at: usize) {
        self.round.todo.push(Pair { from, to, at });
    }

    fn source(&self, id: Id) -> &'m Value {
        self.model.at(id).source
    }

    fn is_anything(&self, id: Id) -> bool {
        matches!(self.model.at(self.model.behind(id)).shape, Shape::Anything)
    }

    fn is_nothing(&self, id: Id) -> bool {
        matches!(self.model.at(self.model.behind(id)).shape, Shape::Nothing)
    }

    /// A longer path.
    fn step(&mut self, up: usize, names: &[&str]) -> usize {
        if self.round.trial {
            return 0;
        }
        let mut at = up;
        for name in names.iter().filter(|name| !name.is_empty()) {
            self.trail.push(Step { up: at, name: (*name).to_owned() });
            at = self.trail.len() - 1;
        }
        at
    }

    fn path(&self, at: usize, key: &str) -> String {
        let mut names = Vec::new();
        let (mut at, mut size) = (at, 0);
        while at != 0 && size < SHOWN {
            names.push(self.trail[at].name.as_str());
            size += self.trail[at].name.len();
            at = self.trail[at].up;
        }
        let mut path = String::from(if at == 0 { "#" } else { "#/…" });
        for name in names.into_iter().rev().chain((!key.is_empty()).then_some(key)) {
            path.push('/');
            path.push_str(name);
        }
        if path.len() == 1 { "#/".to_owned() } else { path }
    }

    /// Notes a change at `key` below `at`.
    fn tell(&mut self, kind: Kind, pair: Pair, at: usize, key: &str) {
        let breaks = !kind.is_compatible(self.policy);
        self.round.broken |= breaks;
        if self.round.trial || self.round.changes.len() >= CHANGES {
            return;
        }
        let shown = |id: Id| if breaks { excerpt(self.source(id)) } else { String::new() };
        let (writer, reader) = (shown(pair.from), shown(pair.to));
        self.round.changes.push(Change { kind, path: self.path(at, key), reader, writer });
    }
}

/// The head of a part's text. Large parts are not printed whole, since each of a thousand changes may show one.
fn excerpt(value: &Value) -> String {
    struct Head(Vec<u8>);
    impl std::io::Write for Head {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0.len() + bytes.len() > SHOWN {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut head = Head(Vec::new());
    let whole = serde_json::to_writer(&mut head, value).is_ok();
    let text = String::from_utf8_lossy(&head.0).into_owned();
    if whole { text } else { text + "…" }
}
