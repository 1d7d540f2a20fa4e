//! Storing with the group how far its member is.

use std::{collections::BTreeMap, time::Instant};

use milena_wire::{
    ErrorCode, OffsetCommitRequest, OffsetCommitResponse, Text, Uuid,
    offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
};

use super::{GroupConsumer, Partition};
use crate::{Error, Lane, Node, Result};

/// What is to be stored.
type Offsets = BTreeMap<Partition, i64>;

/// Version 10 names topics by id.
const LAST_BY_NAME: i16 = 9;

impl GroupConsumer {
    /// Stores with the group that everything handed out so far is done, and where this member began in partitions that had no
    /// position.
    ///
    /// A partition that is refused does not hold back the others: they are stored, its error is given, and it goes along with
    /// the next commit.
    ///
    /// After a rebalance that this member has not seen yet the broker refuses (ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS
    /// or UNKNOWN_MEMBER_ID): then what was handed out since the last commit will be handed out again, to whoever has the
    /// partition. After a rebalance that it has seen, in a call of `next`, there is nothing to be stored of what was before.
    pub async fn commit(&mut self) -> Result<()> {
        // Before it is done: callers who never wait that long would else do nothing but commit.
        self.committed_at = Instant::now();
        let unstored = self.places.iter().filter(|(_, place)| !place.stored);
        let mut left: Offsets = unstored.map(|(partition, place)| (partition.clone(), place.next)).collect();
        let mut backoff = self.cluster.backoff(format!("commit to group {:?}", &*self.group));
        let mut refused = Ok(());
        while !left.is_empty() {
            let passing = match self.commit_once(&left).await {
                Ok(said) => self.sort_out(said, &mut left, &mut refused)?,
                Err(error) => Some(error),
            };
            if let Some(error) = passing {
                self.unlearn(&left, &error);
                backoff.pause(error).await?;
            }
        }
        refused
    }

    /// Takes from `left` what is stored and what was refused for good. Gives why the rest may be tried again.
    fn sort_out(&mut self, said: Vec<(Partition, Said)>, left: &mut Offsets, refused: &mut Result<()>) -> Result<Option<Error>> {
        let mut passing = None;
        for (partition, said) in said {
            match said {
                Said::Stored => {
                    left.remove(&partition);
                    self.begun.remove(&partition);
                    self.places.entry(partition).and_modify(|place| place.stored = true);
                }
                Said::Passing(error) => passing = Some(error),
                Said::Refused(error) => {
                    left.remove(&partition);
                    if refused.is_ok() {
                        *refused = Err(error);
                    }
                }
                Said::Lost(error) => {
                    self.member.lose("a commit was refused");
                    return Err(error);
                }
            }
        }
        Ok(passing)
    }

    async fn commit_once(&self, offsets: &Offsets) -> Result<Vec<(Partition, Said)>> {
        let mut topics = topics(offsets);
        for topic in &mut topics {
            topic.topic_id = match self.cluster.topic_id(&topic.name).await {
                Ok(id) => id,
                Err(error) if error.is_retriable() => return Err(error),
                // The broker will say the same of its partitions, and only of them.
                Err(_) => Uuid::nil(),
            };
        }
        let ids: BTreeMap<Text, Uuid> = topics.iter().map(|topic| (topic.name.clone(), topic.topic_id)).collect();
        let nameless = ids.values().any(|id| id.is_nil());
        let connection = self.cluster.connection(&self.coordinator(), Lane::Main).await?;
        let version = connection.version_to::<OffsetCommitRequest>(if nameless { LAST_BY_NAME } else { i16::MAX })?;
        let request = OffsetCommitRequest {
            group_id: self.group.clone(),
            generation_id_or_member_epoch: self.member.generation(),
            member_id: self.member.id(),
            group_instance_id: self.config.instance.clone().filter(|_| version >= 7),
            topics,
            ..Default::default()
        };
        let response = connection.send_version(&request, version).await?;
        let of = |partition: &Partition| (partition.clone(), said(&response, partition, ids[&partition.0]));
        Ok(offsets.keys().map(of).collect())
    }

    fn coordinator(&self) -> Node {
        Node::Group(self.group.clone())
    }

    /// Forgets what an error proves wrong.
    fn unlearn(&self, left: &Offsets, error: &Error) {
        match error.code() {
            Some(ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE) => {
                self.cluster.forget_coordinator(&self.coordinator());
            }
            Some(ErrorCode::UNKNOWN_TOPIC_ID) => left.keys().for_each(|(topic, _)| self.cluster.forget_topic(topic)),
            _ if error.is_connection() => self.cluster.forget_coordinator(&self.coordinator()),
            _ => {}
        }
    }

    /// When to commit without being told; `None` when that is never, or there is nothing to be stored.
    pub(super) fn commit_due(&self) -> Option<Instant> {
        let every = self.config.auto_commit?;
        let unstored = self.places.values().any(|place| !place.stored);
        unstored.then(|| self.committed_at.checked_add(every)).flatten()
    }

    /// A commit that comes too late for a rebalance is no error: what it would have stored is handed out again.
    pub(super) async fn commit_by_itself(&mut self) -> Result<()> {
        let committed = self.commit().await;
        // However long it took, reading has its turn before the next.
        self.committed_at = Instant::now();
        match committed {
            Err(error) if self.member.must_join()?.is_none() => Err(error),
            _ => Ok(()),
        }
    }
}

/// What the coordinator said of one partition.
#[derive(Debug)]
enum Said {
    Stored,
    /// May be stored a little later.
    Passing(Error),
    Refused(Error),
    /// The partitions are this member's no more.
    Lost(Error),
}

fn said(response: &OffsetCommitResponse, (topic, partition): &Partition, id: Uuid) -> Said {
    let named = response.topics.iter().filter(|t| if t.topic_id.is_nil() { t.name == *topic } else { t.topic_id == id });
    let Some(found) = named.flat_map(|t| &t.partitions).find(|p| p.partition_index == *partition) else {
        return Said::Refused(Error::Invalid(format!("the broker did not answer for the commit of {topic}-{partition}")));
    };
    let Err(error) = Error::check(found.error_code, None, || format!("commit of {topic}-{partition}")) else {
        return Said::Stored;
    };
    match ErrorCode(found.error_code) {
        ErrorCode::ILLEGAL_GENERATION | ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::REBALANCE_IN_PROGRESS => Said::Lost(error),
        // Retriable for who reads and writes; here it was read from already, and is gone.
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => Said::Refused(error),
        _ if error.is_retriable() => Said::Passing(error),
        _ => Said::Refused(error),
    }
}

fn topics(offsets: &Offsets) -> Vec<OffsetCommitRequestTopic> {
    let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
    for ((topic, partition), offset) in offsets {
        let partition = OffsetCommitRequestPartition {
            partition_index: *partition,
            committed_offset: *offset,
            committed_metadata: Some(Text::default()),
            ..Default::default()
        };
        match topics.last_mut().filter(|t| t.name == *topic) {
            Some(topic) => topic.partitions.push(partition),
            None => {
                topics.push(OffsetCommitRequestTopic { name: topic.clone(), partitions: vec![partition], ..Default::default() })
            }
        }
    }
    topics
}

#[cfg(test)]
mod tests {
    use milena_wire::offset_commit::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};

    use super::*;

    #[test]
    fn each_partition_has_its_own_answer() {
        let codes = [0, 3, 14, 22, 29];
        let partition = |(n, code)| OffsetCommitResponsePartition { partition_index: n, error_code: code, ..Default::default() };
        let partitions: Vec<_> = (0..).zip(codes).map(partition).collect();
        let by_name = OffsetCommitResponseTopic { name: "t".into(), partitions, ..Default::default() };
        let id = Uuid::from_u128(1);
        let by_id = OffsetCommitResponseTopic { name: Text::default(), topic_id: id, ..by_name.clone() };
        for topic in [by_name, by_id] {
            let response = OffsetCommitResponse { topics: vec![topic], ..Default::default() };
            let of = |n| said(&response, &("t".into(), n), id);
            assert!(matches!(of(0), Said::Stored));
            assert!(matches!(of(1), Said::Refused(_)), "an unknown partition");
            assert!(matches!(of(2), Said::Passing(_)), "a coordinator that loads");
            assert!(matches!(of(3), Said::Lost(_)), "an old generation");
            assert!(matches!(of(4), Said::Refused(_)), "a topic that may not be read");
            assert!(matches!(of(5), Said::Refused(Error::Invalid(_))), "no answer");
        }
    }
}
