//! What only a working client sees: a coordinator (D09), a record there and back (D10), rights (D11), the server's clock (D12)
//! and sizes that do not come through (D16). Writes into a topic of its own, which is gone afterwards.

use std::time::{Duration, Instant};

use milena_client::{
    Admin, Cluster, Connection, NewRecord, Node, Producer, ProducerConfig, Reader, Selection,
    admin::NewTopic,
    wire::{MetadataRequest, Text},
};

use super::{
    client::{PATIENCE, Terms, skip},
    finding::Finding,
};
use crate::{cmd::ping::spent, web::Web, when};

/// Bits of the rights to read and to write a topic (KIP-430).
const READ: i32 = 1 << 3;
const WRITE: i32 = 1 << 4;

/// Kinds of groups, and the API that their members join with: JoinGroup, ConsumerGroupHeartbeat (KIP-848), ShareGroupHeartbeat
/// (KIP-932).
const GROUPS: [(&str, i16); 3] = [("classic", 11), ("consumer", 68), ("share", 76)];

pub(super) async fn coordinator(cluster: &Cluster) -> Finding {
    let begin = Instant::now();
    let group = Node::Group("milena-doctor".into());
    let asked = patiently(|| cluster.connection(&group, milena_client::Lane::own()));
    let finding = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(connection)) => {
            let told = &connection.api_versions().api_keys;
            let has = |key: i16| told.iter().any(|api| api.api_key == key);
            let (there, absent): (Vec<_>, Vec<_>) = GROUPS.iter().partition(|(_, key)| has(*key));
            let names = |of: Vec<&(&str, i16)>| of.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            let not = if absent.is_empty() { String::new() } else { format!("; not served: {}", names(absent)) };
            Finding::ok("D09", format!("groups are coordinated by {}: {}{not}", connection.endpoint(), names(there)))
        }
        Ok(Err(error)) => Finding::failure("D09", format!("no coordinator for groups: {error}")).fix("milena status"),
        Err(_) => Finding::failure("D09", format!("no coordinator for groups within {PATIENCE:?}"))
            .fix("on Apache Kafka: milena topic show __consumer_offsets   (it needs a leader)"),
    };
    finding.took(begin.elapsed())
}

/// Between two tries of what a broker that has just started, or a topic that was just made, may not answer yet.
const PAUSE: Duration = Duration::from_millis(200);

async fn patiently<T, F: Future<Output = milena_client::Result<T>>>(ask: impl Fn() -> F) -> milena_client::Result<T> {
    let until = Instant::now() + PATIENCE - PAUSE;
    loop {
        match ask().await {
            Err(error) if error.is_retriable() && Instant::now() < until => tokio::time::sleep(PAUSE).await,
            told => return told,
        }
    }
}

/// What this client may do, as far as the broker tells.
pub(super) async fn rights(connection: &Connection) -> Finding {
    let begin = Instant::now();
    let request = MetadataRequest { topics: None, include_topic_authorized_operations: true, ..Default::default() };
    // The rights are told from version 8 on.
    let answer = match connection.version::<MetadataRequest>() {
        Ok(version) if version >= 8 => connection.send_version(&request, version).await,
        Ok(version) => return Finding::skipped("D11", format!("the broker is too old to tell: Metadata {version}, not 8")),
        Err(error) => Err(error),
    };
    let topics = match answer {
        Ok(answer) => answer.topics,
        Err(error) => return Finding::warning("D11", format!("the broker does not tell: {error}")).took(begin.elapsed()),
    };
    let may = |bit: i32| topics.iter().filter(|t| t.topic_authorized_operations & bit != 0).count();
    let words = format!("{} topics: may read {}, write {}", topics.len(), may(READ), may(WRITE));
    let finding = match topics.is_empty() || may(READ) > 0 {
        true => Finding::ok("D11", words),
        false => Finding::warning("D11", words)
            .fix("ask for the right to read:   kafka-acls --add --allow-principal User:YOU --operation Read --topic TOPIC"),
    };
    finding.took(begin.elapsed())
}

/// D10, D12 and D16.
pub(super) async fn trip(cluster: &Cluster, terms: &Terms) -> Vec<Finding> {
    const IDS: [&str; 3] = ["D10", "D12", "D16"];
    if !terms.write {
        return skip(&IDS, "nothing may be written (--no-write)");
    }
    let name = name("trip");
    if let Err(error) = made(cluster, &name).await {
        let mut found = skip(&IDS[1..], "no topic could be made for it");
        found
            .push(Finding::failure("D10", format!("a topic of our own cannot be made: {error}")).fix("milena doctor --no-write"));
        return found;
    }
    // What takes too long is cut off, and cleaned up all the same.
    let found = tokio::time::timeout(PATIENCE * 5 / 2, probe(cluster, &name)).await;
    taken_away(cluster, &name).await;
    found.unwrap_or_else(|_| {
        let mut found = skip(&IDS[1..], "the round trip did not end");
        found.push(
            Finding::failure("D10", "a record does not come back: no end in time")
                .fix("milena errors   on the server; or: milena ping --produce TOPIC"),
        );
        found
    })
}

/// What nobody else has.
pub(super) fn name(what: &str) -> Text {
    Text::from(format!("__milena_doctor_{what}_{:x}_{:x}", std::process::id(), when::now()))
}

/// A topic of our own.
pub(super) async fn made(cluster: &Cluster, name: &Text) -> milena_client::Result<()> {
    let topic = NewTopic {
        partitions: 1,
        replication: 1,
        configs: vec![("message.timestamp.type".into(), "LogAppendTime".into())],
        ..NewTopic::new(name.clone())
    };
    Admin::new(cluster.clone()).create_topic(&topic, false).await.map(drop)
}

pub(super) async fn taken_away(cluster: &Cluster, name: &Text) {
    let _ = Admin::new(cluster.clone()).delete_topic(name).await;
    // Ours would keep it restorable for a day.
    if let Ok(web) = Web::of(cluster, "doctor").await {
        let _ = web.call("DELETE", &format!("/admin/v1/topics/{name}?now=true")).await;
    }
}

async fn probe(cluster: &Cluster, topic: &Text) -> Vec<Finding> {
    let within = ProducerConfig { delivery_timeout: PATIENCE, topic_wait: PATIENCE, ..ProducerConfig::default() };
    let producer = Producer::new(cluster.clone(), within);
    let (mut times, mut ahead) = (Vec::new(), 0);
    for n in 0..4 {
        if n == 0
            && let Err(error) = patiently(|| cluster.leader(topic, 0)).await
        {
            let mut found = skip(&["D12", "D16"], "a record could not be stored");
            found.push(
                Finding::failure("D10", format!("a topic that was made is not there: {error}"))
                    .fix("milena errors   on the server"),
            );
            return found;
        }
        let (begin, before) = (Instant::now(), when::now());
        match producer.write(NewRecord::new(topic.clone(), format!("probe {n}"))).await {
            Ok(placed) => {
                times.push(begin.elapsed());
                ahead = placed.timestamp - (before + when::now()) / 2;
            }
            Err(error) => {
                let mut found = skip(&["D12", "D16"], "a record could not be stored");
                found.push(
                    Finding::failure("D10", format!("a record cannot be stored: {error}")).fix("milena errors   on the server"),
                );
                return found;
            }
        }
    }
    let begin = Instant::now();
    let came = read(cluster, topic).await;
    let back = begin.elapsed();
    let mean = times.iter().sum::<Duration>() / times.len() as u32;
    let words = format!("4 records stored in {} each, read back in {}", spent(mean), spent(back));
    let trip = match came {
        Ok(4) if mean > Duration::from_millis(250) => {
            Finding::warning("D10", words).fix("milena doctor --local --only S05   on the server")
        }
        Ok(4) => Finding::ok("D10", words),
        Ok(n) => Finding::failure("D10", format!("4 records were stored, {n} came back")).fix("milena errors   on the server"),
        Err(error) => {
            Finding::failure("D10", format!("what was stored cannot be read: {error}")).fix("milena errors   on the server")
        }
    };
    vec![trip.took(mean + back), clock(ahead), sizes(&producer, topic).await]
}

async fn read(cluster: &Cluster, topic: &Text) -> milena_client::Result<usize> {
    let mut reader = Reader::open(cluster.clone(), &[Selection::all(topic.clone())], Default::default()).await?;
    let mut count = 0;
    while reader.next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}

fn clock(ahead: i64) -> Finding {
    let words = format!("the server's clock is {} ms {} of ours", ahead.abs(), if ahead < 0 { "behind" } else { "ahead" });
    match ahead.abs() {
        0..1_000 => Finding::ok("D12", words),
        1_000..30_000 => Finding::warning("D12", words).fix("timedatectl set-ntp true   on both machines"),
        _ => Finding::failure("D12", format!("{words}: timestamps and retention go wrong"))
            .fix("timedatectl set-ntp true   on both machines"),
    }
}

/// Larger and larger records: what stalls is a path that drops large packets, what is refused is a limit.
async fn sizes(producer: &Producer, topic: &Text) -> Finding {
    let begin = Instant::now();
    for (size, words) in [(1 << 10, "1 KiB"), (64 << 10, "64 KiB"), (1_000_000, "1 MB")] {
        let outcome = producer.write(NewRecord::new(topic.clone(), vec![b'.'; size])).await;
        let finding = match outcome {
            Ok(_) => continue,
            Err(error) if error.code().is_some() => Finding::warning("D16", format!("a record of {words} is refused: {error}"))
                .fix("milena config explain max.message.bytes"),
            Err(error) => Finding::failure("D16", format!("a record of {words} does not come through: {error}"))
                .detail("smaller ones do: that is what a path with a small MTU looks like, a VPN for example")
                .fix("ping -M do -s 1472 HOST   (lower the MTU until it answers)"),
        };
        return finding.took(begin.elapsed());
    }
    Finding::ok("D16", "1 KiB, 64 KiB and 1 MB come through").took(begin.elapsed())
}
