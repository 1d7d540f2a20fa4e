//! The registry's rules, one by one, and what must hold whatever was done.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

const NOW: Now = Now { wall: 1_700_000_000_000, mono: 0 };

/// A registry, and the facts that made it.
#[derive(Default)]
struct World {
    registry: Registry,
    facts: Vec<SubjectFact>,
    records: Vec<record::Record>,
    spellings: Spellings,
}

fn avro(subject: &str, text: &str) -> Asked {
    Asked {
        subject: Subject::parse(subject),
        format: Format::Avro,
        text: text.into(),
        references: Vec::new(),
        metadata: None,
        rules: None,
        version: None,
        id: None,
        tags: Default::default(),
        normalize: false,
        force: false,
    }
}

/// A record whose fields are longs; those in capitals have a default.
fn record(fields: &str) -> String {
    let field = |name: char| match name.is_uppercase() {
        true => format!(r#"{{"name":"{name}","type":"long","default":0}}"#),
        false => format!(r#"{{"name":"{name}","type":"long"}}"#),
    };
    let fields: Vec<String> = fields.chars().map(field).collect();
    format!(r#"{{"type":"record","name":"R","fields":[{}]}}"#, fields.join(","))
}

impl World {
    fn command(&mut self, command: Command) -> Result<Reply, Refusal> {
        let decision = self.registry.decide(NOW, command)?;
        for fact in &decision.facts {
            self.records.extend(self.registry.records(fact));
            self.registry.apply(fact);
            self.facts.push(fact.clone());
        }
        Ok(decision.reply)
    }

    fn register(&mut self, asked: Asked) -> Result<Shown, Refusal> {
        let question = match self.registry.look(asked, &self.spellings)? {
            Look::Known(known) => return Ok(known),
            Look::Judge(question) => question,
        };
        match self.command(Command::Register(Arc::new(question.judge()?)))? {
            Reply::Registered(shown) => Ok(shown),
            other => panic!("{other:?}"),
        }
    }

    fn put(&mut self, subject: &str, text: &str) -> (i32, i32) {
        let shown = self.register(avro(subject, text)).expect("a sound schema");
        (shown.id, shown.version)
    }

    fn find(&self, asked: Asked, deleted: bool) -> Result<Shown, Refusal> {
        match self.registry.look_up(asked, &self.spellings, deleted, None)? {
            Look::Known(known) => Ok(known),
            Look::Judge(question) => question.find(),
        }
    }

    fn delete(&mut self, subject: &str, permanent: bool) -> Result<Reply, Refusal> {
        self.command(Command::DeleteSubject { subject: Subject::parse(subject), permanent })
    }

    fn delete_version(&mut self, subject: &str, version: i32, permanent: bool) -> Result<Reply, Refusal> {
        let version = Wanted::Number(version);
        self.command(Command::DeleteVersion { subject: Subject::parse(subject), version, permanent })
    }

    fn level(&mut self, scope: &str, level: Level) {
        let config = Config { compatibility_level: Some(level), ..Config::default() };
        self.configure(scope, config);
    }

    fn configure(&mut self, scope: &str, config: Config) {
        self.command(Command::SetConfig { scope: Subject::parse(scope), changes: changes(&config) }).expect("a sound config");
    }

    fn mode(&mut self, scope: &str, mode: Mode, force: bool) -> Result<Reply, Refusal> {
        self.command(Command::SetMode { scope: Subject::parse(scope), mode, force })
    }
}

fn changes(config: &Config) -> Box<serde_json::Map<String, serde_json::Value>> {
    let fields = serde_json::to_value(config).expect("a document is JSON");
    Box::new(fields.as_object().expect("it has fields").clone())
}

fn snapshot(registry: &Registry) -> Vec<u8> {
    let mut bytes = Vec::new();
    registry.snapshot(&mut bytes);
    bytes
}

#[test]
fn what_is_stored_is_bounded_as_what_is_read() {
    let mut world = World::default();
    // The canonical text puts a blank and a line's end where the sent one had nothing.
    let values: String = (20_000..90_000).map(|n| format!("V{n}={n};")).collect();
    let text = format!("syntax=\"proto3\";enum E{{Z=0;{values}}}");
    assert!(text.len() < limits::SCHEMA_BYTES_MAX);
    let asked = Asked { format: Format::Protobuf, ..avro("long", &text) };
    let told = world.register(asked).map(|shown| shown.content.text.len());
    assert!(matches!(told, Err(Refusal::TooLarge { max: limits::SCHEMA_BYTES_MAX, .. })), "{told:?}");
    // Metadata of the configuration comes on top of what was sent.
    let property = |name: &str| Metadata {
        properties: Some([(name.to_owned(), "x".repeat(limits::DOCUMENT_BYTES_MAX - 1_000))].into()),
        ..Default::default()
    };
    let config = Config { default_metadata: Some(property("one")), ..Default::default() };
    world.configure("", config);
    let asked = Asked { metadata: Some(property("two")), ..avro("metadata", "\"string\"") };
    assert!(matches!(world.register(asked), Err(Refusal::TooLarge { max: limits::DOCUMENT_BYTES_MAX, .. })));
    world.register(Asked { metadata: Some(Metadata::default()), ..avro("metadata", "\"string\"") }).unwrap();
}

#[test]
fn the_same_schema_has_one_id_in_a_context_and_another_elsewhere() {
    let mut world = World::default();
    assert_eq!(world.put("a", "\"string\""), (1, 1));
    assert_eq!(world.put("a", r#"{"type": "string"}"#), (1, 1), "the same in other words");
    assert_eq!(world.put("b", "\"string\""), (1, 1), "the same under another subject");
    assert_eq!(world.put("b2", "\"long\""), (2, 1));
    assert_eq!(world.put(":.eu:a", "\"long\""), (1, 1), "a context counts for itself");
    let uses = world.registry.uses(1, &Subject::context("."), false).expect("it is known");
    assert_eq!(uses, [(Subject::new(".", "a"), 1), (Subject::new(".", "b"), 1)]);
    let contexts: Vec<String> = world.registry.contexts().iter().map(|c| c.to_string()).collect();
    assert_eq!(contexts, [".", ".eu"]);
}

#[test]
fn a_known_text_is_found_without_being_parsed() {
    let mut world = World::default();
    world.put("a", "\"string\"");
    assert!(matches!(world.registry.look(avro("a", "\"string\""), &world.spellings), Ok(Look::Known(_))));
    assert!(matches!(world.registry.look_up(avro("a", "\"string\""), &world.spellings, false, None), Ok(Look::Known(_))));
    let spaced = avro("a", " \"string\"");
    let Ok(Look::Judge(question)) = world.registry.look(spaced.clone(), &world.spellings) else { panic!("it is not known") };
    let sent = question.spelling().expect("it stands alone");
    let judged = question.judge().expect("sound");
    world.spellings.note(sent, &judged.content().text);
    assert!(matches!(world.registry.look(spaced.clone(), &world.spellings), Ok(Look::Known(_))), "it was seen before");
    let normal = Asked { normalize: true, ..spaced };
    assert!(matches!(world.registry.look(normal, &world.spellings), Ok(Look::Judge(_))), "that is another question");
}

#[test]
fn blanks_do_not_decide_which_version_a_schema_is() {
    let mut world = World::default();
    world.put("name", r#"{"type":"record","name":"N","fields":[]}"#);
    let text = r#"{"type":"array","items":"N"}"#;
    let reference = || vec![Reference { name: "N".into(), subject: "name".into(), version: 1 }];
    for (subject, second) in [("noted", properties(&[("confluent:version", "0")])), ("owned", properties(&[("owner", "us")]))] {
        let plain = |text: &str| Asked { references: reference(), ..avro(subject, text) };
        world.register(plain(text)).expect("the first");
        world.register(Asked { metadata: Some(second), ..plain(text) }).expect("the same with metadata");
        for sent in [text.to_string(), format!(" {text}"), format!("{text} ")] {
            assert_eq!(world.register(plain(&sent)).expect("it is there").version, 1, "{subject} {sent:?}");
            assert_eq!(world.find(plain(&sent), false).expect("it is there").version, 1, "{subject} {sent:?}");
        }
        // No text is another request: the latest one again.
        let again = Asked { references: Vec::new(), ..plain("") };
        assert_eq!(world.register(again).expect("it is there").version, 2, "{subject}");
        // Where the first is gone, what it does not say is the latest version's.
        world.delete_version(subject, 1, false).expect("live");
        for sent in [text.to_string(), format!(" {text}")] {
            assert_eq!(world.register(plain(&sent)).expect("it is there").version, 2, "{subject} {sent:?}");
            assert_eq!(world.find(plain(&sent), false).expect("it is there").version, 2, "{subject} {sent:?}");
        }
    }
}

#[test]
fn a_level_decides_what_may_follow() {
    let mut world = World::default();
    world.put("a", &record("a"));
    let refused = world.register(avro("a", &record("ab"))).expect_err("b has no default");
    let Refusal::Incompatible { details, .. } = &refused else { panic!("{refused:?}") };
    assert!(details[0].contains("READER_FIELD_MISSING_DEFAULT_VALUE"), "{details:?}");
    assert!(details.last().is_some_and(|d| d.contains("compatibility: 'BACKWARD'")), "{details:?}");
    assert_eq!(world.put("a", &record("aB")), (2, 2));
    world.level("a", Level::Forward);
    assert!(world.register(avro("a", &record("B"))).is_err(), "old readers need a");
    world.level("a", Level::None);
    assert_eq!(world.put("a", "\"string\""), (3, 3));
    world.level("a", Level::BackwardTransitive);
    assert!(world.register(avro("a", "\"bytes\"")).is_err(), "the first version was a record");
    world.level("a", Level::Backward);
    assert_eq!(world.put("a", "\"bytes\""), (4, 4));
    let forced = Asked { force: true, ..avro("a", "\"int\"") };
    assert_eq!(world.register(forced).expect("forced").version, 5);
}

#[test]
fn only_versions_of_the_same_group_are_compared() {
    let mut world = World::default();
    let grouped = |text: &str, group: &str| Asked {
        metadata: Some(Metadata { properties: Some([("major".to_string(), group.to_string())].into()), ..Metadata::default() }),
        ..avro("a", text)
    };
    world.configure("a", Config { compatibility_group: Some("major".into()), ..Config::default() });
    world.register(grouped("\"string\"", "1")).expect("the first");
    assert!(world.register(grouped("\"long\"", "1")).is_err());
    assert_eq!(world.register(grouped("\"long\"", "2")).expect("another group").version, 2);
    // Who says nothing inherits the latest version's metadata, and with it the group.
    assert!(world.register(avro("a", "\"string\"")).is_err());
}

fn properties(pairs: &[(&str, &str)]) -> Metadata {
    Metadata {
        properties: Some(pairs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect()),
        ..Metadata::default()
    }
}

#[test]
fn reserved_names_hold_in_every_group_and_all_that_is_wrong_is_told() {
    let mut world = World::default();
    let config = Config { validate_fields: Some(true), compatibility_group: Some("major".into()), ..Config::default() };
    world.configure("a", config);
    let asked = |fields: &str, pairs: &[(&str, &str)]| Asked { metadata: Some(properties(pairs)), ..avro("a", &record(fields)) };
    world.register(asked("a", &[("major", "1"), ("confluent:reserved", "x,y")])).expect("sound");
    let told = |refused: Refusal| match refused {
        Refusal::Incompatible { details, .. } => details,
        other => panic!("{other:?}"),
    };
    let details = told(world.register(asked("a", &[("major", "2")])).expect_err("another group frees nothing"));
    assert_eq!(details.iter().filter(|d| d.contains("RESERVED_FIELD_REMOVED")).count(), 2, "{details:?}");
    let details = told(world.register(asked("abx", &[("major", "1"), ("confluent:reserved", "x,y")])).expect_err("x and b"));
    assert!(details[0].contains("conflicts with the reserved field x"), "{details:?}");
    assert!(details.iter().any(|d| d.contains("READER_FIELD_MISSING_DEFAULT_VALUE")), "{details:?}");
    assert_eq!(details.last().map(String::as_str), Some("{validateFields: 'true', compatibility: 'BACKWARD'}"));
}

#[test]
fn a_group_is_judged_with_the_metadata_that_will_be_stored() {
    let mut world = World::default();
    let group = || Some("major".to_string());
    let one = Config { compatibility_group: group(), default_metadata: Some(properties(&[("major", "1")])), ..Config::default() };
    world.configure("a", one);
    let said = |text: &str| Asked { metadata: Some(properties(&[("owner", "us")])), ..avro("a", text) };
    world.register(said("\"string\"")).expect("the first");
    assert!(world.register(said("\"long\"")).is_err(), "both are of group 1 by default");
    let two = Config { override_metadata: Some(properties(&[("major", "2")])), ..Config::default() };
    world.configure("a", two);
    let Ok(Look::Judge(question)) =
        world.registry.look_up(said("\"long\""), &world.spellings, false, Some(Among::One(Wanted::Number(1))))
    else {
        panic!("it is not known")
    };
    assert!(question.verdict().expect("sound").compatible);
    world.register(said("\"long\"")).expect("the configuration puts it into another group");
}

#[test]
fn deleting_is_soft_and_then_for_good() {
    let mut world = World::default();
    world.put("a", "\"int\"");
    world.put("a", "\"long\"");
    assert!(matches!(world.delete("a", true), Err(Refusal::SubjectNotSoftDeleted(_))));
    assert!(matches!(world.delete_version("a", 1, true), Err(Refusal::VersionNotSoftDeleted { .. })));
    assert_eq!(world.delete_version("a", 1, false), Ok(Reply::Deleted(vec![1])));
    assert!(matches!(world.delete_version("a", 1, false), Err(Refusal::VersionSoftDeleted { .. })));
    assert!(world.registry.by_id(1, &Subject::context(".")).is_ok(), "consumers go on");
    assert_eq!(world.delete("a", false), Ok(Reply::Deleted(vec![2])));
    assert!(matches!(world.delete("a", false), Err(Refusal::SubjectSoftDeleted(_))));
    assert!(matches!(world.find(avro("a", "\"long\""), false), Err(Refusal::NoSchema)));
    assert_eq!(world.find(avro("a", "\"long\""), true).expect("still there").version, 2);
    assert_eq!(world.put("a", "\"long\""), (2, 3), "the same schema again: the same id, the next number");
    world.delete("a", false).expect("live");
    assert_eq!(world.delete("a", true), Ok(Reply::Deleted(vec![1, 3])), "2 was the same schema, and went when 3 came");
    assert!(world.registry.by_id(2, &Subject::context(".")).is_err());
    assert!(matches!(world.delete("a", true), Err(Refusal::NoSubject(_))));
    assert_eq!(world.put("a", "\"long\""), (3, 1), "an id never means two things; numbers begin anew");
}

#[test]
fn what_is_referred_to_stays() {
    let mut world = World::default();
    world.put("name", r#"{"type":"record","name":"N","fields":[]}"#);
    let referring = |version| Asked {
        references: vec![Reference { name: "N".into(), subject: "name".into(), version }],
        ..avro("a", r#"{"type":"array","items":"N"}"#)
    };
    let shown = world.register(referring(-1)).expect("it is known");
    assert_eq!(shown.content.references[0].version, 1, "-1 is the latest of that moment");
    assert_eq!(world.register(referring(1)).expect("the same").version, 1);
    assert!(matches!(world.register(referring(7)), Err(Refusal::BadSchema(_))));
    assert_eq!(world.registry.referenced_by(&Subject::parse("name"), 1, false), [shown.id]);
    assert!(matches!(world.delete("name", false), Err(Refusal::Referenced { .. })));
    assert!(matches!(world.delete_version("name", 1, false), Err(Refusal::Referenced { .. })));
    world.delete("a", false).expect("nobody refers to it");
    world.delete("name", false).expect("only a deleted one refers to it");
    assert!(matches!(world.delete("name", true), Err(Refusal::Referenced { .. })), "for good, that one counts");
    world.delete("a", true).expect("soft-deleted");
    world.delete("name", true).expect("free");
}

#[test]
fn an_import_may_bring_who_refers_to_a_soft_deleted_one() {
    let mut world = World::default();
    let text = r#"{"type":"record","name":"N","fields":[]}"#;
    world.mode("name", Mode::Import, false).expect("nothing is there");
    world.register(Asked { id: Some(1), version: Some(Wanted::Number(1)), ..avro("name", text) }).expect("sound");
    let references = vec![Reference { name: "N".into(), subject: "name".into(), version: 1 }];
    world.register(Asked { references, ..avro("a", r#"{"type":"array","items":"N"}"#) }).expect("sound");
    assert_eq!(world.delete_version("name", 1, false), Ok(Reply::Deleted(vec![1])));
    assert!(matches!(world.delete_version("name", 1, true), Err(Refusal::Referenced { .. })), "for good is another matter");
}

#[test]
fn a_mode_decides_who_gives_ids() {
    let mut world = World::default();
    world.put("a", "\"int\"");
    let with_id = |id, version| Asked { id: Some(id), version: Some(Wanted::Number(version)), ..avro("i", "\"long\"") };
    assert!(matches!(world.register(with_id(100, 5)), Err(Refusal::NotImporting { .. })));
    world.mode("a", Mode::ReadOnly, false).expect("allowed");
    assert!(matches!(world.register(avro("a", "\"long\"")), Err(Refusal::ModeForbids { .. })));
    assert!(world.register(avro("a", "\"int\"")).is_ok(), "what is there is answered");
    assert!(matches!(world.delete("a", false), Err(Refusal::ModeForbids { .. })));
    assert!(matches!(world.mode(":.:", Mode::Import, false), Err(Refusal::NotEmptyForImport)));
    world.mode("i", Mode::Import, false).expect("nothing is there");
    let shown = world.register(with_id(100, 5)).expect("given");
    assert_eq!((shown.id, shown.version), (100, 5));
    assert!(matches!(world.register(avro("i", "\"int\"")), Err(Refusal::IdMissing { .. })));
    let other = Asked { text: "\"string\"".into(), ..with_id(100, 6) };
    assert!(matches!(world.register(other), Err(Refusal::OtherContent(100))));
    assert_eq!(world.put("b", "\"bytes\""), (101, 1), "above what was imported");
    world.mode(":.__GLOBAL:", Mode::ReadOnlyOverride, false).expect("allowed");
    assert!(matches!(world.register(avro("b", "\"null\"")), Err(Refusal::ModeForbids { .. })));
}

#[test]
fn metadata_is_inherited_laid_over_and_told_the_version() {
    let mut world = World::default();
    let config = Config {
        default_metadata: Some(properties(&[("owner", "nobody"), ("place", "here")])),
        override_metadata: Some(properties(&[("place", "there")])),
        ..Config::default()
    };
    world.configure("a", config);
    let asked = Asked { metadata: Some(properties(&[("owner", "us")])), ..avro("a", &record("a")) };
    let shown = world.register(asked).expect("sound");
    assert_eq!(shown.content.metadata.as_deref(), Some(&properties(&[("owner", "us"), ("place", "there")])));
    let asked = Asked { version: Some(Wanted::Number(2)), ..avro("a", &record("aB")) };
    let shown = world.register(asked).expect("the next");
    let expected = properties(&[("owner", "us"), ("place", "there"), ("confluent:version", "2")]);
    assert_eq!(shown.content.metadata.as_deref(), Some(&expected));
    assert_eq!(world.register(avro("a", &record("aB"))).expect("the same").version, 2);
    let found = world.registry.with_properties(&Subject::parse("a"), &[("owner".into(), "us".into())], false);
    assert_eq!(found.expect("the newest").version, 2);
    let asked = Asked { version: Some(Wanted::Number(9)), ..avro("a", &record("aBC")) };
    assert!(matches!(world.register(asked), Err(Refusal::BadSchema(_))), "9 is not the next");
}

#[test]
fn who_asks_for_the_latest_version_is_told_its_number() {
    let mut world = World::default();
    let latest = |fields: &str| Asked { version: Some(Wanted::Latest), ..avro("a", &record(fields)) };
    let noted =
        |shown: &Shown| shown.content.metadata.as_deref().and_then(|m| m.property("confluent:version")).map(str::to_string);
    assert_eq!(noted(&world.register(latest("a")).expect("the first")).as_deref(), Some("1"));
    assert_eq!(world.register(latest("a")).expect("the same").version, 1);
    let next = world.register(avro("a", &record("aB"))).expect("the next");
    assert_eq!(noted(&next).as_deref(), Some("2"), "the one before noted its own");
}

#[test]
fn a_number_that_is_asked_for_is_the_next_one_or_refused() {
    let mut world = World::default();
    let numbered = |version| Asked { version: Some(Wanted::Number(version)), ..avro("a", &record("a")) };
    assert_eq!(world.register(numbered(1)).expect("the next").version, 1);
    assert_eq!(
        world.register(numbered(1)),
        Err(Refusal::BadSchema("Version is not one more than previous version".into())),
        "the latest is there already"
    );
    assert_eq!(world.register(numbered(2)).expect("the next").version, 2, "of the same schema");
    assert_eq!(world.register(avro("a", &record("a"))).expect("it is there").version, 2);
}

#[test]
fn a_version_in_metadata_is_a_new_one_or_the_one_that_is_looked_for() {
    let mut world = World::default();
    let meant =
        |version: &str| Asked { metadata: Some(properties(&[("confluent:version", version)])), ..avro("a", &record("a")) };
    let noted = |shown: &Shown| shown.content.metadata.as_deref().and_then(super::Metadata::version);
    for (version, number) in [("0", 1), ("-1", 2), ("0", 3)] {
        let shown = world.register(meant(version)).expect("the next");
        assert_eq!((shown.version, noted(&shown)), (number, Some(number)), "{version} is a new version");
    }
    for number in 1..=3 {
        assert_eq!(world.find(meant(&number.to_string()), false).expect("it is there").version, number);
        assert_eq!(world.register(meant(&number.to_string())).expect("it is there").version, number, "and registers nothing");
    }
    assert_eq!(world.find(meant("4"), false), Err(Refusal::NoSchema), "version 4 is not this schema");
    assert_eq!(world.register(meant("4")).expect("it is there").version, 3, "a number that is out of date makes no versions");
    for newest in ["0", "-1"] {
        assert_eq!(world.find(meant(newest), false).expect("it is there").version, 3);
    }
    assert_eq!(world.find(avro("a", &record("a")), false).expect("it is there").version, 3);
    // Versions that note nothing are known by their number.
    world.put("b", "\"int\"");
    let of_b = |version: &str| Asked { metadata: Some(properties(&[("confluent:version", version)])), ..avro("b", "\"int\"") };
    assert_eq!(world.find(of_b("1"), false).expect("it is there").version, 1);
    assert_eq!(world.find(of_b("2"), false), Err(Refusal::NoSchema));
}

#[test]
fn a_configuration_of_ones_own_is_without_what_wider_ones_add() {
    let mut world = World::default();
    let owner = properties(&[("owner", "nobody")]);
    let rules: RuleSet = serde_json::from_str(r#"{"domainRules":[{"name":"r","type":"CEL"}]}"#).expect("rules");
    let wide = Config {
        alias: Some("elsewhere".into()),
        compatibility_level: Some(Level::Full),
        compatibility_group: Some("major".into()),
        compatibility_policy: Some(super::Policy::Lenient),
        normalize: Some(true),
        validate_fields: Some(true),
        default_metadata: Some(owner.clone()),
        override_metadata: Some(owner.clone()),
        default_rule_set: Some(rules.clone()),
        override_rule_set: Some(rules),
        ..Config::default()
    };
    world.configure("", wide.clone());
    world.configure("a", Config { validate_rules: Some(true), ..Config::default() });
    let through = Config {
        compatibility_level: Some(Level::Full),
        compatibility_group: Some("major".into()),
        compatibility_policy: Some(super::Policy::Lenient),
        normalize: Some(true),
        validate_fields: Some(true),
        validate_rules: Some(true),
        ..Config::default()
    };
    assert_eq!(world.registry.effective_config(&Subject::parse("a")), through);
    assert_eq!(world.registry.effective_config(&Subject::parse("b")), Config { alias: None, ..wide }, "without one, all of it");
    assert_eq!(world.register(avro("a", &record("a"))).expect("sound").content.metadata, None);
    assert_eq!(world.register(avro("b", &record("a"))).expect("sound").content.metadata.as_deref(), Some(&owner));
}

#[test]
fn an_import_does_not_use_up_the_last_of_anything() {
    let mut world = World::default();
    let given = |id, version| Asked { id: Some(id), version: Some(Wanted::Number(version)), ..avro("i", "\"long\"") };
    world.mode("i", Mode::Import, false).expect("nothing is there");
    assert_eq!(world.register(given(i32::MAX, 1)), Err(Refusal::LastOne("id")));
    assert_eq!(world.register(given(7, i32::MAX)), Err(Refusal::LastOne("version")));
    world.register(given(i32::MAX - 1, i32::MAX - 1)).expect("one is left");
    world.mode("i", Mode::ReadWrite, false).expect("allowed");
    world.level("i", Level::None);
    assert_eq!(world.put("i", "\"int\""), (i32::MAX, i32::MAX));
    assert_eq!(world.register(avro("i", "\"bytes\"")), Err(Refusal::VersionsUsedUp(Subject::parse("i"))));
    assert_eq!(world.register(avro("other", "\"bytes\"")), Err(Refusal::IdsUsedUp));
    let spaced = avro("i", " \"int\"");
    assert_eq!(world.find(spaced, false).expect("what is there is found").version, i32::MAX);
    let Ok(Look::Judge(question)) =
        world.registry.look_up(avro("i", "\"bytes\""), &world.spellings, false, Some(Among::One(Wanted::Latest)))
    else {
        panic!("it is not known")
    };
    assert!(question.verdict().expect("it can be asked").compatible);
}

#[test]
fn rules_are_judged_and_kept() {
    let mut world = World::default();
    let rule = |name: &str, rule_type: Option<&str>| Rule {
        name: name.into(),
        rule_type: rule_type.map(Into::into),
        kind: RuleKind::Condition,
        ..Rule::default()
    };
    let asked = |rules: Vec<Rule>| Asked {
        rules: Some(RuleSet { domain_rules: Some(rules), ..RuleSet::default() }),
        ..avro("a", "\"int\"")
    };
    assert!(matches!(world.register(asked(vec![rule("1", Some("CEL"))])), Err(Refusal::BadRules(_))));
    assert!(matches!(world.register(asked(vec![rule("a", None)])), Err(Refusal::BadRules(_))));
    let twice = vec![rule("a", Some("CEL")), rule("a", Some("CEL"))];
    assert!(matches!(world.register(asked(twice)), Err(Refusal::BadRules(_))));
    let shown = world.register(asked(vec![rule("a", Some("CEL"))])).expect("sound");
    assert!(shown.content.rules.is_some());
    assert_eq!(world.put("a", "\"int\"").1, 1, "who says nothing keeps the rules");
}

#[test]
fn a_judgement_is_for_one_state_only() {
    let mut world = World::default();
    let early = judged(&world, avro("a", &record("a")));
    world.put("a", &record("b"));
    assert_eq!(world.command(Command::Register(early)), Err(Refusal::Changed));
    let early = judged(&world, avro("a", &record("bC")));
    world.level("a", Level::Full);
    assert_eq!(world.command(Command::Register(early)), Err(Refusal::Changed));
    let early = judged(&world, avro("a", &record("bC")));
    world.mode("a", Mode::ReadOnly, false).expect("allowed");
    assert_eq!(world.command(Command::Register(early)), Err(Refusal::Changed));
    world.mode("a", Mode::ReadWrite, false).expect("allowed");
    let other = judged(&world, avro("a", &record("bC")));
    world.put("elsewhere", &record("c"));
    assert!(world.command(Command::Register(other)).is_ok(), "another subject does not matter");
}

/// A judgement that nobody has told the registry yet.
fn judged(world: &World, asked: Asked) -> Arc<Judged> {
    match world.registry.look(asked, &world.spellings) {
        Ok(Look::Judge(question)) => Arc::new(question.judge().expect("sound")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_done_to_others_does_not_spoil_a_judgement() {
    let mut world = World::default();
    world.put("a", &record("a"));
    world.level("a", Level::Full);
    let early = judged(&world, avro("a", &record("aB")));
    world.level("other", Level::None);
    world.level(":.__GLOBAL:", Level::None);
    world.mode("other", Mode::ReadWrite, false).expect("allowed");
    world.put("other", "\"int\"");
    world.delete("other", false).expect("live");
    world.delete("other", true).expect("soft-deleted");
    world.put(":.eu:other", "\"int\"");
    world.delete(":.eu:other", false).expect("live");
    world.delete(":.eu:other", true).expect("soft-deleted");
    world.command(Command::DeleteContext(".eu".into())).expect("empty");
    let told = world.command(Command::Register(early));
    assert!(matches!(told, Ok(Reply::Registered(Shown { version: 2, .. }))), "{told:?}");
}

#[test]
fn a_subject_that_went_and_came_again_is_another() {
    let mut world = World::default();
    world.put("a", &record("a"));
    let early = judged(&world, avro("a", &record("aB")));
    world.delete_version("a", 1, false).expect("live");
    assert_eq!(world.command(Command::Register(early)), Err(Refusal::Changed), "it was judged against one that was live");
    let early = judged(&world, avro("a", &record("aB")));
    world.delete("a", true).expect("soft-deleted");
    assert_eq!(world.command(Command::Register(early.clone())), Err(Refusal::Changed));
    world.put("a", "\"int\"");
    assert_eq!(world.command(Command::Register(early)), Err(Refusal::Changed));
    // What a start restored counts from nothing, as one that is not there does.
    world.registry = Registry::restore(&snapshot(&world.registry)).expect("it was just written");
    world.level("a", Level::None);
    world.delete("a", false).expect("live");
    let early = judged(&world, avro("a", "\"long\""));
    world.delete("a", true).expect("soft-deleted");
    assert_eq!(world.command(Command::Register(early)), Err(Refusal::Changed));
}

#[test]
fn a_judgement_holds_while_what_it_refers_to_does() {
    let mut world = World::default();
    world.put("name", r#"{"type":"record","name":"N","fields":[]}"#);
    let referring = || Asked {
        references: vec![Reference { name: "N".into(), subject: "name".into(), version: -1 }],
        ..avro("a", r#"{"type":"array","items":"N"}"#)
    };
    let early = judged(&world, referring());
    world.put("name", r#"{"type":"record","name":"N","doc":"more","fields":[]}"#);
    world.delete_version("name", 1, false).expect("nobody refers to it yet");
    assert_eq!(world.command(Command::Register(early.clone())), Err(Refusal::Changed), "it meant the latest, which was live");
    world.delete_version("name", 1, true).expect("soft-deleted");
    assert_eq!(world.command(Command::Register(early)), Err(Refusal::Changed), "it is gone");
    let early = judged(&world, referring());
    world.put("name", r#"{"type":"record","name":"N","doc":"yet more","fields":[]}"#);
    assert!(world.command(Command::Register(early)).is_ok(), "what it refers to is as it was");
}

#[test]
fn settings_that_are_so_already_are_not_written() {
    let mut world = World::default();
    world.level("a", Level::None);
    world.mode("a", Mode::ReadWrite, false).expect("allowed");
    let before = world.facts.len();
    world.level("a", Level::None);
    assert_eq!(world.mode("a", Mode::ReadWrite, false), Ok(Reply::Mode(Mode::ReadWrite)));
    assert_eq!(world.facts.len(), before);
}

#[test]
fn normal_form_makes_one_of_two() {
    let mut world = World::default();
    let spelled = r#"{"name":"R","namespace":"n","type":"record","fields":[{"type":"long","name":"a"}]}"#;
    let full = r#"{"type":"record","name":"n.R","fields":[{"name":"a","type":"long"}]}"#;
    let normal = |text: &str| Asked { normalize: true, ..avro("a", text) };
    let first = world.register(normal(spelled)).expect("sound");
    assert_eq!(world.register(normal(full)).expect("the same").id, first.id);
    assert_eq!(world.find(normal(full), false).expect("the same").id, first.id);
}

#[test]
fn aliases_and_scopes() {
    let mut world = World::default();
    world.put("long-name", "\"int\"");
    world.configure("short", Config { alias: Some("long-name".into()), ..Config::default() });
    assert_eq!(world.registry.resolve(Subject::parse("short")), Subject::parse("long-name"));
    world.level(":.__GLOBAL:", Level::Full);
    assert_eq!(world.registry.effective_config(&Subject::parse("a")).compatibility_level, Some(Level::Full));
    world.level(":.:", Level::Forward);
    assert_eq!(world.registry.effective_config(&Subject::parse("a")).compatibility_level, Some(Level::Forward));
    assert_eq!(world.registry.effective_config(&Subject::parse(":.eu:a")).compatibility_level, Some(Level::Full));
}

#[test]
fn a_change_of_settings_leaves_the_others_alone() {
    let mut world = World::default();
    world.configure("a", Config { compatibility_level: Some(Level::Full), normalize: Some(true), ..Config::default() });
    let change = |name: &str, value| Command::SetConfig {
        scope: Subject::parse("a"),
        changes: Box::new([(name.to_string(), value)].into_iter().collect()),
    };
    world.command(change("normalize", serde_json::Value::Null)).expect("sound");
    let left = world.registry.config(&Subject::parse("a")).cloned();
    assert_eq!(left, Some(Config { compatibility_level: Some(Level::Full), ..Config::default() }));
    assert!(matches!(world.command(change("normalize", 5.into())), Err(Refusal::BadConfig(_))));
}

#[test]
fn a_context_goes_when_it_is_empty_and_keeps_its_mark() {
    let mut world = World::default();
    world.put(":.eu:a", "\"int\"");
    assert!(matches!(world.command(Command::DeleteContext(".eu".into())), Err(Refusal::ContextNotEmpty(_))));
    world.delete(":.eu:a", false).expect("live");
    world.delete(":.eu:a", true).expect("soft-deleted");
    world.command(Command::DeleteContext(".eu".into())).expect("empty");
    let tombstone = world.records.last().expect("a deletion is a record");
    assert_eq!(tombstone.key, r#"{"keytype":"CONTEXT","tenant":"default","context":".eu","magic":0}"#);
    assert!(tombstone.value.is_none());
    assert_eq!(world.registry.contexts().len(), 1);
    assert_eq!(world.put(":.eu:a", "\"int\"").0, 2);
}

#[test]
fn records_are_those_of_other_registries() {
    let mut world = World::default();
    world.put("a", "\"int\"");
    world.put(":.eu:b", "\"int\"");
    world.level("a", Level::Full);
    world.level(":.:", Level::None);
    world.mode("a", Mode::ReadWrite, false).expect("allowed");
    world.delete("a", false).expect("live");
    world.delete("a", true).expect("soft-deleted");
    let keys: Vec<&str> = world.records.iter().map(|r| r.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            r#"{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}"#,
            r#"{"keytype":"CONTEXT","tenant":"default","context":".eu","magic":0}"#,
            r#"{"keytype":"SCHEMA","subject":":.eu:b","version":1,"magic":1}"#,
            r#"{"keytype":"CONFIG","subject":"a","magic":0}"#,
            r#"{"keytype":"CONFIG","subject":null,"magic":0}"#,
            r#"{"keytype":"MODE","subject":"a","magic":0}"#,
            r#"{"keytype":"DELETE_SUBJECT","subject":"a","magic":0}"#,
            r#"{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}"#,
            r#"{"keytype":"MODE","subject":"a","magic":0}"#,
            r#"{"keytype":"CONFIG","subject":"a","magic":0}"#,
        ]
    );
    let value = world.records[0].value.as_deref().expect("a value");
    // printf '"int"' | openssl md5 -binary | base64
    let expected = r#"{"subject":"a","version":1,"id":1,"md5":"@","schema":"\"int\"","deleted":false}"#;
    assert_eq!(value, expected.replace('@', MD5_OF_INT));
    assert!(world.records[7].value.is_none(), "for good means a tombstone");
}

#[derive(Clone, Debug)]
enum Act {
    Register(u8, u8),
    Delete(u8, bool),
    DeleteVersion(u8, u8, bool),
    Level(u8, usize),
    Mode(u8, bool),
    DeleteMode(u8),
    DeleteConfig(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..4u8, 0..8u8).prop_map(|(s, t)| Act::Register(s, t)),
        2 => (0..4u8, any::<bool>()).prop_map(|(s, p)| Act::Delete(s, p)),
        2 => (0..4u8, 0..5u8, any::<bool>()).prop_map(|(s, v, p)| Act::DeleteVersion(s, v, p)),
        1 => (0..4u8, 0..7usize).prop_map(|(s, l)| Act::Level(s, l)),
        1 => (0..4u8, any::<bool>()).prop_map(|(s, m)| Act::Mode(s, m)),
        1 => (0..4u8).prop_map(Act::DeleteMode),
        1 => (0..4u8).prop_map(Act::DeleteConfig),
    ]
}

const SUBJECTS: [&str; 4] = ["a", "b", ":.eu:a", ":.:"];
const TEXTS: [&str; 8] =
    ["\"int\"", "\"long\"", "\"string\"", "\"bytes\"", "[\"null\",\"int\"]", "\"boolean\"", "{\"type\":\"int\"}", "\"float\""];

impl World {
    fn act(&mut self, act: &Act) {
        let subject = |s: &u8| Subject::parse(SUBJECTS[usize::from(*s)]);
        // Refusals are as welcome as anything: what matters is what is true afterwards.
        let _ = match act {
            Act::Register(s, t) => {
                let asked = Asked { subject: subject(s), ..avro("", TEXTS[usize::from(*t)]) };
                self.register(asked).map(|_| Reply::Done)
            }
            Act::Delete(s, permanent) => self.command(Command::DeleteSubject { subject: subject(s), permanent: *permanent }),
            Act::DeleteVersion(s, v, permanent) => {
                let version = if *v == 0 { Wanted::Latest } else { Wanted::Number(i32::from(*v)) };
                self.command(Command::DeleteVersion { subject: subject(s), version, permanent: *permanent })
            }
            Act::Level(s, l) => {
                let config = Config { compatibility_level: Some(Level::ALL[*l]), ..Config::default() };
                self.command(Command::SetConfig { scope: subject(s), changes: changes(&config) })
            }
            Act::Mode(s, import) => {
                let mode = if *import { Mode::Import } else { Mode::ReadOnly };
                self.command(Command::SetMode { scope: subject(s), mode, force: false })
            }
            Act::DeleteMode(s) => self.command(Command::DeleteMode { scope: subject(s), recursive: true }),
            Act::DeleteConfig(s) => self.command(Command::DeleteConfig(subject(s))),
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn facts_and_snapshots_give_the_same_registry(acts in proptest::collection::vec(act(), 0..40)) {
        let mut world = World::default();
        let mut ids = std::collections::HashMap::new();
        for act in &acts {
            world.act(act);
            for shown in world.registry.list(":*:", Which::WithDeleted, false) {
                // Once given, an id stands for the same schema for ever.
                let before = ids.insert((shown.subject.context.clone(), shown.id), shown.content.guid);
                prop_assert!(before.is_none_or(|guid| guid == shown.content.guid));
            }
        }
        let mut replayed = Registry::default();
        for fact in &world.facts {
            let mut bytes = Vec::new();
            fact.encode(&mut bytes);
            replayed.apply(&SubjectFact::decode(&bytes).expect("it was just written"));
        }
        let bytes = snapshot(&world.registry);
        prop_assert_eq!(&snapshot(&replayed), &bytes);
        let restored = Registry::restore(&bytes).expect("it was just written");
        prop_assert_eq!(&snapshot(&restored), &bytes);
        prop_assert_eq!(format!("{:?}", sorted(&restored)), format!("{:?}", sorted(&world.registry)));
        for len in 0..bytes.len().min(64) {
            prop_assert!(Registry::restore(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn strange_snapshots_are_refused_and_not_believed(bytes: Vec<u8>) {
        let mut strange = vec![1];
        strange.extend(bytes);
        let _ = Registry::restore(&strange);
    }
}

/// Who refers to whom, in an order.
fn sorted(registry: &Registry) -> BTreeMap<(Subject, i32), BTreeSet<(Subject, i32)>> {
    registry.referrers.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

#[test]
fn a_hundred_thousand_schemas_are_restored_without_a_look_at_their_text() {
    // No text of these is a schema: whoever looked would be told.
    let mut registry = Registry::default();
    for n in 0..100_000 {
        let content = Arc::new(Content::new(Format::Avro, &format!("not a schema, number {n}"), Vec::new(), None, None));
        let subject = Subject::new(".", &format!("subject-{n}"));
        let fact = fact::SchemaRegistered { subject, version: 1, id: n + 1, at: 0, content: Some(content) };
        registry.apply(&fact.into());
    }
    let restored = Registry::restore(&snapshot(&registry)).expect("it was just written");
    assert_eq!(restored.sizes(), (100_000, 100_000, 100_000));
    assert!(matches!(restored.look(avro("subject-7", "not a schema, number 7"), &Spellings::default()), Ok(Look::Known(_))));
}

const MD5_OF_INT: &str = "71JOobkecxc9k4reNsHbMg==";

#[test]
fn a_normal_form_is_imported_as_it_is() {
    let (mut from, mut into) = (World::default(), World::default());
    let text = r#"syntax="proto3"; option java_package="x"; option go_package="y"; message M { int32 a=1; }"#;
    let normal = || Asked { format: Format::Protobuf, normalize: true, ..avro("i", text) };
    let there = from.register(normal()).expect("sound");
    // As a new one it would be stored in other words. That somebody sent it so decides nothing.
    let anew = Asked { format: Format::Protobuf, ..avro("anew", &there.content.text) };
    let judged = judged(&into, anew.clone());
    assert_ne!(judged.content().text, there.content.text);
    for world in [&mut from, &mut into] {
        let Ok(Look::Judge(question)) = world.registry.look(anew.clone(), &world.spellings) else { panic!("it is not known") };
        world.spellings.note(question.spelling().expect("it stands alone"), &judged.content().text);
    }
    let as_stored = Asked { format: Format::Protobuf, ..avro("i", &there.content.text) };
    assert_eq!(from.find(as_stored, false), Ok(there.clone()));
    into.mode("i", Mode::Import, false).expect("nothing is there");
    let (version, id) = (Some(Wanted::Number(1)), Some(there.id));
    let brought = Asked { format: Format::Protobuf, version, id, ..avro("i", &there.content.text) };
    let here = into.register(brought.clone()).expect("sound");
    assert_eq!(here.content, there.content, "with the name that data know it by");
    assert_eq!(into.register(brought), Ok(here.clone()), "an import may be done again");
    into.mode("i", Mode::ReadWrite, false).expect("allowed");
    assert_eq!(into.register(normal()), Ok(here), "and it is the same schema here as there");
}

/// What a former release had imported in other words is that version still, also while more is imported.
#[test]
fn an_import_finds_what_was_imported_in_other_words() {
    let mut world = World::default();
    let text = r#"syntax="proto3"; option java_package="x"; option go_package="y"; message M { int32 a=1; }"#;
    let of = |normalize| Asked { format: Format::Protobuf, normalize, ..avro("i", text) };
    let canonical = world.register(of(false)).expect("sound");
    let normal = World::default().register(of(true)).expect("sound");
    assert_ne!(canonical.content.text, normal.content.text);
    world.mode("i", Mode::Import, true).expect("forced");
    let (version, id) = (Some(Wanted::Number(1)), Some(canonical.id));
    let again = Asked { format: Format::Protobuf, version, id, ..avro("i", &normal.content.text) };
    assert_eq!(world.register(again).expect("it is there").id, canonical.id);
    let as_sent = Asked { format: Format::Protobuf, ..avro("i", &normal.content.text) };
    assert_eq!(world.find(as_sent, false).expect("it is there").id, canonical.id);
}

#[test]
fn what_is_imported_stays_what_it_was() {
    let mut world = World::default();
    world.configure(
        "i",
        Config {
            normalize: Some(true),
            default_metadata: serde_json::from_str(r#"{"properties":{"owner":"us"}}"#).expect("metadata"),
            ..Config::default()
        },
    );
    world.mode("i", Mode::Import, false).expect("nothing is there");
    let said = |json: &str| serde_json::from_str::<Metadata>(json).expect("metadata");
    let import = |id: i32, text: &str, metadata: Option<Metadata>| Asked {
        id: Some(id),
        version: Some(Wanted::Number(id)),
        metadata,
        ..avro("i", text)
    };
    let noted = said(r#"{"properties":{"confluent:version":"1","k":"v"}}"#);
    let first = world.register(import(1, &record("a"), Some(noted.clone()))).expect("sound");
    assert_eq!(first.content.metadata.as_deref(), Some(&noted));
    let spelled = r#"{"type":"record","name":"r","fields":[],"zz":1,"aa":2}"#;
    let second = world.register(import(2, spelled, None)).expect("sound");
    assert_eq!((&*second.content.text, &second.content.metadata), (spelled, &None));
}

#[test]
fn what_is_larger_than_a_new_one_may_be_is_found_where_it_is() {
    let protobuf = |subject: &str, text: &str| Asked { format: Format::Protobuf, ..avro(subject, text) };
    let file = |fields: i32, gap: &str| {
        let fields: String = (1..=fields).map(|n| format!("{gap}int32 f{n} = {};", n + 20_000)).collect();
        format!("syntax = \"proto3\"; message A {{ {fields} }}")
    };
    let refused = |told: Result<Shown, Refusal>| {
        let told = told.expect_err("too many fields").to_string();
        assert!(told.contains("at most 10500"), "{told}");
    };
    let mut world = World::default();
    world.mode("i", Mode::Import, false).expect("nothing is there");
    let asked = Asked { id: Some(1), version: Some(Wanted::Number(1)), ..protobuf("i", &file(11_000, "")) };
    world.register(asked).expect("an import is not judged");
    world.mode("i", Mode::ReadWrite, true).expect("a mode");
    // Not byte for byte what is stored.
    let same = file(11_000, "\n ");
    assert_eq!(world.find(protobuf("i", &same), false).map(|shown| shown.id), Ok(1));
    assert_eq!(world.register(protobuf("i", &same)).map(|shown| shown.id), Ok(1));
    // What is not there is not let in, and not even built where nothing is as large.
    refused(world.register(protobuf("i", &file(11_001, ""))));
    assert_eq!(world.find(protobuf("i", &file(11_001, "")), false), Err(Refusal::NoSchema));
    refused(world.find(protobuf("other", &same), false));
}

#[test]
fn what_a_new_one_may_not_be_is_found_where_it_is() {
    let mut world = World::default();
    world.mode("i", Mode::Import, false).expect("nothing is there");
    let flawed = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}"#;
    world
        .register(Asked { id: Some(1), version: Some(Wanted::Number(1)), ..avro("i", flawed) })
        .expect("an import is not judged");
    world.mode("i", Mode::ReadWrite, true).expect("a mode");
    let same = flawed.replace(',', ", ");
    assert_eq!(world.register(avro("i", &same)).map(|shown| shown.id), Ok(1));
    assert_eq!(world.find(avro("i", &same), false).map(|shown| shown.id), Ok(1));
    let other = flawed.replace("\"a\"", "\"b\"");
    assert!(matches!(world.register(avro("i", &other)), Err(Refusal::BadSchema(_))));
}

#[test]
fn metadata_and_rules_that_say_nothing_are_none() {
    let mut world = World::default();
    let plain = world.register(avro("a", "\"int\"")).expect("sound");
    let said = |subject: &str, metadata: &str, rules: &str| Asked {
        metadata: serde_json::from_str(metadata).expect("metadata"),
        rules: serde_json::from_str(rules).expect("rules"),
        ..avro(subject, "\"int\"")
    };
    for (metadata, rules) in [("{}", "null"), ("null", "{}"), (r#"{"tags":{}}"#, r#"{"domainRules":[]}"#)] {
        for subject in ["a", "b"] {
            let same = world.register(said(subject, metadata, rules)).expect("the same");
            assert_eq!((same.id, same.version, &same.content), (plain.id, 1, &plain.content), "{subject} {metadata} {rules}");
            assert_eq!(world.find(said(subject, metadata, rules), false).expect("the same").id, plain.id);
        }
    }
    // What they do say is that an earlier version's are not wanted.
    let rule = r#"{"domainRules":[{"name":"r","type":"CEL"}]}"#;
    world.register(said("c", r#"{"properties":{"k":"v"}}"#, rule)).expect("sound");
    let bare = world.register(said("c", "{}", "{}")).expect("another");
    assert_eq!((bare.id, bare.version, &bare.content), (plain.id, 2, &plain.content));
}

#[test]
fn an_empty_collection_is_none() {
    let mut world = World::default();
    let said = |metadata: &str, rules: &str| Asked {
        metadata: serde_json::from_str(metadata).expect("metadata"),
        rules: serde_json::from_str(rules).expect("rules"),
        ..avro("a", "\"int\"")
    };
    let rule = r#"{"name":"r","type":"CEL"}"#;
    let first = said(r#"{"properties":{"k":"v"}}"#, &format!(r#"{{"domainRules":[{rule}]}}"#));
    let first = world.register(first).expect("sound");
    let full = r#"{"name":"r","type":"CEL","kind":"TRANSFORM","mode":"WRITEREAD","tags":[],"params":{},"disabled":false}"#;
    let again = said(
        r#"{"properties":{"k":"v"},"sensitive":[],"tags":{}}"#,
        &format!(r#"{{"domainRules":[{full}],"migrationRules":[],"encodingRules":null}}"#),
    );
    let again = world.register(again).expect("the same");
    assert_eq!((again.id, again.version, again.content.guid), (first.id, first.version, first.content.guid));
    let migrates = said("null", &format!(r#"{{"migrationRules":[{rule}]}}"#));
    assert!(matches!(world.register(migrates), Err(Refusal::BadRules(_))), "without a mode it is no migration");
}
