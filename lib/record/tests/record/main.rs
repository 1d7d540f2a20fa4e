//! The record batch, from outside: round trips, planted flaws, bombs, old formats, mutation.

mod bombs;
mod flaws;
mod fuzz;
mod golden;
mod legacy;
mod roundtrip;

use milena_record::{Builder, Codec, RecordHeader};

/// Three records that show everything a record can have: null key, tombstone, repeated and null headers, time going back.
pub(crate) fn sample(codec: Codec) -> Vec<u8> {
    let headers = [
        RecordHeader { key: b"x", value: Some(b"1") },
        RecordHeader { key: b"x", value: Some(b"2") },
        RecordHeader { key: b"", value: None },
    ];
    let mut builder = Builder::new(codec);
    builder.push(1_700_000_000_000, Some(b"a"), Some(b"first"), &[]).unwrap();
    builder.push(1_699_999_999_000, None, Some(&[7; 300]), &headers).unwrap();
    builder.push(1_700_000_000_500, Some(b"a"), None, &headers[..1]).unwrap();
    builder.finish().unwrap()
}

/// Puts a right checksum on a changed batch, so that checks behind the checksum are reached.
pub(crate) fn reseal(batch: &mut [u8]) {
    let crc = milena_record::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}
