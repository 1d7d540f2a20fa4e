//! ListOffsets (2), v1-11. Finds offsets by time, and the bounds of a log. KIP-79, KIP-734, KIP-405, KIP-1005, KIP-1023.
//!
//! Nothing is kept in another tier here: the earliest local offset is the log start, and of the last tiered offset and
//! the earliest one to be uploaded there is none.

use hashbrown::HashSet;
use milena_node::{Node, Partition, Sought};
use milena_wire::{
    ErrorCode,
    list_offsets::{
        ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
        ListOffsetsTopicResponse,
    },
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::Code,
};

pub(super) const CARD: Card = Card::new(2, "ListOffsets", 1..=11, Cost::Records, |call| call.later(handle));

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const GREATEST_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_TO_UPLOAD: i64 = -6;
const READ_COMMITTED: i8 = 1;

/// A place found: timestamp, offset, leader epoch.
type Place = (i64, i64, i32);
const NONE: Place = (-1, -1, -1);

async fn handle(cx: Context, request: ListOffsetsRequest) -> Result<ListOffsetsResponse, Close> {
    let committed = request.isolation_level == READ_COMMITTED;
    let (twice, mut refused) = (given_twice(&request.topics), HashSet::new());
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let found = cx.peer.node().topic(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in &topic.partitions {
            let index = asked.partition_index;
            let place = if twice.contains(&(topic.name.as_str(), index)) {
                if !refused.insert((topic.name.as_str(), index)) {
                    continue;
                }
                Err(ErrorCode::INVALID_REQUEST)
            } else {
                match found.as_ref().and_then(|t| t.partition(index)) {
                    Some(partition) => find(&cx, partition, asked, committed).await,
                    None => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
                }
            };
            partitions.push(answer(cx.version, index, place));
        }
        topics.push(ListOffsetsTopicResponse { name: topic.name.clone(), partitions, ..Default::default() });
    }
    Ok(ListOffsetsResponse { topics, ..Default::default() })
}

/// Partitions that were asked for more than once; Kafka refuses those.
fn given_twice(topics: &[ListOffsetsTopic]) -> HashSet<(&str, i32)> {
    let mut seen = HashSet::new();
    let all = topics.iter().flat_map(|t| t.partitions.iter().map(|p| (t.name.as_str(), p.partition_index)));
    all.filter(|partition| !seen.insert(*partition)).collect()
}

fn answer(version: i16, partition_index: i32, place: Result<Place, ErrorCode>) -> ListOffsetsPartitionResponse {
    let (error, (timestamp, offset, leader_epoch)) = match place {
        Ok(place) => (ErrorCode::NONE, place),
        Err(error) => (error, NONE),
    };
    let error_code = error.into();
    let leader_epoch = if version >= 4 { leader_epoch } else { -1 };
    ListOffsetsPartitionResponse { partition_index, error_code, timestamp, offset, leader_epoch, ..Default::default() }
}

/// Whether this version has a word for the time asked for.
fn has_word(version: i16, timestamp: i64) -> bool {
    match timestamp {
        GREATEST_TIMESTAMP => version >= 7,
        EARLIEST_LOCAL => version >= 8,
        LATEST_TIERED => version >= 9,
        EARLIEST_TO_UPLOAD => version >= 11,
        other => other >= EARLIEST,
    }
}

async fn find(cx: &Context, partition: &Partition, asked: &ListOffsetsPartition, committed: bool) -> Result<Place, ErrorCode> {
    if !has_word(cx.version, asked.timestamp) {
        return Err(ErrorCode::UNSUPPORTED_VERSION);
    }
    let node = cx.peer.node();
    let view = node.fenced_view(partition, asked.current_leader_epoch).map_err(|refusal| refusal.code())?;
    match asked.timestamp {
        LATEST => Ok((-1, if committed { view.stable } else { view.high }, view.epoch)),
        EARLIEST | EARLIEST_LOCAL => Ok((-1, view.start, node.epoch_at(partition, view.start))),
        LATEST_TIERED | EARLIEST_TO_UPLOAD => Ok(NONE),
        GREATEST_TIMESTAMP => seek(node, partition, Sought::Newest).await,
        time => seek(node, partition, Sought::Since(time)).await,
    }
}

async fn seek(node: &Node, partition: &Partition, sought: Sought) -> Result<Place, ErrorCode> {
    match node.seek(partition, sought).await {
        Ok(Some(found)) => Ok((found.timestamp, found.offset, found.epoch)),
        Ok(None) => Ok(NONE),
        Err(error) => Err(error.code()),
    }
}
