//! Produce: the request as steps over the frame, the response as calls.

use std::{borrow::Cow, ops::Range};

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::{
    Malformed, Message, ProduceRequest, ProduceResponse, Reader, Unencodable, UnknownTags, frame,
    produce::{NodeEndpoint, PartitionProduceResponse},
    writer,
};

/// The first version that names topics by id.
const BY_ID: i16 = 13;
/// The first version with compact lengths and tagged fields.
const FLEXIBLE: i16 = 9;
/// The fewest bytes of a topic and of a partition, as in the generated code.
const LEAST_TOPIC: usize = 3;
const LEAST_PARTITION: usize = 6;

/// A Produce request that was walked once from end to end, so that walking it again cannot fail.
///
/// ```
/// # use milena_wire::{Message, ProduceRequest, Reader, hot::{ProduceView, Step}};
/// # let mut body = bytes::BytesMut::new();
/// # ProduceRequest { acks: -1, ..Default::default() }.encode(&mut body, 9).unwrap();
/// let view = ProduceView::parse(Reader::new(body.freeze()), 9).unwrap();
/// for step in view.steps() {
///     match step {
///         Step::Topic { name, partitions, .. } => println!("{partitions} partitions of {name}"),
///         Step::Partition { index, records } => println!("{index}: {} bytes", records.map_or(0, |r| view.frame()[r].len())),
///     }
/// }
/// assert_eq!(view.acks, -1);
/// ```
#[derive(Clone, Debug)]
pub struct ProduceView {
    frame: Bytes,
    version: i16,
    transactional_id: Option<Range<usize>>,
    /// 0, 1 or -1; anything else is for the caller to refuse.
    pub acks: i16,
    /// How long the caller is ready to wait.
    pub timeout_ms: i32,
    /// How many topics the request has.
    pub topics: usize,
    /// How many partitions it has in all topics together.
    pub partitions: usize,
    start: Reader,
}

/// What stands next in a Produce request.
#[allow(missing_docs)] // said at the variants
#[derive(Clone, Debug, PartialEq)]
pub enum Step<'f> {
    /// A topic, and how many partitions follow. The name is empty where the version names topics by id, and the id nil where it does not.
    Topic { name: Cow<'f, str>, id: Uuid, partitions: usize },
    /// A partition, and where in the frame its records are; `None` if they are null.
    Partition { index: i32, records: Option<Range<usize>> },
}

impl ProduceView {
    /// Walks the body that the reader stands at. Nothing is allocated; bytes behind the body are ignored.
    pub fn parse(mut reader: Reader, version: i16) -> Result<Self, Malformed> {
        if !ProduceRequest::VERSIONS.contains(&version) {
            return Err(Malformed::Version { message: ProduceRequest::NAME, version });
        }
        let flexible = version >= FLEXIBLE;
        let frame = reader.frame().clone();
        let transactional_id = reader.text_range(flexible)?;
        let acks = reader.i16()?;
        let timeout_ms = reader.i32()?;
        let at = reader.at();
        let topics = reader.count(flexible, LEAST_TOPIC)?.ok_or(Malformed::Null { at })?;
        let mut view = Self { frame, version, transactional_id, acks, timeout_ms, topics, partitions: 0, start: reader };
        let mut walk = view.steps();
        let mut partitions = 0;
        while let Some(step) = walk.step()? {
            partitions += usize::from(matches!(step, Step::Partition { .. }));
        }
        if flexible {
            walk.reader.skip_tags()?;
        }
        view.partitions = partitions;
        Ok(view)
    }

    /// The frame that the ranges point into.
    pub fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// The transactional id, if the request has one.
    pub fn transactional_id(&self) -> Option<Cow<'_, str>> {
        self.transactional_id.clone().map(|range| String::from_utf8_lossy(&self.frame[range]))
    }

    /// Topics and partitions in the order of the request: each topic is followed by as many partitions as it says.
    pub fn steps(&self) -> Steps<'_> {
        Steps { view: self, reader: self.start.clone(), topics: self.topics, partitions: 0, inside: false }
    }
}

/// Walks topics and partitions.
#[derive(Clone, Debug)]
pub struct Steps<'f> {
    view: &'f ProduceView,
    reader: Reader,
    topics: usize,
    partitions: usize,
    inside: bool,
}

impl<'f> Steps<'f> {
    fn step(&mut self) -> Result<Option<Step<'f>>, Malformed> {
        let flexible = self.view.version >= FLEXIBLE;
        if self.partitions > 0 {
            self.partitions -= 1;
            return self.partition(flexible).map(Some);
        }
        if self.inside && flexible {
            self.reader.skip_tags()?; // of the topic that ends here
        }
        self.inside = self.topics > 0;
        if !self.inside {
            return Ok(None);
        }
        self.topics -= 1;
        self.topic(flexible).map(Some)
    }

    fn topic(&mut self, flexible: bool) -> Result<Step<'f>, Malformed> {
        let (mut name, mut id) = (Cow::Borrowed(""), Uuid::nil());
        if self.view.version >= BY_ID {
            id = self.reader.uuid()?;
        } else {
            let at = self.reader.at();
            let range = self.reader.text_range(flexible)?.ok_or(Malformed::Null { at })?;
            name = String::from_utf8_lossy(&self.view.frame[range]);
        }
        let at = self.reader.at();
        self.partitions = self.reader.count(flexible, LEAST_PARTITION)?.ok_or(Malformed::Null { at })?;
        Ok(Step::Topic { name, id, partitions: self.partitions })
    }

    fn partition(&mut self, flexible: bool) -> Result<Step<'f>, Malformed> {
        let index = self.reader.i32()?;
        let records = self.reader.bytes_range(flexible)?;
        if flexible {
            self.reader.skip_tags()?;
        }
        Ok(Step::Partition { index, records })
    }
}

impl<'f> Iterator for Steps<'f> {
    type Item = Step<'f>;

    fn next(&mut self) -> Option<Step<'f>> {
        // The view was walked when it was made.
        self.step().unwrap_or(None)
    }
}

/// Writes a Produce response, frame and all: `new`, then for each topic `topic` and its partitions, then `finish`. The numbers of topics and partitions are
/// promises of the caller.
#[derive(Debug)]
pub struct ProduceWriter<'o> {
    out: &'o mut BytesMut,
    version: i16,
    start: usize,
    open: bool,
    /// Topics and partitions that were promised and have not come; a response with others would not be readable.
    promised: (usize, usize),
}

impl<'o> ProduceWriter<'o> {
    /// The version must be one that Produce has.
    pub fn new(out: &'o mut BytesMut, version: i16, correlation_id: i32, topics: usize) -> Result<Self, Unencodable> {
        if !ProduceResponse::VERSIONS.contains(&version) {
            return Err(Unencodable::Version { message: ProduceResponse::NAME, version });
        }
        let start = out.len();
        out.put_i32(0);
        frame::response_header(out, ProduceResponse::KEY, version, correlation_id);
        writer::length(out, version >= FLEXIBLE, topics)?;
        Ok(Self { out, version, start, open: false, promised: (topics, 0) })
    }

    /// Begins a topic: by name in old versions, by id in new ones; the other is not looked at.
    pub fn topic(&mut self, name: &str, id: Uuid, partitions: usize) -> Result<(), Unencodable> {
        self.close();
        self.open = true;
        self.promised = (self.promised.0.wrapping_sub(1), partitions);
        let flexible = self.version >= FLEXIBLE;
        super::topic(self.out, flexible, self.version >= BY_ID, name, id)?;
        writer::length(self.out, flexible, partitions)
    }

    /// A partition that took its records.
    pub fn accepted(&mut self, index: i32, base_offset: i64, log_append_time_ms: i64, log_start_offset: i64) {
        let v = self.version;
        self.promised.1 = self.promised.1.wrapping_sub(1);
        self.out.put_i32(index);
        self.out.put_i16(0);
        self.out.put_i64(base_offset);
        self.out.put_i64(log_append_time_ms);
        if v >= 5 {
            self.out.put_i64(log_start_offset);
        }
        match v {
            FLEXIBLE.. => self.out.put_slice(&[1, 0, 0]), // no record errors, no message, no tags
            8 => self.out.put_slice(&[0, 0, 0, 0, 0xff, 0xff]),
            _ => {}
        }
    }

    /// Any answer for a partition; for refusals, which have more to say.
    pub fn partition(&mut self, answer: &PartitionProduceResponse) -> Result<(), Unencodable> {
        self.promised.1 = self.promised.1.wrapping_sub(1);
        answer.write(self.out, self.version)
    }

    /// Ends the frame. `endpoints` are told since version 10, when a partition's answer names a leader.
    pub fn finish(mut self, throttle_time_ms: i32, endpoints: &[NodeEndpoint]) -> Result<(), Unencodable> {
        self.close();
        debug_assert_eq!(self.promised.0, 0, "as many topics as were promised");
        self.out.put_i32(throttle_time_ms);
        let (out, version) = (self.out, self.version);
        if version >= FLEXIBLE {
            let mut tagged = writer::Tagged::default();
            if version >= 10 && !endpoints.is_empty() {
                tagged.put(0, |out| writer::array(out, true, endpoints, |out, x| x.write(out, version)))?;
            }
            tagged.finish(out, &UnknownTags::default())?;
        }
        frame::patch(out, self.start)
    }

    /// The tags of the topic before.
    fn close(&mut self) {
        debug_assert_eq!(self.promised.1, 0, "as many partitions as were promised");
        if self.open && self.version >= FLEXIBLE {
            self.out.put_u8(0);
        }
        self.open = false;
    }
}
