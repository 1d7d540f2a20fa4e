//! Why the catalog declines.

use super::CONTROLLERS_TOPIC;
use crate::{
    ids::{BadTopicName, TopicId},
    settings,
};

/// Each maps to one error code of Kafka, named first.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// UNKNOWN_TOPIC_OR_PARTITION.
    #[error("there is no topic {0:?}")]
    UnknownName(String),
    /// UNKNOWN_TOPIC_ID.
    #[error("there is no topic with id {id}", id = .0.0)]
    UnknownId(TopicId),
    /// TOPIC_ALREADY_EXISTS.
    #[error("Topic '{0}' already exists.")]
    Exists(String),
    /// INVALID_TOPIC_EXCEPTION.
    #[error(transparent)]
    BadName(#[from] BadTopicName),
    /// INVALID_TOPIC_EXCEPTION; INVALID_REQUEST for CreateTopics.
    #[error("Creation of internal topic {CONTROLLERS_TOPIC} is prohibited.")]
    Controllers,
    /// INVALID_TOPIC_EXCEPTION.
    #[error("Topic '{name}' collides with existing topic: {other}")]
    Collides { name: String, other: String },
    /// UNKNOWN_SERVER_ERROR: the caller gave an id that is zero or in use; ids are drawn at random, so draw again.
    #[error("topic id {id} cannot be used", id = .0.0)]
    BadId(TopicId),
    /// INVALID_PARTITIONS.
    #[error("Number of partitions was set to an invalid non-positive value.")]
    NoPartitions,
    /// INVALID_REPLICATION_FACTOR.
    #[error("Replication factor must be larger than 0, or -1 to use the default value.")]
    NoReplicas,
    /// INVALID_REPLICATION_FACTOR.
    #[error(
        "Unable to replicate the partition {0} time(s): The target replication factor of {0} cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned."
    )]
    TooManyReplicas(i16),
    /// INVALID_REQUEST.
    #[error("A manual partition assignment was specified, but {0} was not set to -1.")]
    AssignedTwice(&'static str),
    /// INVALID_REPLICA_ASSIGNMENT.
    #[error("{0}")]
    BadAssignment(String),
    /// INVALID_PARTITIONS.
    #[error("Topic already has {0} partition(s).")]
    SamePartitions(u32),
    /// INVALID_PARTITIONS.
    #[error("The topic {name} currently has {has} partition(s); {asked} would not be an increase.")]
    FewerPartitions { name: String, has: u32, asked: i32 },
    /// POLICY_VIOLATION for CreateTopics, UNKNOWN_SERVER_ERROR for CreatePartitions, as Kafka has it.
    #[error("Excessively large number of partitions per request.")]
    TooManyInRequest,
    /// POLICY_VIOLATION.
    #[error("this broker holds at most {max} partitions, those of deleted topics that can be restored included")]
    TooManyPartitions { max: usize },
    /// As the settings' refusal says.
    #[error(transparent)]
    Setting(#[from] settings::Refusal),
    /// UNKNOWN_TOPIC_OR_PARTITION: auto.create.topics.enable is false.
    #[error("topic {0:?} does not exist, and auto.create.topics.enable is false")]
    NotAutoCreated(String),
    /// TOPIC_DELETION_DISABLED.
    #[error("Topic deletion is disabled.")]
    DeletionDisabled,
    /// UNKNOWN_TOPIC_OR_PARTITION.
    #[error("no deleted topic {0:?} can be restored; it was purged, or it never existed")]
    NotInTrash(String),
    /// TOPIC_ALREADY_EXISTS.
    #[error("a topic {0:?} was created meanwhile; restore the old one under another name")]
    NameTaken(String),
    /// TOPIC_AUTHORIZATION_FAILED: clients read it, and the registry writes it.
    #[error("topic {0:?} belongs to the schema registry, which alone changes it")]
    Kept(String),
    /// INVALID_GROUP_ID.
    #[error("a group's name has at most 32767 bytes, this one has {bytes}")]
    GroupNameTooLong { bytes: usize },
    /// COORDINATOR_NOT_AVAILABLE: nothing in Kafka says this; deleting groups helps.
    #[error("this broker holds at most {max} groups")]
    TooManyGroups { max: usize },
}
