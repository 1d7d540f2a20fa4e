//! What a group tells about itself: DescribeGroups, ListGroups, OffsetFetch. Questions; nothing changes.

use std::{collections::VecDeque, sync::Arc};

use super::{Blob, Group, GroupId, MemberId, Past, Position, roster::Phase};
use crate::ids::{TopicId, TopicName};

/// The phase, in Kafka's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PhaseName {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
    Dead,
}

impl PhaseName {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// DescribeGroups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    pub group: GroupId,
    pub phase: PhaseName,
    pub generation: i32,
    /// Empty when it never had members.
    pub protocol_type: Arc<str>,
    /// Empty unless stable.
    pub protocol: Arc<str>,
    pub leader: Option<MemberId>,
    pub members: Vec<MemberDescription>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberDescription {
    pub id: MemberId,
    pub instance: Option<Arc<str>>,
    pub client_id: Arc<str>,
    pub client_host: Arc<str>,
    /// Empty unless stable.
    pub metadata: Blob,
    /// The last one that it was given and that still counts: Kafka shows it while members gather, too.
    pub assignment: Blob,
}

impl Group {
    pub fn phase(&self) -> PhaseName {
        match self.roster.phase {
            Phase::Empty { .. } => PhaseName::Empty,
            Phase::Preparing { .. } => PhaseName::PreparingRebalance,
            Phase::Completing(_) => PhaseName::CompletingRebalance,
            Phase::Stable(_) => PhaseName::Stable,
            Phase::Dead => PhaseName::Dead,
        }
    }

    /// For ListGroups; empty when it never had members.
    pub fn protocol_type(&self) -> &str {
        self.roster.protocol_type.as_deref().unwrap_or_default()
    }

    pub fn describe(&self) -> Description {
        let stable = match &self.roster.phase {
            Phase::Stable(round) => Some(round),
            _ => None,
        };
        let nothing = || Blob::from([]);
        let member = |m: &Arc<super::roster::Member>| MemberDescription {
            id: m.id.clone(),
            instance: m.instance.clone(),
            client_id: Arc::clone(&m.client_id),
            client_host: Arc::clone(&m.client_host),
            metadata: stable.map_or_else(nothing, |round| m.metadata(&round.protocol)),
            assignment: Arc::clone(&m.assignment),
        };
        Description {
            group: self.id.clone(),
            phase: self.phase(),
            generation: self.roster.generation,
            protocol_type: self.roster.protocol_type.clone().unwrap_or_else(|| "".into()),
            protocol: stable.map_or_else(|| "".into(), |round| Arc::clone(&round.protocol)),
            leader: self.roster.round().map(|round| round.leader.clone()),
            members: self.roster.members.values().map(member).collect(),
        }
    }

    /// OffsetFetch of one partition.
    pub fn position(&self, topic: TopicId, partition: i32) -> Option<&Position> {
        self.positions.get(topic, partition)
    }

    /// OffsetFetch of everything. The name is the one that the topic had at the last commit.
    pub fn positions(&self) -> impl Iterator<Item = (TopicId, &TopicName, i32, &Position)> {
        self.positions.iter()
    }

    /// Where the group was before, oldest first.
    pub fn history(&self, topic: TopicId, partition: i32) -> Option<&VecDeque<Past>> {
        self.position(topic, partition).map(|p| &p.history)
    }

    /// How many members it has, for gauges.
    pub fn members(&self) -> usize {
        self.roster.members.len()
    }
}
