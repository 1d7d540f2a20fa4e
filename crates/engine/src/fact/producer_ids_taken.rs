//! Producer ids up to here are taken: none of them is handed out twice, even after a crash.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerIdsTaken {
    /// The first id that is still free.
    pub next: i64,
}

impl Content for ProducerIdsTaken {
    const KIND: u8 = 48;
    const VERSION: u8 = 1;
    const NAME: &'static str = "producer ids taken";
    fn write(&self, w: &mut Writer<'_>) {
        w.i64(self.next);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { next: r.i64()? })
    }
}
