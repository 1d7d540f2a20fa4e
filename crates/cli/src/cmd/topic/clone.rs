//! `topic clone`: a topic of another name with the same partitions, settings and records. Offsets begin at 0 again.

use std::{collections::VecDeque, io::IsTerminal};

use clap::Args;
use indicatif::ProgressBar;
use milena_client::{
    Admin, Delivery, Message, NewRecord, Producer, ProducerConfig, Reader, ReaderConfig, Selection, admin::NewTopic,
};
use serde_json::{Value, json};

use super::{show, topic};
use crate::{connect::Connect, failure::Failure, screen::counted, told::Told};

/// Records that are read and not yet acknowledged.
const WINDOW: usize = 10_000;

#[derive(Args, Debug)]
pub(crate) struct Options {
    from: String,
    /// Name of the copy, which must not exist
    to: String,
    /// Only the settings and partitions
    #[arg(long)]
    empty: bool,
    #[command(flatten)]
    told: Told,
}

pub(super) async fn run(admin: &Admin, connect: &Connect, options: Options) -> Result<(), Failure> {
    let found = topic(admin.cluster(), &options.from).await?;
    let settings = show::settings(admin, &found.name).await;
    let copy = NewTopic {
        name: options.to.as_str().into(),
        partitions: found.partitions.len() as i32,
        replication: -1,
        configs: settings.into_iter().filter_map(|e| Some((e.name, e.value?))).collect(),
    };
    let made = admin.create_topic(&copy, false).await?;
    let copied = if options.empty { 0 } else { records(admin, connect, &options).await? };
    let configs: serde_json::Map<String, Value> =
        copy.configs.iter().map(|(name, value)| (name.to_string(), Value::from(&**value))).collect();
    let facts = json!({
        "from": options.from, "topic": options.to, "id": made.id.to_string(), "partitions": copy.partitions,
        "configs": configs, "messages": copied,
    });
    let words = format!(
        "{} → {}   {}, {}, {}",
        options.from,
        options.to,
        counted(copy.partitions.into(), "partition"),
        counted(copy.configs.len() as i64, "setting"),
        counted(copied as i64, "message")
    );
    options.told.tell(facts, words)
}

async fn records(admin: &Admin, connect: &Connect, options: &Options) -> Result<u64, Failure> {
    let selection = Selection::all(options.from.as_str());
    let mut reader = Reader::open(admin.cluster().clone(), &[selection], ReaderConfig::default()).await?;
    let producer = Producer::new(admin.cluster().clone(), ProducerConfig::default());
    let all: i64 = reader.progress().iter().filter_map(|p| Some(p.until? - p.from)).sum();
    let wanted = std::io::stderr().is_terminal() && !connect.quiet;
    let bar = if wanted { ProgressBar::new(all.unsigned_abs()) } else { ProgressBar::hidden() };
    let mut under_way: VecDeque<Delivery> = VecDeque::new();
    let mut copied = 0;
    while let Some(message) = reader.next().await? {
        if under_way.len() >= WINDOW
            && let Some(oldest) = under_way.pop_front()
        {
            oldest.await?;
        }
        under_way.push_back(producer.send(copy(message, &options.to)).await?);
        copied += 1;
        bar.set_position(copied);
    }
    for delivery in under_way {
        delivery.await?;
    }
    bar.finish_and_clear();
    Ok(copied)
}

fn copy(message: Message, to: &str) -> NewRecord {
    NewRecord {
        topic: to.into(),
        partition: Some(message.partition),
        key: message.key,
        value: message.value,
        headers: message.headers,
        timestamp: (message.timestamp >= 0).then_some(message.timestamp),
    }
}
