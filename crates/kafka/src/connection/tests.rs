//! The connection core, driven byte by byte. Knows frames only.

use super::*;

fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = i32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// Feeds `input` in pieces of `step` bytes and returns the frames.
fn feed(inbound: &mut Inbound, input: &[u8], step: usize) -> Result<Vec<Vec<u8>>, Refused> {
    let mut frames = Vec::new();
    for piece in input.chunks(step) {
        let mut piece = BytesMut::from(piece);
        while let Some(frame) = inbound.next(&mut piece)? {
            frames.push(frame.to_vec());
        }
        assert!(piece.is_empty(), "what is no frame is kept");
    }
    Ok(frames)
}

#[test]
fn frames_come_out_whole_however_the_bytes_arrive() {
    let bodies: Vec<Vec<u8>> = [0, 1, 3, 4, 5, 100, 70_000].iter().map(|n| vec![7; *n]).collect();
    let stream: Vec<u8> = bodies.iter().flat_map(|b| framed(b)).collect();
    for step in [1, 2, 3, 4, 5, 7, 64, 4096, 69_999, stream.len()] {
        let mut inbound = Inbound::new(1 << 20);
        assert_eq!(feed(&mut inbound, &stream, step).unwrap(), bodies, "step {step}");
        assert_eq!((inbound.held(), inbound.held.capacity()), (0, 0), "an idle connection holds no buffer");
    }
}

#[test]
fn what_waits_its_turn_comes_out_in_order() {
    let mut inbound = Inbound::new(1 << 20);
    let stream: Vec<u8> = (0..50u8).flat_map(|n| framed(&[n; 9])).collect();
    let mut input = BytesMut::from(&stream[..]);
    let first = inbound.next(&mut input).unwrap().unwrap();
    assert_eq!(first[..], [0; 9]);
    inbound.keep(&mut input);
    let mut empty = BytesMut::new();
    for n in 1..50u8 {
        assert_eq!(inbound.next(&mut empty).unwrap().unwrap()[..], [n; 9]);
    }
    assert!(inbound.next(&mut empty).unwrap().is_none());
}

#[test]
fn lengths_that_lie_close_without_memory() {
    let over = i32::MAX.to_be_bytes();
    for (head, expected) in [
        ((-1i32).to_be_bytes(), Refused::Negative(-1)),
        (i32::MIN.to_be_bytes(), Refused::Negative(i32::MIN)),
        (over, Refused::TooLong { length: i32::MAX as usize, most: 1000 }),
        (1001i32.to_be_bytes(), Refused::TooLong { length: 1001, most: 1000 }),
        (*b"GET ", Refused::Http),
        (*b"POST", Refused::Http),
        ([0x16, 3, 1, 2], Refused::Tls),
    ] {
        let mut inbound = Inbound::new(1000);
        assert_eq!(feed(&mut inbound, &head, 4), Err(expected));
        assert!(inbound.held.capacity() <= 64);
    }
    let mut inbound = Inbound::new(1000);
    assert_eq!(feed(&mut inbound, &framed(&[1; 1000]), 1004).unwrap().len(), 1, "the limit itself is allowed");
}

#[test]
fn a_claimed_length_sets_little_aside() {
    let mut inbound = Inbound::new(100 << 20);
    let mut input = BytesMut::from(&(100i32 << 20).to_be_bytes()[..]);
    assert!(inbound.next(&mut input).unwrap().is_none());
    let (_, room) = inbound.direct().expect("a large frame is received directly");
    assert!(room > 0);
    assert!(inbound.held.capacity() <= 2 * TRUST, "{} bytes were set aside for four", inbound.held.capacity());
}

#[test]
fn a_large_frame_received_directly_is_whole_and_takes_nothing_of_the_next() {
    let body: Vec<u8> = (0..5_000_000u32).map(|n| n as u8).collect();
    let mut stream = framed(&body);
    stream.extend(framed(b"next"));
    let mut inbound = Inbound::new(100 << 20);
    let (head, mut rest) = stream.split_at(1000);
    assert!(inbound.next(&mut BytesMut::from(head)).unwrap().is_none());
    while let Some((buffer, room)) = inbound.direct() {
        let (now, later) = rest.split_at(room.min(100_000));
        buffer.extend_from_slice(now);
        rest = later;
    }
    let mut rest = BytesMut::from(rest);
    assert!(inbound.next(&mut rest).unwrap().unwrap() == body);
    assert_eq!(inbound.next(&mut rest).unwrap().unwrap(), b"next"[..]);
}

#[test]
fn answers_leave_in_order_whatever_the_socket_takes() {
    let mut expected = Vec::new();
    let mut outbound = Outbound::default();
    for n in 0..200u8 {
        let size = if n % 7 == 0 { COPY_BELOW + 1 } else { usize::from(n) };
        expected.extend(std::iter::repeat_n(n, size));
        let bytes = vec![n; size];
        outbound.push_answer(if n % 2 == 0 {
            Answer::from(BytesMut::from(&bytes[..]))
        } else {
            Answer { own: BytesMut::from(&bytes[..size / 3]), pieces: vec![Bytes::from(bytes).slice(size / 3..)] }
        });
    }
    assert_eq!(outbound.len(), expected.len());
    let (mut got, mut take) = (Vec::new(), 1);
    while !outbound.is_empty() {
        let mut slices = [IoSlice::new(&[]); 5];
        let n = outbound.slices(&mut slices);
        let mut room = take;
        for slice in &slices[..n] {
            let now = slice.len().min(room);
            got.extend_from_slice(&slice[..now]);
            room -= now;
        }
        let wrote = take - room;
        outbound.wrote(wrote);
        take = take * 3 % 50_021 + 1;
    }
    assert_eq!(got, expected);
    assert!(outbound.is_empty());
}
