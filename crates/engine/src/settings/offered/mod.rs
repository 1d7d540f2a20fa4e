//! Settings of things that Kafka serves and this broker does not yet: groups with assignment by the broker, share groups,
//! streams groups, client metrics. DescribeConfigs answers them with defaults, as Kafka does even where the feature is
//! switched off; setting one is refused, since a value that nothing reads would be a promise.

mod client_metrics;
mod group;

use super::{
    broker,
    change::{Change, Op, Refusal},
    describe::{Entry, Source},
    layers::{BrokerConfig, shown},
    setting::Setting,
};

/// Whose settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offered {
    /// Resource type 32.
    Group,
    /// Resource type 16.
    ClientMetrics,
}

impl Offered {
    /// Every setting, in order of name.
    pub fn settings(self) -> &'static [Setting] {
        match self {
            Offered::Group => group::SETTINGS,
            Offered::ClientMetrics => client_metrics::SETTINGS,
        }
    }

    /// DescribeConfigs: defaults, or what the broker's own setting of the same meaning says.
    pub fn describe(self, config: &BrokerConfig) -> Vec<Entry> {
        let entry = |s: &'static Setting| {
            let broker = s.fallbacks.first().and_then(|f| broker::setting(f.name));
            let value = broker.and_then(|b| config.effective(b)).or_else(|| s.default_value());
            // Kafka names a group's own default where the broker has no setting of the same meaning.
            let own = || s.default_value().filter(|_| self == Offered::Group).map(|v| shown(s, v.to_string(), Source::Default));
            let given = broker.map_or_else(|| own().into_iter().collect(), |b| config.given(b));
            Entry::new(s, value.map(|v| v.to_string()), given)
        };
        self.settings().iter().map(entry).collect()
    }

    /// IncrementalAlterConfigs. Taking back what was never set succeeds; so does nothing else.
    pub fn alter(self, changes: &[Change]) -> Result<(), Refusal> {
        match changes.iter().find(|c| c.op != Op::Delete) {
            None => Ok(()),
            Some(change) => Err(self.refusal(&change.name)),
        }
    }

    /// AlterConfigs. Setting nothing succeeds.
    pub fn replace(self, asked: &[(String, Option<String>)]) -> Result<(), Refusal> {
        asked.first().map_or(Ok(()), |(name, _)| Err(self.refusal(name)))
    }

    fn refusal(self, name: &str) -> Refusal {
        let (noun, feature) = match self {
            Offered::Group => ("group", "groups with assignment by the broker"),
            Offered::ClientMetrics => ("client metrics", "metrics of clients"),
        };
        match self.settings().iter().any(|s| s.name == name) {
            true => Refusal::NotServed { name: name.into(), feature },
            false => Refusal::Unknown { noun, name: name.into() },
        }
    }
}
