//! Every bound of the registry, each with the sentence that justifies it.

/// Length of a subject's or a context's name: topic names have 249 bytes, record names are longer, and a key of `_schemas` holds it.
pub const SUBJECT_BYTES_MAX: usize = 4_096;
/// Length of one schema. Confluent's size filter, where it is on, says the same.
pub const SCHEMA_BYTES_MAX: usize = 1 << 20;
/// References of one schema, and schemas that one stands on altogether: large Protobuf trees have some hundreds of files.
pub const REFERENCES_MAX: usize = 1_000;
/// Length of a reference's name: a full name, a URI or an import path.
pub const REFERENCE_NAME_BYTES_MAX: usize = 4_096;
/// Length of metadata, of a rule set, or of a configuration with its defaults, as JSON.
pub const DOCUMENT_BYTES_MAX: usize = 256 << 10;
/// Versions of one subject that stored bytes may claim. Version numbers are 32-bit.
pub const VERSIONS_MAX: usize = 1_000_000;
/// Subjects, and schemas, that stored bytes may claim: ten times what the memory goal was measured for.
pub const SUBJECTS_MAX: usize = 1_000_000;
/// Contexts that stored bytes may claim; a request may not make more either.
pub const CONTEXTS_MAX: usize = 100_000;
/// The last id that is handed out: ids are 32-bit signed numbers on the wire.
pub const LAST_ID: i32 = i32::MAX;
/// The last version of a subject: versions are numbers of the same kind.
pub const LAST_VERSION: i32 = i32::MAX;
