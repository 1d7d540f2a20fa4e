//! The bytes of the write-ahead log: entries, and the frames that hold them. Pure; `docs/format.md` has the tables.

use super::{
    buffer::ChunkWriter,
    codec::{Put, Seed, Take},
    fold::Share,
};
use crate::{
    disk::ALIGN,
    seam::{Millis, Part},
};

const HEAD_MAGIC: u32 = u32::from_le_bytes(*b"MLfr");
const FOOT_MAGIC: u32 = u32::from_le_bytes(*b"MLft");
const FORMAT: u16 = 1;
/// Fixed part of a frame's head; the directory follows.
pub(super) const HEAD: usize = 88;
/// Fixed part of a frame's foot, at the very end; the directory stands before it.
pub(super) const FOOT: usize = 48;
/// Bodies up to this size are copied behind their head, so that a small frame is one block. Larger ones are written
/// from where they are.
pub(super) const COPIED: usize = 64 << 10;

const ENTRY: usize = 16;
const PART: usize = 24;
const PAYLOAD: usize = 40;
/// An entry of parts. Kind 2 is reserved for an entry whose payload lies in a file of its own.
const COMPOUND: u8 = 1;
/// Longest row of a directory: five varints.
const ROW: usize = 5 * 10;

/// What a frame says about itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// Bytes of the whole frame, a multiple of the block.
    pub(super) len: u32,
    /// Frames are numbered without gaps, for ever.
    pub(super) number: u64,
    pub(super) term: u64,
    pub(super) first_lsn: u64,
    pub(super) entries: u32,
    /// Everything up to this LSN was durable when the frame was built.
    pub(super) durable: u64,
    /// The last manifest edit that was durable when the frame was built.
    pub(super) edit: u64,
    pub(super) body_at: u32,
    pub(super) body_len: u32,
    pub(super) body_crc: u32,
    pub(super) dir_len: u32,
    pub(super) dir_crc: u32,
}

impl Head {
    /// The LSN of the last entry; one less than `first_lsn` when there is none.
    pub(super) fn last_lsn(&self) -> u64 {
        self.first_lsn + u64::from(self.entries) - 1
    }

    /// Writes [`HEAD`] bytes.
    pub(super) fn encode(&self, seed: Seed, into: &mut [u8]) {
        let mut b = Vec::with_capacity(HEAD);
        b.put_u32(HEAD_MAGIC);
        b.put_u32(0);
        b.put_u16(FORMAT);
        b.put_u16(0);
        b.put_u32(self.len);
        b.put_u64(self.number);
        b.put_u64(self.term);
        b.put_u64(self.first_lsn);
        b.put_u64(self.durable);
        b.put_u64(self.edit);
        b.put_u32(self.entries);
        b.put_u32(self.body_at);
        b.put_u32(self.body_len);
        b.put_u32(self.body_crc);
        b.put_u32(self.dir_len);
        b.put_u32(self.dir_crc);
        b.put_u64(0);
        let crc = seed.crc(&b[8..]);
        b[4..8].copy_from_slice(&crc.to_le_bytes());
        into[..HEAD].copy_from_slice(&b);
    }

    /// `None` for anything that is not the head of a frame of this store.
    pub(super) fn decode(seed: Seed, bytes: &[u8]) -> Option<Head> {
        let bytes = bytes.get(..HEAD)?;
        let mut t = Take::new(bytes);
        if t.u32()? != HEAD_MAGIC || t.u32()? != seed.crc(&bytes[8..]) || t.u16()? != FORMAT {
            return None;
        }
        t.u16()?;
        let len = t.u32()?;
        let (number, term, first_lsn, durable, edit) = (t.u64()?, t.u64()?, t.u64()?, t.u64()?, t.u64()?);
        let (entries, body_at, body_len, body_crc) = (t.u32()?, t.u32()?, t.u32()?, t.u32()?);
        let (dir_len, dir_crc) = (t.u32()?, t.u32()?);
        let used = u64::from(body_at) + u64::from(body_len) + u64::from(dir_len) + FOOT as u64;
        let sound = len > 0
            && (len as usize).is_multiple_of(ALIGN)
            && used <= u64::from(len)
            && u64::from(body_at) >= HEAD as u64 + u64::from(dir_len)
            && first_lsn > 0;
        sound.then_some(Head {
            len,
            number,
            term,
            first_lsn,
            entries,
            durable,
            edit,
            body_at,
            body_len,
            body_crc,
            dir_len,
            dir_crc,
        })
    }
}

/// The foot repeats what names the frame and its directory, for the case that the head is damaged.
pub(super) struct Foot {
    pub(super) number: u64,
    pub(super) dir_len: u32,
    pub(super) dir_crc: u32,
    pub(super) len: u32,
}

impl Foot {
    /// Writes [`FOOT`] bytes.
    pub(super) fn encode(head: &Head, seed: Seed, into: &mut [u8]) {
        let mut b = Vec::with_capacity(FOOT);
        b.put_u32(FOOT_MAGIC);
        b.put_u32(0);
        b.put_u64(head.number);
        b.put_u64(head.term);
        b.put_u64(head.first_lsn);
        b.put_u32(head.entries);
        b.put_u32(head.dir_len);
        b.put_u32(head.dir_crc);
        b.put_u32(head.len);
        let crc = seed.crc(&b[8..]);
        b[4..8].copy_from_slice(&crc.to_le_bytes());
        into[..FOOT].copy_from_slice(&b);
    }

    pub(super) fn decode(seed: Seed, bytes: &[u8]) -> Option<Foot> {
        let bytes = bytes.get(..FOOT)?;
        let mut t = Take::new(bytes);
        if t.u32()? != FOOT_MAGIC || t.u32()? != seed.crc(&bytes[8..]) {
            return None;
        }
        let (number, _term, _first_lsn) = (t.u64()?, t.u64()?, t.u64()?);
        let (_entries, dir_len, dir_crc, len) = (t.u32()?, t.u32()?, t.u32()?, t.u32()?);
        Some(Foot { number, dir_len, dir_crc, len })
    }
}

/// One log's share of a frame, as its directory names it: what is lost when the frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Row {
    /// Index of the entry in its frame. Not stored; it lets a frame be divided.
    pub(super) entry: u32,
    pub(super) log: u64,
    /// The log's version before the first part in the frame.
    pub(super) version: u64,
    pub(super) parts: u32,
    /// Positions covered by payloads; `base > last` when there are none.
    pub(super) base: i64,
    pub(super) last: i64,
    /// A payload worth folding. Not stored either; gone when rows are merged.
    pub(super) folded: Option<Folded>,
}

/// A payload of an entry: its share of checksums, and where in its chunk it was put.
#[derive(Clone, Copy)]
pub(super) struct Sealed {
    pub(super) share: Share,
    pub(super) at: u32,
}

/// A payload in a chunk whose share of the frame's checksum is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Folded {
    pub(super) at: u32,
    pub(super) len: u32,
    pub(super) share: Share,
}

/// Payloads below this size are read again: that costs as much as folding their share.
const FOLD: usize = 1 << 10;

impl Row {
    pub(super) fn new(entry: u32, part: &Part<'_>, sealed: Sealed) -> Self {
        let (base, last) = part.payload.map_or((0, -1), |p| (p.base, p.last));
        let len = part.payload.map_or(0, |p| p.bytes.len());
        let folded = (len >= FOLD).then_some(Folded { at: sealed.at, len: len as u32, share: sealed.share });
        Self { entry, log: part.log.0, version: part.expected.0, parts: 1, base, last, folded }
    }
}

/// What a part's payload adds to checksums. Where the caller has verified one, nothing is read but what it leaves out.
pub(super) fn share_of(part: &Part<'_>) -> Share {
    let Some(p) = &part.payload else { return Share::default() };
    let read = |upto: usize| {
        let patched = Share::of(&p.patched[..p.patched.len().min(upto)]);
        let rest = p.bytes.get(p.patched.len()..upto).unwrap_or(&[]);
        if rest.is_empty() { patched } else { patched.then(Share::of(rest), rest.len()) }
    };
    let len = p.bytes.len();
    match p.verified.filter(|v| v.from <= len && len >= FOLD) {
        Some(v) => {
            let share = read(v.from).then(Share::of_crc(v.crc, len - v.from), len - v.from);
            debug_assert_eq!(share, read(len), "what the caller had verified is not what it appends");
            share
        }
        None => read(len),
    }
}

/// One row a log, in the order of logs.
pub(super) fn put_directory(rows: &mut Vec<Row>, into: &mut Vec<u8>) {
    rows.sort_by_key(|r| (r.log, r.version));
    rows.dedup_by(|next, kept| {
        let same = next.log == kept.log;
        if same {
            kept.parts += next.parts;
            if next.base <= next.last {
                kept.base = if kept.base <= kept.last { kept.base } else { next.base };
                kept.last = next.last;
            }
        }
        same
    });
    for r in rows.iter() {
        into.put_var(r.log);
        into.put_var(r.version);
        into.put_var(u64::from(r.parts));
        into.put_zig(r.base);
        into.put_zig(r.last.wrapping_sub(r.base));
    }
}

/// Reads what [`put_directory`] wrote.
pub(super) fn take_directory(bytes: &[u8]) -> Option<Vec<Row>> {
    let mut t = Take::new(bytes);
    let mut rows = Vec::with_capacity(bytes.len() / 5);
    while t.left() > 0 {
        let (log, version) = (t.var()?, t.var()?);
        let parts = u32::try_from(t.var()?).ok()?;
        let base = t.zig()?;
        let last = base.wrapping_add(t.zig()?);
        rows.push(Row { entry: 0, log, version, parts, base, last, folded: None });
    }
    Some(rows)
}

/// Bytes that an entry takes in a body.
pub(super) fn entry_len(parts: &[Part<'_>]) -> usize {
    let part = |p: &Part<'_>| PART + p.fact.len() + p.payload.map_or(0, |l| PAYLOAD + l.bytes.len());
    ENTRY + parts.iter().map(part).sum::<usize>()
}

/// Bytes of log that an entry may cost at most, whatever frame it ends in. Costs add up: a frame of several entries
/// never takes more than the sum of theirs. The sixteenth pays for the block that a frame above [`COPIED`] may waste.
pub(super) fn cost(entry: usize, parts: usize) -> u64 {
    let frame = (HEAD + FOOT + 2 * ROW * parts + entry).next_multiple_of(ALIGN);
    (frame + entry / 16) as u64
}

/// Writes an entry, and tells `placed` for each part with a payload where in the chunk the payload begins.
pub(super) fn put_entry(w: &mut ChunkWriter, at: Millis, parts: &[Part<'_>], mut placed: impl FnMut(usize, usize)) {
    w.put_u32(entry_len(parts) as u32);
    w.put_u16(parts.len() as u16);
    w.put_u8(COMPOUND);
    w.put_u8(0);
    w.put_i64(at);
    for (i, p) in parts.iter().enumerate() {
        w.put_u64(p.log.0);
        w.put_u64(p.expected.0);
        w.put_u32(p.fact.len() as u32);
        w.put_u32(u32::from(p.payload.is_some()));
        if let Some(l) = &p.payload {
            w.put_i64(l.base);
            w.put_i64(l.last);
            w.put_i64(l.stamp);
            w.put_u32(l.writer);
            w.put_u32(l.bytes.len() as u32);
            w.put_u16(l.head);
            w.put(&[0; 6]);
        }
        w.put(p.fact);
        if let Some(l) = &p.payload {
            placed(i, w.filled());
            w.put(l.patched);
            w.put(&l.bytes[l.patched.len()..]);
        }
    }
}

/// An entry as it lies in a body.
pub(super) struct Entry<'a> {
    pub(super) at: Millis,
    pub(super) parts: u16,
    rest: Take<'a>,
    whole: usize,
}

/// A part as it lies in an entry.
pub(super) struct Stored<'a> {
    pub(super) log: u64,
    pub(super) version: u64,
    pub(super) fact: &'a [u8],
    pub(super) payload: Option<StoredPayload<'a>>,
}

pub(super) struct StoredPayload<'a> {
    pub(super) base: i64,
    pub(super) last: i64,
    pub(super) stamp: Millis,
    pub(super) writer: u32,
    pub(super) head: u16,
    pub(super) bytes: &'a [u8],
    /// Where the bytes begin, counted from the begin of the entry.
    pub(super) offset: usize,
}

/// Takes the next entry from the front of a body, with its bytes.
pub(super) fn take_entry<'a>(body: &mut &'a [u8]) -> Option<(Entry<'a>, &'a [u8])> {
    let mut t = Take::new(body);
    let len = t.u32()? as usize;
    let (parts, kind) = (t.u16()?, t.u8()?);
    t.u8()?;
    let at = t.i64()?;
    if kind != COMPOUND || len < ENTRY || parts == 0 {
        return None;
    }
    let (bytes, rest) = body.split_at_checked(len)?;
    *body = rest;
    Some((Entry { at, parts, rest: Take::new(&bytes[ENTRY..]), whole: len }, bytes))
}

impl<'a> Entry<'a> {
    /// The next part; `None` at the end, or where the bytes make no sense.
    pub(super) fn next_part(&mut self) -> Option<Stored<'a>> {
        let t = &mut self.rest;
        let (log, version) = (t.u64()?, t.u64()?);
        let (fact_len, has_payload) = (t.u32()? as usize, t.u32()?);
        let envelope = match has_payload {
            0 => None,
            _ => {
                let (base, last, stamp, writer) = (t.i64()?, t.i64()?, t.i64()?, t.u32()?);
                let (len, head) = (t.u32()? as usize, t.u16()?);
                t.bytes(6)?;
                Some((base, last, stamp, writer, len, head))
            }
        };
        let fact = t.bytes(fact_len)?;
        let payload = match envelope {
            None => None,
            Some((base, last, stamp, writer, len, head)) => {
                let offset = self.whole - t.left();
                let bytes = t.bytes(len)?;
                Some(StoredPayload { base, last, stamp, writer, head, bytes, offset })
            }
        };
        Some(Stored { log, version, fact, payload })
    }
}

/// Length of the entry at the front of a body that this process wrote.
pub(super) fn entry_len_at(body: &[u8]) -> usize {
    body.first_chunk::<4>().map_or(0, |b| u32::from_le_bytes(*b) as usize)
}
