//! The checks on the server's own machine, S01 to S13: what the server says of itself, and what the machine says of both.

mod machine;
mod service;

pub(crate) use machine::unfit as filesystem;

use std::{path::Path, time::Instant};

use milena_client::{Cluster, Config, Endpoint};
use serde_json::Value;

use super::{client, finding::Finding};
use crate::{
    ours,
    screen::{counted, size},
    web::Web,
    when,
};

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
    let (retention, groups, clients, biggest) =
        tokio::join!(retention(&told), groups(endpoint, &told.web), clients(&told), biggest(endpoint, &told.status));
    let mut found = vec![process(&told.status, pid).took(begin.elapsed())];
    found.push(machine::ports(pid, endpoint.port()));
    found.push(machine::firewall(endpoint.port()));
    found.push(disk(&told.status, directory.as_deref(), &biggest));
    found.push(machine::limits(pid));
    found.push(stored(&told.status));
    found.extend([retention, groups]);
    found.push(machine::security(pid, endpoint.port()));
    found.push(Finding::skipped("S12", "not in this release: no backups are scheduled, so none can be late"));
    found.push(clients);
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
    let unit = service::Unit::ask().map_or(String::new(), |unit| format!("; the service is {}", unit.state));
    let silent = Finding::failure("S01", format!("no Milena answers for {endpoint} here: {why}{unit}"))
        .fix("systemctl status milena   (or: milena serve --data DIR)");
    let mut found = vec![
        service::last_words().into_iter().fold(silent, Finding::detail),
        machine::taken(endpoint.port()),
        machine::firewall(endpoint.port()),
    ];
    found.extend(client::skip(&["S04", "S07", "S08", "S09", "S10", "S11", "S13"], "the server does not answer"));
    found.push(Finding::skipped("S12", "not in this release"));
    found.extend(blocking.await.unwrap_or_default());
    found.sort_by_key(|f| f.id);
    found
}

fn process(status: &Value, pid: u64) -> Finding {
    let number = |name: &str| status[name].as_i64().unwrap_or(0);
    let up = when::span(number("now") - number("started_at"));
    let version = status["version"].as_str().unwrap_or("?");
    let unit = service::Unit::ask().filter(|unit| unit.state == "active");
    let times = unit.as_ref().map_or(String::new(), |unit| format!(", started again {} times by systemd", unit.restarts));
    let words =
        format!("running {up}, pid {pid}, user {}, {}, version {version}{times}", machine::user(pid), machine::memory(pid));
    if let Some(dead) = status["dead"].as_str() {
        return Finding::failure("S01", format!("it acknowledges nothing any more: {dead}"))
            .fix("look at the disk, then: systemctl restart milena");
    }
    let replaced = std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.to_string_lossy().ends_with(" (deleted)"));
    match replaced || version != env!("CARGO_PKG_VERSION") {
        true => Finding::warning("S01", format!("{words}; the program on disk is another")).fix("systemctl restart milena"),
        false if unit.is_some_and(|unit| unit.is_restless()) => {
            let finding = Finding::warning("S01", words).fix("journalctl -u milena -p warning");
            service::last_words().into_iter().fold(finding, Finding::detail)
        }
        false => Finding::ok("S01", words),
    }
}

fn disk(status: &Value, directory: Option<&Path>, biggest: &[String]) -> Finding {
    let (free, total) = (status["disk_free"].as_u64().unwrap_or(0), status["disk_total"].as_u64().unwrap_or(0));
    if total == 0 {
        return Finding::skipped("S04", "because everything is in memory");
    }
    let left = free as f64 * 100.0 / total as f64;
    let (days, names) = (days_left(status, free), directory.and_then(machine::names_left));
    let full = days.map_or(String::new(), |days| format!("; at the pace since the start full in {days:.0} days"));
    let names_left = names.filter(|left| *left < 20.0);
    let scarce = names_left.map_or(String::new(), |left| format!("; {left:.0} % of its inodes free"));
    let shared = if directory.is_some_and(machine::is_on_root) { "; it is the system's own disk" } else { "" };
    let words = format!("{left:.0} % of {} free{full}{scarce}{shared}", size(total));
    let fix = "milena topic ls   (then: milena topic set TOPIC retention.ms=…)";
    let finding = match left.min(names.unwrap_or(100.0)) {
        least if least < 5.0 => Finding::failure("S04", format!("{words}: writes will be refused")).fix(fix),
        least if least < 20.0 || days.is_some_and(|days| days < SOON) => Finding::warning("S04", words).fix(fix),
        _ => return Finding::ok("S04", words),
    };
    biggest.iter().fold(finding, |finding, topic| finding.detail(topic.as_str()))
}

/// A disk that is full within so many days is news.
const SOON: f64 = 30.0;
/// Before that a pace says nothing.
const SHORTEST: i64 = 3_600_000;

/// Days until the disk is full, if it goes on as since the start and nothing is removed.
fn days_left(status: &Value, free: u64) -> Option<f64> {
    let number = |name: &str| status[name].as_i64().unwrap_or(0);
    let up = number("now") - number("started_at");
    let came = number("bytes_in");
    (up >= SHORTEST && came > 0).then(|| free as f64 / (came as f64 / up as f64) / DAY as f64)
}

/// The topics that take most room, the largest first.
async fn biggest(endpoint: &Endpoint, status: &Value) -> Vec<String> {
    let node = status["node_id"].as_i64().and_then(|id| i32::try_from(id).ok()).unwrap_or(1);
    let sizes = async {
        let cluster = Cluster::connect(own(endpoint)).await?;
        milena_client::Admin::new(cluster).log_dirs(node).await
    };
    let mut topics: std::collections::BTreeMap<String, i64> = std::collections::BTreeMap::new();
    for row in sizes.await.unwrap_or_default().into_iter().flat_map(|dir| dir.replicas) {
        *topics.entry(row.topic.to_string()).or_default() += row.size;
    }
    let mut topics: Vec<(String, i64)> = topics.into_iter().filter(|(_, bytes)| *bytes > 0).collect();
    topics.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    topics.into_iter().take(3).map(|(topic, bytes)| format!("{topic}: {}", size(bytes.unsigned_abs()))).collect()
}

/// A client of the server here, whatever it tells others.
fn own(endpoint: &Endpoint) -> Config {
    let mut config = Config::new([endpoint.clone()]);
    config.options = client::dialling(milena_client::Security::default());
    config.ignore_advertised = true;
    config
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

/// Groups that are behind and have nobody who reads, and queues that have given messages up.
async fn groups(endpoint: &Endpoint, web: &Web) -> Finding {
    let begin = Instant::now();
    let (stuck, dead) = tokio::join!(behind(own(endpoint)), given_up(web));
    let stuck = match stuck {
        Ok(stuck) => stuck,
        Err(error) => return Finding::warning("S10", error.to_string()).took(begin.elapsed()),
    };
    let many = |n: usize, words: &str| (n > 0).then(|| format!("{} {words}", counted(n as i64, "group")));
    let words = [many(stuck.len(), "behind, and nobody reads for them"), many(dead.len(), "with dead letters")];
    let words: Vec<String> = words.into_iter().flatten().collect();
    let fix = match (stuck.first(), dead.first()) {
        (Some((group, _)), _) => format!("milena group show {group}"),
        (None, Some((group, topic, _))) => format!("milena queue dead {topic} -g {group}   (then: milena queue redrive)"),
        (None, None) => {
            return Finding::ok("S10", "no group is behind without a reader, none has dead letters").took(begin.elapsed());
        }
    };
    let mut finding = Finding::warning("S10", words.join(", "));
    for (group, lag) in stuck.into_iter().take(5) {
        finding = finding.detail(format!("{group}: {lag} messages{}", idle(web, &group).await));
    }
    for (group, topic, letters) in dead.into_iter().take(5) {
        finding = finding.detail(format!("{group}: {letters} dead letters of {topic}"));
    }
    finding.fix(fix).took(begin.elapsed())
}

/// Queue groups with dead letters that were not sent back: group, topic, how many.
async fn given_up(web: &Web) -> Vec<(String, String, u64)> {
    let listed = web.get("/q/v1/groups").await.unwrap_or_default();
    let names = listed["groups"].as_array().into_iter().flatten().filter_map(|group| group["group"].as_str());
    let mut dead = Vec::new();
    for name in names.take(100) {
        let group = web.get(&format!("/q/v1/groups/{}", crate::web::escaped(name))).await.unwrap_or_default();
        for topic in group["topics"].as_array().into_iter().flatten() {
            let letters = topic["dead_letters"].as_u64().unwrap_or(0);
            if letters > 0 {
                dead.push((name.to_owned(), topic["topic"].as_str().unwrap_or("?").to_owned(), letters));
            }
        }
    }
    dead
}

/// Nobody has used a group for so long.
const FORGOTTEN: i64 = 30 * DAY;

/// A word on a group that nobody has used for long.
async fn idle(web: &Web, group: &str) -> String {
    let history = web.get(&format!("/admin/v1/groups/{}/history", crate::web::escaped(group))).await.unwrap_or_default();
    let committed = history["positions"].as_array().into_iter().flatten();
    let last = committed.filter_map(|position| position["at"].as_i64()).max();
    match last.map(|last| when::now() - last) {
        Some(quiet) if quiet > FORGOTTEN => format!("; nothing was committed for {}", when::span(quiet)),
        _ => String::new(),
    }
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

/// Clients that were told an address and did not come back, and those that ask for what no broker serves any more.
async fn clients(told: &Told) -> Finding {
    let begin = Instant::now();
    let old = old_clients(&told.web).await;
    lost(&told.status, old).took(begin.elapsed())
}

/// Clients by their own name and address whose APIs are too old. ApiVersions is left out: a new client asks too high first.
async fn old_clients(web: &Web) -> Vec<String> {
    let errors = web.get("/admin/v1/errors?code=UNSUPPORTED_VERSION").await.unwrap_or_default();
    let line = |e: &Value| {
        let text = |name: &str| e[name].as_str().unwrap_or("?").to_owned();
        format!("{} ({}) asks for a version of {} that is not served", text("client"), text("address"), text("api"))
    };
    let mut lines: Vec<String> = errors["errors"].as_array().into_iter().flatten().map(line).collect();
    lines.sort();
    lines.dedup();
    lines
}

fn lost(status: &Value, old: Vec<String>) -> Finding {
    let gone: Vec<&Value> = status["did_not_come_back"].as_array().into_iter().flatten().collect();
    if gone.is_empty() {
        if old.is_empty() {
            return Finding::ok("S13", "every client that was told an address came back, and none is too old");
        }
        let finding =
            Finding::warning("S13", format!("{} too old or too new for this server", counted(old.len() as i64, "client")));
        return old.into_iter().take(5).fold(finding, Finding::detail).fix("milena errors --code UNSUPPORTED_VERSION");
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
    gone.iter().take(5).map(line).chain(old.into_iter().take(5)).fold(finding, Finding::detail).fix(fix)
}
