//! The group drew the secret that its leases are signed with.

use crate::fact::{
    BadFact, Content,
    codec::{Reader, Writer},
};

/// Bytes of the secret.
pub const KEY_LEN: usize = 32;

#[derive(Clone, PartialEq, Eq)]
pub struct ShareKeyed {
    pub key: [u8; KEY_LEN],
}

/// A secret is not shown, not even to whoever debugs.
impl std::fmt::Debug for ShareKeyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShareKeyed")
    }
}

impl Content for ShareKeyed {
    const KIND: u8 = 101;
    const VERSION: u8 = 1;
    const NAME: &'static str = "share group keyed";
    fn write(&self, w: &mut Writer<'_>) {
        w.bytes(&self.key);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let key = r.bytes("bytes of a secret", KEY_LEN)?;
        Ok(Self { key: key.try_into().map_err(|_| BadFact::Invalid { what: "secret" })? })
    }
}
