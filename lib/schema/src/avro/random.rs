//! Random data of a schema: for tests, demonstrations, and `avro random`.

use super::{
    Kind, NodeId, Schema,
    binary::{self, DEPTH},
};
use crate::Flaw;

/// Beyond so many levels the smallest choice is taken, so that recursive schemas come to an end.
const ENOUGH: usize = 6;

/// A sequence of numbers that looks like chance and is the same for the same seed.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any 64 bits (SplitMix64).
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }
}

impl Schema {
    /// Appends the binary form of some datum of the schema.
    pub fn random(&self, dice: &mut Dice, out: &mut Vec<u8>) -> Result<(), Flaw> {
        self.roll(self.root, dice, out, 0)
    }

    fn roll(&self, id: NodeId, dice: &mut Dice, out: &mut Vec<u8>, depth: usize) -> Result<(), Flaw> {
        if depth > DEPTH {
            return Err(Flaw::new("the schema has no finite data: a record holds itself"));
        }
        match self.kind(id) {
            Kind::Null => {}
            Kind::Boolean => binary::put_boolean(out, dice.roll() & 1 == 1),
            Kind::Int => binary::put_int(out, (dice.roll() as i32) >> dice.below(32)),
            Kind::Long => binary::put_long(out, (dice.roll() as i64) >> dice.below(64)),
            Kind::Float => binary::put_float(out, (dice.roll() as i32) as f32 / 4096.0),
            Kind::Double => binary::put_double(out, (dice.roll() as i64) as f64 / 4_294_967_296.0),
            Kind::Bytes => {
                let bytes: Vec<u8> = (0..dice.below(20)).map(|_| dice.roll() as u8).collect();
                binary::put_bytes(out, &bytes);
            }
            Kind::String => {
                let text: String = (0..dice.below(16)).map(|_| letter(dice)).collect();
                binary::put_string(out, &text);
            }
            Kind::Fixed(fixed) => out.extend((0..fixed.size).map(|_| dice.roll() as u8)),
            Kind::Enum(kind) if kind.symbols.is_empty() => return Err(Flaw::new("an enum without symbols has no data")),
            Kind::Enum(kind) => binary::put_long(out, dice.below(kind.symbols.len()) as i64),
            Kind::Array(items) => {
                let count = if depth > ENOUGH { 0 } else { dice.below(4) };
                binary::put_count(out, count);
                for _ in 0..count {
                    self.roll(*items, dice, out, depth + 1)?;
                }
                out.push(0);
            }
            Kind::Map(values) => {
                let count = if depth > ENOUGH { 0 } else { dice.below(4) };
                binary::put_count(out, count);
                for index in 0..count {
                    binary::put_string(out, &format!("{}{index}", letter(dice)));
                    self.roll(*values, dice, out, depth + 1)?;
                }
                out.push(0);
            }
            Kind::Union(branches) if branches.is_empty() => return Err(Flaw::new("an empty union has no data")),
            Kind::Union(branches) => {
                // What has no data is not chosen where something else has some.
                let has = |b: &NodeId| !matches!(self.kind(*b), Kind::Enum(kind) if kind.symbols.is_empty());
                let is_leaf = |b: &NodeId| has(b) && !matches!(self.kind(*b), Kind::Record(_) | Kind::Array(_) | Kind::Map(_));
                let leaf = branches.iter().position(is_leaf).filter(|_| depth > ENOUGH);
                let some: Vec<usize> = (0..branches.len()).filter(|index| has(&branches[*index])).collect();
                let any = |dice: &mut Dice| some.get(dice.below(some.len())).copied().unwrap_or(0);
                let index = leaf.unwrap_or_else(|| any(dice));
                binary::put_long(out, index as i64);
                self.roll(branches[index], dice, out, depth + 1)?;
            }
            Kind::Record(record) => {
                for field in &record.fields {
                    self.roll(field.schema, dice, out, depth + 1)?;
                }
            }
        }
        Ok(())
    }
}

/// Mostly plain letters, now and then one that takes care to write.
fn letter(dice: &mut Dice) -> char {
    const RARE: [char; 8] = ['"', '\\', '\n', '\u{1}', 'é', '語', '🦉', '/'];
    match dice.below(12) {
        0 => RARE[dice.below(RARE.len())],
        _ => char::from(b'a' + dice.below(26) as u8),
    }
}
