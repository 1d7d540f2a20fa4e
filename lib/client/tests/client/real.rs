//! Against a real broker, if `MILENA_TEST_BROKER` names one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use milena_client::{
    record::{Codec, Compression},
    wire::Text,
    *,
};

pub(crate) async fn cluster() -> Option<Cluster> {
    let Ok(address) = std::env::var("MILENA_TEST_BROKER") else {
        eprintln!("skipped: MILENA_TEST_BROKER names no broker");
        return None;
    };
    let mut config = Config::new([address.parse().unwrap()]);
    if std::env::var_os("MILENA_TEST_TRACE").is_some() {
        config = config.trace(std::sync::Arc::new(|step: &Step<'_>| eprintln!("{step}")));
    }
    Some(Cluster::connect(config).await.unwrap())
}

/// A name of its own for each test and run.
pub(crate) fn unique(name: &str) -> Text {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    Text::from(format!("client-{name}-{nanos}"))
}

async fn topic(cluster: &Cluster, name: &str, partitions: i32) -> Text {
    let name = unique(name);
    let topic = admin::NewTopic { partitions, ..admin::NewTopic::new(name.clone()) };
    make(&Admin::new(cluster.clone()), &topic).await;
    name
}

/// Makes a topic and waits until it is seen: Apache's brokers learn of it a moment after the controller agreed.
pub(crate) async fn make(admin: &Admin, topic: &admin::NewTopic) {
    admin.create_topic(topic, false).await.unwrap();
    for _ in 0..100 {
        let known = admin.cluster().topic(&topic.name).await;
        if known.is_ok_and(|t| t.partitions.iter().all(|p| p.leader >= 0)) {
            return;
        }
        admin.cluster().forget_topic(&topic.name);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    panic!("{topic:?} did not appear");
}

async fn read_all(cluster: &Cluster, selection: Selection) -> Vec<Message> {
    let mut reader = Reader::open(cluster.clone(), &[selection], ReaderConfig::default()).await.unwrap();
    let mut read = Vec::new();
    while let Some(message) = tokio::time::timeout(Duration::from_secs(20), reader.next()).await.unwrap().unwrap() {
        read.push(message);
    }
    read
}

#[tokio::test]
async fn what_is_written_is_read_with_every_codec() {
    let Some(cluster) = cluster().await else { return };
    for codec in Codec::ALL {
        let topic = topic(&cluster, codec.name(), 3).await;
        let config = ProducerConfig { compression: Compression::from(codec), ..Default::default() };
        let producer = Producer::new(cluster.clone(), config);
        let mut fates = Vec::new();
        for n in 0..500 {
            let mut record = NewRecord::new(topic.clone(), format!("value {n}").repeat(10)).key(format!("key {}", n % 50));
            record.headers = vec![("h".into(), Some("1".into())), ("h".into(), None)];
            fates.push(producer.send(record).await.unwrap());
        }
        producer.flush().await;
        for fate in fates {
            assert!(fate.await.unwrap().offset.is_some());
        }
        let read = read_all(&cluster, Selection::all(topic.clone())).await;
        assert_eq!(read.len(), 500);
        for partition in 0..3 {
            let mut last = (-1, -1);
            for m in read.iter().filter(|m| m.partition == partition) {
                let n: i32 =
                    String::from_utf8_lossy(m.value.as_ref().unwrap())[6..].split("value").next().unwrap().parse().unwrap();
                assert!(m.offset > last.0 && n > last.1, "order within a partition");
                last = (m.offset, n);
                assert_eq!(m.partition, partition_of_key(m.key.as_ref().unwrap(), 3));
                assert_eq!(m.batch.codec, codec);
                assert!(m.batch.producer_id >= 0);
                assert_eq!(m.headers, [("h".into(), Some("1".into())), ("h".into(), None)]);
            }
        }
        producer.close().await;
    }
}

#[tokio::test]
async fn ranges_of_offset_and_time() {
    let Some(cluster) = cluster().await else { return };
    let topic = topic(&cluster, "ranges", 1).await;
    let producer = Producer::new(cluster.clone(), ProducerConfig { batch_bytes: 1, ..Default::default() });
    for n in 0..20 {
        let mut record = NewRecord::new(topic.clone(), n.to_string());
        record.timestamp = Some(1_000_000 + n * 1_000);
        assert_eq!(producer.write(record).await.unwrap().offset, Some(n));
    }
    for (from, until, first, count) in [
        (From::Start, Until::End, 0, 20),
        (From::Last(5), Until::End, 15, 5),
        (From::Last(500), Until::End, 0, 20),
        (From::Offset(3), Until::Offset(9), 3, 6),
        (From::Offset(5), Until::Offset(30), 5, 15),
        (From::Offset(100), Until::Offset(200), 0, 0),
        (From::Offset(100), Until::End, 0, 0),
        (From::Time(1_004_500), Until::Time(1_010_000), 5, 5),
        (From::Time(9_000_000), Until::End, 0, 0),
        (From::End, Until::End, 0, 0),
    ] {
        let read = read_all(&cluster, Selection { from, until, ..Selection::all(topic.clone()) }).await;
        assert_eq!(read.len(), count, "{from:?} {until:?}");
        assert!(read.iter().enumerate().all(|(n, m)| m.offset == first + n as i64), "{from:?} {until:?}");
    }
    let outside = Selection { from: From::Offset(99), until: Until::Never, ..Selection::all(topic.clone()) };
    let mut reader = Reader::open(cluster.clone(), std::slice::from_ref(&outside), ReaderConfig::default()).await.unwrap();
    match reader.next().await {
        Err(Error::OutOfRange { offset: 99, start: 0, end: 20, .. }) => {}
        other => panic!("{other:?}"),
    }
    let config = ReaderConfig { out_of_range: OutOfRange::Start, ..Default::default() };
    let mut reader = Reader::open(cluster.clone(), &[outside], config).await.unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap().offset, 0);
    let awaited = Selection { from: From::Offset(21), until: Until::Awaited(22), ..Selection::all(topic.clone()) };
    let config = ReaderConfig { out_of_range: OutOfRange::Nearest, ..Default::default() };
    let mut reader = Reader::open(cluster.clone(), &[awaited], config).await.unwrap();
    for n in 20..23 {
        producer.write(NewRecord::new(topic.clone(), n.to_string())).await.unwrap();
    }
    assert_eq!(reader.next().await.unwrap().unwrap().offset, 21);
    assert!(reader.next().await.unwrap().is_none());
}

#[tokio::test]
async fn following_sees_what_comes() {
    let Some(cluster) = cluster().await else { return };
    let topic = topic(&cluster, "follow", 2).await;
    let selection = Selection { from: From::End, until: Until::Never, ..Selection::all(topic.clone()) };
    let mut reader = Reader::open(cluster.clone(), &[selection], ReaderConfig::default()).await.unwrap();
    let producer = Producer::new(cluster.clone(), ProducerConfig::default());
    for n in 0..5 {
        let mut record = NewRecord::new(topic.clone(), n.to_string());
        record.partition = Some(n % 2);
        producer.write(record).await.unwrap();
        let message = tokio::time::timeout(Duration::from_secs(5), reader.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(message.value.as_deref(), Some(n.to_string().as_bytes()));
    }
}

#[tokio::test]
async fn acks_and_refusals() {
    let Some(cluster) = cluster().await else { return };
    let topic = topic(&cluster, "acks", 1).await;
    for acks in [Acks::None, Acks::Leader, Acks::All] {
        let producer = Producer::new(cluster.clone(), ProducerConfig { acks, ..Default::default() });
        let placed = producer.write(NewRecord::new(topic.clone(), "x")).await.unwrap();
        assert_eq!(placed.offset.is_some(), acks != Acks::None);
        let large = NewRecord::new(topic.clone(), vec![0; 3 << 20]);
        if acks != Acks::None {
            assert_eq!(producer.write(large).await.unwrap_err().code().unwrap().name(), "MESSAGE_TOO_LARGE");
            // What was refused leaves no gap in the sequence.
            producer.write(NewRecord::new(topic.clone(), "y")).await.unwrap();
        }
    }
    let mut lost = NewRecord::new(topic.clone(), "x");
    lost.partition = Some(7);
    let producer = Producer::new(cluster.clone(), ProducerConfig::default());
    assert!(matches!(producer.write(lost).await, Err(Error::NoPartition { partition: 7, count: 1, .. })));
    let config = ProducerConfig { topic_wait: Duration::from_millis(200), ..Default::default() };
    let producer = Producer::new(cluster, config);
    let error = producer.write(NewRecord::new("client-no-such-topic", "x")).await.unwrap_err();
    assert_eq!(error.code().unwrap().name(), "UNKNOWN_TOPIC_OR_PARTITION");
}

/// Many small batches of several in a row: the halves of a batch that is too large keep their order.
#[tokio::test]
async fn batches_that_are_too_large_are_halved() {
    let Some(cluster) = cluster().await else { return };
    let topic = topic(&cluster, "halves", 1).await;
    let config = ProducerConfig { batch_bytes: 4 << 20, linger: Duration::from_millis(50), ..Default::default() };
    let producer = Producer::new(cluster.clone(), config);
    let mut fates = Vec::new();
    for n in 0..30u8 {
        fates.push(producer.send(NewRecord::new(topic.clone(), vec![n; 100_000])).await.unwrap());
    }
    producer.flush().await;
    for (n, fate) in fates.into_iter().enumerate() {
        assert_eq!(fate.await.unwrap().offset, Some(n as i64));
    }
    let read = read_all(&cluster, Selection::all(topic)).await;
    assert!(read.iter().enumerate().all(|(n, m)| m.value.as_ref().unwrap()[0] as usize == n));
}
