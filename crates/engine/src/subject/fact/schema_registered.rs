//! A subject has a new version. The schema comes with the fact when its id is new in the context.

use std::sync::Arc;

use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    subject::{
        Content as Schema, Subject,
        fact::{read_subject, write_subject},
    },
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SchemaRegistered {
    pub subject: Subject,
    pub version: i32,
    pub id: i32,
    /// Wall-clock milliseconds.
    pub at: i64,
    pub content: Option<Arc<Schema>>,
}

impl Content for SchemaRegistered {
    const KIND: u8 = 131;
    const VERSION: u8 = 1;
    const NAME: &'static str = "schema registered";
    fn write(&self, w: &mut Writer<'_>) {
        write_subject(w, &self.subject);
        w.i32(self.version);
        w.i32(self.id);
        w.i64(self.at);
        w.option(self.content.as_deref(), |w, content| content.write(w));
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let subject = read_subject(r)?;
        let (version, id, at) = (r.i32()?, r.i32()?, r.i64()?);
        let content = r.option(Schema::read)?.map(Arc::new);
        Ok(Self { subject, version, id, at, content })
    }
}
