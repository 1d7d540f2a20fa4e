//! `topic show` and `topic retention`.

use std::fmt::Write;

use milena_client::{
    Admin, Topic,
    admin::{ConfigEntry, ConfigSource, Resource},
    wire::Text,
};
use serde_json::{Value, json};

use super::{bounds, list, size, topic};
use crate::{
    failure::Failure,
    ours::Ours,
    screen,
    table::{self, Output},
    web::Web,
    when,
};

const PARTITION: [&str; 7] = ["partition", "leader", "replicas", "in_sync", "start", "end", "messages"];

pub(super) async fn run(admin: &Admin, name: &str, output: Output) -> Result<(), Failure> {
    let topic = topic(admin.cluster(), name).await?;
    let settings = settings(admin, &topic.name).await;
    let partitions = partitions(admin, &topic).await?;
    let messages: i64 = partitions.iter().filter_map(|p| p["messages"].as_i64()).sum();
    let brokers = admin.metadata().await?.brokers.into_keys();
    let bytes = list::bytes(admin, brokers).await.get(name).copied();
    if output != Output::Table {
        let whole = json!({
            "topic": name,
            "id": topic.id.to_string(),
            "messages": messages,
            "bytes": bytes,
            "settings": settings.iter().map(|e| (e.name.to_string(), json!(e.value.as_deref()))).collect::<serde_json::Map<_, _>>(),
            "partitions": partitions,
        });
        return match output {
            Output::Json => screen::line(screen::json(format_args!("{whole:#}"))),
            Output::Jsonl => screen::line(screen::json(whole)),
            _ => table::rows(output, &PARTITION, partitions),
        };
    }
    let mut text = format!("{name}   {messages} messages");
    let _ = writeln!(text, "{}   id {}", bytes.map_or(String::new(), |b| format!(" in {}", size(b))), topic.id);
    for entry in &settings {
        let _ = writeln!(text, "  {} = {}", entry.name, entry.value.as_deref().unwrap_or("?"));
    }
    let compacted =
        settings.iter().any(|e| &*e.name == "cleanup.policy" && e.value.as_deref().is_some_and(|v| v.contains("compact")));
    if compacted && Ours::seen(admin.cluster()).await.is_some() {
        text.push_str("  this Milena refuses records without a key here, and keeps every record: it does not compact yet\n");
    }
    screen::print(&screen::lines(&text))?;
    table::rows(output, &PARTITION, partitions)
}

/// What was set for this topic itself. A broker that does not tell is no failure.
pub(super) async fn settings(admin: &Admin, name: &Text) -> Vec<ConfigEntry> {
    let all = admin.configs(&Resource::Topic(name.clone()), None, false).await.unwrap_or_default();
    all.into_iter().filter(|e| e.source == ConfigSource::Topic).collect()
}

async fn partitions(admin: &Admin, topic: &Topic) -> Result<Vec<Value>, Failure> {
    let asked: Vec<(Text, i32)> = topic.partitions.iter().map(|p| (topic.name.clone(), p.index)).collect();
    let bounds = bounds(admin.cluster(), &asked).await?;
    let ids = |ids: &[i32]| Value::from(ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let row = |(p, (start, end)): (&milena_client::Partition, (i64, i64))| {
        json!({
            "partition": p.index, "leader": p.leader, "replicas": ids(&p.replicas), "in_sync": ids(&p.in_sync),
            "start": start, "end": end, "messages": end - start,
        })
    };
    Ok(topic.partitions.iter().zip(bounds).map(row).collect())
}

pub(super) async fn retention(admin: &Admin, name: &str, output: Output) -> Result<(), Failure> {
    let found = topic(admin.cluster(), name).await?;
    let web = Web::of(admin.cluster(), "what goes next").await?;
    let kept = web.get(&format!("/admin/v1/topics/{}/retention", &*found.name)).await?;
    let person = output == Output::Table;
    if person {
        let limit = |value: &Value, words: fn(i64) -> String| match value.as_i64() {
            Some(n) if n >= 0 => words(n),
            _ => "no limit".into(),
        };
        let (age, bytes) = (limit(&kept["retention_ms"], when::span), limit(&kept["retention_bytes"], size));
        screen::line(format_args!("{name}   by age: {age}   by size of a partition: {bytes}"))?;
    }
    let time = |value: &Value| value.as_i64().and_then(|ms| when::rfc3339(ms, person));
    let row = |p: &Value| {
        let next = &p["next"];
        let offsets = next["from"].as_i64().zip(next["to"].as_i64()).map(|(from, to)| format!("{from}..{}", to - 1));
        let position = |name: &str| p["readers"].as_array().into_iter().flatten().find(|reader| reader["group"] == name);
        let held = next["held_by"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let held: Vec<String> =
            held.map(|name| format!("{name}@{}", position(name).map_or(&Value::Null, |reader| &reader["position"]))).collect();
        json!({
            "partition": p["partition"], "start": p["start"], "end": p["high"], "bytes": p["bytes"],
            "next": offsets, "messages": next["records"], "next_goes_at": time(&next["goes_at"]),
            "held_by": (!held.is_empty()).then(|| held.join(" ")),
        })
    };
    let rows = kept["partitions"].as_array().map(|list| list.iter().map(row).collect()).unwrap_or_default();
    table::rows(output, &["partition", "start", "end", "bytes", "next", "messages", "next_goes_at", "held_by"], rows)
}

/// The expiry ledger of one topic; also of one that is gone.
pub(super) async fn unread(admin: &Admin, topic: &str, output: Output) -> Result<(), Failure> {
    let web = Web::of(admin.cluster(), "the expiry ledger").await?;
    let found = web.get(&format!("/admin/v1/topics/{}/unread", crate::web::escaped(topic))).await?;
    if found.as_array().is_none_or(Vec::is_empty) {
        // Of one that never was, nothing is known either.
        super::topic(admin.cluster(), topic).await?;
    }
    let row = |line: &Value| {
        let groups = line["groups"].as_array().into_iter().flatten();
        let groups: Vec<String> =
            groups.map(|g| format!("{}@{}", g["group"].as_str().unwrap_or_default(), g["position"])).collect();
        json!({
            "partition": line["partition"], "from": line["from"], "to": line["to"], "records": line["records"],
            "at": line["at"].as_i64().map(when::show), "why": line["why"], "unread_by": groups.join(" "),
        })
    };
    let columns = ["partition", "from", "to", "records", "at", "why", "unread_by"];
    table::rows(output, &columns, found.as_array().into_iter().flatten().map(row).collect())
}
