//! Classic groups and positions, with one member at a time; several play in [`crate::plays`].

use anyhow::Result;
use bytes::Bytes;
use milena_wire::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest,
    ListGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, SyncGroupRequest,
    join_group::JoinGroupRequestProtocol,
    leave_group::MemberIdentity,
    offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_delete::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics},
    sync_group::SyncGroupRequestAssignment,
};
use uuid::Uuid;

use crate::{Conversation, peer::Peer};

pub(crate) const ALL: &[Conversation] = &[
    ("coordinator", coordinator),
    ("group-life", life),
    ("group-refusals", refusals),
    ("positions", positions),
    ("static-member", static_member),
    ("asked-twice", twice),
];

/// A subscription to nothing, as version 0 spells it. Bytes that are none are never answered by Apache Kafka.
const SUBSCRIPTION: &[u8] = &[0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];

/// Apache Kafka makes its internal topic at the first question and answers 15 until it is there.
pub(crate) fn warm(peer: &mut Peer) -> Result<()> {
    for _ in 0..100 {
        let answer = peer.talk(3, &FindCoordinatorRequest { key: "warm".into(), ..Default::default() })?;
        let joined = peer.talk(5, &join("warm", ""))?;
        if answer.error_code == 0 && joined.error_code != 14 && joined.error_code != 15 && joined.error_code != 16 {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Ok(())
}

fn coordinator(peer: &mut Peer) -> Result<()> {
    warm(peer)?;
    for version in 0..=6 {
        let mut asked = FindCoordinatorRequest::default();
        if version >= 4 {
            asked.coordinator_keys = vec!["g1".into(), "g2".into()];
        } else {
            asked.key = "g1".into();
        }
        peer.ask(&format!("v{version}"), version, &asked)?;
    }
    for key in ["g", "g:AAAAAAAAAAAAAAAAAAAABw:x", "g:AAAA:0", ":AAAAAAAAAAAAAAAAAAAABw:0", "g:AAAAAAAAAAAAAAAAAAAABw:0:0"] {
        let asked = FindCoordinatorRequest { key_type: 2, coordinator_keys: vec![key.into()], ..Default::default() };
        peer.ask(&format!("share key {key}"), 6, &asked)?;
    }
    peer.ask("type 9", 4, &FindCoordinatorRequest { key_type: 9, coordinator_keys: vec!["g".into()], ..Default::default() })?;
    Ok(())
}

fn join(group: &str, member: &str) -> JoinGroupRequest {
    let protocol =
        JoinGroupRequestProtocol { name: "range".into(), metadata: Bytes::from_static(SUBSCRIPTION), ..Default::default() };
    JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        member_id: member.into(),
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..Default::default()
    }
}

fn life(peer: &mut Peer) -> Result<()> {
    warm(peer)?;
    for version in 0..=9 {
        let group = format!("life-{version}");
        let mut member = String::new();
        if version >= 4 {
            let answer = peer.talk(version, &join(&group, ""))?;
            member = answer.member_id.to_string();
            peer.call(&member, "MEMBER");
            peer.said.insert(format!("v{version} first join"), format!("error: {}", answer.error_code));
        }
        let answer = peer.talk(version, &join(&group, &member))?;
        peer.call(&answer.member_id, "MEMBER");
        member = answer.member_id.to_string();
        peer.said.insert(
            format!("v{version} join"),
            format!(
                "error: {}\ngeneration: {}\nprotocol: {:?}\nmembers: {}\nleads: {}",
                answer.error_code,
                answer.generation_id,
                answer.protocol_name,
                answer.members.len(),
                answer.leader == answer.member_id
            ),
        );
        follow(peer, version, &group, &member)?;
    }
    Ok(())
}

fn follow(peer: &mut Peer, version: i16, group: &str, member: &str) -> Result<()> {
    let assignment =
        SyncGroupRequestAssignment { member_id: member.into(), assignment: Bytes::from_static(b"yours"), ..Default::default() };
    let mut sync = SyncGroupRequest {
        group_id: group.into(),
        generation_id: 1,
        member_id: member.into(),
        assignments: vec![assignment],
        ..Default::default()
    };
    if version >= 5 {
        (sync.protocol_type, sync.protocol_name) = (Some("consumer".into()), Some("range".into()));
    }
    peer.ask(&format!("v{version} sync"), version.min(5), &sync)?;
    let beat = |generation| HeartbeatRequest {
        group_id: group.into(),
        generation_id: generation,
        member_id: member.into(),
        ..Default::default()
    };
    peer.ask(&format!("v{version} heartbeat"), version.min(4), &beat(1))?;
    peer.ask(&format!("v{version} heartbeat of the future"), version.min(4), &beat(7))?;
    peer.ask(
        &format!("v{version} described"),
        version.min(6),
        &DescribeGroupsRequest { groups: vec![group.into()], ..Default::default() },
    )?;
    let mut leave = LeaveGroupRequest { group_id: group.into(), ..Default::default() };
    if version >= 3 {
        leave.members = vec![MemberIdentity { member_id: member.into(), ..Default::default() }];
    } else {
        leave.member_id = member.into();
    }
    peer.ask(&format!("v{version} leave"), version.min(5), &leave)?;
    peer.ask(
        &format!("v{version} described when empty"),
        version.min(6),
        &DescribeGroupsRequest { groups: vec![group.into()], ..Default::default() },
    )?;
    // One at a time: Apache Kafka answers several in the order of a hash table.
    for (step, group) in [("deleted", group), ("nobody deleted", "nobody")] {
        let asked = DeleteGroupsRequest { groups_names: vec![group.into()], ..Default::default() };
        peer.ask(&format!("v{version} {step}"), version.min(2), &asked)?;
    }
    Ok(())
}

fn refusals(peer: &mut Peer) -> Result<()> {
    warm(peer)?;
    let mut ask = |step: &str, change: fn(&mut JoinGroupRequest)| -> Result<()> {
        let mut asked = join("refused", "");
        change(&mut asked);
        let answer = peer.talk(3, &asked);
        let text = answer.map_or_else(|_| "closed".to_string(), |a| format!("error: {}", a.error_code));
        peer.said.insert(step.to_string(), text);
        Ok(())
    };
    ask("session too short", |r| r.session_timeout_ms = 10)?;
    ask("session too long", |r| r.session_timeout_ms = 100_000_000)?;
    ask("unknown member", |r| r.member_id = "stranger".into())?;
    ask("no protocols", |r| r.protocols.clear())?;
    ask("no protocol type", |r| r.protocol_type = "".into())?;
    ask("no group", |r| r.group_id = "".into())?;
    let beat = HeartbeatRequest { group_id: "nobody".into(), generation_id: 1, member_id: "m".into(), ..Default::default() };
    peer.ask("heartbeat of nobody", 4, &beat)?;
    let sync = SyncGroupRequest { group_id: "nobody".into(), generation_id: 1, member_id: "m".into(), ..Default::default() };
    peer.ask("sync of nobody", 4, &sync)?;
    let leave = LeaveGroupRequest {
        group_id: "nobody".into(),
        members: vec![MemberIdentity { member_id: "m".into(), ..Default::default() }],
        ..Default::default()
    };
    peer.ask("leave of nobody", 4, &leave)?;
    for version in 0..=6 {
        peer.ask(
            &format!("describe nobody v{version}"),
            version,
            &DescribeGroupsRequest { groups: vec!["nobody".into()], ..Default::default() },
        )?;
    }
    for version in 3..=6 {
        let asked =
            DescribeGroupsRequest { groups: vec!["nobody".into()], include_authorized_operations: true, ..Default::default() };
        peer.ask(&format!("v{version} describe nobody with operations"), version, &asked)?;
    }
    peer.ask("list an unknown state", 5, &ListGroupsRequest { states_filter: vec!["Nonsense".into()], ..Default::default() })?;
    Ok(())
}

fn commit(name: &str, id: Uuid, partition: i32, offset: i64, metadata: Option<&str>) -> Vec<OffsetCommitRequestTopic> {
    let partition = OffsetCommitRequestPartition {
        partition_index: partition,
        committed_offset: offset,
        committed_metadata: metadata.map(Into::into),
        ..Default::default()
    };
    vec![OffsetCommitRequestTopic { name: name.into(), topic_id: id, partitions: vec![partition], ..Default::default() }]
}

fn positions(peer: &mut Peer) -> Result<()> {
    warm(peer)?;
    let id = peer.topic("committed", 2, &[])?;
    for version in 2..=10 {
        let group = format!("positions-{version}");
        let (name, id) = if version >= 10 { ("", id) } else { ("committed", Uuid::nil()) };
        for (step, partition, offset, metadata) in [
            ("plain", 0, 42, Some("note")),
            ("null metadata", 1, 7, None),
            ("negative", 1, -5, Some("")),
            ("no such partition", 9, 1, Some("")),
        ] {
            let asked = OffsetCommitRequest {
                group_id: group.as_str().into(),
                topics: commit(name, id, partition, offset, metadata),
                ..Default::default()
            };
            peer.ask(&format!("v{version} commit {step}"), version, &asked)?;
        }
    }
    for version in 1..=10 {
        peer.ask(&format!("v{version} fetched"), version, &fetch(version, "positions-5", id, Some(vec![0, 1, 9])))?;
        if version >= 2 {
            peer.ask(&format!("v{version} all fetched"), version, &fetch(version, "positions-5", id, None))?;
        }
        peer.ask(&format!("v{version} fetched of nobody"), version, &fetch(version, "nobody", id, Some(vec![0])))?;
    }
    for version in 2..=10 {
        let (name, id) = if version >= 10 { ("", id) } else { ("committed", Uuid::nil()) };
        let topics = commit(name, id, 0, 1, None);
        let asked =
            OffsetCommitRequest { group_id: "nobody".into(), generation_id_or_member_epoch: 3, topics, ..Default::default() };
        peer.ask(&format!("v{version} commit of a generation that nobody has"), version, &asked)?;
    }
    let nameless = commit("", Uuid::nil(), 0, 1, None);
    let asked = OffsetCommitRequest { group_id: "positions-5".into(), topics: nameless, ..Default::default() };
    peer.ask("commit to no topic", 10, &asked)?;
    peer.ask("fetched of no topic", 10, &fetch(10, "positions-5", Uuid::nil(), Some(vec![0])))?;
    let long = "x".repeat(5000);
    let asked = OffsetCommitRequest {
        group_id: "positions-5".into(),
        topics: commit("committed", Uuid::nil(), 0, 1, Some(&long)),
        ..Default::default()
    };
    peer.ask("metadata too long", 8, &asked)?;
    let mut stale = OffsetCommitRequest {
        group_id: "positions-5".into(),
        topics: commit("committed", Uuid::nil(), 0, 1, None),
        ..Default::default()
    };
    (stale.member_id, stale.generation_id_or_member_epoch) = ("m".into(), 3);
    peer.ask("commit of a stranger", 8, &stale)?;
    let partitions = [0, 9].map(|p| OffsetDeleteRequestPartition { partition_index: p }).to_vec();
    let topics = vec![OffsetDeleteRequestTopic { name: "committed".into(), partitions }];
    peer.ask("positions deleted", 0, &OffsetDeleteRequest { group_id: "positions-5".into(), topics: topics.clone() })?;
    peer.ask("positions of nobody deleted", 0, &OffsetDeleteRequest { group_id: "nobody".into(), topics })?;
    Ok(())
}

fn fetch(version: i16, group: &str, id: Uuid, partitions: Option<Vec<i32>>) -> OffsetFetchRequest {
    if version < 8 {
        let topics = partitions
            .map(|p| vec![OffsetFetchRequestTopic { name: "committed".into(), partition_indexes: p, ..Default::default() }]);
        return OffsetFetchRequest { group_id: group.into(), topics, ..Default::default() };
    }
    let (name, id) = if version >= 10 { ("", id) } else { ("committed", Uuid::nil()) };
    let topics = partitions
        .map(|p| vec![OffsetFetchRequestTopics { name: name.into(), topic_id: id, partition_indexes: p, ..Default::default() }]);
    OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup { group_id: group.into(), topics, ..Default::default() }],
        ..Default::default()
    }
}

fn static_member(peer: &mut Peer) -> Result<()> {
    warm(peer)?;
    let mut asked = join("static", "");
    asked.group_instance_id = Some("one".into());
    let first = peer.talk(9, &asked)?;
    peer.call(&first.member_id, "FIRST");
    peer.said.insert("first".into(), format!("error: {}\ngeneration: {}", first.error_code, first.generation_id));
    let assignment = SyncGroupRequestAssignment {
        member_id: first.member_id.clone(),
        assignment: Bytes::from_static(b"mine"),
        ..Default::default()
    };
    let sync = SyncGroupRequest {
        group_id: "static".into(),
        generation_id: 1,
        member_id: first.member_id.clone(),
        group_instance_id: Some("one".into()),
        assignments: vec![assignment],
        ..Default::default()
    };
    peer.ask("sync", 4, &sync)?;
    let second = peer.talk(9, &asked)?;
    peer.call(&second.member_id, "SECOND");
    peer.said.insert(
        "replaced".into(),
        format!(
            "error: {}\ngeneration: {}\nskips: {}\nmembers: {}",
            second.error_code,
            second.generation_id,
            second.skip_assignment,
            second.members.len()
        ),
    );
    let beat = |member: &str| HeartbeatRequest {
        group_id: "static".into(),
        generation_id: 1,
        member_id: member.into(),
        group_instance_id: Some("one".into()),
        ..Default::default()
    };
    peer.ask("heartbeat of the first", 4, &beat(&first.member_id))?;
    peer.ask("heartbeat of the second", 4, &beat(&second.member_id))?;
    Ok(())
}

/// The same thing named twice in one question.
fn twice(peer: &mut Peer) -> Result<()> {
    warm(peer)?;
    let id = peer.topic("twice", 1, &[])?;
    let asked =
        OffsetCommitRequest { group_id: "twice".into(), topics: commit("twice", Uuid::nil(), 0, 3, None), ..Default::default() };
    peer.talk(8, &asked)?;
    peer.ask("groups described", 5, &DescribeGroupsRequest { groups: vec!["twice".into(); 2], ..Default::default() })?;
    let mut positions = fetch(8, "twice", id, Some(vec![0, 0]));
    positions.groups.push(positions.groups[0].clone());
    peer.ask("positions fetched", 8, &positions)?;
    peer.ask("groups deleted", 2, &DeleteGroupsRequest { groups_names: vec!["nobody".into(); 2], ..Default::default() })?;
    Ok(())
}
