//! Settings of one group, and of one subscription to clients' metrics: resource types 32 and 16 of the config APIs.
//!
//! They may be set before the group or the subscription exists, as in Kafka, and are kept with the broker's own configuration
//! ([`BrokerConfig`]). What one does not say is said by the broker's setting of the same meaning.

mod client_metrics;
mod group;

pub use client_metrics::is_pattern;

use super::{
    broker,
    change::{Overrides, Refusal},
    describe::{Entry, Given, Source},
    layers::{BrokerConfig, shown},
    parse::Value,
    setting::Setting,
};

/// Whose settings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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

    /// The setting of that name.
    pub fn setting(self, name: &str) -> Option<&'static Setting> {
        self.settings().iter().find(|s| s.name == name)
    }

    pub(super) fn known(self, name: &str) -> Result<&'static Setting, Refusal> {
        self.setting(name).ok_or_else(|| match self {
            Offered::Group => Refusal::Unknown { noun: "group", name: name.into() },
            Offered::ClientMetrics => Refusal::UnknownMetrics { name: name.into() },
        })
    }

    /// DescribeConfigs of the resource of that name: what was set on it, else the broker's setting of the same meaning, else
    /// the default.
    pub fn describe(self, config: &BrokerConfig, name: &str) -> Vec<Entry> {
        let own = config.resource(self, name);
        self.settings()
            .iter()
            .map(|s| Entry::new(s, self.value(config, own, s).map(|v| v.to_string()), self.given(config, own, s)))
            .collect()
    }

    /// The value that counts for the resource of that name.
    pub fn effective(self, config: &BrokerConfig, name: &str, setting: &'static Setting) -> Option<Value> {
        self.value(config, config.resource(self, name), setting)
    }

    fn value(self, config: &BrokerConfig, own: Option<&Overrides>, setting: &'static Setting) -> Option<Value> {
        let set = own.and_then(|own| own.get(setting.name)).and_then(|text| setting.value(text).ok());
        let broker = || config.effective(broker::setting(setting.fallbacks.first()?.name)?);
        set.or_else(broker).or_else(|| setting.default_value())
    }

    fn given(self, config: &BrokerConfig, own: Option<&Overrides>, setting: &'static Setting) -> Vec<Given> {
        let source = match self {
            Offered::Group => Source::Group,
            Offered::ClientMetrics => Source::ClientMetrics,
        };
        let set = own.and_then(|own| own.get(setting.name)).map(|text| shown(setting, text.clone(), source));
        let broker = setting.fallbacks.first().and_then(|f| broker::setting(f.name));
        // Kafka names a group's own default where the broker has no setting of the same meaning.
        let default =
            || setting.default_value().filter(|_| self == Offered::Group).map(|v| shown(setting, v.to_string(), Source::Default));
        let below = broker.map_or_else(|| default().into_iter().collect(), |b| config.given(b));
        set.into_iter().chain(below).collect()
    }

    /// What no single value can say wrong.
    pub(super) fn consistent(self, own: &Overrides, config: &BrokerConfig) -> Result<(), Refusal> {
        let of = |name: &str| self.value(config, Some(own), self.setting(name)?).and_then(|v| number(&v));
        match self {
            Offered::ClientMetrics => match own.get("interval.ms").and_then(|text| text.parse().ok()) {
                Some(ms) if !client_metrics::INTERVAL.contains(&ms) => Err(Refusal::BadInterval { ms }),
                _ => Ok(()),
            },
            Offered::Group => {
                group::BOUNDS.iter().filter(|(name, ..)| own.contains_key(*name)).try_for_each(|b| within(config, of(b.0), b))?;
                ["consumer", "share", "streams"].into_iter().try_for_each(|kind| {
                    let (session, heartbeat) = (format!("{kind}.session.timeout.ms"), format!("{kind}.heartbeat.interval.ms"));
                    match own.contains_key(&session) || own.contains_key(&heartbeat) {
                        true if of(&session) <= of(&heartbeat) => {
                            Err(Refusal::Conflict(format!("{session} must be greater than {heartbeat}")))
                        }
                        _ => Ok(()),
                    }
                })
            }
        }
    }
}

/// Kafka's words name the broker's setting, which is what one has to know to go on.
fn within(config: &BrokerConfig, value: Option<i64>, (name, min, max): &(&str, &str, &str)) -> Result<(), Refusal> {
    let bound = |name: &str| broker::setting(name).and_then(|s| config.effective(s)).and_then(|v| number(&v));
    match value {
        Some(v) if bound(min).is_some_and(|min| v < min) => {
            Err(Refusal::Conflict(format!("{name} must be greater than or equal to {min}")))
        }
        Some(v) if bound(max).is_some_and(|max| v > max) => {
            Err(Refusal::Conflict(format!("{name} must be less than or equal to {max}")))
        }
        _ => Ok(()),
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(v) => Some(*v),
        _ => None,
    }
}

/// Milliseconds that `share.auto.offset.reset=by_duration:…` goes back.
pub fn reset_ms(text: &str) -> Option<i64> {
    group::duration_ms(text.strip_prefix("by_duration:")?)
}
