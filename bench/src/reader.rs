//! A consumer in a few lines: Fetch from an offset, on and on, on one connection. It looks at batch headers only, so that the
//! server under test is the limit and not its client.

use std::{
    io::Write,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use anyhow::{Context, Result, ensure};
use bytes::BytesMut;
use milena_record::Batch;
use milena_wire::{
    FetchRequest, FetchResponse, Message, Text,
    fetch::{FetchPartition, FetchTopic},
    frame,
};

use crate::frames;

/// The newest version that names topics by name.
const FETCH: i16 = 12;

/// What a fetch asks for.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) max_wait_ms: i32,
    pub(crate) min_bytes: i32,
    pub(crate) max_bytes: i32,
}

impl Wish {
    /// As clients ask when nobody configures them: half a second, one byte, a mebibyte a partition.
    pub(crate) const STOCK: Self = Self { max_wait_ms: 500, min_bytes: 1, max_bytes: 1 << 20 };
}

/// A Fetch frame for one partition, without a session.
pub(crate) fn frame_of(topic: &str, partition: i32, offset: i64, wish: Wish) -> Result<Vec<u8>> {
    let wanted = FetchPartition { partition, fetch_offset: offset, partition_max_bytes: wish.max_bytes, ..Default::default() };
    let topic = FetchTopic { topic: topic.into(), partitions: vec![wanted], ..Default::default() };
    let request = FetchRequest {
        replica_id: -1,
        max_wait_ms: wish.max_wait_ms,
        min_bytes: wish.min_bytes,
        max_bytes: wish.max_bytes.max(50 << 20),
        session_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    };
    let mut out = BytesMut::new();
    frame::request(&mut out, FETCH, 1, Some(&Text::from("bench")), &request)?;
    Ok(out.to_vec())
}

/// What readers together have received.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) bytes: AtomicU64,
    pub(crate) fetches: AtomicU64,
}

/// Reads one partition until `stop`, or, when `to_end`, until the high watermark.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) wish: Wish,
    pub(crate) to_end: bool,
}

impl Reader<'_> {
    pub(crate) fn run(&self, mut offset: i64, stop: &AtomicBool, tally: &Tally) -> Result<i64> {
        let mut stream = frames::connect(self.address)?;
        while !stop.load(Ordering::Relaxed) {
            stream.write_all(&frame_of(self.topic, self.partition, offset, self.wish)?)?;
            let (_, mut reader) = frame::open_response(frames::answer(&mut stream)?, FetchRequest::KEY, FETCH)?;
            let answer = FetchResponse::decode(&mut reader, FETCH)?;
            let data = answer.responses.first().and_then(|t| t.partitions.first()).context("an answer without a partition")?;
            ensure!(data.error_code == 0, "a fetch was answered with error {}", data.error_code);
            let records = data.records.clone().unwrap_or_default();
            tally.bytes.fetch_add(records.len() as u64, Ordering::Relaxed);
            tally.fetches.fetch_add(1, Ordering::Relaxed);
            offset = next_offset(&records, offset);
            if self.to_end && offset >= data.high_watermark {
                break;
            }
        }
        Ok(offset)
    }
}

/// The offset behind the last whole batch.
fn next_offset(mut records: &[u8], mut offset: i64) -> i64 {
    while let Ok(batch) = Batch::parse(records) {
        offset = batch.header().last_offset() + 1;
        records = records.get(batch.bytes().len()..).unwrap_or_default();
    }
    offset
}
