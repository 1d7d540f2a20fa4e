//! What can become true of the broker's own settings.

use super::layers::Scope;
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    limits,
};

crate::fact::facts! {
    /// What can become true of the broker's own settings.
    pub enum BrokerConfigFact of "broker settings" { BrokerConfigChanged }
}

/// From now on these settings have these values, or none of their own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerConfigChanged {
    pub scope: Scope,
    pub changes: Vec<(Box<str>, Option<Box<str>>)>,
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
        w.count(self.changes.len());
        for (name, value) in &self.changes {
            w.str(name);
            w.option(value.as_deref(), |w, v| w.str(v));
        }
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let scope = match r.u8()? {
            0 => Scope::Cluster,
            1 => Scope::Broker,
            _ => return Err(BadFact::Invalid { what: "scope of settings" }),
        };
        let count = r.count("settings", limits::SETTINGS_AN_OWNER_MAX, 2)?;
        let value = |r: &mut Reader<'_>| r.str("bytes of a setting", limits::SETTING_VALUE_BYTES_MAX).map(Box::from);
        let change = |r: &mut Reader<'_>| {
            let name = r.str("bytes of a setting's name", limits::SETTING_NAME_BYTES_MAX)?;
            Ok((name.into(), r.option(value)?))
        };
        Ok(Self { scope, changes: (0..count).map(|_| change(r)).collect::<Result<_, BadFact>>()? })
    }
}
