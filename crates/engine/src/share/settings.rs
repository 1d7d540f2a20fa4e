//! What the settings of a group, and of the broker where the group says nothing, mean for a share group.

use super::{Rules, Start};
use crate::{
    limits,
    settings::{BrokerConfig, Value, offered::Offered, offered::reset_ms},
};

/// `milena.share.order=key`.
const BY_KEY: &str = "key";
/// No setting says when to begin.
const NO_MOMENT: i64 = -1;

impl Rules {
    /// The rules of the share group of this name.
    pub fn of(config: &BrokerConfig, group: &str) -> Self {
        let value = |name: &str| Offered::Group.effective(config, group, Offered::Group.setting(name)?);
        let number = |name: &str, default: i64| match value(name) {
            Some(Value::Integer(n)) => n,
            _ => default,
        };
        let text = |name: &str| match value(name) {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        };
        let truth = |name: &str| !matches!(value(name), Some(Value::Boolean(false)));
        let own = Self::default();
        let deliveries = number("share.delivery.count.limit", own.deliveries.into());
        let deliveries = number("milena.share.delivery.count.limit", deliveries);
        let lock_ms = number("share.record.lock.duration.ms", own.lock_ms);
        let lock_ms = number("milena.share.record.lock.duration.ms", lock_ms);
        let since = Some(number("milena.share.start.ms", NO_MOMENT)).filter(|at| *at != NO_MOMENT);
        Self {
            session_ms: number("share.session.timeout.ms", own.session_ms),
            heartbeat_ms: number("share.heartbeat.interval.ms", own.heartbeat_ms),
            lock_ms: lock_ms.clamp(1, limits::SHARE_LOCK_MS_MAX),
            deliveries: u16::try_from(deliveries.clamp(1, limits::SHARE_DELIVERIES_MAX)).unwrap_or(own.deliveries),
            locks_max: number("share.partition.max.record.locks", own.locks_max),
            members_max: own.members_max,
            start: since.map_or_else(|| start(&text("share.auto.offset.reset")), Start::Since),
            renew: truth("share.renew.acknowledge.enable"),
            letters: truth("milena.share.dead.letters"),
            by_key: text("milena.share.order") == BY_KEY,
            delay_ms: number("milena.share.delay.ms", own.delay_ms).clamp(0, limits::SHARE_LOCK_MS_MAX),
            paused: matches!(value("milena.share.paused"), Some(Value::Boolean(true))),
            runs_max: limits::SHARE_RUNS_MAX,
            holds: matches!(value("milena.share.hold.retention"), Some(Value::Boolean(true))),
        }
    }
}

fn start(text: &str) -> Start {
    match text {
        "latest" => Start::Latest,
        other => reset_ms(other).map_or(Start::Earliest, Start::Within),
    }
}

/// `errors.deadletterqueue.topic.name`, if the group has one.
pub fn letter_topic(config: &BrokerConfig, group: &str) -> Option<String> {
    let setting = Offered::Group.setting("errors.deadletterqueue.topic.name")?;
    match Offered::Group.effective(config, group, setting) {
        Some(Value::Text(name)) if !name.is_empty() => Some(name),
        _ => None,
    }
}

/// `errors.deadletterqueue.copy.record.enable`: whether the group's letters are whole records.
pub fn letter_is_whole(config: &BrokerConfig, group: &str) -> bool {
    let setting = Offered::Group.setting("errors.deadletterqueue.copy.record.enable");
    !matches!(setting.and_then(|s| Offered::Group.effective(config, group, s)), Some(Value::Boolean(false)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::BrokerConfig;

    #[test]
    fn a_group_that_says_nothing_has_the_defaults() {
        let config = BrokerConfig::start(&[]).unwrap();
        assert_eq!(Rules::of(&config, "g"), Rules::default());
        assert_eq!(letter_topic(&config, "g"), None);
        assert!(letter_is_whole(&config, "g"));
    }

    #[test]
    fn the_start_is_read() {
        assert_eq!(start("latest"), Start::Latest);
        assert_eq!(start("by_duration:PT1H"), Start::Within(3_600_000));
        assert_eq!(start("earliest"), Start::Earliest);
    }
}
