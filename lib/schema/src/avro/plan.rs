//! How to read data: a writer's and a reader's schema compiled once to a flat list of operations.
//!
//! All questions of resolution are settled here: which field goes where, which is skipped, which default stands in (its
//! bytes are made here too), which branch a branch becomes. What runs over the data only follows the list.

use std::collections::HashMap;

use super::{Kind, NodeId, Record, Schema, compatibility::promotes, json};
use crate::{Flaw, budget};

/// A place in [`Plan::ops`].
pub(crate) type OpId = u32;

/// One thing to do at one place of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    IntAsLong,
    IntAsFloat,
    IntAsDouble,
    LongAsFloat,
    LongAsDouble,
    FloatAsDouble,
    BytesAsString,
    StringAsBytes,
    Fixed(u32),
    /// An entry of [`Plan::enums`].
    Enum(u32),
    Array(OpId),
    Map(OpId),
    /// The writer wrote a branch's number: an entry of [`Plan::unions`] says what to do for each.
    Union(u32),
    /// The writer wrote no union, the reader has one: the branch, and how to read it.
    Into(u32, OpId, NodeId),
    /// An entry of [`Plan::records`].
    Record(u32),
    /// Reached only if the data takes a branch that the reader cannot read.
    Unreadable,
    /// Being compiled. None is left in a finished plan.
    Pending,
}

#[derive(Debug, Clone)]
pub(crate) struct EnumPlan {
    /// The reader's enum.
    pub(crate) node: NodeId,
    /// For each symbol of the writer the reader's number; `None` where it has none.
    pub(crate) symbols: Box<[Option<u32>]>,
}

#[derive(Debug, Clone)]
pub(crate) struct UnionPlan {
    pub(crate) branches: Box<[OpId]>,
}

#[derive(Debug, Clone)]
pub(crate) struct RecordPlan {
    /// The reader's record.
    pub(crate) node: NodeId,
    pub(crate) steps: Box<[Step]>,
    /// Fields of the reader.
    pub(crate) width: u32,
    /// The steps fill the reader's fields from first to last.
    pub(crate) ordered: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// Read what comes into the reader's field.
    Read { field: u32, op: OpId },
    /// Pass over what comes.
    Skip { op: OpId },
    /// Nothing is in the data: the default's bytes stand in.
    Default { field: u32, op: OpId, start: u32, length: u32 },
}

/// How to read what one schema wrote into what another expects.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) reader: Schema,
    pub(crate) ops: Vec<Op>,
    pub(crate) enums: Vec<EnumPlan>,
    pub(crate) unions: Vec<UnionPlan>,
    pub(crate) records: Vec<RecordPlan>,
    pub(crate) defaults: Vec<u8>,
    pub(crate) root: OpId,
}

impl Plan {
    /// Reads data of a schema as what it is.
    pub fn new(schema: &Schema) -> Self {
        let mut compiler = Compiler::new(schema, schema);
        let root = compiler.same(schema.root, Side::Reader);
        compiler.finish(root)
    }

    /// Reads data of `writer` into what `reader` expects. A flaw if no data can be read so.
    pub fn resolve(writer: &Schema, reader: &Schema) -> Result<Self, Flaw> {
        let mut compiler = Compiler::new(writer, reader);
        let root = compiler.pair(writer.root, reader.root, 0)?;
        if compiler.plan.ops[root as usize] == Op::Unreadable {
            return Err(compiler.why.unwrap_or_else(|| Flaw::new("the reader's schema cannot read the writer's data")));
        }
        Ok(compiler.finish(root))
    }

    /// The schema that decoded values follow.
    pub fn schema(&self) -> &Schema {
        &self.reader
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    Writer,
    Reader,
}

/// What a pair of types was compiled to.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Pair(NodeId, NodeId),
    Same(NodeId, Side),
}

struct Compiler<'a> {
    writer: &'a Schema,
    plan: Plan,
    /// What was compiled before, or is being compiled.
    known: HashMap<Key, OpId>,
    /// The branches of the reader's unions by name.
    branches: HashMap<NodeId, HashMap<String, usize>>,
    looked: usize,
    /// The first reason why something cannot be read.
    why: Option<Flaw>,
}

impl<'a> Compiler<'a> {
    fn new(writer: &'a Schema, reader: &Schema) -> Self {
        let plan = Plan {
            reader: reader.clone(),
            ops: Vec::new(),
            enums: Vec::new(),
            unions: Vec::new(),
            records: Vec::new(),
            defaults: Vec::new(),
            root: 0,
        };
        Self { writer, plan, known: HashMap::new(), branches: HashMap::new(), looked: 0, why: None }
    }

    fn finish(self, root: OpId) -> Plan {
        Plan { root, ..self.plan }
    }

    fn add(&mut self, op: Op) -> OpId {
        self.plan.ops.push(op);
        self.plan.ops.len() as OpId - 1
    }

    /// Data of one schema as it is: the reader's own (for defaults), or the writer's (to be skipped).
    fn same(&mut self, id: NodeId, side: Side) -> OpId {
        if let Some(op) = self.known.get(&Key::Same(id, side)) {
            return *op;
        }
        let op = self.add(Op::Pending);
        self.known.insert(Key::Same(id, side), op);
        let schema = if side == Side::Reader { self.plan.reader.clone() } else { self.writer.clone() };
        let what = match schema.kind(id) {
            Kind::Fixed(fixed) => Op::Fixed(fixed.size as u32),
            Kind::Array(items) => Op::Array(self.same(*items, side)),
            Kind::Map(values) => Op::Map(self.same(*values, side)),
            Kind::Enum(kind) => {
                let symbols = (0..kind.symbols.len() as u32).map(Some).collect();
                self.plan.enums.push(EnumPlan { node: id, symbols });
                Op::Enum(self.plan.enums.len() as u32 - 1)
            }
            Kind::Union(branches) => {
                let branches = branches.iter().enumerate().map(|(index, branch)| {
                    let op = self.same(*branch, side);
                    self.add(Op::Into(index as u32, op, id))
                });
                let branches = branches.collect();
                self.plan.unions.push(UnionPlan { branches });
                Op::Union(self.plan.unions.len() as u32 - 1)
            }
            Kind::Record(record) => {
                let steps = record.fields.iter().enumerate();
                let steps = steps.map(|(i, f)| Step::Read { field: i as u32, op: self.same(f.schema, side) });
                let steps = steps.collect();
                self.plan.records.push(RecordPlan { node: id, steps, width: record.fields.len() as u32, ordered: true });
                Op::Record(self.plan.records.len() as u32 - 1)
            }
            primitive => promotion(primitive, primitive),
        };
        self.plan.ops[op as usize] = what;
        op
    }

    fn refuse(&mut self, what: impl FnOnce() -> Flaw) -> Op {
        self.why.get_or_insert_with(what);
        Op::Unreadable
    }

    /// Compiles a pair of types. The flaw is a budget's; what does not fit becomes [`Op::Unreadable`].
    fn pair(&mut self, w: NodeId, r: NodeId, depth: usize) -> Result<OpId, Flaw> {
        if let Some(op) = self.known.get(&Key::Pair(w, r)) {
            return Ok(*op);
        }
        if self.plan.ops.len() > budget::COMPARISONS || depth > budget::LEVELS {
            return Err(Flaw::new("the two schemas are too large or too deep to be resolved"));
        }
        let op = self.add(Op::Pending);
        self.known.insert(Key::Pair(w, r), op);
        let what = self.compile(w, r, depth + 1)?;
        self.plan.ops[op as usize] = what;
        Ok(op)
    }

    fn compile(&mut self, w: NodeId, r: NodeId, depth: usize) -> Result<Op, Flaw> {
        let reader = self.plan.reader.clone();
        let writer = self.writer;
        Ok(match (writer.kind(w), reader.kind(r)) {
            (Kind::Union(branches), _) => {
                let mut ops = Vec::with_capacity(branches.len());
                for branch in branches {
                    ops.push(self.pair(*branch, r, depth)?);
                }
                if ops.iter().all(|op| self.plan.ops[*op as usize] == Op::Unreadable) && !ops.is_empty() {
                    return Ok(Op::Unreadable);
                }
                self.plan.unions.push(UnionPlan { branches: ops.into() });
                Op::Union(self.plan.unions.len() as u32 - 1)
            }
            (_, Kind::Union(branches)) => match self.best_branch(w, r, &reader, branches)? {
                Some(index) => Op::Into(index as u32, self.pair(w, branches[index], depth)?, r),
                None => self.refuse(|| Flaw::new(format!("no branch reads {}", writer.kind(w).branch_name()))),
            },
            (Kind::Array(w), Kind::Array(r)) => Op::Array(self.pair(*w, *r, depth)?),
            (Kind::Map(w), Kind::Map(r)) => Op::Map(self.pair(*w, *r, depth)?),
            (Kind::Fixed(theirs), Kind::Fixed(ours)) if theirs.size == ours.size && named_alike(writer, w, &reader, r) => {
                Op::Fixed(ours.size as u32)
            }
            (Kind::Enum(theirs), Kind::Enum(ours)) if named_alike(writer, w, &reader, r) => {
                let instead = ours.default.as_ref().and_then(|d| ours.position(d));
                let symbols = theirs.symbols.iter().map(|s| ours.position(s).or(instead)).collect();
                self.plan.enums.push(EnumPlan { node: r, symbols });
                Op::Enum(self.plan.enums.len() as u32 - 1)
            }
            (Kind::Record(theirs), Kind::Record(ours)) if named_alike(writer, w, &reader, r) => {
                self.record(theirs, (r, ours), depth)?
            }
            (theirs, ours) if promotes(ours, theirs) => promotion(theirs, ours),
            (theirs, ours) => {
                let (theirs, ours) = (theirs.branch_name().to_owned(), ours.branch_name().to_owned());
                self.refuse(|| Flaw::new(format!("{theirs} was written, {ours} is expected")))
            }
        })
    }

    fn record(&mut self, writer: &Record, (r, reader): (NodeId, &Record), depth: usize) -> Result<Op, Flaw> {
        let targets = targets(reader);
        let mut filled = vec![false; reader.fields.len()];
        let mut steps = Vec::with_capacity(writer.fields.len());
        for field in &writer.fields {
            match targets.get(&*field.name).copied().filter(|target| !filled[*target]) {
                Some(target) => {
                    filled[target] = true;
                    let op = self.pair(field.schema, reader.fields[target].schema, depth)?;
                    if self.plan.ops[op as usize] == Op::Unreadable {
                        return Ok(Op::Unreadable);
                    }
                    steps.push(Step::Read { field: target as u32, op });
                }
                None => steps.push(Step::Skip { op: self.same(field.schema, Side::Writer) }),
            }
        }
        for (index, field) in reader.fields.iter().enumerate().filter(|(index, _)| !filled[*index]) {
            let Some(default) = &field.default else {
                let name = format!("{}.{}", reader.name, field.name);
                return Ok(self.refuse(|| Flaw::new("the reader's field is not in the data and has no default").at(name)));
            };
            let start = self.plan.defaults.len() as u32;
            let schema = self.plan.reader.clone();
            json::put_default(&schema, field.schema, default, &mut self.plan.defaults).map_err(|f| f.at(&*field.name))?;
            let length = self.plan.defaults.len() as u32 - start;
            let op = self.same(field.schema, Side::Reader);
            insert_in_order(&mut steps, Step::Default { field: index as u32, op, start, length });
        }
        let order: Vec<u32> = steps.iter().filter_map(Step::field).collect();
        let ordered = order.is_sorted();
        let width = reader.fields.len() as u32;
        self.plan.records.push(RecordPlan { node: r, steps: steps.into(), width, ordered });
        Ok(Op::Record(self.plan.records.len() as u32 - 1))
    }

    /// The branch of the reader's union for what the writer wrote: the same type and full name first, then the same
    /// simple name or an alias, then a promotion.
    fn best_branch(&mut self, w: NodeId, r: NodeId, reader: &Schema, branches: &[NodeId]) -> Result<Option<usize>, Flaw> {
        let theirs = self.writer.kind(w);
        let named = self.branches.entry(r).or_insert_with(|| {
            let name = |id: &NodeId| reader.kind(*id).branch_name().to_owned();
            branches.iter().enumerate().map(|(index, id)| (name(id), index)).collect()
        });
        let same = |b: &NodeId| std::mem::discriminant(reader.kind(*b)) == std::mem::discriminant(theirs);
        if let Some(index) = named.get(theirs.branch_name()).copied().filter(|index| same(&branches[*index])) {
            return Ok(Some(index));
        }
        self.looked += branches.len();
        if self.looked > LOOKED {
            return Err(Flaw::new("the two schemas' unions are too large to be resolved"));
        }
        Ok(match theirs.name() {
            Some(_) => branches.iter().position(|b| same(b) && named_alike(self.writer, w, reader, *b)),
            None => branches.iter().position(|b| promotes(reader.kind(*b), theirs)),
        })
    }
}

/// Branches that are looked at one by one.
const LOOKED: usize = 10_000_000;

impl Step {
    fn field(&self) -> Option<u32> {
        match self {
            Self::Read { field, .. } | Self::Default { field, .. } => Some(*field),
            Self::Skip { .. } => None,
        }
    }
}

/// Puts a default before the first field that comes after it, so that what fields are read in order stay in order.
fn insert_in_order(steps: &mut Vec<Step>, default: Step) {
    let place = steps.iter().position(|s| s.field() > default.field() && s.field().is_some()).unwrap_or(steps.len());
    steps.insert(place, default);
}

/// Under which of the writer's names each of the reader's fields is found. Its own name goes before another's alias.
fn targets(reader: &Record) -> HashMap<&str, usize> {
    let mut targets: HashMap<&str, usize> = HashMap::with_capacity(reader.fields.len());
    for (index, field) in reader.fields.iter().enumerate() {
        targets.insert(&field.name, index);
    }
    for (index, field) in reader.fields.iter().enumerate() {
        for alias in &field.aliases {
            targets.entry(alias).or_insert(index);
        }
    }
    targets
}

fn named_alike(writer: &Schema, w: NodeId, reader: &Schema, r: NodeId) -> bool {
    let (Some(theirs), Some(ours)) = (writer.kind(w).name(), reader.kind(r).name()) else { return false };
    theirs.simple() == ours.simple() || reader.kind(r).aliases().contains(theirs)
}

/// From what was written to what is expected; only for primitives that promote.
fn promotion(written: &Kind, expected: &Kind) -> Op {
    match (written, expected) {
        (Kind::Null, _) => Op::Null,
        (Kind::Boolean, _) => Op::Boolean,
        (Kind::Int, Kind::Long) => Op::IntAsLong,
        (Kind::Int, Kind::Float) => Op::IntAsFloat,
        (Kind::Int, Kind::Double) => Op::IntAsDouble,
        (Kind::Int, _) => Op::Int,
        (Kind::Long, Kind::Float) => Op::LongAsFloat,
        (Kind::Long, Kind::Double) => Op::LongAsDouble,
        (Kind::Long, _) => Op::Long,
        (Kind::Float, Kind::Double) => Op::FloatAsDouble,
        (Kind::Float, _) => Op::Float,
        (Kind::Double, _) => Op::Double,
        (Kind::Bytes, Kind::String) => Op::BytesAsString,
        (Kind::Bytes, _) => Op::Bytes,
        (Kind::String, Kind::Bytes) => Op::StringAsBytes,
        (Kind::String, _) => Op::String,
        _ => Op::Unreadable,
    }
}
