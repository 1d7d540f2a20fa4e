//! The mode of a subject, of a context or of everything is this one now, or none.

use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    subject::{
        Mode, Subject,
        fact::{read_subject, write_subject},
    },
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModeChanged {
    pub scope: Subject,
    pub mode: Option<Mode>,
}

impl Content for ModeChanged {
    const KIND: u8 = 136;
    const VERSION: u8 = 1;
    const NAME: &'static str = "schema mode changed";
    fn write(&self, w: &mut Writer<'_>) {
        write_subject(w, &self.scope);
        w.option(self.mode, |w, mode| w.u8(code(mode)));
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let scope = read_subject(r)?;
        Ok(Self { scope, mode: r.option(|r| mode_of(r.u8()?))? })
    }
}

pub(in crate::subject) fn code(mode: Mode) -> u8 {
    match mode {
        Mode::ReadWrite => 0,
        Mode::ReadOnly => 1,
        Mode::ReadOnlyOverride => 2,
        Mode::Import => 3,
        Mode::Forward => 4,
    }
}

pub(in crate::subject) fn mode_of(code: u8) -> Result<Mode, BadFact> {
    match code {
        0 => Ok(Mode::ReadWrite),
        1 => Ok(Mode::ReadOnly),
        2 => Ok(Mode::ReadOnlyOverride),
        3 => Ok(Mode::Import),
        4 => Ok(Mode::Forward),
        _ => Err(BadFact::Invalid { what: "mode of schemas" }),
    }
}
