//! The last member is gone. The clock of positions that expire starts here.

use super::generation_settled::name;
use crate::fact::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use std::sync::Arc;
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupEmptied {
    /// The number is used up.
    pub generation: i32,
    /// Wall-clock milliseconds.
    pub at: i64,
    /// What its members spoke; none when it never had any.
    pub protocol_type: Option<Arc<str>>,
}

impl Content for GroupEmptied {
    const KIND: u8 = 66;
    const VERSION: u8 = 1;
    const NAME: &'static str = "group emptied";
    fn write(&self, w: &mut Writer<'_>) {
        w.i32(self.generation);
        w.i64(self.at);
        w.option(self.protocol_type.as_deref(), |w, v| w.str(v));
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { generation: r.i32()?, at: r.i64()?, protocol_type: r.option(name)? })
    }
}
