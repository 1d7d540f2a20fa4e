//! One connection without its socket: bytes in become frames, answers become bytes out.
//!
//! Knows lengths, bounds and order. Knows no API, no socket, no clock: `serve` drives it, tests drive it byte by byte.

use std::{collections::VecDeque, fs::File, io::IoSlice, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};

/// Below this an answer's slices are copied into the one buffer of the pass: a short copy is cheaper than a vector entry.
const COPY_BELOW: usize = 32 * 1024;
/// The most that is set aside for a frame before its bytes have come. A length is a claim, not a fact.
const TRUST: usize = 1024 * 1024;
/// From this many missing bytes on, a frame is received into its own buffer.
const DIRECT_FROM: usize = 64 * 1024;

/// What a connection may cost. All sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `socket.request.max.bytes`: a longer frame closes the connection.
    pub frame: usize,
    /// Requests read ahead of their answers; beyond it the socket is left alone.
    pub requests: usize,
    /// Answer bytes that wait for a slow reader; beyond it no further request is begun.
    pub answers: usize,
    /// Bytes of further requests that are kept while one request is being waited for.
    pub ahead: usize,
}
impl Default for Limits {
    fn default() -> Self {
        Self { frame: 104_857_600, requests: 1024, answers: 4 << 20, ahead: 256 << 10 }
    }
}

/// Who spoke instead of a Kafka client. Recognised by the first four bytes only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stranger {
    Tls,
    Http,
}

/// Why the stream of frames cannot go on. The connection closes; Kafka says nothing to the peer either.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadFrame {
    #[error("a TLS client spoke to the plain-text Kafka port; set security.protocol=PLAINTEXT in the client")]
    Tls,
    #[error("an HTTP client spoke to the Kafka port; the HTTP address is another one (see the start-up banner)")]
    Http,
    #[error("the frame length {0} is negative")]
    Negative(i32),
    #[error("a frame of {length} bytes exceeds socket.request.max.bytes={limit}")]
    TooLong { length: usize, limit: usize },
}

/// One request as it came, without its length. Borrowed from the pass's read buffer when it lay there whole.
#[derive(Debug)]
pub enum Frame<'a> {
    Borrowed(&'a [u8]),
    Owned(Bytes),
}
impl Frame<'_> {
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Frame::Borrowed(bytes) => bytes,
            Frame::Owned(bytes) => bytes,
        }
    }
    /// The frame as shared bytes: a copy if it was borrowed.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Frame::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Frame::Owned(bytes) => bytes,
        }
    }
}

/// Bytes in, frames out. Holds memory only while a frame is incomplete or requests wait their turn.
#[derive(Debug)]
pub struct Inbound {
    limit: usize,
    held: BytesMut,
    greeted: bool,
}
impl Inbound {
    pub fn new(limit: usize) -> Self {
        Self { limit, held: BytesMut::new(), greeted: false }
    }

    /// Bytes that wait here, whole frames or not.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// The next whole frame from what is held and then from `input`, which moves on. `None`: all of `input` was taken
    /// and more is needed.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Frame<'a>>, BadFrame> {
        if self.held.is_empty() {
            return self.next_borrowed(input);
        }
        if self.held.len() < 4 {
            self.take(input, 4 - self.held.len());
        }
        let Some(length) = self.length_at(&self.held)? else { return Ok(None) };
        let whole = 4 + length;
        if self.held.len() < whole {
            let missing = whole - self.held.len();
            self.reserve(missing.max(input.len().min(missing)));
            self.take(input, missing);
        }
        if self.held.len() < whole {
            return Ok(None);
        }
        self.greeted = true;
        let mut frame = self.held.split_to(whole);
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
        frame.advance(4);
        Ok(Some(Frame::Owned(frame.freeze())))
    }

    fn next_borrowed<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Frame<'a>>, BadFrame> {
        let Some(length) = self.length_at(input)? else {
            self.keep(input);
            return Ok(None);
        };
        if input.len() < 4 + length {
            self.reserve(4 + length);
            self.keep(input);
            return Ok(None);
        }
        self.greeted = true;
        let (frame, rest) = input.split_at(4 + length);
        *input = rest;
        Ok(Some(Frame::Borrowed(&frame[4..])))
    }

    /// Keeps the rest of a pass's input for later, because its turn has not come.
    pub fn keep(&mut self, input: &mut &[u8]) {
        self.held.extend_from_slice(input);
        *input = &[];
    }

    /// The buffer that the socket should fill directly, and by how much at most, when a large frame is under way.
    pub fn direct(&mut self) -> Option<(&mut BytesMut, usize)> {
        let length = self.length_at(&self.held).ok().flatten()?;
        let missing = (4 + length).checked_sub(self.held.len())?;
        if missing < DIRECT_FROM {
            return None;
        }
        self.reserve(missing);
        let room = (self.held.capacity() - self.held.len()).min(missing);
        Some((&mut self.held, room))
    }

    /// Grows for `missing` bytes, but never further ahead of what has come than it or [`TRUST`].
    fn reserve(&mut self, missing: usize) {
        if self.held.capacity() - self.held.len() >= missing.min(DIRECT_FROM) {
            return;
        }
        self.held.reserve(missing.min(self.held.len().max(TRUST)));
    }

    fn take(&mut self, input: &mut &[u8], at_most: usize) {
        let (now, later) = input.split_at(at_most.min(input.len()));
        self.held.extend_from_slice(now);
        *input = later;
    }

    fn length_at(&self, bytes: &[u8]) -> Result<Option<usize>, BadFrame> {
        let Some(head) = bytes.first_chunk::<4>() else { return Ok(None) };
        if !self.greeted {
            match stranger(*head) {
                Some(Stranger::Tls) => return Err(BadFrame::Tls),
                Some(Stranger::Http) => return Err(BadFrame::Http),
                None => {}
            }
        }
        let length = i32::from_be_bytes(*head);
        let Ok(size) = usize::try_from(length) else { return Err(BadFrame::Negative(length)) };
        if size > self.limit {
            return Err(BadFrame::TooLong { length: size, limit: self.limit });
        }
        Ok(Some(size))
    }
}

/// Recognises who speaks another protocol. As a frame length each of these would exceed 300 MB.
pub fn stranger(head: [u8; 4]) -> Option<Stranger> {
    match &head {
        [0x16, 0x03, 0..=4, _] => Some(Stranger::Tls),
        b"GET " | b"POST" | b"PUT " | b"HEAD" | b"OPTI" | b"DELE" | b"PATC" | b"CONN" | b"TRAC" | b"PRI " => Some(Stranger::Http),
        _ => None,
    }
}

/// A piece of an answer.
#[derive(Clone, Debug)]
pub enum Piece {
    Bytes(Bytes),
    /// Part of a sealed file, read when its turn comes.
    File {
        file: Arc<File>,
        at: u64,
        len: usize,
    },
}
impl Piece {
    pub fn len(&self) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::File { len, .. } => *len,
        }
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One whole answer frame, its length included.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub pieces: Vec<Piece>,
}
impl Answer {
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Piece::len).sum()
    }
    pub fn is_empty(&self) -> bool {
        self.pieces.iter().all(Piece::is_empty)
    }
}
impl From<Bytes> for Answer {
    fn from(bytes: Bytes) -> Self {
        Self { pieces: vec![Piece::Bytes(bytes)] }
    }
}

/// What the front of the outbound queue needs.
pub enum Front {
    Nothing,
    /// [`Outbound::slices`] has something for the socket.
    Write,
    /// A file piece must be read first; give its bytes to [`Outbound::loaded`].
    Load {
        file: Arc<File>,
        at: u64,
        len: usize,
    },
}

/// How much of a file piece is in memory at a time.
const FILE_CHUNK: usize = 512 * 1024;

/// Answers in order, as bytes that wait for the socket.
#[derive(Debug, Default)]
pub struct Outbound {
    queue: VecDeque<Piece>,
    /// Small answers of the pass, one behind the other.
    tail: BytesMut,
    bytes: usize,
}
impl Outbound {
    /// Bytes not yet taken by the socket.
    pub fn len(&self) -> usize {
        self.bytes
    }
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Queues a small answer that is already encoded, by copying it behind the others.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.tail.extend_from_slice(bytes);
    }

    pub fn push(&mut self, answer: Answer) {
        for piece in answer.pieces {
            match piece {
                Piece::Bytes(bytes) if bytes.len() < COPY_BELOW => self.push_bytes(&bytes),
                piece if piece.is_empty() => {}
                piece => {
                    self.seal();
                    self.bytes += piece.len();
                    self.queue.push_back(piece);
                }
            }
        }
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.queue.push_back(Piece::Bytes(std::mem::take(&mut self.tail).freeze()));
        }
    }

    pub fn front(&mut self) -> Front {
        if self.queue.is_empty() {
            self.seal();
        }
        match self.queue.front() {
            None => Front::Nothing,
            Some(Piece::Bytes(_)) => Front::Write,
            Some(Piece::File { file, at, len }) => Front::Load { file: file.clone(), at: *at, len: (*len).min(FILE_CHUNK) },
        }
    }

    /// The first bytes of the file piece in front have been read.
    pub fn loaded(&mut self, read: Bytes) {
        if let Some(Piece::File { at, len, .. }) = self.queue.front_mut() {
            *at += read.len() as u64;
            *len = len.saturating_sub(read.len());
            if *len == 0 {
                self.queue.pop_front();
            }
        }
        self.queue.push_front(Piece::Bytes(read));
    }

    /// Fills `into` with what can be written at once, in order, up to the first file piece; says how many entries.
    pub fn slices<'a>(&'a mut self, into: &mut [IoSlice<'a>]) -> usize {
        let all_memory = self.queue.iter().take(into.len()).all(|p| matches!(p, Piece::Bytes(_)));
        if all_memory && self.queue.len() < into.len() {
            self.seal();
        }
        let mut n = 0;
        for (piece, slot) in self.queue.iter().zip(into.iter_mut()) {
            let Piece::Bytes(bytes) = piece else { break };
            *slot = IoSlice::new(bytes);
            n += 1;
        }
        n
    }

    /// The socket took `n` bytes.
    pub fn wrote(&mut self, mut n: usize) {
        self.bytes -= n;
        while n > 0 {
            let Some(Piece::Bytes(front)) = self.queue.front_mut() else { return };
            if front.len() > n {
                front.advance(n);
                return;
            }
            n -= front.len();
            self.queue.pop_front();
        }
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests;
