//! The cluster got its id: the first fact of a new catalog.

use super::{
    BadFact, Content,
    codec::{Reader, Writer},
};
use crate::ids::Uuid;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClusterFounded {
    pub cluster: Uuid,
    /// Wall-clock milliseconds.
    pub at: i64,
}

impl Content for ClusterFounded {
    const KIND: u8 = 1;
    const VERSION: u8 = 1;
    const NAME: &'static str = "cluster founded";
    fn write(&self, w: &mut Writer<'_>) {
        w.uuid(self.cluster);
        w.i64(self.at);
    }
    fn read(_version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        Ok(Self { cluster: r.uuid()?, at: r.i64()? })
    }
}
