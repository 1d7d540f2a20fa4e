//! The hot path by hand: Produce requests walked without allocation, Produce responses written straight into the output, Fetch responses as header bytes
//! with room for record slices that are never copied. Byte for byte what the generated types read and write; tests hold both against each other in every
//! version.
//!
//! After an error a writer's output is of no use: cut it back to where it was.

mod fetch;
mod produce;

pub use fetch::{FetchWriter, Gather, Piece};
pub use produce::{ProduceView, ProduceWriter, Step, Steps};

use bytes::BytesMut;
use uuid::Uuid;

use crate::{Unencodable, writer};

/// How a topic is named: by name in old versions, by id since Produce and Fetch 13.
fn topic(out: &mut BytesMut, flexible: bool, by_id: bool, name: &str, id: Uuid) -> Result<(), Unencodable> {
    if by_id {
        writer::uuid(out, id);
        return Ok(());
    }
    writer::utf8(out, flexible, name.as_bytes())
}
