//! A stream of bytes cut into JSON objects. Each byte is looked at once, whatever its frames are, and a piece has a bound.

use hyper::StatusCode;

use crate::rest::fault::{Fault, Told};

/// Cuts objects that follow each other, with or without blanks between.
pub(super) struct Pieces {
    most: usize,
    piece: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Pieces {
    /// `most` bytes an object.
    pub(super) fn new(most: usize) -> Self {
        Self { most, piece: Vec::new(), depth: 0, in_string: false, escaped: false }
    }

    /// Takes more of the stream, and gives every object that is whole now, also those in front of an error. After one nothing
    /// more can be cut.
    pub(super) fn push(&mut self, bytes: &[u8], whole: &mut Vec<Vec<u8>>) -> Told<()> {
        for &byte in bytes {
            if self.depth == 0 {
                match byte {
                    b' ' | b'\n' | b'\r' | b'\t' => continue,
                    b'{' => {}
                    _ => return Err(Fault::plain(StatusCode::BAD_REQUEST, "records are JSON objects, one after another")),
                }
            }
            if self.piece.len() == self.most {
                return Err(Fault::plain(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("a record has at most {} bytes of JSON", self.most),
                ));
            }
            self.piece.push(byte);
            if self.ends(byte) {
                whole.push(std::mem::take(&mut self.piece));
            }
        }
        Ok(())
    }

    /// Whether an object ends with this byte.
    fn ends(&mut self, byte: u8) -> bool {
        if self.in_string {
            (self.in_string, self.escaped) = (self.escaped || byte != b'"', !self.escaped && byte == b'\\');
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth -= 1;
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }

    /// Bytes of an object that has no end yet.
    pub(super) fn begun(&self) -> usize {
        self.piece.len()
    }

    /// What is wrong with the end of the stream, if it came inside an object.
    pub(super) fn rest(&self) -> Option<Fault> {
        (self.depth > 0).then(|| Fault::plain(StatusCode::BAD_REQUEST, "the body ends inside a record"))
    }
}

#[cfg(test)]
mod tests {
    use super::Pieces;

    fn cut(pieces: &mut Pieces, bytes: &[u8]) -> (Vec<Vec<u8>>, Option<u32>) {
        let mut whole = Vec::new();
        let told = pieces.push(bytes, &mut whole);
        (whole, told.err().map(|fault| fault.code))
    }

    #[test]
    fn objects_are_cut_the_same_whatever_the_frames_are() {
        let stream = br#"{"a":"}{\"\\"}  {"b":[{}, "]"]}
{"c":{"d":"\\\\"}}"#;
        let expected = [&br#"{"a":"}{\"\\"}"#[..], br#"{"b":[{}, "]"]}"#, br#"{"c":{"d":"\\\\"}}"#];
        for size in 1..=stream.len() {
            let mut pieces = Pieces::new(64);
            let found: Vec<Vec<u8>> = stream.chunks(size).flat_map(|chunk| cut(&mut pieces, chunk).0).collect();
            assert_eq!(found, expected, "frames of {size}");
            assert!(pieces.rest().is_none());
        }
    }

    #[test]
    fn what_is_no_object_or_too_large_or_broken_off_is_said() {
        assert_eq!(cut(&mut Pieces::new(64), b"[1]"), (vec![], Some(400)));
        assert_eq!(cut(&mut Pieces::new(64), b"}"), (vec![], Some(400)));
        assert_eq!(cut(&mut Pieces::new(4), br#"{"a":1}"#), (vec![], Some(413)));
        assert_eq!(
            cut(&mut Pieces::new(64), b"{} {} x"),
            (vec![b"{}".to_vec(), b"{}".to_vec()], Some(400)),
            "what came before stays"
        );
        let mut pieces = Pieces::new(64);
        assert_eq!(cut(&mut pieces, br#"{"a":"#), (vec![], None));
        assert!(pieces.rest().is_some());
    }

    /// Bounded mutation: no stream of bytes makes it panic, and no piece is above the bound.
    #[test]
    fn hostile_streams_are_cut_or_refused() {
        let seed = br#"{"a":"x\"y","b":[{"c":1},[]]}{"d":null}"#;
        for at in 0..seed.len() {
            for byte in 0..=255u8 {
                let mut stream = seed.to_vec();
                stream[at] = byte;
                let mut pieces = Pieces::new(32);
                for chunk in stream.chunks(5) {
                    let (whole, fault) = cut(&mut pieces, chunk);
                    assert!(whole.iter().all(|piece| piece.len() <= 32));
                    if fault.is_some() {
                        break;
                    }
                }
            }
        }
    }
}
