//! Which log each partition of a topic lives in. Created together they are one run of numbers; each time partitions are
//! added there is one run more.

use crate::ids::LogNumber;

/// Partition `p` lives in log [`Logs::log`]`(p)`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logs {
    first: LogNumber,
    count: u32,
    added: Vec<(LogNumber, u32)>,
}

impl Logs {
    pub fn new(first: LogNumber, count: u32) -> Self {
        Self { first, count, added: Vec::new() }
    }
    pub fn add(&mut self, first: LogNumber, count: u32) {
        match self.added.last_mut() {
            Some((run, len)) if *run + u64::from(*len) == first => *len += count,
            None if self.first + u64::from(self.count) == first => self.count += count,
            _ => self.added.push((first, count)),
        }
    }
    /// How many partitions there are.
    pub fn count(&self) -> u32 {
        self.runs().map(|(_, count)| count).sum()
    }
    /// The log of a partition, if it exists.
    pub fn log(&self, partition: i32) -> Option<LogNumber> {
        let mut partition = u32::try_from(partition).ok()?;
        for (first, count) in self.runs() {
            if partition < count {
                return Some(first + u64::from(partition));
            }
            partition -= count;
        }
        None
    }
    /// Every log, in the order of partitions.
    pub fn iter(&self) -> impl Iterator<Item = LogNumber> + '_ {
        self.runs().flat_map(|(first, count)| first..first + u64::from(count))
    }
    /// Runs of logs: first number and how many.
    pub fn runs(&self) -> impl Iterator<Item = (LogNumber, u32)> + '_ {
        [(self.first, self.count)].into_iter().chain(self.added.iter().copied())
    }
}
