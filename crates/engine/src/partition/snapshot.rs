//! A partition's state in bytes, for a checkpoint. What is written here stays readable for ever.

use hashbrown::HashMap;

use super::{
    EpochStart, Partition,
    epochs::Epochs,
    producers::{Producer, Producers, Written},
};
use crate::{
    fact::{
        BadFact,
        codec::{Reader, Writer},
    },
    limits,
};

const NAME: &str = "snapshot of a partition";
const VERSION: u8 = 1;

impl Partition {
    /// Appends the whole state. The same state gives the same bytes.
    pub fn snapshot(&self, into: &mut Vec<u8>) {
        let mut w = Writer::new(into);
        w.u8(VERSION);
        w.i64(self.start);
        w.i64(self.next - self.start);
        w.count(self.epochs.iter().count());
        for e in self.epochs.iter() {
            w.i32(e.epoch);
            w.i64(e.start);
        }
        let producers = self.producers.ascending();
        w.count(producers.len());
        producers.into_iter().for_each(|(id, producer)| write_producer(&mut w, id, producer));
    }

    /// Reads what [`Self::snapshot`] wrote.
    pub fn restore(bytes: &[u8]) -> Result<Self, BadFact> {
        let mut r = Reader::new(bytes);
        r.version(NAME, VERSION)?;
        let start = r.i64()?;
        let next = start.checked_add(r.i64()?).filter(|next| 0 <= start && start <= *next);
        let next = next.ok_or(BadFact::Invalid { what: "range of offsets" })?;
        let count = r.count("leader epochs", limits::EPOCHS_A_PARTITION_MAX + 1, 2)?;
        let epochs = (0..count).map(|_| Ok(EpochStart { epoch: r.i32()?, start: r.i64()? })).collect::<Result<_, _>>()?;
        let epochs = Epochs::from_ascending(epochs).ok_or(BadFact::Invalid { what: "order of leader epochs" })?;
        let count = r.count("producers", limits::PRODUCERS_A_PARTITION_MAX, 8)?;
        let mut producers = HashMap::with_capacity(count);
        for _ in 0..count {
            let (id, producer) = read_producer(&mut r)?;
            producers.insert(id, producer);
        }
        r.end()?;
        Ok(Self { start, next, epochs, producers: Producers::from_entries(producers) })
    }
}

/// Newest batch first and whole; older ones as differences, which are small.
fn write_producer(w: &mut Writer<'_>, id: i64, producer: &Producer) {
    w.i64(id);
    w.i16(producer.epoch);
    w.i64(producer.last_at);
    w.count(producer.newest_first().count());
    let mut later = Written { stamp: producer.last_at, ..Written::default() };
    for written in producer.newest_first() {
        w.i32(written.sequence.wrapping_sub(later.sequence));
        w.i32(written.last_delta);
        w.i64(written.base.wrapping_sub(later.base));
        w.i64(written.stamp.wrapping_sub(later.stamp));
        later = *written;
    }
}

fn read_producer(r: &mut Reader<'_>) -> Result<(i64, Producer), BadFact> {
    let (id, epoch, last_at) = (r.i64()?, r.i16()?, r.i64()?);
    let count = r.count("batches of a producer", limits::PRODUCER_BATCHES, 4)?;
    let mut batches = [Written::default(); limits::PRODUCER_BATCHES];
    let mut later = Written { stamp: last_at, ..Written::default() };
    for slot in &mut batches[..count] {
        *slot = Written {
            sequence: later.sequence.wrapping_add(r.i32()?),
            last_delta: r.i32()?,
            base: later.base.wrapping_add(r.i64()?),
            stamp: later.stamp.wrapping_add(r.i64()?),
        };
        if slot.last_delta < 0 || slot.sequence < 0 || slot.base < 0 || slot.base > i64::MAX - i64::from(i32::MAX) {
            return Err(BadFact::Invalid { what: "batch of a producer" });
        }
        later = *slot;
    }
    let (oldest, newer) = batches[..count].split_last().ok_or(BadFact::Invalid { what: "producer without a batch" })?;
    let mut producer = Producer::new(epoch, *oldest, last_at);
    newer.iter().rev().for_each(|written| producer.push(*written, last_at));
    Ok((id, producer))
}
