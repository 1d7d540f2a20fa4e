//! Where a group was before: the last distinct positions of each partition, as the broker keeps them.

use milena_client::Admin;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    table::{self, Output},
    web::{Web, escaped},
    when,
};

/// One partition's positions, oldest first; the last one holds.
pub(super) struct Steps {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// Position, when it was committed, and by whom.
    pub(super) steps: Vec<(i64, i64, String)>,
}

pub(super) async fn of(admin: &Admin, group: &str) -> Result<Vec<Steps>, Failure> {
    let web = Web::of(admin.cluster(), "the history of positions").await?;
    let found = web.get(&format!("/admin/v1/groups/{}/history", escaped(group))).await?;
    let positions = found["positions"].as_array().cloned().unwrap_or_default();
    Ok(positions.iter().map(steps).collect())
}

fn steps(position: &Value) -> Steps {
    let step = |step: &Value| (step["position"].as_i64().unwrap_or(0), step["at"].as_i64().unwrap_or(0), by(&step["by"]));
    let past = position["history"].as_array().into_iter().flatten().map(step);
    Steps {
        topic: position["topic"].as_str().unwrap_or_default().into(),
        partition: position["partition"].as_i64().and_then(|p| i32::try_from(p).ok()).unwrap_or(0),
        steps: past.chain([step(position)]).collect(),
    }
}

fn by(writer: &Value) -> String {
    let word = |name: &str| writer[name].as_str().unwrap_or_default();
    if writer.is_null() { String::new() } else { format!("{} {}", word("client"), word("address")) }
}

pub(super) async fn show(admin: &Admin, group: &str, output: Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for partition in of(admin, group).await? {
        for (position, at, by) in &partition.steps {
            rows.push(json!({
                "topic": partition.topic, "partition": partition.partition, "position": position, "at": when::show(*at), "by": by,
            }));
        }
    }
    table::rows(output, &["topic", "partition", "position", "at", "by"], rows)
}

impl Steps {
    /// Where it was before it came to where it is.
    pub(super) fn before(&self) -> Option<i64> {
        self.steps.iter().rev().nth(1).map(|(position, ..)| *position)
    }
    /// Where it was at a moment.
    pub(super) fn at(&self, time: i64) -> Option<i64> {
        self.steps.iter().rev().find(|(_, at, _)| *at <= time).map(|(position, ..)| *position)
    }
}
