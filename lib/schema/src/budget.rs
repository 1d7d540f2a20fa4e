//! How much of a stranger's schema is read before it is refused: bounds on size, nesting, members and steps.

/// Bytes of one schema's text.
pub const TEXT: usize = 2 << 20;
/// Bytes of a schema's text together with the texts of everything that it refers to.
pub const TEXT_WITH_REFERENCES: usize = 8 << 20;
/// Texts that one schema may refer to, directly or through others.
pub const REFERENCES: usize = 1_000;
/// Levels of brackets in a JSON text.
pub const NESTING: usize = 256;
/// Values, all counted, in one JSON text.
pub const MEMBERS: usize = 400_000;
/// Types inside types, definitions that are referred to counted as if they stood there.
pub const LEVELS: usize = 256;
/// Messages, fields and methods of a new Protobuf file. Each takes three kilobytes while two files are compared, and the largest files that
/// people publish have some thousands.
pub const PROTOBUF_PARTS: usize = 10_500;
/// Pairs of a reader's and a writer's part that one comparison looks at.
pub const COMPARISONS: usize = 200_000;
