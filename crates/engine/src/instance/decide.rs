//! The judgement about instances: who may be made, who is woken, whose plan still holds.

use super::{
    At, Command, Deliver, Fact, Instance, InstanceKey, Instances, PLACE, Reading, Refusal, Reply, Settings,
    fact::{
        Ending, InstanceCreated, InstanceDeleted, InstanceDozed, InstanceRewound, InstanceTold, PositionsSought, ReadingChosen,
        RecordsDelivered,
    },
    weight,
};
use crate::{
    ids::TopicId,
    limits,
    machine::{Decision, Machine, Now},
};

type Judged = Result<Decision<Fact, Reply>, Refusal>;

impl Machine for Instances {
    type Command = Command;
    type Fact = Fact;
    type Reply = Reply;
    type Refusal = Refusal;

    fn decide(&self, now: Now, command: Command) -> Judged {
        let at = now.wall;
        match command {
            Command::Create { key, settings } => self.create(at, key, settings),
            Command::Delete(key) => {
                self.known(&key)?;
                done(vec![InstanceDeleted { key, why: Ending::Asked }.into()])
            }
            Command::Choose { key, reading, begins } => {
                let instance = self.known(&key)?;
                may_read(instance, &reading)?;
                // The same subscription again changes nothing, as in Kafka: a client may say it before every fetch.
                let same = instance.reading == reading && reading.is_subscription() && instance.awake;
                if same {
                    return done(Vec::new());
                }
                let weight = weight(reading.weight(), begins.len());
                let begins = self.earliest(&key, &reading, begins);
                let fact = ReadingChosen { key, at, reading, begins };
                self.afford(weight.saturating_sub(instance.weight()), 0)?;
                done(vec![fact.into()])
            }
            Command::Seek { key, positions } => {
                let instance = self.known(&key)?;
                self.afford(new_places(instance, positions.iter().map(|(topic, partition, _)| (*topic, *partition))), 0)?;
                done(if positions.is_empty() { Vec::new() } else { vec![PositionsSought { key, at, positions }.into()] })
            }
            Command::Fetch(key) => {
                let mut facts = self.call(at, &key)?;
                let turn = self.turns + 1;
                facts.push(Fact::Turn { key, turn });
                Ok(Decision::new(facts, Reply::Turn(turn)))
            }
            Command::Call(key) => done(self.call(at, &key)?),
            Command::Deliver(deliver) => self.deliver(at, deliver),
            Command::Tell(key) => {
                let voided = self.known(&key)?.voided;
                done(if voided { vec![InstanceTold { key, at }.into()] } else { Vec::new() })
            }
            Command::Rewind(key) => {
                let instance = self.known(&key)?;
                let nothing = instance.positions.is_empty() && instance.last.is_none();
                done(if nothing { Vec::new() } else { vec![InstanceRewound { key, at }.into()] })
            }
        }
    }

    fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Durable(fact) => self.apply_durable(fact),
            Fact::Seen { key, at } => {
                if let Some(instance) = self.get_mut(key) {
                    instance.seen = *at;
                }
            }
            Fact::Turn { key, turn } => {
                self.turns = *turn;
                if let Some(instance) = self.get_mut(key) {
                    instance.turn = *turn;
                }
            }
        }
    }
}

fn done(facts: Vec<Fact>) -> Judged {
    Ok(Decision::new(facts, Reply::Done))
}

fn may_read(instance: &Instance, reading: &Reading) -> Result<(), Refusal> {
    let by_hand = |reading: &Reading| matches!(reading, Reading::Partitions(_));
    let exclusive =
        (by_hand(&instance.reading) && reading.is_subscription()) || (instance.reading.is_subscription() && by_hand(reading));
    if exclusive {
        return Err(Refusal::Exclusive);
    }
    bounded("what is read", reading.len(), limits::INSTANCE_READING_MAX)
}

/// What positions take that the instance does not have yet.
fn new_places(instance: &Instance, places: impl Iterator<Item = (TopicId, i32)>) -> usize {
    places.filter(|place| !instance.positions.contains_key(place)).count() * PLACE
}

fn bounded(what: &'static str, len: usize, max: usize) -> Result<(), Refusal> {
    if len > max { Err(Refusal::TooLong { what, len, max }) } else { Ok(()) }
}

impl Instances {
    /// Where an instance begins: where it, or another of its group that it shares with, would have begun until now. What has
    /// come since, and nobody has committed, is unread and not to be passed over because partitions change hands.
    fn earliest(&self, key: &InstanceKey, reading: &Reading, mut begins: Vec<At>) -> Vec<At> {
        let shares = |other: &Instance| reading.is_subscription() && other.reading.is_subscription();
        let sharers = self.of_group(&key.group).filter(|(name, other)| **name == key.name || shares(other));
        begins.sort_unstable();
        for ((topic, partition), offset) in sharers.flat_map(|(_, other)| &other.begins) {
            if let Ok(at) = begins.binary_search_by_key(&(*topic, *partition), |(topic, partition, _)| (*topic, *partition)) {
                begins[at].2 = begins[at].2.min(*offset);
            }
        }
        begins
    }

    fn known(&self, key: &InstanceKey) -> Result<&Instance, Refusal> {
        self.get(key).ok_or_else(|| Refusal::Unknown(key.clone()))
    }

    fn create(&self, at: i64, key: InstanceKey, settings: Settings) -> Judged {
        if let Some(instance) = self.get(&key) {
            let holds_some = !instance.positions.is_empty() || instance.last.is_some();
            let forgets = !instance.settings.auto_commit && holds_some;
            let mut facts = vec![Fact::Turn { key: key.clone(), turn: self.turns + 1 }];
            facts.extend(forgets.then(|| InstanceRewound { key, at }.into()));
            return Ok(Decision::new(facts, Reply::Exists));
        }
        bounded("the name of the group", key.group.len(), limits::GROUP_NAME_BYTES_MAX)?;
        bounded("the name of the instance", key.name.len(), limits::GROUP_NAME_BYTES_MAX)?;
        let (mut facts, need): (Vec<Fact>, usize) = (Vec::new(), key.weight() + weight(0, 0));
        if self.count >= limits::INSTANCES_MAX {
            let key = self.longest_silent(at).ok_or(Refusal::Full { max: limits::INSTANCES_MAX })?;
            facts.push(InstanceDeleted { key, why: Ending::Forgotten }.into());
        } else if let Err(refusal) = self.afford(need, 0) {
            let key = self.longest_silent(at).ok_or(refusal)?;
            self.afford(need, key.weight() + self.known(&key)?.weight())?;
            facts.push(InstanceDeleted { key, why: Ending::Forgotten }.into());
        }
        facts.push(InstanceCreated { key, at, settings }.into());
        done(facts)
    }

    /// Whether there is room for so many bytes more when some have gone.
    fn afford(&self, more: usize, gone: usize) -> Result<(), Refusal> {
        let max = limits::INSTANCES_BYTES_MAX;
        if more > 0 && self.bytes - gone + more > max { Err(Refusal::Heavy { max }) } else { Ok(()) }
    }

    /// Who has been silent for longest, if that is longer than a day.
    fn longest_silent(&self, at: i64) -> Option<InstanceKey> {
        let all = self.groups.iter().flat_map(|(group, of)| of.iter().map(move |(name, instance)| (group, name, instance)));
        let silent = all.filter(|(.., instance)| at.saturating_sub(instance.seen) > limits::INSTANCE_SILENT_MS);
        let (group, name, _) = silent.min_by_key(|(.., instance)| instance.seen)?;
        Some(InstanceKey { group: group.clone(), name: name.clone() })
    }

    fn call(&self, at: i64, key: &InstanceKey) -> Result<Vec<Fact>, Refusal> {
        let instance = self.known(key)?;
        let mut facts: Vec<Fact> = Vec::new();
        if instance.reading.is_subscription() {
            for (name, other) in self.of_group(&key.group).filter(|(name, _)| **name != key.name) {
                if other.awake && other.reading.is_subscription() && at >= other.silent_at() {
                    let key = InstanceKey { group: key.group.clone(), name: name.clone() };
                    facts.push(InstanceDozed { key, at, awake: false }.into());
                }
            }
            if !instance.awake {
                facts.push(InstanceDozed { key: key.clone(), at, awake: true }.into());
            }
        }
        facts.push(Fact::Seen { key: key.clone(), at });
        Ok(facts)
    }

    fn deliver(&self, at: i64, deliver: Deliver) -> Judged {
        let Deliver { key, version, turn, fetch, ranges } = deliver;
        let instance = self.known(&key)?;
        if instance.turn != turn {
            return Err(Refusal::Overtaken);
        }
        if instance.version != version {
            return Err(Refusal::Stale);
        }
        bounded("the name of a fetch", fetch.len(), limits::FETCH_NAME_BYTES_MAX)?;
        self.afford(new_places(instance, ranges.iter().map(|range| (range.topic, range.partition))), 0)?;
        done(vec![RecordsDelivered { key, at, fetch, ranges }.into()])
    }
}
