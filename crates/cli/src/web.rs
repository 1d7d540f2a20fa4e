//! The least of an HTTP client: one request to a Milena's admin routes, one JSON answer, and the connection is closed.

use std::{net::IpAddr, time::Duration};

use milena_client::{Cluster, Topics};
use milena_serde::answer::Answer;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    time::timeout,
};

use crate::{
    failure::{Failure, Kind},
    ours::{Ours, not_ours},
};

/// Largest answer that is taken.
const LARGEST: u64 = 64 << 20;
/// How the server's list of errors names this program.
const AGENT: &str = concat!("milena/", env!("CARGO_PKG_VERSION"));
const PATIENCE: Duration = Duration::from_secs(10);

/// What was answered, whatever it was.
pub(crate) struct Reply(Answer);

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.0.status
    }
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }
    /// The JSON of an answer that is no error.
    pub(crate) fn judged(self) -> Result<Value, Failure> {
        judge(self.0.status, serde_json::from_slice(&self.0.body).unwrap_or_default())
    }
    /// The same, as a type of the caller's; every digit of a number stays.
    pub(crate) fn parsed<T: DeserializeOwned>(self) -> Result<T, Failure> {
        match self.0.status {
            200..300 => serde_json::from_slice(&self.0.body)
                .map_err(|error| Failure::new(Kind::Failed, "the broker's answer cannot be read").why(error)),
            _ => Err(self.judged().err().unwrap_or_else(|| Failure::new(Kind::Failed, "the broker's answer is an error"))),
        }
    }
}

/// The HTTP door of the broker that a cluster was reached through.
#[derive(Clone)]
pub(crate) struct Web {
    address: String,
    /// Somebody named it as a registry: it may be no broker of ours.
    registry: bool,
}

/// What answers, or may, where a broker says that its door is.
pub(crate) enum Found {
    Door(Web),
    /// Something else.
    Another(Web),
}

impl Web {
    /// `what` is what the caller cannot do without it.
    pub(crate) async fn of(cluster: &Cluster, what: &str) -> Result<Self, Failure> {
        Self::at_door(cluster, what, |ours| ours.http, ("HTTP door", "--http 127.0.0.1:8080")).await
    }

    /// Where the broker's registry answers.
    pub(crate) async fn of_registry(cluster: &Cluster, what: &str) -> Result<Self, Failure> {
        Self::at_door(cluster, what, Ours::registry, ("registry", "--registry 127.0.0.1:8081")).await
    }

    async fn at_door(
        cluster: &Cluster,
        what: &str,
        door: fn(Ours) -> Option<String>,
        (name, flag): (&str, &str),
    ) -> Result<Self, Failure> {
        let ours = Ours::ask(cluster).await?.ok_or_else(|| not_ours(what))?;
        let address = door(ours).ok_or_else(|| {
            Failure::new(Kind::Failed, format!("{what} needs the broker's {name}, and that is off"))
                .fix(format!("start it with   milena serve {flag}"))
        })?;
        match Self::found(&address, cluster).await? {
            Found::Door(web) => Ok(web),
            Found::Another(web) => Err(web.unreachable("what answers there on this machine is not that broker")),
        }
    }

    /// The door of which the broker says that it is at `address`. Where that is the loopback of a machine which need not be this
    /// one, it is asked whose it is: what was meant for one broker must not be done to another.
    pub(crate) async fn found(address: &str, cluster: &Cluster) -> Result<Found, Failure> {
        let web = Self { address: reachable(address, cluster), registry: false };
        let another = web.is_only_there(cluster) && web.is_of_another(cluster).await?;
        Ok(if another { Found::Another(web) } else { Found::Door(web) })
    }

    /// Whether something else answers there. Where nothing does, it is whoever asks next who finds out.
    async fn is_of_another(&self, cluster: &Cluster) -> Result<bool, Failure> {
        let told = match self.get("/v1/metadata/id").await {
            Ok(told) => told,
            Err(failure) => return Ok(failure.kind() != Kind::Unreachable),
        };
        let metadata = cluster.metadata(Topics::None).await?;
        Ok(told["scope"]["clusters"]["kafka-cluster"].as_str() != metadata.cluster_id.as_deref())
    }

    /// Whether the door listens on the loopback of the broker's machine only, and the broker was reached under another address.
    pub(crate) fn is_only_there(&self, cluster: &Cluster) -> bool {
        cluster.config().bootstrap.first().is_some_and(|broker| only_there(&self.address, broker.host()))
    }

    /// A server by its URL, of which only the address counts.
    pub(crate) fn at(url: &str) -> Result<Self, Failure> {
        let address = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
        if address.is_empty() || address.contains(['/', '@']) {
            return Err(Failure::usage(format!("{url:?} is not the URL of a registry here")).fix("--registry http://HOST:PORT"));
        }
        let port = if address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) { "" } else { ":8081" };
        Ok(Self { address: format!("{address}{port}"), registry: true })
    }

    /// Where it is, for other clients of it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call("GET", path).await
    }

    /// What is not JSON, as it is.
    pub(crate) async fn text(&self, path: &str) -> Result<String, Failure> {
        let answer = self.asked("GET", path, "", PATIENCE).await?;
        judge(answer.status, Value::Null)?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    pub(crate) async fn call(&self, method: &str, path: &str) -> Result<Value, Failure> {
        self.exchanged(method, path, "").await
    }

    /// The same with a body.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        self.exchanged(method, path, &body.to_string()).await
    }

    /// Asks with a patience of the caller's, beyond what the network may take.
    pub(crate) async fn reply(&self, method: &str, path: &str, body: &Value, wait: Duration) -> Result<Reply, Failure> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.asked(method, path, &body, PATIENCE + wait).await.map(Reply)
    }

    async fn exchanged(&self, method: &str, path: &str, body: &str) -> Result<Value, Failure> {
        Reply(self.asked(method, path, body, PATIENCE).await?).judged()
    }

    async fn asked(&self, method: &str, path: &str, body: &str, patience: Duration) -> Result<Answer, Failure> {
        let answer = timeout(patience, self.exchange(method, path, body)).await;
        let bytes =
            answer.map_err(|_| self.unreachable(format!("no answer within {patience:?}")))?.map_err(|e| self.unreachable(e))?;
        Answer::read(&bytes).map_err(|flaw| self.unreachable(flaw))
    }

    fn unreachable(&self, why: impl ToString) -> Failure {
        if self.registry {
            return Failure::new(Kind::Unreachable, format!("the registry at {} cannot be reached", self.address))
                .why(why)
                .hint("--registry or MILENA_REGISTRY_URL named it; without them the broker's own registry is asked");
        }
        Failure::new(Kind::Unreachable, format!("the broker's HTTP door at {} cannot be reached", self.address))
            .why(why)
            .hint("it listens on loopback unless told otherwise: run this on the broker's machine, or start it with --http")
    }

    /// The lines of a stream of server-sent events. Asked for in HTTP/1.0, whose answers come without chunks.
    pub(crate) async fn events(&self, path: &str) -> Result<Lines<BufReader<TcpStream>>, Failure> {
        let open = async {
            let mut stream = TcpStream::connect(&self.address).await?;
            let request = format!(
                "GET {path} HTTP/1.0\r\nHost: {}\r\nUser-Agent: {AGENT}\r\nAccept: text/event-stream\r\n\r\n",
                self.address
            );
            stream.write_all(request.as_bytes()).await?;
            let mut lines = BufReader::new(stream).lines();
            let status = lines.next_line().await?.unwrap_or_default();
            while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
            Ok::<_, std::io::Error>((status, lines))
        };
        let opened = timeout(PATIENCE, open).await.map_err(|_| self.unreachable(format!("no answer within {PATIENCE:?}")))?;
        let (status, lines) = opened.map_err(|e| self.unreachable(e))?;
        match status.split(' ').nth(1) {
            Some("200") => Ok(lines),
            _ => Err(Failure::new(Kind::Failed, format!("the broker answered {status:?} to {path}"))),
        }
    }

    async fn exchange(&self, method: &str, path: &str, body: &str) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {AGENT}\r\n{kind}Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.take(LARGEST).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }
}

/// A name as a segment of a path, or as a value behind the question mark.
pub(crate) fn escaped(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A door that listens on every address is dialled where the broker was found.
fn reachable(address: &str, cluster: &Cluster) -> String {
    let Some((host, port)) = address.rsplit_once(':') else { return address.into() };
    let anywhere = matches!(host, "0.0.0.0" | "[::]");
    match cluster.config().bootstrap.first().filter(|_| anywhere) {
        Some(endpoint) if endpoint.host().contains(':') => format!("[{}]:{port}", endpoint.host()),
        Some(endpoint) => format!("{}:{port}", endpoint.host()),
        None => address.into(),
    }
}

fn only_there(door: &str, broker: &str) -> bool {
    let here = |host: &str| {
        let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    };
    door.rsplit_once(':').is_some_and(|(host, _)| here(host)) && !here(broker)
}

/// What a status that is no success means for a command.
pub(crate) fn kind_of(status: u16) -> Kind {
    match status {
        401 | 403 => Kind::NotAllowed,
        404 => Kind::NotFound,
        409 => Kind::Exists,
        503 => Kind::Unreachable,
        _ => Kind::Failed,
    }
}

fn judge(status: u16, body: Value) -> Result<Value, Failure> {
    if (200..300).contains(&status) {
        return Ok(body);
    }
    let kind = kind_of(status);
    // The admin routes say what failed in one field, the registry in another.
    let words = body["error"].as_str().or(body["message"].as_str());
    let mut failure = Failure::new(kind, words.map_or(format!("the broker answered {status}"), Into::into));
    if let Some(why) = body["why"].as_str() {
        failure = failure.why(why);
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::only_there;

    #[test]
    fn loopback_of_another_machine_is_not_ours() {
        assert!(only_there("127.0.0.1:8080", "10.0.0.7") && only_there("[::1]:8080", "broker.example"));
        assert!(!only_there("127.0.0.1:8080", "localhost") && !only_there("127.0.0.1:8080", "::1"));
        assert!(!only_there("10.0.0.7:8080", "10.0.0.7"));
    }
}
