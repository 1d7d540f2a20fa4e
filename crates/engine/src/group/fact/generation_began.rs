//! A generation number was used up: members were told it. After a restart the next generation is above it, so no number is
//! ever given to two sets of assignments, even if the leader never handed its assignments in.

use crate::fact::{
    BadFact, Content,
    codec::{Reader, Writer},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GenerationBegan {
    pub generation: i32,
}

impl Content for GenerationBegan {
    const KIND: u8 = 64;
    const VERSION: u8 = 1;
    const NAME: &'static str = "generation began";
    fn write(&self, w: &mut Writer<'_>) {
        w.i32(self.generation);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { generation: r.i32()? })
    }
}
