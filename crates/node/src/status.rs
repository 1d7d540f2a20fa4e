//! What a node tells about itself, for `status`, metrics and the console. Knows where the numbers are; how they are shown
//! is the doors' business. Nothing here is kept up to date by itself: it is counted when asked for.

use std::sync::Arc;

use milena_engine::ids::TopicName;
use milena_store::{Gauges, Recovered};

use crate::{node::Node, partition::View, release::Dead, room::DiskState, topics::Topic};

/// The whole in a few numbers.
#[derive(Clone, Debug)]
pub struct Status {
    pub node_id: i32,
    /// Wall-clock milliseconds.
    pub started_at: i64,
    pub now: i64,
    /// Milliseconds that the system's clock is ahead of ours.
    pub skew: i64,
    pub topics: usize,
    pub partitions: usize,
    /// Deleted topics that can still be restored.
    pub trash: usize,
    pub groups: usize,
    pub members: usize,
    pub disk: DiskState,
    pub store: Gauges,
    /// What the start found.
    pub recovered: Recovered,
    /// Why nothing is acknowledged any more, if the store has stopped.
    pub dead: Option<String>,
}

/// One partition as it stands.
#[derive(Clone, Copy, Debug)]
pub struct PartitionStatus {
    pub index: i32,
    pub view: View,
    /// Payload bytes that take space, those that expired and were not given back included.
    pub bytes: u64,
    /// When the next batch goes, in wall-clock milliseconds, if one will.
    pub next_expiry: Option<i64>,
}

/// How far a group is behind in one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lag {
    pub topic: TopicName,
    pub partition: i32,
    pub position: i64,
    /// `None`: there is no such partition any more.
    pub high: Option<i64>,
    /// When the position was committed, in wall-clock milliseconds.
    pub at: i64,
}

impl Lag {
    /// Records between the position and the end.
    pub fn records(&self) -> Option<i64> {
        self.high.map(|high| (high - self.position).max(0))
    }
}

impl Node {
    pub fn status(&self) -> Status {
        let (topics, partitions) = self.0.table.count();
        let groups = self.groups();
        let now = self.now().wall;
        Status {
            node_id: self.node_id(),
            started_at: self.0.started_at,
            now,
            skew: self.0.clock.skew(),
            topics,
            partitions,
            trash: self.0.catalog.hold().machine.trash().count(),
            groups: groups.len(),
            members: groups.iter().map(|group| group.members).sum(),
            disk: self.disk_state(),
            store: self.gauges(),
            recovered: self.0.recovered.clone(),
            dead: self.alive().err().map(|dead| dead.to_string()),
        }
    }

    /// What the start found in the store.
    pub fn recovered(&self) -> &Recovered {
        &self.0.recovered
    }

    /// Every partition of a topic as it stands.
    pub fn partition_status(&self, topic: &Topic) -> Vec<PartitionStatus> {
        let bytes = |log| self.hub().store().bounds(log).map_or(0, |bounds| bounds.bytes);
        let status = |partition: &Arc<crate::partition::Partition>| {
            let (view, next_expiry) = {
                let state = partition.hold();
                let expires = topic.policy.ms.is_some() && state.view().start < state.view().high;
                (state.view(), state.retention.next().filter(|_| expires))
            };
            PartitionStatus { index: partition.index(), view, bytes: bytes(partition.log()), next_expiry }
        };
        topic.partitions.iter().map(status).collect()
    }

    /// How far a group is behind, by topic and partition. `None`: there is no such group.
    pub async fn lags(&self, group: &str) -> Result<Option<Vec<Lag>>, Dead> {
        let positions = self.ask_group(group, |group| {
            let of = |(id, _, partition, position): (_, _, i32, &milena_engine::group::Position)| {
                (id, partition, position.offset, position.at)
            };
            group.positions().map(of).collect::<Vec<_>>()
        });
        let Some(positions) = positions.await? else { return Ok(None) };
        let lag = |(id, partition, position, at)| {
            // Positions of a topic in the trash come back with it; until then nobody sees them.
            let topic = self.topic_by_id(id)?;
            let high = topic.partition(partition).and_then(|p| p.view()).map(|view| view.high);
            Some(Lag { topic: topic.name.clone(), partition, position, high, at })
        };
        Ok(Some(positions.into_iter().filter_map(lag).collect()))
    }
}
