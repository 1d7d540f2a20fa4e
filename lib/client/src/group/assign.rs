//! Who gets which partition, as Java's assignors share them, so that mixed groups agree whoever leads.

use std::collections::BTreeMap;

use milena_wire::Text;

/// A rule for sharing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Assignor {
    /// Topic by topic: a row of neighbouring partitions for each member.
    Range,
    /// All partitions of all topics dealt out one by one.
    RoundRobin,
}

impl Assignor {
    /// The name by which members agree on one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
        }
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        [Self::Range, Self::RoundRobin].into_iter().find(|a| a.name() == name)
    }

    /// Shares `topics` (partitions each) among `members` (topics each).
    pub(super) fn assign(self, members: &[Subscriber], topics: &BTreeMap<Text, i32>) -> BTreeMap<Text, Vec<(Text, i32)>> {
        let mut members: Vec<&Subscriber> = members.iter().collect();
        // Static members have an order that survives restarts.
        members.sort_by_key(|m| m.order());
        let mut shares: BTreeMap<Text, Vec<(Text, i32)>> = members.iter().map(|m| (m.id.clone(), Vec::new())).collect();
        let mut give = |to: &Subscriber, topic: &Text, partition| {
            shares.entry(to.id.clone()).or_default().push((topic.clone(), partition));
        };
        match self {
            Self::Range => {
                for (topic, count) in topics {
                    let takers: Vec<_> = members.iter().filter(|m| m.topics.contains(topic)).collect();
                    let takers_count = takers.len().max(1) as i32;
                    let (each, more) = (count / takers_count, count % takers_count);
                    let mut next = 0;
                    for (n, taker) in takers.into_iter().enumerate() {
                        let size = each + i32::from((n as i32) < more);
                        (next..next + size).for_each(|p| give(taker, topic, p));
                        next += size;
                    }
                }
            }
            Self::RoundRobin => {
                let mut turn = 0;
                for (topic, count) in topics.iter().filter(|(t, _)| members.iter().any(|m| m.topics.contains(t))) {
                    for partition in 0..*count {
                        while !members[turn % members.len()].topics.contains(topic) {
                            turn += 1;
                        }
                        give(members[turn % members.len()], topic, partition);
                        turn += 1;
                    }
                }
            }
        }
        shares
    }
}

/// A member as its leader sees it.
pub(super) struct Subscriber {
    pub(super) id: Text,
    pub(super) instance: Option<Text>,
    pub(super) topics: Vec<Text>,
}

impl Subscriber {
    fn order(&self) -> (bool, &Text) {
        // Static before dynamic, then by name.
        (self.instance.is_none(), self.instance.as_ref().unwrap_or(&self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, topics: &[&str]) -> Subscriber {
        Subscriber { id: id.into(), instance: None, topics: topics.iter().map(|t| Text::from(*t)).collect() }
    }

    fn show(shares: &BTreeMap<Text, Vec<(Text, i32)>>, id: &str) -> String {
        shares[&Text::from(id)].iter().map(|(t, p)| format!("{t}{p} ")).collect()
    }

    #[test]
    fn shares_are_those_of_the_java_client() {
        let topics = BTreeMap::from([(Text::from("a"), 3), (Text::from("b"), 3)]);
        let members = [member("y", &["a", "b"]), member("x", &["a", "b"])];
        let range = Assignor::Range.assign(&members, &topics);
        assert_eq!((show(&range, "x"), show(&range, "y")), ("a0 a1 b0 b1 ".into(), "a2 b2 ".into()));
        let round = Assignor::RoundRobin.assign(&members, &topics);
        assert_eq!((show(&round, "x"), show(&round, "y")), ("a0 a2 b1 ".into(), "a1 b0 b2 ".into()));
    }

    #[test]
    fn every_partition_has_one_reader_who_asked_for_it() {
        let topics = BTreeMap::from([(Text::from("a"), 7), (Text::from("b"), 1), (Text::from("c"), 5)]);
        let members = [member("1", &["a"]), member("2", &["a", "c"]), member("3", &["c"]), member("4", &["b", "x"])];
        for assignor in [Assignor::Range, Assignor::RoundRobin] {
            let shares = assignor.assign(&members, &topics);
            let mut all: Vec<_> = shares.values().flatten().cloned().collect();
            all.sort();
            let expected: Vec<_> = topics.iter().flat_map(|(t, n)| (0..*n).map(|p| (t.clone(), p))).collect();
            assert_eq!(all, expected);
            for m in &members {
                assert!(shares[&m.id].iter().all(|(t, _)| m.topics.contains(t)));
            }
        }
        assert!(Assignor::RoundRobin.assign(&[], &topics).is_empty());
    }
}
