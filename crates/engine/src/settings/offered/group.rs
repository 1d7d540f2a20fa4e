//! What one group may set for itself, and within which of the broker's bounds.

use crate::{
    ids::TopicName,
    limits,
    settings::{
        parse::Value,
        setting::{Check, Fallback, Kind, Reach, Setting, honoured, inert},
    },
};

const WHY: &str = "Groups of this kind are not served yet and are not offered to clients; the value is kept and shown for tools that set it beforehand.";

/// Setting, and the broker's settings between which it has to lie; empty where there is none.
pub(super) const BOUNDS: &[(&str, &str, &str)] = &[
    ("consumer.assignment.interval.ms", "group.consumer.min.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"),
    ("consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"),
    ("consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms"),
    ("share.assignment.interval.ms", "group.share.min.assignment.interval.ms", "group.share.max.assignment.interval.ms"),
    ("share.delivery.count.limit", "group.share.min.delivery.count.limit", "group.share.max.delivery.count.limit"),
    ("share.heartbeat.interval.ms", "group.share.min.heartbeat.interval.ms", "group.share.max.heartbeat.interval.ms"),
    (
        "share.partition.max.record.locks",
        "group.share.min.partition.max.record.locks",
        "group.share.max.partition.max.record.locks",
    ),
    ("share.record.lock.duration.ms", "group.share.min.record.lock.duration.ms", "group.share.max.record.lock.duration.ms"),
    ("share.session.timeout.ms", "group.share.min.session.timeout.ms", "group.share.max.session.timeout.ms"),
    ("streams.assignment.interval.ms", "group.streams.min.assignment.interval.ms", "group.streams.max.assignment.interval.ms"),
    ("streams.heartbeat.interval.ms", "group.streams.min.heartbeat.interval.ms", "group.streams.max.heartbeat.interval.ms"),
    ("streams.num.standby.replicas", "", "group.streams.max.standby.replicas"),
    ("streams.session.timeout.ms", "group.streams.min.session.timeout.ms", "group.streams.max.session.timeout.ms"),
];

const RESET: Check =
    Check::With(is_reset, "The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.");
const ISOLATION: Check = Check::OneOf(&["read_committed", "read_uncommitted"]);

fn is_reset(value: &Value) -> bool {
    let Value::Text(text) = value else { return false };
    matches!(text.as_str(), "earliest" | "latest") || text.strip_prefix("by_duration:").is_some_and(|d| duration_ms(d).is_some())
}

/// Milliseconds of an ISO 8601 duration in days, hours, minutes and seconds, as Java reads it; `None` when it is none, or negative.
pub(super) fn duration_ms(text: &str) -> Option<i64> {
    let text = text.to_ascii_uppercase();
    let (negative, text) = sign(&text);
    let rest = text.strip_prefix('P')?;
    let (days, time) = rest.split_once('T').map_or((rest, None), |(days, time)| (days, Some(time)));
    let mut sum = 0i64;
    let mut any = false;
    if !days.is_empty() {
        sum = scaled(days.strip_suffix('D')?, 86_400_000)?;
        any = true;
    }
    let mut time = time;
    if let Some(left) = &mut time {
        if left.is_empty() {
            return None;
        }
        for (unit, ms) in [('H', 3_600_000), ('M', 60_000)] {
            if let Some((number, rest)) = left.split_once(unit) {
                sum = sum.checked_add(scaled(number, ms)?)?;
                *left = rest;
                any = true;
            }
        }
        if !left.is_empty() {
            sum = sum.checked_add(seconds_ms(left.strip_suffix('S')?)?)?;
            any = true;
        }
    }
    (any && (sum == 0 || (sum > 0) != negative)).then_some(sum.abs())
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn scaled(number: &str, times: i64) -> Option<i64> {
    let digits = sign(number).1;
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    number.parse::<i64>().ok().filter(|_| all_digits)?.checked_mul(times)
}

fn letters_may_go_there(value: &Value) -> bool {
    matches!(value, Value::Text(name) if name.is_empty() || (!name.starts_with("__") && name.parse::<TopicName>().is_ok()))
}

/// Seconds with at most nine places behind a point or a comma.
fn seconds_ms(number: &str) -> Option<i64> {
    let (whole, part) = number.split_once(['.', ',']).unwrap_or((number, ""));
    if part.len() > 9 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let ms: i64 = format!("{part:0<3}")[..3].parse().ok()?;
    let whole_ms = scaled(whole, 1000)?;
    if whole.starts_with('-') { whole_ms.checked_sub(ms) } else { whole_ms.checked_add(ms) }
}

const SINCE: &str = "0.1.0";
const WEEK_MS: i64 = limits::SHARE_LOCK_MS_MAX;
const LETTERS: Check = Check::With(letters_may_go_there, "the name of a topic that does not begin with '__', or nothing");
const AT_ONCE: &str = "Work is given out at once when members or topics change, so nothing rests.";
const STABLE: &str = "Share groups read up to the last stable offset: no record of an open transaction is ever handed out.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "consumer.assignment.interval.ms", Kind::Int, Some("1000"), Reach::Group, Check::AtLeast(0), "How long assignments of this consumer group rest before they are computed again.").or(&[Fallback { name: "group.consumer.assignment.interval.ms", times: 1 }]),
    inert(WHY, "consumer.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::Group, Check::AtLeast(1), "How often members of this consumer group send heartbeats.").or(&[Fallback { name: "group.consumer.heartbeat.interval.ms", times: 1 }]),
    inert(WHY, "consumer.session.timeout.ms", Kind::Int, Some("45000"), Reach::Group, Check::AtLeast(1), "After how long a silent member of this consumer group is dropped.").or(&[Fallback { name: "group.consumer.session.timeout.ms", times: 1 }]),
    honoured(SINCE, "errors.deadletterqueue.copy.record.enable", Kind::Boolean, Some("true"), Reach::Group, Check::Any, "Whether the dead letter of a record that this share group gave up is the whole record (KIP-1191). Where it is not, the letter's headers say where the record is."),
    honoured(SINCE, "errors.deadletterqueue.topic.name", Kind::Text, Some(""), Reach::Group, LETTERS, "Where records go that this share group gave up (KIP-1191). Empty: errors.deadletterqueue.topic.name.prefix and the name of the topic they come from. Made with the first of them, unless errors.deadletterqueue.auto.create.topics.enable is false."),
    honoured(SINCE, "milena.share.dead.letters", Kind::Boolean, Some("true"), Reach::Group, Check::Any, "Whether a record that this share group gave up is written whole to a dead-letter topic, in the same commit."),
    honoured(SINCE, "milena.share.delay.ms", Kind::Int, Some("0"), Reach::Group, Check::Between(0, WEEK_MS), "How long a record whose delivery failed rests before it is delivered again, unless its release says otherwise. At most 7 days; a restart of the broker ends it."),
    honoured(SINCE, "milena.share.delivery.count.limit", Kind::Int, None, Reach::Group, Check::Between(1, limits::SHARE_DELIVERIES_MAX), "The same as `share.delivery.count.limit`, between 1 and 1000 whatever the broker's bounds are. It counts when both are set."),
    honoured(SINCE, "milena.share.hold.retention", Kind::Boolean, Some("false"), Reach::Group, Check::Any, "Whether retention waits for this share group in every topic that it works on, as if milena.retention.until.consumed of the topic named it. What it has not finished after the topic's milena.retention.until.consumed.max.ms goes all the same, and the expiry ledger says so."),
    honoured(SINCE, "milena.share.order", Kind::Text, Some("none"), Reach::Group, Check::OneOf(&["none", "key"]), "`key`: of the records with the same key, one is worked on at a time, in their order."),
    honoured(SINCE, "milena.share.paused", Kind::Boolean, Some("false"), Reach::Group, Check::Any, "Nothing is handed out while this is true. What is being worked on can be settled."),
    honoured(SINCE, "milena.share.record.lock.duration.ms", Kind::Int, None, Reach::Group, Check::Between(1_000, WEEK_MS), "The same as `share.record.lock.duration.ms`, between 1 second and 7 days whatever the broker's bounds are. It counts when both are set."),
    honoured(SINCE, "milena.share.start.ms", Kind::Long, None, Reach::Group, Check::AtLeast(0), "This share group begins with records of this moment, in milliseconds since 1970. It counts when `share.auto.offset.reset` is set, too."),
    inert(AT_ONCE, "share.assignment.interval.ms", Kind::Int, Some("1000"), Reach::Group, Check::AtLeast(0), "How long assignments of this share group rest before they are computed again.").or(&[Fallback { name: "group.share.assignment.interval.ms", times: 1 }]),
    honoured(SINCE, "share.auto.offset.reset", Kind::Text, Some("earliest"), Reach::Group, RESET, "Where this share group begins to read."),
    honoured(SINCE, "share.delivery.count.limit", Kind::Int, Some("5"), Reach::Group, Check::AtLeast(2), "How often a record is delivered to this share group before it is given up.").or(&[Fallback { name: "group.share.delivery.count.limit", times: 1 }]),
    honoured(SINCE, "share.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::Group, Check::AtLeast(1), "How often members of this share group send heartbeats.").or(&[Fallback { name: "group.share.heartbeat.interval.ms", times: 1 }]),
    inert(STABLE, "share.isolation.level", Kind::Text, Some("read_uncommitted"), Reach::Group, ISOLATION, "Whether this share group sees records of open transactions."),
    honoured(SINCE, "share.partition.max.record.locks", Kind::Int, Some("2000"), Reach::Group, Check::AtLeast(100), "How many records of a partition this share group may lock at a time.").or(&[Fallback { name: "group.share.partition.max.record.locks", times: 1 }]),
    honoured(SINCE, "share.record.lock.duration.ms", Kind::Int, Some("30000"), Reach::Group, Check::AtLeast(1000), "How long a record taken by this share group stays locked.").or(&[Fallback { name: "group.share.record.lock.duration.ms", times: 1 }]),
    honoured(SINCE, "share.renew.acknowledge.enable", Kind::Boolean, Some("true"), Reach::Group, Check::Any, "Whether members of this share group may extend their locks."),
    honoured(SINCE, "share.session.timeout.ms", Kind::Int, Some("45000"), Reach::Group, Check::AtLeast(1), "After how long a silent member of this share group is dropped.").or(&[Fallback { name: "group.share.session.timeout.ms", times: 1 }]),
    inert(WHY, "streams.assignment.interval.ms", Kind::Int, Some("1000"), Reach::Group, Check::AtLeast(0), "How long assignments of this streams group rest before they are computed again.").or(&[Fallback { name: "group.streams.assignment.interval.ms", times: 1 }]),
    inert(WHY, "streams.heartbeat.interval.ms", Kind::Int, Some("5000"), Reach::Group, Check::AtLeast(1), "How often members of this streams group send heartbeats.").or(&[Fallback { name: "group.streams.heartbeat.interval.ms", times: 1 }]),
    inert(WHY, "streams.initial.rebalance.delay.ms", Kind::Int, Some("3000"), Reach::Group, Check::AtLeast(0), "How long this streams group waits for more members when it begins.").or(&[Fallback { name: "group.streams.initial.rebalance.delay.ms", times: 1 }]),
    inert(WHY, "streams.num.standby.replicas", Kind::Int, Some("0"), Reach::Group, Check::AtLeast(0), "How many standby tasks each task of this streams group gets.").or(&[Fallback { name: "group.streams.num.standby.replicas", times: 1 }]),
    inert(WHY, "streams.session.timeout.ms", Kind::Int, Some("45000"), Reach::Group, Check::AtLeast(1), "After how long a silent member of this streams group is dropped.").or(&[Fallback { name: "group.streams.session.timeout.ms", times: 1 }]),
];
