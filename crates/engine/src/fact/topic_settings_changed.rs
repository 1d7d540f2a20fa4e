//! Settings of a topic were set, or taken back to what they would be without it.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::{ids::TopicId, limits};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicSettingsChanged {
    pub id: TopicId,
    /// Name and new value; `None` takes it back.
    pub changes: Vec<(String, Option<String>)>,
}

impl Content for TopicSettingsChanged {
    const KIND: u8 = 7;
    const VERSION: u8 = 1;
    const NAME: &'static str = "topic settings changed";
    fn write(&self, w: &mut Writer<'_>) {
        w.uuid(self.id.0);
        w.count(self.changes.len());
        for (name, value) in &self.changes {
            w.str(name);
            w.option(value.as_deref(), |w, v| w.str(v));
        }
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let id = TopicId(r.uuid()?);
        let count = r.count("settings", limits::SETTINGS_AN_OWNER_MAX, 2)?;
        let changes = (0..count).map(|_| Ok((read_name(r)?, r.option(read_value)?))).collect::<Result<_, _>>()?;
        Ok(Self { id, changes })
    }
}

pub(crate) fn write_setting(w: &mut Writer<'_>, name: &str, value: &str) {
    w.str(name);
    w.str(value);
}

pub(crate) fn read_setting(r: &mut Reader<'_>) -> Result<(String, String), BadFact> {
    Ok((read_name(r)?, read_value(r)?))
}

fn read_name(r: &mut Reader<'_>) -> Result<String, BadFact> {
    r.str("bytes of a setting's name", limits::SETTING_NAME_BYTES_MAX).map(Into::into)
}

fn read_value(r: &mut Reader<'_>) -> Result<String, BadFact> {
    r.str("bytes of a setting's value", limits::SETTING_VALUE_BYTES_MAX).map(Into::into)
}
