//! One connection without its socket: bytes in become frames, answers become bytes out.
//!
//! Knows lengths, bounds and order. Knows no API, no socket, no clock: `serve` drives it, tests drive it byte by byte.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, Bytes, BytesMut};
use milena_wire::frame::{Refused, length};

/// What one receive can bring at most, into a buffer shared by all connections of a thread.
pub const SCRATCH: usize = 256 * 1024;
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

/// Bytes in, frames out. Holds memory only while a frame is incomplete or requests wait their turn.
#[derive(Debug)]
pub struct Inbound {
    limit: usize,
    held: BytesMut,
}
impl Inbound {
    /// `limit` is `socket.request.max.bytes`.
    pub fn new(limit: usize) -> Self {
        Self { limit, held: BytesMut::new() }
    }

    /// Bytes that wait here, whole frames or not.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// The next whole frame, without its length, from what is held and then from `input`. A frame that lies whole in
    /// `input` is a slice of it. `None`: all of `input` was taken and more is needed.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, Refused> {
        if self.held.is_empty() {
            match self.length_of(input)? {
                Some(length) if input.len() >= 4 + length => return Ok(Some(cut(input, length))),
                Some(length) => self.reserve(4 + length),
                None => {}
            }
            self.keep(input);
            return Ok(None);
        }
        self.take(input, 4usize.saturating_sub(self.held.len()));
        let Some(length) = self.length_of(&self.held)? else { return Ok(None) };
        let missing = (4 + length).saturating_sub(self.held.len());
        if missing > 0 {
            self.reserve(missing);
            self.take(input, missing);
        }
        if self.held.len() < 4 + length {
            return Ok(None);
        }
        let frame = cut(&mut self.held, length);
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
        Ok(Some(frame))
    }

    /// Keeps the rest of a pass's input for later, because its turn has not come.
    pub fn keep(&mut self, input: &mut BytesMut) {
        self.held.extend_from_slice(input);
        input.clear();
    }

    /// The buffer that the socket should fill directly, and by how much at most, when a large frame is under way.
    pub fn direct(&mut self) -> Option<(&mut BytesMut, usize)> {
        let length = self.length_of(&self.held).ok().flatten()?;
        let missing = (4 + length).checked_sub(self.held.len())?;
        if missing < DIRECT_FROM {
            return None;
        }
        self.reserve(missing);
        let room = (self.held.capacity() - self.held.len()).min(missing);
        Some((&mut self.held, room))
    }

    /// Grows for `missing` bytes, but never further ahead of what has come than by as much again, or [`TRUST`].
    fn reserve(&mut self, missing: usize) {
        if self.held.capacity() - self.held.len() < missing.min(DIRECT_FROM) {
            self.held.reserve(missing.min(self.held.len().max(TRUST)));
        }
    }

    fn take(&mut self, input: &mut BytesMut, at_most: usize) {
        let now = at_most.min(input.len());
        self.held.extend_from_slice(&input[..now]);
        input.advance(now);
    }

    fn length_of(&self, bytes: &[u8]) -> Result<Option<usize>, Refused> {
        bytes.first_chunk::<4>().map(|head| length(*head, self.limit)).transpose()
    }
}

fn cut(from: &mut BytesMut, length: usize) -> Bytes {
    from.advance(4);
    from.split_to(length).freeze()
}

/// One whole answer frame, its length included: bytes of its own, and behind them pieces that lie elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub own: BytesMut,
    pub pieces: Vec<Bytes>,
}
impl Answer {
    pub fn len(&self) -> usize {
        self.own.len() + self.pieces.iter().map(Bytes::len).sum::<usize>()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
impl From<BytesMut> for Answer {
    fn from(own: BytesMut) -> Self {
        Self { own, pieces: Vec::new() }
    }
}

/// Answers in order, as bytes that wait for the socket.
#[derive(Debug, Default)]
pub struct Outbound {
    queue: VecDeque<Bytes>,
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

    /// Queues bytes behind the others: small ones by copying them, large ones as they are.
    pub fn push(&mut self, bytes: Bytes) {
        self.bytes += bytes.len();
        if bytes.len() < COPY_BELOW {
            self.tail.extend_from_slice(&bytes);
        } else {
            self.seal();
            self.queue.push_back(bytes);
        }
    }

    /// Queues a whole answer.
    pub fn push_answer(&mut self, answer: Answer) {
        if answer.own.len() < COPY_BELOW {
            self.bytes += answer.own.len();
            self.tail.extend_from_slice(&answer.own);
        } else {
            self.push(answer.own.freeze());
        }
        answer.pieces.into_iter().for_each(|piece| self.push(piece));
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.queue.push_back(std::mem::take(&mut self.tail).freeze());
        }
    }

    /// Fills `into` with what can be written at once, in order; says how many entries.
    pub fn slices<'a>(&'a mut self, into: &mut [IoSlice<'a>]) -> usize {
        if self.queue.len() < into.len() {
            self.seal();
        }
        let pairs = self.queue.iter().zip(into.iter_mut());
        pairs.map(|(piece, slot)| *slot = IoSlice::new(piece)).count()
    }

    /// The socket took `n` bytes.
    pub fn wrote(&mut self, mut n: usize) {
        self.bytes -= n;
        while n > 0 {
            let Some(front) = self.queue.front_mut() else { return };
            if front.len() > n {
                front.advance(n);
                return;
            }
            n -= front.len();
            self.queue.pop_front();
        }
        if self.queue.is_empty() {
            // An idle connection keeps nothing.
            self.queue = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests;
