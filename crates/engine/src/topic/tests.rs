//! The catalog on stage, and against a model of maps.

use std::collections::{BTreeMap as Model, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{
    fact::PurgeReason,
    script::{Line, Stage, perform_all},
    settings,
};

const NODE: i32 = 1;

fn at(wall: i64) -> Now {
    Now { wall, mono: wall }
}

fn id(number: u128) -> TopicId {
    TopicId(Uuid::from_u128(number))
}

fn create(number: u128, name: &str) -> CreateTopic {
    CreateTopic {
        id: id(number),
        name: name.into(),
        partitions: -1,
        replicas: -1,
        assignments: Vec::new(),
        settings: Vec::new(),
        default_partitions: 1,
        node: NODE,
    }
}

/// A catalog with every fact that ever became true of it.
#[derive(Default)]
struct Kept {
    catalog: Catalog,
    history: Vec<Vec<u8>>,
}

impl Kept {
    fn tell(&mut self, now: Now, command: Command) -> Result<Reply, Refusal> {
        let decision = self.catalog.decide(now, command)?;
        decision.facts.iter().for_each(|fact| self.apply(fact));
        Ok(decision.reply)
    }
    fn apply(&mut self, fact: &CatalogFact) {
        self.catalog.apply(fact);
        let mut bytes = Vec::new();
        fact.encode(&mut bytes);
        self.history.push(bytes);
    }
    fn check(&self) {
        let mut replayed = Catalog::default();
        self.history.iter().for_each(|bytes| replayed.apply(&CatalogFact::decode(bytes).unwrap()));
        assert_eq!(replayed, self.catalog);
        let mut bytes = Vec::new();
        self.catalog.snapshot(&mut bytes);
        let restored = Catalog::restore(&bytes).unwrap();
        assert_eq!(restored, self.catalog);
        let logs: Vec<_> = self.catalog.logs().collect();
        assert_eq!(BTreeSet::from_iter(logs.iter().copied()).len(), logs.len(), "a log has two owners");
        let partitions = self.catalog.logs().count() - self.catalog.groups().count();
        assert_eq!(partitions, self.catalog.partitions());
    }
}

struct Theatre {
    kept: Kept,
    now: Now,
    /// The next topic gets this id.
    next: u128,
}

impl Theatre {
    fn command(&mut self, verb: &str, line: &Line) -> Command {
        let target = |word: String| match word.strip_prefix('#') {
            Some(number) => Target::Id(id(number.parse().unwrap())),
            None => Target::Name(word),
        };
        match verb {
            "create" => {
                self.next += 1;
                let brokers = |text: &str| text.split(':').filter(|b| !b.is_empty()).map(|b| b.parse().unwrap()).collect();
                let assignments = line.text("assign").map_or(vec![], |text| {
                    let each = text.split(',').map(|one| one.split_once('>').unwrap());
                    each.map(|(p, b)| Assignment { partition: p.parse().unwrap(), brokers: brokers(b) }).collect()
                });
                let settings = line.pairs().filter(|(name, _)| name.contains('.'));
                Command::Create(CreateTopic {
                    partitions: line.or("partitions", -1),
                    replicas: line.or("replicas", -1),
                    assignments,
                    settings: settings.map(|(n, v)| (n.into(), (v != "null").then(|| v.into()))).collect(),
                    ..create(line.or("id", self.next), &line.words[0])
                })
            }
            "add" => Command::Add(AddPartitions {
                name: line.word(0),
                count: line.word(1),
                assignments: line.text("assign").map(|text| text.split(',').map(|b| vec![b.parse().unwrap()]).collect()),
                node: NODE,
            }),
            "alter" => Command::Alter(AlterTopic {
                name: line.word(0),
                change: SettingsChange::Some(line.pairs().map(|(n, v)| settings::Change::set(n, v)).collect()),
            }),
            "replace" => Command::Alter(AlterTopic {
                name: line.word(0),
                change: SettingsChange::Whole(line.pairs().map(|(n, v)| (n.into(), Some(v.into()))).collect()),
            }),
            "delete" => Command::Delete(DeleteTopic { target: target(line.word(0)), enabled: line.or("enabled", true) }),
            "restore" => Command::Restore(RestoreTopic { target: target(line.word(0)), name: line.text("as").map(Into::into) }),
            "purge" => Command::Purge(DeleteTopic { target: target(line.word(0)), enabled: line.or("enabled", true) }),
            "purge-oldest" => Command::PurgeOldest,
            "group" => Command::CreateGroup(line.words[0].as_str().into()),
            "remove-group" => Command::RemoveGroup(line.word(0)),
            "found" => Command::Found(Uuid::from_u128(line.word(0))),
            other => panic!("no verb {other}"),
        }
    }
}

fn said(fact: &CatalogFact) -> String {
    let logs = |first: u64, count: u32| format!("logs {first}..{}", first + u64::from(count));
    let number = |id: TopicId| id.0.as_u128();
    let content = match fact {
        CatalogFact::ClusterFounded(f) => format!("{} at {}", f.cluster.as_u128(), f.at),
        CatalogFact::TopicCreated(f) => {
            format!("#{} {} {} {:?} at {}", number(f.id), f.name, logs(f.first_log, f.partitions), f.settings, f.at)
        }
        CatalogFact::TopicDeleted(f) => format!("#{} at {} until {}", number(f.id), f.at, f.purge_at),
        CatalogFact::TopicRestored(f) => format!("#{} as {}", number(f.id), f.name),
        CatalogFact::TopicPurged(f) => format!("#{} {:?}", number(f.id), f.why),
        CatalogFact::PartitionsAdded(f) => format!("#{} {}", number(f.id), logs(f.first_log, f.count)),
        CatalogFact::TopicSettingsChanged(f) => format!("#{} {:?}", number(f.id), f.changes),
        CatalogFact::GroupCreated(f) => format!("{} log {}", f.name, f.log),
        CatalogFact::GroupRemoved(f) => format!("log {}", f.log),
    };
    format!("fact: {} {content}", fact.name())
}

fn replied(reply: &Reply) -> String {
    match reply {
        Reply::Founded(cluster) => format!("founded {}", cluster.as_u128()),
        Reply::Created(c) => format!("created {} with {} partitions", c.topic.name, c.topic.partitions()),
        Reply::Added { first, logs } => format!("added from {first}, logs {logs:?}"),
        Reply::Altered(settings) => format!("altered {settings:?}"),
        Reply::Deleted { until, .. } => format!("deleted, restorable until {until}"),
        Reply::Restored(topic) => format!("restored {} with {} partitions", topic.name, topic.partitions()),
        Reply::Purged(gone) => format!("purged {}, logs {:?}", gone.name, gone.logs.iter().collect::<Vec<_>>()),
        Reply::NothingToPurge => "nothing to purge".into(),
        Reply::Group(log) => format!("group in log {log}"),
        Reply::Removed => "removed".into(),
    }
}

impl Stage for Theatre {
    fn perform(&mut self, verb: &str, line: &Line) -> Vec<String> {
        let catalog = &self.kept.catalog;
        match verb {
            "now" => {
                self.now = at(line.word(0));
                vec![]
            }
            "topics" => {
                let one = |t: &Arc<Topic>| format!("{} #{} {:?}", t.name, t.id.0.as_u128(), t.logs.iter().collect::<Vec<_>>());
                catalog.topics().map(one).collect()
            }
            "topics-from" => catalog.topics_from(&line.words[0]).map(|t| t.name.to_string()).collect(),
            "trash" => catalog.trash().map(|t| format!("{} until {}", t.topic.name, t.purge_at)).collect(),
            "deadline" => vec![format!("{:?}", catalog.deadline())],
            "expire" => {
                let facts = catalog.expire(self.now);
                facts.iter().for_each(|fact| self.kept.apply(fact));
                facts.iter().map(said).collect()
            }
            "restart" => {
                self.kept.check();
                let mut bytes = Vec::new();
                self.kept.catalog.snapshot(&mut bytes);
                self.kept.catalog = Catalog::restore(&bytes).unwrap();
                vec!["restarted".into()]
            }
            _ => {
                let command = self.command(verb, line);
                match self.kept.catalog.decide(self.now, command) {
                    Err(refusal) => vec![format!("refused: {refusal}")],
                    Ok(decision) => {
                        decision.facts.iter().for_each(|fact| self.kept.apply(fact));
                        decision.facts.iter().map(said).chain([replied(&decision.reply)]).collect()
                    }
                }
            }
        }
    }
}

#[test]
fn plays() {
    perform_all("topic", || Theatre { kept: Kept::default(), now: at(1_000), next: 0 });
}

#[derive(Clone, Debug)]
enum Act {
    Create { name: u8, partitions: i32 },
    Delete { name: u8 },
    Restore { name: u8, new: Option<u8> },
    Purge { name: u8 },
    Add { name: u8, more: i32 },
    Set { name: u8, value: u8 },
    Group { name: u8 },
    RemoveGroup { name: u8 },
    PurgeOldest,
    Pass { hours: i64 },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let name = || 0..5u8;
    let act = prop_oneof![
        4 => (name(), 1..4i32).prop_map(|(name, partitions)| Act::Create { name, partitions }),
        3 => name().prop_map(|name| Act::Delete { name }),
        2 => (name(), prop::option::of(0..5u8)).prop_map(|(name, new)| Act::Restore { name, new }),
        1 => name().prop_map(|name| Act::Purge { name }),
        2 => (name(), 1..3i32).prop_map(|(name, more)| Act::Add { name, more }),
        1 => (name(), 0..3u8).prop_map(|(name, value)| Act::Set { name, value }),
        1 => name().prop_map(|name| Act::Group { name }),
        1 => name().prop_map(|name| Act::RemoveGroup { name }),
        1 => Just(Act::PurgeOldest),
        2 => (0..20i64).prop_map(|hours| Act::Pass { hours }),
    ];
    prop::collection::vec(act, 0..60)
}

/// Names of which two collide.
fn name(number: u8) -> &'static str {
    ["orders", "a.b", "a_b", "x", "Orders"][number as usize]
}

/// Topics as maps: by name id and partitions, the trash with the moment of each deletion.
#[derive(Default)]
struct Maps {
    kept: Kept,
    used: Model<&'static str, (u128, i32)>,
    trash: Vec<(&'static str, u128, i32, i64)>,
    next: u128,
    wall: i64,
}

impl Maps {
    fn tell(&mut self, command: Command) -> Result<Reply, Refusal> {
        self.kept.tell(at(self.wall), command)
    }
    fn is_taken(&self, name: &str) -> bool {
        self.used.keys().any(|used| used.replace('.', "_") == name.replace('.', "_"))
    }

    fn play(&mut self, act: Act) {
        match act {
            Act::Create { name: n, partitions } => self.create(name(n), partitions),
            Act::Delete { name: n } => self.delete(name(n)),
            Act::Restore { name: n, new } => self.restore(name(n), new.map(name)),
            Act::Purge { name: n } => self.purge(name(n)),
            Act::Add { name: n, more } => self.add(name(n), more),
            Act::Set { name: n, value } => {
                let change = SettingsChange::Some(vec![settings::Change::set("retention.ms", value.to_string())]);
                let told = self.tell(Command::Alter(AlterTopic { name: name(n).into(), change }));
                assert_eq!(told.is_ok(), self.used.contains_key(name(n)));
            }
            Act::Group { name: n } => assert!(self.tell(Command::CreateGroup(name(n).into())).is_ok()),
            Act::RemoveGroup { name: n } => {
                if let Some(log) = self.kept.catalog.group(name(n)) {
                    self.tell(Command::RemoveGroup(log)).unwrap();
                    assert_eq!(self.kept.catalog.group(name(n)), None);
                }
            }
            Act::PurgeOldest => self.purge_oldest(),
            Act::Pass { hours } => self.pass(hours),
        }
    }

    fn create(&mut self, name: &'static str, partitions: i32) {
        self.next += 1;
        let told = self.tell(Command::Create(CreateTopic { partitions, ..create(self.next, name) }));
        assert_eq!(told.is_ok(), !self.is_taken(name));
        if told.is_ok() {
            self.used.insert(name, (self.next, partitions));
        }
    }

    fn delete(&mut self, name: &'static str) {
        let told = self.tell(Command::Delete(DeleteTopic { target: Target::Name(name.into()), enabled: true }));
        assert_eq!(told.is_ok(), self.used.contains_key(name));
        if let Some((id, partitions)) = self.used.remove(name) {
            self.trash.push((name, id, partitions, self.wall));
        }
    }

    /// Of those that were deleted in the same moment the model does not know which comes back.
    fn restore(&mut self, name: &'static str, new: Option<&'static str>) {
        let newest = self.trash.iter().filter(|t| t.0 == name).map(|t| t.3).max();
        let free = !self.is_taken(new.unwrap_or(name));
        let told = self.tell(Command::Restore(RestoreTopic { target: Target::Name(name.into()), name: new.map(Into::into) }));
        assert_eq!(told.is_ok(), newest.is_some() && free);
        if let Ok(Reply::Restored(topic)) = told {
            let back = self.trash.iter().position(|t| t.1 == topic.id.0.as_u128()).unwrap();
            let (_, id, partitions, deleted_at) = self.trash.remove(back);
            assert_eq!(Some(deleted_at), newest);
            self.used.insert(new.unwrap_or(name), (id, partitions));
        }
    }

    fn purge(&mut self, name: &'static str) {
        let Ok(Reply::Purged(gone)) = self.tell(Command::Purge(DeleteTopic { target: Target::Name(name.into()), enabled: true }))
        else {
            assert!(!self.used.contains_key(name) && self.trash.iter().all(|t| t.0 != name));
            return;
        };
        assert_eq!(gone.deleted_at.is_none(), self.used.remove(name).is_some());
        self.trash.retain(|t| t.1 != gone.id.0.as_u128());
    }

    fn purge_oldest(&mut self) {
        let oldest = self.trash.iter().map(|t| t.3).min();
        let Reply::Purged(gone) = self.tell(Command::PurgeOldest).unwrap() else {
            assert_eq!(oldest, None);
            return;
        };
        assert_eq!((gone.deleted_at, gone.why), (oldest, PurgeReason::DiskFull));
        self.trash.retain(|t| t.1 != gone.id.0.as_u128());
    }

    fn add(&mut self, name: &'static str, more: i32) {
        let count = self.used.get(name).map_or(0, |u| u.1) + more;
        let told = self.tell(Command::Add(AddPartitions { name: name.into(), count, assignments: None, node: NODE }));
        assert_eq!(told.is_ok(), self.used.contains_key(name));
        self.used.entry(name).and_modify(|used| used.1 = count);
    }

    fn pass(&mut self, hours: i64) {
        self.wall += hours * 3_600_000;
        self.kept.catalog.expire(at(self.wall)).iter().for_each(|fact| self.kept.apply(fact));
        self.trash.retain(|t| t.3 + limits::TRASH_MS > self.wall);
        assert_eq!(self.kept.catalog.deadline(), self.trash.iter().map(|t| t.3 + limits::TRASH_MS).min());
    }

    fn compare(&self) {
        let catalog = &self.kept.catalog;
        let have = catalog.topics().map(|t| (t.name.as_str(), (t.id.0.as_u128(), t.partitions() as i32)));
        assert!(have.eq(self.used.iter().map(|(name, known)| (*name, *known))));
        assert_eq!(catalog.trash().count(), self.trash.len());
        for (name, (number, partitions)) in &self.used {
            let topic = catalog.topic_by_id(id(*number)).unwrap();
            assert_eq!((topic.name.as_str(), topic.logs.log(*partitions)), (*name, None));
            assert!(topic.logs.log(partitions - 1).is_some() && topic.logs.log(-1).is_none());
        }
    }
}

proptest! {
    #[test]
    fn topics_come_go_and_return_as_a_model_of_maps_says(acts in acts()) {
        let mut maps = Maps::default();
        for act in acts {
            maps.play(act);
            maps.compare();
        }
        maps.kept.check();
    }

    #[test]
    fn strange_snapshots_are_refused_and_never_believed(bytes: Vec<u8>) {
        let _ = Catalog::restore(&bytes);
    }
}

#[test]
fn a_log_number_is_never_used_again() {
    let mut kept = Kept::default();
    let mut seen = BTreeSet::new();
    for round in 0..5 {
        let Ok(Reply::Created(created)) = kept.tell(at(0), Command::Create(create(round + 1, "t"))) else { panic!() };
        let Ok(Reply::Group(group)) = kept.tell(at(0), Command::CreateGroup("g".into())) else { panic!() };
        assert!(created.topic.logs.iter().chain([group]).all(|log| log >= FIRST_FREE_LOG && seen.insert(log)));
        kept.tell(at(0), Command::Purge(DeleteTopic { target: Target::Name("t".into()), enabled: true })).unwrap();
        kept.tell(at(0), Command::RemoveGroup(group)).unwrap();
        kept.check();
    }
    assert_eq!(*seen.last().unwrap(), FIRST_FREE_LOG + 9);
}

#[test]
fn partitions_that_follow_each_other_are_one_run_of_logs() {
    let mut logs = Logs::new(16, 2);
    logs.add(18, 3);
    assert_eq!(logs.runs().collect::<Vec<_>>(), [(16, 5)]);
    logs.add(30, 1);
    logs.add(31, 1);
    assert_eq!(logs.runs().collect::<Vec<_>>(), [(16, 5), (30, 2)]);
    assert_eq!((logs.count(), logs.log(4), logs.log(5), logs.log(6), logs.log(7)), (7, Some(20), Some(30), Some(31), None));
}

#[test]
fn whoever_holds_a_topic_sees_one_moment() {
    let mut kept = Kept::default();
    kept.tell(at(0), Command::Create(create(1, "t"))).unwrap();
    let held = kept.catalog.topic("t").unwrap().clone();
    let add = AddPartitions { name: "t".into(), count: 5, assignments: None, node: NODE };
    kept.tell(at(0), Command::Add(add)).unwrap();
    assert_eq!((held.partitions(), kept.catalog.topic("t").unwrap().partitions()), (1, 5));
    assert_eq!(kept.catalog.topic_by_id(id(1)).unwrap().partitions(), 5);
}

#[test]
fn a_request_may_ask_for_ten_thousand_partitions_and_not_for_one_more() {
    let of = |partitions| CreateTopic { partitions, ..create(1, "t") };
    assert_eq!(judge_request(&[of(9_999), of(-1)]), Ok(()));
    assert_eq!(judge_request(&[of(9_999), of(-1), of(-1)]), Err(Refusal::TooManyInRequest));
    // Nonsense is counted as nothing, and refused on its own.
    assert_eq!(judge_request(&[of(10_000), of(-7)]), Ok(()));
    let mut kept = Kept::default();
    kept.tell(at(0), Command::Create(create(1, "t"))).unwrap();
    let add = |count| Command::Add(AddPartitions { name: "t".into(), count, assignments: None, node: NODE });
    assert_eq!(kept.tell(at(0), add(10_002)), Err(Refusal::TooManyInRequest));
    kept.tell(at(0), add(10_001)).unwrap();
}

#[test]
fn a_hundred_thousand_topics_are_small_and_quick() {
    let mut catalog = Catalog::default();
    for number in 0..100_000u128 {
        // Ids are random bits: nothing to gain there.
        let id = TopicId(Uuid::from_u128(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)));
        let name = format!("team-{}.service-{}.events", number % 100, number / 100).parse().unwrap();
        let created = TopicCreated {
            id,
            name,
            first_log: 16 + number as u64,
            partitions: 1,
            settings: Overrides::new(),
            at: number as i64,
        };
        catalog.apply(&created.into());
    }
    let mut bytes = Vec::new();
    catalog.snapshot(&mut bytes);
    assert!(bytes.len() <= 100_000 * 38, "{} bytes", bytes.len());
    let began = std::time::Instant::now();
    let restored = Catalog::restore(&bytes).unwrap();
    // The goal is 50 ms in a release build; a debug build on a busy machine gets a generous multiple.
    assert!(began.elapsed().as_millis() < 5_000, "{:?}", began.elapsed());
    assert_eq!(restored, catalog);
}

#[test]
fn of_two_values_of_one_setting_a_new_topic_takes_the_later() {
    let twice = ["5", "6"].map(|value| ("retention.ms".to_owned(), Some(value.to_owned())));
    let mut kept = Kept::default();
    kept.tell(at(0), Command::Create(CreateTopic { settings: twice.into(), ..create(1, "t") })).unwrap();
    assert_eq!(kept.catalog.topic("t").unwrap().settings["retention.ms"], "6");
}

/// However it is asked for: by name, by being used, or as the new name of a deleted one.
#[test]
fn the_topic_of_kafkas_controllers_is_never_made() {
    let mut kept = Kept::default();
    let refused = Err(Refusal::Controllers);
    assert_eq!(kept.tell(at(0), Command::Create(create(1, CONTROLLERS_TOPIC))), refused);
    let broker = crate::settings::BrokerConfig::default().settings();
    let automatic = CreateTopic::automatic(id(1), CONTROLLERS_TOPIC, 0, &broker).unwrap();
    assert_eq!(kept.tell(at(0), Command::Create(automatic)), refused);
    kept.tell(at(0), Command::Create(create(1, "t"))).unwrap();
    kept.tell(at(0), Command::Delete(DeleteTopic { target: Target::Id(id(1)), enabled: true })).unwrap();
    let back = RestoreTopic { target: Target::Id(id(1)), name: Some(CONTROLLERS_TOPIC.into()) };
    assert_eq!(kept.tell(at(0), Command::Restore(back)), refused);
    kept.check();
}

/// Somebody who reads positions out of Apache Kafka's topic must hear that there is none, not find an empty one.
#[test]
fn the_topics_of_kafkas_brokers_are_not_made_by_being_used() {
    let broker = crate::settings::BrokerConfig::default().settings();
    for name in ["__consumer_offsets", "__transaction_state", "__share_group_state"] {
        assert!(is_internal(name));
        let automatic = CreateTopic::automatic(id(1), name, 0, &broker);
        assert_eq!(automatic.err(), Some(Refusal::NotAutoCreated(name.into())));
    }
    assert!(!is_internal("__mine") && CreateTopic::automatic(id(1), "__mine", 0, &broker).is_ok());
}

#[test]
fn long_names_with_much_in_common_survive_a_restart() {
    let mut kept = Kept::default();
    for number in 1..10 {
        kept.tell(at(0), Command::Create(create(number, &format!("{}{number}", "n".repeat(248))))).unwrap();
        kept.check();
    }
    kept.tell(at(0), Command::Delete(DeleteTopic { target: Target::Id(id(9)), enabled: true })).unwrap();
    kept.check();
}

#[test]
fn additions_are_limited_over_the_whole_request() {
    let mut kept = Kept::default();
    kept.tell(at(0), Command::Create(create(1, "a"))).unwrap();
    kept.tell(at(0), Command::Create(create(2, "b"))).unwrap();
    let add = |name: &str, count| AddPartitions { name: name.into(), count, assignments: None, node: NODE };
    assert_eq!(kept.catalog.judge_additions(&[add("a", 5_001), add("b", 5_001), add("c", i32::MAX), add("a", -1)]), Ok(()));
    let refused = kept.catalog.judge_additions(&[add("a", 5_001), add("b", 5_002)]);
    assert_eq!(refused, Err(Refusal::TooManyInRequest));
}

#[test]
fn every_prefix_of_a_snapshot_is_refused_and_every_flipped_bit_survived() {
    let mut kept = Kept::default();
    kept.tell(at(0), Command::Found(Uuid::from_u128(9))).unwrap();
    kept.tell(at(5), Command::Create(CreateTopic { partitions: 3, ..create(1, "a.b") })).unwrap();
    kept.tell(at(6), Command::Create(create(2, "a.c"))).unwrap();
    kept.tell(at(7), Command::CreateGroup("g".into())).unwrap();
    let target = Target::Name("a.c".into());
    kept.tell(at(8), Command::Delete(DeleteTopic { target, enabled: true })).unwrap();
    let mut bytes = Vec::new();
    kept.catalog.snapshot(&mut bytes);
    for len in 0..bytes.len() {
        assert!(Catalog::restore(&bytes[..len]).is_err());
    }
    for at in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        if let Ok(catalog) = Catalog::restore(&flipped) {
            let _ = catalog.decide(super::tests::at(9), Command::Create(create(3, "x")));
            let _ = catalog.decide(super::tests::at(9), Command::PurgeOldest);
        }
    }
}

#[test]
fn a_snapshot_has_the_bytes_it_always_had() {
    let mut kept = Kept::default();
    kept.tell(at(0), Command::Found(Uuid::from_u128(9))).unwrap();
    let settings = vec![("retention.ms".to_owned(), Some("5".to_owned()))];
    kept.tell(at(5), Command::Create(CreateTopic { partitions: 3, settings, ..create(1, "ab") })).unwrap();
    kept.tell(at(6), Command::Create(create(2, "ac"))).unwrap();
    kept.tell(at(7), Command::Create(create(3, "ad"))).unwrap();
    kept.tell(at(7), Command::CreateGroup("g".into())).unwrap();
    let add = AddPartitions { name: "ac".into(), count: 2, assignments: None, node: NODE };
    kept.tell(at(7), Command::Add(add)).unwrap();
    kept.tell(at(8), Command::Delete(DeleteTopic { target: Target::Name("ad".into()), enabled: true })).unwrap();
    let mut bytes = Vec::new();
    kept.catalog.snapshot(&mut bytes);
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let id = |last: &str| format!("{}{last}", "00".repeat(15));
    let expected = [
        // Version, cluster, the next log; two topics.
        format!("01 01 {} 17 02", id("09")),
        format!("00 026162 {} 01 20 03 0a 01 0c726574656e74696f6e2e6d73 0135", id("01")),
        format!("01 0163 {} 02 00 01 04 01 02 00", id("02")),
        // One in the trash, then one group.
        format!("01 01 0164 {} 01 05 01 02 00 10 80f0b252", id("03")),
        "01 0167 15".to_owned(),
    ];
    assert_eq!(hex, expected.concat().replace(' ', ""));
}
