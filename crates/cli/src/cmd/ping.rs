//! `milena ping`: is it there, and how far away is it? ICMP echoes to a host; to a broker a connection and an exchange of
//! ApiVersions, with `--produce` a record that is stored. Goes on until Ctrl-C, then sums up.

use std::{
    net::{IpAddr, SocketAddr},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use clap::Args;
use milena_client::{
    Cluster, Config, Connection, Endpoint, NewRecord, Options as Dialling, Producer, ProducerConfig, Security, Step,
};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    icmp::{self, Echo, Way},
    told::Told,
    when,
};

/// Nobody is flooded.
const INTERVAL_MIN: Duration = Duration::from_millis(200);

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// HOST for ICMP echoes, HOST:PORT for a broker [default: the broker that other commands talk to]
    target: Option<String>,
    /// Speak Kafka, also to a host without a port
    #[arg(long)]
    kafka: bool,
    /// Send ICMP echoes, also to a host with a port
    #[arg(long, conflicts_with = "kafka")]
    icmp: bool,
    /// Store a record in this topic each time
    #[arg(long, value_name = "TOPIC", conflicts_with = "icmp")]
    produce: Option<String>,
    /// End after so many [default: at Ctrl-C]
    #[arg(short, long)]
    count: Option<u64>,
    /// From one to the next, at least 200ms
    #[arg(short, long, default_value = "1s", value_name = "TIME", value_parser = when::length)]
    interval: Duration,
    /// How long an answer may take
    #[arg(short = 'W', long, default_value = "1s", value_name = "TIME", value_parser = when::length)]
    timeout: Duration,
    /// Bytes of payload of an echo
    #[arg(short, long, default_value_t = icmp::SIZE)]
    size: usize,
    /// Hops that an echo may take
    #[arg(long)]
    ttl: Option<u8>,
    /// Use IPv4 only
    #[arg(short = '4', conflicts_with = "v6")]
    v4: bool,
    /// Use IPv6 only
    #[arg(short = '6')]
    v6: bool,
    #[command(flatten)]
    told: Told,
    #[command(flatten)]
    connect: Connect,
}

/// What is sent, and how.
enum Means {
    Echo(Box<Echo>),
    /// Neither socket of ICMP is allowed: the time that a connection takes.
    Tcp(SocketAddr),
    Kafka(Endpoint, Security),
    Store {
        producer: Producer,
        topic: String,
    },
}

/// One exchange: how long, and what is said of it.
struct Answer {
    took: Duration,
    words: String,
    /// What there is to know but for the time.
    facts: Value,
}

/// What CSV has of an exchange.
const FIELDS: &[&str] = &["number", "answered", "ms", "tcp_ms", "bytes", "ttl", "offset", "error"];

#[derive(Default)]
struct Sums {
    sent: u64,
    times: Vec<Duration>,
    /// When answers stopped coming, and the longest time without one.
    silent_since: Option<Instant>,
    longest: Option<(Duration, i64)>,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let (interval, patience) = (options.interval, options.timeout);
    if interval < INTERVAL_MIN {
        return Err(Failure::usage(format!("--interval is at least {INTERVAL_MIN:?}: this is no flood")).fix("--interval 200ms"));
    }
    let (title, mut means) = prepare(&options, patience).await?;
    let told = if options.count.is_some() { options.told } else { options.told.endless() };
    let mut stream = told.stream("exchanges", FIELDS);
    stream.words(&title)?;
    let mut sums = Sums::default();
    let mut ticks = tokio::time::interval(interval);
    let mut ended = Box::pin(tokio::signal::ctrl_c());
    while options.count.is_none_or(|count| sums.sent < count) {
        tokio::select! {
            _ = &mut ended => break,
            _ = ticks.tick() => {}
        }
        let number = sums.sent + 1;
        let outcome = tokio::select! {
            _ = &mut ended => break,
            outcome = exchange(&mut means, number, patience) => outcome,
        };
        let facts = facts(number, &outcome);
        let words = sums.take(outcome);
        stream.row(facts, format_args!("{number:>2}  {words}"))?;
    }
    stream.finish(sums.facts(&title), sums.text(&title))?;
    Ok(ExitCode::from(if sums.times.len() as u64 == sums.sent && sums.sent > 0 { 0 } else { Kind::No as u8 }))
}

async fn prepare(options: &Options, patience: Duration) -> Result<(String, Means), Failure> {
    let target = match &options.target {
        Some(target) => target.clone(),
        None => options.connect.choice()?.broker,
    };
    let has_port =
        target.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) && target.parse::<IpAddr>().is_err();
    let kafka = options.kafka || options.produce.is_some() || (!options.icmp && (has_port || options.target.is_none()));
    let bad = |e: &dyn std::fmt::Display| Failure::usage(format!("{target:?} is no address")).why(e);
    let endpoint = Endpoint::list(&target).map_err(|e| bad(&e))?.swap_remove(0);
    let dialling = Dialling { connect_timeout: patience, request_timeout: patience, ..Dialling::default() };
    let security = match kafka {
        true => options.connect.security(&endpoint, &dialling).await?,
        false => Security::default(),
    };
    if let Some(topic) = &options.produce {
        let mut config = Config::new([endpoint.clone()]);
        config.options.security = security;
        config.auto_create_topics = true;
        config.retry.within = patience;
        let cluster = Cluster::connect(config).await?;
        let within = ProducerConfig { delivery_timeout: patience, topic_wait: patience, ..ProducerConfig::default() };
        let producer = Producer::new(cluster, within);
        return Ok((format!("PING {endpoint} kafka produce to {topic}"), Means::Store { producer, topic: topic.clone() }));
    }
    let address = resolve(&endpoint, options.v4, options.v6).await?;
    if kafka {
        return Ok((format!("PING {endpoint} ({address}) kafka api-versions"), Means::Kafka(endpoint, security)));
    }
    match Echo::open(address.ip(), options.size, options.ttl.map(u32::from)) {
        Ok(echo) => {
            let how = if echo.way == Way::Raw { "raw socket" } else { "datagram socket" };
            let size = options.size.min(icmp::SIZE_MAX);
            Ok((
                format!("PING {} ({}) {size} bytes of data, icmp by {how}", endpoint.host(), address.ip()),
                Means::Echo(Box::new(echo)),
            ))
        }
        Err(why) => {
            let title = format!("PING {endpoint} ({address}) tcp connect times, since icmp is not allowed here: {why}");
            Ok((title, Means::Tcp(address)))
        }
    }
}

async fn resolve(endpoint: &Endpoint, v4: bool, v6: bool) -> Result<SocketAddr, Failure> {
    let unknown = |why: String| Failure::new(Kind::Unreachable, format!("{:?} has no address", endpoint.host())).why(why);
    let found = tokio::net::lookup_host((endpoint.host(), endpoint.port())).await.map_err(|e| unknown(e.to_string()))?;
    let mut wanted = found.filter(|a| (!v4 || a.is_ipv4()) && (!v6 || a.is_ipv6()));
    wanted.next().ok_or_else(|| unknown("none of the wanted family".into()))
}

async fn exchange(means: &mut Means, number: u64, patience: Duration) -> Result<Answer, String> {
    let late = || format!("timeout after {}", spent(patience));
    match means {
        // This thread has nothing else to do; Ctrl-C is heard when the answer came or did not.
        Means::Echo(echo) => match echo.exchange(number as u16, patience) {
            Ok(Some(reply)) => {
                let ttl = reply.ttl.map_or(String::new(), |ttl| format!("  ttl {ttl}"));
                let words = format!("{} bytes{ttl}  {}", reply.bytes, spent(reply.took));
                Ok(Answer { took: reply.took, words, facts: json!({"bytes": reply.bytes, "ttl": reply.ttl}) })
            }
            Ok(None) => Err(late()),
            Err(error) => Err(error.to_string()),
        },
        Means::Tcp(address) => {
            let begin = Instant::now();
            match tokio::time::timeout(patience, TcpStream::connect(*address)).await {
                // A refusal is an answer of the host, too.
                Ok(Err(e)) if e.kind() != std::io::ErrorKind::ConnectionRefused => Err(e.to_string()),
                Ok(_) => {
                    let took = begin.elapsed();
                    Ok(Answer { took, words: format!("tcp {}", spent(took)), facts: json!({"tcp_ms": millis(took)}) })
                }
                Err(_) => Err(late()),
            }
        }
        Means::Kafka(endpoint, security) => kafka(endpoint, security, patience).await,
        Means::Store { producer, topic } => {
            let begin = Instant::now();
            match producer.write(NewRecord::new(topic.as_str(), format!("ping {number}"))).await {
                Ok(placed) => {
                    let place = placed.offset.map_or(String::new(), |o| format!("  @{o}"));
                    let took = begin.elapsed();
                    let facts = json!({"topic": topic, "partition": placed.partition, "offset": placed.offset});
                    Ok(Answer { took, words: format!("stored {}{place}", spent(took)), facts })
                }
                Err(error) => Err(error.to_string()),
            }
        }
    }
}

/// A connection of its own each time: what a new client meets.
async fn kafka(endpoint: &Endpoint, security: &Security, patience: Duration) -> Result<Answer, String> {
    let connected = Arc::new(Mutex::new(Duration::ZERO));
    let seen = connected.clone();
    let trace = move |step: &Step<'_>| {
        if let Step::Connected { took, .. } = step {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = *took;
        }
    };
    let options = Dialling {
        connect_timeout: patience,
        request_timeout: patience,
        security: security.clone(),
        trace: Some(Arc::new(trace)),
        ..Dialling::default()
    };
    let begin = Instant::now();
    Connection::open(endpoint, &options).await.map_err(|error| error.to_string())?;
    let tcp = *connected.lock().unwrap_or_else(PoisonError::into_inner);
    let kafka = begin.elapsed().saturating_sub(tcp);
    let words = format!("tcp {}  kafka {}", spent(tcp), spent(kafka));
    Ok(Answer { took: kafka, words, facts: json!({"tcp_ms": millis(tcp)}) })
}

/// An exchange for programs.
fn facts(number: u64, outcome: &Result<Answer, String>) -> Value {
    let mut facts = json!({"number": number, "answered": outcome.is_ok()});
    match outcome {
        Ok(answer) => {
            facts["ms"] = millis(answer.took).into();
            for (name, value) in answer.facts.as_object().into_iter().flatten() {
                facts[name] = value.clone();
            }
        }
        Err(words) => facts["error"] = words.as_str().into(),
    }
    facts
}

/// To the microsecond.
fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

impl Sums {
    fn take(&mut self, outcome: Result<Answer, String>) -> String {
        self.sent += 1;
        match outcome {
            Ok(answer) => {
                self.times.push(answer.took);
                self.silent_since = None;
                answer.words
            }
            Err(words) => {
                let since = *self.silent_since.get_or_insert_with(Instant::now);
                if self.longest.is_none_or(|(longest, _)| since.elapsed() >= longest) {
                    self.longest = Some((since.elapsed(), when::now()));
                }
                words
            }
        }
    }

    /// How many were answered, and of how many in a hundred were not.
    fn share(&self) -> (u64, u64) {
        let ok = self.times.len() as u64;
        (ok, ((self.sent - ok) * 100).checked_div(self.sent).unwrap_or(0))
    }

    /// The shortest, the mean, the longest, and the standard deviation.
    fn spread(&self) -> Option<[Duration; 4]> {
        let (min, max) = (self.times.iter().min()?, self.times.iter().max()?);
        let of = |times: &mut dyn Iterator<Item = f64>| times.sum::<f64>() / self.times.len() as f64;
        let mean = of(&mut self.times.iter().map(Duration::as_secs_f64));
        let square = of(&mut self.times.iter().map(|t| (t.as_secs_f64() - mean).powi(2)));
        Some([*min, Duration::from_secs_f64(mean), *max, Duration::from_secs_f64(square.sqrt())])
    }

    fn facts(&self, title: &str) -> Value {
        let (ok, lost) = self.share();
        let spread = self.spread().map(|times| times.map(millis));
        let of = |n: usize| spread.map(|times| times[n]);
        json!({
            "target": title.trim_start_matches("PING "), "sent": self.sent, "answered": ok, "lost_percent": lost,
            "min_ms": of(0), "avg_ms": of(1), "max_ms": of(2), "mdev_ms": of(3),
            "longest_silence_ms": self.longest.map(|(longest, _)| millis(longest)),
            "silent_until": self.longest.and_then(|(_, at)| when::rfc3339(at, false)),
        })
    }

    fn text(&self, title: &str) -> String {
        let (ok, lost) = self.share();
        let mut out = format!("--- {} ---\n{} sent, {ok} answered, {lost} % lost", title.trim_start_matches("PING "), self.sent);
        if let Some(spread) = self.spread() {
            out += &format!("   min/avg/max/mdev {}", spread.map(spent).join("/"));
        }
        if let Some((longest, at)) = self.longest {
            out += &format!("\nlongest silence {} until {}", spent(longest), when::clock(at));
        }
        out
    }
}

pub(crate) fn spent(time: Duration) -> String {
    match time.as_secs_f64() * 1e3 {
        ms if ms < 1.0 => format!("{ms:.3} ms"),
        ms if ms < 1000.0 => format!("{ms:.1} ms"),
        ms => format!("{:.2} s", ms / 1e3),
    }
}
