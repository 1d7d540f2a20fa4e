//! What may be asked of consumer instances, what they answer, and every way in which they decline. Words only.

use super::{At, Delivered, InstanceKey, Reading, Settings};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Create {
        key: InstanceKey,
        settings: Settings,
    },
    Delete(InstanceKey),
    /// Subscribe, assign, or read nothing. `begins` is where `latest` is now.
    Choose {
        key: InstanceKey,
        reading: Reading,
        begins: Vec<At>,
    },
    Seek {
        key: InstanceKey,
        positions: Vec<At>,
    },
    /// A fetch begins, and has its turn: one that began before and still waits is given nothing any more.
    Fetch(InstanceKey),
    /// A fetch waits: the caller is awake, and who has been silent for too long is not.
    Call(InstanceKey),
    /// These records are about to be given.
    Deliver(Deliver),
    /// A fetch ends without records.
    Tell(InstanceKey),
    /// What was given and not committed is to come again.
    Rewind(InstanceKey),
}

/// The end of a fetch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deliver {
    pub key: InstanceKey,
    /// The version of the instance that the fetch was planned by.
    pub version: u64,
    pub turn: u64,
    pub fetch: Box<str>,
    pub ranges: Vec<Delivered>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply {
    Done,
    /// A fetch has this turn.
    Turn(u64),
    /// There is one of that name. A client that makes it again has lost its memory, so what was delivered to it and not
    /// committed comes again, unless its fetches commit by themselves. Its fetches that wait are over.
    Exists,
}

/// Each is one error code of the REST proxy.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// 40403.
    #[error("there is no consumer instance {:?} in group {:?}", .0.name, .0.group)]
    Unknown(InstanceKey),
    /// 40903.
    #[error("a subscription and partitions that were assigned by hand exclude each other; delete the subscription first")]
    Exclusive,
    /// The instance was changed while a fetch was on its way: plan it again.
    #[error("the instance has changed since")]
    Stale,
    /// A newer fetch of the instance has begun, or the instance was made again: perhaps nobody hears the answer to this one.
    #[error("a newer fetch of this instance has begun, or the instance was made again")]
    Overtaken,
    /// 42204.
    #[error("{what} has {len}, at most {max} are allowed")]
    TooLong { what: &'static str, len: usize, max: usize },
    /// 42204.
    #[error("there are {max} consumer instances, and all were used within the last day; delete those that are not needed")]
    Full { max: usize },
    /// 42204.
    #[error(
        "all consumer instances together take at most {max} bytes (names, what they read, and a position for each partition); \
         delete those that are not needed, or read less"
    )]
    Heavy { max: usize },
}
