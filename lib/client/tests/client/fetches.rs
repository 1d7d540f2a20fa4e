//! What a reader makes of answers, played by a scripted peer.

use std::sync::{Arc, Mutex};

use milena_client::{
    record::{Builder, Codec, Producer as Writer, RecordHeader},
    wire::{
        AnyRequest, FetchResponse, ListOffsetsResponse, Uuid,
        fetch::{AbortedTransaction, FetchableTopicResponse, PartitionData},
        list_offsets::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
    },
    *,
};

use crate::peer::{Asked, Deed, beginnings, peer};

fn batch(base: i64, values: &[&str]) -> Vec<u8> {
    let mut builder = Builder::new(Codec::Lz4).place(base, 0);
    for value in values {
        builder.push(1, None, Some(value.as_bytes()), &[RecordHeader { key: b"h", value: None }]).unwrap();
    }
    builder.finish().unwrap()
}

fn transactional(base: i64, producer: i64, value: &str) -> Vec<u8> {
    let writer = Writer { id: producer, epoch: 0, base_sequence: 0 };
    let mut builder = Builder::new(Codec::None).place(base, 0).producer(writer).transactional();
    builder.push(1, None, Some(value.as_bytes()), &[]).unwrap();
    builder.finish().unwrap()
}

/// The marker that ends a transaction: version 0, then 0 to abort or 1 to commit.
fn marker(base: i64, producer: i64, kind: u8) -> Vec<u8> {
    let writer = Writer { id: producer, epoch: 0, base_sequence: -1 };
    let mut builder = Builder::new(Codec::None).place(base, 0).producer(writer).transactional().control();
    builder.push(1, Some(&[0, 0, 0, kind]), Some(&[0; 6]), &[]).unwrap();
    builder.finish().unwrap()
}

/// A broker with this log, that answers fetches by `fetch`.
async fn reader(end: i64, config: ReaderConfig, fetch: impl FnMut(&Asked, i64) -> Deed + Send + 'static) -> Reader {
    reader_of(Selection::all("t"), end, config, fetch).await
}

async fn reader_of(
    selection: Selection,
    end: i64,
    config: ReaderConfig,
    mut fetch: impl FnMut(&Asked, i64) -> Deed + Send + 'static,
) -> Reader {
    let own: Arc<Mutex<Option<Endpoint>>> = Arc::default();
    let address = own.clone();
    let endpoint = peer(move |asked| match &asked.request {
        AnyRequest::ListOffsets(request) => {
            let offset = if request.topics[0].partitions[0].timestamp == -2 { 0 } else { end };
            let partition = ListOffsetsPartitionResponse { offset, ..Default::default() };
            let topic = ListOffsetsTopicResponse { name: "t".into(), partitions: vec![partition], ..Default::default() };
            asked.answer(&ListOffsetsResponse { topics: vec![topic], ..Default::default() })
        }
        AnyRequest::Fetch(request) => {
            let offset = request.topics.first().map_or(-1, |t| t.partitions[0].fetch_offset);
            fetch(asked, offset)
        }
        _ => beginnings(asked, address.lock().unwrap().as_ref().unwrap()).unwrap(),
    })
    .await;
    *own.lock().unwrap() = Some(endpoint.clone());
    let cluster = Cluster::new(Config::new([endpoint])).unwrap();
    Reader::open(cluster, &[selection], config).await.unwrap()
}

fn answer(asked: &Asked, records: Vec<u8>, aborted: Vec<AbortedTransaction>) -> Deed {
    let partition = PartitionData {
        high_watermark: 100,
        records: Some(records.into()),
        aborted_transactions: Some(aborted),
        ..Default::default()
    };
    let topic = FetchableTopicResponse { topic_id: Uuid::from_u128(7), partitions: vec![partition], ..Default::default() };
    asked.answer(&FetchResponse { session_id: 5, responses: vec![topic], ..Default::default() })
}

async fn values(reader: &mut Reader) -> Vec<String> {
    let mut values = Vec::new();
    while let Some(message) = reader.next().await.unwrap() {
        values.push(String::from_utf8(message.value.unwrap().to_vec()).unwrap());
    }
    values
}

#[tokio::test]
async fn damage_is_named_and_not_jumped_over() {
    let mut damaged = batch(2, &["c", "d"]);
    *damaged.last_mut().unwrap() ^= 1;
    let log = [batch(0, &["a", "b"]), damaged, batch(4, &["e"])].concat();
    let mut reader = reader(5, ReaderConfig::default(), move |asked, _| answer(asked, log.clone(), vec![])).await;
    for offset in 0..2 {
        assert_eq!(reader.next().await.unwrap().unwrap().offset, offset);
    }
    match reader.next().await {
        Err(Error::Damaged { partition: 0, offset: 2, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert!(reader.next().await.unwrap().is_none());
    assert_eq!(reader.progress()[0].position, 2);
}

/// A broker answers with whole batches, so the first may begin before what was asked for, and the last end behind it.
#[tokio::test]
async fn only_the_wanted_part_of_a_batch_is_handed_out() {
    let log = batch(0, &["a", "b", "c", "d"]);
    let part = Selection { from: From::Offset(1), until: Until::Offset(3), ..Selection::all("t") };
    let mut reader = reader_of(part, 4, ReaderConfig::default(), move |asked, offset| {
        assert_eq!(offset, 1);
        answer(asked, log.clone(), vec![])
    })
    .await;
    let first = reader.next().await.unwrap().unwrap();
    assert_eq!((first.offset, first.batch.count, first.batch.codec, first.headers.len()), (1, 4, Codec::Lz4, 1));
    assert_eq!(values(&mut reader).await, ["c"]);
}

#[tokio::test]
async fn readers_of_committed_data_see_nothing_of_aborted_transactions() {
    let log = [
        transactional(0, 1, "aborted"),
        transactional(1, 2, "committed"),
        batch(2, &["plain"]),
        marker(3, 1, 0),
        transactional(4, 1, "second try"),
        marker(5, 2, 1),
        marker(6, 1, 1),
    ]
    .concat();
    for (committed, expected) in
        [(false, &["aborted", "committed", "plain", "second try"][..]), (true, &["committed", "plain", "second try"][..])]
    {
        let log = log.clone();
        let config = ReaderConfig { committed, ..Default::default() };
        let mut reader = reader(7, config, move |asked, _| {
            let aborted = AbortedTransaction { producer_id: 1, first_offset: 0, ..Default::default() };
            answer(asked, log.clone(), if committed { vec![aborted] } else { vec![] })
        })
        .await;
        assert_eq!(values(&mut reader).await, expected);
        assert_eq!(reader.progress()[0].position, 7, "markers count");
    }
}

#[tokio::test]
async fn a_lost_session_begins_anew() {
    let asked_for = Arc::new(Mutex::new(Vec::new()));
    let seen = asked_for.clone();
    let mut reader = reader(3, ReaderConfig::default(), move |asked, offset| {
        let AnyRequest::Fetch(request) = &asked.request else { unreachable!() };
        let mut seen = seen.lock().unwrap();
        seen.push((request.session_id, request.session_epoch, offset));
        match seen.len() {
            1 => answer(asked, batch(0, &["a"]), vec![]),
            // FETCH_SESSION_ID_NOT_FOUND
            2 => asked.answer(&FetchResponse { error_code: 70, ..Default::default() }),
            3 => answer(asked, batch(1, &["b"]), vec![]),
            _ => answer(asked, batch(2, &["c"]), vec![]),
        }
    })
    .await;
    assert_eq!(values(&mut reader).await, ["a", "b", "c"]);
    assert_eq!(*asked_for.lock().unwrap(), [(0, 0, 0), (5, 1, 1), (0, 0, 1), (5, 1, 2)]);
}
