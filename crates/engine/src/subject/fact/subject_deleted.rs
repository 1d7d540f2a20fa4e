//! All versions of a subject were soft-deleted, up to the last one of that moment.

use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    subject::{
        Subject,
        fact::{read_subject, write_subject},
    },
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectDeleted {
    pub subject: Subject,
    pub last: i32,
}

impl Content for SubjectDeleted {
    const KIND: u8 = 133;
    const VERSION: u8 = 1;
    const NAME: &'static str = "subject deleted";
    fn write(&self, w: &mut Writer<'_>) {
        write_subject(w, &self.subject);
        w.i32(self.last);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let subject = read_subject(r)?;
        Ok(Self { subject, last: r.i32()? })
    }
}
