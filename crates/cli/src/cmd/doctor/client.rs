//! The checks from a client's place, D01 to D16: each stands on those before it, and says why when it cannot be made.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use milena_client::{Cluster, Config, ConnectFailure, Connection, Endpoint, Error, Options as Dialling, Security};
use tokio::{net::TcpStream, time::timeout};

use super::{address, entry, finding::Finding, round, web};
use crate::{
    cmd::ping::spent,
    icmp::{self, Echo, Way},
};

/// For one step.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// What the checks may do.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// Make a topic of their own, write into it, and take it away again.
    pub(crate) write: bool,
    /// Register a schema, and take it away again: its id is spent.
    pub(crate) register: bool,
    /// TLS, and as whom.
    pub(crate) dialling: Dialling,
}

pub(super) fn dialling(security: Security) -> Dialling {
    Dialling { connect_timeout: PATIENCE, request_timeout: PATIENCE, security, ..Dialling::default() }
}

/// All checks of one broker.
pub(crate) async fn check(target: &Endpoint, terms: &Terms) -> Vec<Finding> {
    let (name, addresses) = name(target).await;
    let mut found = vec![name];
    if addresses.is_empty() {
        found.extend(skip(&["D02", "D03", "D04", "D07"], "the name has no address"));
        return rest(found, "the name has no address");
    }
    let ip = addresses[0].ip();
    let pinging = tokio::task::spawn_blocking(move || ping(ip));
    let port = port(target, &addresses).await;
    let open = port.verdict != super::Verdict::Failure;
    found.push(port);
    let why = match open {
        false => "no port is open".to_string(),
        true => {
            let (entered, connection) = entry::check(target, &terms.dialling).await;
            found.extend(entered);
            match connection {
                None => "what answers there is no Kafka broker that can be spoken to so".to_string(),
                Some(connection) => {
                    found.extend(spoken(target, &connection, terms).await);
                    String::new()
                }
            }
        }
    };
    // A blocking thread ends by itself within its patience.
    if let Ok(ping) = pinging.await {
        found.push(ping);
    }
    rest(found, &why)
}

/// Checks that were not reached.
fn rest(mut found: Vec<Finding>, why: &str) -> Vec<Finding> {
    for (id, _) in super::finding::CHECKS.iter().filter(|(id, _)| id.starts_with('D')) {
        if !found.iter().any(|f| f.id == *id) {
            found.push(Finding::skipped(id, format!("because {why}")));
        }
    }
    found.sort_by_key(|f| f.id);
    found
}

pub(super) fn skip(ids: &[&'static str], why: &str) -> Vec<Finding> {
    ids.iter().map(|id| Finding::skipped(id, format!("because {why}"))).collect()
}

async fn name(target: &Endpoint) -> (Finding, Vec<SocketAddr>) {
    let (host, begin) = (target.host(), Instant::now());
    let looked_up = timeout(PATIENCE, tokio::net::lookup_host((host, target.port()))).await;
    let took = begin.elapsed();
    let fix = format!("getent hosts {host}   (spelled right? if it is yours, add a line to /etc/hosts or the DNS)");
    let mut addresses: Vec<SocketAddr> = match looked_up {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(error)) => {
            return (Finding::failure("D01", format!("{host} does not resolve: {error}")).fix(fix).took(took), Vec::new());
        }
        Err(_) => {
            return (
                Finding::failure("D01", format!("{host} does not resolve within {PATIENCE:?}")).fix(fix).took(took),
                Vec::new(),
            );
        }
    };
    addresses.dedup();
    let list = addresses.iter().map(|a| a.ip().to_string()).collect::<Vec<_>>().join(", ");
    let from_hosts = std::fs::read_to_string("/etc/hosts").is_ok_and(|text| in_hosts(&text, host));
    let words = format!("{host} → {list}{}", if from_hosts { "   (from /etc/hosts)" } else { "" });
    let finding = match took > Duration::from_millis(200) {
        true => Finding::warning("D01", format!("{words}, but slowly: {}", spent(took)))
            .fix("look at the name servers in /etc/resolv.conf"),
        false => Finding::ok("D01", words),
    };
    (finding.took(took), addresses)
}

fn in_hosts(text: &str, host: &str) -> bool {
    let mut lines = text.lines().map(|l| l.split('#').next().unwrap_or_default());
    lines.any(|l| l.split_whitespace().skip(1).any(|name| name == host))
}

/// Four echoes; never a failure by itself, since many networks swallow them.
fn ping(ip: IpAddr) -> Finding {
    let begin = Instant::now();
    let mut echo = match Echo::open(ip, icmp::SIZE, None) {
        Ok(echo) => echo,
        Err(error) => {
            let words = format!("icmp is not allowed here ({error}); the times of connections stand under port");
            return Finding::warning("D02", words).fix("sudo sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"");
        }
    };
    let mut times = Vec::new();
    for n in 1..=4 {
        match echo.exchange(n, Duration::from_millis(400)) {
            Ok(Some(reply)) => times.push(reply.took),
            Ok(None) => {}
            Err(error) => return Finding::warning("D02", format!("icmp: {error}")).took(begin.elapsed()),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let way = if echo.way == Way::Raw { "   (raw socket)" } else { "" };
    let (Some(min), Some(max)) = (times.iter().min(), times.iter().max()) else {
        return Finding::warning("D02", "no replies to 4 echoes: many firewalls swallow them").took(begin.elapsed());
    };
    let mean = times.iter().sum::<Duration>() / times.len() as u32;
    let words = format!(
        "{}/4 replies, {} / {} / {} (min/avg/max), jitter {}{way}",
        times.len(),
        spent(*min),
        spent(mean),
        spent(*max),
        spent(*max - *min)
    );
    let finding = if times.len() == 4 { Finding::ok("D02", words) } else { Finding::warning("D02", words) };
    finding.took(begin.elapsed())
}

/// Every address is tried: a name with one that is dead fails now and then.
async fn port(target: &Endpoint, addresses: &[SocketAddr]) -> Finding {
    let begin = Instant::now();
    let mut tries = tokio::task::JoinSet::new();
    for address in addresses.iter().copied().take(8) {
        tries.spawn(async move {
            let begin = Instant::now();
            (address, timeout(PATIENCE, TcpStream::connect(address)).await.map(|r| r.map(drop)), begin.elapsed())
        });
    }
    let (mut open, mut shut) = (Vec::new(), Vec::new());
    while let Some(Ok((address, outcome, took))) = tries.join_next().await {
        match outcome {
            Ok(Ok(())) => open.push((took, address)),
            Ok(Err(e)) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
                shut.push(format!("{address}: connection refused: the machine answers, nothing listens on {}", address.port()));
            }
            Ok(Err(e)) => shut.push(format!("{address}: {e}")),
            Err(_) => {
                shut.push(format!("{address}: no answer within {PATIENCE:?}: a firewall drops packets, or the machine is off"))
            }
        }
    }
    open.sort();
    let list = open.iter().map(|(took, a)| format!("{a} in {}", spent(*took))).collect::<Vec<_>>().join(", ");
    let finding = match (open.is_empty(), shut.is_empty()) {
        (false, true) => Finding::ok("D03", format!("{list} accepts connections")),
        (false, false) => {
            Finding::warning("D03", format!("{list} accepts connections, but not all addresses of {} do", target.host()))
        }
        (true, _) if shut.iter().all(|s| s.contains("refused")) => {
            Finding::failure("D03", format!("nothing listens on {target}"))
                .fix(format!("on {}: milena status   (or: systemctl status milena), and look at --kafka", target.host()))
        }
        (true, _) => Finding::failure("D03", format!("{target} cannot be reached")).fix(format!(
            "on {}: sudo nft list ruleset | grep {}",
            target.host(),
            target.port()
        )),
    };
    shut.into_iter().fold(finding, Finding::detail).took(begin.elapsed())
}

/// Everything that needs a broker which speaks.
async fn spoken(target: &Endpoint, connection: &Connection, terms: &Terms) -> Vec<Finding> {
    let mut found = vec![apis(connection)];
    let (address, usable) = address::check(target, connection, &terms.dialling).await;
    found.push(address);
    if !usable {
        let ids = ["D09", "D10", "D11", "D12", "D13", "D14", "D16"];
        found.extend(skip(&ids, "they need an address that can be reached"));
        found.push(Finding::skipped("D15", "not in this release"));
        return found;
    }
    let mut config = Config::new([target.clone()]);
    config.options = terms.dialling.clone();
    config.retry.within = PATIENCE;
    match Cluster::connect(config).await {
        Ok(cluster) => {
            let (coordinator, rights, web, round) = tokio::join!(
                round::coordinator(&cluster),
                round::rights(connection),
                web::check(&cluster, terms),
                round::trip(&cluster, terms),
            );
            found.extend([coordinator, rights]);
            found.extend(web);
            found.extend(round);
        }
        Err(error) => found.push(Finding::failure("D09", error.to_string()).fix("milena errors   on the server")),
    }
    found
}

fn apis(connection: &Connection) -> Finding {
    /// Produce, Fetch, ListOffsets, Metadata, FindCoordinator: without them there is no client.
    const NEEDED: [i16; 5] = [0, 1, 2, 3, 10];
    let told = &connection.api_versions().api_keys;
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|key| !told.iter().any(|t| t.api_key == **key))
        .map(|key| milena_client::wire::api(*key).map_or("?", |api| api.name))
        .collect();
    let newer =
        told.iter().filter(|t| milena_client::wire::api(t.api_key).is_some_and(|ours| t.min_version > ours.versions.1)).count();
    match (missing.is_empty(), newer) {
        (false, _) => Finding::failure("D07", format!("the broker does not serve {}", missing.join(", ")))
            .fix("is it a Kafka broker, and not a proxy of one?"),
        (true, 0) => Finding::ok("D07", format!("{} APIs", told.len())),
        (true, n) => Finding::warning("D07", format!("{n} of {} APIs are newer than this program", told.len()))
            .fix("use a newer milena here"),
    }
}

/// Why an address cannot be reached, in a few words.
pub(super) fn why(error: &Error) -> String {
    match error {
        Error::UnknownHost { .. } => "the name does not resolve".into(),
        Error::Connect { failure: ConnectFailure::Refused, .. } => "nothing listens there (connection refused)".into(),
        Error::Connect { failure: ConnectFailure::TimedOut(after), .. } => format!("no answer within {after:?}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_of_hosts_is_found_and_a_comment_is_not() {
        let text = "127.0.0.1 localhost\n10.0.0.1\tshop.lan shop # not old\n#10.0.0.2 gone\n";
        assert!(super::in_hosts(text, "shop"));
        assert!(!super::in_hosts(text, "old") && !super::in_hosts(text, "gone") && !super::in_hosts(text, "10.0.0.1"));
    }
}
