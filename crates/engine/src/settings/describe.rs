//! What DescribeConfigs tells: a value, where it comes from, and every place that names one, best first.
//! The order and the omissions are Kafka's, observed on 4.3.1.

use super::setting::Setting;

/// Where a value comes from. The numbers are DescribeConfigs' own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(i8)]
pub enum Source {
    Topic = 1,
    /// Changed while running, for the broker by its id.
    Broker = 2,
    /// Changed while running, for all brokers.
    Cluster = 3,
    /// Given when the broker started.
    Start = 4,
    Default = 5,
    ClientMetrics = 7,
    Group = 8,
}

/// One place that names a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given {
    pub name: &'static str,
    /// `None` when the value is sensitive.
    pub value: Option<String>,
    pub source: Source,
}

/// One setting as it stands.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name, kind, prose, read-only and sensitive are here.
    pub setting: &'static Setting,
    /// `None` when unset or sensitive.
    pub value: Option<String>,
    pub source: Source,
    pub synonyms: Vec<Given>,
}

impl Entry {
    /// The value wins from the first synonym; without one it is the default.
    pub(super) fn new(setting: &'static Setting, value: Option<String>, synonyms: Vec<Given>) -> Self {
        let source = synonyms.first().map_or(Source::Default, |g| g.source);
        Self { setting, value: value.filter(|_| !setting.sensitive()), source, synonyms }
    }
}
