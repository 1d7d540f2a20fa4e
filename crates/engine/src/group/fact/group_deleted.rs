//! The group is gone, with its positions.

use crate::fact::{
    BadFact, Content,
    codec::{Reader, Writer},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupDeleted {
    /// Whether somebody asked; otherwise it had neither members nor positions for a while.
    pub asked: bool,
}

impl Content for GroupDeleted {
    const KIND: u8 = 70;
    const VERSION: u8 = 1;
    const NAME: &'static str = "group deleted";
    fn write(&self, w: &mut Writer<'_>) {
        w.bool(self.asked);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { asked: r.bool()? })
    }
}
