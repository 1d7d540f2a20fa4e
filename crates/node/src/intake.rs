//! What a producer's bytes must pass before any lock is taken: checksum, every record, the topic's rules. Knows batches
//! and settings; knows no partition's state.

use std::borrow::Cow;

use milena_engine::{
    machine::Now,
    partition::{Batch as Judged, Codec as Wanted, Contents, Refusal, Rules},
    settings::topic::TimestampType,
};
use milena_record::{Batch, Codec, Flaw, HEADER_LEN, Limits, RecompressError, RecordFacts, TimestampType as Stamped};

/// Most bytes that one batch may become when it is unpacked: a bomb stops here. One batch a runtime is unpacked at a time.
pub const UNPACKED_MAX: usize = 128 << 20;

/// A batch that may be placed.
pub(crate) struct Intake<'a> {
    /// The greatest timestamp that a record really has.
    pub(crate) stamp: i64,
    pub(crate) bytes: Cow<'a, [u8]>,
    /// The header as it will be stored; base offset and epoch are still to be written.
    pub(crate) head: [u8; HEADER_LEN],
    pub(crate) batch: Judged,
    /// The time of every record, where the topic's clock is the broker's.
    pub(crate) append_time: Option<i64>,
}

/// Why a batch did not even reach its partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Declined {
    Flaw(Flaw),
    Refused(Refusal),
}
impl From<Flaw> for Declined {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}
impl From<Refusal> for Declined {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
impl From<RecompressError> for Declined {
    fn from(error: RecompressError) -> Self {
        match error {
            RecompressError::Flaw(flaw) => Self::Flaw(flaw),
            // A batch that was accepted cannot outgrow the format by being packed anew, but nothing here may panic.
            RecompressError::Pack(error) => Self::Flaw(Flaw::Compressed { codec: Codec::None, detail: error.to_string() }),
        }
    }
}

/// Judges what was sent for one partition. Bytes behind the one whole batch are left out, as Kafka does.
pub(crate) fn take<'a>(rules: &Rules, now: Now, blob: &'a [u8]) -> Result<Intake<'a>, Declined> {
    let (batch, _) = milena_record::produced(blob, rules.max_bytes)?;
    let header = batch.header();
    if rules.timestamps == TimestampType::LogAppend || header.timestamp_type() == Stamped::Create {
        return judge(rules, now, &batch);
    }
    // Whose clock it was is for the topic to say. The records are read as their producer wrote them.
    let mut bytes = batch.bytes().to_vec();
    milena_record::set_create_time(&mut bytes, header.max_timestamp());
    let judged = judge(rules, now, &Batch::parse(&bytes)?)?;
    Ok(Intake { bytes: Cow::Owned(judged.bytes.into_owned()), ..judged })
}

fn judge<'a>(rules: &Rules, now: Now, batch: &Batch<'a>) -> Result<Intake<'a>, Declined> {
    let limits = Limits::new(UNPACKED_MAX);
    let records = batch.check_records(&limits)?;
    let mut bytes = renumbered(batch, &records, &limits)?;
    let contents = Contents {
        null_key: records.first_null_key.is_some(),
        least_stamp: records.min_timestamp,
        greatest_stamp: records.max_timestamp,
    };
    let handling = rules.judge(now, &judged(&bytes)?, Some(contents))?;
    if let Some(codec) = handling.recompress {
        let again = milena_record::recompress(&Batch::parse(&bytes)?, wanted(codec).into(), &limits)?;
        rules.judge_size(again.len())?;
        bytes = Cow::Owned(again);
    }
    match handling.stamp {
        Some(stamp) => milena_record::set_log_append_time(bytes.to_mut(), stamp),
        None if judged(&bytes)?.stamp != records.max_timestamp => {
            milena_record::set_create_time(bytes.to_mut(), records.max_timestamp);
        }
        None => {}
    }
    let batch = judged(&bytes)?;
    let head = *bytes.first_chunk().expect("a batch has a header");
    let stamp = handling.stamp.unwrap_or(records.max_timestamp);
    Ok(Intake { stamp, bytes, head, batch, append_time: handling.stamp })
}

fn judged(bytes: &[u8]) -> Result<Judged, Declined> {
    Judged::from_head(bytes).ok_or(Declined::Flaw(Flaw::NoBatch))
}

/// The offsets 0, 1, 2 … are written over whatever an uncompressed batch claims; a compressed one that lies is refused, as Kafka
/// does.
fn renumbered<'a>(batch: &Batch<'a>, records: &RecordFacts, limits: &Limits) -> Result<Cow<'a, [u8]>, Declined> {
    match records.first_odd_delta {
        None => Ok(Cow::Borrowed(batch.bytes())),
        Some((index, found)) if batch.header().codec() != Ok(Codec::None) => {
            let flaw = milena_record::RecordFlaw::OffsetDelta { expected: index as i32, found };
            Err(Flaw::Record { index, at: 0, flaw }.into())
        }
        Some(_) => match milena_record::renumber(batch, limits)? {
            Some(bytes) => Ok(Cow::Owned(bytes)),
            None => Ok(Cow::Borrowed(batch.bytes())),
        },
    }
}

fn wanted(codec: Wanted) -> Codec {
    match codec {
        Wanted::None => Codec::None,
        Wanted::Gzip => Codec::Gzip,
        Wanted::Snappy => Codec::Snappy,
        Wanted::Lz4 => Codec::Lz4,
        Wanted::Zstd => Codec::Zstd,
    }
}
