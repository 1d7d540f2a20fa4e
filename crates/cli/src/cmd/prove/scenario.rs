//! What is to be played, as a person describes it. Read and judged before anything starts.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};

use crate::when;

/// A workload, what happens to it, and what is expected.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    #[serde(default = "unnamed")]
    pub(super) name: String,
    /// How long producers produce.
    #[serde(deserialize_with = "span")]
    pub(super) duration: Duration,
    /// How long consumers may go on afterwards, before what they have not handled is lost.
    #[serde(default = "drain", deserialize_with = "span")]
    pub(super) drain: Duration,
    /// Broker settings by Kafka's names, of a broker of our own.
    #[serde(default)]
    pub(super) settings: BTreeMap<String, String>,
    #[serde(rename = "topic")]
    pub(super) topics: Vec<Topic>,
    #[serde(rename = "producer")]
    pub(super) producers: Vec<Producers>,
    #[serde(rename = "consumer", default)]
    pub(super) consumers: Vec<Consumers>,
    #[serde(rename = "event", default)]
    pub(super) events: Vec<Event>,
    #[serde(default)]
    pub(super) expect: Expect,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    pub(super) name: String,
    #[serde(default = "one")]
    pub(super) partitions: i32,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, String>,
}

/// Some producers that do the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Producers {
    pub(super) topic: String,
    #[serde(default = "one_of")]
    pub(super) count: usize,
    /// Messages a second, of each.
    pub(super) rate: f64,
    /// Bytes of a value, at least those of its name.
    #[serde(default = "size")]
    pub(super) size: usize,
    /// So many different keys; none without.
    #[serde(default)]
    pub(super) keys: u64,
}

/// Some consumers that share a topic.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Consumers {
    pub(super) topic: String,
    pub(super) group: String,
    #[serde(default = "one_of")]
    pub(super) count: usize,
    #[serde(default)]
    pub(super) kind: Kind,
    /// How long a message takes.
    #[serde(default, deserialize_with = "span")]
    pub(super) work: Duration,
    /// A consumer of a group commits after so many messages.
    #[serde(default = "one_of")]
    pub(super) commit_every: usize,
}

/// How consumers share.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A consumer group: each partition has one reader, positions are committed.
    #[default]
    Group,
    /// A queue over HTTP: each message has one worker, and is acknowledged. A Milena's.
    Queue,
}

/// Something that happens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    #[serde(deserialize_with = "span")]
    pub(super) at: Duration,
    #[serde(rename = "do")]
    pub(super) what: What,
    /// How long it lasts: a broker that is down, a disk that is slow or full.
    #[serde(rename = "for", default = "second", deserialize_with = "span")]
    pub(super) lasts: Duration,
    /// How slow a slow disk is.
    #[serde(default = "slow", deserialize_with = "span")]
    pub(super) by: Duration,
    /// Whose consumer crashes.
    #[serde(default)]
    pub(super) group: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    /// The broker dies, and comes back after `for`.
    Kill,
    /// The same, and what was not synced is lost.
    PowerCut,
    /// It stops cleanly, and comes back after `for`.
    Restart,
    /// Every write takes `by` longer, `for` a while.
    SlowDisk,
    /// No file can grow, `for` a while.
    FullDisk,
    /// Every connection is cut.
    Cut,
    /// A consumer of `group` dies with what it had not committed, and another takes its place after `for`.
    CrashConsumer,
}

impl What {
    /// Whether any broker can be put through it.
    pub(super) fn anywhere(self) -> bool {
        self == Self::CrashConsumer
    }
}

/// What must hold. What is not said is only reported.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// Messages that a producer was told are there, and that a group never handled, at most.
    #[serde(default)]
    pub(super) lost: u64,
    /// Messages that a group handled more than once, at most. `None`: as many as come.
    #[serde(default)]
    pub(super) doubled: Option<u64>,
    /// A message that is handled later than this after it was to be sent is late.
    #[serde(default = "late", deserialize_with = "span")]
    pub(super) late_after: Duration,
    /// Late ones, at most, of a hundred. `None`: as many as come.
    #[serde(default)]
    pub(super) late_percent: Option<f64>,
    /// Messages that could not be sent at all, at most. `None`: as many as come.
    #[serde(default)]
    pub(super) unsent: Option<u64>,
}

impl Default for Expect {
    fn default() -> Self {
        Self { lost: 0, doubled: None, late_after: late(), late_percent: None, unsent: None }
    }
}

fn unnamed() -> String {
    "scenario".into()
}
fn drain() -> Duration {
    Duration::from_secs(15)
}
fn one() -> i32 {
    1
}
fn one_of() -> usize {
    1
}
fn size() -> usize {
    100
}
fn second() -> Duration {
    Duration::from_secs(1)
}
fn slow() -> Duration {
    Duration::from_millis(50)
}
fn late() -> Duration {
    Duration::from_secs(1)
}

/// `50ms`, `2s`, `5m`.
fn span<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    let ms = when::duration(&text).and_then(|ms| u64::try_from(ms).ok());
    ms.map(Duration::from_millis).ok_or_else(|| D::Error::custom(format!("{text:?} is no length of time, such as 50ms or 2s")))
}

/// Nobody means to play for longer, and a slip shall not.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Messages that the books can keep.
const MOST: f64 = 20e6;
const MOST_SIZE: usize = 8 << 20;
const MOST_CLIENTS: usize = 1000;

impl Scenario {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut scenario: Scenario = toml::from_str(text).map_err(|e| e.to_string())?;
        scenario.judge()?;
        scenario.events.sort_by_key(|event| event.at);
        Ok(scenario)
    }

    fn judge(&self) -> Result<(), String> {
        let known = |name: &str| self.topics.iter().any(|topic| topic.name == name);
        let named = self.producers.iter().map(|p| &p.topic).chain(self.consumers.iter().map(|c| &c.topic));
        if let Some(name) = named.into_iter().find(|name| !known(name)) {
            return Err(format!("{name:?} is no [[topic]] of it"));
        }
        if let Some(group) = self.events.iter().filter(|e| e.what == What::CrashConsumer).find_map(|e| self.unknown_group(e)) {
            return Err(group);
        }
        if self.duration > LONGEST || self.drain > LONGEST {
            return Err("it may last a day at most".into());
        }
        let sound = |p: &Producers| p.rate.is_finite() && p.rate > 0.0 && p.size <= MOST_SIZE;
        if let Some(producer) = self.producers.iter().find(|p| !sound(p)) {
            return Err(format!("producers of {:?} need a rate above 0 and a size of at most {MOST_SIZE}", producer.topic));
        }
        let clients: usize = self.producers.iter().map(|p| p.count).chain(self.consumers.iter().map(|c| c.count)).sum();
        if clients > MOST_CLIENTS {
            return Err(format!("{clients} clients are more than {MOST_CLIENTS}"));
        }
        match self.planned() {
            planned if planned > MOST => Err(format!("{planned:.0} messages are more than {MOST:.0}")),
            _ => Ok(()),
        }
    }

    fn unknown_group(&self, event: &Event) -> Option<String> {
        let Some(group) = &event.group else { return Some("a crash-consumer needs the group whose consumer it is".into()) };
        let known = self.consumers.iter().any(|c| c.group == *group);
        (!known).then(|| format!("{group:?} is no group of a [[consumer]] of it"))
    }

    /// The place of a topic among all.
    pub(super) fn place(&self, topic: &str) -> usize {
        self.topics.iter().position(|known| known.name == topic).unwrap_or(0)
    }

    /// How many messages are to be sent.
    pub(super) fn planned(&self) -> f64 {
        self.producers.iter().map(|p| p.rate * p.count as f64 * self.duration.as_secs_f64()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "duration = \"1s\"\n[[topic]]\nname = \"t\"\n[[producer]]\ntopic = \"t\"\nrate = 10\n";

    #[test]
    fn a_scenario_is_read_with_its_defaults() {
        let events = "[[consumer]]\ntopic = \"t\"\ngroup = \"g\"\nkind = \"queue\"\nwork = \"5ms\"\n\
                      [[event]]\nat = \"500ms\"\ndo = \"kill\"\n[[event]]\nat = \"100ms\"\ndo = \"crash-consumer\"\ngroup = \"g\"\n";
        let scenario = Scenario::parse(&format!("{LEAST}{events}")).unwrap();
        assert_eq!((scenario.expect.lost, scenario.expect.doubled, scenario.planned()), (0, None, 10.0));
        let whats: Vec<What> = scenario.events.iter().map(|e| e.what).collect();
        assert_eq!(whats, [What::CrashConsumer, What::Kill], "in the order in which they happen");
        assert_eq!(scenario.consumers[0].kind, Kind::Queue);
    }

    #[test]
    fn slips_are_told_before_anything_starts() {
        let wrong = [
            ("[[consumer]]\ntopic = \"x\"\ngroup = \"g\"\n", "\"x\" is no [[topic]]"),
            ("[[event]]\nat = \"1s\"\ndo = \"crash-consumer\"\n", "needs the group"),
            ("[[event]]\nat = \"1s\"\ndo = \"crash-consumer\"\ngroup = \"y\"\n", "\"y\" is no group"),
            ("[[event]]\nat = \"soon\"\ndo = \"kill\"\n", "no length of time"),
            ("[[event]]\nat = \"1s\"\ndo = \"kil\"\n", "kil"),
            ("[expect]\nlots = 1\n", "lots"),
            ("[[producer]]\ntopic = \"t\"\nrate = 0\n", "a rate above 0"),
            ("[[producer]]\ntopic = \"t\"\nrate = 1e9\n", "are more than"),
            ("[[producer]]\ntopic = \"t\"\nrate = nan\n", "a rate above 0"),
        ];
        for (more, words) in wrong {
            let why = Scenario::parse(&format!("{LEAST}{more}")).unwrap_err();
            assert!(why.contains(words), "{more}: {why}");
        }
    }
}
