//! A writer got a number, by which the envelopes of its batches name it.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::limits;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriterInterned {
    pub writer: u32,
    pub client: Box<str>,
    /// Address without the port: a port names a connection, not a writer.
    pub address: Box<str>,
    pub principal: Box<str>,
    /// Whose place in the table it took.
    pub forgotten: Option<u32>,
}

impl Content for WriterInterned {
    const KIND: u8 = 52;
    const VERSION: u8 = 1;
    const NAME: &'static str = "writer interned";
    fn write(&self, w: &mut Writer<'_>) {
        w.u32(self.writer);
        [&self.client, &self.address, &self.principal].into_iter().for_each(|field| w.str(field));
        w.option(self.forgotten, |w, v| w.u32(v));
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let field = |r: &mut Reader<'_>| r.str("bytes of a writer's name", limits::WRITER_FIELD_BYTES_MAX).map(Box::from);
        Ok(Self {
            writer: r.u32()?,
            client: field(r)?,
            address: field(r)?,
            principal: field(r)?,
            forgotten: r.option(|r| r.u32())?,
        })
    }
}
