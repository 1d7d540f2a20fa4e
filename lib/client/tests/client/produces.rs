//! What a producer owes to whoever writes: what was acknowledged is in the log once, whatever the broker answers on the way.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use milena_client::{
    record::{Batch, Records},
    wire::{
        AnyRequest, DeleteRecordsResponse, InitProducerIdResponse, MetadataRequest, MetadataResponse, ProduceRequest,
        ProduceResponse, Text, Uuid,
        delete_records::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
        metadata::{MetadataResponsePartition, MetadataResponseTopic},
        produce::{PartitionProduceResponse, TopicProduceResponse},
    },
    *,
};

use crate::peer::{Asked, Deed, beginnings, only_broker, peer};

/// What becomes of one batch.
#[derive(Clone, Copy)]
enum Fate {
    /// Written if it is new, and answered with this code.
    Written(i16),
    Refused(i16),
    /// Written, and left out of the answer.
    Unanswered,
}

const OK: Fate = Fate::Written(0);
const NOBODY: i32 = -1;

/// A broker that recognises doubles as brokers do, and does with each batch as it is told.
struct Broker {
    address: Option<Endpoint>,
    /// By topic: the leader of each partition.
    leaders: BTreeMap<&'static str, Vec<i32>>,
    /// By topic and partition: what is done with the batches to come; afterwards [`OK`].
    fates: HashMap<(&'static str, i32), Vec<Fate>>,
    log: BTreeMap<(String, i32), Vec<String>>,
    /// By topic, partition and producer id: the next sequence number.
    sequences: HashMap<(String, i32, i64), i32>,
    ids: i64,
    /// Error code of the answers to InitProducerId.
    no_id: i16,
    metadata_asked: usize,
    largest_request: usize,
}

struct Played(Arc<Mutex<Broker>>);

impl Played {
    async fn start(topics: &[(&'static str, &[i32])]) -> (Self, Endpoint) {
        let broker = Arc::new(Mutex::new(Broker {
            address: None,
            leaders: topics.iter().map(|(name, leaders)| (*name, leaders.to_vec())).collect(),
            fates: HashMap::new(),
            log: BTreeMap::new(),
            sequences: HashMap::new(),
            ids: 900,
            no_id: 0,
            metadata_asked: 0,
            largest_request: 0,
        }));
        let script = broker.clone();
        let endpoint = peer(move |asked| script.lock().unwrap().answer(asked)).await;
        broker.lock().unwrap().address = Some(endpoint.clone());
        (Self(broker), endpoint)
    }

    fn lock(&self) -> MutexGuard<'_, Broker> {
        self.0.lock().unwrap()
    }

    fn fate(&self, topic: &'static str, partition: i32, fates: &[Fate]) {
        self.lock().fates.insert((topic, partition), fates.iter().rev().copied().collect());
    }

    fn log(&self, topic: &str, partition: i32) -> Vec<String> {
        self.lock().log.get(&(topic.to_string(), partition)).cloned().unwrap_or_default()
    }
}

impl Broker {
    fn answer(&mut self, asked: &Asked) -> Deed {
        match &asked.request {
            AnyRequest::Metadata(request) => asked.answer(&self.metadata(request)),
            AnyRequest::Produce(request) => asked.answer(&self.produce(request)),
            AnyRequest::InitProducerId(_) => {
                self.ids += 1;
                asked.answer(&InitProducerIdResponse { producer_id: self.ids, error_code: self.no_id, ..Default::default() })
            }
            _ => beginnings(asked, self.address.as_ref().unwrap()).unwrap_or(Deed::Close),
        }
    }

    fn id(&self, name: &str) -> Uuid {
        Uuid::from_u128(100 + self.leaders.keys().position(|n| *n == name).unwrap() as u128)
    }

    fn metadata(&mut self, request: &MetadataRequest) -> MetadataResponse {
        self.metadata_asked += 1;
        let topic = |name: &Text| {
            let Some(leaders) = self.leaders.get(&**name) else {
                return MetadataResponseTopic { name: Some(name.clone()), error_code: 3, ..Default::default() };
            };
            let partition = |(index, leader): (usize, &i32)| MetadataResponsePartition {
                partition_index: index as i32,
                leader_id: *leader,
                ..Default::default()
            };
            MetadataResponseTopic {
                name: Some(name.clone()),
                topic_id: self.id(name),
                partitions: leaders.iter().enumerate().map(partition).collect(),
                ..Default::default()
            }
        };
        MetadataResponse {
            brokers: only_broker(self.address.as_ref().unwrap()),
            controller_id: 1,
            topics: request.topics.iter().flatten().filter_map(|t| t.name.as_ref()).map(topic).collect(),
            ..Default::default()
        }
    }

    fn produce(&mut self, request: &ProduceRequest) -> ProduceResponse {
        let count = request.topic_data.iter().map(|t| t.partition_data.len()).sum();
        self.largest_request = self.largest_request.max(count);
        let mut responses = Vec::new();
        for topic in &request.topic_data {
            let name = *self.leaders.keys().find(|name| self.id(name) == topic.topic_id).unwrap();
            let mut answers = Vec::new();
            for data in &topic.partition_data {
                if let Some(code) = self.take(name, data.index, data.records.as_ref().unwrap()) {
                    answers.push(PartitionProduceResponse { index: data.index, error_code: code, ..Default::default() });
                }
            }
            responses.push(TopicProduceResponse { topic_id: topic.topic_id, partition_responses: answers, ..Default::default() });
        }
        ProduceResponse { responses, ..Default::default() }
    }

    fn take(&mut self, name: &'static str, partition: i32, bytes: &[u8]) -> Option<i16> {
        match self.fates.get_mut(&(name, partition)).and_then(Vec::pop).unwrap_or(OK) {
            Fate::Refused(code) => Some(code),
            Fate::Unanswered => {
                self.write(name, partition, bytes);
                None
            }
            Fate::Written(code) => {
                Some(self.write(name, partition, bytes)).map(|sequenced| if sequenced == 0 { code } else { sequenced })
            }
        }
    }

    /// Error code of the append. A batch that is there already is acknowledged and not written, as brokers do.
    fn write(&mut self, name: &str, partition: i32, bytes: &[u8]) -> i16 {
        let batch = Batch::parse(bytes).unwrap();
        let header = batch.header();
        let values: Vec<String> = Records::new(&header, batch.raw_payload())
            .map(|r| String::from_utf8(r.unwrap().value.unwrap().to_vec()).unwrap())
            .collect();
        let next = self.sequences.entry((name.to_string(), partition, header.producer_id())).or_default();
        if header.base_sequence() < *next {
            return 0;
        }
        if header.base_sequence() > *next {
            return 45;
        }
        *next += values.len() as i32;
        self.log.entry((name.to_string(), partition)).or_default().extend(values);
        0
    }
}

fn producer(endpoint: &Endpoint, config: ProducerConfig) -> Producer {
    let options = Options { request_timeout: Duration::from_secs(5), ..Default::default() };
    let mut cluster = Config { options, ..Config::new([endpoint.clone()]) };
    cluster.retry.first = Duration::from_millis(5);
    cluster.retry.most = Duration::from_millis(20);
    Producer::new(Cluster::new(cluster).unwrap(), config)
}

fn record(topic: &str, partition: i32, value: &str) -> NewRecord {
    NewRecord { partition: Some(partition), ..NewRecord::new(topic, value.to_string()) }
}

/// The fate of a record, which must come.
async fn fate(delivery: Delivery) -> Result<Placed> {
    tokio::time::timeout(Duration::from_secs(20), delivery).await.expect("every record has a fate")
}

/// Lingers until it is flushed, so that one request carries everything.
fn lingering() -> ProducerConfig {
    ProducerConfig { linger: Duration::from_secs(60), ..ProducerConfig::default() }
}

#[tokio::test]
async fn partitions_of_several_topics_in_one_request_are_all_judged() {
    let (broker, endpoint) = Played::start(&[("a", &[1, 1, 1]), ("b", &[1, 1, 1])]).await;
    let producer = producer(&endpoint, lingering());
    for round in 0..3 {
        let mut deliveries = Vec::new();
        // The topics take turns, so that neighbours are of different topics.
        for partition in 0..3 {
            for topic in ["a", "b"] {
                deliveries.push(producer.send(record(topic, partition, &round.to_string())).await.unwrap());
            }
        }
        producer.flush().await;
        for delivery in deliveries {
            fate(delivery).await.unwrap();
        }
    }
    assert_eq!(broker.lock().largest_request, 6, "one request carried all");
    for topic in ["a", "b"] {
        for partition in 0..3 {
            assert_eq!(broker.log(topic, partition), ["0", "1", "2"], "{topic}-{partition}");
        }
    }
}

/// Whatever is not known for certain to be absent must not lend its sequence numbers to what follows.
#[tokio::test]
async fn what_may_be_written_never_hides_what_follows() {
    // Unknown error, not leader, timed out, not enough replicas after the append, storage error; and no answer at all.
    let fates = [-1, 6, 7, 20, 56].map(Fate::Written).into_iter().chain([Fate::Unanswered]);
    for (n, first) in fates.enumerate() {
        let (broker, endpoint) = Played::start(&[("t", &[1])]).await;
        broker.fate("t", 0, &[first; 200]);
        let config = ProducerConfig { delivery_timeout: Duration::from_millis(100), ..ProducerConfig::default() };
        let producer = producer(&endpoint, config);
        fate(producer.send(record("t", 0, "first")).await.unwrap()).await.unwrap_err();
        broker.fate("t", 0, &[]);
        fate(producer.send(record("t", 0, "second")).await.unwrap()).await.unwrap();
        assert_eq!(broker.log("t", 0), ["first", "second"], "case {n}");
    }
}

/// What is known to be absent may lend them, and the partition goes on under its id.
#[tokio::test]
async fn a_refused_batch_leaves_no_gap() {
    let (broker, endpoint) = Played::start(&[("t", &[1])]).await;
    broker.fate("t", 0, &[Fate::Refused(87), OK, Fate::Refused(87)]);
    let producer = producer(&endpoint, ProducerConfig::default());
    for (value, written) in [("bad", false), ("good", true), ("worse", false), ("better", true)] {
        let fate = fate(producer.send(record("t", 0, value)).await.unwrap()).await;
        assert_eq!(fate.is_ok(), written, "{value}: {fate:?}");
    }
    assert_eq!(broker.log("t", 0), ["good", "better"]);
    assert_eq!(broker.lock().ids, 901, "one producer id did for all");
}

/// A batch that was tried and may be there is not cut in two: its halves would not be recognised.
#[tokio::test]
async fn what_may_be_written_is_not_halved() {
    let (broker, endpoint) = Played::start(&[("t", &[1])]).await;
    broker.fate("t", 0, &[Fate::Written(7), Fate::Refused(10)]);
    let producer = producer(&endpoint, lingering());
    let both = [producer.send(record("t", 0, "1")).await.unwrap(), producer.send(record("t", 0, "2")).await.unwrap()];
    producer.flush().await;
    for delivery in both {
        assert_eq!(fate(delivery).await.unwrap_err().code().unwrap().name(), "MESSAGE_TOO_LARGE");
    }
    let third = producer.send(record("t", 0, "3")).await.unwrap();
    producer.flush().await;
    fate(third).await.unwrap();
    assert_eq!(broker.log("t", 0), ["1", "2", "3"]);
}

/// A batch of which nothing was ever sent cannot be a double: somebody else used its numbers.
#[tokio::test]
async fn a_double_that_was_never_sent_is_sent_under_another_id() {
    let (broker, endpoint) = Played::start(&[("t", &[1])]).await;
    broker.fate("t", 0, &[Fate::Refused(46)]);
    let producer = producer(&endpoint, ProducerConfig::default());
    fate(producer.send(record("t", 0, "one")).await.unwrap()).await.unwrap();
    assert_eq!(broker.log("t", 0), ["one"]);
    assert_eq!(broker.lock().ids, 902);
}

#[tokio::test]
async fn a_partition_without_a_leader_holds_up_nobody_else() {
    for leader in [NOBODY, 77] {
        // No leader; and one that is not among the brokers.
        let (broker, endpoint) = Played::start(&[("t", &[1, leader])]).await;
        let config = ProducerConfig { delivery_timeout: Duration::from_millis(600), ..ProducerConfig::default() };
        let producer = producer(&endpoint, config);
        let stuck = producer.send(record("t", 1, "stuck")).await.unwrap();
        for n in 0..20 {
            fate(producer.send(record("t", 0, &n.to_string())).await.unwrap()).await.unwrap();
        }
        let error = fate(stuck).await.unwrap_err();
        assert!(matches!(&error, Error::Expired { last: Some(last), .. } if matches!(**last, Error::NoLeader { .. })), "{error}");
        assert_eq!(broker.log("t", 0).len(), 20);
        // Every few milliseconds is patience, more would be haste.
        let asked = broker.lock().metadata_asked;
        assert!(asked < 200, "asked {asked} times");
        // And when it has a leader again, all is well.
        broker.lock().leaders.insert("t", vec![1, 1]);
        fate(producer.send(record("t", 1, "again")).await.unwrap()).await.unwrap();
        producer.close().await;
    }
}

#[tokio::test]
async fn a_topic_that_shrank_fails_what_has_no_place() {
    let (broker, endpoint) = Played::start(&[("t", &[1, 1])]).await;
    let config = ProducerConfig { topic_wait: Duration::from_millis(100), ..ProducerConfig::default() };
    let producer = producer(&endpoint, config);
    fate(producer.send(record("t", 1, "one")).await.unwrap()).await.unwrap();
    broker.lock().leaders.insert("t", vec![1]);
    broker.fate("t", 1, &[Fate::Refused(3)]);
    let error = fate(producer.send(record("t", 1, "two")).await.unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("no partition 1") || error.code().is_some_and(|c| c.0 == 3), "{error}");
    fate(producer.send(record("t", 0, "three")).await.unwrap()).await.unwrap();
}

/// Who has a producer id does not suffer because another cannot have one.
#[tokio::test]
async fn a_refused_producer_id_fails_only_what_needs_one() {
    let (broker, endpoint) = Played::start(&[("t", &[1, 1])]).await;
    let producer = producer(&endpoint, ProducerConfig::default());
    fate(producer.send(record("t", 0, "one")).await.unwrap()).await.unwrap();
    // CLUSTER_AUTHORIZATION_FAILED, from now on; and partition 1 has to begin anew.
    broker.lock().no_id = 31;
    broker.fate("t", 1, &[Fate::Refused(59)]);
    broker.fate("t", 0, &[Fate::Refused(6); 3]);
    let (kept, lost) = (producer.send(record("t", 0, "two")).await.unwrap(), producer.send(record("t", 1, "x")).await.unwrap());
    assert_eq!(fate(lost).await.unwrap_err().code().unwrap().0, 31);
    fate(kept).await.unwrap();
    assert_eq!(broker.log("t", 0), ["one", "two"]);
}

/// A broker that takes nothing any more: without acknowledgements there is no answer to miss, and yet nobody waits for ever.
#[tokio::test]
async fn a_peer_that_stops_reading_is_given_up() {
    let (_broker, inner) = Played::start(&[("t", &[1])]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let front = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut onward = tokio::net::TcpStream::connect((inner.host(), inner.port())).await.unwrap();
            let mut stopped = stopped.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut stream, &mut onward) => {}
                    _ = stopped.changed() => {}
                }
                // Both ends stay open, and nobody reads.
                std::future::pending::<()>().await;
            });
        }
    });
    let options = Options { request_timeout: Duration::from_millis(400), ..Default::default() };
    let config = Config { options, ignore_advertised: true, ..Config::new([front]) };
    let delivery_timeout = Duration::from_millis(800);
    let config = (Cluster::new(config).unwrap(), ProducerConfig { acks: Acks::None, delivery_timeout, ..Default::default() });
    let producer = Producer::new(config.0, config.1);
    fate(producer.send(record("t", 0, "small")).await.unwrap()).await.unwrap();
    stop.send_replace(true);
    // More than sockets hold.
    let large = "x".repeat(4 << 20);
    let mut deliveries = Vec::new();
    for _ in 0..6 {
        deliveries.push(producer.send(record("t", 0, &large)).await.unwrap());
    }
    tokio::time::timeout(Duration::from_secs(20), producer.close()).await.expect("it ends");
    let mut failed = 0;
    for delivery in deliveries {
        failed += usize::from(fate(delivery).await.is_err());
    }
    assert!(failed > 0, "not all of it can have gone out");
}

/// What is asked of leaders is asked again of who leads now.
#[tokio::test]
async fn records_are_cut_where_the_leader_is_now() {
    let own: Arc<Mutex<Option<Endpoint>>> = Arc::default();
    let (address, mut asked_to_cut, mut looked) = (own.clone(), 0, 0);
    let endpoint = peer(move |asked| match &asked.request {
        AnyRequest::DeleteRecords(request) => {
            asked_to_cut += 1;
            let partition = DeleteRecordsPartitionResult {
                low_watermark: looked,
                // Not the leader, the first time.
                error_code: if asked_to_cut == 1 { 6 } else { 0 },
                ..Default::default()
            };
            let topic = DeleteRecordsTopicResult {
                name: request.topics[0].name.clone(),
                partitions: vec![partition],
                ..Default::default()
            };
            asked.answer(&DeleteRecordsResponse { topics: vec![topic], ..Default::default() })
        }
        AnyRequest::Metadata(request) => {
            looked += i64::from(request.topics.iter().flatten().count() > 0);
            beginnings(asked, address.lock().unwrap().as_ref().unwrap()).unwrap()
        }
        _ => beginnings(asked, address.lock().unwrap().as_ref().unwrap()).unwrap(),
    })
    .await;
    *own.lock().unwrap() = Some(endpoint.clone());
    let admin = Admin::new(Cluster::new(Config::new([endpoint])).unwrap());
    let cut = admin.delete_records(&[("t".into(), 0, 5)]).await.unwrap();
    assert_eq!(cut, [("t".into(), 0, 2)], "who leads was looked up anew");
}
