//! What a cluster holds, seen from outside so that any Kafka can be asked: how much, the oldest, the busiest, and who is stuck.
//! Looks twice, a moment apart, since what moves is not seen by one look.

use std::{collections::BTreeMap, time::Duration};

use milena_client::{Admin, At, Cluster, Metadata, wire::Text};
use serde_json::{Value, json};

/// Between the two looks.
const MOMENT: Duration = Duration::from_millis(400);
/// More partitions and groups than this are not looked at one by one.
const MOST: usize = 5000;
const GROUPS: usize = 200;

/// Every figure that could be had; what could not is `None`.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    pub(super) records: Option<i64>,
    pub(super) bytes: Option<i64>,
    /// The topic with the most bytes.
    pub(super) biggest: Option<(Text, i64)>,
    /// The topic with the oldest record, and its time.
    pub(super) oldest: Option<(Text, i64)>,
    /// The topic with the most records a second just now.
    pub(super) busiest: Option<(Text, i64)>,
    /// Groups that are behind and did not move: name, how many records, whether anybody reads.
    pub(super) stuck: Vec<(Text, i64, bool)>,
}

type Offsets = BTreeMap<(Text, i32), i64>;

pub(super) async fn look(admin: &Admin, metadata: &Metadata) -> Holdings {
    let cluster = admin.cluster();
    let somebodys = metadata.topics.values().filter(|t| !t.name.starts_with("__"));
    let partitions: Vec<(Text, i32)> =
        somebodys.flat_map(|t| t.partitions.iter().map(|p| (t.name.clone(), p.index))).take(MOST).collect();
    let (sizes, starts, before, times, groups) = tokio::join!(
        sizes(admin, metadata),
        offsets(cluster, &partitions, At::Start),
        offsets(cluster, &partitions, At::End),
        times(cluster, &partitions),
        positions(admin),
    );
    tokio::time::sleep(MOMENT).await;
    let (after, later) = tokio::join!(offsets(cluster, &partitions, At::End), positions(admin));
    let oldest = times.iter().flat_map(|times| times.iter().min_by_key(|(_, time)| *time)).next().cloned();
    Holdings {
        records: starts.as_ref().zip(after.as_ref()).map(|(starts, ends)| total(ends) - total(starts)),
        bytes: sizes.as_ref().map(|sizes| sizes.values().sum()),
        biggest: sizes.iter().flat_map(|s| s.iter().max_by_key(|(_, bytes)| **bytes)).next().map(|(t, b)| (t.clone(), *b)),
        oldest,
        busiest: before.zip(after.as_ref()).and_then(|(before, after)| busiest(&before, after)),
        stuck: after.map(|ends| stuck(&groups, &later, &ends)).unwrap_or_default(),
    }
}

fn total(offsets: &Offsets) -> i64 {
    offsets.values().sum()
}

/// Bytes by topic, of the replicas that lead.
async fn sizes(admin: &Admin, metadata: &Metadata) -> Option<BTreeMap<Text, i64>> {
    let mut sizes: BTreeMap<Text, i64> = BTreeMap::new();
    for broker in metadata.brokers.keys() {
        let dirs = admin.log_dirs(*broker).await.ok()?;
        for replica in dirs.into_iter().flat_map(|d| d.replicas) {
            let leads = |t: &std::sync::Arc<milena_client::Topic>| {
                t.partitions.iter().any(|p| p.index == replica.partition && p.leader == *broker)
            };
            if metadata.topics.get(&replica.topic).is_some_and(leads) {
                *sizes.entry(replica.topic).or_default() += replica.size;
            }
        }
    }
    Some(sizes)
}

async fn offsets(cluster: &Cluster, partitions: &[(Text, i32)], at: At) -> Option<Offsets> {
    let asked: Vec<_> = partitions.iter().map(|(topic, p)| (topic.clone(), *p, at)).collect();
    let listed = cluster.list_offsets(&asked, false).await.ok()?;
    Some(partitions.iter().cloned().zip(listed.iter().map(|l| l.offset.unwrap_or(0))).collect())
}

/// The time of the first record of each partition that has one.
async fn times(cluster: &Cluster, partitions: &[(Text, i32)]) -> Option<Vec<(Text, i64)>> {
    let asked: Vec<_> = partitions.iter().map(|(topic, p)| (topic.clone(), *p, At::Time(0))).collect();
    let listed = cluster.list_offsets(&asked, false).await.ok()?;
    Some(partitions.iter().zip(&listed).filter_map(|((topic, _), l)| Some((topic.clone(), l.timestamp?))).collect())
}

/// Where each group is, and whether it has members.
type Groups = BTreeMap<Text, (bool, Offsets)>;

async fn positions(admin: &Admin) -> Groups {
    let mut all = Groups::new();
    for group in admin.groups().await.unwrap_or_default().into_iter().take(GROUPS) {
        let Ok(positions) = admin.positions(&group.id).await else { continue };
        let offsets = positions.into_iter().map(|p| ((p.topic, p.partition), p.offset)).collect();
        all.insert(group.id, (!matches!(&*group.state, "Empty" | "Dead"), offsets));
    }
    all
}

/// The topic whose ends went the furthest, in records a second.
fn busiest(before: &Offsets, after: &Offsets) -> Option<(Text, i64)> {
    let mut moved: BTreeMap<&Text, i64> = BTreeMap::new();
    for (place, end) in after {
        *moved.entry(&place.0).or_default() += end - before.get(place).unwrap_or(end);
    }
    let (topic, records) = moved.into_iter().max_by_key(|(_, records)| *records)?;
    let rate = records * 1000 / i64::try_from(MOMENT.as_millis()).unwrap_or(1);
    (rate > 0).then(|| (topic.clone(), rate))
}

/// Groups that have something to read and did not move at all.
fn stuck(before: &Groups, after: &Groups, ends: &Offsets) -> Vec<(Text, i64, bool)> {
    let behind =
        |offsets: &Offsets| -> i64 { offsets.iter().map(|(place, at)| ends.get(place).map_or(0, |end| (end - at).max(0))).sum() };
    let mut found: Vec<(Text, i64, bool)> = after
        .iter()
        .filter(|(name, (_, now))| before.get(*name).is_some_and(|(_, then)| then == now))
        .map(|(name, (members, now))| (name.clone(), behind(now), *members))
        .filter(|(_, lag, _)| *lag > 0)
        .collect();
    found.sort_by_key(|(_, lag, _)| -lag);
    found
}

impl Holdings {
    pub(super) fn json(&self) -> Value {
        let pair = |pair: &Option<(Text, i64)>, what: &str| match pair {
            Some((topic, n)) => json!({"topic": topic.as_str(), what: n}),
            None => Value::Null,
        };
        let stuck =
            |(group, lag, members): &(Text, i64, bool)| json!({"group": group.as_str(), "behind": lag, "has_members": members});
        json!({
            "records": self.records,
            "bytes": self.bytes,
            "biggest": pair(&self.biggest, "bytes"),
            "oldest": pair(&self.oldest, "timestamp"),
            "busiest": pair(&self.busiest, "records_per_second"),
            "stuck": self.stuck.iter().map(stuck).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(of: &[(&str, i64)]) -> Offsets {
        of.iter().map(|(topic, n)| ((Text::from(*topic), 0), *n)).collect()
    }

    #[test]
    fn what_moved_is_busy_and_what_did_not_is_stuck() {
        let (before, after) = (offsets(&[("a", 5), ("b", 5)]), offsets(&[("a", 9), ("b", 6), ("new", 3)]));
        assert_eq!(busiest(&before, &after), Some(("a".into(), 10)), "a topic that was not there before did not move");
        assert_eq!(busiest(&after, &after), None);
        let group = |members, at: &[(&str, i64)]| (members, offsets(at));
        let then: Groups = [
            ("reads".into(), group(true, &[("a", 1)])),
            ("sleeps".into(), group(true, &[("a", 2)])),
            ("gone".into(), group(false, &[("a", 4), ("b", 1)])),
            ("done".into(), group(true, &[("a", 9)])),
        ]
        .into();
        let mut now = then.clone();
        now.insert("reads".into(), group(true, &[("a", 2)]));
        assert_eq!(stuck(&then, &now, &after), [("gone".into(), 10, false), ("sleeps".into(), 7, true)]);
    }
}
