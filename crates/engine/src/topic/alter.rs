//! Changing a topic in use: more partitions, other settings.

use super::{Catalog, CatalogFact, Refusal, Reply, create::judge_brokers};
use crate::{
    fact::{PartitionsAdded, TopicSettingsChanged},
    limits,
    machine::Decision,
    settings::{self, Overrides},
};

/// CreatePartitions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddPartitions {
    pub name: String,
    /// How many there should be afterwards.
    pub count: i32,
    /// Brokers of each new partition.
    pub assignments: Option<Vec<Vec<i32>>>,
    /// The number of the only broker.
    pub node: i32,
}

/// AlterConfigs and IncrementalAlterConfigs of a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlterTopic {
    pub name: String,
    pub change: Change,
}

/// How settings change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// What is not named stays.
    Some(Vec<settings::Change>),
    /// What is not named is taken back.
    Whole(Vec<(String, Option<String>)>),
}

impl Catalog {
    /// The limit of one request that adds partitions, before any of it is judged.
    pub fn judge_additions(&self, adds: &[AddPartitions]) -> Result<(), Refusal> {
        let more = |add: &AddPartitions| {
            let has = self.topic(&add.name)?.partitions() as usize;
            usize::try_from(add.count).ok()?.checked_sub(has)
        };
        let total = adds.iter().filter_map(more).fold(0usize, usize::saturating_add);
        if total > limits::PARTITIONS_A_REQUEST_MAX { Err(Refusal::TooManyInRequest) } else { Ok(()) }
    }

    pub(super) fn add(&self, add: &AddPartitions) -> Result<Decision<CatalogFact, Reply>, Refusal> {
        let topic = self.topic(&add.name).ok_or_else(|| Refusal::UnknownName(add.name.clone()))?;
        let has = topic.partitions();
        let count = match u32::try_from(add.count) {
            Ok(count) if count == has => return Err(Refusal::SamePartitions(has)),
            Ok(count) if count > has => count - has,
            _ => return Err(Refusal::FewerPartitions { name: add.name.clone(), has, asked: add.count }),
        };
        if let Some(assignments) = &add.assignments {
            if assignments.len() != count as usize {
                let given = assignments.len();
                return Err(Refusal::BadAssignment(format!(
                    "Attempted to add {count} additional partition(s), but only {given} assignment(s) were specified."
                )));
            }
            assignments.iter().try_for_each(|brokers| judge_brokers(brokers, add.node))?;
        }
        self.judge_room(count)?;
        let first_log = self.logs_for(count)?;
        let logs = (first_log..first_log + u64::from(count)).collect();
        let fact = PartitionsAdded { id: topic.id, first_log, count };
        Ok(Decision::new(vec![fact.into()], Reply::Added { first: has, logs }))
    }

    pub(super) fn apply_added(&mut self, added: &PartitionsAdded) {
        self.take_logs(added.first_log, added.count);
        self.partitions += added.count as usize;
        self.change(added.id, |topic| topic.logs.add(added.first_log, added.count));
    }

    pub(super) fn alter(&self, alter: AlterTopic) -> Result<Decision<CatalogFact, Reply>, Refusal> {
        let Some(topic) = self.topic(&alter.name) else { return Err(Refusal::UnknownName(alter.name)) };
        let next = match &alter.change {
            Change::Some(changes) => settings::topic::alter(&topic.settings, changes)?,
            Change::Whole(asked) => settings::topic::replace(asked)?,
        };
        let changes = differences(&topic.settings, &next);
        // What changes nothing costs no write.
        let fact = (!changes.is_empty()).then(|| TopicSettingsChanged { id: topic.id, changes }.into());
        Ok(Decision::new(fact.into_iter().collect(), Reply::Altered(next)))
    }

    pub(super) fn apply_settings(&mut self, changed: &TopicSettingsChanged) {
        self.change(changed.id, |topic| {
            for (name, value) in &changed.changes {
                match value {
                    Some(value) => topic.settings.insert(name.clone(), value.clone()),
                    None => topic.settings.remove(name),
                };
            }
        });
    }
}

fn differences(before: &Overrides, after: &Overrides) -> Vec<(String, Option<String>)> {
    let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| (name.clone(), None));
    let set = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    gone.chain(set.map(|(name, value)| (name.clone(), Some(value.clone())))).collect()
}
