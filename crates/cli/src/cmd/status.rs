//! `milena status` and `milena wait ready`.

use std::{fmt::Write, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use milena_client::{Admin, Metadata};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    ours::Ours,
    screen::Screen,
    web::Web,
    when,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[arg(short, long, default_value = "text")]
    output: Output,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Ends with exit code 2 when something is wrong.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let cluster = options.connect.cluster().await?;
    let metadata = Admin::new(cluster.clone()).metadata().await?;
    let troubles = troubles(&metadata);
    // Only ours has more to tell; that it does not is nothing wrong.
    let own = match Web::of(&cluster, "status").await {
        Ok(web) => web.get("/admin/v1/status").await.ok(),
        Err(_) => None,
    };
    let ours = Ours::ask(&cluster).await.is_some();
    let dead = own.as_ref().and_then(|o| o["dead"].as_str()).map(ToString::to_string);
    let troubles: Vec<String> = troubles.into_iter().chain(dead).collect();
    let mut screen = Screen::new();
    match options.output {
        Output::Json => screen.line(json(&metadata, ours, own.as_ref(), &troubles))?,
        Output::Text => screen.bytes(text(&metadata, ours, own.as_ref(), &troubles).as_bytes())?,
    }
    screen.flush()?;
    match troubles.first() {
        None => Ok(()),
        Some(first) => Err(Failure::new(Kind::No, first.clone())),
    }
}

fn troubles(metadata: &Metadata) -> Vec<String> {
    let mut troubles = Vec::new();
    for topic in metadata.topics.values() {
        for p in &topic.partitions {
            if p.leader < 0 {
                troubles.push(format!("{}/{} has no leader", topic.name, p.index));
            } else if p.in_sync.len() < p.replicas.len() {
                troubles.push(format!(
                    "{}/{} has {} of {} replicas in sync",
                    topic.name,
                    p.index,
                    p.in_sync.len(),
                    p.replicas.len()
                ));
            }
        }
    }
    troubles
}

fn partitions(metadata: &Metadata) -> usize {
    metadata.topics.values().map(|t| t.partitions.len()).sum()
}

fn json(metadata: &Metadata, ours: bool, own: Option<&Value>, troubles: &[String]) -> Value {
    let broker = |(id, endpoint): (&i32, &milena_client::Endpoint)| json!({"id": id, "address": endpoint.to_string()});
    json!({
        "healthy": troubles.is_empty(),
        "troubles": troubles,
        "milena": ours,
        "cluster_id": metadata.cluster_id.as_deref(),
        "controller": metadata.controller,
        "brokers": metadata.brokers.iter().map(broker).collect::<Vec<_>>(),
        "topics": metadata.topics.len(),
        "partitions": partitions(metadata),
        "server": own,
    })
}

fn text(metadata: &Metadata, ours: bool, own: Option<&Value>, troubles: &[String]) -> String {
    let mut out = String::new();
    let kind = if ours { "Milena" } else { "Kafka" };
    let _ = writeln!(out, "cluster   {}   {kind}", metadata.cluster_id.as_deref().unwrap_or("without an id"));
    for (id, endpoint) in &metadata.brokers {
        let role = if metadata.controller == Some(*id) { "   controller" } else { "" };
        let _ = writeln!(out, "broker    {id}   {endpoint}{role}");
    }
    let _ = writeln!(out, "topics    {}   {} partitions", metadata.topics.len(), partitions(metadata));
    if let Some(own) = own {
        let number = |name: &str| own[name].as_i64().unwrap_or(0);
        let up = when::span(number("now") - number("started_at"));
        let _ = writeln!(
            out,
            "server    {}   up {up}   data {}",
            own["version"].as_str().unwrap_or("?"),
            own["data"].as_str().unwrap_or("?")
        );
        let _ = writeln!(
            out,
            "groups    {}   {} members   {} connections",
            number("groups"),
            number("members"),
            number("connections")
        );
    }
    for bounce in own.and_then(|o| o["did_not_come_back"].as_array()).into_iter().flatten() {
        let text = |name: &str| bounce[name].as_str().unwrap_or("?");
        let at = when::clock(bounce["at"].as_i64().unwrap_or(0));
        let _ = writeln!(out, "gone      {} was told {} at {at} and did not come back", text("from"), text("told"));
    }
    for trouble in troubles {
        let _ = writeln!(out, "trouble   {trouble}");
    }
    out
}

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// The last look may say why it failed.
const GRACE: Duration = Duration::from_millis(100);

#[derive(Args, Debug)]
pub(crate) struct WaitOptions {
    #[command(subcommand)]
    what: Wait,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Subcommand, Debug)]
enum Wait {
    /// Until the broker answers
    Ready {
        /// How long, such as 30s or 2m; then the exit code is 3
        #[arg(long, default_value = "30s", value_name = "TIME", value_parser = when::length)]
        timeout: Duration,
    },
}

pub(crate) async fn wait(options: WaitOptions) -> Result<(), Failure> {
    let Wait::Ready { timeout } = options.what;
    let deadline = Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let attempt = options.connect.cluster_with(|config| {
            // Whatever hangs says so before the time is over.
            config.options.connect_timeout = config.options.connect_timeout.min(left);
            config.options.request_timeout = config.options.request_timeout.min(left);
        });
        let failure = match tokio::time::timeout_at(deadline + GRACE, attempt).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(failure)) if failure.kind() != Kind::Unreachable => return Err(failure),
            Ok(Err(failure)) => Some(failure),
            Err(_) => None,
        };
        if Instant::now() + PAUSE >= deadline {
            let told = Failure::new(Kind::Unreachable, format!("not ready within {timeout:?}"));
            return Err(match failure {
                Some(failure) => told.why(failure.what()),
                None => told.why("something takes the connection there and does not answer"),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
