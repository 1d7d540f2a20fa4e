//! `milena why TOPIC [--group G]`: why a reader finds nothing, in a sentence for each partition.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    connect::Connect,
    failure::Failure,
    table::{self, Output},
    web::{Web, escaped},
    when,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    topic: String,
    /// The group that finds nothing
    #[arg(short, long)]
    group: Option<String>,
    #[arg(short, long, default_value = "table")]
    output: Output,
    #[command(flatten)]
    connect: Connect,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let web = Web::of(&options.connect.cluster().await?, "why").await?;
    let group = options.group.as_deref().map_or_else(String::new, |group| format!("?group={}", escaped(group)));
    let found = web.get(&format!("/admin/v1/topics/{}/why{group}", escaped(&options.topic))).await?;
    let partitions = found["partitions"].as_array().cloned().unwrap_or_default();
    let row = |p: &Value| {
        json!({
            "partition": p["partition"], "start": p["start"], "end": p["end"], "position": p["position"],
            "waiting": p["waiting"], "because": p["because"],
        })
    };
    let columns = ["partition", "start", "end", "position", "waiting", "because"];
    table::rows(options.output, &columns, partitions.iter().map(row).collect())?;
    if found["group_known"] == false {
        options.connect.say(format_args!(
            "there is no group {:?}: it never committed and has no members",
            options.group.as_deref().unwrap_or_default()
        ));
    }
    for line in partitions.iter().map(|p| &p["removed_unread"]).filter(|line| !line.is_null()) {
        options.connect.say(sentence(line));
    }
    Ok(())
}

/// A line of the expiry ledger, for people.
pub(super) fn sentence(line: &Value) -> String {
    let groups: Vec<String> =
        line["groups"].as_array().into_iter().flatten().map(|g| format!("{} at {}", text(&g["group"]), g["position"])).collect();
    let at = line["at"].as_i64().map(when::show).unwrap_or_default();
    format!(
        "{}/{}: offsets {} to {} were removed unread ({}) {at}; {}",
        text(&line["topic"]),
        line["partition"],
        line["from"],
        line["to"].as_i64().unwrap_or(0) - 1,
        text(&line["why"]),
        groups.join(", "),
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
