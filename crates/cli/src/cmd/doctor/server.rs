//! The checks on the server's own machine, S01 to S13: what the server says of itself, and what the machine says of both.

mod machine;

pub(crate) use machine::unfit as filesystem;

use std::{path::Path, time::Instant};

use milena_client::{Cluster, Config, Endpoint};
use serde_json::Value;

use super::{client, finding::Finding};
use crate::{ours, screen::counted, web::Web, when};

const DAY: i64 = 86_400_000;

/// The server as it describes itself.
struct Told {
    web: Web,
    status: Value,
}

pub(super) async fn check(endpoint: &Endpoint, data: Option<&Path>) -> Vec<Finding> {
    let begin = Instant::now();
    let told = match ask(endpoint).await {
        Ok(told) => told,
        Err(why) => return without(endpoint, data, &why).await,
    };
    let pid = told.status["pid"].as_u64().unwrap_or(0);
    let own = std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "milena");
    if !own {
        let why = format!("{endpoint} is served by another machine, or not in this namespace");
        return without(endpoint, data, &why).await;
    }
    let directory = data.map(Path::to_path_buf).or_else(|| directory(&told.status));
    let blocking = {
        let directory = directory.clone();
        tokio::task::spawn_blocking(move || machine::directory(directory.as_deref()))
    };
    let (retention, groups) = tokio::join!(retention(&told), groups(endpoint));
    let mut found = vec![process(&told.status, pid).took(begin.elapsed())];
    found.push(machine::ports(pid, endpoint.port()));
    found.push(machine::firewall(endpoint.port()));
    found.push(disk(&told.status));
    found.push(machine::limits(pid));
    found.push(stored(&told.status));
    found.extend([retention, groups]);
    found.push(machine::security(pid, endpoint.port()));
    found.push(Finding::skipped("S12", "not in this release: no backups are scheduled, so none can be late"));
    found.push(clients(&told.status));
    found.extend(blocking.await.unwrap_or_default());
    found.sort_by_key(|f| f.id);
    found
}

async fn ask(endpoint: &Endpoint) -> Result<Told, String> {
    let mut config = Config::new([endpoint.clone()]);
    config.options = client::dialling(milena_client::Security::default());
    config.retry.within = client::PATIENCE;
    config.ignore_advertised = true;
    let cluster = Cluster::connect(config).await.map_err(|e| e.to_string())?;
    let web = Web::of(&cluster, "doctor --local").await.map_err(|f| f.what().to_string())?;
    let status = web.get("/admin/v1/status").await.map_err(|f| f.what().to_string())?;
    Ok(Told { web, status })
}

fn directory(status: &Value) -> Option<std::path::PathBuf> {
    let text = status["data"].as_str().filter(|d| *d != ours::MEMORY)?;
    // Relative to where the server was started.
    let pid = status["pid"].as_u64()?;
    let at = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    Some(at.join(text))
}

/// The server does not answer: what can be seen all the same.
async fn without(endpoint: &Endpoint, data: Option<&Path>, why: &str) -> Vec<Finding> {
    let data = data.map(Path::to_path_buf);
    let blocking = tokio::task::spawn_blocking(move || machine::directory(data.as_deref()));
    let mut found = vec![
        Finding::failure("S01", format!("no Milena answers for {endpoint} here: {why}"))
            .fix("systemctl status milena   (or: milena serve --data DIR)"),
        machine::firewall(endpoint.port()),
    ];
    found.extend(client::skip(&["S02", "S04", "S07", "S08", "S09", "S10", "S11", "S13"], "the server does not answer"));
    found.push(Finding::skipped("S12", "not in this release"));
    found.extend(blocking.await.unwrap_or_default());
    found.sort_by_key(|f| f.id);
    found
}

fn process(status: &Value, pid: u64) -> Finding {
    let number = |name: &str| status[name].as_i64().unwrap_or(0);
    let up = when::span(number("now") - number("started_at"));
    let version = status["version"].as_str().unwrap_or("?");
    let words = format!("running {up}, pid {pid}, {}, version {version}", machine::memory(pid));
    if let Some(dead) = status["dead"].as_str() {
        return Finding::failure("S01", format!("it acknowledges nothing any more: {dead}"))
            .fix("look at the disk, then: systemctl restart milena");
    }
    let replaced = std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.to_string_lossy().ends_with(" (deleted)"));
    match replaced || version != env!("CARGO_PKG_VERSION") {
        true => Finding::warning("S01", format!("{words}; the program on disk is another")).fix("systemctl restart milena"),
        false => Finding::ok("S01", words),
    }
}

fn disk(status: &Value) -> Finding {
    let (free, total) = (status["disk_free"].as_u64().unwrap_or(0), status["disk_total"].as_u64().unwrap_or(0));
    if total == 0 {
        return Finding::skipped("S04", "because everything is in memory");
    }
    let left = free as f64 * 100.0 / total as f64;
    let words = format!("{left:.0} % of {} free", size(total));
    let fix = "milena topic ls   (then: milena topic set TOPIC retention.ms=…)";
    match left {
        left if left < 5.0 => Finding::failure("S04", format!("{words}: writes will be refused")).fix(fix),
        left if left < 20.0 => Finding::warning("S04", words).fix(fix),
        _ => Finding::ok("S04", words),
    }
}

pub(in crate::cmd) fn size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    format!("{value:.1} {unit}")
}

fn stored(status: &Value) -> Finding {
    let recovered = &status["recovered"];
    let quarantined = status["quarantined"].as_u64().unwrap_or(0);
    let damage: Vec<&str> = recovered["damage"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if quarantined > 0 || !damage.is_empty() {
        let finding = Finding::failure("S08", format!("{} are damaged and not served", counted(quarantined as i64, "range")));
        return damage
            .into_iter()
            .take(5)
            .fold(finding, Finding::detail)
            .fix("restore what is named from a copy; the rest is served");
    }
    match recovered["clean"].as_bool() {
        Some(true) => Finding::ok("S08", "the last stop was clean, nothing is damaged"),
        _ => Finding::warning(
            "S08",
            format!("recovered after an unclean stop: {} batches checked, nothing is damaged", recovered["batches"]),
        ),
    }
}

/// What retention takes within a day from under readers that have not seen it.
async fn retention(told: &Told) -> Finding {
    let begin = Instant::now();
    let topics = match told.web.get("/admin/v1/expiring").await {
        Ok(topics) => topics,
        Err(failure) => return Finding::warning("S09", failure.what().to_string()),
    };
    let rows: Vec<&Value> = topics.as_array().into_iter().flatten().collect();
    let soon = rows.iter().filter(|r| r["next_expiry"].as_i64().is_some_and(|at| at - when::now() < DAY));
    let unread: Vec<String> = soon
        .clone()
        .filter(|r| r["unread"].as_u64().unwrap_or(0) > 0)
        .map(|r| {
            format!(
                "{}: {} messages are unread, the oldest go in {}",
                r["topic"].as_str().unwrap_or("?"),
                r["unread"],
                when::span(r["next_expiry"].as_i64().unwrap_or(0) - when::now())
            )
        })
        .collect();
    let finding = match (unread.is_empty(), soon.count()) {
        (true, n) => {
            Finding::ok("S09", format!("{} will lose messages within a day, all of them read", counted(n as i64, "topic")))
        }
        (false, _) => {
            let finding = Finding::warning("S09", "messages that nobody has read will expire within a day")
                .fix("milena topic set TOPIC retention.ms=604800000");
            unread.into_iter().take(5).fold(finding, Finding::detail)
        }
    };
    finding.took(begin.elapsed())
}

/// Groups that are behind and have nobody who reads.
async fn groups(endpoint: &Endpoint) -> Finding {
    let begin = Instant::now();
    let mut config = Config::new([endpoint.clone()]);
    config.options = client::dialling(milena_client::Security::default());
    config.ignore_advertised = true;
    let finding = match behind(config).await {
        Ok(stuck) if stuck.is_empty() => Finding::ok("S10", "no group is behind without a reader"),
        Ok(stuck) => {
            let finding =
                Finding::warning("S10", format!("{} behind, and nobody reads for them", counted(stuck.len() as i64, "group")));
            let fix = format!("milena group show {}", stuck[0].0);
            stuck.into_iter().take(5).fold(finding, |f, (group, lag)| f.detail(format!("{group}: {lag} messages"))).fix(fix)
        }
        Err(error) => Finding::warning("S10", error.to_string()),
    };
    finding.took(begin.elapsed())
}

async fn behind(config: Config) -> milena_client::Result<Vec<(String, i64)>> {
    use milena_client::{Admin, At};
    let cluster = Cluster::connect(config).await?;
    let admin = Admin::new(cluster.clone());
    let mut stuck = Vec::new();
    for group in admin.groups().await?.into_iter().filter(|g| &*g.state == "Empty").take(100) {
        let positions = admin.positions(&group.id).await?;
        let asked: Vec<_> = positions.iter().map(|p| (p.topic.clone(), p.partition, At::End)).collect();
        let ends = cluster.list_offsets(&asked, false).await.unwrap_or_default();
        let lag: i64 = positions.iter().zip(&ends).map(|(p, end)| (end.offset.unwrap_or(p.offset) - p.offset).max(0)).sum();
        if lag > 0 {
            stuck.push((group.id.to_string(), lag));
        }
    }
    Ok(stuck)
}

fn clients(status: &Value) -> Finding {
    let gone: Vec<&Value> = status["did_not_come_back"].as_array().into_iter().flatten().collect();
    if gone.is_empty() {
        return Finding::ok("S13", "every client that was told an address came back");
    }
    let line = |b: &&Value| {
        let text = |name: &str| b[name].as_str().unwrap_or("?").to_string();
        format!(
            "{} ({}) was told {} at {}",
            text("from"),
            text("client"),
            text("told"),
            when::clock(b["at"].as_i64().unwrap_or(0))
        )
    };
    let finding =
        Finding::warning("S13", format!("{} told an address and did not come back", counted(gone.len() as i64, "client")));
    let fix = format!(
        "on that client: milena doctor HOST:{}",
        gone[0]["told"].as_str().and_then(|t| t.rsplit(':').next()).unwrap_or("9092")
    );
    gone.iter().take(5).map(line).fold(finding, Finding::detail).fix(fix)
}
