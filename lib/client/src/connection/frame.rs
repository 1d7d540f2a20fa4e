//! Cutting the incoming bytes into frames, within a bound.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;

use super::stream::ReadEnd;

/// What is reserved at once: a claimed length is believed only as far as bytes come.
const STEP: usize = 1 << 20;
const FIRST: usize = 16 << 10;

pub(super) struct Inbox {
    read: ReadEnd,
    buffer: BytesMut,
    max_frame: usize,
}

pub(super) enum FrameError {
    /// The peer closed, or the socket failed.
    Ended,
    /// A length that no frame has.
    Length { head: [u8; 4] },
}

impl Inbox {
    pub(super) fn new(read: ReadEnd, max_frame: usize) -> Self {
        Self { read, buffer: BytesMut::new(), max_frame }
    }

    /// Whether the peer has closed while nothing was asked. Anything that came unasked is left for the next frame.
    pub(super) fn has_ended(&mut self) -> bool {
        self.buffer.reserve(FIRST);
        match self.read.try_read_buf(&mut self.buffer) {
            Ok(n) => n == 0,
            Err(e) => e.kind() != std::io::ErrorKind::WouldBlock,
        }
    }

    /// The next frame, without its length. May be dropped at any await: what came stays in the buffer.
    pub(super) async fn frame(&mut self) -> Result<Bytes, FrameError> {
        loop {
            let missing = match self.buffer.first_chunk::<4>() {
                None => FIRST,
                Some(head) => {
                    let length = usize::try_from(i32::from_be_bytes(*head)).unwrap_or(usize::MAX);
                    if !(4..=self.max_frame).contains(&length) {
                        return Err(FrameError::Length { head: *head });
                    }
                    if self.buffer.len() >= 4 + length {
                        self.buffer.advance(4);
                        return Ok(self.buffer.split_to(length).freeze());
                    }
                    (4 + length - self.buffer.len()).max(FIRST)
                }
            };
            self.buffer.reserve(missing.min(STEP));
            match self.read.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Err(FrameError::Ended),
                Ok(_) => {}
            }
        }
    }
}

/// What the first bytes of something that is not Kafka look like.
pub(super) fn guess(head: [u8; 4], answered: bool) -> &'static str {
    match &head {
        b"HTTP" => "it answers HTTP",
        [0x15 | 0x16, 0x03, ..] => "it answers TLS",
        b"SSH-" => "it answers SSH",
        _ if answered => "it sent a frame of an impossible length",
        _ => "its first bytes are no frame",
    }
}
