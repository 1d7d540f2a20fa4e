//! Versions were soft-deleted: their ids still work, and nothing is compared with them any more.

use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    subject::{
        Subject,
        fact::{read_subject, read_versions, write_subject, write_versions},
    },
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionsDeleted {
    pub subject: Subject,
    pub versions: Vec<i32>,
}

impl Content for VersionsDeleted {
    const KIND: u8 = 132;
    const VERSION: u8 = 1;
    const NAME: &'static str = "versions deleted";
    fn write(&self, w: &mut Writer<'_>) {
        write_subject(w, &self.subject);
        write_versions(w, &self.versions);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let subject = read_subject(r)?;
        Ok(Self { subject, versions: read_versions(r)? })
    }
}
