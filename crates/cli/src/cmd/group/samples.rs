//! What a move would bring back, or pass over, as messages that a person recognises: the first and the last of each
//! partition, beside the plan.

use milena_client::{Cluster, From, Message, OutOfRange, Reader, ReaderConfig, Selection, Until};

use crate::{connect::Connect, table::quoted, when};

/// Partitions of which samples are shown; the plan itself has all.
const PARTITIONS: usize = 4;
/// Characters of a key or a value.
const CELL: usize = 60;

/// One partition's move.
pub(super) struct Move {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Says a line a sample. What cannot be read is left out: the plan does not depend on it.
pub(super) async fn say(connect: &Connect, cluster: &Cluster, moves: &[Move]) {
    for moved in moves.iter().filter(|m| m.from != m.to).take(PARTITIONS) {
        let word = if moved.to < moved.from { "again" } else { "skipped" };
        let (first, end) = (moved.from.min(moved.to), moved.from.max(moved.to));
        let mut offsets = vec![(first, "first"), (end - 1, "last")];
        offsets.dedup_by_key(|(offset, _)| *offset);
        for (offset, which) in offsets {
            if let Some(message) = one(cluster, moved, offset).await {
                connect.say(format_args!("{which} {word}  {}", line(&message)));
            }
        }
    }
}

async fn one(cluster: &Cluster, moved: &Move, offset: i64) -> Option<Message> {
    let selection = Selection {
        topic: moved.topic.as_str().into(),
        partitions: Some(vec![moved.partition]),
        from: From::Offset(offset),
        until: Until::Offset(offset + 1),
    };
    let config = ReaderConfig { out_of_range: OutOfRange::Fail, partition_bytes: 1, ..ReaderConfig::default() };
    Reader::open(cluster.clone(), &[selection], config).await.ok()?.next().await.ok()?
}

fn line(message: &Message) -> String {
    let time = when::rfc3339(message.timestamp, true).unwrap_or_default();
    let place = format!("{}/{}/{}", message.topic, message.partition, message.offset);
    format!("{place}  {time}  {}  {}", cell(message.key.as_deref()), cell(message.value.as_deref()))
}

fn cell(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else { return "null".into() };
    let text: String = String::from_utf8_lossy(bytes).chars().take(CELL).collect();
    quoted(&text.replace(char::is_control, " "))
}
