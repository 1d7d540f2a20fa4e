//! The hand-written hot path against the generated code, in every version.

use bytes::{Bytes, BytesMut};
use milena_wire::{
    FetchResponse, Message, ProduceRequest, ProduceResponse, Reader, Text, Uuid, frame,
    hot::{FetchWriter, Gather, Piece, ProduceView, ProduceWriter, Step},
    produce::PartitionProduceResponse,
};

use crate::{
    memory,
    values::{Dice, Style, message, subjects},
};

/// Random messages of a kind, of every version, as bytes.
fn each(key: i16, part: &str, style: Style, mut test: impl FnMut(i16, Bytes)) {
    let mut dice = Dice(key as u64 + 3);
    let subject = subjects().into_iter().find(|s| s.key == key && s.part == part).unwrap();
    for version in subject.versions() {
        for _ in 0..200 {
            test(version, Bytes::from(message(&mut dice, &subject, version, style)));
        }
    }
}

#[test]
fn produce_requests_are_walked_as_they_are_read() {
    let mut walked = 0;
    each(0, "request", Style::Any, |version, bytes| {
        let request = ProduceRequest::decode(&mut Reader::new(bytes.clone()), version).unwrap();
        let view = ProduceView::parse(Reader::new(bytes), version).unwrap();
        assert_eq!((view.acks, view.timeout_ms, view.topics), (request.acks, request.timeout_ms, request.topic_data.len()));
        assert_eq!(view.transactional_id().as_deref(), request.transactional_id.as_deref());
        let mut steps = view.steps();
        let mut partitions = 0;
        for topic in &request.topic_data {
            let expected =
                Step::Topic { name: topic.name.as_str().into(), id: topic.topic_id, partitions: topic.partition_data.len() };
            assert_eq!(steps.next(), Some(expected), "v{version}");
            for partition in &topic.partition_data {
                let Some(Step::Partition { index, records }) = steps.next() else { panic!("v{version}: a partition is missing") };
                assert_eq!((index, records.map(|range| view.frame().slice(range))), (partition.index, partition.records.clone()));
                partitions += 1;
            }
        }
        assert_eq!((steps.next(), view.partitions), (None, partitions));
        walked += partitions;
    });
    assert!(walked > 2000, "{walked} partitions are too few to prove anything");
}

#[test]
fn broken_produce_requests_are_refused_by_both() {
    let mut dice = Dice(4);
    let (mut refused, mut taken) = (0, 0);
    each(0, "request", Style::Any, |version, bytes| {
        let mut broken = bytes.to_vec();
        let at = dice.below(broken.len() as u64) as usize;
        broken[at] ^= 1 << dice.below(8);
        broken.truncate(broken.len() - dice.below(3) as usize);
        let broken = Bytes::from(broken);
        let read = ProduceRequest::decode(&mut Reader::new(broken.clone()), version);
        let walk = ProduceView::parse(Reader::new(broken), version);
        assert_eq!(read.as_ref().err(), walk.as_ref().err(), "v{version}");
        if read.is_err() { refused += 1 } else { taken += 1 }
    });
    assert!(refused > 500 && taken > 100, "{refused} refused, {taken} taken");
}

#[test]
fn walking_allocates_nothing() {
    each(0, "request", Style::Known, |version, bytes| {
        let mut stream = BytesMut::from(&[&(bytes.len() as u32).to_be_bytes()[..], &bytes].concat()[..]);
        let reader = Reader::new(frame::split(&mut stream, frame::MOST).unwrap().unwrap());
        let (steps, allocated) = memory::allocated(|| {
            let view = ProduceView::parse(reader, version).unwrap();
            let id = view.transactional_id().map_or(0, |id| id.len());
            view.steps().count() + id
        });
        assert_eq!(allocated, 0, "v{version}, {steps} steps");
    });
}

#[test]
fn produce_responses_are_written_as_the_generated_code_does() {
    each(0, "response", Style::Known, |version, bytes| {
        let mut response = ProduceResponse::decode(&mut Reader::new(bytes), version).unwrap();
        for (i, partition) in response.responses.iter_mut().flat_map(|t| &mut t.partition_responses).enumerate() {
            if i % 2 == 0 {
                *partition = PartitionProduceResponse {
                    index: partition.index,
                    base_offset: partition.base_offset,
                    log_append_time_ms: partition.log_append_time_ms,
                    log_start_offset: partition.log_start_offset,
                    ..Default::default()
                };
            }
        }
        let mut expected = BytesMut::from("before");
        frame::response(&mut expected, version, 99, &response).unwrap();
        let mut out = BytesMut::from("before");
        let mut writer = ProduceWriter::new(&mut out, version, 99, response.responses.len()).unwrap();
        let mut i = 0;
        for topic in &response.responses {
            writer.topic(&topic.name, topic.topic_id, topic.partition_responses.len()).unwrap();
            for p in &topic.partition_responses {
                match i % 2 {
                    0 => writer.accepted(p.index, p.base_offset, p.log_append_time_ms, p.log_start_offset),
                    _ => writer.partition(p).unwrap(),
                }
                i += 1;
            }
        }
        writer.finish(response.throttle_time_ms, &response.node_endpoints).unwrap();
        assert_eq!(out, expected, "v{version}");
    });
}

#[test]
fn fetch_responses_are_gathered_as_the_generated_code_writes_them() {
    each(1, "response", Style::Known, |version, bytes| {
        let mut response = FetchResponse::decode(&mut Reader::new(bytes), version).unwrap();
        let partitions = response.responses.iter_mut().flat_map(|t| &mut t.partitions);
        partitions.for_each(|p| p.records = p.records.take().or(Some(Bytes::new())));
        let mut expected = BytesMut::new();
        frame::response(&mut expected, version, -5, &response).unwrap();
        let topics = response.responses.len();
        let mut writer =
            FetchWriter::new(version, -5, response.throttle_time_ms, response.error_code, response.session_id, topics).unwrap();
        let mut handed = Vec::new();
        for topic in &response.responses {
            writer.topic(&topic.topic, topic.topic_id, topic.partitions.len()).unwrap();
            for partition in &topic.partitions {
                let records = partition.records.clone().unwrap();
                let half = records.len() / 2;
                let slices = [records.slice(..half), records.slice(half..)].into_iter().filter(|slice| !slice.is_empty());
                handed.extend(slices.clone().map(|slice| slice.as_ptr()));
                writer.partition(partition, records.len(), slices).unwrap();
            }
        }
        let Gather { pieces, len } = writer.finish(&response.node_endpoints).unwrap();
        let given = pieces.iter().filter_map(|piece| if let Piece::Records(r) = piece { Some(r.as_ptr()) } else { None });
        assert_eq!(given.collect::<Vec<_>>(), handed, "records are the caller's own bytes");
        let all: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| match piece {
                Piece::Own(bytes) | Piece::Records(bytes) => bytes.to_vec(),
            })
            .collect();
        assert_eq!((all.len(), &all[..]), (len, &expected[..]), "v{version}");
    });
}

#[test]
fn versions_that_do_not_exist_are_refused() {
    for version in [-1, 2, 14] {
        assert!(ProduceView::parse(Reader::new(Bytes::from_static(&[0; 50])), version).is_err());
        assert!(ProduceWriter::new(&mut BytesMut::new(), version, 0, 0).is_err());
    }
    assert!(FetchWriter::<Bytes>::new(3, 0, 0, 0, 0, 0).is_err() && FetchWriter::<Bytes>::new(19, 0, 0, 0, 0, 0).is_err());
    let long = Text::from("x".repeat(40000));
    let mut out = BytesMut::new();
    assert!(ProduceWriter::new(&mut out, 3, 0, 1).unwrap().topic(&long, Uuid::nil(), 0).is_err());
}
