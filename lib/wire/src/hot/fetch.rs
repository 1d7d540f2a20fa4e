//! Fetch responses as pieces: own bytes between record slices of the caller's, for one gathering write.

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::{
    FetchResponse, Message, Unencodable,
    fetch::{AbortedTransaction, EpochEndOffset, LeaderIdAndEpoch, NodeEndpoint, PartitionData, SnapshotId},
    frame, writer,
};

const BY_ID: i16 = 13;
const FLEXIBLE: i16 = 12;

/// A part of a response: bytes written here, or records as the caller handed them over (a slice of memory, a range of a file).
#[derive(Clone, Debug, PartialEq)]
pub enum Piece<R> {
    /// Bytes written here.
    Own(Bytes),
    /// Records, as they were handed over.
    Records(R),
}

/// A whole response frame in pieces, in the order of the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Gather<R> {
    /// The pieces; none is empty but what the caller gave.
    pub pieces: Vec<Piece<R>>,
    /// Bytes of all pieces together.
    pub len: usize,
}

/// Writes a Fetch response, frame and all: `new`, then for each topic `topic` and its partitions, then `finish`. The numbers of topics and partitions are
/// promises of the caller.
#[derive(Debug)]
pub struct FetchWriter<R> {
    out: BytesMut,
    version: i16,
    /// Records, and where in `out` they stand.
    records: Vec<(usize, R)>,
    records_len: usize,
    open: bool,
    /// Topics and partitions that were promised and have not come; a response with others would not be readable.
    promised: (usize, usize),
}

impl<R> FetchWriter<R> {
    /// The version must be one that Fetch has. Session and error are told since version 7.
    pub fn new(
        version: i16,
        correlation_id: i32,
        throttle_time_ms: i32,
        error_code: i16,
        session_id: i32,
        topics: usize,
    ) -> Result<Self, Unencodable> {
        if !FetchResponse::VERSIONS.contains(&version) {
            return Err(Unencodable::Version { message: FetchResponse::NAME, version });
        }
        let mut out = BytesMut::with_capacity(128 + 128 * topics.min(64));
        out.put_i32(0);
        frame::response_header(&mut out, FetchResponse::KEY, version, correlation_id);
        out.put_i32(throttle_time_ms);
        if version >= 7 {
            out.put_i16(error_code);
            out.put_i32(session_id);
        }
        writer::length(&mut out, version >= FLEXIBLE, topics)?;
        Ok(Self { out, version, records: Vec::new(), records_len: 0, open: false, promised: (topics, 0) })
    }

    /// Begins a topic: by name in old versions, by id in new ones; the other is not looked at.
    pub fn topic(&mut self, name: &str, id: Uuid, partitions: usize) -> Result<(), Unencodable> {
        self.close();
        self.open = true;
        self.promised = (self.promised.0.wrapping_sub(1), partitions);
        let flexible = self.version >= FLEXIBLE;
        super::topic(&mut self.out, flexible, self.version >= BY_ID, name, id)?;
        writer::length(&mut self.out, flexible, partitions)
    }

    /// A partition with its records: slices of `len` bytes together (`head.records` is not looked at). None at all is written as empty, as Kafka does, not null.
    pub fn partition(
        &mut self,
        head: &PartitionData,
        len: usize,
        records: impl IntoIterator<Item = R>,
    ) -> Result<(), Unencodable> {
        let (v, flexible) = (self.version, self.version >= FLEXIBLE);
        self.promised.1 = self.promised.1.wrapping_sub(1);
        let out = &mut self.out;
        out.put_i32(head.partition_index);
        out.put_i16(head.error_code);
        out.put_i64(head.high_watermark);
        out.put_i64(head.last_stable_offset);
        if v >= 5 {
            out.put_i64(head.log_start_offset);
        }
        let aborted = head.aborted_transactions.as_ref();
        writer::nullable_array(out, flexible, aborted, |out, x: &AbortedTransaction| x.write(out, v))?;
        if v >= 11 {
            out.put_i32(head.preferred_read_replica);
        } else if head.preferred_read_replica != -1 {
            return Err(Unencodable::Absent { field: "preferred_read_replica", version: v });
        }
        writer::length(out, flexible, len)?;
        let at = out.len();
        self.records.extend(records.into_iter().map(|slice| (at, slice)));
        self.records_len += len;
        if flexible { partition_tags(&mut self.out, v, head) } else { Ok(()) }
    }

    /// Ends the frame. `endpoints` are told since version 16, when a partition's answer names a leader.
    pub fn finish(mut self, endpoints: &[NodeEndpoint]) -> Result<Gather<R>, Unencodable> {
        self.close();
        debug_assert_eq!(self.promised.0, 0, "as many topics as were promised");
        let version = self.version;
        if version >= FLEXIBLE {
            let mut tagged = writer::Tagged::default();
            if version >= 16 && !endpoints.is_empty() {
                tagged.put(0, |out| writer::array(out, true, endpoints, |out, x| x.write(out, version)))?;
            }
            tagged.finish(&mut self.out, &Default::default())?;
        }
        let len = self.out.len() + self.records_len;
        let prefix = i32::try_from(len - 4).map_err(|_| Unencodable::TooLong { length: len - 4 })?;
        self.out[..4].copy_from_slice(&prefix.to_be_bytes());
        let mut rest = self.out.freeze();
        let mut pieces = Vec::with_capacity(2 * self.records.len() + 1);
        let mut cut = 0;
        for (at, records) in self.records {
            if at > cut {
                pieces.push(Piece::Own(rest.split_to(at - cut)));
                cut = at;
            }
            pieces.push(Piece::Records(records));
        }
        if !rest.is_empty() {
            pieces.push(Piece::Own(rest));
        }
        Ok(Gather { pieces, len })
    }

    fn close(&mut self) {
        debug_assert_eq!(self.promised.1, 0, "as many partitions as were promised");
        if self.open && self.version >= FLEXIBLE {
            self.out.put_u8(0);
        }
        self.open = false;
    }
}

fn partition_tags(out: &mut BytesMut, v: i16, head: &PartitionData) -> Result<(), Unencodable> {
    let mut tagged = writer::Tagged::default();
    if head.diverging_epoch != EpochEndOffset::default() {
        tagged.put(0, |out| head.diverging_epoch.write(out, v))?;
    }
    if head.current_leader != LeaderIdAndEpoch::default() {
        tagged.put(1, |out| head.current_leader.write(out, v))?;
    }
    if head.snapshot_id != SnapshotId::default() {
        tagged.put(2, |out| head.snapshot_id.write(out, v))?;
    }
    tagged.finish(out, &head.unknown_tags)
}
