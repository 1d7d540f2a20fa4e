//! Hostile bytes: whatever comes, the answer is a value or an error, and the memory taken is bounded by the bytes that came.

use bytes::{Bytes, BytesMut};
use milena_wire::{
    APIS, AnyRequest, AnyResponse, FetchRequest, Malformed, Message, MetadataRequest, Reader, frame, hot::ProduceView,
};

use crate::{
    memory,
    values::{Dice, Style, message, subjects},
};

/// What a decoder may hold at once: twice its budget (a growing array is copied), and a little for a single value.
fn allowed(input: usize) -> usize {
    2 * input.saturating_mul(16).clamp(1 << 20, 256 << 20) + 4096
}

/// Any bytes as a stream of frames, and each frame as a request.
fn stream(data: &[u8]) {
    let mut buffer = BytesMut::from(data);
    while let Ok(Some(whole)) = frame::split(&mut buffer, 1 << 20) {
        header(&whole);
    }
}

/// Any bytes as a request with its header.
fn header(data: &[u8]) {
    let frame = Bytes::copy_from_slice(data);
    if let Ok((header, mut reader)) = frame::open(frame) {
        let (key, version) = (header.request_api_key, header.request_api_version);
        if key == 0 {
            let _ = ProduceView::parse(reader.clone(), version).map(|view| view.steps().count());
        }
        if let Ok(request) = AnyRequest::decode(key, &mut reader, version) {
            rewrite(|out| request.encode(out, version), |reader| AnyRequest::decode(key, reader, version), &request);
        }
    }
}

/// What was read can be written, and reads as the same again.
fn rewrite<T: PartialEq + std::fmt::Debug, E: std::fmt::Debug>(
    write: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    read: impl FnOnce(&mut Reader) -> Result<T, Malformed>,
    value: &T,
) {
    let mut out = BytesMut::new();
    match write(&mut out) {
        // Only a NaN is not equal to itself.
        Ok(()) => assert!(
            read(&mut Reader::new(out.freeze())).is_ok_and(|again| again == *value || format!("{value:?}").contains("NaN"))
        ),
        // Mended UTF-8 can be longer than a string may be.
        Err(error) => assert!(format!("{value:?}").contains('\u{fffd}'), "{error:?} for {value:?}"),
    }
}

/// Flips, cuts, repeats and overwrites, as hostile and as broken senders do.
pub(crate) fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = dice.below(bytes.len() as u64) as usize;
        match dice.below(6) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][dice.below(6) as usize],
            2 => bytes.truncate(at),
            3 => {
                let end = (at + 4).min(bytes.len());
                bytes[at..end].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff][..end - at]);
            }
            4 => {
                let piece = bytes[at..(at + 16).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let end = (at + 5).min(bytes.len());
                bytes[at..end].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f][..end - at]);
            }
        }
    }
}

/// How many mutations of each message; campaigns ask for more.
fn rounds() -> u64 {
    std::env::var("MILENA_FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(40)
}

#[test]
fn mutated_requests_are_read_or_refused_within_bounds() {
    let mut dice = Dice(std::env::var("MILENA_FUZZ_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(5));
    let (mut tried, mut worst) = (0u64, 0.0f64);
    for subject in subjects().iter().filter(|s| s.part == "request") {
        for version in subject.versions() {
            let mut head = BytesMut::new();
            let body = message(&mut dice, subject, version, Style::Any);
            head.extend_from_slice(&subject.key.to_be_bytes());
            head.extend_from_slice(&version.to_be_bytes());
            head.extend_from_slice(b"\0\0\0\x01\0\x02me");
            if milena_wire::api(subject.key).unwrap().request_header_version(version) == 2 {
                head.extend_from_slice(&[0]);
            }
            for _ in 0..rounds() {
                let mut bytes = [&head[..], &body].concat();
                mutate(&mut dice, &mut bytes);
                let mut framed = (bytes.len() as u32).to_be_bytes().to_vec();
                framed.extend(&bytes);
                let ((), decoded) = memory::peak(|| header(&bytes));
                // Twice: the value, and the value read again.
                assert!(
                    decoded <= 2 * allowed(bytes.len()) + 8 * bytes.len(),
                    "{decoded} bytes held for {} bytes: {bytes:?}",
                    bytes.len()
                );
                worst = worst.max(decoded as f64 / bytes.len().max(1) as f64);
                mutate(&mut dice, &mut framed);
                stream(&framed);
                tried += 2;
            }
        }
    }
    println!("{tried} mutated requests read or refused; at worst {worst:.0} bytes of memory for a byte of frame");
}

#[test]
fn mutated_responses_are_read_or_refused_within_bounds() {
    let mut dice = Dice(6);
    let mut tried = 0;
    for subject in subjects().iter().filter(|s| s.part == "response") {
        for version in subject.versions() {
            let body = message(&mut dice, subject, version, Style::Any);
            for _ in 0..rounds() {
                let mut bytes = body.clone();
                mutate(&mut dice, &mut bytes);
                let frame = Bytes::from(bytes);
                let length = frame.len();
                let (read, held) = memory::peak(|| AnyResponse::decode(subject.key, &mut Reader::new(frame), version));
                assert!(held <= allowed(length), "{} v{version}: {held} bytes held for {length}", subject.fields.name);
                if let Ok(response) = read {
                    rewrite(|out| response.encode(out, version), |r| AnyResponse::decode(subject.key, r, version), &response);
                }
                tried += 1;
            }
        }
    }
    println!("{tried} mutated responses read or refused");
}

#[test]
fn any_first_bytes_are_read_or_refused() {
    let mut dice = Dice(7);
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = (0..dice.below(64)).map(|_| dice.next() as u8).collect();
        if let Some(head) = bytes.first_chunk_mut::<4>() {
            let api = &APIS[dice.below(APIS.len() as u64) as usize];
            head[..2].copy_from_slice(&api.key.to_be_bytes());
            head[2..].copy_from_slice(&(api.versions.0 + dice.below(14) as i16).to_be_bytes());
        }
        header(&bytes);
        stream(&bytes);
    }
}

#[test]
fn many_small_elements_stay_within_the_budget() {
    let mut dice = Dice(13);
    let (mut taken, mut refused, mut worst) = (0, 0, (0.0f64, ""));
    for subject in subjects().iter().filter(|s| s.key >= 0) {
        for version in subject.versions() {
            for _ in 0..2 {
                let frame = Bytes::from(message(&mut dice, subject, version, Style::Greedy));
                let length = frame.len();
                let (answer, held) = memory::peak(|| match subject.part {
                    "request" => AnyRequest::decode(subject.key, &mut Reader::new(frame), version).err(),
                    _ => AnyResponse::decode(subject.key, &mut Reader::new(frame), version).err(),
                });
                assert!(held <= allowed(length), "{} v{version}: {held} bytes held for {length}", subject.fields.name);
                match answer {
                    None => taken += 1,
                    Some(Malformed::Budget { .. }) => refused += 1,
                    Some(other) => panic!("{} v{version}: {other}", subject.fields.name),
                }
                if length > 50_000 && held as f64 / length as f64 > worst.0 {
                    worst = (held as f64 / length as f64, subject.fields.name);
                }
            }
        }
    }
    println!(
        "{taken} greedy messages taken, {refused} refused by the budget; at worst {:.1} bytes held for a byte of {}",
        worst.0, worst.1
    );
    assert!(taken > 500 && refused > 5 && worst.0 <= 32.0);
}

/// The frame that ends processes built on other codecs: 33 bytes whose array claims four billion topics.
#[test]
fn thirty_three_bytes_cannot_ask_for_four_hundred_gigabytes() {
    let mut bytes = vec![0xff, 0xff, 0xff, 0xff];
    bytes.extend([0; 12]); // wait, least and most bytes
    bytes.extend([0; 9]); // isolation, session
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0x07]); // 2^31 - 2 topics
    bytes.extend([0; 3]);
    assert_eq!(bytes.len(), 33);
    let frame = Bytes::from(bytes);
    let (answer, held) = memory::peak(|| FetchRequest::decode(&mut Reader::new(frame), 12));
    assert_eq!(answer, Err(Malformed::Count { at: 25, count: (1 << 31) - 2, most: 1 }));
    assert_eq!(held, 0);
}

#[test]
fn a_count_is_held_against_the_bytes_that_are_there_and_against_a_million() {
    let metadata = |count: i32, size: usize| {
        let mut bytes = count.to_be_bytes().to_vec();
        bytes.resize(4 + size, 0);
        let length = bytes.len();
        let frame = Bytes::from(bytes);
        let (read, held) = memory::peak(|| MetadataRequest::decode(&mut Reader::new(frame), 1));
        assert!(held <= allowed(length), "{held} bytes for {count} topics in {size} bytes");
        read.map(|request| request.topics.map_or(0, |topics| topics.len()))
    };
    assert_eq!(metadata(3, 6), Ok(3));
    assert_eq!(metadata(4, 6), Err(Malformed::Count { at: 0, count: 4, most: 3 }));
    assert_eq!(metadata(1_000_001, 2_000_002), Err(Malformed::Count { at: 0, count: 1_000_001, most: 1_000_000 }));
    // Each topic takes far more memory than its two bytes: the budget ends it.
    assert!(matches!(metadata(1_000_000, 2_000_000), Err(Malformed::Budget { .. })));
    assert_eq!(metadata(10_000, 20_000), Ok(10_000));
}

#[test]
fn tagged_fields_are_counted_and_their_memory_too() {
    let read = |count: u32, fill: usize| {
        let mut bytes = vec![1, 0, 0, 0];
        let mut n = count;
        while n >= 0x80 {
            bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        bytes.push(n as u8);
        for tag in 0..fill as u32 {
            bytes.extend([(tag & 0x7f) as u8 | 0x80, (tag >> 7) as u8 | 0x80, (tag >> 14) as u8, 0]);
        }
        let frame = Bytes::from(bytes);
        memory::peak(|| MetadataRequest::decode(&mut Reader::new(frame), 9))
    };
    assert!(matches!(read(10_001, 20_000).0, Err(Malformed::Count { count: 10_001, most: 10_000, .. })));
    assert!(matches!(read(u32::MAX >> 1, 3).0, Err(Malformed::Count { most: 6, .. })));
    let (kept, held) = read(10_000, 10_000);
    assert_eq!(kept.unwrap().unknown_tags.len(), 10_000);
    assert!(held < 2 << 20, "{held} bytes");
}
