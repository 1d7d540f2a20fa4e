//! What can become true of a group for good: one file a fact, bytes that every later release can read.
//! What lasts only while the broker runs (sessions, who waits) is [`super::Soft`] and never written.

pub mod generation_began;
pub mod generation_settled;
pub mod group_deleted;
pub mod group_emptied;
pub mod positions_committed;
pub mod positions_forgotten;
pub mod topic_named;

pub use generation_began::GenerationBegan;
pub use generation_settled::{GenerationSettled, SettledMember};
pub use group_deleted::GroupDeleted;
pub use group_emptied::GroupEmptied;
pub use positions_committed::{PartitionPosition, PositionsCommitted};
pub use positions_forgotten::{Forgetting, PositionsForgotten};
pub use topic_named::TopicNamed;

crate::fact::facts! {
    /// What can become true of a group for good.
    pub enum GroupFact of "group" {
        GenerationBegan, GenerationSettled, GroupEmptied, TopicNamed, PositionsCommitted, PositionsForgotten, GroupDeleted,
    }
}

#[cfg(test)]
mod tests;
