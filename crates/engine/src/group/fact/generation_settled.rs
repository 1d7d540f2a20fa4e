//! The leader has handed in its assignments: from here on a restart finds the group as it is.

use crate::fact::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::{
    group::{Blob, MemberId},
    limits,
};
use std::sync::Arc;
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GenerationSettled {
    pub generation: i32,
    /// Wall-clock milliseconds.
    pub at: i64,
    pub protocol_type: Arc<str>,
    pub protocol: Arc<str>,
    pub leader: MemberId,
    pub members: Vec<SettledMember>,
}

/// A member as it is remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettledMember {
    pub id: MemberId,
    pub instance: Option<Arc<str>>,
    pub client_id: Arc<str>,
    pub client_host: Arc<str>,
    pub session_ms: i32,
    pub rebalance_ms: i32,
    /// All of them, not only the chosen one: a member that comes back unchanged must be recognised.
    pub protocols: Arc<[(Arc<str>, Blob)]>,
    pub assignment: Blob,
}

impl Content for GenerationSettled {
    const KIND: u8 = 65;
    const VERSION: u8 = 1;
    const NAME: &'static str = "generation settled";
    fn write(&self, w: &mut Writer<'_>) {
        w.i32(self.generation);
        w.i64(self.at);
        w.str(&self.protocol_type);
        w.str(&self.protocol);
        w.str(self.leader.as_str());
        w.count(self.members.len());
        for member in &self.members {
            member.write(w);
        }
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let (generation, at) = (r.i32()?, r.i64()?);
        let (protocol_type, protocol) = (name(r)?, name(r)?);
        let leader = MemberId::from(&*name(r)?);
        let count = r.count("members of a group", limits::GROUP_MEMBERS_MAX, 8)?;
        let members = (0..count).map(|_| SettledMember::read(r)).collect::<Result<_, _>>()?;
        Ok(Self { generation, at, protocol_type, protocol, leader, members })
    }
}

impl SettledMember {
    fn write(&self, w: &mut Writer<'_>) {
        w.str(self.id.as_str());
        w.option(self.instance.as_deref(), |w, v| w.str(v));
        w.str(&self.client_id);
        w.str(&self.client_host);
        w.i32(self.session_ms);
        w.i32(self.rebalance_ms);
        w.count(self.protocols.len());
        for (name, metadata) in &*self.protocols {
            w.str(name);
            w.bytes(metadata);
        }
        w.bytes(&self.assignment);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let id = MemberId::from(&*name(r)?);
        let instance = r.option(name)?;
        let (client_id, client_host) = (name(r)?, name(r)?);
        let (session_ms, rebalance_ms) = (r.i32()?, r.i32()?);
        let count = r.count("protocols of a member", limits::MEMBER_PROTOCOLS_MAX, 2)?;
        let protocols = (0..count).map(|_| Ok((name(r)?, blob(r)?))).collect::<Result<_, BadFact>>()?;
        Ok(Self { id, instance, client_id, client_host, session_ms, rebalance_ms, protocols, assignment: blob(r)? })
    }
}

/// Any string of a group: Kafka's longest, twice, since a member id is made of a client's name and a number.
pub(in crate::group) fn name(r: &mut Reader<'_>) -> Result<Arc<str>, BadFact> {
    r.str("bytes of a name", limits::MEMBER_NAME_BYTES_MAX).map(Arc::from)
}

fn blob(r: &mut Reader<'_>) -> Result<Blob, BadFact> {
    r.bytes("bytes of a member", limits::GROUP_BYTES_MAX).map(Blob::from)
}
