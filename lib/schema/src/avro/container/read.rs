//! Reading container files, block by block, in constant memory; past damage too.
//!
//! A block is whole if its length leads to the sync marker and it unpacks. If one is not, [`Reader::next_block`] says so,
//! and the next call looks for the next sync marker and goes on behind it: data before and after the damage is not lost.

use std::io::Read;

use super::{BLOCK_LIMIT, Codec, Error, MAGIC, META_LIMIT, Squeeze, Sync};
use crate::avro::{
    Schema,
    binary::{self, Malformed},
    parse::Rigour,
};

/// Bytes that are asked for at once.
const CHUNK: usize = 64 << 10;

/// One block's data, unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// How many records it says it holds.
    pub count: u64,
    /// Their binary forms, one after another.
    pub data: Vec<u8>,
    /// Where in the file it begins.
    pub at: u64,
}

impl Block {
    /// Unpacks what [`Reader::next_packed`] gave: the count of records, the compressed data, and where the block begins.
    pub fn unpack(codec: Codec, (count, packed, at): (u64, &[u8], u64)) -> Result<Self, Error> {
        match Squeeze::unpack(codec, packed) {
            Ok(data) => Ok(Self { count, data, at }),
            Err(error) => Err(Error::Damaged { at, what: format!("a block of {count} records does not unpack: {error}") }),
        }
    }
}

/// A stretch of the file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where the broken block begins.
    pub at: u64,
    pub what: String,
    /// Bytes up to the next block that may be whole, or to the end of the file; known once the reader went on.
    pub skipped: u64,
}

/// Reads a container file from anything that gives bytes.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    window: Vec<u8>,
    /// Where in the window the next block begins.
    start: usize,
    /// Where in the file the window begins.
    offset: u64,
    ended: bool,
    schema: Schema,
    codec: Codec,
    meta: Vec<(String, Vec<u8>)>,
    sync: Sync,
    damages: Vec<Damage>,
    lost: bool,
}

/// Damages that are remembered one by one.
const DAMAGES: usize = 10_000;

impl<R: Read> Reader<R> {
    /// Reads the header.
    pub fn new(input: R) -> Result<Self, Error> {
        let mut window = Window { input, bytes: Vec::new(), ended: false };
        let (meta, sync, length) = header(&mut window)?;
        let find = |key: &str| meta.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_slice());
        let text = find("avro.schema").ok_or(Error::NotAvro("its header has no schema"))?;
        let text = std::str::from_utf8(text).map_err(|_| Error::NotAvro("its schema is not UTF-8"))?;
        let schema = Schema::parse_with(text, &[], Rigour::Stored).map_err(Error::Schema)?;
        let codec = String::from_utf8_lossy(find("avro.codec").unwrap_or(b"null")).parse()?;
        Ok(Self {
            input: window.input,
            window: window.bytes,
            start: length,
            offset: 0,
            ended: window.ended,
            schema,
            codec,
            meta,
            sync,
            damages: Vec::new(),
            lost: false,
        })
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The header's metadata, in its order.
    pub fn meta(&self) -> &[(String, Vec<u8>)] {
        &self.meta
    }

    pub fn sync(&self) -> &Sync {
        &self.sync
    }

    /// What could not be read so far.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// The next whole block, unpacked; `None` at the end. After an error the next call goes on behind the damage.
    pub fn next_block(&mut self) -> Result<Option<Block>, Error> {
        let Some((count, packed, at)) = self.next_packed()? else { return Ok(None) };
        let block = Block::unpack(self.codec, (count, &packed, at));
        if let Err(Error::Damaged { at, what }) = &block {
            self.note(*at, what.clone(), packed.len() as u64);
        }
        block.map(Some)
    }

    /// The next whole block as it lies in the file: how many records, the compressed data, and where it begins.
    pub fn next_packed(&mut self) -> Result<Option<(u64, Vec<u8>, u64)>, Error> {
        if self.lost && !self.find_sync()? {
            return Ok(None);
        }
        self.forget();
        if !self.fill(1)? {
            return Ok(None);
        }
        let at = self.offset + self.start as u64;
        match self.packed()? {
            Ok((count, size, head)) => {
                let from = self.start + head;
                let data = self.window[from..from + size].to_vec();
                self.start = from + size + self.sync.len();
                Ok(Some((count, data, at)))
            }
            Err(what) => {
                self.note(at, what.clone(), 0);
                self.lost = true;
                Err(Error::Damaged { at, what })
            }
        }
    }

    /// Looks at the block at the front. The inner error is damage.
    fn packed(&mut self) -> Result<Result<(u64, usize, usize), String>, Error> {
        self.fill(20)?;
        let mut reader = binary::Reader::new(&self.window[self.start..]);
        let before = reader.rest().len();
        let (count, size) = match (reader.long(), reader.long()) {
            (Ok(count), Ok(size)) => (count, size),
            (Err(Malformed::Ends), _) | (_, Err(Malformed::Ends)) => {
                return Ok(Err("the file ends inside a block's head".into()));
            }
            _ => return Ok(Err("a block's head is no pair of numbers".into())),
        };
        let head = before - reader.rest().len();
        let (Ok(count), Some(size)) = (u64::try_from(count), usize::try_from(size).ok().filter(|s| *s <= BLOCK_LIMIT)) else {
            return Ok(Err(format!("a block says it has {count} records in {size} bytes")));
        };
        if !self.fill(head + size + self.sync.len())? {
            return Ok(Err(format!("the file ends inside a block of {size} bytes")));
        }
        let end = self.start + head + size;
        if self.window[end..end + self.sync.len()] != self.sync {
            return Ok(Err(format!("a block of {size} bytes is not closed by the file's sync marker")));
        }
        Ok(Ok((count, size, head)))
    }

    /// Moves behind the next sync marker after the broken block's first byte.
    fn find_sync(&mut self) -> Result<bool, Error> {
        let begin = self.offset + self.start as u64;
        loop {
            let found = self.window[self.start..].windows(self.sync.len()).position(|w| *w == self.sync);
            if let Some(place) = found {
                self.start += place + self.sync.len();
                break;
            }
            // The marker may begin in what is here and end in what comes.
            self.start = self.start.max((self.window.len() + 1).saturating_sub(self.sync.len()));
            self.forget();
            if !self.fill(self.window.len() - self.start + 1)? {
                self.start = self.window.len();
                break;
            }
        }
        self.lost = false;
        let skipped = self.offset + self.start as u64 - begin;
        if let Some(last) = self.damages.last_mut() {
            last.skipped = skipped;
        }
        Ok(self.start < self.window.len() || !self.ended)
    }

    fn note(&mut self, at: u64, what: String, skipped: u64) {
        if self.damages.len() < DAMAGES {
            self.damages.push(Damage { at, what, skipped });
        }
    }

    /// Drops what was read.
    fn forget(&mut self) {
        if self.start >= CHUNK || self.start == self.window.len() {
            self.offset += self.start as u64;
            self.window.drain(..self.start);
            self.start = 0;
        }
    }

    /// Whether so many bytes stand at the front, after reading what is needed.
    fn fill(&mut self, wanted: usize) -> Result<bool, Error> {
        let mut window = Window { input: &mut self.input, bytes: std::mem::take(&mut self.window), ended: self.ended };
        let filled = window.fill(self.start + wanted);
        (self.window, self.ended) = (window.bytes, window.ended);
        filled
    }
}

/// Bytes at hand, and where more come from.
struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    ended: bool,
}

impl<R: Read> Window<R> {
    fn fill(&mut self, wanted: usize) -> Result<bool, Error> {
        while self.bytes.len() < wanted && !self.ended {
            let held = self.bytes.len();
            let more = (wanted - held).clamp(CHUNK, 1 << 20);
            self.bytes.resize(held + more, 0);
            let got = match self.input.read(&mut self.bytes[held..]) {
                Ok(got) => got,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                    self.bytes.truncate(held);
                    continue;
                }
                Err(error) => {
                    self.bytes.truncate(held);
                    return Err(error.into());
                }
            };
            self.bytes.truncate(held + got);
            self.ended = got == 0;
        }
        Ok(self.bytes.len() >= wanted)
    }
}

type Header = (Vec<(String, Vec<u8>)>, Sync, usize);

fn header<R: Read>(window: &mut Window<R>) -> Result<Header, Error> {
    if !window.fill(MAGIC.len())? || window.bytes[..MAGIC.len()] != MAGIC {
        return Err(Error::NotAvro("it does not begin with Obj and 1"));
    }
    let mut wanted = CHUNK;
    loop {
        let whole = window.fill(wanted)?;
        match parse_header(&window.bytes[MAGIC.len()..]) {
            Ok((meta, sync, length)) => return Ok((meta, sync, MAGIC.len() + length)),
            Err(Malformed::Ends) if whole && wanted < META_LIMIT => wanted *= 2,
            Err(Malformed::Ends) if whole => return Err(Error::NotAvro("its header is too large")),
            Err(Malformed::Ends) => return Err(Error::NotAvro("it ends inside its header")),
            Err(_) => return Err(Error::NotAvro("its header is broken")),
        }
    }
}

fn parse_header(bytes: &[u8]) -> Result<Header, Malformed> {
    let mut reader = binary::Reader::new(bytes);
    let mut meta = Vec::new();
    loop {
        let count = reader.block()?;
        if count == 0 {
            break;
        }
        for _ in 0..count {
            let key = reader.string()?.to_owned();
            meta.push((key, reader.bytes()?.to_vec()));
        }
    }
    let sync = reader.fixed(16)?.try_into().map_err(|_| Malformed::Ends)?;
    Ok((meta, sync, bytes.len() - reader.rest().len()))
}
