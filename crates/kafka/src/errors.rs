//! The one place that knows which Kafka error code a refusal becomes. Exhaustive: a new refusal does not compile until
//! somebody has decided what clients are told.

use milena_engine::{
    group,
    partition::{DeleteRefusal, Refusal},
    settings, share, topic,
};
use milena_node::{AppendRefusal, DeleteRecordsRefusal, NoRoom, ReadError, ReadRefusal, TakeRefusal};
use milena_record::Flaw;
use milena_wire::ErrorCode;

/// A refusal that has a code of Kafka.
pub(crate) trait Code {
    fn code(&self) -> ErrorCode;
}

impl Code for Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            Refusal::BaseOffsetNotZero(_)
            | Refusal::CountMismatch { .. }
            | Refusal::ControlBatch
            | Refusal::NoSequence { .. }
            | Refusal::NoKey => ErrorCode::INVALID_RECORD,
            Refusal::TooLarge { .. } => ErrorCode::MESSAGE_TOO_LARGE,
            Refusal::TooOld { .. } | Refusal::TooNew { .. } | Refusal::AppendTime => ErrorCode::INVALID_TIMESTAMP,
            Refusal::Transactional => ErrorCode::INVALID_TXN_STATE,
            Refusal::FencedProducer { .. } => ErrorCode::INVALID_PRODUCER_EPOCH,
            Refusal::EpochBeginsElsewhere { .. } | Refusal::OutOfOrder { .. } | Refusal::DuplicateTooOld { .. } => {
                ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
            }
            Refusal::OffsetsUsedUp => ErrorCode::KAFKA_STORAGE_ERROR,
        }
    }
}

impl Code for Flaw {
    fn code(&self) -> ErrorCode {
        match self {
            Flaw::NoBatch
            | Flaw::SecondBatch
            | Flaw::Magic(0 | 1)
            | Flaw::BaseOffset(_)
            | Flaw::Control
            | Flaw::Count(_)
            | Flaw::OffsetRange { .. } => ErrorCode::INVALID_RECORD,
            Flaw::Truncated { .. } | Flaw::Length(_) | Flaw::Magic(_) | Flaw::Crc { .. } => ErrorCode::CORRUPT_MESSAGE,
            Flaw::TooLarge { .. } | Flaw::Bomb { .. } => ErrorCode::MESSAGE_TOO_LARGE,
            Flaw::Codec(_) | Flaw::Compressed { .. } => ErrorCode::UNKNOWN_SERVER_ERROR,
            Flaw::Record { flaw, .. } => record_code(*flaw),
        }
    }
}

fn record_code(flaw: milena_record::RecordFlaw) -> ErrorCode {
    use milena_record::RecordFlaw;
    match flaw {
        // Kafka notices these while it unpacks, and has no word for them.
        RecordFlaw::OffsetDelta { .. } => ErrorCode::UNKNOWN_SERVER_ERROR,
        RecordFlaw::Truncated
        | RecordFlaw::Varint
        | RecordFlaw::Length(_)
        | RecordFlaw::LengthLies { .. }
        | RecordFlaw::KeyLength(_)
        | RecordFlaw::ValueLength(_)
        | RecordFlaw::HeaderCount(_)
        | RecordFlaw::HeaderKey(_)
        | RecordFlaw::HeaderValue(_)
        | RecordFlaw::NullKey
        | RecordFlaw::Missing { .. }
        | RecordFlaw::Surplus(_)
        | RecordFlaw::Crc { .. }
        | RecordFlaw::Nested { .. } => ErrorCode::INVALID_RECORD,
    }
}

impl Code for AppendRefusal {
    fn code(&self) -> ErrorCode {
        match self {
            AppendRefusal::Gone => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            AppendRefusal::Kept => ErrorCode::TOPIC_AUTHORIZATION_FAILED,
            AppendRefusal::Internal(_) => ErrorCode::INVALID_TOPIC_EXCEPTION,
            AppendRefusal::Flaw(flaw) => flaw.code(),
            AppendRefusal::Refused(refusal) => refusal.code(),
            // It grew by being packed anew while the log is full: clients come again.
            AppendRefusal::Room { .. } | AppendRefusal::Dead(_) => ErrorCode::KAFKA_STORAGE_ERROR,
        }
    }
}

impl Code for NoRoom {
    fn code(&self) -> ErrorCode {
        match self {
            NoRoom::TooLarge { .. } => ErrorCode::MESSAGE_TOO_LARGE,
            NoRoom::NoLog(refusal) => refusal.code(),
            NoRoom::DiskFull { .. } | NoRoom::Dead(_) => ErrorCode::KAFKA_STORAGE_ERROR,
        }
    }
}

impl Code for ReadRefusal {
    fn code(&self) -> ErrorCode {
        match self {
            ReadRefusal::Gone => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            ReadRefusal::Fenced(_) => ErrorCode::FENCED_LEADER_EPOCH,
            ReadRefusal::UnknownEpoch(_) => ErrorCode::UNKNOWN_LEADER_EPOCH,
            ReadRefusal::OutOfRange { .. } => ErrorCode::OFFSET_OUT_OF_RANGE,
        }
    }
}

impl Code for ReadError {
    fn code(&self) -> ErrorCode {
        match self {
            ReadError::Damaged { .. } => ErrorCode::CORRUPT_MESSAGE,
            ReadError::NoLog => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            ReadError::WouldBlock | ReadError::Fault(_) => ErrorCode::KAFKA_STORAGE_ERROR,
        }
    }
}

impl Code for DeleteRecordsRefusal {
    fn code(&self) -> ErrorCode {
        match self {
            DeleteRecordsRefusal::Gone => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            DeleteRecordsRefusal::Kept => ErrorCode::TOPIC_AUTHORIZATION_FAILED,
            DeleteRecordsRefusal::Refused(DeleteRefusal::OutOfRange { .. }) => ErrorCode::OFFSET_OUT_OF_RANGE,
            DeleteRecordsRefusal::Refused(DeleteRefusal::Policy) => ErrorCode::POLICY_VIOLATION,
        }
    }
}

impl Code for topic::Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            topic::Refusal::UnknownName(_) | topic::Refusal::NotAutoCreated(_) | topic::Refusal::NotInTrash(_) => {
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            }
            topic::Refusal::UnknownId(_) => ErrorCode::UNKNOWN_TOPIC_ID,
            topic::Refusal::Exists(_) | topic::Refusal::NameTaken(_) => ErrorCode::TOPIC_ALREADY_EXISTS,
            topic::Refusal::BadName(_) | topic::Refusal::Collides { .. } | topic::Refusal::Controllers => {
                ErrorCode::INVALID_TOPIC_EXCEPTION
            }
            topic::Refusal::BadId(_) => ErrorCode::UNKNOWN_SERVER_ERROR,
            topic::Refusal::NoPartitions | topic::Refusal::SamePartitions(_) | topic::Refusal::FewerPartitions { .. } => {
                ErrorCode::INVALID_PARTITIONS
            }
            topic::Refusal::NoReplicas | topic::Refusal::TooManyReplicas(_) => ErrorCode::INVALID_REPLICATION_FACTOR,
            topic::Refusal::AssignedTwice(_) => ErrorCode::INVALID_REQUEST,
            topic::Refusal::BadAssignment(_) => ErrorCode::INVALID_REPLICA_ASSIGNMENT,
            topic::Refusal::TooManyInRequest | topic::Refusal::TooManyPartitions { .. } => ErrorCode::POLICY_VIOLATION,
            topic::Refusal::TooManyGroups { .. } => ErrorCode::COORDINATOR_NOT_AVAILABLE,
            topic::Refusal::Setting(refusal) => setting_code(refusal, Noun::Topic),
            topic::Refusal::DeletionDisabled => ErrorCode::TOPIC_DELETION_DISABLED,
            topic::Refusal::Kept(_) => ErrorCode::TOPIC_AUTHORIZATION_FAILED,
            topic::Refusal::GroupNameTooLong { .. } => ErrorCode::INVALID_GROUP_ID,
        }
    }
}

/// Whose setting was refused: Kafka has another code for the same mistake on a broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Noun {
    Topic,
    Broker,
}

pub(crate) fn setting_code(refusal: &settings::Refusal, noun: Noun) -> ErrorCode {
    use settings::Refusal;
    match refusal {
        Refusal::BadValue { .. } if noun == Noun::Broker => ErrorCode::INVALID_REQUEST,
        Refusal::BadValue { .. } | Refusal::Unknown { .. } | Refusal::NotAList { .. } | Refusal::Conflict(_) => {
            ErrorCode::INVALID_CONFIG
        }
        Refusal::NullValue { .. }
        | Refusal::Twice { .. }
        | Refusal::ReadOnly { .. }
        | Refusal::NeedsBroker { .. }
        | Refusal::NeedsListener { .. }
        | Refusal::UnknownMetrics { .. }
        | Refusal::BadInterval { .. }
        | Refusal::Step(_) => ErrorCode::INVALID_REQUEST,
        Refusal::TooManyResources { .. } => ErrorCode::POLICY_VIOLATION,
    }
}

/// A code and the words that go with it.
pub(crate) type Told = (ErrorCode, String);

/// What is told of a verb that was refused, or could not even be tried.
pub(crate) fn told<T, R: Code + std::fmt::Display>(answer: Result<Result<T, R>, NoRoom>) -> Result<T, Told> {
    match answer {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(refusal)) => Err((refusal.code(), refusal.to_string())),
        Err(no_room) => Err((no_room.code(), no_room.to_string())),
    }
}

impl Code for group::Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            group::Refusal::NamelessGroup => ErrorCode::INVALID_GROUP_ID,
            group::Refusal::SessionTimeout { .. } => ErrorCode::INVALID_SESSION_TIMEOUT,
            group::Refusal::UnknownMember(_) => ErrorCode::UNKNOWN_MEMBER_ID,
            group::Refusal::FencedInstance { .. } => ErrorCode::FENCED_INSTANCE_ID,
            group::Refusal::IllegalGeneration { .. } => ErrorCode::ILLEGAL_GENERATION,
            group::Refusal::Rebalancing => ErrorCode::REBALANCE_IN_PROGRESS,
            group::Refusal::InconsistentProtocol => ErrorCode::INCONSISTENT_GROUP_PROTOCOL,
            group::Refusal::Full { .. } => ErrorCode::GROUP_MAX_SIZE_REACHED,
            group::Refusal::Dead => ErrorCode::COORDINATOR_NOT_AVAILABLE,
            group::Refusal::NotFound(_) => ErrorCode::GROUP_ID_NOT_FOUND,
            group::Refusal::NotEmpty => ErrorCode::NON_EMPTY_GROUP,
            group::Refusal::Subscribed(_) => ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC,
            group::Refusal::TooLarge { .. } => ErrorCode::UNKNOWN_SERVER_ERROR,
            group::Refusal::MetadataTooLarge { .. } => ErrorCode::OFFSET_METADATA_TOO_LARGE,
        }
    }
}

impl Code for share::Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            share::Refusal::Invalid(_) => ErrorCode::INVALID_REQUEST,
            share::Refusal::UnknownMember(_) => ErrorCode::UNKNOWN_MEMBER_ID,
            share::Refusal::Fenced { .. } => ErrorCode::FENCED_MEMBER_EPOCH,
            share::Refusal::Full { .. } => ErrorCode::GROUP_MAX_SIZE_REACHED,
            share::Refusal::RecordState(_) => ErrorCode::INVALID_RECORD_STATE,
            share::Refusal::NotBegun => ErrorCode::NOT_LEADER_OR_FOLLOWER,
            share::Refusal::NotEmpty | share::Refusal::LettersWait { .. } => ErrorCode::NON_EMPTY_GROUP,
            share::Refusal::NotFound(_) | share::Refusal::OtherKind(_) => ErrorCode::GROUP_ID_NOT_FOUND,
            share::Refusal::TooMany { .. } => ErrorCode::UNKNOWN_SERVER_ERROR,
        }
    }
}

impl Code for TakeRefusal {
    fn code(&self) -> ErrorCode {
        match self {
            TakeRefusal::Gone => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            TakeRefusal::Refused(refusal) => refusal.code(),
            TakeRefusal::Read(error) => error.code(),
            TakeRefusal::NoRoom(no) => no.code(),
        }
    }
}
