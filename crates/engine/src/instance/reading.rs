//! What an instance reads: a subscription that it shares with its group, or partitions that it chose itself.

use crate::{
    fact::{
        BadFact,
        codec::{Reader, Writer},
    },
    ids::TopicName,
    limits,
};

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Reading {
    #[default]
    Nothing,
    Topics(Vec<TopicName>),
    /// Every topic whose name matches, also those that will come.
    Pattern(Box<str>),
    /// Chosen by hand: nobody else's share depends on it.
    Partitions(Vec<(TopicName, i32)>),
}

impl Reading {
    /// Whether partitions are shared with the group.
    pub fn is_subscription(&self) -> bool {
        matches!(self, Self::Topics(_) | Self::Pattern(_))
    }

    /// How much of it there is.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Topics(topics) => topics.len(),
            Self::Pattern(pattern) => pattern.len(),
            Self::Partitions(partitions) => partitions.len(),
        }
    }

    /// About what it takes in memory, in bytes.
    pub(super) fn weight(&self) -> usize {
        const NAME: usize = 40;
        let name = |name: &TopicName| NAME + name.as_str().len();
        match self {
            Self::Nothing => 0,
            Self::Topics(topics) => topics.iter().map(name).sum(),
            Self::Pattern(pattern) => pattern.len(),
            Self::Partitions(partitions) => partitions.iter().map(|(topic, _)| name(topic)).sum(),
        }
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        match self {
            Self::Nothing => w.u8(0),
            Self::Topics(topics) => {
                w.u8(1);
                w.count(topics.len());
                topics.iter().for_each(|topic| w.str(topic.as_str()));
            }
            Self::Pattern(pattern) => {
                w.u8(2);
                w.str(pattern);
            }
            Self::Partitions(partitions) => {
                w.u8(3);
                w.count(partitions.len());
                for (topic, partition) in partitions {
                    w.str(topic.as_str());
                    w.i32(*partition);
                }
            }
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, BadFact> {
        const MAX: usize = limits::INSTANCE_READING_MAX;
        Ok(match r.u8()? {
            0 => Self::Nothing,
            1 => {
                let count = r.count("topics", MAX, 2)?;
                Self::Topics((0..count).map(|_| name(r)).collect::<Result<_, _>>()?)
            }
            2 => Self::Pattern(r.str("bytes of a pattern", MAX)?.into()),
            3 => {
                let count = r.count("partitions", MAX, 3)?;
                Self::Partitions((0..count).map(|_| Ok((name(r)?, r.i32()?))).collect::<Result<_, BadFact>>()?)
            }
            _ => return Err(BadFact::Invalid { what: "reading of an instance" }),
        })
    }
}

fn name(r: &mut Reader<'_>) -> Result<TopicName, BadFact> {
    r.str("bytes of a topic name", 249)?.parse().map_err(|_| BadFact::Invalid { what: "topic name" })
}
