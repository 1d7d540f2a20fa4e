//! Serializers that know a schema registry, byte for byte as every other client of one writes and reads.
//!
//! Three layers. With the feature `client` the easiest is `Topic`: values go to a broker and come back, as at the end of this page.
//! The easy one is [`Registry::writer`] and [`Registry::reader`]: a topic's serializer for a Rust type made by
//! `milena avro compile`, and a deserializer that reads whatever schema the data was written with. The advanced one is the
//! pieces: [`framing`], [`Naming`], and [`Registry`]'s requests by name.
//!
//! ```no_run
//! # async fn demo<FullName>(john: FullName) -> Result<(), milena_serde::Error>
//! # where FullName: milena_schema::avro::Typed + milena_schema::avro::Encode
//! #     + for<'a> milena_schema::avro::Decode<'a> {
//! use milena_serde::{Registry, Settings};
//!
//! let registry = Registry::new("http://localhost:8081")?;
//! let writer = registry.writer::<FullName>("people", &Settings::default()).await?;
//! let mut reader = registry.reader::<FullName>();
//! let message = writer.write(&john)?;
//! let again: FullName = reader.read(&message).await?;
//! # Ok(())
//! # }
//! ```
//!
//! JSON ([`Registry::json_writer`], validated by its schema) and Protobuf ([`Registry::protobuf_writer`], framed with the
//! indexes of its message) are written and read likewise.
//!
#![cfg_attr(
    feature = "client",
    doc = "# Sending and receiving\n\n```ignore",
    doc = include_str!("../examples/people/story.rs"),
    doc = "```\n"
)]
//! Ids are settled once: after that a writer touches no lock and no network, and a reader keeps what it needs in itself.
//! Here live: the registry's protocol, from a client's side. What a schema is lives in `milena-schema`.
#![forbid(unsafe_code)]

pub mod answer;
mod avro;
mod error;
pub mod framing;
mod http;
mod json;
mod naming;
mod protobuf;
mod registry;
#[cfg(feature = "client")]
mod topic;

pub use avro::{AnyReader, Reader, Settings, Writer};
pub use error::Error;
pub use json::{JsonReader, JsonWriter};
pub use naming::{Naming, Part};
pub use protobuf::{ProtobufReader, ProtobufWriter};
pub use registry::{Reference, Registered, Registry, Text};
#[cfg(feature = "client")]
pub use topic::{Inbox, Received, Topic};
