//! D08: the addresses that the broker tells clients to use, each judged and then dialled. A client that was told a wrong one
//! connects once, and then nothing happens.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};

use milena_client::{
    Connection, Endpoint, Error, Options as Dialling,
    wire::{MetadataRequest, MetadataResponse},
};

use super::{
    client::{PATIENCE, why},
    finding::Finding,
};

/// What one advertised address turned out to be.
struct Tried {
    node: i32,
    endpoint: Endpoint,
    outcome: Result<Option<String>, Error>,
}

/// The finding, and whether a client could work.
pub(super) async fn check(target: &Endpoint, connection: &Connection, dialling: &Dialling) -> (Finding, bool) {
    let begin = Instant::now();
    let metadata = match metadata(connection).await {
        Ok(metadata) => metadata,
        Err(error) => {
            let words = format!("the broker does not say where it is: {error}");
            return (Finding::failure("D08", words).fix("milena errors   on the server"), false);
        }
    };
    let cluster = metadata.cluster_id.as_deref().map(ToString::to_string);
    let mut dials = tokio::task::JoinSet::new();
    for broker in metadata.brokers {
        let dialling = dialling.clone();
        dials.spawn(async move {
            let port = u16::try_from(broker.port).unwrap_or(0);
            let endpoint = Endpoint::new(&broker.host, port);
            Tried { node: broker.node_id, outcome: dial(&endpoint, &dialling).await, endpoint }
        });
    }
    let mut tried = Vec::new();
    while let Some(Ok(one)) = dials.join_next().await {
        tried.push(one);
    }
    tried.sort_by_key(|t| t.node);
    if tried.is_empty() {
        return (Finding::failure("D08", "the broker names no broker, not even itself").fix("wait until it has started"), false);
    }
    let usable = tried.iter().any(|t| t.is_reachable(&cluster));
    (judge(target, connection, &tried, &cluster).took(begin.elapsed()), usable)
}

async fn metadata(connection: &Connection) -> Result<MetadataResponse, Error> {
    let request = MetadataRequest { topics: Some(Vec::new()), allow_auto_topic_creation: false, ..Default::default() };
    connection.send(&request).await
}

/// A whole handshake, and the cluster that answers.
async fn dial(endpoint: &Endpoint, dialling: &Dialling) -> Result<Option<String>, Error> {
    let dialled = async {
        let connection = Connection::open(endpoint, dialling).await?;
        Ok(metadata(&connection).await?.cluster_id.as_deref().map(ToString::to_string))
    };
    match tokio::time::timeout(PATIENCE * 3 / 2, dialled).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::Invalid(format!("no answer within {:?}", PATIENCE * 3 / 2))),
    }
}

impl Tried {
    fn is_reachable(&self, cluster: &Option<String>) -> bool {
        self.outcome.as_ref().is_ok_and(|found| found == cluster)
    }
}

fn judge(target: &Endpoint, connection: &Connection, tried: &[Tried], cluster: &Option<String>) -> Finding {
    let wrong: Vec<&Tried> = tried.iter().filter(|t| !t.is_reachable(cluster)).collect();
    let list = |of: &[&Tried]| of.iter().map(|t| t.endpoint.to_string()).collect::<Vec<_>>().join(", ");
    if wrong.is_empty() {
        let all: Vec<&Tried> = tried.iter().collect();
        return match tried.iter().find_map(|t| odd(&t.endpoint, connection.peer().ip())) {
            Some(words) => Finding::warning("D08", format!("advertised {} reachable from here, but {words}", list(&all))),
            None => Finding::ok("D08", format!("advertised {} reachable, same cluster", list(&all))),
        };
    }
    let mut finding = Finding::failure("D08", format!("the server tells clients to connect to {}", list(&wrong)));
    for one in &wrong {
        finding = finding.detail(format!("node {}: {}", one.node, what(one, cluster)));
    }
    let finding = match wrong.len() == tried.len() {
        true => finding.detail("so every producer and consumer will connect once and then fail"),
        false => finding.detail(format!(
            "so clients fail for whatever these nodes lead; {} of {} can be reached",
            tried.len() - wrong.len(),
            tried.len()
        )),
    };
    if tried.len() > wrong.len() {
        return finding.fix(format!("start node {} again, or correct its advertised address", wrong[0].node));
    }
    finding
        .detail(format!("works right now for testing:  milena read TOPIC -b {target} --ignore-advertised"))
        .detail(format!("an Apache Kafka wants it in server.properties:  advertised.listeners=PLAINTEXT://{target}"))
        .fix("on the server: milena serve --advertise auto")
}

/// What is wrong with an address, from this machine's point of view.
fn what(one: &Tried, cluster: &Option<String>) -> String {
    let host = one.endpoint.host();
    let kind = host.parse().ok().map(kind);
    let place = match kind {
        _ if host == "localhost" => format!("from this machine {} is THIS machine; ", one.endpoint),
        Some(Kind::Loopback) => format!("from this machine {} is THIS machine; ", one.endpoint),
        Some(Kind::Any) => "that means \"every address\" and is none; ".into(),
        Some(Kind::Container) => "that looks like an address inside a container; ".into(),
        Some(Kind::Private) => "that is a private address, of another network perhaps; ".into(),
        Some(Kind::LinkLocal) => "that is valid on one cable only; ".into(),
        _ if host.ends_with(".local") => "that name is known on one network only; ".into(),
        _ => String::new(),
    };
    match &one.outcome {
        Err(error) => format!("{place}{}", why(error)),
        Ok(found) => format!(
            "{place}another cluster answers there: {}, not {}",
            found.as_deref().unwrap_or("one without an id"),
            cluster.as_deref().unwrap_or("the one asked for")
        ),
    }
}

/// An address that works from here and may not from elsewhere.
fn odd(endpoint: &Endpoint, reached: IpAddr) -> Option<String> {
    if reached.is_loopback() {
        return None;
    }
    let loopback = endpoint.host() == "localhost" || endpoint.host().parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    if loopback {
        return Some(format!("other machines cannot reach {endpoint}"));
    }
    let private = |ip: IpAddr| matches!(kind(ip), Kind::Private | Kind::Container);
    let told = endpoint.host().parse().ok()?;
    (private(told) && kind(reached) == Kind::Public)
        .then(|| format!("{told} is private, and the server was reached at a public address"))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Loopback,
    Any,
    LinkLocal,
    /// Docker's default bridge.
    Container,
    Private,
    Public,
}

fn kind(ip: IpAddr) -> Kind {
    match ip.to_canonical() {
        ip if ip.is_loopback() => Kind::Loopback,
        ip if ip.is_unspecified() => Kind::Any,
        IpAddr::V4(v4) if v4.is_link_local() => Kind::LinkLocal,
        IpAddr::V4(v4) if v4 & Ipv4Addr::new(255, 254, 0, 0) == Ipv4Addr::new(172, 16, 0, 0) => Kind::Container,
        IpAddr::V4(v4) if v4.is_private() => Kind::Private,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Kind::LinkLocal,
        IpAddr::V6(v6) if v6.is_unique_local() => Kind::Private,
        _ => Kind::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let of = |text: &str| kind(text.parse().unwrap());
        assert_eq!(of("127.0.0.5"), Kind::Loopback);
        assert_eq!(of("::ffff:127.0.0.1"), Kind::Loopback);
        assert_eq!(of("0.0.0.0"), Kind::Any);
        assert_eq!(of("169.254.1.1"), Kind::LinkLocal);
        assert_eq!(of("fe80::1"), Kind::LinkLocal);
        assert_eq!(of("172.17.0.2"), Kind::Container);
        assert_eq!(of("10.0.3.17"), Kind::Private);
        assert_eq!(of("fd00::1"), Kind::Private);
        assert_eq!(of("8.8.8.8"), Kind::Public);
    }
}
