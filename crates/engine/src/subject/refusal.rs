//! Why the registry declines. Each becomes one error code of the Schema Registry API, in the HTTP door.

use super::{Mode, Subject};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("Subject '{0}' not found.")]
    NoSubject(Subject),
    #[error("Version {0} not found.")]
    NoVersion(String),
    #[error("Schema not found")]
    NoSchema,
    #[error("Schema {0} not found")]
    NoId(String),
    #[error("Subject '{0}' was soft deleted.Set permanent=true to delete permanently")]
    SubjectSoftDeleted(Subject),
    #[error("Subject '{0}' was not deleted first before being permanently deleted")]
    SubjectNotSoftDeleted(Subject),
    #[error("Subject '{subject}' Version {version} was soft deleted.Set permanent=true to delete permanently")]
    VersionSoftDeleted { subject: Subject, version: i32 },
    #[error("Subject '{subject}' Version {version} was not deleted first before being permanently deleted")]
    VersionNotSoftDeleted { subject: Subject, version: i32 },
    #[error("Subject '{0}' does not have subject-level compatibility configured")]
    NoConfig(Subject),
    #[error("Subject '{0}' does not have subject-level mode configured")]
    NoMode(Subject),
    /// The details, one object in words each.
    #[error("Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: [{details}]", details = .details.join(", "))]
    Incompatible { subject: Subject, details: Vec<String> },
    #[error("{0}")]
    BadSchema(String),
    #[error(
        "The specified version '{0}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\""
    )]
    BadVersion(String),
    #[error("Subject {subject} in context {context} is in {mode} mode", subject = .subject, context = .subject.context)]
    ModeForbids { subject: Subject, mode: Mode },
    /// Some modes are for contexts as a whole.
    #[error("{name} mode is only supported on the global level, or that of a context", name = .mode.name())]
    ModeOfContexts { mode: Mode },
    #[error("Subject {subject} is not in import mode")]
    NotImporting { subject: Subject },
    #[error("Subject {subject} is in import mode, where a schema comes with its id")]
    IdMissing { subject: Subject },
    #[error("Cannot import since found existing subjects")]
    NotEmptyForImport,
    #[error("Overwrite new schema with id {0} is not permitted.")]
    OtherContent(i32),
    #[error("One or more references exist to the schema {{magic=1,keytype=SCHEMA,subject={subject},version={version}}}.")]
    Referenced { subject: Subject, version: i32 },
    #[error("The specified subject '{0}' is not a valid subject.")]
    BadSubject(String),
    #[error("the schema has {bytes} bytes; at most {max} are taken")]
    TooLarge { bytes: usize, max: usize },
    #[error("Invalid rule set: {0}")]
    BadRules(String),
    #[error("Invalid configuration: {0}")]
    BadConfig(String),
    #[error("Context '{0}' is not empty")]
    ContextNotEmpty(String),
    #[error("Context '{0}' not found")]
    NoContext(String),
    /// Every id was handed out.
    #[error("schema ids are used up")]
    IdsUsedUp,
    #[error("Subject '{0}' has the last version that there is, so no other can follow. Delete that one for good to go on")]
    VersionsUsedUp(Subject),
    /// An import from outside would end what is registered here.
    #[error("The last {0} that there is, {last}, cannot be imported: no other could follow it", last = super::limits::LAST_ID)]
    LastOne(&'static str),
    #[error("at most {max} {what} are kept")]
    TooMany { what: &'static str, max: usize },
    /// Something changed between the look and the judgement. Look again; nobody is told this.
    #[error("the subject changed meanwhile")]
    Changed,
}
