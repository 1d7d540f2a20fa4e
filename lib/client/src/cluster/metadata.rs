//! What is known about brokers, topics and partitions, and how it is learnt.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use milena_wire::{
    ErrorCode, MetadataRequest, MetadataResponse, Text, Uuid,
    metadata::{MetadataRequestTopic, MetadataResponseTopic},
};

use super::{Cluster, Lane, coordinator};
use crate::{Connection, Endpoint, Error, Result};

/// Which topics a question is about.
#[derive(Clone, Copy, Debug)]
pub enum Topics<'a> {
    /// Only the brokers.
    None,
    All,
    Named(&'a [Text]),
}

/// One answer about the cluster.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    pub brokers: BTreeMap<i32, Endpoint>,
    pub racks: BTreeMap<i32, Text>,
    pub controller: Option<i32>,
    pub cluster_id: Option<Text>,
    /// By name.
    pub topics: BTreeMap<Text, Arc<Topic>>,
}

/// One topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    pub name: Text,
    /// Zero where the broker is older than topic ids.
    pub id: Uuid,
    pub internal: bool,
    /// Why there is nothing to know about it, if so.
    pub error: ErrorCode,
    /// By index.
    pub partitions: Vec<Partition>,
    /// What this client may do with it, as a bit set; `i32::MIN` if not asked.
    pub operations: i32,
}

impl Topic {
    /// Who leads a partition of it.
    fn led(&self, partition: i32) -> Result<i32> {
        let topic = || String::from(self.name.as_str());
        match self.partitions.iter().find(|p| p.index == partition) {
            None => Err(Error::NoPartition { topic: topic(), partition, count: self.partitions.len() }),
            Some(found) if found.leader < 0 => Err(Error::NoLeader { topic: topic(), partition }),
            Some(found) => Ok(found.leader),
        }
    }
}

/// One partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    pub index: i32,
    pub error: ErrorCode,
    /// -1: nobody leads it now.
    pub leader: i32,
    pub leader_epoch: i32,
    pub replicas: Vec<i32>,
    pub in_sync: Vec<i32>,
    pub offline: Vec<i32>,
}

/// What was learnt so far.
#[derive(Default)]
pub(super) struct View {
    pub(super) brokers: BTreeMap<i32, Endpoint>,
    pub(super) controller: Option<i32>,
    pub(super) topics: HashMap<Text, (Arc<Topic>, Instant)>,
    pub(super) coordinators: HashMap<(coordinator::Kind, Text), i32>,
}

impl Cluster {
    /// Asks, once, and remembers the answer.
    pub async fn refresh(&self, topics: Topics<'_>) -> Result<Metadata> {
        let connection = self.any(Lane::Main).await?;
        let version = connection.version::<MetadataRequest>()?;
        let named = |names: &[Text]| {
            let topic = |name: &Text| MetadataRequestTopic { name: Some(name.clone()), ..Default::default() };
            Some(names.iter().map(topic).collect::<Vec<_>>())
        };
        let request = MetadataRequest {
            topics: match topics {
                // Version 0 has no way to ask for none, and takes an empty list for all.
                Topics::None => Some(Vec::new()),
                Topics::All if version == 0 => Some(Vec::new()),
                Topics::All => None,
                Topics::Named(names) => named(names),
            },
            // Before version 4 there is no choice but true.
            allow_auto_topic_creation: version < 4 || self.config().auto_create_topics,
            ..Default::default()
        };
        let response = connection.send_version(&request, version).await?;
        Error::check(response.error_code, None, || "metadata".into())?;
        let metadata = read(response);
        self.learn(&metadata, &connection)?;
        Ok(metadata)
    }

    /// Asks about topics until the answer is one that lasts: a topic just made has no leader for a moment.
    pub async fn metadata(&self, topics: Topics<'_>) -> Result<Metadata> {
        let mut backoff = self.backoff("metadata");
        loop {
            let error = match self.refresh(topics).await {
                Ok(metadata) => match metadata.topics.values().find(|t| passing(t.error)) {
                    None => return Ok(metadata),
                    Some(topic) => Error::server(topic.error, format!("topic {:?}", &*topic.name), None),
                },
                Err(error) => error,
            };
            backoff.pause(error).await?;
        }
    }

    fn learn(&self, metadata: &Metadata, connection: &Connection) -> Result<()> {
        let mut view = self.view();
        // What one user may see is not for the next. The view is emptied after the user was changed, so that this look lasts.
        if *connection.principal() != self.principal() {
            return Err(Error::PrincipalChanged);
        }
        let reached = connection.endpoint();
        view.controller = metadata.controller;
        view.brokers = metadata.brokers.clone();
        if self.config().ignore_advertised {
            view.brokers.values_mut().for_each(|e| *e = reached.clone());
        }
        let now = Instant::now();
        for (name, topic) in &metadata.topics {
            if topic.error.is_error() {
                view.topics.remove(name);
            } else {
                view.topics.insert(name.clone(), (topic.clone(), now));
            }
        }
        Ok(())
    }

    /// What is known about a topic; asked for when nothing is, or nothing fresh.
    pub async fn topic(&self, name: &Text) -> Result<Arc<Topic>> {
        if let Some((topic, learnt)) = self.view().topics.get(name)
            && learnt.elapsed() < self.config().metadata_age
        {
            return Ok(topic.clone());
        }
        let metadata = self.metadata(Topics::Named(std::slice::from_ref(name))).await?;
        let about = || format!("topic {:?}", &**name);
        let topic = metadata.topics.get(name).ok_or_else(|| Error::server(ErrorCode(3), about(), None))?;
        Error::check(topic.error.0, None, about)?;
        Ok(topic.clone())
    }

    /// The id of a topic; zero where there is no such topic, or the broker is older than ids.
    pub(crate) async fn topic_id(&self, name: &Text) -> Result<Uuid> {
        match self.topic(name).await {
            Ok(topic) => Ok(topic.id),
            Err(error) if error.code() == Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) => Ok(Uuid::nil()),
            Err(error) => Err(error),
        }
    }

    /// To be called when a broker says that what is known about a topic is wrong.
    pub fn forget_topic(&self, name: &Text) {
        self.view().topics.remove(name);
    }

    /// Who leads a partition now, as far as is known.
    pub async fn leader(&self, topic: &Text, partition: i32) -> Result<i32> {
        let led = self.topic(topic).await?.led(partition);
        led.inspect_err(|error| {
            if let Error::NoLeader { .. } = error {
                self.forget_topic(topic);
            }
        })
    }

    /// Who leads a partition and what id the topic has, as far as is known and without asking. A leader that is not among the
    /// brokers is none.
    pub(crate) fn known_leader(&self, topic: &Text, partition: i32) -> Result<(i32, Uuid)> {
        let unknown = || Error::NoLeader { topic: topic.as_str().into(), partition };
        let view = self.view();
        let (known, learnt) = view.topics.get(topic).ok_or_else(unknown)?;
        if learnt.elapsed() >= self.config().metadata_age {
            return Err(unknown());
        }
        let leader = known.led(partition)?;
        if view.brokers.contains_key(&leader) { Ok((leader, known.id)) } else { Err(unknown()) }
    }

    /// Asks about a topic, once, whatever is known.
    pub(crate) async fn look_up(&self, name: &Text) -> Result<()> {
        let metadata = self.refresh(Topics::Named(std::slice::from_ref(name))).await?;
        let code = metadata.topics.get(name).map_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, |topic| topic.error);
        Error::check(code.0, None, || format!("topic {:?}", &**name))
    }

    pub(super) async fn controller(&self) -> Result<Option<i32>> {
        if let Some(id) = self.view().controller {
            return Ok(Some(id));
        }
        Ok(self.refresh(Topics::None).await?.controller)
    }

    /// To be called when the controller says that it is none.
    pub fn forget_controller(&self) {
        self.view().controller = None;
    }
}

/// Errors of a topic that a little waiting cures. That it is unknown is not among them: who asks decides.
fn passing(code: ErrorCode) -> bool {
    code.retriable() && code.0 != 3 && code.0 != 100
}

fn read(response: MetadataResponse) -> Metadata {
    let mut metadata = Metadata {
        controller: (response.controller_id >= 0).then_some(response.controller_id),
        cluster_id: response.cluster_id,
        ..Default::default()
    };
    for broker in response.brokers {
        // A port that none can be is dialled as 0, and the refusal names broker and address.
        let port = u16::try_from(broker.port).unwrap_or_default();
        metadata.brokers.insert(broker.node_id, Endpoint::new(&broker.host, port));
        if let Some(rack) = broker.rack {
            metadata.racks.insert(broker.node_id, rack);
        }
    }
    for topic in response.topics {
        let topic = read_topic(topic);
        metadata.topics.insert(topic.name.clone(), Arc::new(topic));
    }
    metadata
}

fn read_topic(topic: MetadataResponseTopic) -> Topic {
    let mut partitions: Vec<_> = topic
        .partitions
        .into_iter()
        .map(|p| Partition {
            index: p.partition_index,
            error: ErrorCode(p.error_code),
            leader: p.leader_id,
            leader_epoch: p.leader_epoch,
            replicas: p.replica_nodes,
            in_sync: p.isr_nodes,
            offline: p.offline_replicas,
        })
        .collect();
    partitions.sort_by_key(|p| p.index);
    Topic {
        name: topic.name.unwrap_or_default(),
        id: topic.topic_id,
        internal: topic.is_internal,
        error: ErrorCode(topic.error_code),
        partitions,
        operations: topic.topic_authorized_operations,
    }
}
