//! Values by the schemas of the registry: JSON to the bytes that every client of a registry reads, and back.
//!
//! A [`Codec`] is one registered schema, compiled once and shared by all requests of the door ([`Shelf`]). A [`Wish`] says
//! which schema a writer means, a [`Decoder`] finds out which one wrote a value. Must not know: routes, and how an error is
//! worded there; [`Trouble`] says what happened.

mod codec;
mod decoder;
mod shelf;
mod wish;

pub(crate) use self::{
    codec::{Codec, compact},
    decoder::{Decoder, Unread, name_of},
    shelf::Shelf,
    wish::{Meant, Naming, Wish},
};
pub(crate) use milena_schema::avro::Unions;
pub(crate) use milena_serde::Part;

use milena_node::{SchemaTrouble, engine::subject::Refusal};
use milena_schema::Flaw;

/// Why no schema could be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The registry declines.
    #[error("{0}")]
    Refused(Refusal),
    /// The registry cannot be asked now.
    #[error(transparent)]
    Registry(#[from] SchemaTrouble),
    /// The text is no schema, or not of the kind that was asked for.
    #[error("{0}")]
    Schema(Flaw),
    /// What was asked for contradicts itself.
    #[error("{0}")]
    Wish(String),
}

impl From<milena_node::Dead> for Trouble {
    fn from(dead: milena_node::Dead) -> Self {
        Self::Registry(dead.into())
    }
}
impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
