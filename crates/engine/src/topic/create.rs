//! Creating a topic: judged in Kafka's order, for one node.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{CONTROLLERS_TOPIC, Catalog, CatalogFact, Logs, Refusal, Reply, Topic, is_internal};
use crate::{
    fact::TopicCreated,
    ids::{TopicId, TopicName},
    limits,
    machine::{Decision, Now},
    settings::{self, Overrides, broker::BrokerSettings},
};

/// What a topic should be like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateTopic {
    /// Drawn at random by the caller.
    pub id: TopicId,
    pub name: String,
    /// -1: `default_partitions`.
    pub partitions: i32,
    /// -1: the default, which is one; there is one node.
    pub replicas: i16,
    /// Instead of both.
    pub assignments: Vec<Assignment>,
    pub settings: Vec<(String, Option<String>)>,
    /// `num.partitions`.
    pub default_partitions: u32,
    /// The number of the only broker.
    pub node: i32,
}

/// Which brokers should hold a partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignment {
    pub partition: i32,
    pub brokers: Vec<i32>,
}

/// A topic that exists now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created {
    pub topic: Arc<Topic>,
}

impl CreateTopic {
    /// A topic that somebody produced to or asked about without creating it.
    pub fn automatic(id: TopicId, name: &str, node: i32, broker: &BrokerSettings) -> Result<Self, Refusal> {
        if !broker.auto_create_topics_enable || is_internal(name) {
            return Err(Refusal::NotAutoCreated(name.into()));
        }
        Ok(Self {
            id,
            name: name.into(),
            partitions: -1,
            replicas: -1,
            assignments: Vec::new(),
            settings: Vec::new(),
            default_partitions: broker.num_partitions,
            node,
        })
    }

    /// How many partitions are asked for, as the limit of a request counts them: Kafka counts before it judges.
    fn counted(&self) -> usize {
        match (self.assignments.len(), self.partitions) {
            (0, -1) => self.default_partitions as usize,
            (0, asked) => usize::try_from(asked).unwrap_or(0),
            (assigned, _) => assigned,
        }
    }

    fn judged_partitions(&self) -> Result<u32, Refusal> {
        if !self.assignments.is_empty() {
            return self.judged_assignments();
        }
        if self.replicas == 0 || self.replicas < -1 {
            return Err(Refusal::NoReplicas);
        }
        let partitions = match self.partitions {
            -1 => self.default_partitions,
            asked => u32::try_from(asked).unwrap_or(0),
        };
        if partitions == 0 {
            return Err(Refusal::NoPartitions);
        }
        if self.replicas > 1 {
            return Err(Refusal::TooManyReplicas(self.replicas));
        }
        Ok(partitions)
    }

    fn judged_assignments(&self) -> Result<u32, Refusal> {
        if self.replicas != -1 {
            return Err(Refusal::AssignedTwice("replication factor"));
        }
        if self.partitions != -1 {
            return Err(Refusal::AssignedTwice("numPartitions"));
        }
        let mut seen = vec![false; self.assignments.len()];
        let mut gap = false;
        let mut partitions = BTreeSet::new();
        for Assignment { partition, brokers } in &self.assignments {
            if !partitions.insert(*partition) {
                let text = format!("Found multiple manual partition assignments for partition {partition}");
                return Err(Refusal::BadAssignment(text));
            }
            judge_brokers(brokers, self.node)?;
            match usize::try_from(*partition).ok().and_then(|p| seen.get_mut(p)) {
                Some(seen) => *seen = true,
                None => gap = true,
            }
        }
        if gap {
            return Err(Refusal::BadAssignment("partitions should be a consecutive 0-based integer sequence".into()));
        }
        u32::try_from(seen.len()).map_err(|_| Refusal::TooManyInRequest)
    }
}

/// One broker holds everything, so a list of brokers names it, once.
pub(super) fn judge_brokers(brokers: &[i32], node: i32) -> Result<(), Refusal> {
    let text = match brokers {
        [] => "The manual partition assignment includes an empty replica list.".to_owned(),
        [only] if *only == node => return Ok(()),
        _ => match brokers.iter().find(|b| **b != node) {
            Some(other) => {
                format!("The manual partition assignment includes broker {other}, but no such broker is registered.")
            }
            None => format!("The manual partition assignment includes the broker {node} more than once."),
        },
    };
    Err(Refusal::BadAssignment(text))
}

/// The limit of one request that creates topics, before any of them is judged.
pub fn judge_request(creates: &[CreateTopic]) -> Result<(), Refusal> {
    let total = creates.iter().map(CreateTopic::counted).fold(0usize, usize::saturating_add);
    if total > limits::PARTITIONS_A_REQUEST_MAX { Err(Refusal::TooManyInRequest) } else { Ok(()) }
}

impl Catalog {
    pub(super) fn create(&self, now: Now, create: CreateTopic) -> Result<Decision<CatalogFact, Reply>, Refusal> {
        let name = self.free_name(&create.name)?;
        if create.id.0.is_nil() || self.by_id.contains_key(&create.id) || self.trashed(create.id).is_some() {
            return Err(Refusal::BadId(create.id));
        }
        let settings = judged_settings(&create.settings)?;
        let partitions = create.judged_partitions()?;
        self.judge_room(partitions)?;
        let first_log = self.logs_for(partitions)?;
        let created = TopicCreated { id: create.id, name, first_log, partitions, settings, at: now.wall };
        let reply = Reply::Created(Created { topic: Arc::new(topic_of(&created)) });
        Ok(Decision::new(vec![created.into()], reply))
    }

    /// The name as one that no topic has, nor nearly.
    pub(super) fn free_name(&self, name: &str) -> Result<TopicName, Refusal> {
        if name == CONTROLLERS_TOPIC {
            return Err(Refusal::Controllers);
        }
        let name: TopicName = name.parse()?;
        if self.topic(name.as_str()).is_some() {
            return Err(Refusal::Exists(name.to_string()));
        }
        match self.folded.collision(&name) {
            Some(other) => Err(Refusal::Collides { name: name.to_string(), other: other.to_string() }),
            None => Ok(name),
        }
    }

    pub(super) fn judge_room(&self, more: u32) -> Result<(), Refusal> {
        if more as usize > limits::PARTITIONS_A_REQUEST_MAX {
            return Err(Refusal::TooManyInRequest);
        }
        match self.partitions + more as usize > limits::PARTITIONS_MAX {
            true => Err(Refusal::TooManyPartitions { max: limits::PARTITIONS_MAX }),
            false => Ok(()),
        }
    }

    pub(super) fn apply_created(&mut self, created: &TopicCreated) {
        self.take_logs(created.first_log, created.partitions);
        self.partitions += created.partitions as usize;
        self.enter(Arc::new(topic_of(created)));
    }
}

/// As Kafka has it for a new topic: no setting may be null (elsewhere that is another error), and of two values the later wins.
fn judged_settings(asked: &[(String, Option<String>)]) -> Result<Overrides, Refusal> {
    let nulls: Vec<_> = asked.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name.as_str()).collect();
    if !nulls.is_empty() {
        let (name, value) = (nulls.join(","), "null".to_owned());
        let why = "Null value not supported for topic configs".to_owned();
        return Err(settings::Refusal::BadValue { name, value, why }.into());
    }
    let latest: BTreeMap<_, _> = asked.iter().cloned().collect();
    Ok(settings::topic::replace(&Vec::from_iter(latest))?)
}

fn topic_of(created: &TopicCreated) -> Topic {
    Topic {
        id: created.id,
        name: created.name.clone(),
        logs: Logs::new(created.first_log, created.partitions),
        settings: created.settings.clone(),
        created_at: created.at,
    }
}
