//! Requests of every API in every version, bent at random: the broker answers or closes, and goes on. Bounded and the same
//! each time; the seed is in the message of a failure.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use milena_wire::{ApiVersionsRequest, Reader, api};
use tokio::{io::AsyncReadExt, time::timeout};

use crate::world::{World, framed};

/// A small generator: good enough to bend bytes with.
struct Dice(u64);
impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }
}

/// The simplest body that the version can say.
fn plain_body(key: i16, version: i16) -> BytesMut {
    // Zeros decode as something nearly everywhere: empty arrays and strings, false, 0.
    let zeros = BytesMut::zeroed(64);
    let mut reader = Reader::new(zeros.clone().freeze());
    let known = milena_wire::AnyRequest::decode(key, &mut reader, version);
    let used = if known.is_ok() { 64 - reader.remaining() } else { 64 };
    let mut body = zeros;
    body.truncate(used.max(1));
    body
}

fn bent(dice: &mut Dice, body: &[u8]) -> Vec<u8> {
    let mut bent = body.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bent.len().max(1));
        match dice.below(4) {
            0 if !bent.is_empty() => bent[at] = dice.roll() as u8,
            1 if !bent.is_empty() => bent[at] ^= 1 << dice.below(8),
            2 => bent.truncate(at),
            _ => {
                let tail: Vec<u8> = (0..dice.below(24)).map(|_| dice.roll() as u8).collect();
                let at = at.min(bent.len());
                bent.splice(at..at, tail);
            }
        }
    }
    bent
}

#[test]
fn no_bent_request_of_any_api_harms_the_broker() {
    const EACH: u64 = 12;
    let world = World::new();
    let mut sent = 0;
    for card in milena_kafka::cards() {
        assert!(api(card.key).is_some());
        for version in card.versions.clone() {
            let body = plain_body(card.key, version);
            let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (card.key as u64) << 16 ^ version as u64);
            let mut client = world.connect();
            for _ in 0..EACH {
                client.send_frame(&framed(card.key, version, &bent(&mut dice, &body)));
                sent += 1;
                let stream = &mut client.stream;
                let read = async {
                    let length = stream.read_i32().await.ok()?;
                    let mut frame = vec![0; usize::try_from(length).ok()?];
                    stream.read_exact(&mut frame).await.ok()
                };
                // An answer; or an end, after which another connection goes on; or neither: acks=0, or a long wait.
                let answered = world.runtime.block_on(async { timeout(Duration::from_millis(30), read).await });
                if !matches!(answered, Ok(Some(_))) {
                    client = world.connect();
                }
            }
        }
    }
    let answer = world.connect().ask(0, &ApiVersionsRequest::default());
    assert_eq!(answer.error_code, 0, "after {sent} bent requests");
    assert!(sent > 2000, "{sent}");
    assert!(!plain_body(3, 1).is_empty() && plain_body(3, 1).remaining() <= 64);
}
