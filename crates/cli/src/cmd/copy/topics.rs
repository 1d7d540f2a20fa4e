//! Topics and their settings. While records come, a topic keeps everything and takes times as they are; what its source has is
//! set at the end, so that nothing is removed under the copy's hands.

use std::collections::BTreeMap;

use milena_client::{
    Admin, Topics,
    admin::{Change, ConfigSource, NewTopic, Resource},
    wire::Text,
};
use serde_json::json;

use super::Ends;
use crate::{
    failure::{Failure, Kind},
    told::Stream,
};

/// Settings that a topic has while records come.
const MEANWHILE: [(&str, &str); 4] =
    [("retention.ms", "-1"), ("retention.bytes", "-1"), ("cleanup.policy", "delete"), ("message.timestamp.type", "CreateTime")];

/// A topic as it shall be.
pub(super) struct Wanted {
    pub(super) partitions: usize,
    configs: BTreeMap<Text, Text>,
}

/// Those that were named, or all that are somebody's.
pub(super) async fn wanted(from: &Admin, named: &[Text]) -> Result<Vec<Text>, Failure> {
    let metadata = from.cluster().metadata(Topics::All).await?;
    if let Some(missing) = named.iter().find(|name| !metadata.topics.contains_key(*name)) {
        let failure = Failure::new(Kind::NotFound, format!("there is no topic {:?} to be copied", &**missing));
        return Err(match crate::nearest::nearest(missing, metadata.topics.keys().map(|name| &**name)) {
            Some(near) => failure.hint(format!("did you mean {near:?}?")),
            None => failure,
        });
    }
    let somebodys = |name: &&Text| !name.starts_with("__") && &***name != "_schemas";
    Ok(match named.is_empty() {
        true => metadata.topics.keys().filter(somebodys).cloned().collect(),
        false => named.to_vec(),
    })
}

/// What CSV has of a plan.
pub(super) const PLAN: &[&str] = &["topic", "partitions", "records_at_most", "goes_on"];

/// For `--dry-run`.
pub(super) async fn show(ends: &Ends, names: &[Text], stream: &mut Stream) -> Result<(), Failure> {
    let there = ends.to.cluster().metadata(Topics::All).await?.topics;
    for name in names {
        let topic = ends.from.cluster().topic(name).await?;
        let bounds = super::records::bounds(ends.from.cluster(), name, true).await?;
        let records: i64 = bounds.values().map(|(start, end)| end - start).sum();
        let (partitions, goes_on) = (topic.partitions.len(), there.contains_key(name));
        let is = if goes_on { "goes on" } else { "new" };
        let facts = json!({
            "topic": &**name, "partitions": partitions, "records_at_most": records, "goes_on": goes_on,
        });
        stream.row(facts, format_args!("{name}   {partitions} partitions   at most {records} records   {is}"))?;
    }
    Ok(())
}

/// Makes the topic if it is not there, and has it keep everything for now.
pub(super) async fn prepare(ends: &Ends, name: &Text) -> Result<Wanted, Failure> {
    let topic = ends.from.cluster().topic(name).await?;
    let own = ends.from.configs(&Resource::Topic(name.clone()), None, false).await?;
    let own = own.into_iter().filter(|e| e.source == ConfigSource::Topic);
    let wanted = Wanted { partitions: topic.partitions.len(), configs: own.filter_map(|e| Some((e.name, e.value?))).collect() };
    let existing = ends.to.cluster().metadata(Topics::All).await?.topics.get(name).map(|t| t.partitions.len());
    match existing {
        None => {
            let configs = MEANWHILE.map(|(name, value)| (Text::from_static(name), Text::from_static(value))).to_vec();
            let partitions = i32::try_from(wanted.partitions).unwrap_or(i32::MAX);
            ends.to.create_topic(&NewTopic { name: name.clone(), partitions, replication: -1, configs }, false).await?;
            appeared(&ends.to, name).await?;
        }
        Some(count) if count != wanted.partitions => {
            return Err(Failure::new(
                Kind::Exists,
                format!("the topic {name} is there with {count} partitions, and its source has {}", wanted.partitions),
            )
            .fix(format!("milena topic rm {name}   (or copy the others by their names)")));
        }
        Some(_) => {
            let change = |(name, value)| (Text::from_static(name), Change::Set(Text::from_static(value)));
            ends.to.change_configs(&Resource::Topic(name.clone()), &MEANWHILE.map(change), false).await?;
        }
    }
    Ok(wanted)
}

/// A cluster of several brokers says that it made a topic a moment before all of them know it.
async fn appeared(to: &Admin, name: &Text) -> Result<(), Failure> {
    for _ in 0..50 {
        match to.cluster().topic(name).await {
            Ok(topic) if topic.partitions.iter().all(|p| p.leader >= 0) => return Ok(()),
            _ => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
        to.cluster().forget_topic(name);
    }
    Err(Failure::new(Kind::Failed, format!("the topic {name} was made and does not appear")))
}

/// Gives the topic the settings of its source. What is not taken here is named.
pub(super) async fn finish(ends: &Ends, name: &Text, wanted: &Wanted) -> Result<Vec<String>, Failure> {
    let resource = Resource::Topic(name.clone());
    let back = MEANWHILE.iter().filter(|(name, _)| !wanted.configs.contains_key(*name));
    let back: Vec<(Text, Change)> = back.map(|(name, _)| (Text::from_static(name), Change::Unset)).collect();
    if !back.is_empty() {
        ends.to.change_configs(&resource, &back, false).await?;
    }
    let mut refused = Vec::new();
    for (setting, value) in &wanted.configs {
        let change = [(setting.clone(), Change::Set(value.clone()))];
        if let Err(error) = ends.to.change_configs(&resource, &change, false).await {
            match error.code() {
                Some(_) => refused.push(format!("{setting}={value}: {error}")),
                None => return Err(error.into()),
            }
        }
    }
    Ok(refused)
}
