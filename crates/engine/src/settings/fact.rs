//! What can become true of the broker's own settings.

use super::{layers::Scope, offered::Offered};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    limits,
};

crate::fact::facts! {
    /// What can become true of the broker's own settings.
    pub enum BrokerConfigFact of "broker settings" { BrokerConfigChanged, ResourceConfigChanged }
}

/// Names, each with its new value, or `None` for none of its own.
pub type Changes = Vec<(Box<str>, Option<Box<str>>)>;

/// From now on these settings have these values, or none of their own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerConfigChanged {
    pub scope: Scope,
    pub changes: Changes,
}

impl Content for BrokerConfigChanged {
    const KIND: u8 = 56;
    const VERSION: u8 = 1;
    const NAME: &'static str = "broker settings changed";
    fn write(&self, w: &mut Writer<'_>) {
        w.u8(match self.scope {
            Scope::Cluster => 0,
            Scope::Broker => 1,
        });
        write_changes(w, &self.changes);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let scope = match r.u8()? {
            0 => Scope::Cluster,
            1 => Scope::Broker,
            _ => return Err(BadFact::Invalid { what: "scope of settings" }),
        };
        Ok(Self { scope, changes: read_changes(r)? })
    }
}

/// From now on these settings of one group, or of one subscription to clients' metrics, have these values, or none of their own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResourceConfigChanged {
    pub kind: Offered,
    pub name: Box<str>,
    pub changes: Changes,
}

impl Content for ResourceConfigChanged {
    const KIND: u8 = 57;
    const VERSION: u8 = 1;
    const NAME: &'static str = "settings of a group or subscription changed";
    fn write(&self, w: &mut Writer<'_>) {
        w.u8(match self.kind {
            Offered::Group => 0,
            Offered::ClientMetrics => 1,
        });
        w.str(&self.name);
        write_changes(w, &self.changes);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let kind = match r.u8()? {
            0 => Offered::Group,
            1 => Offered::ClientMetrics,
            _ => return Err(BadFact::Invalid { what: "resource with settings" }),
        };
        let name = r.str("bytes of a group name", limits::GROUP_NAME_BYTES_MAX)?.into();
        Ok(Self { kind, name, changes: read_changes(r)? })
    }
}

fn write_changes(w: &mut Writer<'_>, changes: &[(Box<str>, Option<Box<str>>)]) {
    w.count(changes.len());
    for (name, value) in changes {
        w.str(name);
        w.option(value.as_deref(), |w, v| w.str(v));
    }
}

fn read_changes(r: &mut Reader<'_>) -> Result<Changes, BadFact> {
    let count = r.count("settings", limits::SETTINGS_AN_OWNER_MAX, 2)?;
    let value = |r: &mut Reader<'_>| r.str("bytes of a setting", limits::SETTING_VALUE_BYTES_MAX).map(Box::from);
    let change = |r: &mut Reader<'_>| {
        let name = r.str("bytes of a setting's name", limits::SETTING_NAME_BYTES_MAX)?;
        Ok((name.into(), r.option(value)?))
    };
    (0..count).map(|_| change(r)).collect()
}
