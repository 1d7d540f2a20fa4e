//! The configuration of a subject, of a context or of everything is this one now, or none.

use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    subject::{
        Config, Subject,
        content::{read_document, write_document},
        fact::{read_subject, write_subject},
    },
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigChanged {
    pub scope: Subject,
    /// What was set, whole.
    pub config: Option<Box<Config>>,
}

impl Content for ConfigChanged {
    const KIND: u8 = 135;
    const VERSION: u8 = 1;
    const NAME: &'static str = "schema configuration changed";
    fn write(&self, w: &mut Writer<'_>) {
        write_subject(w, &self.scope);
        w.option(self.config.as_deref(), write_document);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let scope = read_subject(r)?;
        Ok(Self { scope, config: r.option(read_document)?.map(Box::new) })
    }
}
