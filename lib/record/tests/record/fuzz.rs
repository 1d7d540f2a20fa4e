//! Fuzz targets as plain functions, run here on a corpus with bounded mutation. No input may panic, pass a limit, or make
//! two ways of reading disagree.

use milena_record::*;

const LIMITS: Limits = Limits::new(1 << 16);

/// Whatever the bytes are.
fn any_blob(blob: &[u8]) {
    let mut whole = 0;
    let mut entries = split(blob);
    for entry in entries.by_ref() {
        let Ok(entry) = entry else { break };
        whole += entry.bytes.len();
        match entry.magic {
            2 => any_batch(entry.bytes),
            _ => drop(legacy::messages(entry.bytes, &LIMITS)),
        }
    }
    assert_eq!(whole + entries.rest().len(), blob.len());
    if let Ok((batch, facts)) = produced(blob, 1 << 16) {
        assert_eq!(batch.bytes(), &blob[..facts.len]);
        assert_eq!(batch.verify(), Ok(facts));
    }
}

fn any_batch(bytes: &[u8]) {
    let Ok(batch) = Batch::parse(bytes) else { return };
    let _ = format!("{:?}", batch.header());
    let walked = batch.check_records(&LIMITS);
    let Ok(payload) = batch.payload(&LIMITS) else {
        assert!(walked.is_err());
        return;
    };
    if batch.header().codec() != Ok(Codec::None) {
        assert!(payload.len() <= LIMITS.decompressed);
    }
    // Judging skims where reading reads: both must see the same, and name the same flaw at the same place.
    let mut records = Records::new(&batch.header(), &payload);
    let (mut read, mut flaw, mut latest) = (0, None, i64::MIN);
    for record in records.by_ref() {
        match record {
            Ok(record) => {
                assert_eq!(record.headers.len(), record.headers.count());
                latest = latest.max(record.timestamp);
                read += 1;
            }
            Err(found) => flaw = Some(found),
        }
    }
    match (&walked, flaw) {
        (Ok(facts), None) => assert_eq!((facts.count as usize, facts.max_timestamp), (read, latest)),
        (Err(Flaw::Record { flaw: RecordFlaw::Surplus(_), .. }), None) => assert!(!records.rest().is_empty()),
        (walked, flaw) => assert_eq!(walked.as_ref().err(), flaw.as_ref()),
    }
    if let Ok(facts) = walked
        && facts.count > 0
    {
        let packed = recompress(&batch, Codec::Lz4.into(), &LIMITS).unwrap();
        assert_eq!(Batch::parse(&packed).unwrap().check_records(&LIMITS), Ok(facts));
    }
}

/// A small generator whose runs repeat.
struct Dice(u64);
impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }

    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        const NASTY: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x20, 0x40];
        let mut bytes = seed.to_vec();
        for _ in 0..=self.roll(6) {
            let at = self.roll(bytes.len());
            match self.roll(7) {
                _ if bytes.is_empty() => {}
                0 => bytes[at] ^= 1 << self.roll(8),
                1 => bytes[at] = NASTY[self.roll(NASTY.len())],
                2 => bytes[at] = self.roll(256) as u8,
                3 => bytes.truncate(at),
                4 => bytes.insert(at, NASTY[self.roll(NASTY.len())]),
                5 => {
                    bytes.remove(at);
                }
                _ => {
                    let end = (at + 4).min(bytes.len());
                    bytes[at..end].fill(NASTY[self.roll(NASTY.len())]);
                }
            }
        }
        // Half of them get a length and a checksum that fit, so that deeper checks are reached.
        if bytes.len() >= 61 && self.roll(2) == 0 {
            let len = bytes.len() as i32 - 12;
            bytes[8..12].copy_from_slice(&len.to_be_bytes());
            crate::reseal(&mut bytes);
        }
        bytes
    }
}

#[test]
fn mutated_batches_never_harm() {
    let mut corpus: Vec<Vec<u8>> = Codec::ALL.into_iter().map(crate::sample).collect();
    let large: Vec<u8> = (0..40_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    for codec in Codec::ALL {
        let mut builder = Builder::new(codec);
        builder.push(1, Some(b"key"), Some(&large[..50_000]), &[]).unwrap();
        corpus.push(builder.finish().unwrap());
    }
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for seed in &corpus {
        any_blob(seed);
    }
    for _ in 0..20_000 {
        let seed = dice.roll(corpus.len());
        // The large ones cost more and find less.
        let seed = if seed >= 5 && dice.roll(8) > 0 { seed - 5 } else { seed };
        any_blob(&dice.mutate(&corpus[seed]));
    }
}

#[test]
fn mutated_old_messages_never_harm() {
    // An uncompressed message of format 1 and a gzip wrapper around it, checksums repaired after each change.
    let plain: Vec<u8> = [&[1u8, 0][..], &[0; 8], &[0, 0, 0, 1, b'k', 0, 0, 0, 2, b'v', b'v']].concat();
    let sealed = |body: &[u8]| {
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, body) as u32;
        let mut out = vec![0; 8];
        out.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
        out.extend_from_slice(&crc.to_be_bytes());
        out.extend_from_slice(body);
        out
    };
    let mut packed = Vec::new();
    codec::compress(Codec::Gzip.into(), &sealed(&plain), &mut packed).unwrap();
    let mut wrapper: Vec<u8> = [&[1u8, 1][..], &[0; 8], &[0xff; 4]].concat();
    wrapper.extend_from_slice(&(packed.len() as i32).to_be_bytes());
    wrapper.extend_from_slice(&packed);
    assert_eq!(legacy::messages(&sealed(&wrapper), &LIMITS).unwrap().len(), 1);
    let mut dice = Dice(42);
    for _ in 0..5_000 {
        let body = [&plain, &wrapper][dice.roll(2)].clone();
        let mut changed = body.clone();
        for _ in 0..=dice.roll(3) {
            let at = dice.roll(changed.len());
            changed[at] = dice.roll(256) as u8;
        }
        any_blob(&sealed(&changed));
    }
}

#[test]
fn noise_never_harms() {
    let mut dice = Dice(7);
    for _ in 0..5_000 {
        let len = dice.roll(200);
        let mut noise: Vec<u8> = (0..len).map(|_| dice.roll(256) as u8).collect();
        if len > 70 {
            noise[16] = dice.roll(3) as u8;
            noise[8..12].copy_from_slice(&((len - 12) as i32).to_be_bytes());
        }
        any_blob(&noise);
        for codec in Codec::ALL {
            let _ = codec::decompress(codec, &noise, &LIMITS, &mut Vec::new());
        }
    }
}
