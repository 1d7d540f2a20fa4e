//! Frames: four bytes of length, a header, a body. Knows how to split a stream, how to recognise a caller who speaks something else, and which header stands
//! in front of which message. Reads no socket.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{Malformed, Message, Reader, Request, RequestHeader, Response, ResponseHeader, Text, Unencodable, api};

/// The largest frame that Kafka accepts by default (`socket.request.max.bytes`), without its four bytes of length.
pub const MOST: usize = 100 << 20;

/// Why a stream cannot be split any further. All of these close the connection; the words are for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The first bytes are an HTTP request line.
    Http,
    /// The first bytes are a TLS handshake.
    Tls,
    /// A length below zero.
    Negative(i32),
    /// More bytes than the limit allows.
    #[allow(missing_docs)]
    TooLong { length: usize, most: usize },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http => f.write_str("this is the Kafka port, and the caller speaks HTTP: send it to the HTTP address"),
            Self::Tls => f.write_str(
                "this is a Kafka port without TLS, and the caller began a TLS handshake: set security.protocol=PLAINTEXT there",
            ),
            Self::Negative(length) => write!(f, "a frame of {length} bytes: the caller does not speak Kafka"),
            Self::TooLong { length, most } => {
                write!(
                    f,
                    "a frame of {length} bytes, allowed are {most}: raise socket.request.max.bytes, or the caller does not speak Kafka"
                )
            }
        }
    }
}

impl std::error::Error for Refused {}

/// Length of the frame that begins with these four bytes.
pub fn length(prefix: [u8; 4], most: usize) -> Result<usize, Refused> {
    let claimed = i32::from_be_bytes(prefix);
    match usize::try_from(claimed) {
        Ok(length) if length <= most => Ok(length),
        // Only now, so that a limit above these odd gigabytes means what it says.
        _ if is_http(prefix) => Err(Refused::Http),
        _ if matches!(prefix, [0x16, 0x03, 0..=4, _]) => Err(Refused::Tls),
        Ok(length) => Err(Refused::TooLong { length, most }),
        Err(_) => Err(Refused::Negative(claimed)),
    }
}

fn is_http(prefix: [u8; 4]) -> bool {
    const METHODS: [&[u8; 4]; 10] = [b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC", b"CONN", b"TRAC", b"PRI "];
    METHODS.contains(&&prefix)
}

/// Takes the first whole frame off a buffer, without its length. `None` means that more bytes are needed; no room is made for them here.
pub fn split(buffer: &mut BytesMut, most: usize) -> Result<Option<Bytes>, Refused> {
    let Some(prefix) = buffer.first_chunk::<4>() else { return Ok(None) };
    let length = length(*prefix, most)?;
    if buffer.len() - 4 < length {
        return Ok(None);
    }
    buffer.advance(4);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// Key, version and correlation id of a request, without looking further.
pub fn peek(frame: &[u8]) -> Option<(i16, i16, i32)> {
    let head = frame.first_chunk::<8>()?;
    let [k0, k1, v0, v1, c0, c1, c2, c3] = *head;
    Some((i16::from_be_bytes([k0, k1]), i16::from_be_bytes([v0, v1]), i32::from_be_bytes([c0, c1, c2, c3])))
}

/// The header of a request, and a reader at its body. The version may be one that the API does not have: what to answer then is the door's decision.
pub fn open(frame: Bytes) -> Result<(RequestHeader, Reader), Malformed> {
    let (key, version, _) = peek(&frame).ok_or(Malformed::Short { at: 0, wanted: 8, left: frame.len() })?;
    let api = api(key).ok_or(Malformed::Key { key })?;
    let mut reader = Reader::new(frame);
    let header = RequestHeader::decode(&mut reader, api.request_header_version(version))?;
    Ok((header, reader))
}

/// Appends a whole frame with a request.
pub fn request<R: Request>(
    out: &mut BytesMut,
    version: i16,
    correlation_id: i32,
    client_id: Option<&Text>,
    body: &R,
) -> Result<(), Unencodable> {
    let header = RequestHeader {
        request_api_key: R::KEY,
        request_api_version: version,
        correlation_id,
        client_id: client_id.cloned(),
        ..Default::default()
    };
    let flexible = R::FLEXIBLE.is_some_and(|first| version >= first);
    whole(out, |out| {
        header.encode(out, if flexible { 2 } else { 1 })?;
        body.encode(out, version)
    })
}

/// Appends a whole frame with a response.
pub fn response<R: Response>(out: &mut BytesMut, version: i16, correlation_id: i32, body: &R) -> Result<(), Unencodable> {
    whole(out, |out| {
        response_header(out, R::KEY, version, correlation_id);
        body.encode(out, version)
    })
}

/// Header of a response, without the length in front.
pub(crate) fn response_header(out: &mut BytesMut, key: i16, version: i16, correlation_id: i32) {
    out.put_i32(correlation_id);
    if api(key).is_some_and(|api| api.response_header_version(version) > 0) {
        out.put_u8(0); // no tagged fields
    }
}

/// The header of a response to a request of this key and version; the reader is left at the body.
pub fn open_response(frame: Bytes, key: i16, version: i16) -> Result<(ResponseHeader, Reader), Malformed> {
    let api = api(key).ok_or(Malformed::Key { key })?;
    let mut reader = Reader::new(frame);
    let header = ResponseHeader::decode(&mut reader, api.response_header_version(version))?;
    Ok((header, reader))
}

/// Writes something behind its length. Nothing is left in `out` when it cannot be written.
fn whole(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<(), Unencodable>) -> Result<(), Unencodable> {
    let start = out.len();
    out.put_i32(0);
    let written = write(out).and_then(|()| patch(out, start));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Puts the number of bytes behind `start` into the four bytes there.
pub(crate) fn patch(out: &mut BytesMut, start: usize) -> Result<(), Unencodable> {
    let length = out.len() - start - 4;
    let prefix = i32::try_from(length).map_err(|_| Unencodable::TooLong { length })?;
    out[start..start + 4].copy_from_slice(&prefix.to_be_bytes());
    Ok(())
}
