use super::*;

fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = i32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// Feeds `input` in pieces of `step` bytes and returns the frames.
fn feed(inbound: &mut Inbound, input: &[u8], step: usize) -> Result<Vec<Vec<u8>>, BadFrame> {
    let mut frames = Vec::new();
    for mut piece in input.chunks(step) {
        while let Some(frame) = inbound.next(&mut piece)? {
            frames.push(frame.as_slice().to_vec());
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
    let mut input = &stream[..];
    let first = inbound.next(&mut input).unwrap().unwrap().as_slice().to_vec();
    assert_eq!(first, [0; 9]);
    inbound.keep(&mut input);
    let mut empty: &[u8] = &[];
    for n in 1..50u8 {
        assert_eq!(inbound.next(&mut empty).unwrap().unwrap().as_slice(), [n; 9]);
    }
    assert!(inbound.next(&mut empty).unwrap().is_none());
}

#[test]
fn lengths_that_lie_close_without_memory() {
    let over = i32::MAX.to_be_bytes();
    for (head, expected) in [
        ((-1i32).to_be_bytes(), BadFrame::Negative(-1)),
        (i32::MIN.to_be_bytes(), BadFrame::Negative(i32::MIN)),
        (over, BadFrame::TooLong { length: i32::MAX as usize, limit: 1000 }),
        (1001i32.to_be_bytes(), BadFrame::TooLong { length: 1001, limit: 1000 }),
        (*b"GET ", BadFrame::Http),
        (*b"POST", BadFrame::Http),
        ([0x16, 3, 1, 2], BadFrame::Tls),
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
    let mut input: &[u8] = &(100i32 << 20).to_be_bytes();
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
    let (mut head, mut rest) = stream.split_at(1000);
    assert!(inbound.next(&mut head).unwrap().is_none());
    while let Some((buffer, room)) = inbound.direct() {
        let (now, later) = rest.split_at(room.min(100_000));
        buffer.extend_from_slice(now);
        rest = later;
    }
    assert_eq!(inbound.next(&mut rest).unwrap().unwrap().as_slice(), body);
    assert_eq!(inbound.next(&mut rest).unwrap().unwrap().as_slice(), b"next");
}

#[test]
fn names_no_stranger_where_a_kafka_client_speaks() {
    assert_eq!(stranger([0, 0, 0, 33]), None);
    assert_eq!(stranger([0, 0x16, 3, 1]), None);
    assert_eq!(stranger(*b"PRI "), Some(Stranger::Http));
}

#[test]
fn answers_leave_in_order_whatever_the_socket_takes() {
    let mut expected = Vec::new();
    let mut outbound = Outbound::default();
    for n in 0..200u8 {
        let size = if n % 7 == 0 { COPY_BELOW + 1 } else { usize::from(n) };
        expected.extend(std::iter::repeat_n(n, size));
        outbound.push(Answer::from(Bytes::from(vec![n; size])));
    }
    assert_eq!(outbound.len(), expected.len());
    let (mut got, mut take) = (Vec::new(), 1);
    while matches!(outbound.front(), Front::Write) {
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

#[test]
fn a_piece_of_a_file_is_loaded_in_bounded_steps() {
    let file = Arc::new(tempfile::tempfile().unwrap());
    let len = 2 * FILE_CHUNK + 10;
    let mut outbound = Outbound::default();
    outbound.push(Answer { pieces: vec![Piece::Bytes(Bytes::from_static(b"head")), Piece::File { file, at: 5, len }] });
    outbound.push_bytes(b"after");
    let (mut got, mut loads) = (Vec::new(), Vec::new());
    loop {
        match outbound.front() {
            Front::Nothing => break,
            Front::Load { at, len, .. } => {
                loads.push((at, len));
                outbound.loaded(Bytes::from(vec![1; len]));
            }
            Front::Write => {
                let mut slices = [IoSlice::new(&[]); 8];
                let n = outbound.slices(&mut slices);
                let taken: Vec<u8> = slices[..n].iter().flat_map(|s| s.to_vec()).collect();
                outbound.wrote(taken.len());
                got.extend(taken);
            }
        }
    }
    let chunk = FILE_CHUNK as u64;
    assert_eq!(loads, [(5, FILE_CHUNK), (5 + chunk, FILE_CHUNK), (5 + 2 * chunk, 10)]);
    assert_eq!(got, [b"head".as_slice(), &vec![1; len], b"after"].concat());
}
