//! Cutting a blob of records (one partition of a Produce request or Fetch answer, a stretch of a log) into whole batches.

use crate::{Flaw, header::LOG_OVERHEAD};

/// The least length field of any format: the header of a message of format 0.
const LEAST_LEN: i32 = 14;

/// One whole batch, or one message of an old format, with its offset and length fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// 2 for a batch, 0 or 1 for an old message ([`crate::legacy`]).
    pub magic: i8,
    pub bytes: &'a [u8],
}

/// Iterator over the whole entries of a blob. It ends quietly at a piece of an entry (a fetch may be cut anywhere, and
/// Kafka accepts a batch with half a batch or stray bytes behind it), and with a flaw at an impossible length or format.
#[derive(Clone, Debug)]
pub struct Split<'a> {
    rest: &'a [u8],
    failed: bool,
}

/// Begins to cut.
pub fn split(blob: &[u8]) -> Split<'_> {
    Split { rest: blob, failed: false }
}

impl<'a> Split<'a> {
    /// What has not been given out: after the end, the incomplete tail.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn cut(&mut self) -> Result<Option<Entry<'a>>, Flaw> {
        let Some(head) = self.rest.first_chunk::<LOG_OVERHEAD>() else { return Ok(None) };
        let stated = i32::from_be_bytes([head[8], head[9], head[10], head[11]]);
        if stated < LEAST_LEN {
            return Err(Flaw::Length(stated));
        }
        let Some(&magic) = self.rest.get(16) else { return Ok(None) };
        let magic = magic as i8;
        if !(0..=2).contains(&magic) {
            return Err(Flaw::Magic(magic));
        }
        let Some((bytes, rest)) = self.rest.split_at_checked(stated as usize + LOG_OVERHEAD) else { return Ok(None) };
        self.rest = rest;
        Ok(Some(Entry { magic, bytes }))
    }
}

impl<'a> Iterator for Split<'a> {
    type Item = Result<Entry<'a>, Flaw>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let cut = self.cut();
        self.failed = cut.is_err();
        cut.transpose()
    }
}
