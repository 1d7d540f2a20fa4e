//! `milena message show TOPIC/P/OFFSET`: one message, with the batch that it came in.

use std::fmt::Write;

use clap::Subcommand;
use milena_client::{Cluster, Message, OutOfRange, Reader, ReaderConfig, Selection, record::TimestampType};
use serde_json::{Value, json};

use super::read::{Look, Meaning, no_topic, show::Show};
use crate::{
    connect::With,
    envelope,
    failure::{Failure, Kind},
    screen::{self, Screen, counted},
    web::{Web, escaped},
    when,
};

pub(crate) type Options = With<What>;

#[derive(Subcommand, Debug)]
pub(crate) enum What {
    /// Show one message and its batch
    Show {
        /// TOPIC/PARTITION/OFFSET
        message: String,
        #[command(flatten)]
        look: Look,
    },
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let What::Show { message, look } = &options.what;
    let (topic, partition, offset) = place(message).ok_or_else(|| {
        Failure::usage(format!("{message:?} is no message"))
            .why("a message is TOPIC/PARTITION/OFFSET")
            .fix("milena message show orders/0/17")
    })?;
    let cluster = options.connect.cluster().await?;
    let mut found = find(&cluster, topic, partition, offset).await?;
    let meaning = look.decoder(&cluster).decode(&mut found).await;
    let receipt = receipt(&cluster, topic, partition, offset).await;
    if look.is_json() {
        return screen::print(&whole(&found, &meaning, receipt.as_ref()));
    }
    let mut show = Show::new(look.shape()?, Screen::new(), false)?;
    show.message(&found, &meaning, &[])?;
    show.finish()?;
    options.connect.say(batch(&found).trim_end());
    if let Some(receipt) = receipt {
        options.connect.say(life(&receipt).trim_end());
    }
    Ok(())
}

/// All of it as one JSON value: the message as `read` has it, its batch, and its receipt, which only a Milena gives.
fn whole(message: &Message, meaning: &Meaning, receipt: Option<&Value>) -> String {
    let mut text = String::new();
    envelope::write(message, meaning.value.as_deref(), false, &mut text);
    // What comes is put behind the last field, so that the message's own JSON stays as it is, byte for byte.
    text.pop();
    let receipt = receipt.unwrap_or(&Value::Null);
    format!("{text},\"batch\":{},\"receipt\":{receipt}}}\n", batch_json(message))
}

/// Who wrote it, when it goes, and which groups are past it. `None` against brokers that are not Milena.
async fn receipt(cluster: &Cluster, topic: &str, partition: i32, offset: i64) -> Option<Value> {
    let web = Web::of(cluster, "the life of a message").await.ok()?;
    let path = format!("/admin/v1/topics/{}/partitions/{partition}/records/{offset}", escaped(topic));
    web.get(&path).await.ok()
}

fn life(found: &Value) -> String {
    let mut text = String::new();
    let word = |value: &Value, name: &str| screen::printable(value[name].as_str().unwrap_or_default());
    let time = |value: &Value| value.as_i64().map_or_else(|| "never".into(), when::show);
    let writer = &found["written_by"];
    let by = if writer.is_null() {
        "somebody unknown".into()
    } else {
        format!("{} from {}", word(writer, "client"), word(writer, "address"))
    };
    let _ = writeln!(text, "stored {} by {by}; expires {}", time(&found["stored_at"]), time(&found["expires_at"]));
    for group in found["groups"].as_array().into_iter().flatten() {
        let name = word(group, "group");
        let _ = match group["committed_at"].as_i64() {
            Some(at) => {
                let earlier = if group["or_earlier"] == true { " or earlier" } else { "" };
                writeln!(text, "{name} was past it {}{earlier}", when::show(at))
            }
            None => writeln!(text, "{name} has not committed it: it stands at {}", group["position"]),
        };
    }
    for queue in found["queues"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "{}", screen::printable(&in_queue(queue)));
    }
    for given in found["given_to"].as_array().into_iter().flatten() {
        let _ = writeln!(
            text,
            "{} was given it by REST and has not committed it ({})",
            word(given, "instance"),
            word(given, "group")
        );
    }
    for (name, part) in ["key", "value"].into_iter().map(|name| (name, &found["record"][name]["schema"])) {
        if !part.is_null() {
            let (id, version) = (&part["id"], &part["version"]);
            let (kind, subject) = (word(part, "type"), word(part, "subject"));
            let _ = writeln!(text, "the {name} was written by schema {id} ({kind}, {subject} version {version})");
        }
    }
    text
}

/// How it stands in one queue.
fn in_queue(queue: &Value) -> String {
    let group = queue["group"].as_str().unwrap_or_default();
    let deliveries = queue["deliveries"].as_u64().unwrap_or_default();
    let seconds = queue["left_ms"].as_i64().unwrap_or_default().div_euclid(1_000) + 1;
    match queue["state"].as_str().unwrap_or_default() {
        "waiting" if deliveries == 0 => format!("{group} has not taken it yet"),
        "waiting" => format!("{group} has it to take again: delivery {deliveries} failed"),
        "leased" => {
            let holder = queue["holder"].as_str().unwrap_or_default();
            format!("{group} has leased it to {holder} (delivery {deliveries}) for {seconds} s more")
        }
        "delayed" => format!("{group} keeps it back for {seconds} s more, after delivery {deliveries}"),
        "acknowledged" => format!("{group}: acknowledged{}{}", finished(queue), delivery(queue)),
        "given-up" => format!("{group}: {}{}{}", given_up(queue), finished(queue), delivery(queue)),
        "dead-letter-waits" => {
            let (how, when) = (given_up(queue), finished(queue));
            format!("{group}: {how}{when}{}; its dead letter is still to be written", delivery(queue))
        }
        _ => format!("{group} is done with it"),
    }
}

fn given_up(queue: &Value) -> &'static str {
    match queue["why"].as_str() {
        Some("rejected") => "rejected",
        _ => "given up",
    }
}

/// Which delivery it was, where that is kept.
fn delivery(queue: &Value) -> String {
    queue["deliveries"].as_u64().map(|nth| format!(" (delivery {nth})")).unwrap_or_default()
}

/// When and by whom; old moments are known as a window of time.
fn finished(queue: &Value) -> String {
    let Some(at) = queue["finished_at"].as_i64() else { return String::new() };
    let from = queue["finished_from"].as_i64().filter(|from| *from < at);
    let moment = match from {
        Some(from) => format!(" between {} and {}", when::show(from), when::show(at)),
        None => format!(" {}", when::show(at)),
    };
    let by = queue["finished_by"].as_str().map(|by| format!(" by {by}")).unwrap_or_default();
    format!("{moment}{by}")
}

fn place(text: &str) -> Option<(&str, i32, i64)> {
    let (rest, offset) = text.rsplit_once('/')?;
    let (topic, partition) = rest.rsplit_once('/')?;
    Some((topic, partition.parse().ok()?, offset.parse().ok().filter(|o| *o >= 0)?))
}

async fn find(cluster: &Cluster, topic: &str, partition: i32, offset: i64) -> Result<Message, Failure> {
    let selection = Selection {
        topic: topic.into(),
        partitions: Some(vec![partition]),
        from: milena_client::From::Offset(offset),
        until: milena_client::Until::Offset(offset + 1),
    };
    let config = ReaderConfig { out_of_range: OutOfRange::Fail, partition_bytes: 1, ..ReaderConfig::default() };
    let mut reader = match Reader::open(cluster.clone(), &[selection], config).await {
        Ok(reader) => reader,
        Err(error) => return Err(no_topic(cluster, topic, error).await),
    };
    let (start, end) = reader.progress().first().map_or((0, 0), |p| (p.log_start, p.high_watermark));
    let missing = || Failure::new(Kind::NotFound, format!("there is no message {topic}/{partition}/{offset}"));
    if offset < start || offset >= end {
        let there = if start == end {
            format!("{topic}/{partition} is empty; its next offset is {end}")
        } else {
            format!("{topic}/{partition} has {start} to {}", end - 1)
        };
        return Err(missing().why(there));
    }
    reader.next().await?.ok_or_else(|| missing().why("the offset belongs to a marker, or its message was compacted away"))
}

fn batch_json(m: &Message) -> Value {
    let b = &m.batch;
    json!({
        "bytes": b.bytes.len(),
        "messages": b.count,
        "codec": b.codec.to_string(),
        "format": b.magic,
        "leader_epoch": b.leader_epoch,
        "clock": match b.timestamp_type {
            TimestampType::Create => "producer",
            TimestampType::LogAppend => "broker",
        },
        "producer_id": (b.producer_id >= 0).then_some(b.producer_id),
        "producer_epoch": (b.producer_id >= 0).then_some(b.producer_epoch),
        "first_sequence": (b.producer_id >= 0).then_some(b.base_sequence),
        "transactional": b.transactional,
    })
}

fn batch(m: &Message) -> String {
    let b = &m.batch;
    let mut out = String::new();
    let clock = match b.timestamp_type {
        TimestampType::Create => "the producer's clock",
        TimestampType::LogAppend => "the broker's clock",
    };
    let _ = writeln!(out, "time     {} ({clock})", when::rfc3339(m.timestamp, true).unwrap_or_else(|| "none".into()));
    let _ = writeln!(
        out,
        "batch    {} bytes, {}, codec {}, format {}, leader epoch {}",
        b.bytes.len(),
        counted(b.count.into(), "message"),
        b.codec,
        b.magic,
        b.leader_epoch
    );
    let writer = if b.producer_id < 0 {
        "not idempotent: the producer's id was not sent".to_string()
    } else {
        let kind = if b.transactional { "transactional" } else { "idempotent" };
        format!("{kind}, producer {} epoch {}, first sequence {}", b.producer_id, b.producer_epoch, b.base_sequence)
    };
    let _ = writeln!(out, "writer   {writer}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_says_when_and_by_whom_as_far_as_it_knows() {
        let said = |queue: Value| in_queue(&queue);
        let exact = json!({"group": "w", "state": "acknowledged", "deliveries": 2, "finished_from": 0, "finished_at": 0, "finished_by": "a"});
        assert_eq!(said(exact), format!("w: acknowledged {} by a (delivery 2)", when::show(0)));
        let window = json!({"group": "w", "state": "given-up", "finished_from": 0, "finished_at": 9_000, "why": "rejected"});
        assert_eq!(said(window), format!("w: rejected between {} and {}", when::show(0), when::show(9_000)));
        let nothing = json!({"group": "w", "state": "given-up", "deliveries": 5, "why": "delivery-limit"});
        assert_eq!(said(nothing), "w: given up (delivery 5)");
        assert_eq!(said(json!({"group": "w", "state": "finished"})), "w is done with it");
    }
}
