//! Writing container files.

use std::io::Write;

use super::{Error, MAGIC, Squeeze, Sync};
use crate::avro::binary;

/// A block is closed when its data reach this many bytes, as Java's library does.
pub const BLOCK: usize = 64_000;

/// Writes a container file to anything that takes bytes. Call [`Writer::finish`] at the end.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    squeeze: Squeeze,
    sync: Sync,
    data: Vec<u8>,
    count: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the header: the schema as text, the codec, and more metadata. The sync marker is the caller's choice, since
    /// chance is not known here; it should be 16 bytes that nobody can foresee.
    pub fn new(mut out: W, schema: &str, squeeze: Squeeze, meta: &[(String, Vec<u8>)], sync: Sync) -> Result<Self, Error> {
        let own = [("avro.schema", schema.as_bytes()), ("avro.codec", squeeze.codec.name().as_bytes())];
        let rest: Vec<_> = meta.iter().filter(|(key, _)| !own.iter().any(|(k, _)| k == key)).collect();
        let mut header = MAGIC.to_vec();
        binary::put_long(&mut header, (own.len() + rest.len()) as i64);
        for (key, value) in own.into_iter().chain(rest.iter().map(|(k, v)| (k.as_str(), v.as_slice()))) {
            binary::put_string(&mut header, key);
            binary::put_bytes(&mut header, value);
        }
        header.push(0);
        header.extend_from_slice(&sync);
        out.write_all(&header)?;
        Ok(Self { out, squeeze, sync, data: Vec::new(), count: 0 })
    }

    /// Where the next datum's binary form is to be appended; call [`Writer::wrote`] after each.
    pub fn data(&mut self) -> &mut Vec<u8> {
        &mut self.data
    }

    /// One datum was appended to [`Writer::data`].
    pub fn wrote(&mut self) -> Result<(), Error> {
        self.count += 1;
        if self.data.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    /// Writes a block that is packed already with this file's codec.
    pub fn packed(&mut self, count: u64, packed: &[u8]) -> Result<(), Error> {
        self.flush()?;
        self.block(count, packed)
    }

    /// Writes a block of data that are at hand already.
    pub fn repack(&mut self, count: u64, data: &[u8]) -> Result<(), Error> {
        self.flush()?;
        let packed = self.squeeze.pack(data)?;
        self.block(count, &packed)
    }

    /// Closes the current block, if anything is in it.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        let packed = self.squeeze.pack(&self.data)?;
        self.block(self.count, &packed)?;
        self.data.clear();
        self.count = 0;
        Ok(())
    }

    fn block(&mut self, count: u64, packed: &[u8]) -> Result<(), Error> {
        let mut head = Vec::with_capacity(20);
        binary::put_long(&mut head, count as i64);
        binary::put_long(&mut head, packed.len() as i64);
        self.out.write_all(&head)?;
        self.out.write_all(packed)?;
        self.out.write_all(&self.sync)?;
        Ok(())
    }

    /// Closes the last block and gives back what was written to.
    pub fn finish(mut self) -> Result<W, Error> {
        self.flush()?;
        self.out.flush()?;
        Ok(self.out)
    }
}
