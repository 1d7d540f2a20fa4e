//! What trouble with one broker or one partition does to a reader's other partitions, played by two scripted brokers.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use milena_client::{
    record::{Builder, Codec},
    wire::{
        AnyRequest, FetchResponse, ListOffsetsResponse, MetadataResponse, Uuid,
        fetch::{FetchableTopicResponse, PartitionData},
        list_offsets::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
        metadata::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
    *,
};

use crate::peer::{Asked, Deed, beginnings, peer};

const ID: Uuid = Uuid::from_u128(7);
const PATIENCE: Duration = Duration::from_secs(20);
/// Patience that ends after eight failures.
const SHORT: Retry =
    Retry { first: Duration::from_millis(1), most: Duration::from_millis(10), within: Duration::from_millis(20) };

/// Two brokers with one partition of `t` each: partition 0 is led by broker 0, and so on. `play` is asked first.
async fn brokers(play: impl FnMut(usize, &Asked) -> Option<Deed> + Send + 'static) -> Vec<Endpoint> {
    let addresses: Arc<Mutex<Vec<Endpoint>>> = Arc::default();
    let play = Arc::new(Mutex::new(play));
    let mut endpoints = Vec::new();
    for broker in 0..2 {
        let (addresses, play) = (addresses.clone(), play.clone());
        endpoints.push(
            peer(move |asked| {
                let played = play.lock().unwrap()(broker, asked);
                played.unwrap_or_else(|| default_deed(asked, &addresses.lock().unwrap()))
            })
            .await,
        );
    }
    *addresses.lock().unwrap() = endpoints.clone();
    endpoints
}

fn default_deed(asked: &Asked, addresses: &[Endpoint]) -> Deed {
    match &asked.request {
        AnyRequest::Metadata(request) => {
            let broker = |(n, address): (usize, &Endpoint)| MetadataResponseBroker {
                node_id: n as i32,
                host: address.host().into(),
                port: address.port().into(),
                ..Default::default()
            };
            let partition =
                |n| MetadataResponsePartition { partition_index: n, leader_id: n, ..MetadataResponsePartition::default() };
            let topics = request.topics.iter().flatten().map(|t| MetadataResponseTopic {
                name: t.name.clone(),
                topic_id: ID,
                partitions: (0..2).map(partition).collect(),
                ..Default::default()
            });
            let topics = topics.collect();
            let brokers = addresses.iter().enumerate().map(broker).collect();
            asked.answer(&MetadataResponse { brokers, topics, ..Default::default() })
        }
        AnyRequest::ListOffsets(request) => {
            let wanted = &request.topics[0].partitions[0];
            let offset = if wanted.timestamp == -2 { 0 } else { 1 };
            let partition_index = wanted.partition_index;
            let partition = ListOffsetsPartitionResponse { offset, partition_index, ..Default::default() };
            let topic = ListOffsetsTopicResponse { name: "t".into(), partitions: vec![partition], ..Default::default() };
            asked.answer(&ListOffsetsResponse { topics: vec![topic], ..Default::default() })
        }
        _ => beginnings(asked, &addresses[0]).unwrap(),
    }
}

fn records(value: &'static str) -> Vec<u8> {
    let mut builder = Builder::new(Codec::None).place(0, 0);
    builder.push(1, None, Some(value.as_bytes()), &[]).unwrap();
    builder.finish().unwrap()
}

fn answer(asked: &Asked, partition_index: i32, error_code: i16, records: Vec<u8>) -> Deed {
    let partition = PartitionData { partition_index, error_code, records: Some(records.into()), ..Default::default() };
    let topic = FetchableTopicResponse { topic_id: ID, partitions: vec![partition], ..Default::default() };
    asked.answer(&FetchResponse { session_id: 5, responses: vec![topic], ..Default::default() })
}

fn is_fetch(asked: &Asked) -> bool {
    matches!(asked.request, AnyRequest::Fetch(_))
}

fn cluster(endpoints: &[Endpoint], retry: Retry) -> Cluster {
    Cluster::new(Config { retry, ..Config::new(endpoints.iter().cloned()) }).unwrap()
}

fn only(partition: i32) -> Selection {
    Selection { partitions: Some(vec![partition]), ..Selection::all("t") }
}

async fn next(reader: &mut Reader) -> Result<Option<Message>> {
    tokio::time::timeout(PATIENCE, reader.next()).await.expect("it must not wait")
}

/// Broker 1 is out of order until its partition is given up. Partition 0 waits for its ends meanwhile.
#[tokio::test]
async fn a_failing_broker_is_not_the_trouble_of_others_partitions() {
    let fetches = Arc::new(Mutex::new([0, 0]));
    let seen = fetches.clone();
    let endpoints = brokers(move |broker, asked| match &asked.request {
        AnyRequest::Fetch(_) => {
            let mut seen = seen.lock().unwrap();
            seen[broker] += 1;
            Some(match broker {
                // OFFSET_OUT_OF_RANGE
                0 => answer(asked, 0, 1, Vec::new()),
                // Only once the other has answered.
                _ if seen[0] == 0 => asked.answer(&FetchResponse::default()),
                _ => Deed::Close,
            })
        }
        // The ends that are asked for because of that are not told.
        AnyRequest::ListOffsets(_) if broker == 0 && seen.lock().unwrap()[0] > 0 => Some(Deed::Silence),
        _ => None,
    })
    .await;
    let config = ReaderConfig { out_of_range: OutOfRange::Start, ..Default::default() };
    let mut reader = Reader::open(cluster(&endpoints, SHORT), &[Selection::all("t")], config).await.unwrap();
    let error = next(&mut reader).await.unwrap_err();
    assert!(error.is_connection(), "{error}");
    let done: Vec<bool> = reader.progress().iter().map(|p| p.done).collect();
    assert_eq!(done, [false, true]);
    let fetches = *fetches.lock().unwrap();
    assert_eq!(fetches[0], 1, "nothing is fetched whose ends are being asked for");
    assert!(fetches[1] > 1, "what passes is tried again");
}

/// What is known of a topic may be forgotten at any time, for whatever reason of whoever shares the cluster.
#[tokio::test]
async fn an_answer_is_understood_by_what_was_asked() {
    let shared: Arc<OnceLock<Cluster>> = Arc::default();
    let (known, fetches) = (shared.clone(), Arc::new(Mutex::new(0)));
    let count = fetches.clone();
    let endpoints = brokers(move |_, asked| {
        is_fetch(asked).then(|| {
            *count.lock().unwrap() += 1;
            known.get().unwrap().forget_topic(&"t".into());
            answer(asked, 0, 0, records("a"))
        })
    })
    .await;
    let cluster = cluster(&endpoints, Retry::default());
    shared.get_or_init(|| cluster.clone());
    let mut reader = Reader::open(cluster, &[only(0)], ReaderConfig::default()).await.unwrap();
    assert_eq!(next(&mut reader).await.unwrap().unwrap().offset, 0);
    assert_eq!(*fetches.lock().unwrap(), 1);
}

/// In a fetch session, a partition of which there is nothing new is not named in the answer.
#[tokio::test]
async fn failures_that_were_overcome_are_forgotten() {
    let mut count = 0;
    let endpoints = brokers(move |_, asked| {
        is_fetch(asked).then(|| {
            count += 1;
            match count {
                41 => answer(asked, 0, 0, records("a")),
                // NOT_LEADER_OR_FOLLOWER
                n if n % 2 == 0 => answer(asked, 0, 6, Vec::new()),
                _ => asked.answer(&FetchResponse { session_id: 5, ..Default::default() }),
            }
        })
    })
    .await;
    let mut reader = Reader::open(cluster(&endpoints, SHORT), &[only(0)], ReaderConfig::default()).await.unwrap();
    assert_eq!(next(&mut reader).await.unwrap().unwrap().offset, 0);
}

#[tokio::test]
async fn whoever_wants_no_second_try_hears_the_first_error() {
    let endpoints = brokers(move |_, asked| is_fetch(asked).then(|| answer(asked, 0, 6, Vec::new()))).await;
    let mut reader = Reader::open(cluster(&endpoints, Retry::NEVER), &[only(0)], ReaderConfig::default()).await.unwrap();
    assert_eq!(next(&mut reader).await.unwrap_err().code().unwrap().name(), "NOT_LEADER_OR_FOLLOWER");
}
