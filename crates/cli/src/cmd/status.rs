//! `milena status`, one screen of how a cluster stands, and `milena wait ready`.

mod holdings;

use std::{fmt::Write, time::Duration};

use clap::{Args, Subcommand};
use milena_client::{Admin, Metadata};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::holdings::Holdings;
use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    ours::Ours,
    screen::{self, Output, Screen, size},
    told::Told,
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

/// Ends with exit code 2 when something is wrong.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let cluster = options.connect.cluster().await?;
    let admin = Admin::new(cluster.clone());
    let metadata = admin.metadata().await?;
    let held = holdings::look(&admin, &metadata).await;
    let troubles = troubles(&metadata);
    // Only ours has more to tell; that it does not is nothing wrong.
    let own = match Web::of(&cluster, "status").await {
        Ok(web) => web.get("/admin/v1/status").await.ok(),
        Err(_) => None,
    };
    let ours = Ours::seen(&cluster).await.is_some();
    let dead = own.as_ref().and_then(|o| o["dead"].as_str()).map(ToString::to_string);
    let troubles: Vec<String> = troubles.into_iter().chain(dead).collect();
    let mut screen = Screen::new();
    match options.output {
        Output::Json => screen.line(screen::json(json(&metadata, ours, own.as_ref(), &held, &troubles)))?,
        Output::Text => screen.line(screen::lines(text(&metadata, ours, own.as_ref(), &held, &troubles).trim_end()))?,
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

fn json(metadata: &Metadata, ours: bool, own: Option<&Value>, held: &Holdings, troubles: &[String]) -> Value {
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
        "holds": held.json(),
        "server": own,
    })
}

fn text(metadata: &Metadata, ours: bool, own: Option<&Value>, held: &Holdings, troubles: &[String]) -> String {
    let mut out = String::new();
    let kind = if ours { "Milena" } else { "Kafka" };
    let _ = writeln!(out, "cluster   {}   {kind}", metadata.cluster_id.as_deref().unwrap_or("without an id"));
    for (id, endpoint) in &metadata.brokers {
        let role = if metadata.controller == Some(*id) { "   controller" } else { "" };
        let _ = writeln!(out, "broker    {id}   {endpoint}{role}");
    }
    let _ = writeln!(out, "topics    {}   {} partitions", metadata.topics.len(), partitions(metadata));
    held_lines(&mut out, held);
    if let Some(own) = own {
        let _ = write!(out, "{}", disk(own));
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
        let _ = writeln!(out, "recovery  {}", recovery(&own["recovered"]));
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

/// What is stored, and what stands out in it.
fn held_lines(out: &mut String, held: &Holdings) {
    let bytes = |n: i64| size(n.unsigned_abs());
    if let Some(records) = held.records {
        let stored = held.bytes.map_or(String::new(), |n| format!("   {}", bytes(n)));
        let biggest = held.biggest.as_ref().filter(|(_, n)| *n > 0);
        let most = biggest.map_or(String::new(), |(topic, n)| format!("   most in {topic}, {}", bytes(*n)));
        let _ = writeln!(out, "stored    {}{stored}{most}", crate::screen::counted(records, "record"));
    }
    if let Some((topic, time)) = &held.oldest {
        let _ = writeln!(out, "oldest    {topic}   {}", when::show(*time));
    }
    match &held.busiest {
        Some((topic, rate)) => {
            let _ = writeln!(out, "busiest   {topic}   {rate} records/s");
        }
        None if held.records.is_some() => out.push_str("busiest   nothing is being written\n"),
        None => {}
    }
    for (group, lag, members) in held.stuck.iter().take(5) {
        let who = if *members { "it has members, and did not move" } else { "nobody reads for it" };
        let _ = writeln!(out, "stuck     group {}   {lag} behind   {who}", screen::printable(group));
    }
    if held.stuck.len() > 5 {
        let _ = writeln!(out, "stuck     and {} more: milena group ls", held.stuck.len() - 5);
    }
}

/// How full it is.
fn disk(own: &Value) -> String {
    let number = |name: &str| own[name].as_u64().unwrap_or(0);
    let (free, total) = (number("disk_free"), number("disk_total"));
    if total == 0 {
        return "disk      none: everything is in memory\n".into();
    }
    let used = total.saturating_sub(free) * 100 / total;
    format!("disk      {used} % of {} used   ours {}\n", size(total), size(number("log_bytes") + number("segment_bytes")))
}

fn recovery(recovered: &Value) -> String {
    let number = |name: &str| recovered[name].as_u64().unwrap_or(0);
    let damage = recovered["damage"].as_array().map_or(0, Vec::len);
    let how = match recovered["clean"].as_bool() {
        Some(true) => "the last stop was clean".to_string(),
        _ => format!(
            "after an unclean stop: {} batches and {} facts checked, {} torn bytes cut",
            number("batches"),
            number("facts"),
            number("cut")
        ),
    };
    if damage == 0 { how } else { format!("{how}; {damage} damaged places, see milena doctor --local") }
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
        #[command(flatten)]
        told: Told,
    },
}

pub(crate) async fn wait(options: WaitOptions) -> Result<(), Failure> {
    let Wait::Ready { timeout, told } = options.what;
    let begin = Instant::now();
    let deadline = begin + timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let attempt = options.connect.cluster_with(|config| {
            // Whatever hangs says so before the time is over.
            config.options.connect_timeout = config.options.connect_timeout.min(left);
            config.options.request_timeout = config.options.request_timeout.min(left);
        });
        let failure = match tokio::time::timeout_at(deadline + GRACE, attempt).await {
            // A person has waited for nothing but the end.
            Ok(Ok(_)) => {
                let (broker, took) = (options.connect.choice()?.broker, begin.elapsed().as_millis() as u64);
                return told.tell(json!({"ready": true, "broker": broker, "took_ms": took}), "");
            }
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
