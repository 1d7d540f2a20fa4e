//! ElectLeaders (43), v0-2. KIP-183, KIP-460. The only broker leads every partition, so no election is needed.

use milena_node::Node;
use milena_wire::{
    ElectLeadersRequest, ElectLeadersResponse, ErrorCode, Text,
    elect_leaders::{PartitionResult, ReplicaElectionResult, TopicPartitions},
};

use crate::dispatch::{Card, Close, Context, Cost};

pub(super) const CARD: Card = Card::new(43, "ElectLeaders", 0..=2, Cost::Cheap, |call| call.now(handle));

/// Preferred leader, or an unclean one. Version 0 knows only the first.
const ELECTIONS: std::ops::RangeInclusive<i8> = 0..=1;

fn handle(cx: &Context, request: ElectLeadersRequest) -> Result<ElectLeadersResponse, Close> {
    let node = cx.peer.node();
    let known = ELECTIONS.contains(&request.election_type);
    let replica_election_results = match request.topic_partitions {
        // Only what was elected is listed then: nothing.
        None => node.topics().iter().map(|topic| elected(Text::from(topic.name.as_str()), Vec::new())).collect(),
        Some(asked) => asked.into_iter().map(|topic| judge(node, topic, request.election_type)).collect(),
    };
    let error = if known || cx.version == 0 { ErrorCode::NONE } else { ErrorCode::INVALID_REQUEST };
    Ok(ElectLeadersResponse { error_code: error.into(), replica_election_results, ..Default::default() })
}

fn judge(node: &Node, asked: TopicPartitions, election: i8) -> ReplicaElectionResult {
    let topic = node.topic(&asked.topic);
    // The same words for each partition, and none of the caller's among them: a long name must not come back a million times.
    let result = |partition_id: i32| {
        let (error, words) = if !ELECTIONS.contains(&election) {
            (ErrorCode::INVALID_REQUEST, "Unknown election type.")
        } else if topic.is_none() {
            (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "There is no such topic.")
        } else if topic.as_ref().and_then(|t| t.partition(partition_id)).is_none() {
            (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "There is no such partition.")
        } else {
            (ErrorCode::ELECTION_NOT_NEEDED, "Leader election not needed for topic partition.")
        };
        let error_message = Some(Text::from_static(words));
        PartitionResult { partition_id, error_code: error.into(), error_message, ..Default::default() }
    };
    elected(asked.topic.clone(), asked.partitions.iter().map(|index| result(*index)).collect())
}

fn elected(topic: Text, partition_result: Vec<PartitionResult>) -> ReplicaElectionResult {
    ReplicaElectionResult { topic, partition_result, ..Default::default() }
}
