//! One conversation an API: well-filled requests in every version that its card names, and the answers, compared with
//! `golden/NN_name.txt`. An answer that cannot be written in some version closes the connection and fails here.
//!
//! After a change that is meant, run with `MILENA_BLESS=1` and read the difference.

use std::path::Path;

use bytes::Bytes;
use milena_wire::*;

use crate::{
    transcript::{TIME, batch, converse, create, produce},
    world::World,
};

#[test]
fn produce_is_answered_in_every_version() {
    converse::<ProduceRequest>(&[], |_, client, said| {
        let id = create(client, "t", 1);
        said.every_version(client, |v| produce(v, "t", id, 0, batch(2)));
        said.every_version(client, |v| produce(v, "missing", Uuid::from_u128(9), 0, batch(1)));
        said.every_version(client, |v| produce(v, "t", id, 7, Bytes::from_static(b"no batch")));
        said.every_version(client, |v| produce(v, "t", id, 0, Bytes::from_static(b"no batch")));
    });
}

#[test]
fn fetch_is_answered_in_every_version() {
    converse::<FetchRequest>(&[], |_, client, said| {
        let id = create(client, "t", 2);
        client.ask(9, &produce(9, "t", id, 0, batch(3)));
        let ask = |v: i16, offset: i64| {
            let partition = |partition: i32| fetch::FetchPartition {
                partition,
                fetch_offset: offset,
                current_leader_epoch: if v >= 9 { 0 } else { -1 },
                partition_max_bytes: 1 << 20,
                ..Default::default()
            };
            let topic = fetch::FetchTopic {
                topic: if v >= 13 { "".into() } else { "t".into() },
                topic_id: if v >= 13 { id } else { Uuid::nil() },
                partitions: vec![partition(0), partition(1), partition(5)],
                ..Default::default()
            };
            FetchRequest { max_wait_ms: 1, min_bytes: 1, topics: vec![topic], ..Default::default() }
        };
        said.every_version(client, |v| ask(v, 0));
        said.every_version(client, |v| ask(v, 99));
    });
}

#[test]
fn list_offsets_is_answered_in_every_version() {
    converse::<ListOffsetsRequest>(&[], |_, client, said| {
        let id = create(client, "t", 1);
        client.ask(9, &produce(9, "t", id, 0, batch(3)));
        for timestamp in [-1, -2, -3, -4, -5, -6, -7, TIME + 1, TIME + 99] {
            said.every_version(client, |v| {
                let epoch = if v >= 4 { 0 } else { -1 };
                let asked = |partition_index| list_offsets::ListOffsetsPartition {
                    partition_index,
                    current_leader_epoch: epoch,
                    timestamp,
                    ..Default::default()
                };
                let topic = list_offsets::ListOffsetsTopic {
                    name: "t".into(),
                    partitions: vec![asked(0), asked(3)],
                    ..Default::default()
                };
                ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() }
            });
        }
    });
}

#[test]
fn metadata_is_answered_in_every_version() {
    converse::<MetadataRequest>(&[], |world, client, said| {
        create(client, "t", 2);
        let cluster = world.node().cluster_id();
        let named = |v: i16, name: &str| MetadataRequest {
            topics: Some(vec![metadata::MetadataRequestTopic { name: Some(name.into()), ..Default::default() }]),
            allow_auto_topic_creation: v < 4,
            include_topic_authorized_operations: v >= 8,
            include_cluster_authorized_operations: (8..=10).contains(&v),
            ..Default::default()
        };
        said.every_version(client, |v| named(v, "t"));
        said.every_version(client, |v| named(v, "not a name"));
        said.every_version(client, |v| MetadataRequest {
            topics: if v == 0 { Some(vec![]) } else { None },
            ..Default::default()
        });
        // The cluster's id is drawn, and stands in the answers in base64.
        let cluster = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, cluster);
        said.text = said.text.replace(&cluster, "CLUSTER");
    });
}

#[test]
fn api_versions_is_answered_in_every_version() {
    converse::<ApiVersionsRequest>(&[], |_, client, said| {
        said.every_version(client, |v| ApiVersionsRequest {
            client_software_name: if v >= 3 { "tests".into() } else { "".into() },
            client_software_version: if v >= 3 { "1.0".into() } else { "".into() },
            ..Default::default()
        });
        let nameless = ApiVersionsRequest { client_software_name: "-".into(), ..Default::default() };
        said.say(client, 4, &nameless);
    });
}

#[test]
fn topics_are_created_in_every_version() {
    converse::<CreateTopicsRequest>(&[], |_, client, said| {
        said.every_version(client, |v| {
            let topic = |name: String, partitions: i32| create_topics::CreatableTopic {
                name: name.into(),
                num_partitions: partitions,
                replication_factor: 1,
                configs: vec![create_topics::CreatableTopicConfig {
                    name: "retention.ms".into(),
                    value: Some("60000".into()),
                    ..Default::default()
                }],
                ..Default::default()
            };
            let topics = vec![topic(format!("t{v}"), 2), topic("bad name".into(), 1), topic(format!("z{v}"), 0)];
            CreateTopicsRequest { topics, timeout_ms: 1000, validate_only: v == 3, ..Default::default() }
        });
    });
}

#[test]
fn nobody_makes_the_topic_of_kafkas_controllers() {
    let world = World::new();
    let topic = create_topics::CreatableTopic {
        name: "__cluster_metadata".into(),
        num_partitions: 1,
        replication_factor: 1,
        ..Default::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() };
    let answer = world.connect().ask(7, &request);
    let told = &answer.topics[0];
    assert_eq!(told.error_code, ErrorCode::INVALID_REQUEST.0);
    assert_eq!(told.error_message.as_deref(), Some("Creation of internal topic __cluster_metadata is prohibited."));
    // Nor by asking about it: a producer hears that it will never be there.
    let asked = MetadataRequest {
        topics: Some(vec![metadata::MetadataRequestTopic { name: Some("__cluster_metadata".into()), ..Default::default() }]),
        allow_auto_topic_creation: true,
        ..Default::default()
    };
    let answer = world.connect().ask(12, &asked);
    assert_eq!(answer.topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION.0);
}

#[test]
fn topics_are_deleted_in_every_version() {
    converse::<DeleteTopicsRequest>(&[], |_, client, said| {
        let names = |v: i16| [format!("t{v}"), "missing".to_owned()];
        for v in 1..=6 {
            create(client, &format!("t{v}"), 1);
        }
        said.every_version(client, |v| match v {
            6.. => DeleteTopicsRequest {
                topics: names(v)
                    .iter()
                    .map(|n| delete_topics::DeleteTopicState { name: Some(n.into()), ..Default::default() })
                    .collect(),
                timeout_ms: 1000,
                ..Default::default()
            },
            _ => DeleteTopicsRequest {
                topic_names: names(v).iter().map(Text::from).collect(),
                timeout_ms: 1000,
                ..Default::default()
            },
        });
    });
}

#[test]
fn partitions_are_added_in_every_version() {
    converse::<CreatePartitionsRequest>(&[], |_, client, said| {
        create(client, "t", 1);
        said.every_version(client, |v| {
            let topic = |name: &str, count: i32| create_partitions::CreatePartitionsTopic {
                name: name.into(),
                count,
                assignments: None,
                ..Default::default()
            };
            let topics = vec![topic("t", i32::from(v) + 2), topic("missing", 2)];
            CreatePartitionsRequest { topics, timeout_ms: 1000, ..Default::default() }
        });
    });
}

#[test]
fn records_are_deleted_in_every_version() {
    converse::<DeleteRecordsRequest>(&[], |_, client, said| {
        let id = create(client, "t", 1);
        client.ask(9, &produce(9, "t", id, 0, batch(5)));
        said.every_version(client, |v| {
            let asked = |partition_index, offset| delete_records::DeleteRecordsPartition {
                partition_index,
                offset,
                ..Default::default()
            };
            let topic = delete_records::DeleteRecordsTopic {
                name: "t".into(),
                partitions: vec![asked(0, i64::from(v) + 1), asked(4, 0)],
                ..Default::default()
            };
            DeleteRecordsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() }
        });
    });
}

#[test]
fn producer_ids_are_given_in_every_version() {
    converse::<InitProducerIdRequest>(&[], |_, client, said| {
        said.every_version(client, |_| InitProducerIdRequest { transaction_timeout_ms: 1000, ..Default::default() });
        said.every_version(client, |_| InitProducerIdRequest {
            transactional_id: Some("a-transaction".into()),
            transaction_timeout_ms: 1000,
            ..Default::default()
        });
    });
}

#[test]
fn epochs_end_in_every_version() {
    converse::<OffsetForLeaderEpochRequest>(&[], |_, client, said| {
        let id = create(client, "t", 1);
        client.ask(9, &produce(9, "t", id, 0, batch(5)));
        said.every_version(client, |v| {
            let asked = |partition, leader_epoch| offset_for_leader_epoch::OffsetForLeaderPartition {
                partition,
                current_leader_epoch: 0,
                leader_epoch,
                ..Default::default()
            };
            let topic = offset_for_leader_epoch::OffsetForLeaderTopic {
                topic: "t".into(),
                partitions: vec![asked(0, 0), asked(0, 4), asked(9, 0)],
                ..Default::default()
            };
            let replica_id = if v >= 3 { -1 } else { -2 };
            OffsetForLeaderEpochRequest { replica_id, topics: vec![topic], ..Default::default() }
        });
    });
}

#[test]
fn coordinators_are_found_in_every_version() {
    converse::<FindCoordinatorRequest>(&[], |_, client, said| {
        for key_type in [0, 1, 2, 9] {
            said.every_version(client, |v| FindCoordinatorRequest {
                key: if v < 4 { "g".into() } else { "".into() },
                key_type: if v >= 1 { key_type } else { 0 },
                coordinator_keys: if v >= 4 { vec!["g".into(), "h".into()] } else { vec![] },
                ..Default::default()
            });
        }
        let coordinator_keys = vec!["g:AAAAAAAAAAAAAAAAAAAABw:0".into(), "g:AAAA:0".into()];
        said.say(client, 6, &FindCoordinatorRequest { key_type: 2, coordinator_keys, ..Default::default() });
    });
}

#[test]
fn the_cluster_is_described_in_every_version() {
    converse::<DescribeClusterRequest>(&[], |world, client, said| {
        said.every_version(client, |_| DescribeClusterRequest {
            include_cluster_authorized_operations: true,
            ..Default::default()
        });
        let cluster = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, world.node().cluster_id());
        said.text = said.text.replace(&cluster, "CLUSTER");
    });
}

#[test]
fn the_quorum_is_described_in_every_version() {
    converse::<DescribeQuorumRequest>(&[], |world, client, said| {
        let ask = |topic: &str| DescribeQuorumRequest {
            topics: vec![describe_quorum::RequestTopicData {
                topic_name: topic.into(),
                partitions: vec![Default::default()],
                ..Default::default()
            }],
            ..Default::default()
        };
        // Times are the node's: only their presence is said.
        let before = world.node().now().wall / 1_000_000;
        said.every_version(client, |_| ask("other"));
        for version in 0..=2 {
            let answer = client.ask(version, &ask("__cluster_metadata"));
            let voter = &answer.topics[0].partitions[0].current_voters[0];
            assert_eq!(voter.replica_id, world.node().node_id());
            assert_eq!(voter.last_caught_up_timestamp / 1_000_000 == before, version >= 1);
            assert_eq!(answer.nodes.len(), usize::from(version >= 2));
        }
    });
}

#[test]
fn elections_are_not_needed_in_any_version() {
    converse::<ElectLeadersRequest>(&[], |_, client, said| {
        create(client, "t", 1);
        said.every_version(client, |_| ElectLeadersRequest {
            topic_partitions: Some(vec![
                elect_leaders::TopicPartitions { topic: "t".into(), partitions: vec![0, 4], ..Default::default() },
                elect_leaders::TopicPartitions { topic: "missing".into(), partitions: vec![0], ..Default::default() },
            ]),
            ..Default::default()
        });
        said.every_version(client, |_| ElectLeadersRequest { topic_partitions: None, ..Default::default() });
    });
}

#[test]
fn nothing_is_reassigned_in_any_version() {
    converse::<AlterPartitionReassignmentsRequest>(&[], |_, client, said| {
        create(client, "t", 1);
        said.every_version(client, |_| {
            let to = |replicas| alter_partition_reassignments::ReassignablePartition { replicas, ..Default::default() };
            let topic = alter_partition_reassignments::ReassignableTopic {
                name: "t".into(),
                partitions: vec![to(Some(vec![1])), to(Some(vec![2])), to(Some(vec![])), to(Some(vec![1, 1])), to(None)],
                ..Default::default()
            };
            AlterPartitionReassignmentsRequest { topics: vec![topic], ..Default::default() }
        });
    });
    converse::<ListPartitionReassignmentsRequest>(&[], |_, client, said| {
        said.every_version(client, |_| ListPartitionReassignmentsRequest { topics: None, ..Default::default() });
    });
}

#[test]
fn the_only_broker_stays() {
    converse::<UnregisterBrokerRequest>(&[], |_, client, said| {
        said.every_version(client, |_| UnregisterBrokerRequest { broker_id: 1, ..Default::default() });
        said.every_version(client, |_| UnregisterBrokerRequest { broker_id: 2, ..Default::default() });
    });
}

#[test]
fn there_are_no_access_rules_in_any_version() {
    converse::<DescribeAclsRequest>(&[], |_, client, said| {
        said.every_version(client, |_| DescribeAclsRequest { operation: 1, permission_type: 1, ..Default::default() });
    });
    converse::<CreateAclsRequest>(&[], |_, client, said| {
        let rule = || create_acls::AclCreation { resource_name: "t".into(), principal: "User:a".into(), ..Default::default() };
        said.every_version(client, |_| CreateAclsRequest { creations: vec![rule(), rule()], ..Default::default() });
    });
    converse::<DeleteAclsRequest>(&[], |_, client, said| {
        said.every_version(client, |_| DeleteAclsRequest { filters: vec![Default::default(); 2], ..Default::default() });
    });
}

#[test]
fn there_are_no_quotas_credentials_or_transactions_in_any_version() {
    converse::<DescribeClientQuotasRequest>(&[], |_, client, said| {
        let component = |kind: &str, name: Option<&str>| describe_client_quotas::ComponentData {
            entity_type: kind.into(),
            r#match: name.map(Into::into),
            ..Default::default()
        };
        let asked = |components| DescribeClientQuotasRequest { components, ..Default::default() };
        said.every_version(client, |_| asked(vec![component("user", Some("a"))]));
        said.every_version(client, |_| asked(vec![component("user", None)]));
        said.every_version(client, |_| asked(vec![component("planet", Some("a"))]));
    });
    converse::<DescribeUserScramCredentialsRequest>(&[], |_, client, said| {
        let user = |name: &str| describe_user_scram_credentials::UserName { name: name.into(), ..Default::default() };
        let asked = |users| DescribeUserScramCredentialsRequest { users, ..Default::default() };
        said.every_version(client, |_| asked(None));
        said.every_version(client, |_| asked(Some(vec![user("a"), user("b"), user("a")])));
    });
    converse::<DescribeTransactionsRequest>(&[], |_, client, said| {
        let transactional_ids = || ["t", ""].map(Into::into).to_vec();
        said.every_version(client, |_| DescribeTransactionsRequest {
            transactional_ids: transactional_ids(),
            ..Default::default()
        });
    });
    converse::<ListTransactionsRequest>(&[], |_, client, said| {
        said.every_version(client, |version| ListTransactionsRequest {
            state_filters: ["Ongoing", "x", "x"].map(Into::into).to_vec(),
            transactional_id_pattern: (version >= 2).then(|| "(".into()),
            ..Default::default()
        });
    });
}

/// Who made one of the topics of Apache Kafka's brokers by hand cannot write to it, as there; nobody makes one by asking for it.
#[test]
fn the_topics_of_kafkas_brokers_are_nobodys_to_write_to() {
    let world = World::new();
    let client = &mut world.connect();
    let asked = |name: &str| MetadataRequest {
        topics: Some(vec![metadata::MetadataRequestTopic { name: Some(name.into()), ..Default::default() }]),
        allow_auto_topic_creation: true,
        ..Default::default()
    };
    let told = client.ask(9, &asked("__consumer_offsets"));
    assert_eq!(told.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0);
    let id = create(client, "__transaction_state", 1);
    let answer = client.ask(9, &produce(9, "__transaction_state", id, 0, batch(1)));
    let partition = &answer.responses[0].partition_responses[0];
    assert_eq!(partition.error_code, ErrorCode::INVALID_TOPIC_EXCEPTION.0);
    assert!(client.ask(9, &asked("__transaction_state")).topics[0].is_internal);
}

#[test]
fn topics_are_described_page_by_page() {
    converse::<DescribeTopicPartitionsRequest>(&[], |_, client, said| {
        create(client, "a", 2);
        create(client, "b", 2);
        let mut cursor = None;
        loop {
            let request =
                DescribeTopicPartitionsRequest { response_partition_limit: 3, cursor: cursor.take(), ..Default::default() };
            let answer = said.say(client, 0, &request);
            let Some(next) = answer.next_cursor else { break };
            cursor = Some(describe_topic_partitions::RequestCursor {
                topic_name: next.topic_name,
                partition_index: next.partition_index,
                ..Default::default()
            });
        }
    });
}

#[test]
fn producers_and_disks_are_described() {
    converse::<DescribeProducersRequest>(&[], |_, client, said| {
        create(client, "t", 1);
        let topic = |name: &str, index| describe_producers::TopicRequest {
            name: name.into(),
            partition_indexes: vec![index],
            ..Default::default()
        };
        let topics = vec![topic("t", 0), topic("t", 3), topic("missing", 0), topic("bad name", 0)];
        said.say(client, 0, &DescribeProducersRequest { topics, ..Default::default() });
    });
    converse::<DescribeLogDirsRequest>(&[], |_, client, said| {
        let id = create(client, "t", 1);
        client.ask(9, &produce(9, "t", id, 0, batch(5)));
        said.every_version(client, |_| DescribeLogDirsRequest { topics: None, ..Default::default() });
    });
    converse::<AlterReplicaLogDirsRequest>(&[], |_, client, said| {
        create(client, "t", 1);
        said.every_version(client, |_| {
            let topic = |name: &str| alter_replica_log_dirs::AlterReplicaLogDirTopic {
                name: name.into(),
                partitions: vec![0],
                ..Default::default()
            };
            let dir = |path: &str, name: &str| alter_replica_log_dirs::AlterReplicaLogDir {
                path: path.into(),
                topics: vec![topic(name)],
                ..Default::default()
            };
            let dirs = vec![dir("/elsewhere", "t"), dir("memory", "t"), dir("memory", "missing")];
            AlterReplicaLogDirsRequest { dirs, ..Default::default() }
        });
    });
}

#[test]
fn settings_are_described_and_changed_in_every_version() {
    let keys = |names: &[&str]| Some(names.iter().map(|n| Text::from(*n)).collect());
    converse::<DescribeConfigsRequest>(&[], |_, client, said| {
        create(client, "t", 1);
        said.every_version(client, |v| {
            let resource = |resource_type, name: &str| describe_configs::DescribeConfigsResource {
                resource_type,
                resource_name: name.into(),
                configuration_keys: keys(&["retention.ms", "log.retention.ms", "consumer.session.timeout.ms"]),
                ..Default::default()
            };
            let kinds = [(2, "t"), (2, "missing"), (4, "1"), (4, "9"), (4, ""), (8, "1"), (16, "m"), (32, "g")];
            DescribeConfigsRequest {
                resources: kinds.iter().map(|(kind, name)| resource(*kind, name)).collect(),
                include_synonyms: true,
                include_documentation: v >= 3,
                ..Default::default()
            }
        });
    });
    converse::<AlterConfigsRequest>(&[], |_, client, said| {
        create(client, "t", 1);
        said.every_version(client, |_| {
            let resource = |resource_type, name: &str| alter_configs::AlterConfigsResource {
                resource_type,
                resource_name: name.into(),
                configs: vec![alter_configs::AlterableConfig {
                    name: "retention.ms".into(),
                    value: Some("5000".into()),
                    ..Default::default()
                }],
                ..Default::default()
            };
            let resources = [(2, "t"), (2, "missing"), (4, "1"), (8, "1"), (32, "g"), (3, "x"), (4, "x"), (4, "x")];
            let resources = resources.iter().map(|(kind, name)| resource(*kind, name)).collect();
            AlterConfigsRequest { resources, validate_only: false, ..Default::default() }
        });
    });
    converse::<IncrementalAlterConfigsRequest>(&[], |_, client, said| {
        create(client, "t", 1);
        said.every_version(client, |_| {
            let resource = |name: &str, setting: &str, op, value: Option<&str>| {
                let config = incremental_alter_configs::AlterableConfig {
                    name: setting.into(),
                    config_operation: op,
                    value: value.map(Text::from),
                    ..Default::default()
                };
                incremental_alter_configs::AlterConfigsResource {
                    resource_type: if name == "1" { 4 } else { 2 },
                    resource_name: name.into(),
                    configs: vec![config],
                    ..Default::default()
                }
            };
            let resources = vec![
                resource("t", "cleanup.policy", 2, Some("compact")),
                resource("1", "log.retention.ms", 0, Some("7000")),
                resource("missing", "retention.ms", 1, None),
                resource("", "retention.ms", 9, None),
            ];
            IncrementalAlterConfigsRequest { resources, ..Default::default() }
        });
    });
    converse::<ListConfigResourcesRequest>(&[], |_, client, said| {
        create(client, "t", 1);
        said.every_version(client, |_| ListConfigResourcesRequest::default());
    });
}

#[test]
fn groups_live_through_every_version() {
    converse::<JoinGroupRequest>(&[], |_, client, said| {
        said.every_version(client, |v| {
            let protocol = join_group::JoinGroupRequestProtocol {
                name: "range".into(),
                metadata: Bytes::from_static(b"\0\0\0\0\0\0\0\0\0\0"),
                ..Default::default()
            };
            JoinGroupRequest {
                group_id: format!("g{v}").into(),
                session_timeout_ms: 10_000,
                rebalance_timeout_ms: if v >= 1 { 10_000 } else { -1 },
                protocol_type: "consumer".into(),
                protocols: vec![protocol],
                ..Default::default()
            }
        });
        said.every_version(client, |v| JoinGroupRequest {
            group_id: "g".into(),
            session_timeout_ms: 1,
            rebalance_timeout_ms: if v >= 1 { 10_000 } else { -1 },
            protocol_type: "consumer".into(),
            ..Default::default()
        });
    });
    converse::<SyncGroupRequest>(&[], |_, client, said| {
        said.every_version(client, |_| SyncGroupRequest {
            group_id: "g".into(),
            generation_id: 1,
            member_id: "nobody".into(),
            ..Default::default()
        });
    });
    converse::<HeartbeatRequest>(&[], |_, client, said| {
        said.every_version(client, |_| HeartbeatRequest {
            group_id: "g".into(),
            generation_id: 1,
            member_id: "nobody".into(),
            ..Default::default()
        });
    });
    converse::<LeaveGroupRequest>(&[], |_, client, said| {
        said.every_version(client, |v| {
            let member = leave_group::MemberIdentity { member_id: "nobody".into(), ..Default::default() };
            LeaveGroupRequest {
                group_id: "g".into(),
                member_id: if v < 3 { "nobody".into() } else { "".into() },
                members: if v >= 3 { vec![member] } else { vec![] },
                ..Default::default()
            }
        });
    });
}

fn commit(v: i16, id: Uuid) -> OffsetCommitRequest {
    let partition = |partition_index, committed_offset| offset_commit::OffsetCommitRequestPartition {
        partition_index,
        committed_offset,
        committed_metadata: Some("a note".into()),
        ..Default::default()
    };
    let topic = offset_commit::OffsetCommitRequestTopic {
        name: if v >= 10 { "".into() } else { "t".into() },
        topic_id: if v >= 10 { id } else { Uuid::nil() },
        partitions: vec![partition(0, i64::from(v)), partition(7, 1)],
        ..Default::default()
    };
    OffsetCommitRequest { group_id: "g".into(), generation_id_or_member_epoch: -1, topics: vec![topic], ..Default::default() }
}

#[test]
fn positions_are_kept_told_and_forgotten_in_every_version() {
    converse::<OffsetCommitRequest>(&[], |_, client, said| {
        let id = create(client, "t", 1);
        said.every_version(client, |v| commit(v, id));
        // A group that is not there, and a topic without a name or an id.
        said.every_version(client, |v| OffsetCommitRequest {
            group_id: "missing".into(),
            generation_id_or_member_epoch: 3,
            ..commit(v, id)
        });
        said.say(client, 10, &commit(10, Uuid::nil()));
    });
    converse::<OffsetFetchRequest>(&[], |_, client, said| {
        let id = create(client, "t", 1);
        client.ask(9, &commit(9, id));
        for all in [false, true] {
            said.every_version(client, |v| {
                let singular = offset_fetch::OffsetFetchRequestTopic {
                    name: "t".into(),
                    partition_indexes: vec![0, 7],
                    ..Default::default()
                };
                let plural = offset_fetch::OffsetFetchRequestTopics {
                    name: if v >= 10 { "".into() } else { "t".into() },
                    topic_id: if v >= 10 { id } else { Uuid::nil() },
                    partition_indexes: vec![0, 7],
                    ..Default::default()
                };
                let group = offset_fetch::OffsetFetchRequestGroup {
                    group_id: "g".into(),
                    topics: (!all).then(|| vec![plural]),
                    ..Default::default()
                };
                match v {
                    8.. => OffsetFetchRequest { groups: vec![group], ..Default::default() },
                    _ => OffsetFetchRequest {
                        group_id: "g".into(),
                        topics: (!all || v < 2).then(|| vec![singular]),
                        ..Default::default()
                    },
                }
            });
        }
    });
    converse::<OffsetDeleteRequest>(&[], |_, client, said| {
        let id = create(client, "t", 1);
        client.ask(9, &commit(9, id));
        for group in ["g", "missing", ""] {
            let partition = |partition_index| offset_delete::OffsetDeleteRequestPartition { partition_index };
            let topic =
                offset_delete::OffsetDeleteRequestTopic { name: "t".into(), partitions: vec![partition(0), partition(9)] };
            said.say(client, 0, &OffsetDeleteRequest { group_id: group.into(), topics: vec![topic] });
        }
    });
    converse::<DescribeGroupsRequest>(&[], |_, client, said| {
        let id = create(client, "t", 1);
        client.ask(9, &commit(9, id));
        said.every_version(client, |v| DescribeGroupsRequest {
            groups: vec!["g".into(), "missing".into()],
            include_authorized_operations: v >= 3,
            ..Default::default()
        });
    });
    converse::<ListGroupsRequest>(&[], |_, client, said| {
        let id = create(client, "t", 1);
        client.ask(9, &commit(9, id));
        said.every_version(client, |_| ListGroupsRequest::default());
        let states_filter = vec!["eMPTY".into()];
        said.say(client, 5, &ListGroupsRequest { states_filter, ..Default::default() });
        let types_filter = vec!["share".into()];
        said.say(client, 5, &ListGroupsRequest { types_filter, ..Default::default() });
    });
    converse::<DeleteGroupsRequest>(&[], |_, client, said| {
        let id = create(client, "t", 1);
        client.ask(9, &commit(9, id));
        said.every_version(client, |_| DeleteGroupsRequest {
            groups_names: vec!["g".into(), "missing".into()],
            ..Default::default()
        });
    });
}

/// A new API cannot be added without saying here how it answers.
#[test]
fn every_served_api_has_a_conversation() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/door/golden");
    for card in milena_kafka::cards() {
        // Heartbeats of members and the like are in the files of their own keys.
        let file = golden.join(format!("{:02}_{}.txt", card.key, card.name));
        assert!(file.exists(), "{} has no conversation: {}", card.name, file.display());
    }
}
