//! `topic set`: settings one by one, and more partitions. What would let data go is shown first.

use std::fmt::Write;

use clap::Args;
use milena_client::{
    Admin,
    admin::{Change, ConfigEntry, Resource},
    wire::Text,
};
use serde_json::{Value, json};

use super::{id, topic};
use crate::{cmd::loss, connect::Connect, failure::Failure, nearest::nearest, told::Told};

#[derive(Args, Debug)]
pub(crate) struct Options {
    topic: String,
    /// Settings, such as retention.ms=86400000
    #[arg(value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Back to the broker's default; may be repeated
    #[arg(long, value_name = "NAME")]
    unset: Vec<String>,
    /// Raise the number of partitions to this
    #[arg(short = 'P', long, allow_negative_numbers = true)]
    partitions: Option<i32>,
    /// Do it, although data go
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    told: Told,
}

pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, for example retention.ms=86400000")?;
    Ok((name.trim().to_string(), value.to_string()))
}

pub(super) async fn run(admin: &Admin, connect: &Connect, options: Options) -> Result<(), Failure> {
    let found = topic(admin.cluster(), &options.topic).await?;
    let resource = Resource::Topic(found.name.clone());
    let changes = changes(&options);
    if changes.is_empty() && options.partitions.is_none() {
        return Err(Failure::usage("nothing to set").fix(format!("milena topic set {} retention.ms=86400000", options.topic)));
    }
    let before = known(admin, &resource, &changes).await?;
    let mut facts = json!({
        "topic": options.topic, "id": id(&found), "changed": changed(&changes, &before, None),
        "partitions": options.partitions.map(|new| json!({"old": found.partitions.len(), "new": new})), "dry_run": false,
    });
    if !changes.is_empty() {
        admin.change_configs(&resource, &changes, true).await?;
    }
    let losses = loss::of(admin, (&resource, &changes), options.yes).await?;
    if !losses.is_empty() {
        return loss::plan(connect, options.told, facts, &losses);
    }
    if !changes.is_empty() {
        admin.change_configs(&resource, &changes, false).await?;
        facts["changed"] = after(admin, &resource, &changes, &before, options.told).await?;
    }
    let mut words = String::new();
    if let Some(count) = options.partitions {
        admin.create_partitions(&found.name, count, false).await?;
        let _ = writeln!(words, "{}   {} partitions, was {}", options.topic, count, found.partitions.len());
    }
    for (name, value) in &options.set {
        let _ = writeln!(words, "{}   {name} = {value}", options.topic);
    }
    for name in &options.unset {
        let _ = writeln!(words, "{}   {name} is the broker's default again", options.topic);
    }
    options.told.tell(facts, words)
}

/// Each change with the value before it and after it. What a default comes to is known only `after` it was made.
pub(crate) fn changed(changes: &[(Text, Change)], before: &[ConfigEntry], after: Option<&[ConfigEntry]>) -> Value {
    let value = |entries: &[ConfigEntry], name: &Text| match entries.iter().find(|entry| entry.name == *name) {
        Some(entry) if entry.sensitive => "(secret)".into(),
        Some(entry) => json!(entry.value.as_deref()),
        None => Value::Null,
    };
    let secret = |name: &Text| before.iter().any(|entry| entry.name == *name && entry.sensitive);
    let one = |(name, change): &(Text, Change)| {
        let new = match change {
            Change::Set(_) if secret(name) => "(secret)".into(),
            Change::Set(new) => Value::from(&**new),
            _ => after.map_or(Value::Null, |after| value(after, name)),
        };
        json!({"name": &**name, "old": value(before, name), "new": new, "default": *change == Change::Unset})
    };
    changes.iter().map(one).collect()
}

/// The same of changes that were made, for programs; people are told of no values but those that they gave.
pub(crate) async fn after(
    admin: &Admin,
    resource: &Resource,
    changes: &[(Text, Change)],
    before: &[ConfigEntry],
    told: Told,
) -> Result<Value, Failure> {
    if told.is_words() || changes.iter().all(|(_, change)| *change != Change::Unset) {
        return Ok(changed(changes, before, None));
    }
    let after = admin.configs(resource, None, false).await?;
    Ok(changed(changes, before, Some(&after)))
}

fn changes(options: &Options) -> Vec<(Text, Change)> {
    let set = options.set.iter().map(|(name, value)| (name.as_str().into(), Change::Set(value.as_str().into())));
    set.chain(options.unset.iter().map(|name| (name.as_str().into(), Change::Unset))).collect()
}

/// The settings as they are. One that the broker does not have is refused, with the one that was perhaps meant.
pub(crate) async fn known(admin: &Admin, resource: &Resource, changes: &[(Text, Change)]) -> Result<Vec<ConfigEntry>, Failure> {
    let known = admin.configs(resource, None, false).await?;
    for (name, _) in changes {
        if known.iter().any(|e| e.name == *name) {
            continue;
        }
        let failure = Failure::new(crate::failure::Kind::NotFound, format!("there is no setting {:?} of {resource}", &**name));
        return Err(match nearest(name, known.iter().map(|e| &*e.name)) {
            Some(near) => failure.hint(format!("did you mean {near:?}?")).fix(format!("milena config explain {near}")),
            None => failure.fix(match resource {
                Resource::Topic(topic) => format!("milena config show --all --topic {topic}   lists what there is"),
                Resource::Group(group) => format!("milena config show --all --group {group}   lists what there is"),
                _ => "milena config show --all   lists what there is".into(),
            }),
        });
    }
    Ok(known)
}
