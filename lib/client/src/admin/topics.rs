//! Topics: made, enlarged, deleted; records cut off at the front.

use milena_wire::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest, DeleteTopicsRequest, Text, Uuid,
    create_partitions::CreatePartitionsTopic,
    create_topics::{CreatableTopic, CreatableTopicConfig},
    delete_records::{DeleteRecordsPartition, DeleteRecordsTopic},
    delete_topics::DeleteTopicState,
};

use super::{Admin, Kind, Said, given, worst};
use crate::{Error, Node, Result};

/// A topic to be made.
#[derive(Clone, Debug)]
pub struct NewTopic {
    pub name: Text,
    /// -1: the broker's default (from Kafka 2.4).
    pub partitions: i32,
    /// -1: the broker's default (from Kafka 2.4).
    pub replication: i16,
    pub configs: Vec<(Text, Text)>,
}

impl NewTopic {
    /// With the broker's defaults.
    pub fn new(name: impl Into<Text>) -> Self {
        Self { name: name.into(), partitions: -1, replication: -1, configs: Vec::new() }
    }
}

/// A topic as it was made.
#[derive(Clone, Debug)]
pub struct Created {
    /// Zero where the broker is older than topic ids, or only validated.
    pub id: Uuid,
    /// -1 where the broker does not say.
    pub partitions: i32,
    pub replication: i16,
}

impl Admin {
    /// Makes a topic; `validate_only` asks whether it could.
    pub async fn create_topic(&self, topic: &NewTopic, validate_only: bool) -> Result<Created> {
        let config = |(name, value): &(Text, Text)| CreatableTopicConfig {
            name: name.clone(),
            value: Some(value.clone()),
            ..Default::default()
        };
        let creatable = CreatableTopic {
            name: topic.name.clone(),
            num_partitions: topic.partitions,
            replication_factor: topic.replication,
            configs: topic.configs.iter().map(config).collect(),
            ..Default::default()
        };
        let build = |_| CreateTopicsRequest {
            topics: vec![creatable.clone()],
            timeout_ms: self.timeout_ms(),
            validate_only,
            ..Default::default()
        };
        let about = format!("topic {:?}", &*topic.name);
        let response = self
            .call(Kind::Changes, &Node::Controller, &about, build, |r| {
                worst(r.topics.iter().map(|t| Said::new(t.error_code, t.error_message.as_ref())))
            })
            .await?;
        let made = given(response.topics.into_iter().next(), &about)?;
        Ok(Created { id: made.topic_id, partitions: made.num_partitions, replication: made.replication_factor })
    }

    /// Deletes a topic.
    pub async fn delete_topic(&self, name: &Text) -> Result<()> {
        let build = |version| DeleteTopicsRequest {
            // Version 6 has the names in another place.
            topics: if version < 6 {
                Vec::new()
            } else {
                vec![DeleteTopicState { name: Some(name.clone()), ..Default::default() }]
            },
            topic_names: if version < 6 { vec![name.clone()] } else { Vec::new() },
            timeout_ms: self.timeout_ms(),
            ..Default::default()
        };
        let about = format!("topic {:?}", &**name);
        self.call(Kind::Changes, &Node::Controller, &about, build, |r| {
            worst(r.responses.iter().map(|t| Said::new(t.error_code, t.error_message.as_ref())))
        })
        .await?;
        self.cluster.forget_topic(name);
        Ok(())
    }

    /// Raises a topic's number of partitions to `count`.
    pub async fn create_partitions(&self, name: &Text, count: i32, validate_only: bool) -> Result<()> {
        let build = |_| CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic { name: name.clone(), count, assignments: None, ..Default::default() }],
            timeout_ms: self.timeout_ms(),
            validate_only,
            ..Default::default()
        };
        let about = format!("partitions of topic {:?}", &**name);
        self.call(Kind::Changes, &Node::Controller, &about, build, |r| {
            worst(r.results.iter().map(|t| Said::new(t.error_code, t.error_message.as_ref())))
        })
        .await?;
        self.cluster.forget_topic(name);
        Ok(())
    }

    /// Cuts each partition's records in front of an offset (-1: all that is there). Gives the new start offsets.
    pub async fn delete_records(&self, before: &[(Text, i32, i64)]) -> Result<Vec<(Text, i32, i64)>> {
        self.of_leaders("delete records", before, async |leader, partitions| {
            let mut topics: Vec<DeleteRecordsTopic> = Vec::new();
            for (topic, partition_index, offset) in &partitions {
                let partition =
                    DeleteRecordsPartition { partition_index: *partition_index, offset: *offset, ..Default::default() };
                match topics.iter_mut().find(|t| t.name == *topic) {
                    Some(topic) => topic.partitions.push(partition),
                    None => {
                        topics.push(DeleteRecordsTopic { name: topic.clone(), partitions: vec![partition], ..Default::default() })
                    }
                }
            }
            let build = |_| DeleteRecordsRequest { topics: topics.clone(), timeout_ms: self.timeout_ms(), ..Default::default() };
            let response = self.call(Kind::Changes, &leader, "delete records", build, |_| Said::new(0, None)).await?;
            let said = response.topics.into_iter().flat_map(|topic| {
                topic.partitions.into_iter().map(move |p| {
                    let about = || format!("records of {}-{}", topic.name, p.partition_index);
                    (topic.name.clone(), p.partition_index, Error::check(p.error_code, None, about).map(|()| p.low_watermark))
                })
            });
            Ok(said.collect())
        })
        .await
    }
}
