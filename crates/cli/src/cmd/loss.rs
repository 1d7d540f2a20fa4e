//! What would go for good if topics were kept in another way: counted before a setting changes, and told as the plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use milena_client::{
    Admin, At, Topic,
    admin::{Change, ConfigEntry, ConfigSource, Resource},
    wire::Text,
};
use serde_json::{Value, json};

use super::topic::bounds;
use crate::{
    connect::Connect,
    failure::Failure,
    screen::counted,
    told::Told,
    web::{Web, escaped},
    when,
};

/// Topics that the plan names one by one.
const NAMED: usize = 10;

/// What makes records go, by Kafka's names and by ours.
const NAMES: [&str; 6] = [
    "retention.ms",
    "retention.bytes",
    "cleanup.policy",
    "milena.retention.clock",
    "milena.retention.until.consumed",
    "milena.retention.until.consumed.max.ms",
];

/// Of a group: whether retention waits for it in every topic that it works on.
const HOLD: &str = "milena.share.hold.retention";

/// How a topic's records are kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Keep {
    /// Milliseconds; `None` keeps for ever.
    ms: Option<i64>,
    bytes: Option<i64>,
    clock: String,
    /// Groups that are waited for, and for how long.
    readers: BTreeSet<String>,
    readers_ms: i64,
}

impl Keep {
    fn of(value: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name: &str| value(name).and_then(|v| v.trim().parse::<i64>().ok());
        let list = |name: &str| -> BTreeSet<String> {
            let text = value(name).unwrap_or_default();
            text.split(',').map(str::trim).filter(|w| !w.is_empty()).map(Into::into).collect()
        };
        // Without `delete` nothing goes by age or size; a broker that does not tell deletes.
        let deletes = value("cleanup.policy").is_none() || list("cleanup.policy").contains("delete");
        let limit = |name: &str| number(name).filter(|n| *n >= 0 && deletes);
        Self {
            ms: limit("retention.ms"),
            bytes: limit("retention.bytes"),
            clock: value("milena.retention.clock").unwrap_or_default(),
            readers: list("milena.retention.until.consumed"),
            readers_ms: number("milena.retention.until.consumed.max.ms").unwrap_or(i64::MAX),
        }
    }

    /// May `after` let go by age what this keeps?
    fn ages_faster(&self, after: &Self) -> bool {
        let Some(ms) = after.ms else { return false };
        let waits_less =
            !self.readers.is_subset(&after.readers) || (!self.readers.is_empty() && after.readers_ms < self.readers_ms);
        self.ms.is_none_or(|before| ms < before) || self.clock != after.clock || waits_less
    }

    /// The size that `after` limits a partition to, if this allows more.
    fn shrinks_to(&self, after: &Self) -> Option<i64> {
        after.bytes.filter(|bytes| self.bytes.is_none_or(|before| *bytes < before))
    }
}

/// The value that a setting of a topic has once `changes` are made at `source`: the strongest source that has one.
fn value_after(entry: &ConfigEntry, source: ConfigSource, changes: &[(Text, Change)]) -> Option<String> {
    let name = if source == ConfigSource::Topic { entry.name.to_string() } else { format!("log.{}", entry.name) };
    let Some((_, change)) = changes.iter().rev().find(|(n, _)| **n == *name) else {
        return entry.value.as_ref().map(ToString::to_string);
    };
    let mut chain: Vec<(u8, Option<String>)> = entry
        .synonyms
        .iter()
        .filter(|s| s.source != source)
        .map(|s| (rank(s.source), s.value.as_ref().map(ToString::to_string)))
        .collect();
    if let Change::Set(value) = change {
        chain.push((rank(source), Some(value.to_string())));
    }
    // Stable: of two names at one source the stronger stays in front.
    chain.sort_by_key(|(rank, _)| *rank);
    chain.into_iter().find_map(|(_, value)| value)
}

fn rank(source: ConfigSource) -> u8 {
    match source {
        ConfigSource::Topic => 0,
        ConfigSource::Broker => 1,
        ConfigSource::ClusterDefault => 2,
        ConfigSource::File => 3,
        _ => 4,
    }
}

/// Where a change of this resource's settings is kept. `None`: nothing of it makes records go.
fn source(resource: &Resource) -> Option<ConfigSource> {
    match resource {
        Resource::Topic(_) => Some(ConfigSource::Topic),
        Resource::Broker(_) => Some(ConfigSource::Broker),
        Resource::Cluster => Some(ConfigSource::ClusterDefault),
        Resource::Group(_) | Resource::ClientMetrics(_) => None,
    }
}

fn concerns(name: &str) -> bool {
    NAMES.iter().any(|known| name == *known || name.strip_prefix("log.") == Some(known))
}

/// How many messages of which topics.
type Losses = Vec<(Text, i64)>;

/// What the changes would let go. With `--yes` nobody asks, and nothing is counted.
pub(crate) async fn of(admin: &Admin, (resource, changes): (&Resource, &[(Text, Change)]), yes: bool) -> Result<Losses, Failure> {
    match resource {
        _ if yes => Ok(Losses::new()),
        Resource::Group(group) if lets_go(changes) => losses_without(admin, group).await,
        _ => losses(admin, resource, changes).await,
    }
}

/// The same of a queue that retention waits for no more.
pub(crate) async fn of_queue(admin: &Admin, group: &str, yes: bool) -> Result<Losses, Failure> {
    if yes { Ok(Losses::new()) } else { losses_without(admin, group).await }
}

/// Whether retention stops waiting for a group by its own setting.
fn lets_go(changes: &[(Text, Change)]) -> bool {
    let holds = |change: &Change| matches!(change, Change::Set(value) if value.trim() == "true");
    changes.iter().any(|(name, change)| &**name == HOLD && !holds(change))
}

/// Tells what would go, instead of doing it.
pub(crate) fn plan(connect: &Connect, told: Told, mut facts: Value, losses: &[(Text, i64)]) -> Result<(), Failure> {
    let lost = |(topic, messages): &(Text, i64)| json!({"topic": &**topic, "messages": messages});
    facts["dry_run"] = true.into();
    facts["losses"] = losses.iter().map(lost).collect();
    told.tell(facts, words(losses))?;
    connect.say("nothing was changed; run again with --yes to do it");
    Ok(())
}

fn words(losses: &[(Text, i64)]) -> String {
    let mut out = String::new();
    for (topic, messages) in losses.iter().take(NAMED) {
        let messages = counted(*messages, "message");
        let _ = writeln!(out, "plan: {messages} of {topic} would go for good within a second");
    }
    if losses.len() > NAMED {
        let rest: i64 = losses.iter().skip(NAMED).map(|(_, n)| n).sum();
        let (rest, topics) = (counted(rest, "message"), counted((losses.len() - NAMED) as i64, "other topic"));
        let _ = writeln!(out, "plan: {rest} of {topics} would go for good within a second");
    }
    out
}

async fn losses(admin: &Admin, resource: &Resource, changes: &[(Text, Change)]) -> Result<Losses, Failure> {
    let Some(source) = source(resource).filter(|_| changes.iter().any(|(name, _)| concerns(name))) else {
        return Ok(Vec::new());
    };
    let metadata = admin.metadata().await?;
    let wanted = |topic: &Text| !matches!(resource, Resource::Topic(name) if name != topic);
    let names: Vec<Text> = NAMES.map(Text::from_static).to_vec();
    let mut losses = Vec::new();
    for topic in metadata.topics.values().filter(|t| wanted(&t.name)) {
        let entries = admin.configs(&Resource::Topic(topic.name.clone()), Some(&names), false).await?;
        let entry = |name: &str| entries.iter().find(|e| &*e.name == name);
        let before = Keep::of(|name| entry(name)?.value.as_ref().map(ToString::to_string));
        let after = Keep::of(|name| value_after(entry(name)?, source, changes));
        let messages = messages(admin, topic, (&before, &after), None, metadata.brokers.keys().copied()).await?;
        if messages > 0 {
            losses.push((topic.name.clone(), messages));
        }
    }
    Ok(losses)
}

/// What would go if retention waited no more for a queue that it waits for now.
async fn losses_without(admin: &Admin, group: &str) -> Result<Losses, Failure> {
    // It is no Milena, or has no such group: nothing waits.
    let Ok(web) = Web::of(admin.cluster(), "what retention waits for").await else { return Ok(Vec::new()) };
    let Ok(about) = web.get(&format!("/q/v1/groups/{}", escaped(group))).await else { return Ok(Vec::new()) };
    if about["hold_retention"] != true {
        return Ok(Vec::new());
    }
    let metadata = admin.metadata().await?;
    let names: Vec<Text> = NAMES.map(Text::from_static).to_vec();
    let mut losses = Vec::new();
    let queues = about["topics"].as_array().into_iter().flatten().filter_map(|queue| queue["topic"].as_str());
    for topic in queues.filter_map(|name| metadata.topics.values().find(|topic| &*topic.name == name)) {
        let entries = admin.configs(&Resource::Topic(topic.name.clone()), Some(&names), false).await?;
        let keep = Keep::of(|name| entries.iter().find(|e| &*e.name == name)?.value.as_ref().map(ToString::to_string));
        if keep.readers.contains(group) {
            continue;
        }
        // Whatever it has not read is kept by it now.
        let all = Keep::default();
        let messages = messages(admin, topic, (&all, &keep), Some(group), metadata.brokers.keys().copied()).await?;
        if messages > 0 {
            losses.push((topic.name.clone(), messages));
        }
    }
    Ok(losses)
}

/// Partitions, and where each starts and ends.
type Bounded<'a> = (&'a [(Text, i32)], &'a [(i64, i64)]);

/// How many messages of each partition stay, because readers that retention waits for then have not read them. A broker that
/// tells of no readers waits for none.
async fn held(
    admin: &Admin,
    topic: &Topic,
    after: &Keep,
    without: Option<&str>,
    (partitions, bounds): Bounded<'_>,
) -> Result<Vec<i64>, Failure> {
    let mut stay = vec![0; partitions.len()];
    let Ok(web) = Web::of(admin.cluster(), "what retention waits for").await else { return Ok(stay) };
    let readers = after.readers.iter().map(|name| escaped(name)).collect::<Vec<_>>().join(",");
    let path = format!("/admin/v1/topics/{}/retention?readers={readers}", escaped(&topic.name));
    let Ok(told) = web.get(&path).await else { return Ok(stay) };
    // However long somebody does not read: what is older than this goes.
    let since = At::Time(when::now().saturating_add(1000).saturating_sub(after.readers_ms));
    let asked: Vec<_> = partitions.iter().map(|(t, p)| (t.clone(), *p, since)).collect();
    let waits = admin.cluster().list_offsets(&asked, false).await?;
    for (((stay, (_, partition)), (start, end)), first) in stay.iter_mut().zip(partitions).zip(bounds).zip(waits) {
        let of = told["partitions"].as_array().into_iter().flatten().find(|found| found["partition"] == *partition);
        let readers = of.and_then(|of| of["readers"].as_array()).into_iter().flatten();
        let positions = readers.filter(|reader| reader["group"].as_str() != without).filter_map(|r| r["position"].as_i64());
        if let Some(unread) = positions.min() {
            *stay = (end - unread.max(first.offset.unwrap_or(*end)).max(*start)).max(0);
        }
    }
    Ok(stay)
}

/// Of one topic. By age it is counted by the messages' own times, by size from the share of bytes that is too much.
async fn messages(
    admin: &Admin,
    topic: &Topic,
    (before, after): (&Keep, &Keep),
    without: Option<&str>,
    brokers: impl Iterator<Item = i32>,
) -> Result<i64, Failure> {
    let (by_age, by_size) = (before.ages_faster(after), before.shrinks_to(after));
    if !by_age && by_size.is_none() {
        return Ok(0);
    }
    let partitions: Vec<(Text, i32)> = topic.partitions.iter().map(|p| (topic.name.clone(), p.index)).collect();
    let bounds = bounds(admin.cluster(), &partitions).await?;
    let mut goes: Vec<i64> = vec![0; partitions.len()];
    if let Some(ms) = after.ms.filter(|_| by_age) {
        // What is about to be too old within the second counts too.
        let since = At::Time(when::now().saturating_add(1000).saturating_sub(ms));
        let asked: Vec<_> = partitions.iter().map(|(t, p)| (t.clone(), *p, since)).collect();
        let kept = admin.cluster().list_offsets(&asked, false).await?;
        for ((goes, (start, end)), first) in goes.iter_mut().zip(&bounds).zip(kept) {
            *goes = first.offset.unwrap_or(*end).max(*start) - start;
        }
    }
    if let Some(limit) = by_size {
        let sizes = sizes(admin, &topic.name, brokers).await;
        for ((goes, (start, end)), (_, partition)) in goes.iter_mut().zip(&bounds).zip(&partitions) {
            let size = sizes.get(partition).copied().unwrap_or(0);
            *goes = (*goes).max(share(end - start, size, limit));
        }
    }
    if goes.iter().any(|goes| *goes > 0) {
        let stay = held(admin, topic, after, without, (&partitions, &bounds)).await?;
        for ((goes, stay), (start, end)) in goes.iter_mut().zip(stay).zip(&bounds) {
            *goes = (*goes).min(end - start - stay).max(0);
        }
    }
    Ok(goes.iter().sum())
}

/// As many of `messages` as the bytes over the limit are of all bytes, rounded up.
fn share(messages: i64, size: i64, limit: i64) -> i64 {
    if size <= limit || messages <= 0 {
        return 0;
    }
    let share = (i128::from(messages) * i128::from(size - limit) + i128::from(size) - 1) / i128::from(size);
    i64::try_from(share).unwrap_or(messages).min(messages)
}

/// Bytes of each partition of a topic; nothing where brokers do not tell.
async fn sizes(admin: &Admin, topic: &Text, brokers: impl Iterator<Item = i32>) -> BTreeMap<i32, i64> {
    let mut sizes = BTreeMap::new();
    for broker in brokers {
        let dirs = admin.log_dirs(broker).await.unwrap_or_default();
        for replica in dirs.into_iter().flat_map(|dir| dir.replicas).filter(|r| r.topic == *topic) {
            let size: &mut i64 = sizes.entry(replica.partition).or_default();
            *size = (*size).max(replica.size);
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use milena_client::admin::{ConfigType, Synonym};

    use super::*;

    fn entry(name: &'static str, synonyms: &[(&'static str, &'static str, ConfigSource)]) -> ConfigEntry {
        let synonym = |(name, value, source): &(&'static str, &'static str, ConfigSource)| Synonym {
            name: Text::from_static(name),
            value: Some(Text::from_static(value)),
            source: *source,
        };
        let synonyms: Vec<Synonym> = synonyms.iter().map(synonym).collect();
        ConfigEntry {
            name: Text::from_static(name),
            value: synonyms.first().and_then(|s| s.value.clone()),
            source: synonyms.first().map_or(ConfigSource::Default, |s| s.source),
            read_only: false,
            sensitive: false,
            kind: ConfigType::Long,
            documentation: None,
            synonyms,
        }
    }

    #[test]
    fn a_change_counts_where_it_is_the_strongest() {
        let own = [("retention.ms", "9", ConfigSource::Topic), ("log.retention.ms", "5", ConfigSource::ClusterDefault)];
        let own = entry("retention.ms", &own);
        let inherited = entry("retention.ms", &[("log.retention.ms", "-1", ConfigSource::Default)]);
        let set = |name: &'static str| [(Text::from_static(name), Change::Set("7".into()))];
        let unset = |name: &'static str| [(Text::from_static(name), Change::Unset)];
        let after = |entry: &ConfigEntry, source, changes: &[(Text, Change)]| value_after(entry, source, changes).unwrap();
        assert_eq!(after(&own, ConfigSource::Topic, &unset("retention.ms")), "5");
        assert_eq!(after(&own, ConfigSource::Topic, &set("retention.ms")), "7");
        assert_eq!(after(&own, ConfigSource::ClusterDefault, &set("log.retention.ms")), "9", "the topic has its own");
        assert_eq!(after(&inherited, ConfigSource::ClusterDefault, &set("log.retention.ms")), "7");
        assert_eq!(after(&inherited, ConfigSource::Broker, &set("log.retention.ms")), "7");
        assert_eq!(after(&inherited, ConfigSource::Broker, &set("log.retention.bytes")), "-1");
    }

    #[test]
    fn only_what_keeps_less_is_counted() {
        let keep = |pairs: &[(&str, &str)]| {
            Keep::of(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_string()))
        };
        let (for_ever, day) = (keep(&[("retention.ms", "-1")]), keep(&[("retention.ms", "86400000")]));
        assert!(for_ever.ages_faster(&day) && !day.ages_faster(&for_ever) && !day.ages_faster(&day));
        let compacted = keep(&[("retention.ms", "86400000"), ("cleanup.policy", "compact")]);
        assert!(compacted.ages_faster(&day) && !day.ages_faster(&compacted));
        let by_create = keep(&[("retention.ms", "86400000"), ("milena.retention.clock", "create")]);
        assert!(day.ages_faster(&by_create));
        let waiting = keep(&[("retention.ms", "86400000"), ("milena.retention.until.consumed", "a, b")]);
        assert!(waiting.ages_faster(&day) && !day.ages_faster(&waiting));
        let small = keep(&[("retention.bytes", "100")]);
        assert_eq!((for_ever.shrinks_to(&small), small.shrinks_to(&small)), (Some(100), None));
        assert_eq!((share(10, 1000, 100), share(10, 90, 100), share(3, 300, 299)), (9, 0, 1));
    }
}
