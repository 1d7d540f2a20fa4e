//! Settings of a topic, a broker or a group were set or taken back.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::{
    ids::{TopicId, Uuid},
    limits,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingsChanged {
    pub owner: Owner,
    /// Name and new value; `None` takes the setting back to its default.
    pub changes: Vec<(Box<str>, Option<Box<str>>)>,
}

/// Whose settings they are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Owner {
    Topic(TopicId),
    /// One broker by its number, or all of them (`None`), as Kafka's dynamic broker settings have it.
    Broker(Option<i32>),
    Group(Box<str>),
}

impl Content for SettingsChanged {
    const KIND: u8 = 7;
    const VERSION: u8 = 1;
    const NAME: &'static str = "settings changed";
    fn write(&self, w: &mut Writer<'_>) {
        write_owner(w, &self.owner);
        w.count(self.changes.len());
        for (name, value) in &self.changes {
            w.str(name);
            w.option(value.as_deref(), |w, v| w.str(v));
        }
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let owner = read_owner(r)?;
        let count = r.count("settings", limits::SETTINGS_AN_OWNER_MAX, 2)?;
        let changes = (0..count).map(|_| Ok((read_name(r)?, r.option(read_value)?))).collect::<Result<_, _>>()?;
        Ok(Self { owner, changes })
    }
}

pub(crate) fn write_owner(w: &mut Writer<'_>, owner: &Owner) {
    match owner {
        Owner::Topic(id) => {
            w.u8(0);
            w.uuid(id.0);
        }
        Owner::Broker(node) => {
            w.u8(1);
            w.option(*node, |w, n| w.i32(n));
        }
        Owner::Group(name) => {
            w.u8(2);
            w.str(name);
        }
    }
}

pub(crate) fn read_owner(r: &mut Reader<'_>) -> Result<Owner, BadFact> {
    match r.u8()? {
        0 => r.uuid().map(|id: Uuid| Owner::Topic(TopicId(id))),
        1 => r.option(|r| r.i32()).map(Owner::Broker),
        2 => r.str("bytes of a group name", limits::GROUP_NAME_BYTES_MAX).map(|name| Owner::Group(name.into())),
        _ => Err(BadFact::Invalid { what: "owner of settings" }),
    }
}

pub(crate) fn write_setting(w: &mut Writer<'_>, name: &str, value: &str) {
    w.str(name);
    w.str(value);
}

pub(crate) fn read_setting(r: &mut Reader<'_>) -> Result<(Box<str>, Box<str>), BadFact> {
    Ok((read_name(r)?, read_value(r)?))
}

fn read_name(r: &mut Reader<'_>) -> Result<Box<str>, BadFact> {
    r.str("bytes of a setting's name", limits::SETTING_NAME_BYTES_MAX).map(Into::into)
}

fn read_value(r: &mut Reader<'_>) -> Result<Box<str>, BadFact> {
    r.str("bytes of a setting's value", limits::SETTING_VALUE_BYTES_MAX).map(Into::into)
}
