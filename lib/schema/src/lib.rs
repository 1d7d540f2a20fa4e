//! Schemas of messages: parse, canonical form, names, references, compatibility. Pure: text and bytes in, judgement out.
//!
//! A [`Schema`] is one of three formats behind one vocabulary, the registry's: [`Schema::parse`] reads a text with the
//! texts that it refers to ([`Resolved`]), [`Schema::canonical`] is the text by which the registry knows it again,
//! [`Schema::normalized`] the form that `normalize=true` asks for, and [`Schema::can_read`] lists every [`Difference`]
//! that keeps a reader from reading what a writer wrote.
//!
//! ```
//! use milena_schema::{Format, Schema};
//!
//! let old = Schema::parse(Format::Avro, r#"{"type":"record","name":"P","fields":[]}"#, &[])?;
//! let new = r#"{"type":"record","name":"P","fields":[{"name":"age","type":"int"}]}"#;
//! let new = Schema::parse(Format::Avro, new, &[])?;
//! let differences = new.can_read(&old);
//! assert_eq!(differences[0].kind, "READER_FIELD_MISSING_DEFAULT_VALUE");
//! assert_eq!(differences[0].path, "/fields/0");
//! # Ok::<(), milena_schema::Flaw>(())
//! ```
//!
//! [`avro`] has more, since Milena writes and reads Avro itself. Everything that comes from outside is read under
//! budgets of size, nesting and steps ([`budget`]). This room must not know: HTTP, subjects, versions, files, clocks.
#![forbid(unsafe_code)]

pub mod avro;
pub mod budget;
mod difference;
mod flaw;
mod format;
pub mod infer;
pub mod json;
pub mod protobuf;
mod schema;
mod span;
mod tags;
mod tree;

pub use difference::Difference;
pub use flaw::Flaw;
pub use format::Format;
pub use schema::{Policy, Resolved, Schema};
pub use span::Span;
pub use tags::{Part, Retagging, Tagged};
