//! What brokers know about themselves and their logs: disks, and who writes.

use milena_wire::{
    DescribeClusterRequest, DescribeClusterResponse, DescribeLogDirsRequest, DescribeProducersRequest, Text,
    describe_producers::TopicRequest,
};

use super::{Admin, Kind, Said, worst};
use crate::{Error, Node, Result};

/// A directory of a broker, with what is in it.
#[derive(Clone, Debug)]
pub struct LogDir {
    pub broker: i32,
    pub path: Text,
    /// Bytes of the file system; `None` where the broker is older than Kafka 3.3.
    pub total: Option<i64>,
    pub usable: Option<i64>,
    pub replicas: Vec<Replica>,
}

/// One partition on a disk.
#[derive(Clone, Debug)]
pub struct Replica {
    pub topic: Text,
    pub partition: i32,
    /// Bytes.
    pub size: i64,
    /// How far it is behind.
    pub lag: i64,
}

/// An idempotent or transactional producer that a partition remembers.
#[derive(Clone, Debug)]
pub struct Writer {
    pub partition: i32,
    pub producer_id: i64,
    pub producer_epoch: i32,
    pub last_sequence: i32,
    /// Milliseconds since 1970.
    pub last_timestamp: i64,
    /// Where its open transaction began.
    pub open_since: Option<i64>,
}

impl Admin {
    /// The cluster's id, controller and brokers (from Kafka 2.8).
    pub async fn describe_cluster(&self) -> Result<DescribeClusterResponse> {
        let build = |_| DescribeClusterRequest::default();
        self.call(Kind::Looks, &Node::Any, "the cluster", build, |r| Said::new(r.error_code, r.error_message.as_ref())).await
    }

    /// The directories of one broker.
    pub async fn log_dirs(&self, broker: i32) -> Result<Vec<LogDir>> {
        let build = |_| DescribeLogDirsRequest { topics: None, ..Default::default() };
        let about = format!("log directories of broker {broker}");
        let response = self
            .call(Kind::Looks, &Node::Id(broker), &about, build, |r| {
                let dirs = r.results.iter().map(|d| Said::new(d.error_code, None));
                worst(std::iter::once(Said::new(r.error_code, None)).chain(dirs))
            })
            .await?;
        let known = |bytes: i64| (bytes >= 0).then_some(bytes);
        let dirs = response.results.into_iter().map(|dir| LogDir {
            broker,
            path: dir.log_dir,
            total: known(dir.total_bytes),
            usable: known(dir.usable_bytes),
            replicas: dir
                .topics
                .into_iter()
                .flat_map(|t| {
                    let topic = t.name;
                    t.partitions.into_iter().map(move |p| Replica {
                        topic: topic.clone(),
                        partition: p.partition_index,
                        size: p.partition_size,
                        lag: p.offset_lag,
                    })
                })
                .collect(),
        });
        Ok(dirs.collect())
    }

    /// Who writes to partitions of a topic, as their leaders remember (from Kafka 2.8).
    pub async fn writers(&self, topic: &Text, partitions: &[i32]) -> Result<Vec<Writer>> {
        let asked: Vec<_> = partitions.iter().map(|p| (topic.clone(), *p, ())).collect();
        let about = format!("producers of {:?}", &**topic);
        let said = self.of_leaders(&about, &asked, async |leader, partitions| {
            let build = |_| DescribeProducersRequest {
                topics: vec![TopicRequest {
                    name: topic.clone(),
                    partition_indexes: partitions.iter().map(|(_, p, ())| *p).collect(),
                    ..Default::default()
                }],
                ..Default::default()
            };
            let response = self.call(Kind::Looks, &leader, &about, build, |_| Said::new(0, None)).await?;
            let partitions = response.topics.into_iter().flat_map(|t| t.partitions);
            let said = partitions.map(|p| {
                let about = || format!("producers of {topic}-{}", p.partition_index);
                let checked = Error::check(p.error_code, p.error_message.as_deref(), about);
                (topic.clone(), p.partition_index, checked.map(|()| p.active_producers))
            });
            Ok(said.collect())
        });
        let writers = said.await?.into_iter().flat_map(|(_, partition, writers)| {
            writers.into_iter().map(move |w| Writer {
                partition,
                producer_id: w.producer_id,
                producer_epoch: w.producer_epoch,
                last_sequence: w.last_sequence,
                last_timestamp: w.last_timestamp,
                open_since: (w.current_txn_start_offset >= 0).then_some(w.current_txn_start_offset),
            })
        });
        Ok(writers.collect())
    }
}
