//! What goes wrong on the way, played by a scripted peer.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use milena_client::{
    record::{Batch, produced},
    wire::{
        AnyRequest, ApiVersionsResponse, MetadataRequest, ProduceResponse,
        api_versions::ApiVersion,
        bytes::{BufMut, BytesMut},
        produce::{PartitionProduceResponse, TopicProduceResponse},
    },
    *,
};

use crate::peer::{Asked, Deed, beginnings, peer, shouts};

fn options() -> Options {
    Options { request_timeout: Duration::from_millis(300), connect_timeout: Duration::from_secs(2), ..Default::default() }
}

async fn failure(endpoint: &Endpoint) -> Error {
    Connection::open(endpoint, &options()).await.err().expect("it must fail")
}

#[tokio::test]
async fn nobody_listens() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
    drop(listener);
    let error = failure(&endpoint).await;
    assert!(matches!(error, Error::Connect { failure: ConnectFailure::Refused, .. }), "{error}");
    assert!(error.hint().unwrap().contains("127.0.0.1"));
}

#[tokio::test]
async fn others_than_brokers_are_recognised() {
    let mut guesses = Vec::new();
    for bytes in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x15\x03\x03\0\x02\x02\x46", b"SSH-2.0-x\r\n", b"\xff\xff\xff\xff\0"]
    {
        match failure(&shouts(bytes, true).await).await {
            Error::NotKafka { guess, .. } => guesses.push(guess),
            other => panic!("{other}"),
        }
    }
    assert_eq!(guesses, ["it answers HTTP", "it answers TLS", "it answers SSH", "its first bytes are no frame"]);
    let closed = failure(&shouts(b"", true).await).await;
    assert!(matches!(closed, Error::Closed { answered: false, waiting: Some("ApiVersions"), .. }), "{closed:?}");
    assert!(closed.hint().unwrap().contains("TLS"));
    let silent = failure(&shouts(b"", false).await).await;
    assert!(matches!(silent, Error::TimedOut { request: "ApiVersions", .. }), "{silent:?}");
}

#[tokio::test]
async fn a_large_claim_is_not_believed() {
    let endpoint = shouts(&[0x7f, 0xff, 0xff, 0xff, 0, 0], false).await;
    assert!(matches!(failure(&endpoint).await, Error::NotKafka { .. }));
    // Within the bound, memory follows what really comes: this claims 100 MiB and sends six bytes.
    let endpoint = shouts(&[0x06, 0x40, 0, 0, 0, 0], false).await;
    assert!(matches!(failure(&endpoint).await, Error::TimedOut { .. }));
}

#[tokio::test]
async fn an_older_broker_is_asked_in_its_own_version() {
    let versions = Arc::new(Mutex::new(Vec::new()));
    let seen = versions.clone();
    let endpoint = peer(move |asked| {
        seen.lock().unwrap().push(asked.version);
        let own = ApiVersion { api_key: 18, min_version: 0, max_version: 2, ..Default::default() };
        let mut body = ApiVersionsResponse { api_keys: vec![own], ..Default::default() };
        if asked.version <= 2 {
            body.api_keys.push(ApiVersion { api_key: 3, min_version: 0, max_version: 5, ..Default::default() });
            return asked.answer(&body);
        }
        // As Kafka does it: error 35, in version 0.
        body.error_code = 35;
        let old = Asked { request: asked.request.clone(), version: 0, connection: 0, correlation: asked.correlation };
        old.answer(&body)
    })
    .await;
    let connection = Connection::open(&endpoint, &options()).await.unwrap();
    assert_eq!(*versions.lock().unwrap(), [4, 2]);
    assert_eq!(connection.version::<MetadataRequest>().unwrap(), 5);
    let error = connection.version::<wire::DescribeClusterRequest>().unwrap_err();
    assert!(error.to_string().contains("does not offer DescribeCluster"), "{error}");
}

/// Requests are sent in order, answers find who asked, and one who stops waiting harms nobody.
#[tokio::test]
async fn pipelining() {
    let asked_for = Arc::new(Mutex::new(Vec::new()));
    let seen = asked_for.clone();
    let endpoint = peer(move |asked| {
        if let AnyRequest::Metadata(request) = &asked.request {
            seen.lock().unwrap().extend(request.topics.iter().flatten().map(|t| t.name.clone().unwrap().to_string()));
        }
        beginnings(asked, &Endpoint::new("h", 1)).unwrap()
    })
    .await;
    let connection = Connection::open(&endpoint, &options()).await.unwrap();
    let ask = |n: usize| {
        let topic = wire::metadata::MetadataRequestTopic { name: Some(n.to_string().into()), ..Default::default() };
        let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
        connection.start(&request, 12).unwrap()
    };
    let started: Vec<_> = (0..100).map(ask).collect();
    let mut waiting = tokio::task::JoinSet::new();
    // The last asks first; every third is given up at once.
    for (n, pending) in started.into_iter().enumerate().rev() {
        if n % 3 == 0 {
            drop(pending);
        } else {
            waiting.spawn(async move { (n, pending.answer().await.unwrap()) });
        }
    }
    let mut answered = 0;
    while let Some(done) = waiting.join_next().await {
        let (n, response) = done.unwrap();
        assert_eq!(response.topics[0].name.as_deref(), Some(n.to_string().as_str()));
        answered += 1;
    }
    assert_eq!(answered, 66);
    assert_eq!(*asked_for.lock().unwrap(), (0..100).map(|n: usize| n.to_string()).collect::<Vec<_>>());
    assert!(connection.closed().is_none());
}

#[tokio::test]
async fn a_broken_connection_fails_all_who_wait_and_is_replaced() {
    let mut answers = 0;
    let endpoint = peer(move |asked| match &asked.request {
        AnyRequest::Metadata(_) if answers < 2 => {
            answers += 1;
            if answers == 1 { Deed::Silence } else { Deed::Close }
        }
        _ => beginnings(asked, &Endpoint::new("h", 1)).unwrap(),
    })
    .await;
    let cluster = Cluster::new(Config { options: options(), ..Config::new([endpoint]) }).unwrap();
    let connection = cluster.connection(&Node::Any, Lane::Main).await.unwrap();
    let request = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
    let (first, second) = (connection.start(&request, 12).unwrap(), connection.start(&request, 12).unwrap());
    let (first, second) = tokio::join!(first.answer(), second.answer());
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert!(matches!(error, Error::Closed { waiting: Some("Metadata"), answered: true, .. }), "{error:?}");
    }
    assert!(cluster.refresh(Topics::None).await.unwrap().brokers.contains_key(&1));
}

/// Brokers close connections that rest. That must not fail the request that wakes them.
#[tokio::test]
async fn a_connection_that_was_closed_while_it_rested_is_replaced() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
    let inner = peer(move |asked| beginnings(asked, &Endpoint::new("h", 1)).unwrap()).await;
    // A relay that hangs up after half a second.
    let accepted = Arc::new(Mutex::new(0));
    let count = accepted.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            *count.lock().unwrap() += 1;
            let mut onward = tokio::net::TcpStream::connect((inner.host(), inner.port())).await.unwrap();
            tokio::spawn(async move {
                let relay = tokio::io::copy_bidirectional(&mut stream, &mut onward);
                let _ = tokio::time::timeout(Duration::from_millis(500), relay).await;
            });
        }
    });
    let cluster = Cluster::connect(Config { options: options(), ..Config::new([endpoint.clone()]) }).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    cluster.send(&Node::At(endpoint), &MetadataRequest::default()).await.unwrap();
    assert_eq!(*accepted.lock().unwrap(), 2);
}

#[tokio::test]
async fn answers_that_cannot_be_read() {
    let mut wrong = [BytesMut::new(), BytesMut::new()];
    // A correlation that was not asked for; and a body that claims 2^31 brokers.
    wrong[0].extend_from_slice(&[0, 0, 0, 5, 9, 9, 9, 9, 0]);
    wrong[1].extend_from_slice(&[0, 0, 0, 10]);
    wrong[1].put_i32(2);
    wrong[1].extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0]);
    for bytes in wrong {
        let endpoint = peer(move |asked| match &asked.request {
            AnyRequest::Metadata(_) => Deed::Raw(bytes.to_vec()),
            _ => beginnings(asked, &Endpoint::new("h", 1)).unwrap(),
        })
        .await;
        let connection = Connection::open(&endpoint, &options()).await.unwrap();
        let error = connection.send(&MetadataRequest::default()).await.unwrap_err();
        assert!(matches!(error, Error::NotKafka { .. } | Error::Malformed { .. }), "{error:?}");
        assert!(connection.closed().is_some());
    }
}

#[tokio::test]
async fn an_advertised_address_that_leads_nowhere_can_be_ignored() {
    let nowhere: Endpoint = "no-such-broker.invalid:9092".parse().unwrap();
    let endpoint = peer(move |asked| beginnings(asked, &nowhere).unwrap()).await;
    let mut config = Config { options: options(), ..Config::new([endpoint]) };
    let cluster = Cluster::connect(config.clone()).await.unwrap();
    let error = cluster.connection(&Node::Id(1), Lane::Main).await.err().unwrap();
    assert!(matches!(error, Error::UnknownHost { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("advertised"));
    config.ignore_advertised = true;
    let cluster = Cluster::connect(config).await.unwrap();
    assert!(cluster.connection(&Node::Id(1), Lane::Main).await.is_ok());
}

/// What a producer does about an answer, seen by what it sends next.
async fn produce(codes: &'static [i16]) -> (Result<Placed>, Vec<Vec<u8>>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = sent.clone();
    let own: Arc<Mutex<Option<Endpoint>>> = Arc::default();
    let address = own.clone();
    let mut ids = 900;
    let endpoint = peer(move |asked| match &asked.request {
        AnyRequest::Produce(request) => {
            let mut seen = seen.lock().unwrap();
            let code = codes[seen.len()];
            seen.push(request.topic_data[0].partition_data[0].records.clone().unwrap().to_vec());
            if code == CLOSES {
                return Deed::Close;
            }
            let partition = PartitionProduceResponse { error_code: code, base_offset: 42, ..Default::default() };
            let topic_id = request.topic_data[0].topic_id;
            let topic = TopicProduceResponse { topic_id, partition_responses: vec![partition], ..Default::default() };
            asked.answer(&ProduceResponse { responses: vec![topic], ..Default::default() })
        }
        AnyRequest::InitProducerId(_) => {
            ids += 1;
            asked.answer(&wire::InitProducerIdResponse { producer_id: ids, ..Default::default() })
        }
        _ => beginnings(asked, address.lock().unwrap().as_ref().unwrap()).unwrap(),
    })
    .await;
    *own.lock().unwrap() = Some(endpoint.clone());
    let mut config = Config { options: options(), ..Config::new([endpoint]) };
    config.retry.first = Duration::from_millis(5);
    let producer = Producer::new(Cluster::new(config).unwrap(), ProducerConfig::default());
    let result = tokio::time::timeout(Duration::from_secs(10), producer.write(NewRecord::new("t", "v"))).await.unwrap();
    let sent = sent.lock().unwrap().clone();
    (result, sent)
}

const CLOSES: i16 = 9_999;

fn writer(bytes: &[u8]) -> (i64, i32) {
    let header = Batch::parse(bytes).unwrap();
    (header.header().producer_id(), header.header().base_sequence())
}

#[tokio::test]
async fn a_retry_sends_the_same_bytes() {
    // Connection lost, not leader, timed out, then written.
    let (placed, sent) = produce(&[CLOSES, 6, 7, 0]).await;
    assert_eq!(placed.unwrap().offset, Some(42));
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|bytes| *bytes == sent[0]));
    let (_, facts) = produced(&sent[0], 1 << 20).unwrap();
    assert_eq!(facts.producer.unwrap().base_sequence, 0);
}

#[tokio::test]
async fn a_retry_that_had_arrived_is_no_failure() {
    let (placed, _) = produce(&[CLOSES, 46]).await;
    assert_eq!(placed.unwrap().offset, None);
}

#[tokio::test]
async fn a_forgotten_producer_begins_anew_under_another_id() {
    let (placed, sent) = produce(&[59, 0]).await;
    assert!(placed.is_ok());
    assert_eq!([writer(&sent[0]), writer(&sent[1])], [(901, 0), (902, 0)]);
    // Out of order after a lost answer: it may be there, so the caller must hear of it.
    let (placed, sent) = produce(&[CLOSES, 45]).await;
    assert_eq!(placed.unwrap_err().code().unwrap().name(), "OUT_OF_ORDER_SEQUENCE_NUMBER");
    assert_eq!(sent.len(), 2);
}

#[tokio::test]
async fn a_refusal_is_final() {
    let (placed, sent) = produce(&[87]).await;
    assert_eq!(placed.unwrap_err().code().unwrap().name(), "INVALID_RECORD");
    assert_eq!(sent.len(), 1);
}
