//! Runs a plan over data: to a dynamic value, to another text or binary form, or past it.

use std::borrow::Cow;

use super::{
    NodeId, Plan, Schema, Value,
    binary::{self, Malformed, Reader},
    plan::{Op, OpId, RecordPlan, Step},
};

/// Items for which room is made before they were read.
const TRUSTED: usize = 1024;

impl Plan {
    /// One datum that fills the bytes.
    pub fn decode<'a>(&'a self, bytes: &'a [u8]) -> Result<Value<'a>, Malformed> {
        let mut reader = Reader::new(bytes);
        let value = self.read(&mut reader)?;
        reader.end().map(|()| value)
    }

    /// One datum from the front of what the reader holds.
    pub fn read<'a>(&'a self, reader: &mut Reader<'a>) -> Result<Value<'a>, Malformed> {
        self.value(self.root, reader)
    }

    /// Passes over one datum, looking only at what tells how long it is.
    pub fn skip(&self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.pass(self.root, reader)
    }

    /// Appends one datum in the binary form of the reader's schema.
    pub fn rewrite<'a>(&'a self, reader: &mut Reader<'a>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.stream(self.root, reader, &mut Binary(out))
    }

    fn value<'a>(&'a self, op: OpId, r: &mut Reader<'a>) -> Result<Value<'a>, Malformed> {
        Ok(match self.ops[op as usize] {
            Op::Null => Value::Null,
            Op::Boolean => Value::Boolean(r.boolean()?),
            Op::Int => Value::Int(r.int()?),
            Op::Long => Value::Long(r.long()?),
            Op::Float => Value::Float(r.float()?),
            Op::Double => Value::Double(r.double()?),
            Op::Bytes | Op::StringAsBytes => Value::Bytes(Cow::Borrowed(r.bytes()?)),
            Op::String | Op::BytesAsString => Value::String(Cow::Borrowed(r.string()?)),
            Op::IntAsLong => Value::Long(r.int()?.into()),
            Op::IntAsFloat => Value::Float(r.int()? as f32),
            Op::IntAsDouble => Value::Double(r.int()?.into()),
            Op::LongAsFloat => Value::Float(r.long()? as f32),
            Op::LongAsDouble => Value::Double(r.long()? as f64),
            Op::FloatAsDouble => Value::Double(r.float()?.into()),
            Op::Fixed(size) => Value::Fixed(Cow::Borrowed(r.fixed(size as usize)?)),
            Op::Enum(index) => Value::Enum(self.symbol(index, r)?),
            Op::Union(index) => self.value(self.branch(index, r)?, r)?,
            Op::Into(branch, inner, _) => Value::Union(branch, Box::new(self.value(inner, r)?)),
            Op::Array(inner) => {
                let mut items = Vec::new();
                self.each_item(r, |plan, r, count| {
                    items.reserve(count.min(TRUSTED));
                    for _ in 0..count {
                        items.push(plan.value(inner, r)?);
                    }
                    Ok(())
                })?;
                Value::Array(items)
            }
            Op::Map(inner) => {
                let mut entries = Vec::new();
                self.each_item(r, |plan, r, count| {
                    entries.reserve(count.min(TRUSTED));
                    for _ in 0..count {
                        let key = Cow::Borrowed(r.string()?);
                        entries.push((key, plan.value(inner, r)?));
                    }
                    Ok(())
                })?;
                Value::Map(entries)
            }
            Op::Record(index) => Value::Record(self.fields(&self.records[index as usize], r)?),
            Op::Unreadable | Op::Pending => return Err(Malformed::Mismatch),
        })
    }

    fn fields<'a>(&'a self, record: &'a RecordPlan, r: &mut Reader<'a>) -> Result<Vec<Value<'a>>, Malformed> {
        r.enter()?;
        let mut fields = Vec::with_capacity(record.width as usize);
        if !record.ordered {
            fields.resize(record.width as usize, Value::Null);
        }
        for step in &record.steps {
            let (field, value) = match *step {
                Step::Read { field, op } => (field, self.value(op, r)?),
                Step::Default { field, op, start, length } => (field, self.value(op, &mut self.default(start, length))?),
                Step::Skip { op } => {
                    self.pass(op, r)?;
                    continue;
                }
            };
            if record.ordered {
                fields.push(value);
            } else {
                fields[field as usize] = value;
            }
        }
        r.leave();
        Ok(fields)
    }

    fn default(&self, start: u32, length: u32) -> Reader<'_> {
        Reader::new(&self.defaults[start as usize..(start + length) as usize])
    }

    fn symbol(&self, index: u32, r: &mut Reader<'_>) -> Result<u32, Malformed> {
        let symbols = &self.enums[index as usize].symbols;
        let symbol = r.index(symbols.len(), Malformed::Symbol)?;
        symbols[symbol].ok_or(Malformed::Unreadable(symbol as u32))
    }

    fn branch(&self, index: u32, r: &mut Reader<'_>) -> Result<OpId, Malformed> {
        let branches = &self.unions[index as usize].branches;
        Ok(branches[r.index(branches.len(), Malformed::Branch)?])
    }

    fn each_item<'a>(
        &'a self,
        r: &mut Reader<'a>,
        mut block: impl FnMut(&'a Self, &mut Reader<'a>, usize) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        r.enter()?;
        loop {
            let count = r.block()?;
            if count == 0 {
                break;
            }
            block(self, r, count)?;
        }
        r.leave();
        Ok(())
    }

    fn pass(&self, op: OpId, r: &mut Reader<'_>) -> Result<(), Malformed> {
        match self.ops[op as usize] {
            Op::Null => {}
            Op::Boolean => drop(r.boolean()?),
            Op::Int | Op::Long | Op::IntAsLong | Op::IntAsFloat | Op::IntAsDouble | Op::LongAsFloat | Op::LongAsDouble => {
                r.long()?;
            }
            Op::Float | Op::FloatAsDouble => drop(r.fixed(4)?),
            Op::Double => drop(r.fixed(8)?),
            Op::Bytes | Op::String | Op::BytesAsString | Op::StringAsBytes => drop(r.bytes()?),
            Op::Fixed(size) => drop(r.fixed(size as usize)?),
            Op::Enum(index) => drop(r.index(self.enums[index as usize].symbols.len(), Malformed::Symbol)?),
            Op::Union(index) => self.pass(self.branch(index, r)?, r)?,
            Op::Into(_, inner, _) => self.pass(inner, r)?,
            Op::Array(inner) | Op::Map(inner) => {
                let has_keys = matches!(self.ops[op as usize], Op::Map(_));
                r.enter()?;
                loop {
                    let count = r.block_to_skip()?;
                    if count == 0 {
                        break;
                    }
                    for _ in 0..count {
                        if has_keys {
                            r.bytes()?;
                        }
                        self.pass(inner, r)?;
                    }
                }
                r.leave();
            }
            Op::Record(index) => {
                r.enter()?;
                for step in &self.records[index as usize].steps {
                    if let Step::Read { op, .. } | Step::Skip { op } = *step {
                        self.pass(op, r)?;
                    }
                }
                r.leave();
            }
            Op::Unreadable | Op::Pending => return Err(Malformed::Mismatch),
        }
        Ok(())
    }

    pub(crate) fn stream<'a, S: Sink>(&'a self, op: OpId, r: &mut Reader<'a>, sink: &mut S) -> Result<(), Malformed> {
        match self.ops[op as usize] {
            Op::Null => sink.null(),
            Op::Boolean => sink.boolean(r.boolean()?),
            Op::Int => sink.int(r.int()?),
            Op::Long => sink.long(r.long()?),
            Op::Float => sink.float(r.float()?),
            Op::Double => sink.double(r.double()?),
            Op::Bytes | Op::StringAsBytes => sink.bytes(r.bytes()?),
            Op::String | Op::BytesAsString => sink.string(r.string()?),
            Op::IntAsLong => sink.long(r.int()?.into()),
            Op::IntAsFloat => sink.float(r.int()? as f32),
            Op::IntAsDouble => sink.double(r.int()?.into()),
            Op::LongAsFloat => sink.float(r.long()? as f32),
            Op::LongAsDouble => sink.double(r.long()? as f64),
            Op::FloatAsDouble => sink.double(r.float()?.into()),
            Op::Fixed(size) => sink.fixed(r.fixed(size as usize)?),
            Op::Enum(index) => sink.symbol(&self.reader, self.enums[index as usize].node, self.symbol(index, r)?),
            Op::Union(index) => self.stream(self.branch(index, r)?, r, sink)?,
            Op::Into(branch, inner, union) => {
                sink.begin_branch(&self.reader, union, branch);
                self.stream(inner, r, sink)?;
                sink.end_branch(&self.reader, union, branch);
            }
            Op::Array(inner) | Op::Map(inner) => {
                let is_map = matches!(self.ops[op as usize], Op::Map(_));
                sink.begin_items(is_map);
                let mut first = true;
                self.each_item(r, |plan, r, count| {
                    sink.block(count);
                    for _ in 0..count {
                        sink.item(first);
                        first = false;
                        if is_map {
                            sink.key(r.string()?);
                        }
                        plan.stream(inner, r, sink)?;
                    }
                    Ok(())
                })?;
                sink.end_items(is_map);
            }
            Op::Record(index) => self.stream_record(&self.records[index as usize], r, sink)?,
            Op::Unreadable | Op::Pending => return Err(Malformed::Mismatch),
        }
        Ok(())
    }

    fn stream_record<'a, S: Sink>(&'a self, record: &RecordPlan, r: &mut Reader<'a>, sink: &mut S) -> Result<(), Malformed> {
        r.enter()?;
        sink.begin_record();
        let base = sink.out().len();
        let mut pieces = Vec::new();
        let mut first = true;
        for step in &record.steps {
            let (Step::Read { field, .. } | Step::Default { field, .. }) = *step else {
                if let Step::Skip { op } = *step {
                    self.pass(op, r)?;
                }
                continue;
            };
            if record.ordered && !first {
                sink.out().extend_from_slice(S::SEPARATOR);
            }
            first = false;
            let start = sink.out().len();
            sink.field(&self.reader, record.node, field);
            match *step {
                Step::Default { op, start, length, .. } => self.stream(op, &mut self.default(start, length), sink)?,
                Step::Read { op, .. } | Step::Skip { op } => self.stream(op, r, sink)?,
            }
            if !record.ordered {
                pieces.push((field, start, sink.out().len()));
            }
        }
        if !record.ordered {
            put_in_order(sink.out(), base, pieces, S::SEPARATOR);
        }
        sink.end_record();
        r.leave();
        Ok(())
    }
}

/// Fields came in the writer's order; the reader's is asked for.
fn put_in_order(out: &mut Vec<u8>, base: usize, mut pieces: Vec<(u32, usize, usize)>, separator: &[u8]) {
    pieces.sort_unstable();
    let mut sorted = Vec::with_capacity(out.len() - base + pieces.len());
    for (index, (_, start, end)) in pieces.iter().enumerate() {
        if index > 0 {
            sorted.extend_from_slice(separator);
        }
        sorted.extend_from_slice(&out[*start..*end]);
    }
    out.truncate(base);
    out.append(&mut sorted);
}

/// What takes a datum piece by piece and writes it in another form.
pub(crate) trait Sink {
    /// Stands between the fields of a record.
    const SEPARATOR: &'static [u8];
    fn out(&mut self) -> &mut Vec<u8>;
    fn null(&mut self);
    fn boolean(&mut self, value: bool);
    fn int(&mut self, value: i32);
    fn long(&mut self, value: i64);
    fn float(&mut self, value: f32);
    fn double(&mut self, value: f64);
    fn bytes(&mut self, value: &[u8]);
    fn string(&mut self, value: &str);
    fn fixed(&mut self, value: &[u8]);
    fn symbol(&mut self, schema: &Schema, node: NodeId, index: u32);
    fn begin_branch(&mut self, schema: &Schema, union: NodeId, branch: u32);
    fn end_branch(&mut self, schema: &Schema, union: NodeId, branch: u32);
    fn begin_items(&mut self, is_map: bool);
    fn block(&mut self, count: usize);
    fn item(&mut self, first: bool);
    fn key(&mut self, key: &str);
    fn end_items(&mut self, is_map: bool);
    fn begin_record(&mut self);
    fn field(&mut self, schema: &Schema, record: NodeId, field: u32);
    fn end_record(&mut self);
}

/// The binary form of the reader's schema.
struct Binary<'o>(&'o mut Vec<u8>);

impl Sink for Binary<'_> {
    const SEPARATOR: &'static [u8] = b"";

    fn out(&mut self) -> &mut Vec<u8> {
        self.0
    }
    fn null(&mut self) {}
    fn boolean(&mut self, value: bool) {
        binary::put_boolean(self.0, value);
    }
    fn int(&mut self, value: i32) {
        binary::put_int(self.0, value);
    }
    fn long(&mut self, value: i64) {
        binary::put_long(self.0, value);
    }
    fn float(&mut self, value: f32) {
        binary::put_float(self.0, value);
    }
    fn double(&mut self, value: f64) {
        binary::put_double(self.0, value);
    }
    fn bytes(&mut self, value: &[u8]) {
        binary::put_bytes(self.0, value);
    }
    fn string(&mut self, value: &str) {
        binary::put_string(self.0, value);
    }
    fn fixed(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }
    fn symbol(&mut self, _: &Schema, _: NodeId, index: u32) {
        binary::put_long(self.0, i64::from(index));
    }
    fn begin_branch(&mut self, _: &Schema, _: NodeId, branch: u32) {
        binary::put_long(self.0, i64::from(branch));
    }
    fn end_branch(&mut self, _: &Schema, _: NodeId, _: u32) {}
    fn begin_items(&mut self, _: bool) {}
    fn block(&mut self, count: usize) {
        binary::put_count(self.0, count);
    }
    fn item(&mut self, _: bool) {}
    fn key(&mut self, key: &str) {
        binary::put_string(self.0, key);
    }
    fn end_items(&mut self, _: bool) {
        self.0.push(0);
    }
    fn begin_record(&mut self) {}
    fn field(&mut self, _: &Schema, _: NodeId, _: u32) {}
    fn end_record(&mut self) {}
}
