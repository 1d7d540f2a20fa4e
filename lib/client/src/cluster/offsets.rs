//! Asking leaders for offsets: the ends of a log, and where a time begins in it.

use std::collections::BTreeMap;

use milena_wire::{
    ListOffsetsRequest, Text,
    list_offsets::{ListOffsetsPartition, ListOffsetsTopic},
};

use super::{Cluster, Lane, Node};
use crate::{Error, Pending, Result};

/// A place in a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    /// The first offset that is kept.
    Start,
    /// The next offset to be read by everybody (by readers of committed data, if so asked).
    End,
    /// The record with the greatest timestamp (from Kafka 3.0).
    MaxTimestamp,
    /// The first record at this time or later, in milliseconds since 1970.
    Time(i64),
}

impl At {
    fn wire(self) -> i64 {
        match self {
            Self::Start => -2,
            Self::End => -1,
            Self::MaxTimestamp => -3,
            Self::Time(time) => time.max(0),
        }
    }
}

/// What is at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listed {
    /// `None`: no record is that late.
    pub offset: Option<i64>,
    /// The time of the record there, where one was asked by time.
    pub timestamp: Option<i64>,
}

impl Cluster {
    /// Offsets of places, in the order in which they are asked. `committed`: ends are those for readers of committed data.
    /// Waits out elections. Each partition may be asked once.
    pub async fn list_offsets(&self, asked: &[(Text, i32, At)], committed: bool) -> Result<Vec<Listed>> {
        let mut found: Vec<Option<Listed>> = vec![None; asked.len()];
        let mut backoff = self.backoff("offsets");
        loop {
            let mut trouble = None;
            let missing = (0..asked.len()).filter(|n| found[*n].is_none());
            let mut by_leader: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
            for n in missing {
                match self.leader(&asked[n].0, asked[n].1).await {
                    Ok(leader) => by_leader.entry(leader).or_default().push(n),
                    Err(error) => trouble = Some(error),
                }
            }
            let mut pending = Vec::new();
            for (leader, which) in by_leader {
                match self.ask_offsets(leader, asked, &which, committed).await {
                    Ok(request) => pending.push((which, request)),
                    Err(error) => {
                        // It may lead no more.
                        which.iter().for_each(|n| self.forget_topic(&asked[*n].0));
                        trouble = Some(error);
                    }
                }
            }
            for (which, request) in pending {
                if let Err(error) = self.read_offsets(asked, &which, request, &mut found).await {
                    which.iter().for_each(|n| self.forget_topic(&asked[*n].0));
                    trouble = Some(error);
                }
            }
            match trouble {
                Some(error) => backoff.pause(error).await?,
                None => return Ok(found.into_iter().flatten().collect()),
            }
        }
    }

    async fn ask_offsets(
        &self,
        leader: i32,
        asked: &[(Text, i32, At)],
        which: &[usize],
        committed: bool,
    ) -> Result<Pending<ListOffsetsRequest>> {
        let connection = self.connection(&Node::Id(leader), Lane::Main).await?;
        let version = connection.version::<ListOffsetsRequest>()?;
        let mut topics: Vec<ListOffsetsTopic> = Vec::new();
        for (topic, partition, at) in which.iter().map(|n| &asked[*n]) {
            let partition = ListOffsetsPartition { partition_index: *partition, timestamp: at.wire(), ..Default::default() };
            match topics.iter_mut().find(|t| t.name == *topic) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(ListOffsetsTopic { name: topic.clone(), partitions: vec![partition], ..Default::default() }),
            }
        }
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level: i8::from(committed && version >= 2),
            topics,
            timeout_ms: self.config().options.timeout_ms(),
            ..Default::default()
        };
        connection.start(&request, version)
    }

    async fn read_offsets(
        &self,
        asked: &[(Text, i32, At)],
        which: &[usize],
        request: Pending<ListOffsetsRequest>,
        found: &mut [Option<Listed>],
    ) -> Result<()> {
        let response = request.answer().await?;
        let mut trouble = Ok(());
        for &n in which {
            let (topic, partition, _) = &asked[n];
            let answer = response
                .topics
                .iter()
                .filter(|t| t.name == *topic)
                .flat_map(|t| &t.partitions)
                .find(|p| p.partition_index == *partition);
            let Some(answer) = answer else {
                return Err(Error::Invalid(format!("the broker did not answer for {topic}-{partition}")));
            };
            match Error::check(answer.error_code, None, || format!("offsets of {topic}-{partition}")) {
                Ok(()) => {
                    found[n] = Some(Listed {
                        offset: (answer.offset >= 0).then_some(answer.offset),
                        timestamp: (answer.timestamp >= 0).then_some(answer.timestamp),
                    });
                }
                Err(error) => trouble = Err(error),
            }
        }
        trouble
    }
}
