//! Fetch, ListOffsets, OffsetForLeaderEpoch and DeleteRecords: what readers meet.

use anyhow::Result;
use milena_record::Codec;
use milena_wire::{
    DeleteRecordsRequest, FetchRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest,
    delete_records::{DeleteRecordsPartition, DeleteRecordsTopic},
    fetch::{FetchPartition, FetchTopic, ForgottenTopic},
    list_offsets::{ListOffsetsPartition, ListOffsetsTopic},
    offset_for_leader_epoch::{OffsetForLeaderPartition, OffsetForLeaderTopic},
};
use uuid::Uuid;

use crate::{Conversation, peer::Peer, produce};

pub(crate) const ALL: &[Conversation] = &[
    ("fetch-versions", versions),
    ("fetch-refusals", refusals),
    ("fetch-sessions", sessions),
    ("list-offsets", list_offsets),
    ("leader-epochs", leader_epochs),
    ("delete-records", delete_records),
];

/// A topic with three batches of two records each.
fn filled(peer: &mut Peer, name: &str) -> Result<Uuid> {
    let id = peer.topic(name, 2, &[])?;
    for values in [["a", "b"], ["c", "d"], ["e", "f"]] {
        peer.talk(9, &produce::request(name, Uuid::nil(), 0, Some(produce::batch(&values, Codec::None)?)))?;
    }
    Ok(id)
}

pub(crate) fn request(name: &str, id: Uuid, partitions: &[(i32, i64)]) -> FetchRequest {
    let partitions = partitions
        .iter()
        .map(|(partition, offset)| FetchPartition {
            partition: *partition,
            fetch_offset: *offset,
            partition_max_bytes: 1 << 20,
            ..Default::default()
        })
        .collect();
    let topics = vec![FetchTopic { topic: name.into(), topic_id: id, partitions, ..Default::default() }];
    FetchRequest { max_wait_ms: 100, min_bytes: 1, max_bytes: 1 << 20, topics, ..Default::default() }
}

fn named(version: i16, name: &str, id: Uuid) -> (String, Uuid) {
    if version >= 13 { (String::new(), id) } else { (name.into(), Uuid::nil()) }
}

fn versions(peer: &mut Peer) -> Result<()> {
    let id = filled(peer, "fetched")?;
    for version in 4..=18 {
        let (name, id) = named(version, "fetched", id);
        peer.ask(&format!("v{version}"), version, &request(&name, id, &[(0, 0), (1, 0)]))?;
        peer.ask(&format!("v{version}-inside a batch"), version, &request(&name, id, &[(0, 3)]))?;
        peer.ask(&format!("v{version}-at the end"), version, &request(&name, id, &[(0, 6)]))?;
        peer.ask(&format!("v{version}-behind the end"), version, &request(&name, id, &[(0, 99)]))?;
        peer.ask(&format!("v{version}-no such partition"), version, &request(&name, id, &[(9, 0)]))?;
        let (name, id) = named(version, "nobody", Uuid::from_u128(5));
        peer.ask(&format!("v{version}-no such topic"), version, &request(&name, id, &[(0, 0)]))?;
    }
    Ok(())
}

fn refusals(peer: &mut Peer) -> Result<()> {
    filled(peer, "limits")?;
    let mut ask = |step: &str, change: fn(&mut FetchRequest)| -> Result<()> {
        let mut asked = request("limits", Uuid::nil(), &[(0, 0)]);
        change(&mut asked);
        peer.ask(step, 12, &asked).map(|_| ())
    };
    ask("one byte for the partition", |r| r.topics[0].partitions[0].partition_max_bytes = 1)?;
    ask("no byte for the partition", |r| r.topics[0].partitions[0].partition_max_bytes = 0)?;
    ask("one byte in all", |r| r.max_bytes = 1)?;
    ask("no byte in all", |r| r.max_bytes = 0)?;
    ask("negative bytes for the partition", |r| r.topics[0].partitions[0].partition_max_bytes = -1)?;
    ask("read committed", |r| r.isolation_level = 1)?;
    ask("isolation 2", |r| r.isolation_level = 2)?;
    ask("negative offset", |r| r.topics[0].partitions[0].fetch_offset = -1)?;
    ask("newer epoch", |r| r.topics[0].partitions[0].current_leader_epoch = 5)?;
    ask("last fetched epoch above", |r| r.topics[0].partitions[0].last_fetched_epoch = 5)?;
    ask("nothing asked", |r| r.topics.clear())?;
    ask("long wait, data there", |r| r.max_wait_ms = 5000)?;
    Ok(())
}

fn sessions(peer: &mut Peer) -> Result<()> {
    let id = filled(peer, "sessions")?;
    let mut first = request("", id, &[(0, 0), (1, 0)]);
    first.session_epoch = 0;
    let Some(answer) = peer.ask("begins", 13, &first)? else { return Ok(()) };
    let session = answer.session_id;
    let next = |peer: &mut Peer, step: &str, epoch: i32, partitions: &[(i32, i64)], forget: &[i32]| -> Result<()> {
        let mut asked = request("", id, partitions);
        if partitions.is_empty() {
            asked.topics.clear();
        }
        (asked.session_id, asked.session_epoch) = (session, epoch);
        if !forget.is_empty() {
            asked.forgotten_topics_data =
                vec![ForgottenTopic { topic_id: id, partitions: forget.to_vec(), ..Default::default() }];
        }
        peer.ask(step, 13, &asked).map(|_| ())
    };
    next(peer, "moves one partition", 1, &[(0, 6)], &[])?;
    next(peer, "nothing new", 2, &[], &[])?;
    peer.talk(9, &produce::request("sessions", Uuid::nil(), 1, Some(produce::batch(&["x"], Codec::None)?)))?;
    next(peer, "the other has something", 3, &[], &[])?;
    next(peer, "forgets one", 4, &[], &[1])?;
    next(peer, "wrong epoch", 9, &[], &[])?;
    next(peer, "forgets the last", 5, &[], &[0])?;
    let mut unknown = request("", id, &[]);
    (unknown.session_id, unknown.session_epoch) = (123_456_789, 1);
    peer.ask("unknown session", 13, &unknown)?;
    Ok(())
}

fn list_offsets(peer: &mut Peer) -> Result<()> {
    filled(peer, "listed")?;
    for version in 1..=11 {
        for time in [-1i64, -2, -3, -4, -5, -6, -7, 0, 1_700_000_000_000, 1_700_000_000_001] {
            let partition = ListOffsetsPartition { partition_index: 0, timestamp: time, ..Default::default() };
            let topic = ListOffsetsTopic { name: "listed".into(), partitions: vec![partition], ..Default::default() };
            peer.ask(
                &format!("v{version} at {time}"),
                version,
                &ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() },
            )?;
        }
    }
    let partition = |index, epoch| ListOffsetsPartition {
        partition_index: index,
        timestamp: -1,
        current_leader_epoch: epoch,
        ..Default::default()
    };
    for (step, name, partitions) in [
        ("an empty partition", "listed", vec![partition(1, -1)]),
        ("no such partition", "listed", vec![partition(8, -1)]),
        ("no such topic", "nobody", vec![partition(0, -1)]),
        ("twice", "listed", vec![partition(0, -1), partition(0, -1)]),
        ("a newer epoch", "listed", vec![partition(0, 4)]),
    ] {
        let topic = ListOffsetsTopic { name: name.into(), partitions, ..Default::default() };
        peer.ask(step, 7, &ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() })?;
    }
    Ok(())
}

fn leader_epochs(peer: &mut Peer) -> Result<()> {
    filled(peer, "epochs")?;
    for version in 2..=4 {
        for (current, epoch) in [(-1, 0), (0, 0), (-1, 5), (-1, -1), (3, 0)] {
            let partition = OffsetForLeaderPartition {
                partition: 0,
                current_leader_epoch: current,
                leader_epoch: epoch,
                ..Default::default()
            };
            let topic = OffsetForLeaderTopic { topic: "epochs".into(), partitions: vec![partition], ..Default::default() };
            let asked = OffsetForLeaderEpochRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
            peer.ask(&format!("v{version} epoch {epoch} as of {current}"), version, &asked)?;
        }
    }
    Ok(())
}

fn delete_records(peer: &mut Peer) -> Result<()> {
    filled(peer, "deleted")?;
    for (step, name, partition, offset) in [
        ("behind the end", "deleted", 0, 99),
        ("negative", "deleted", 0, -2),
        ("two", "deleted", 0, 2),
        ("back to one", "deleted", 0, 1),
        ("inside a batch", "deleted", 0, 3),
        ("everything", "deleted", 0, -1),
        ("no such partition", "deleted", 7, 0),
        ("no such topic", "nobody", 0, 0),
    ] {
        for version in 0..=2 {
            let partitions = vec![DeleteRecordsPartition { partition_index: partition, offset, ..Default::default() }];
            let topics = vec![DeleteRecordsTopic { name: name.into(), partitions, ..Default::default() }];
            peer.ask(
                &format!("v{version} {step}"),
                version,
                &DeleteRecordsRequest { topics, timeout_ms: 5000, ..Default::default() },
            )?;
        }
    }
    peer.ask("a fetch below the start", 12, &request("deleted", Uuid::nil(), &[(0, 0)]))?;
    Ok(())
}
