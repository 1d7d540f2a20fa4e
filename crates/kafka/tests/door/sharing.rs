//! Share groups at the door: one conversation an API, and what sessions and connections do to who holds what.

use milena_wire::*;

use crate::{
    transcript::{batch, converse, create, produce},
    world::{Client, World},
};

const GROUP: &str = "g";
const MEMBER: &str = "AAAAAAAAAAAAAAAAAAAAAA";

fn beat(epoch: i32, topics: &[&'static str]) -> ShareGroupHeartbeatRequest {
    ShareGroupHeartbeatRequest {
        group_id: GROUP.into(),
        member_id: MEMBER.into(),
        member_epoch: epoch,
        subscribed_topic_names: Some(topics.iter().map(|t| Text::from_static(t)).collect()),
        ..Default::default()
    }
}

/// A fetch of partition 0 that says these things of what was taken before: first, last, type.
fn fetch(v: i16, id: Uuid, epoch: i32, max: i32, said: &[(i64, i64, i8)]) -> ShareFetchRequest {
    let batch = |(first_offset, last_offset, kind): &(i64, i64, i8)| share_fetch::AcknowledgementBatch {
        first_offset: *first_offset,
        last_offset: *last_offset,
        acknowledge_types: vec![*kind],
        ..Default::default()
    };
    let partition = share_fetch::FetchPartition {
        partition_index: 0,
        acknowledgement_batches: said.iter().map(batch).collect(),
        ..Default::default()
    };
    ShareFetchRequest {
        group_id: Some(GROUP.into()),
        member_id: Some(MEMBER.into()),
        share_session_epoch: epoch,
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 1 << 20,
        max_records: max,
        batch_size: max,
        share_acquire_mode: i8::from(v >= 2),
        topics: vec![share_fetch::FetchTopic { topic_id: id, partitions: vec![partition], ..Default::default() }],
        ..Default::default()
    }
}

fn acknowledge(id: Uuid, epoch: i32, first: i64, last: i64, types: &[i8], renew: bool) -> ShareAcknowledgeRequest {
    let batch = share_acknowledge::AcknowledgementBatch {
        first_offset: first,
        last_offset: last,
        acknowledge_types: types.to_vec(),
        ..Default::default()
    };
    let partition = share_acknowledge::AcknowledgePartition {
        partition_index: 0,
        acknowledgement_batches: vec![batch],
        ..Default::default()
    };
    ShareAcknowledgeRequest {
        group_id: Some(GROUP.into()),
        member_id: Some(MEMBER.into()),
        share_session_epoch: epoch,
        is_renew_ack: renew,
        topics: vec![share_acknowledge::AcknowledgeTopic { topic_id: id, partitions: vec![partition], ..Default::default() }],
        ..Default::default()
    }
}

fn filled(client: &mut Client<'_>, records: usize) -> Uuid {
    let id = create(client, "t", 1);
    client.ask(13, &produce(13, "t", id, 0, batch(records)));
    id
}

#[test]
fn members_come_stay_and_go() {
    converse::<ShareGroupHeartbeatRequest>(&[], |_, client, said| {
        create(client, "t", 2);
        for request in [beat(0, &["t", "missing"]), beat(1, &["t", "missing"]), beat(7, &["t"]), beat(0, &[]), beat(-1, &["t"])] {
            said.every_version(client, |_| request.clone());
        }
        said.every_version(client, |_| ShareGroupHeartbeatRequest { group_id: GROUP.into(), ..Default::default() });
    });
    converse::<ShareGroupDescribeRequest>(&[], |_, client, said| {
        create(client, "t", 2);
        client.ask(1, &beat(0, &["t"]));
        said.every_version(client, |_| ShareGroupDescribeRequest {
            group_ids: vec![GROUP.into(), "missing".into()],
            include_authorized_operations: true,
            ..Default::default()
        });
    });
}

#[test]
fn records_are_taken_and_acknowledged_in_every_version() {
    converse::<ShareFetchRequest>(&[], |_, client, said| {
        let id = filled(client, 8);
        for v in 1..=2 {
            said.say(client, v, &fetch(v, id, 0, 1, &[]));
            said.say(client, v, &fetch(v, id, 1, 2, &[(0, 0, 1)]));
            said.say(client, v, &fetch(v, id, 1, 2, &[]));
            said.say(client, v, &fetch(v, Uuid::from_u128(9), 2, 2, &[(7, 7, 9)]));
            said.say(client, v, &fetch(v, id, -1, 2, &[]));
            said.say(client, v, &fetch(v, id, 3, 2, &[]));
        }
    });
    converse::<ShareAcknowledgeRequest>(&[], |_, client, said| {
        let id = filled(client, 8);
        client.ask(2, &fetch(2, id, 0, 8, &[]));
        said.say(client, 1, &acknowledge(id, 1, 0, 2, &[1, 2, 3], false));
        said.say(client, 1, &acknowledge(id, 2, 0, 1, &[1], false));
        said.say(client, 2, &acknowledge(id, 3, 3, 3, &[4], true));
        said.say(client, 2, &acknowledge(id, 4, 3, 7, &[1], false));
        said.say(client, 2, &acknowledge(id, 0, 3, 7, &[1], false));
        said.say(client, 2, &acknowledge(id, 9, 3, 7, &[1], false));
        said.say(client, 2, &acknowledge(id, -1, 99, 98, &[1], false));
    });
}

#[test]
fn how_far_a_group_came_is_told_changed_and_forgotten() {
    let all = || DescribeShareGroupOffsetsRequest {
        groups: vec![
            describe_share_group_offsets::DescribeShareGroupOffsetsRequestGroup {
                group_id: GROUP.into(),
                topics: None,
                ..Default::default()
            },
            describe_share_group_offsets::DescribeShareGroupOffsetsRequestGroup {
                group_id: "missing".into(),
                topics: None,
                ..Default::default()
            },
        ],
        ..Default::default()
    };
    let worked = |client: &mut Client<'_>| {
        let id = filled(client, 8);
        client.ask(2, &fetch(2, id, 0, 4, &[]));
        client.ask(2, &acknowledge(id, -1, 0, 1, &[1], false));
    };
    converse::<DescribeShareGroupOffsetsRequest>(&[], |_, client, said| {
        worked(client);
        said.every_version(client, |_| all());
        said.every_version(client, |_| {
            let mut asked = all();
            let topic = describe_share_group_offsets::DescribeShareGroupOffsetsRequestTopic {
                topic_name: "t".into(),
                partitions: vec![0, 7],
                ..Default::default()
            };
            asked.groups[0].topics = Some(vec![topic]);
            asked
        });
    });
    converse::<AlterShareGroupOffsetsRequest>(&[], |_, client, said| {
        worked(client);
        // A group that is not there begins with it, unless there is nowhere to begin.
        for (group, topic) in [(GROUP, "t"), ("new", "t"), ("none", "missing"), ("", "t")] {
            said.every_version(client, |_| {
                let partition = |partition_index| alter_share_group_offsets::AlterShareGroupOffsetsRequestPartition {
                    partition_index,
                    start_offset: 5,
                    ..Default::default()
                };
                let topic = alter_share_group_offsets::AlterShareGroupOffsetsRequestTopic {
                    topic_name: topic.into(),
                    partitions: vec![partition(0), partition(7)],
                    ..Default::default()
                };
                AlterShareGroupOffsetsRequest { group_id: group.into(), topics: vec![topic], ..Default::default() }
            });
        }
        let listed: ListGroupsResponse = client.ask(5, &ListGroupsRequest::default());
        let mut names: Vec<String> = listed.groups.iter().map(|group| group.group_id.to_string()).collect();
        names.sort_unstable();
        assert_eq!(names, [GROUP, "new"]);
        client.ask(1, &beat(0, &["t"]));
        said.every_version(client, |_| AlterShareGroupOffsetsRequest { group_id: GROUP.into(), ..Default::default() });
    });
    converse::<DeleteShareGroupOffsetsRequest>(&[], |_, client, said| {
        worked(client);
        for group in [GROUP, "missing"] {
            said.every_version(client, |_| {
                let topic = |name| delete_share_group_offsets::DeleteShareGroupOffsetsRequestTopic {
                    topic_name: Text::from_static(name),
                    ..Default::default()
                };
                DeleteShareGroupOffsetsRequest {
                    group_id: group.into(),
                    topics: vec![topic("t"), topic("missing")],
                    ..Default::default()
                }
            });
        }
    });
}

fn acquired(answer: &ShareFetchResponse) -> Vec<(i64, i64, i16)> {
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    partitions.flat_map(|p| p.acquired_records.iter().map(|r| (r.first_offset, r.last_offset, r.delivery_count))).collect()
}

#[test]
fn a_connection_that_is_lost_gives_back_what_it_held() {
    let world = World::new();
    let mut client = world.connect();
    let id = filled(&mut client, 3);
    let mut worker = world.connect();
    assert_eq!(acquired(&worker.ask(2, &fetch(2, id, 0, 2, &[]))), [(0, 1, 1)]);
    drop(worker);
    // Its end is noticed when its bytes end, and somebody who waits for records is told.
    let mut other = ShareFetchRequest { member_id: Some("other".into()), max_wait_ms: 10_000, ..fetch(2, id, 0, 3, &[]) };
    let mut got = acquired(&client.ask(2, &other));
    while got.iter().all(|(first, ..)| *first != 0) {
        other.share_session_epoch += 1;
        got.extend(acquired(&client.ask(2, &other)));
    }
    assert!(got.contains(&(0, 1, 2)), "{got:?}");
}

#[test]
fn a_waiting_member_gets_what_is_produced() {
    let world = World::new();
    let mut client = world.connect();
    let id = create(&mut client, "t", 1);
    let mut worker = world.connect();
    let waits = ShareFetchRequest { max_wait_ms: 15_000, ..fetch(2, id, 0, 1, &[]) };
    let sent = worker.send(2, &waits);
    client.ask(13, &produce(13, "t", id, 0, batch(2)));
    assert_eq!(acquired(&worker.answer::<ShareFetchRequest>(2, sent)), [(0, 0, 1)]);
}

#[test]
fn share_groups_are_listed_by_their_type() {
    let world = World::new();
    let mut client = world.connect();
    create(&mut client, "t", 1);
    client.ask(1, &beat(0, &["t"]));
    let list = |filter: &[&'static str]| ListGroupsRequest {
        types_filter: filter.iter().map(|f| Text::from_static(f)).collect(),
        ..Default::default()
    };
    let listed = client.ask(5, &list(&["Share"]));
    assert_eq!((listed.groups[0].group_type.as_str(), listed.groups[0].group_state.as_str()), ("share", "Stable"));
    assert!(client.ask(5, &list(&["classic"])).groups.is_empty());
}
