//! Which records of a refused batch it was: producers fail those with the reason and the others beside them (KIP-467).
//!
//! Looks into a batch again, after the refusal; nothing of it costs an accepted batch anything.

use milena_engine::partition::Refusal;
use milena_node::UNPACKED_MAX;
use milena_record::{Batch, Limits, Record, Records};
use milena_wire::{Text, produce::BatchIndexAndErrorMessage};

/// So many are given words of their own, as Kafka shortens its message. All are named: a producer that is not told of a record
/// takes it for good.
const WORDED: usize = 3;
/// More are not named: a small batch may unpack to millions.
const NAMED: usize = 1 << 16;

/// The records that `refusal` is about; none where it is about the batch. `compact`: they need keys.
pub(crate) fn record_errors(blob: &[u8], refusal: &Refusal, compact: bool) -> Vec<BatchIndexAndErrorMessage> {
    let key = |record: &Record<'_>| {
        (compact && record.key.is_none()).then(|| "the topic is compacted, and this record has no key".to_owned())
    };
    match *refusal {
        Refusal::NoKey => named(blob, key),
        Refusal::AppendTime => named(blob, |_| Some("its timestamp type is LogAppendTime".to_owned())),
        Refusal::TooNew { stamp, ahead, max } => {
            let latest = stamp.saturating_sub(ahead).saturating_add(max);
            named(blob, |record| {
                let stamp = record.timestamp;
                let late =
                    || (stamp > latest).then(|| format!("timestamp {stamp} is later than {latest}, the latest allowed now"));
                key(record).or_else(late)
            })
        }
        Refusal::TooOld { stamp, behind, max } => {
            let earliest = stamp.saturating_add(behind).saturating_sub(max);
            named(blob, |record| {
                let stamp = record.timestamp;
                let early =
                    || (stamp < earliest).then(|| format!("timestamp {stamp} is before {earliest}, the earliest allowed now"));
                key(record).or_else(early)
            })
        }
        _ => Vec::new(),
    }
}

fn named(blob: &[u8], offence: impl Fn(&Record<'_>) -> Option<String>) -> Vec<BatchIndexAndErrorMessage> {
    let Ok((batch, _)) = milena_record::produced(blob, usize::MAX) else { return Vec::new() };
    // As it was judged: by the times that the records themselves say.
    let mut bytes = batch.bytes().to_vec();
    milena_record::set_create_time(&mut bytes, batch.header().max_timestamp());
    let Ok(batch) = Batch::parse(&bytes) else { return Vec::new() };
    let header = batch.header();
    let Ok(payload) = batch.payload(&Limits::new(UNPACKED_MAX)) else { return Vec::new() };
    let records = Records::new(&header, &payload).map_while(Result::ok).enumerate();
    let offenders = records.filter_map(|(index, record)| offence(&record).map(|words| (index, words)));
    let name = |(nth, (index, words)): (usize, (usize, String))| BatchIndexAndErrorMessage {
        batch_index: index as i32,
        batch_index_error_message: (nth < WORDED).then(|| Text::from(words)),
        ..Default::default()
    };
    offenders.take(NAMED).enumerate().map(name).collect()
}
