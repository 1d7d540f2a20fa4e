//! Rust types that are Avro types: what generated code implements.

use super::{
    Plan, Schema,
    binary::{Malformed, Reader},
};
use crate::Flaw;

/// A Rust type with a schema of its own.
pub trait Typed {
    /// The schema's text.
    const SCHEMA: &'static str;
    /// The schema's full name.
    const NAME: &'static str;
}

/// Writes itself in Avro's binary form.
pub trait Encode {
    fn encode(&self, out: &mut Vec<u8>);

    /// The binary form in a vector of its own.
    fn to_avro(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// Reads itself from Avro's binary form, perhaps borrowing text and bytes from it.
pub trait Decode<'a>: Sized {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed>;

    /// One datum that fills the bytes.
    fn from_avro(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let value = Self::decode(&mut reader)?;
        reader.end().map(|()| value)
    }
}

/// Reads data of one writer's schema into types made from another.
#[derive(Debug, Clone)]
pub struct Evolving {
    /// `None`: the writer's form is the reader's, and no detour is needed.
    plan: Option<Plan>,
}

impl Evolving {
    /// From a writer's schema to the type's own. A flaw if no data can be read so.
    pub fn new<T: Typed>(writer: &Schema) -> Result<Self, Flaw> {
        let reader = Schema::parse(T::SCHEMA)?;
        let same = reader.parsing_form() == writer.parsing_form();
        let plan = if same { None } else { Some(Plan::resolve(writer, &reader)?) };
        Ok(Self { plan })
    }

    /// One datum that fills the bytes. `scratch` holds what is borrowed when the writer's form is another.
    pub fn decode<'a, T: Decode<'a>>(&self, bytes: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<T, Malformed> {
        let Some(plan) = &self.plan else { return T::from_avro(bytes) };
        scratch.clear();
        let mut reader = Reader::new(bytes);
        plan.rewrite(&mut reader, scratch)?;
        reader.end()?;
        T::from_avro(scratch)
    }
}
