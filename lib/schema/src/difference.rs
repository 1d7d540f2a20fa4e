//! One reason why a reader cannot read what a writer wrote, in the registry's words.

/// A difference between a reader's and a writer's schema that breaks reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The registry's `errorType`, such as `READER_FIELD_MISSING_DEFAULT_VALUE`.
    pub kind: &'static str,
    /// Where in the reader's schema: `/fields/0/type/1` for Avro, `#/properties/a` for JSON and Protobuf.
    pub path: String,
    /// The registry's `description`. `{reader}` and `{writer}` stand for which of the two is the newer schema, since
    /// only the asker knows: see [`Difference::description`].
    pub template: String,
    /// The registry's `additionalInfo`.
    pub message: String,
    /// The part of the reader's schema that differs, as text.
    pub reader: String,
    /// The part of the writer's schema that differs, as text.
    pub writer: String,
}

impl Difference {
    /// The sentence for people: `reader` and `writer` are what to call the two schemas, such as `new` and `old`.
    pub fn description(&self, reader: &str, writer: &str) -> String {
        self.template.replace("{reader}", reader).replace("{writer}", writer)
    }
}
