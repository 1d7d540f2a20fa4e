//! One file an API key. Generated from the names of the files here by `cargo xtask codegen`; a test compares.

use crate::dispatch::Card;

#[path = "33_alter_configs.rs"]
mod alter_configs;
#[path = "45_alter_partition_reassignments.rs"]
mod alter_partition_reassignments;
#[path = "34_alter_replica_log_dirs.rs"]
mod alter_replica_log_dirs;
#[path = "91_alter_share_group_offsets.rs"]
mod alter_share_group_offsets;
#[path = "18_api_versions.rs"]
mod api_versions;
#[path = "30_create_acls.rs"]
mod create_acls;
#[path = "37_create_partitions.rs"]
mod create_partitions;
#[path = "19_create_topics.rs"]
mod create_topics;
#[path = "31_delete_acls.rs"]
mod delete_acls;
#[path = "42_delete_groups.rs"]
mod delete_groups;
#[path = "21_delete_records.rs"]
mod delete_records;
#[path = "92_delete_share_group_offsets.rs"]
mod delete_share_group_offsets;
#[path = "20_delete_topics.rs"]
mod delete_topics;
#[path = "29_describe_acls.rs"]
mod describe_acls;
#[path = "48_describe_client_quotas.rs"]
mod describe_client_quotas;
#[path = "60_describe_cluster.rs"]
mod describe_cluster;
#[path = "32_describe_configs.rs"]
mod describe_configs;
#[path = "15_describe_groups.rs"]
mod describe_groups;
#[path = "35_describe_log_dirs.rs"]
mod describe_log_dirs;
#[path = "61_describe_producers.rs"]
mod describe_producers;
#[path = "55_describe_quorum.rs"]
mod describe_quorum;
#[path = "90_describe_share_group_offsets.rs"]
mod describe_share_group_offsets;
#[path = "75_describe_topic_partitions.rs"]
mod describe_topic_partitions;
#[path = "65_describe_transactions.rs"]
mod describe_transactions;
#[path = "50_describe_user_scram_credentials.rs"]
mod describe_user_scram_credentials;
#[path = "43_elect_leaders.rs"]
mod elect_leaders;
#[path = "01_fetch.rs"]
mod fetch;
#[path = "10_find_coordinator.rs"]
mod find_coordinator;
#[path = "12_heartbeat.rs"]
mod heartbeat;
#[path = "44_incremental_alter_configs.rs"]
mod incremental_alter_configs;
#[path = "22_init_producer_id.rs"]
mod init_producer_id;
#[path = "11_join_group.rs"]
mod join_group;
#[path = "13_leave_group.rs"]
mod leave_group;
#[path = "74_list_config_resources.rs"]
mod list_config_resources;
#[path = "16_list_groups.rs"]
mod list_groups;
#[path = "02_list_offsets.rs"]
mod list_offsets;
#[path = "46_list_partition_reassignments.rs"]
mod list_partition_reassignments;
#[path = "66_list_transactions.rs"]
mod list_transactions;
#[path = "03_metadata.rs"]
mod metadata;
#[path = "08_offset_commit.rs"]
mod offset_commit;
#[path = "47_offset_delete.rs"]
mod offset_delete;
#[path = "09_offset_fetch.rs"]
mod offset_fetch;
#[path = "23_offset_for_leader_epoch.rs"]
mod offset_for_leader_epoch;
#[path = "00_produce.rs"]
mod produce;
#[path = "79_share_acknowledge.rs"]
mod share_acknowledge;
#[path = "78_share_fetch.rs"]
mod share_fetch;
#[path = "77_share_group_describe.rs"]
mod share_group_describe;
#[path = "76_share_group_heartbeat.rs"]
mod share_group_heartbeat;
#[path = "14_sync_group.rs"]
mod sync_group;
#[path = "64_unregister_broker.rs"]
mod unregister_broker;

/// The cards, by key.
pub(crate) static CARDS: &[&Card] = &[
    &produce::CARD,
    &fetch::CARD,
    &list_offsets::CARD,
    &metadata::CARD,
    &offset_commit::CARD,
    &offset_fetch::CARD,
    &find_coordinator::CARD,
    &join_group::CARD,
    &heartbeat::CARD,
    &leave_group::CARD,
    &sync_group::CARD,
    &describe_groups::CARD,
    &list_groups::CARD,
    &api_versions::CARD,
    &create_topics::CARD,
    &delete_topics::CARD,
    &delete_records::CARD,
    &init_producer_id::CARD,
    &offset_for_leader_epoch::CARD,
    &describe_acls::CARD,
    &create_acls::CARD,
    &delete_acls::CARD,
    &describe_configs::CARD,
    &alter_configs::CARD,
    &alter_replica_log_dirs::CARD,
    &describe_log_dirs::CARD,
    &create_partitions::CARD,
    &delete_groups::CARD,
    &elect_leaders::CARD,
    &incremental_alter_configs::CARD,
    &alter_partition_reassignments::CARD,
    &list_partition_reassignments::CARD,
    &offset_delete::CARD,
    &describe_client_quotas::CARD,
    &describe_user_scram_credentials::CARD,
    &describe_quorum::CARD,
    &describe_cluster::CARD,
    &describe_producers::CARD,
    &unregister_broker::CARD,
    &describe_transactions::CARD,
    &list_transactions::CARD,
    &list_config_resources::CARD,
    &describe_topic_partitions::CARD,
    &share_group_heartbeat::CARD,
    &share_group_describe::CARD,
    &share_fetch::CARD,
    &share_acknowledge::CARD,
    &describe_share_group_offsets::CARD,
    &alter_share_group_offsets::CARD,
    &delete_share_group_offsets::CARD,
];
