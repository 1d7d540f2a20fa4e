//! Every error that an answer tells is in the node's ring before the client has read it.

use milena_node::errors::Seen;
use milena_wire::{
    HeartbeatRequest, JoinGroupRequest, MetadataRequest, Text,
    metadata::MetadataRequestTopic,
    produce::{PartitionProduceData, ProduceRequest, TopicProduceData},
};

use crate::world::{World, framed};

fn seen(world: &World) -> Vec<(String, String, String, u64, bool)> {
    let short = |s: Seen| (s.told.api, s.told.code, s.told.subject, s.count, s.told.expected);
    world.node().errors().since(0).into_iter().map(short).collect()
}

fn of(api: &str, code: &str, subject: &str, count: u64, expected: bool) -> (String, String, String, u64, bool) {
    (api.into(), code.into(), subject.into(), count, expected)
}

fn metadata(names: impl IntoIterator<Item = String>) -> MetadataRequest {
    let topic = |name: String| MetadataRequestTopic { name: Some(Text::from(name)), ..Default::default() };
    let topics = Some(names.into_iter().map(topic).collect());
    MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() }
}

#[test]
fn an_error_is_noted_with_its_topic_or_group_and_its_client() {
    let world = World::new();
    let mut client = world.connect();
    client.ask(9, &metadata(["orders".into()]));
    client.ask(9, &metadata(["orders".into()]));
    client.ask(4, &HeartbeatRequest { group_id: "billing".into(), member_id: "m".into(), ..Default::default() });
    let produce = ProduceRequest {
        acks: -1,
        topic_data: vec![TopicProduceData {
            name: "nowhere".into(),
            partition_data: vec![PartitionProduceData { index: 3, ..Default::default() }],
            ..Default::default()
        }],
        ..Default::default()
    };
    client.ask(9, &produce);
    let expected = [
        of("Metadata", "UNKNOWN_TOPIC_OR_PARTITION", "orders", 2, false),
        of("Heartbeat", "UNKNOWN_MEMBER_ID", "billing", 1, false),
        of("Produce", "UNKNOWN_TOPIC_OR_PARTITION", "nowhere/3", 1, false),
    ];
    assert_eq!(seen(&world), expected);
    let told = &world.node().errors().since(0)[0].told;
    assert_eq!((&*told.client, told.address.to_string(), told.principal), ("a-test", "127.0.0.1".into(), "ANONYMOUS"));
    assert!(!told.cause.is_empty());
}

#[test]
fn what_the_protocol_works_by_is_classed_as_expected() {
    let world = World::new();
    let mut client = world.connect();
    let join = JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 30_000,
        protocol_type: "consumer".into(),
        protocols: vec![Default::default()],
        ..Default::default()
    };
    client.ask(5, &join);
    assert_eq!(seen(&world), [of("JoinGroup", "MEMBER_ID_REQUIRED", "g", 1, true)]);
}

#[test]
fn one_request_about_many_topics_does_not_fill_the_ring() {
    let world = World::new();
    world.connect().ask(9, &metadata((0..100).map(|n| format!("t{n:03}"))));
    let seen = seen(&world);
    assert_eq!(seen.len(), 17);
    assert_eq!(seen[16], of("Metadata", "UNKNOWN_TOPIC_OR_PARTITION", "84 more in one request", 84, false));
    assert_eq!(world.node().errors().counts().iter().map(|c| c.2).sum::<u64>(), 100);
}

#[test]
fn a_connection_that_is_ended_is_noted_with_the_reason() {
    let world = World::new();
    let mut client = world.connect();
    client.send_frame(&framed(4711, 0, b""));
    assert!(client.is_closed());
    let seen = world.node().errors().since(0);
    assert_eq!((&*seen[0].told.code, &*seen[0].told.cause), ("CONNECTION_CLOSED", "there is no API key 4711"));
}
