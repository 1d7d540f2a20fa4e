//! `/ephemeral/v1`: the kit for tests in other languages. Only on a kit that asked for it, only from this machine, only with
//! the token.
//!
//! | route | does |
//! |---|---|
//! | `GET .` | how the broker stands: addresses, faults, clock |
//! | `POST kill`, `POST power-cut`, `POST stop` | ends the broker; `?for=2s` lets it come back by itself |
//! | `POST start` | lets it come back |
//! | `POST restart` | stops it cleanly, and starts it |
//! | `POST disk?slow=50ms&full=true&failing_syncs=1&failing_reads=true` | what the disk does from now on; `failing_syncs=always` |
//! | `DELETE disk` | heals the disk |
//! | `POST cut?after=BYTES&way=answers&connections=1` | cuts Kafka connections; without `after` all that are open, at once |
//! | `POST clock?forward=1h` | sets the broker's clock forward |
//! | `GET record` | what clients did, and what the kit did, a line of JSON each |
//! | `DELETE record` | forgets it |
//! | `POST expect/nothing-lost?end=kill` | ends and starts the broker, and compares what it has |
//! | `GET expect/empty?topic=T&group=G&within=5s` | waits until a queue, or what a group has to read, is empty |

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use milena_http::Surface;
use serde_json::{Value, json};

use crate::{
    disk::DiskFaults,
    kit::{End, Inner, Trouble},
    record::Shown,
    wire::Way,
};

type Told = Result<Value, Refused>;

/// An answer that is no success.
pub(crate) struct Refused {
    status: StatusCode,
    error: String,
}

impl Refused {
    fn new(status: StatusCode, error: impl ToString) -> Self {
        Self { status, error: error.to_string() }
    }
    fn bad(error: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        let status = match trouble {
            Trouble::Down | Trouble::Up | Trouble::Power => StatusCode::CONFLICT,
            Trouble::Other(_) => StatusCode::EXPECTATION_FAILED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, trouble)
    }
}

const ROOT: &str = "/ephemeral/v1";

pub(crate) fn serves(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(crate) async fn answer(kit: &Arc<Inner>, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
    if !peer.ip().to_canonical().is_loopback() {
        return refused(&Refused::new(StatusCode::NOT_FOUND, "there is nothing here"));
    }
    if !admits(kit.token.as_deref(), request.headers()) {
        let words = "the token of the ready line is missing or wrong: send it as Authorization: Bearer TOKEN";
        return refused(&Refused::new(StatusCode::UNAUTHORIZED, words));
    }
    let path = request.uri().path().strip_prefix(ROOT).unwrap_or_default().trim_matches('/').to_string();
    let words = Words(form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect());
    let method = request.method().clone();
    if (&method, path.as_str()) == (&Method::GET, "record") {
        return lines(kit);
    }
    match route(kit, &method, &path, &words).await {
        Ok(value) => typed(format!("{value}\n"), "application/json"),
        Err(why) => refused(&why),
    }
}

/// Looks at every byte, so that the time tells nothing of how much was right.
fn admits(token: Option<&str>, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    let (Some(token), Some(given)) = (token, given) else { return false };
    token.len() == given.len() && token.bytes().zip(given.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

fn typed(body: String, content_type: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn refused(why: &Refused) -> Response<Full<Bytes>> {
    let mut answer = typed(format!("{}\n", json!({ "error": why.error })), "application/json");
    *answer.status_mut() = why.status;
    answer
}

fn lines(kit: &Inner) -> Response<Full<Bytes>> {
    let (events, forgotten) = kit.recorder.all();
    let mut text = String::new();
    if forgotten > 0 {
        text += &format!("{}\n", json!({ "what": "forgotten", "events": forgotten }));
    }
    for event in &events {
        text += &serde_json::to_string(&Shown::from(event)).unwrap_or_default();
        text.push('\n');
    }
    typed(text, "application/x-ndjson")
}

async fn route(kit: &Arc<Inner>, method: &Method, path: &str, words: &Words) -> Told {
    match (method.as_str(), path) {
        ("GET", "") => Ok(state(kit)),
        ("POST", "kill") => end(kit, End::Kill, words).await,
        ("POST", "power-cut") => end(kit, End::Power, words).await,
        ("POST", "stop") => end(kit, End::Stop, words).await,
        ("POST", "start") => aside(kit, |kit| kit.start()).await,
        ("POST", "restart") => aside(kit, |kit| kit.end(End::Stop).and_then(|()| kit.start())).await,
        ("POST", "disk") => {
            let faults = disk_faults(words, kit.faults.now()).map_err(Refused::bad)?;
            kit.break_disk(faults);
            Ok(state(kit))
        }
        ("DELETE", "disk") => {
            kit.break_disk(DiskFaults::default());
            Ok(state(kit))
        }
        ("POST", "cut") => cut(kit, words).map_err(Refused::bad),
        ("POST", "clock") => {
            let by = words.span("forward").map_err(Refused::bad)?;
            kit.forward(by.ok_or_else(|| Refused::bad("say how far: forward=1h"))?);
            Ok(state(kit))
        }
        ("DELETE", "record") => {
            kit.recorder.clear();
            Ok(state(kit))
        }
        ("POST", "expect/nothing-lost") => nothing_lost(kit, words).await,
        ("GET", "expect/empty") => empty(kit, words).await,
        _ => Err(Refused::new(StatusCode::NOT_FOUND, format!("there is no {method} {ROOT}/{path}"))),
    }
}

fn state(kit: &Inner) -> Value {
    let disk = kit.faults.now();
    let failing_syncs = match disk.failing_syncs {
        DiskFaults::ALWAYS => json!("always"),
        n => json!(n),
    };
    json!({
        "up": kit.live().is_some(),
        "kafka": kit.kafka_addresses().first(),
        "http": kit.web_address(Surface::Common),
        "registry": kit.web_address(Surface::Registry),
        "rest": kit.web_address(Surface::Rest),
        "data": kit.path().map(|path| path.display().to_string()),
        "connections": kit.wires.open(),
        "clock_ahead_ms": u64::try_from(kit.clock.ahead().as_millis()).unwrap_or(u64::MAX),
        "disk": {
            "slow_ms": u64::try_from(disk.slow.as_millis()).unwrap_or(u64::MAX),
            "full": disk.full,
            "failing_syncs": failing_syncs,
            "failing_reads": disk.failing_reads,
        },
    })
}

/// Runs what blocks on a thread that may.
async fn aside(kit: &Arc<Inner>, work: impl FnOnce(&Arc<Inner>) -> Result<(), Trouble> + Send + 'static) -> Told {
    let theirs = kit.clone();
    match tokio::task::spawn_blocking(move || work(&theirs)).await {
        Ok(done) => done.map(|()| state(kit)).map_err(Refused::from),
        Err(error) => Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error)),
    }
}

/// Ends the broker; with `for`, it comes back after that time by itself.
async fn end(kit: &Arc<Inner>, end: End, words: &Words) -> Told {
    let pause = words.span("for").map_err(Refused::bad)?;
    let told = aside(kit, move |kit| kit.end(end)).await?;
    if let Some(pause) = pause {
        let kit = kit.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            // It may have been started by hand meanwhile; what else fails is told to whoever asks for its state.
            if let Err(Refused { error, .. }) = aside(&kit, |kit| kit.start()).await {
                kit.recorder.fault(format!("the broker did not come back: {error}"));
            }
        });
    }
    Ok(told)
}

fn disk_faults(words: &Words, mut faults: DiskFaults) -> Result<DiskFaults, String> {
    words.only(&["slow", "full", "failing_syncs", "failing_reads"])?;
    if let Some(slow) = words.span("slow")? {
        faults.slow = slow;
    }
    if let Some(full) = words.truth("full")? {
        faults.full = full;
    }
    if let Some(failing) = words.truth("failing_reads")? {
        faults.failing_reads = failing;
    }
    match words.get("failing_syncs") {
        None => {}
        Some("always") => faults.failing_syncs = DiskFaults::ALWAYS,
        Some(_) => faults.failing_syncs = words.number("failing_syncs")?.unwrap_or(0),
    }
    Ok(faults)
}

fn cut(kit: &Inner, words: &Words) -> Result<Value, String> {
    words.only(&["after", "way", "connections"])?;
    let Some(after) = words.number::<u64>("after")? else { return Ok(json!({ "cut": kit.cut_now() })) };
    let way = match words.get("way") {
        None | Some("answers") => Way::Answers,
        Some("requests") => Way::Requests,
        Some(other) => return Err(format!("way={other} is neither answers nor requests")),
    };
    kit.cut_after(way, after, words.number("connections")?.unwrap_or(1));
    Ok(state(kit))
}

async fn nothing_lost(kit: &Arc<Inner>, words: &Words) -> Told {
    let end = match words.get("end") {
        None | Some("kill") => End::Kill,
        Some("stop") => End::Stop,
        Some("power-cut") => End::Power,
        Some(other) => return Err(Refused::bad(format!("end={other} is none of kill, stop, power-cut"))),
    };
    aside(kit, move |kit| kit.nothing_lost_across(end).map(drop)).await
}

async fn empty(kit: &Arc<Inner>, words: &Words) -> Told {
    let missing = || Refused::bad("say what is to be empty: topic=T&group=G");
    let (topic, group) = words.get("topic").zip(words.get("group")).ok_or_else(missing)?;
    let within = words.span("within").map_err(Refused::bad)?.unwrap_or(Duration::from_secs(5));
    let (topic, group) = (topic.to_string(), group.to_string());
    aside(kit, move |kit| kit.empties_within(&topic, &group, within)).await
}

/// What stands behind the question mark.
pub(crate) struct Words(Vec<(String, String)>);

impl Words {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A slip in a name shall not look like a fault that has no effect.
    fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(format!("{name} is none of {}", known.join(", "))),
            None => Ok(()),
        }
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, String> {
        self.get(name).map(|text| text.parse().map_err(|_| format!("{name}={text} is no number"))).transpose()
    }

    fn truth(&self, name: &str) -> Result<Option<bool>, String> {
        self.get(name).map(|text| text.parse().map_err(|_| format!("{name}={text} is neither true nor false"))).transpose()
    }

    fn span(&self, name: &str) -> Result<Option<Duration>, String> {
        let read = |text: &str| span(text).ok_or_else(|| format!("{name}={text} is no length of time, such as 50ms, 2s or 1h"));
        self.get(name).map(read).transpose()
    }
}

/// Reads `50ms`, `2s`, `5m`, `1h`, `7d`.
fn span(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(query: &str) -> Words {
        Words(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    #[test]
    fn faults_are_read_and_slips_are_told() {
        let read = |query| disk_faults(&words(query), DiskFaults::default());
        let slow = Duration::from_millis(50);
        assert_eq!(read("slow=50ms&full=true"), Ok(DiskFaults { slow, full: true, ..DiskFaults::default() }));
        assert_eq!(read("failing_syncs=always").map(|f| f.failing_syncs), Ok(DiskFaults::ALWAYS));
        assert_eq!(read("failing_syncs=2").map(|f| f.failing_syncs), Ok(2));
        for wrong in ["slow=50", "slow=ms", "full=yes", "failing_syncs=-1", "ful=true"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(span("99999999999999999999h"), None);
    }

    #[test]
    fn only_the_whole_token_opens() {
        let admits = |given: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_static(given));
            super::admits(Some("secret"), &headers)
        };
        assert!(admits("Bearer secret"));
        for wrong in ["secret", "Bearer secre", "Bearer secrets", "Bearer Secret", "Bearer ", "Basic secret"] {
            assert!(!admits(wrong), "{wrong}");
        }
        assert!(!super::admits(Some("secret"), &HeaderMap::new()) && !super::admits(None, &HeaderMap::new()));
    }

    #[test]
    fn the_root_is_ours_and_nothing_beside_it() {
        assert!(serves("/ephemeral/v1") && serves("/ephemeral/v1/") && serves("/ephemeral/v1/kill"));
        assert!(!serves("/ephemeral/v10") && !serves("/ephemeral") && !serves("/q/v1"));
    }
}
