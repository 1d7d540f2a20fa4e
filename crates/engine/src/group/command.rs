//! What may be asked of a group, what it answers, and every way in which it declines. Words only, no judgement.

use std::sync::Arc;

use super::{GroupId, MemberId};
use crate::ids::{Offset, TopicId, TopicName, Uuid};

/// Bytes that clients give each other through the group; nobody here reads them, except for the topics of a subscription.
pub type Blob = Arc<[u8]>;

/// Names one request that waits for its answer. The caller chooses it and keeps the promise; see [`Reply::Wait`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// Everything that may be asked. Questions that change nothing are methods of the group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Join(Join),
    Sync(Sync),
    Heartbeat(Heartbeat),
    Leave(Vec<Leaver>),
    Commit(Commit),
    /// OffsetDelete: positions of these partitions, unless the group reads their topic.
    ForgetPositions(Vec<NamedPartition>),
    /// The topics are gone for good (purged, not merely deleted and restorable).
    ForgetTopics(Vec<TopicId>),
    /// DeleteGroups.
    Delete,
}

/// JoinGroup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Join {
    /// `None` when the client has none yet (empty on the wire).
    pub member: Option<MemberId>,
    /// `group.instance.id` (KIP-345).
    pub instance: Option<Arc<str>>,
    pub client_id: Arc<str>,
    /// Kafka shows `/address`.
    pub client_host: Arc<str>,
    /// Randomness for a new member id: this room has none.
    pub fresh: Uuid,
    pub session_ms: i32,
    /// Version 0 has none and means the session timeout.
    pub rebalance_ms: i32,
    pub protocol_type: Arc<str>,
    /// Name and metadata, the client's favourite first.
    pub protocols: Vec<(Arc<str>, Blob)>,
    /// The client can be told its id and asked to come again (version 4 and later, KIP-394).
    pub two_steps: bool,
    /// The client understands `skip_assignment` (version 9 and later, KIP-814).
    pub skips_assignment: bool,
    pub ticket: Ticket,
}

/// SyncGroup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sync {
    pub member: MemberId,
    pub instance: Option<Arc<str>>,
    pub generation: i32,
    /// Checked when given (version 5 and later).
    pub protocol_type: Option<Arc<str>>,
    /// Checked when given (version 5 and later).
    pub protocol: Option<Arc<str>>,
    /// From the leader; empty from the others.
    pub assignments: Vec<(MemberId, Blob)>,
    pub ticket: Ticket,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    pub member: MemberId,
    pub instance: Option<Arc<str>>,
    pub generation: i32,
}

/// One member of a LeaveGroup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaver {
    /// `None` when only the instance is named, as administrators do.
    pub member: Option<MemberId>,
    pub instance: Option<Arc<str>>,
}

/// OffsetCommit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commit {
    /// `None` when the client is no member (empty on the wire).
    pub member: Option<MemberId>,
    pub instance: Option<Arc<str>>,
    /// Negative when the client is no member.
    pub generation: i32,
    /// Who commits, as the node interned it.
    pub writer: u32,
    pub positions: Vec<CommitPosition>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommitPosition {
    pub at: NamedPartition,
    /// Any number: Kafka accepts negative ones and those past the end.
    pub offset: Offset,
    /// Negative is unknown.
    pub leader_epoch: i32,
    /// The client's note.
    pub metadata: Box<str>,
}

/// A partition with the name its topic has: positions are kept by id, subscriptions are by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NamedPartition {
    pub topic: TopicId,
    pub name: TopicName,
    pub partition: i32,
}

/// The direct answer to a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Later. The answer comes out of [`super::Group::take_sends`] with the command's ticket, at the earliest right after
    /// this decision's own facts were applied: register the ticket first. It always comes, if only because time runs out.
    Wait,
    /// At once.
    Now(Answer),
    /// MEMBER_ID_REQUIRED: come again with this id (KIP-394).
    ComeAgain(MemberId),
    /// Heartbeat, Delete, ForgetTopics.
    Done,
    /// Leave: one outcome a member, in the order asked.
    Left(Vec<Result<(), Refusal>>),
    /// Commit and ForgetPositions: one outcome a partition, in the order asked.
    Positions(Vec<Result<(), Refusal>>),
    /// Declined, but not without effect (there are facts).
    Refused(Refusal),
}

/// What a waiting request gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    Joined(Joined),
    Synced(Synced),
    Refused(Refusal),
}

/// A JoinGroup answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Joined {
    pub member: MemberId,
    pub generation: i32,
    pub protocol_type: Arc<str>,
    pub protocol: Arc<str>,
    pub leader: MemberId,
    pub skip_assignment: bool,
    /// For the leader: everybody. Empty for the others.
    pub members: Vec<Joiner>,
}

/// A member as the leader sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Joiner {
    pub member: MemberId,
    pub instance: Option<Arc<str>>,
    pub metadata: Blob,
}

/// A SyncGroup answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Synced {
    pub protocol_type: Arc<str>,
    pub protocol: Arc<str>,
    pub assignment: Blob,
}

/// Every way in which a group declines. Each is one error code of Kafka, named first.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// INVALID_GROUP_ID. Only positions may belong to the group without a name.
    #[error("a group that members join needs a name")]
    NamelessGroup,
    /// INVALID_SESSION_TIMEOUT.
    #[error(
        "session.timeout.ms is {asked}; this broker allows {min} to {max} (group.min.session.timeout.ms, group.max.session.timeout.ms)"
    )]
    SessionTimeout { asked: i32, min: i64, max: i64 },
    /// UNKNOWN_MEMBER_ID: it never was one, or its session ran out, or it left. Clients join again from nothing.
    #[error("the group has no member {0}")]
    UnknownMember(MemberId),
    /// FENCED_INSTANCE_ID: somebody else came with the same `group.instance.id`. Clients stop.
    #[error("the instance {instance} is now the member {now}")]
    FencedInstance { instance: Arc<str>, now: MemberId },
    /// ILLEGAL_GENERATION: the group has moved on. Clients join again.
    #[error("the group is at generation {now}, not {asked}")]
    IllegalGeneration { asked: i32, now: i32 },
    /// REBALANCE_IN_PROGRESS: members are gathering, or the leader has not handed out work yet. Clients join again.
    #[error("the group is rebalancing")]
    Rebalancing,
    /// INCONSISTENT_GROUP_PROTOCOL: nothing that all members speak, or not what was agreed upon.
    #[error("the group's members have no protocol in common with this one")]
    InconsistentProtocol,
    /// GROUP_MAX_SIZE_REACHED.
    #[error("the group has {max} members, and group.max.size allows no more")]
    Full { max: usize },
    /// COORDINATOR_NOT_AVAILABLE: the group is being removed; clients ask again and meet a new one.
    #[error("the group is being removed")]
    Dead,
    /// GROUP_ID_NOT_FOUND.
    #[error("there is no group {0}")]
    NotFound(GroupId),
    /// NON_EMPTY_GROUP.
    #[error("the group has members")]
    NotEmpty,
    /// GROUP_SUBSCRIBED_TO_TOPIC.
    #[error("the group's members read the topic {0}")]
    Subscribed(TopicName),
    /// UNKNOWN_SERVER_ERROR, as in Kafka when the group's record does not fit.
    #[error("the group's members would take {len} bytes, at most {max} are kept")]
    TooLarge { len: usize, max: usize },
    /// OFFSET_METADATA_TOO_LARGE.
    #[error("the note on the position has {len} bytes; offset.metadata.max.bytes allows {max}")]
    MetadataTooLarge { len: usize, max: usize },
}
