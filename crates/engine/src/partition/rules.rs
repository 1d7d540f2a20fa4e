//! What a topic's settings say about a batch, whatever was written before: judged without a lock, in Kafka's order.

use milena_record::Codec;

use super::{Batch, Refusal};
use crate::{
    machine::Now,
    settings::topic::{Cleanup, Compression, TimestampType, TopicSettings},
};

/// The settings that decide about an append, out of [`TopicSettings`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// `max.message.bytes`: the size of a batch as it is stored.
    pub max_bytes: usize,
    /// `message.timestamp.type`.
    pub timestamps: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub before_max_ms: i64,
    /// `message.timestamp.after.max.ms`.
    pub after_max_ms: i64,
    /// `compression.type`.
    pub compression: Compression,
    /// `cleanup.policy`: with `compact` records need keys, without `delete` they are not deleted on request either.
    pub cleanup: Cleanup,
}

/// What only reading the records tells. Needed when [`Rules::needs_contents`] says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contents {
    /// A record has no key.
    pub null_key: bool,
    pub least_stamp: i64,
    pub greatest_stamp: i64,
}

/// What the node does to a batch before it is placed. Both change the batch's checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Handling {
    /// Compress again, with this.
    pub recompress: Option<Codec>,
    /// Set the timestamp type to append time, and the greatest timestamp to this.
    pub stamp: Option<i64>,
}

/// "No timestamp" in a record.
const NO_STAMP: i64 = -1;

impl From<&TopicSettings> for Rules {
    fn from(settings: &TopicSettings) -> Self {
        Self {
            max_bytes: settings.max_message_bytes as usize,
            timestamps: settings.timestamp_type,
            before_max_ms: settings.timestamp_before_max_ms,
            after_max_ms: settings.timestamp_after_max_ms,
            compression: settings.compression,
            cleanup: settings.cleanup,
        }
    }
}

impl Rules {
    /// Must the records be read before [`Self::judge`] can judge? A header knows neither keys nor the least timestamp.
    pub fn needs_contents(&self) -> bool {
        self.cleanup.compact || (self.timestamps == TimestampType::Create && self.before_max_ms != i64::MAX)
    }

    /// Judges a client's batch, and says what must be done to it. Its checksum and its records were verified.
    pub fn judge(&self, now: Now, batch: &Batch, contents: Option<Contents>) -> Result<Handling, Refusal> {
        if batch.base != 0 {
            return Err(Refusal::BaseOffsetNotZero(batch.base));
        }
        self.judge_size(batch.size)?;
        if batch.count <= 0 || batch.last_delta != batch.count - 1 {
            return Err(Refusal::CountMismatch { count: batch.count, last_delta: batch.last_delta });
        }
        if batch.control {
            return Err(Refusal::ControlBatch);
        }
        if batch.is_idempotent() && batch.sequence < 0 {
            return Err(Refusal::NoSequence { producer: batch.producer, sequence: batch.sequence });
        }
        let stamp = match self.timestamps {
            TimestampType::Create => {
                self.judge_stamps(now, batch, contents)?;
                None
            }
            TimestampType::LogAppend if batch.append_time => return Err(Refusal::AppendTime),
            TimestampType::LogAppend => Some(now.wall),
        };
        // Of several faults a time's is the one that Kafka answers.
        if self.cleanup.compact && contents.is_some_and(|c| c.null_key) {
            return Err(Refusal::NoKey);
        }
        if batch.transactional {
            return Err(Refusal::Transactional);
        }
        Ok(Handling { recompress: self.recompress(batch), stamp })
    }

    /// Also for a batch that was compressed again: what counts is the size that is stored.
    pub fn judge_size(&self, size: usize) -> Result<(), Refusal> {
        if size > self.max_bytes { Err(Refusal::TooLarge { size, max: self.max_bytes }) } else { Ok(()) }
    }

    fn judge_stamps(&self, now: Now, batch: &Batch, contents: Option<Contents>) -> Result<(), Refusal> {
        let (least, greatest) = match contents {
            Some(c) => (c.least_stamp, c.greatest_stamp),
            None => (batch.first_stamp.min(batch.stamp), batch.first_stamp.max(batch.stamp)),
        };
        let behind = now.wall.saturating_sub(least);
        if least != NO_STAMP && behind > self.before_max_ms {
            return Err(Refusal::TooOld { stamp: least, behind, max: self.before_max_ms });
        }
        let ahead = greatest.saturating_sub(now.wall);
        if ahead > self.after_max_ms {
            return Err(Refusal::TooNew { stamp: greatest, ahead, max: self.after_max_ms });
        }
        Ok(())
    }

    fn recompress(&self, batch: &Batch) -> Option<Codec> {
        let wanted = match self.compression {
            Compression::Producer => return None,
            Compression::Uncompressed => Codec::None,
            Compression::Gzip => Codec::Gzip,
            Compression::Snappy => Codec::Snappy,
            Compression::Lz4 => Codec::Lz4,
            Compression::Zstd => Codec::Zstd,
        };
        (batch.codec != Some(wanted)).then_some(wanted)
    }
}
