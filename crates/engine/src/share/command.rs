//! What may be asked of a share group, and what it answers.

use std::{collections::BTreeMap, sync::Arc};

use super::{At, KEY_LEN, Why};
use crate::{
    group::MemberId,
    ids::{Offset, TopicId},
};

#[derive(Clone, Debug)]
pub enum Command {
    /// Begin with these partitions, where nothing was begun before.
    Begin(Vec<(At, Offset)>),
    /// Begin anew with these partitions: AlterShareGroupOffsets.
    Reset(Vec<(At, Offset)>),
    Acquire(Acquire),
    Acknowledge(Acknowledge),
    Settle(Settle),
    /// A member's session ended.
    Drop(Dropping),
    /// What a taking brought from `from` on is free again, as if it had never been taken.
    GiveBack {
        grant: u32,
        from: Offset,
    },
    Beat(Beat),
    /// The dead letter of this record is written in the same entry.
    Buried {
        at: At,
        offset: Offset,
    },
    /// Records that nobody holds are finished without a delivery: acknowledged, or passed over.
    Finish {
        at: At,
        first: Offset,
        last: Offset,
        as_work: bool,
    },
    /// The log of this partition begins there now: what was not finished below it is lost.
    Trim {
        at: At,
        to: Offset,
    },
    /// A secret that was drawn for leases; the first one stays.
    Key([u8; KEY_LEN]),
    /// Another one: leases are signed with it from now on, and those that the last one signed are still good.
    ChangeKey([u8; KEY_LEN]),
    /// DeleteShareGroupOffsets.
    Forget(Vec<At>),
    /// These topics are gone.
    ForgetTopics(Vec<TopicId>),
    Delete,
}

/// What is committed of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The first offset that is kept.
    pub start: Offset,
    /// One past the last that may be read.
    pub end: Offset,
}

/// Take records that were read already.
#[derive(Clone, Debug)]
pub struct Acquire {
    pub at: At,
    pub window: Window,
    pub owner: MemberId,
    /// Records from here ...
    pub first: Offset,
    /// ... to here were read, both included.
    pub last: Offset,
    pub max: i64,
    /// Ends of the batches that were read: then whole ones are taken, even if that is more than `max`. Empty: strictly.
    pub batch_ends: Vec<Offset>,
    /// Hashes of the keys of those that were read, when the group asks for order by key; records without key are missing.
    pub keys: Vec<(Offset, u64)>,
    /// Another length of the lock than the group's.
    pub lock_ms: Option<i64>,
    /// Where keys are in order: [`super::Share::freed`] as it was before anything was looked for. Nothing is taken when something
    /// became free since, for that may be of the same key and stand in front of what was read.
    pub freed: Option<u64>,
}

/// Taken records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Granted {
    /// First and last offset, and which delivery this is, counted from 1.
    pub runs: Vec<(Offset, Offset, u16)>,
    /// Names this taking while the broker runs.
    pub grant: u32,
    /// When the lock ends, in `Now::mono`.
    pub until: i64,
    /// When the group began with the partition, in wall-clock milliseconds: a reset ends every lease from before it.
    pub since: i64,
}

impl Granted {
    /// Whether nobody had any of the records before.
    pub fn is_first(&self) -> bool {
        self.runs.iter().all(|(_, _, delivery)| *delivery <= 1)
    }

    /// Without what lies behind this offset.
    pub fn up_to(mut self, last: Offset) -> Self {
        self.runs.retain(|(first, ..)| *first <= last);
        self.runs.iter_mut().for_each(|(_, end, _)| *end = last.min(*end));
        self
    }
}

/// ShareAcknowledge, and what ShareFetch carries of it: one partition.
#[derive(Clone, Debug)]
pub struct Acknowledge {
    pub at: At,
    pub owner: MemberId,
    pub batches: Vec<AckBatch>,
}

#[derive(Clone, Debug)]
pub struct AckBatch {
    pub first: Offset,
    pub last: Offset,
    /// One for all, or one for each.
    pub verdicts: Vec<Verdict>,
}

/// What became of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// There is no record at this offset.
    Gap,
    Accept,
    Release,
    Reject,
    /// Still at work: the lock begins anew.
    Renew,
}

/// A lease, as somebody who took one record alone remembers it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lease {
    pub at: At,
    pub offset: Offset,
    /// Which delivery it was, counted from 1.
    pub delivery: u16,
    /// None: it was given before this broker started.
    pub grant: Option<u32>,
    /// [`Granted::since`].
    pub since: i64,
    /// Its time is not over by the clock on the wall.
    pub runs: bool,
    /// Hash of the record's key, where keys are in order and the lease was given before this broker started.
    pub key: Option<u64>,
}

/// Settles leases, each on its own.
#[derive(Clone, Debug)]
pub struct Settle {
    pub by: Box<str>,
    /// With a release: not before so many milliseconds. With a renewal: the length of the lock.
    pub leases: Vec<(Lease, Verdict, Option<i64>)>,
    pub reason: Option<Box<str>>,
}

pub type LeaseOutcome = Result<Option<Granted>, LeaseRefusal>;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LeaseRefusal {
    #[error("the lease has ended: the message was given to somebody else, or its time was over")]
    Lost,
    #[error("the group has nothing to do with that message")]
    NotFound,
}

/// A member's session ended.
#[derive(Clone, Debug)]
pub struct Dropping {
    pub member: MemberId,
    /// The deliveries count as failed: nobody said that they were not begun.
    pub failed: bool,
    /// Only these partitions; everything if there are none.
    pub only: Vec<At>,
}

/// ShareGroupHeartbeat.
#[derive(Clone, Debug)]
pub struct Beat {
    pub member: MemberId,
    /// 0 joins, -1 leaves.
    pub epoch: i32,
    pub rack: Option<Arc<str>>,
    pub client_id: Arc<str>,
    pub client_host: Arc<str>,
    /// None: the same as before.
    pub subscribed: Option<Vec<Arc<str>>>,
    /// The topics that exist among all that members read, with their number of partitions.
    pub topics: BTreeMap<Arc<str>, (TopicId, u32)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beaten {
    pub epoch: i32,
    pub heartbeat_ms: i64,
    /// None: the same as before.
    pub assignment: Option<BTreeMap<TopicId, Vec<i32>>>,
}

/// A record that waits for its dead letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    pub at: At,
    pub offset: Offset,
    pub why: Why,
    /// Deliveries that it had.
    pub deliveries: u16,
    pub by: Box<str>,
    pub reason: Option<Box<str>>,
    pub when: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    Done,
    Granted(Granted),
    /// One outcome a lease, in the order asked.
    Settled(Vec<LeaseOutcome>),
    Beaten(Beaten),
    /// Whether it was still to be done.
    Buried(bool),
}

/// Why a share group declines. One error code of Kafka each, named first.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// INVALID_REQUEST.
    #[error("{0}")]
    Invalid(&'static str),
    /// UNKNOWN_MEMBER_ID.
    #[error("Member {0} is not a member of the group.")]
    UnknownMember(MemberId),
    /// FENCED_MEMBER_EPOCH.
    #[error(
        "The share group member has a different member epoch ({got}) from the one known by the group coordinator ({had}). The member must abandon all its partitions and rejoin."
    )]
    Fenced { got: i32, had: i32 },
    /// GROUP_MAX_SIZE_REACHED.
    #[error("The share group has reached its maximum capacity of {max} members.")]
    Full { max: usize },
    /// INVALID_RECORD_STATE.
    #[error("{0}")]
    RecordState(&'static str),
    /// NOT_LEADER_OR_FOLLOWER: nothing was begun there; the client asks for its work again.
    #[error("the group has not begun with this partition")]
    NotBegun,
    /// NON_EMPTY_GROUP.
    #[error("The group is not empty.")]
    NotEmpty,
    /// NON_EMPTY_GROUP.
    #[error(
        "{waiting} records that the group gave up wait for their dead letters, and would be dropped: let them be written (make room, or mend the dead-letter topic), or turn the group's dead letters off."
    )]
    LettersWait { waiting: usize },
    /// GROUP_ID_NOT_FOUND.
    #[error("Group {0} not found.")]
    NotFound(Box<str>),
    /// GROUP_ID_NOT_FOUND.
    #[error("Group {0} is not a share group.")]
    OtherKind(Box<str>),
    /// UNKNOWN_SERVER_ERROR.
    #[error("the group cannot take more partitions than {max}")]
    TooMany { max: usize },
}
