//! JSON values one after another, on lines of their own or not: read one by one, or by lines several pieces at a time.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, Cursor, Read},
    path::Path,
    sync::Arc,
};

use milena_schema::avro::{
    Schema,
    container::{BLOCK, Squeeze, Writer},
};

use super::{input, output::Out};
use crate::{
    failure::{Failure, Kind},
    ordered::{Then, ordered},
};

/// Writes all values of a text: by lines as long as that goes, then one by one.
pub(super) fn write_all(
    text: Box<dyn Read>,
    (schema, squeeze): (&Schema, Squeeze),
    writer: &mut Writer<Out>,
    path: &Path,
) -> Result<(), Failure> {
    let mut chunks = Chunks::new(text);
    let Some((lines, left)) = by_lines(&mut chunks, (schema, squeeze), writer, path)? else { return Ok(()) };
    let mut values = Values { lines, ..Values::new(left) };
    while values.next(schema, writer.data(), path)? {
        writer.wrote().map_err(input::unwritten)?;
    }
    Ok(())
}

/// Text in pieces that end with a line.
struct Chunks {
    input: Box<dyn Read>,
    /// Behind the last end of a line.
    rest: Vec<u8>,
    ended: bool,
    /// Given away and not heard of yet, in order.
    given: VecDeque<Arc<Vec<u8>>>,
}

/// A piece, and whether it is the last.
type Chunk = (Arc<Vec<u8>>, bool);

/// Text that is looked at at once.
const CHUNK: usize = 512 << 10;

impl Chunks {
    fn new(input: Box<dyn Read>) -> Self {
        Self { input, rest: Vec::new(), ended: false, given: VecDeque::new() }
    }

    /// The next piece. `None`: there is no more, or not one line within a piece.
    fn next(&mut self, path: &Path) -> Result<Option<Chunk>, Failure> {
        if self.ended {
            return Ok(None);
        }
        let wanted = CHUNK.saturating_sub(self.rest.len());
        // One byte more, so that reading to the end need not grow it to find the end.
        self.rest.reserve_exact(wanted + 1);
        let got = self.input.by_ref().take(wanted as u64).read_to_end(&mut self.rest).map_err(|e| input::unread(path, &e))?;
        self.ended = got < wanted;
        let end = if self.ended { Some(self.rest.len()) } else { self.rest.iter().rposition(|b| *b == b'\n').map(|at| at + 1) };
        let Some(end) = end else { return Ok(None) };
        let rest = self.rest.split_off(end);
        let chunk = Arc::new(std::mem::replace(&mut self.rest, rest));
        self.given.push_back(chunk.clone());
        Ok(Some((chunk, self.ended)))
    }

    /// All that is not done, from `from` on in the first piece that was given away.
    fn left(&mut self, from: usize) -> impl Read + use<> {
        let mut text: Vec<u8> = self.given.drain(..).flat_map(|chunk| chunk.to_vec()).skip(from).collect();
        text.append(&mut self.rest);
        Cursor::new(text).chain(std::mem::replace(&mut self.input, Box::new(std::io::empty())))
    }
}

/// What a piece of text comes to.
enum Made {
    Block(u64, Vec<u8>),
    /// Everything in it was a value; so many lines.
    Whole(usize),
    /// A value begins here and does not end in this piece.
    Open(usize),
    /// The value on this line, counted from 0, is none.
    Bad(usize, String),
    Unpacked(io::Error),
}

/// Writes values as long as none is cut by the end of a piece, several pieces at a time. Else gives the lines so far, and
/// what is left.
fn by_lines(
    chunks: &mut Chunks,
    (schema, squeeze): (&Schema, Squeeze),
    writer: &mut Writer<Out>,
    path: &Path,
) -> Result<Option<(usize, impl Read + use<>)>, Failure> {
    let (mut lines, mut open) = (0, None);
    let shared = RefCell::new(chunks);
    let next = || shared.borrow_mut().next(path);
    let work = |(chunk, last): Chunk, give: &mut dyn FnMut(Made)| blocks(&chunk, last, (schema, squeeze), give);
    ordered(next, work, |made| {
        match made {
            Made::Block(count, packed) => writer.packed(count, &packed).map_err(input::unwritten)?,
            Made::Whole(more) => {
                lines += more;
                shared.borrow_mut().given.pop_front();
            }
            Made::Open(from) => {
                open = Some(from);
                return Ok(Then::Stop);
            }
            Made::Bad(line, why) => return Err(none_of_the_schema(lines + line, path, &why)),
            Made::Unpacked(error) => return Err(input::unwritten(error.into())),
        }
        Ok(Then::On)
    })?;
    let chunks = shared.into_inner();
    match open {
        Some(from) => {
            lines += newlines(&chunks.given[0][..from]);
            Ok(Some((lines, chunks.left(from))))
        }
        None if chunks.ended => Ok(None),
        None => Ok(Some((lines, chunks.left(0)))),
    }
}

/// The values of a piece as packed blocks.
fn blocks(chunk: &[u8], last: bool, (schema, squeeze): (&Schema, Squeeze), give: &mut dyn FnMut(Made)) {
    // That it is UTF-8 is found out once, for the whole of it.
    let (text, flawed) = match std::str::from_utf8(chunk) {
        Ok(text) => (text, false),
        Err(error) => (std::str::from_utf8(&chunk[..error.valid_up_to()]).unwrap_or_default(), true),
    };
    let (mut at, mut data, mut count) = (0, Vec::with_capacity(2 * BLOCK), 0);
    let close = |data: &mut Vec<u8>, count: &mut u64, give: &mut dyn FnMut(Made)| {
        if *count > 0 {
            let data = std::mem::replace(data, Vec::with_capacity(2 * BLOCK));
            give(squeeze.pack_owned(data).map_or_else(Made::Unpacked, |packed| Made::Block(*count, packed)));
            *count = 0;
        }
    };
    let end = loop {
        at += blanks(&chunk[at..text.len()]);
        if at == chunk.len() {
            break Made::Whole(newlines(chunk));
        }
        match schema.encode_text_front(&text[at..], &mut data) {
            Ok(Some(taken)) => (at, count) = (at + taken, count + 1),
            Ok(None) if flawed => break Made::Bad(newlines(&chunk[..at]), "it is not UTF-8".into()),
            Ok(None) if last => break Made::Bad(newlines(&chunk[..at]), ENDS_INSIDE.into()),
            Ok(None) => break Made::Open(at),
            Err(flaw) => break Made::Bad(newlines(&chunk[..at]), flaw.to_string()),
        }
        if data.len() >= BLOCK {
            close(&mut data, &mut count, give);
        }
    };
    close(&mut data, &mut count, give);
    give(end);
}

const ENDS_INSIDE: &str = "the text ends inside a value";

fn newlines(text: &[u8]) -> usize {
    // Sums of bytes, as many as fit into one: a processor adds sixteen and more of them at once.
    text.chunks(255).map(|some| usize::from(some.iter().map(|b| u8::from(*b == b'\n')).sum::<u8>())).sum()
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_whitespace()).count()
}

/// `line` is counted from 0.
fn none_of_the_schema(line: usize, path: &Path, why: &str) -> Failure {
    let place = if path.as_os_str() == "-" { "stdin".to_owned() } else { path.display().to_string() };
    Failure::new(Kind::Failed, format!("the value at line {} of {place} is none of the schema", line + 1)).why(why)
}

/// Values one by one.
pub(super) struct Values<R> {
    input: R,
    window: Vec<u8>,
    start: usize,
    /// Behind the last end of a line in the window.
    whole: usize,
    ended: bool,
    /// Lines in front of the window.
    lines: usize,
}

/// Bytes of one JSON value.
const VALUE_LIMIT: usize = 256 << 20;

impl<R: Read> Values<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, window: Vec::new(), start: 0, whole: 0, ended: false, lines: 0 }
    }

    /// Appends the next value's binary form; `false` at the end.
    pub(super) fn next(&mut self, schema: &Schema, out: &mut Vec<u8>, path: &Path) -> Result<bool, Failure> {
        loop {
            self.start += blanks(&self.window[self.start..]);
            let front = &self.window[self.start..];
            // A number or word may go on in what was not read yet; a line's end says that it does not.
            let whole = self.ended || self.start < self.whole;
            if front.is_empty() && self.ended {
                return Ok(false);
            }
            if whole {
                match schema.encode_json_front(front, out) {
                    Ok(Some(taken)) => {
                        self.start += taken;
                        return Ok(true);
                    }
                    Ok(None) if self.ended => return Err(self.failure(ENDS_INSIDE, path)),
                    Ok(None) => {}
                    Err(flaw) => return Err(self.failure(&flaw.to_string(), path)),
                }
            }
            self.more(path)?;
        }
    }

    fn failure(&self, why: &str, path: &Path) -> Failure {
        none_of_the_schema(self.lines + newlines(&self.window[..self.start]), path, why)
    }

    /// Doubles what is at hand, so that a value over many lines is not tried too often.
    fn more(&mut self, path: &Path) -> Result<(), Failure> {
        self.lines += newlines(&self.window[..self.start]);
        self.window.drain(..self.start);
        self.start = 0;
        if self.window.len() > VALUE_LIMIT {
            return Err(self.failure("it is longer than 256 MiB", path));
        }
        let wanted = self.window.len().max(256 << 10);
        let got = self.input.by_ref().take(wanted as u64).read_to_end(&mut self.window).map_err(|e| input::unread(path, &e))?;
        self.ended = got < wanted;
        self.whole = self.window.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        Ok(())
    }
}
