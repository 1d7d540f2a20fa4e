//! `topic set`: settings one by one, and more partitions. What would let data go is shown first.

use clap::Args;
use milena_client::{
    Admin,
    admin::{Change, Resource},
    wire::Text,
};

use super::topic;
use crate::{cmd::loss, connect::Connect, failure::Failure, nearest::nearest};

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
    known(admin, &resource, &changes).await?;
    if !changes.is_empty() {
        admin.change_configs(&resource, &changes, true).await?;
    }
    if !loss::allowed(admin, connect, (&resource, &changes), options.yes).await? {
        return Ok(());
    }
    if !changes.is_empty() {
        admin.change_configs(&resource, &changes, false).await?;
    }
    if let Some(count) = options.partitions {
        admin.create_partitions(&found.name, count, false).await?;
        crate::screen::line(format_args!("{}   {} partitions, was {}", options.topic, count, found.partitions.len()))?;
    }
    for (name, value) in &options.set {
        crate::screen::line(format_args!("{}   {name} = {value}", options.topic))?;
    }
    for name in &options.unset {
        crate::screen::line(format_args!("{}   {name} is the broker's default again", options.topic))?;
    }
    Ok(())
}

fn changes(options: &Options) -> Vec<(Text, Change)> {
    let set = options.set.iter().map(|(name, value)| (name.as_str().into(), Change::Set(value.as_str().into())));
    set.chain(options.unset.iter().map(|name| (name.as_str().into(), Change::Unset))).collect()
}

/// A setting that the broker does not have, with the one that was perhaps meant.
pub(crate) async fn known(admin: &Admin, resource: &Resource, changes: &[(Text, Change)]) -> Result<(), Failure> {
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
    Ok(())
}
