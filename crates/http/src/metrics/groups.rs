//! What consumer groups have read and what they have not, in kafka_exporter's names.

use std::collections::BTreeMap;

use super::{Sample, Scrape};
use crate::serve::Door;

impl Scrape {
    /// Asks every group. A store that has failed answers for none, and then there is nothing to show.
    pub(super) async fn groups(&mut self, door: &Door) {
        let (mut members, mut offsets, mut lags, mut sums) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for group in door.node.groups() {
            let name = || ("consumergroup", group.name.to_string());
            members.push(Sample { labels: vec![name()], value: group.members as f64 });
            let Ok(Some(positions)) = door.node.lags(&group.name).await else { continue };
            let mut by_topic: BTreeMap<String, i64> = BTreeMap::new();
            for position in positions {
                let labels =
                    || vec![name(), ("topic", position.topic.to_string()), ("partition", position.partition.to_string())];
                offsets.push(Sample { labels: labels(), value: position.position as f64 });
                // Of a partition that is gone nothing is behind.
                let Some(lag) = position.records() else { continue };
                lags.push(Sample { labels: labels(), value: lag as f64 });
                *by_topic.entry(position.topic.to_string()).or_default() += lag;
            }
            let sum = |(topic, lag): (String, i64)| Sample { labels: vec![name(), ("topic", topic)], value: lag as f64 };
            sums.extend(by_topic.into_iter().map(sum));
        }
        self.family("kafka_consumergroup_members", "Members of a group", false, members);
        self.family("kafka_consumergroup_current_offset", "Next offset that a group reads", false, offsets);
        self.family("kafka_consumergroup_lag", "Records that a group has not read", false, lags);
        self.family("kafka_consumergroup_lag_sum", "Records of a topic that a group has not read", false, sums);
    }
}
