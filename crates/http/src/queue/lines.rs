//! Messages as a stream of lines: written while they come, answered line by line, so that a file of any size goes through
//! one request and never lies in memory whole.

use std::time::Duration;

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue},
};

use super::{Told, produce::Target, trouble::Trouble};
use crate::{
    answer::{Sender, stream as streamed},
    asked::{Asked, Unreadable},
    coming::Coming,
};

const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");
/// A body of this size is read whole and answered at once.
const AT_ONCE: u64 = 1 << 20;
/// Largest line, in bytes.
const LINE: usize = 8 << 20;
/// Lines that are written together.
const TOGETHER: usize = 1_000;
/// A stream that says nothing for this long is over.
const SILENCE: Duration = Duration::from_secs(600);

/// Whether a body of lines is answered while it comes: it is large or has no end yet, or its sender wants it so.
pub(super) fn streams(asked: &Asked) -> bool {
    let length = asked.header(&CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    let wants = asked.header(&ACCEPT).is_some_and(|accept| accept.contains("ndjson") || accept.contains("jsonl"));
    !asked.headers.contains_key(CONTENT_ENCODING) && (wants || length.is_none_or(|length| length > AT_ONCE))
}

/// Answers one line for each, in their order, when it is on disk.
pub(super) async fn stream(target: Target, asked: Asked) -> Told {
    let (sender, answer) = streamed(&target.door.memory, StatusCode::OK, LINES);
    let body = asked.take_body();
    tokio::task::spawn_local(async move { read(&target, body, &sender).await });
    Ok(answer)
}

async fn read(target: &Target, mut body: Coming, sender: &Sender) {
    let mut lines = Lines::default();
    loop {
        let bytes = match tokio::time::timeout(SILENCE, body.next()).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => break,
            Ok(Err(given_up @ Unreadable::Still)) => {
                let _ = sender.send(line(&Trouble::unreadable(&given_up).shown())).await;
                return;
            }
            // Nobody is there any more who could read an answer.
            Ok(Err(_)) | Err(_) => return,
        };
        let whole = lines.push(&bytes);
        if !write(target, &whole, sender).await {
            return;
        }
        if lines.is_too_long() {
            let words = format!("a line has at most {LINE} bytes; the stream ends here");
            let trouble = Trouble::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", words);
            let _ = sender.send(line(&trouble.shown())).await;
            return;
        }
        // What is written is no more held; a line that has begun is, until its end comes.
        if let Err(spent) = body.hold(lines.begun.len()) {
            let _ = sender.send(line(&Trouble::from(spent).shown())).await;
            return;
        }
    }
    let rest = lines.rest();
    write(target, &rest, sender).await;
}

/// `false`: nobody reads the answers any more.
async fn write(target: &Target, lines: &[Vec<u8>], sender: &Sender) -> bool {
    for some in lines.chunks(TOGETHER) {
        let outcomes = target.put(some.iter().map(Vec::as_slice).collect()).await;
        let text: Vec<u8> = outcomes.iter().flat_map(|outcome| line(outcome).to_vec()).collect();
        if sender.send(text.into()).await.is_err() {
            return false;
        }
    }
    true
}

fn line(said: &impl serde::Serialize) -> Bytes {
    let mut bytes = serde_json::to_vec(said).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}

/// A stream of bytes cut into lines; blank ones are nothing.
#[derive(Default)]
struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        let mut pieces = bytes.split(|byte| *byte == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.begun.extend_from_slice(piece);
            whole.push(std::mem::take(&mut self.begun));
        }
        self.begun.extend_from_slice(last);
        whole.retain(|line| !is_blank(line));
        whole
    }

    fn is_too_long(&self) -> bool {
        self.begun.len() > LINE
    }

    /// A last line without its end.
    fn rest(self) -> Vec<Vec<u8>> {
        if is_blank(&self.begun) { Vec::new() } else { vec![self.begun] }
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_the_same_whatever_the_frames_are() {
        let stream = b"{\"a\":1}\n\n {\"b\":2}\r\n{\"c\":3}";
        for size in 1..=stream.len() {
            let mut lines = Lines::default();
            let mut found: Vec<Vec<u8>> = stream.chunks(size).flat_map(|frame| lines.push(frame)).collect();
            found.extend(lines.rest());
            assert_eq!(found, [&b"{\"a\":1}"[..], b" {\"b\":2}\r", b"{\"c\":3}"], "frames of {size}");
        }
    }
}
