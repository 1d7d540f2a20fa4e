//! Batches as other people's producers wrote them: kafka-clients 4.3.1 (idempotent) and librdkafka 2.0.2, taken from the log
//! of an Apache Kafka 4.3.1.

use milena_record::*;

const LIMITS: Limits = Limits::new(1 << 20);

type Seen = (Option<Vec<u8>>, Option<Vec<u8>>, Vec<(Vec<u8>, Option<Vec<u8>>)>);

fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/record/golden/{name}.bin", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn seen(blob: &[u8]) -> (Vec<Seen>, Vec<Codec>) {
    let (mut all, mut codecs) = (Vec::new(), Vec::new());
    let mut entries = split(blob);
    for entry in entries.by_ref() {
        let batch = Batch::parse(entry.unwrap().bytes).unwrap();
        let facts = batch.verify().unwrap();
        codecs.push(facts.codec);
        let inside = batch.check_records(&LIMITS).unwrap();
        assert_eq!((inside.count, inside.max_timestamp, inside.first_odd_delta), (facts.count, facts.max_timestamp, None));
        let payload = batch.payload(&LIMITS).unwrap();
        for record in Records::new(&batch.header(), &payload) {
            let record = record.unwrap();
            assert_eq!(record.offset, all.len() as i64);
            let headers = record.headers.map(|h| (h.key.to_vec(), h.value.map(Into::into))).collect();
            all.push((record.key.map(Into::into), record.value.map(Into::into), headers));
        }
    }
    assert!(entries.rest().is_empty());
    (all, codecs)
}

fn record(key: &str, value: Option<&str>, headers: &[(&str, Option<&str>)]) -> Seen {
    let bytes = |s: &str| s.as_bytes().to_vec();
    (Some(bytes(key)), value.map(bytes), headers.iter().map(|(k, v)| (bytes(k), v.map(bytes))).collect())
}

const FIRST: &str = "first value first value first value";
const SECOND: &str = "second value second value second value";

#[test]
fn batches_of_the_java_client() {
    let expected = [
        record("key1", Some(FIRST), &[("a", Some("1")), ("b", Some("2")), ("a", Some("3"))]),
        record("key2", Some(SECOND), &[("h", Some("x"))]),
        record("key3", None, &[("z", Some(""))]),
    ];
    for codec in Codec::ALL {
        let (all, codecs) = seen(&file(&format!("java-{codec}")));
        assert_eq!(all, expected, "{codec}");
        assert_eq!(codecs, [codec]);
    }
}

#[test]
fn batches_of_librdkafka() {
    let headers = [("a", Some("1")), ("b", None)];
    let expected = [record("key1", Some(FIRST), &headers), record("key2", Some(SECOND), &headers)];
    for codec in Codec::ALL {
        let (all, codecs) = seen(&file(&format!("rdkafka-{codec}")));
        assert_eq!(all, expected, "{codec}");
        // It leaves uncompressed what does not become smaller.
        assert!(codecs.iter().all(|c| *c == codec || *c == Codec::None), "{codecs:?}");
    }
}

/// What we build from the same records is what Java built, byte by byte.
#[test]
fn our_builder_writes_what_java_writes() {
    let golden = file("java-none");
    let batch = Batch::parse(&golden).unwrap();
    let header = batch.header();
    let mut builder = Builder::new(Codec::None)
        .place(header.base_offset(), header.leader_epoch())
        .producer(header.producer().expect("an idempotent producer"));
    for record in Records::new(&header, batch.raw_payload()) {
        let record = record.unwrap();
        builder.push(record.timestamp, record.key, record.value, &record.headers.collect::<Vec<_>>()).unwrap();
    }
    assert_eq!(builder.finish().unwrap(), golden);
}
