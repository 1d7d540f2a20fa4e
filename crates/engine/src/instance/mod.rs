//! Consumer instances of the REST door: who made them, what they read, and what each was given. All of it is durable, so a
//! client may make one call before a restart and the next after it, at any node, and notices nothing.
//!
//! ```text
//!          create            subscribe / assign          silent, and others of the group want to read
//!   (none) ──────▶ idle ──────────────────────▶ reading ──────────────────────────────▶ dozing
//!     ▲              ▲  unsubscribe                │  ▲             calls again            │
//!     │              └─────────────────────────────┘  └───────────────────────────────────┘
//!     └── delete, or forgotten when a new one needs the place
//! ```
//!
//! Subscribers of a group share the partitions of a topic by their names. Whenever somebody comes or goes, everybody
//! begins again at what the group has committed, as after a rebalance. What the group has committed is the group's
//! business ([`crate::group`]); here is only what was delivered and not yet committed.
//!
//! Must not know: HTTP, formats, records, how patterns are matched.

mod command;
mod decide;
pub mod fact;
mod reading;
mod settings;
mod snapshot;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

pub use command::{Command, Deliver, Refusal, Reply};
pub use fact::{At, Delivered, InstanceFact};
pub use reading::Reading;
pub use settings::{Format, Reset, Settings};

use crate::ids::{Offset, TopicId};

/// By what an instance is known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InstanceKey {
    pub group: Arc<str>,
    pub name: Arc<str>,
}

/// What becomes true: for good, or while this broker runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    Durable(InstanceFact),
    /// An instance called. Costs no write.
    Seen {
        key: InstanceKey,
        at: i64,
    },
    /// A fetch began, or a client lost its memory. Costs no write: a fetch does not outlive this broker.
    Turn {
        key: InstanceKey,
        turn: u64,
    },
}

impl<F: Into<InstanceFact>> From<F> for Fact {
    fn from(fact: F) -> Self {
        Self::Durable(fact.into())
    }
}

/// One instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance {
    pub settings: Settings,
    pub reading: Reading,
    /// Where it begins in a partition in which its group has no position.
    pub begins: BTreeMap<(TopicId, i32), Offset>,
    /// The next offset to be given, where that is not simply what the group has committed.
    pub positions: BTreeMap<(TopicId, i32), Offset>,
    /// The fetch that was answered last.
    pub last: Option<LastFetch>,
    /// What it was given, or where it was sent to, was taken back before it had committed that, and it has not fetched since.
    pub voided: bool,
    /// Takes part in the sharing of partitions.
    pub awake: bool,
    /// When it called last, in wall-clock milliseconds.
    pub seen: i64,
    /// Rises with everything that happens to it: a plan made before is void.
    pub version: u64,
    /// The one fetch that may be given something: the newest. One that waits on behalf of a client that is dead, which nothing
    /// tells from one that listens, takes nothing from the client that came after it.
    pub turn: u64,
    /// What its reading takes in memory.
    reads: usize,
}

/// About what an instance takes in memory beside its name and what is counted.
const INSTANCE: usize = 512;
/// A partition in which it has a position: there, and among what was fetched last.
const PLACE: usize = 96;

/// A fetch that can be repeated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastFetch {
    pub name: Box<str>,
    pub ranges: Vec<Delivered>,
}

/// All instances, by group and name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Instances {
    groups: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Instance>>,
    count: usize,
    /// The last turn that was given, to whichever instance: one that is made anew never has a turn of the one before.
    turns: u64,
    /// About what all of them take in memory.
    bytes: usize,
}

impl Instances {
    pub fn get(&self, key: &InstanceKey) -> Option<&Instance> {
        self.groups.get(&key.group)?.get(&key.name)
    }

    /// The instances of a group, by name.
    pub fn of_group(&self, group: &str) -> impl Iterator<Item = (&Arc<str>, &Instance)> {
        self.groups.get(group).into_iter().flatten()
    }

    /// Groups that have instances.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<str>> {
        self.groups.keys()
    }

    pub fn len(&self) -> usize {
        self.count
    }
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Which partitions of a topic an instance reads, out of `count`: every n-th one, when n of the group's instances that
    /// are awake subscribe to it. `subscribes` says whether a reading takes in the topic.
    pub fn share(&self, key: &InstanceKey, count: i32, subscribes: impl Fn(&Reading) -> bool) -> impl Iterator<Item = i32> {
        let sharers = self.of_group(&key.group).filter(|(_, i)| i.awake && subscribes(&i.reading)).map(|(name, _)| name);
        let (mut place, mut all) = (None, 0);
        for name in sharers {
            if *name == key.name {
                place = Some(all);
            }
            all += 1;
        }
        (0..count).filter(move |partition| place.is_some_and(|place| partition % all == place))
    }

    /// When the next of those falls silent who share with an instance: a call of it takes over their partitions then.
    pub fn silent_at(&self, key: &InstanceKey) -> Option<i64> {
        let subscribes = self.get(key)?.reading.is_subscription();
        let others = self
            .of_group(&key.group)
            .filter(|(name, other)| subscribes && **name != key.name && other.awake && other.reading.is_subscription());
        others.map(|(_, other)| other.silent_at()).min()
    }

    /// The broker has started: nobody could call while it was down, so nobody was silent, and no fetch is on its way.
    pub fn started(&mut self, now: i64) {
        self.turns = 0;
        for instance in self.groups.values_mut().flat_map(BTreeMap::values_mut) {
            instance.seen = now;
            instance.turn = 0;
        }
    }

    fn get_mut(&mut self, key: &InstanceKey) -> Option<&mut Instance> {
        self.groups.get_mut(&key.group)?.get_mut(&key.name)
    }

    fn insert(&mut self, key: &InstanceKey, instance: Instance) {
        self.bytes += key.weight() + instance.weight();
        let group = self.groups.entry(key.group.clone()).or_default();
        match group.insert(key.name.clone(), instance) {
            Some(before) => self.bytes -= key.weight() + before.weight(),
            None => self.count += 1,
        }
    }

    /// Changes an instance, if it is there.
    fn change(&mut self, key: &InstanceKey, change: impl FnOnce(&mut Instance)) -> bool {
        let found = self.groups.get_mut(&key.group).and_then(|group| group.get_mut(&key.name));
        found.map(|instance| weighed(&mut self.bytes, instance, change)).is_some()
    }

    /// Somebody came or went: all subscribers begin again at what the group has committed.
    fn share_anew(&mut self, group: &str) {
        for instance in self.groups.get_mut(group).into_iter().flat_map(BTreeMap::values_mut) {
            if instance.reading.is_subscription() {
                weighed(&mut self.bytes, instance, Instance::rewind);
            }
        }
    }

    /// What a replay of the log does, too.
    pub fn apply_durable(&mut self, fact: &InstanceFact) {
        match fact {
            InstanceFact::InstanceCreated(created) => {
                self.insert(&created.key, Instance::new(created.settings, created.at));
            }
            InstanceFact::InstanceDeleted(deleted) => self.delete(&deleted.key),
            InstanceFact::ReadingChosen(chosen) => {
                let Some(instance) = self.get(&chosen.key) else { return };
                let shared = instance.reading.is_subscription() || chosen.reading.is_subscription();
                self.change(&chosen.key, |instance| instance.choose(chosen));
                if shared {
                    self.share_anew(&chosen.key.group);
                }
            }
            InstanceFact::PositionsSought(sought) => {
                self.change(&sought.key, |instance| {
                    instance.positions.extend(sought.positions.iter().map(|(t, p, offset)| ((*t, *p), *offset)));
                    instance.last = None;
                    instance.touched(sought.at);
                });
            }
            InstanceFact::RecordsDelivered(delivered) => {
                self.change(&delivered.key, |instance| {
                    instance.positions.extend(delivered.ranges.iter().map(|r| ((r.topic, r.partition), r.to)));
                    instance.last = Some(LastFetch { name: delivered.fetch.clone(), ranges: delivered.ranges.clone() });
                    instance.voided = false;
                    instance.touched(delivered.at);
                });
            }
            InstanceFact::InstanceRewound(rewound) => {
                self.change(&rewound.key, |instance| {
                    instance.rewind();
                    instance.touched(rewound.at);
                });
            }
            InstanceFact::InstanceTold(told) => {
                self.change(&told.key, |instance| {
                    instance.voided = false;
                    instance.touched(told.at);
                });
            }
            InstanceFact::InstanceDozed(dozed) => {
                let there = self.change(&dozed.key, |instance| {
                    instance.awake = dozed.awake;
                    if dozed.awake {
                        instance.touched(dozed.at);
                    }
                });
                if there {
                    self.share_anew(&dozed.key.group);
                }
            }
        }
    }

    fn delete(&mut self, key: &InstanceKey) {
        let Some(group) = self.groups.get_mut(&key.group) else { return };
        if let Some(gone) = group.remove(&key.name) {
            self.count -= 1;
            self.bytes -= key.weight() + gone.weight();
        }
        if group.is_empty() {
            self.groups.remove(&key.group);
        }
        self.share_anew(&key.group);
    }
}

impl InstanceKey {
    fn weight(&self) -> usize {
        self.group.len() + self.name.len()
    }
}

fn weight(reads: usize, places: usize) -> usize {
    INSTANCE + reads + places * PLACE
}

/// A change, with the sum kept.
fn weighed(bytes: &mut usize, instance: &mut Instance, change: impl FnOnce(&mut Instance)) {
    let before = instance.weight();
    change(instance);
    *bytes = *bytes + instance.weight() - before;
}

impl Instance {
    fn new(settings: Settings, at: i64) -> Self {
        Self {
            settings,
            reading: Reading::Nothing,
            begins: BTreeMap::new(),
            positions: BTreeMap::new(),
            last: None,
            voided: false,
            awake: true,
            seen: at,
            // Another than that of one that had the name before: its plans are void, too.
            version: at.unsigned_abs() << 10,
            turn: 0,
            reads: 0,
        }
    }

    /// The first moment at which it has been silent for too long.
    pub fn silent_at(&self) -> i64 {
        self.seen.saturating_add(self.settings.idle_ms.into()).saturating_add(1)
    }

    /// About what it takes in memory, in bytes.
    fn weight(&self) -> usize {
        weight(self.reads, self.begins.len() + self.positions.len())
    }

    fn choose(&mut self, chosen: &fact::ReadingChosen) {
        self.reading = chosen.reading.clone();
        self.reads = self.reading.weight();
        self.begins = chosen.begins.iter().map(|(topic, partition, offset)| ((*topic, *partition), *offset)).collect();
        self.awake = true;
        self.rewind();
        self.touched(chosen.at);
    }

    fn touched(&mut self, at: i64) {
        self.seen = self.seen.max(at);
        self.version += 1;
    }

    fn rewind(&mut self) {
        self.voided |= !self.positions.is_empty() || self.last.is_some();
        self.positions.clear();
        self.last = None;
        self.version += 1;
    }
}
