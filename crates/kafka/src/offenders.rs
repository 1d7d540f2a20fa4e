//! Which records of a refused batch it was: producers fail those with the reason and the others beside them (KIP-467).
//!
//! Looks into a batch again, after the refusal; nothing of it costs an accepted batch anything.

use milena_engine::partition::Refusal;
use milena_node::UNPACKED_MAX;
use milena_record::{Limits, Record, Records};
use milena_wire::{Text, produce::BatchIndexAndErrorMessage};

/// As many as Kafka names.
const NAMED: usize = 3;

/// The first records that `refusal` is about, with words for each; none where it is about the batch.
pub(crate) fn record_errors(blob: &[u8], refusal: &Refusal) -> Vec<BatchIndexAndErrorMessage> {
    match *refusal {
        Refusal::NoKey => {
            named(blob, |record| record.key.is_none().then(|| "the topic is compacted, and this record has no key".to_owned()))
        }
        Refusal::TooNew { stamp, ahead, max } => {
            let latest = stamp.saturating_sub(ahead).saturating_add(max);
            named(blob, |record| {
                let stamp = record.timestamp;
                (stamp > latest).then(|| format!("timestamp {stamp} is later than {latest}, the latest allowed now"))
            })
        }
        Refusal::TooOld { stamp, behind, max } => {
            let earliest = stamp.saturating_add(behind).saturating_sub(max);
            named(blob, |record| {
                let stamp = record.timestamp;
                (stamp < earliest).then(|| format!("timestamp {stamp} is before {earliest}, the earliest allowed now"))
            })
        }
        _ => Vec::new(),
    }
}

fn named(blob: &[u8], offence: impl Fn(&Record<'_>) -> Option<String>) -> Vec<BatchIndexAndErrorMessage> {
    let Ok((batch, _)) = milena_record::produced(blob, usize::MAX) else { return Vec::new() };
    let header = batch.header();
    let Ok(payload) = batch.payload(&Limits::new(UNPACKED_MAX)) else { return Vec::new() };
    let records = Records::new(&header, &payload).map_while(Result::ok).enumerate();
    let offenders = records.filter_map(|(index, record)| {
        offence(&record).map(|words| BatchIndexAndErrorMessage {
            batch_index: index as i32,
            batch_index_error_message: Some(Text::from(words)),
            ..Default::default()
        })
    });
    offenders.take(NAMED).collect()
}
