//! Under which subject a topic's schema is registered.

use crate::{Error, Registry};

/// Which part of a record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Part {
    Key,
    #[default]
    Value,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
        }
    }
}

/// How subjects are named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Naming {
    /// `topic-key` or `topic-value`.
    #[default]
    Topic,
    /// The record's full name.
    Record,
    /// `topic-` and the record's full name.
    TopicRecord,
    /// What the registry associates with the topic, else as the second says. The first is the Kafka cluster's id, if it
    /// is known.
    Associated(Option<String>, Box<Naming>),
}

impl Naming {
    /// The subject. Only [`Naming::Associated`] asks the registry.
    pub async fn subject(&self, registry: &Registry, topic: &str, part: Part, record: Option<&str>) -> Result<String, Error> {
        let Self::Associated(cluster, otherwise) = self else { return self.plain(topic, part, record) };
        match registry.associated(cluster.as_deref(), topic, part).await? {
            Some(subject) => Ok(subject),
            None => otherwise.plain(topic, part, record),
        }
    }

    fn plain(&self, topic: &str, part: Part, record: Option<&str>) -> Result<String, Error> {
        match self {
            Self::Topic => Ok(format!("{topic}-{}", part.name())),
            Self::Record => record.map(str::to_owned).ok_or(Error::Nameless),
            Self::TopicRecord => Ok(format!("{topic}-{}", record.ok_or(Error::Nameless)?)),
            Self::Associated(..) => Err(Error::Unsupported("an association falls back to a plain name".into())),
        }
    }
}
