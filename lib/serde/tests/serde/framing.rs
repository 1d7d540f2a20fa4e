//! Bytes in front of messages and beside them.

use milena_serde::framing::{Broken, header, put_indexes, put_prefix, split_header, split_indexes, split_prefix};

#[test]
fn a_prefix_is_a_zero_and_four_bytes_of_id() {
    let mut message = Vec::new();
    put_prefix(&mut message, 480);
    message.extend_from_slice(b"\x08john\x06doe");
    assert_eq!(message, *b"\x00\x00\x00\x01\xe0\x08john\x06doe");
    assert_eq!(split_prefix(&message), Ok((480, &b"\x08john\x06doe"[..])));
    assert_eq!(split_prefix(b"{\"first\":1}"), Err(Broken::Magic(b'{')));
    assert_eq!(split_prefix(&[0, 0, 0, 1]), Err(Broken::Short(4)));
}

#[test]
fn a_header_is_a_one_and_sixteen_bytes_of_guid() {
    let guid = *b"sixteen bytes ok";
    let value = header(guid);
    assert_eq!((value[0], &value[1..]), (1, &guid[..]));
    assert_eq!(split_header(&value), Ok((guid, &[][..])));
    assert_eq!(split_header(&[0; 17]), Err(Broken::Magic(0)));
    assert_eq!(split_header(&[1; 16]), Err(Broken::Short(16)));
}

#[test]
fn message_indexes_have_a_short_form_for_the_first() {
    let put = |indexes: &[i32]| {
        let mut out = Vec::new();
        put_indexes(&mut out, indexes);
        out
    };
    assert_eq!(put(&[0]), [0]);
    assert_eq!(put(&[1, 0]), [4, 2, 0]);
    assert_eq!(split_indexes(&[0, 9]), Ok((vec![0], &[9][..])));
    assert_eq!(split_indexes(&[2, 0, 9]), Ok((vec![0], &[9][..])));
    assert_eq!(split_indexes(&[4, 2, 0]), Ok((vec![1, 0], &[][..])));
    for broken in [&[][..], &[4, 2], &[1], &[2, 1], &[0xfe, 0xff, 0xff, 0xff, 0x0f]] {
        assert_eq!(split_indexes(broken), Err(Broken::Indexes), "{broken:?}");
    }
}
