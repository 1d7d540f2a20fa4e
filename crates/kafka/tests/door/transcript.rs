//! What was said between a client and the broker, as text that can be compared, and the few requests that every
//! conversation begins with.

use std::{collections::HashMap, fmt::Write, path::Path};

use bytes::Bytes;
use milena_record::{Builder, Codec};
use milena_wire::{CreateTopicsRequest, ProduceRequest, Request, Uuid, create_topics, produce};

use crate::world::{Client, World};

/// What was said, as text that does not change from run to run.
pub(crate) struct Transcript {
    key: i16,
    pub(crate) text: String,
    /// Ids and times that a run draws, by the order of their appearance.
    drawn: HashMap<String, usize>,
}

impl Transcript {
    fn of(key: i16) -> Self {
        Self { key, text: String::new(), drawn: HashMap::new() }
    }

    /// Says the same in every version of the card, as far as each has words for it.
    pub(crate) fn every_version<Q: Request>(&mut self, client: &mut Client<'_>, request: impl Fn(i16) -> Q) {
        let card = milena_kafka::card(self.key).expect("the API is served");
        assert_eq!(Q::KEY, self.key);
        for version in card.versions.clone() {
            self.say(client, version, &request(version));
        }
    }

    pub(crate) fn say<Q: Request>(&mut self, client: &mut Client<'_>, version: i16, request: &Q) -> Q::Response {
        let response = client.ask(version, request);
        let (asked, told) = (self.plain(&format!("{request:?}")), self.plain(&format!("{response:?}")));
        let _ = writeln!(self.text, "v{version} > {asked}\nv{version} < {told}\n");
        response
    }

    /// Without unknown tags, and with drawn ids replaced by their number.
    fn plain(&mut self, debug: &str) -> String {
        let mut words = debug.replace(", unknown_tags: UnknownTags(None)", "");
        for id in uuids(&words) {
            let next = self.drawn.len() + 1;
            let number = *self.drawn.entry(id.clone()).or_insert(next);
            words = words.replace(&id, &format!("id-{number}"));
        }
        words
    }

    fn compare(self) {
        let name = milena_kafka::card(self.key).expect("the API is served").name;
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/door/golden/{:02}_{name}.txt", self.key));
        if std::env::var_os("MILENA_BLESS").is_some() {
            std::fs::write(&golden, &self.text).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        for (nth, (said, expected)) in self.text.lines().zip(expected.lines()).enumerate() {
            assert_eq!(said, expected, "{} line {}", golden.display(), nth + 1);
        }
        assert_eq!(self.text.lines().count(), expected.lines().count(), "{}", golden.display());
    }
}

/// UUIDs as they stand in text, those that are not nil.
fn uuids(text: &str) -> Vec<String> {
    let is_uuid = |s: &str| {
        s.len() == 36
            && s.bytes().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => b == b'-',
                _ => b.is_ascii_hexdigit(),
            })
    };
    let starts = (0..text.len().saturating_sub(35)).filter(|i| text.is_char_boundary(*i));
    let found = starts.filter_map(|i| text.get(i..i + 36)).filter(|s| is_uuid(s) && *s != Uuid::nil().to_string());
    let mut ids = Vec::new();
    for id in found {
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
    ids
}

pub(crate) fn converse<Q: Request>(settings: &[(&str, &str)], talk: impl FnOnce(&World, &mut Client<'_>, &mut Transcript)) {
    let world = World::with(settings);
    let mut client = world.connect();
    let mut transcript = Transcript::of(Q::KEY);
    talk(&world, &mut client, &mut transcript);
    transcript.compare();
}

pub(crate) const TIME: i64 = 1_700_000_000_000;

/// `count` records with known times.
pub(crate) fn batch(count: usize) -> Bytes {
    let mut builder = Builder::new(Codec::None);
    for n in 0..count {
        let value = format!("value {n}");
        builder.push(TIME + n as i64, Some(b"key"), Some(value.as_bytes()), &[]).unwrap();
    }
    Bytes::from(builder.finish().unwrap())
}

pub(crate) fn create(client: &mut Client<'_>, name: &str, partitions: i32) -> Uuid {
    let topic = create_topics::CreatableTopic {
        name: name.into(),
        num_partitions: partitions,
        replication_factor: 1,
        ..Default::default()
    };
    let created = client.ask(7, &CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() });
    assert_eq!(created.topics[0].error_code, 0);
    created.topics[0].topic_id
}

pub(crate) fn produce(version: i16, topic: &str, id: Uuid, index: i32, records: Bytes) -> ProduceRequest {
    let partition = produce::PartitionProduceData { index, records: Some(records), ..Default::default() };
    let by_id = version >= 13;
    let topic = produce::TopicProduceData {
        name: if by_id { "".into() } else { topic.into() },
        topic_id: if by_id { id } else { Uuid::nil() },
        partition_data: vec![partition],
        ..Default::default()
    };
    ProduceRequest { acks: -1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() }
}
