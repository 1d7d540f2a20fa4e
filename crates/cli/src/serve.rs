//! `milena serve`: the composition root. Here, and nowhere else, it is decided which store, which addresses, which threads.

mod asked;
mod listen;
mod reachable;

use std::{
    fs,
    io::{IsTerminal, Write},
    net::{SocketAddr, TcpListener as StdListener},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use milena_http::Surface;
use milena_kafka::{Advertise, DoorOptions};
use milena_node::{Node, NodeOptions, Recovered, Recovery, StartError};
use milena_store::{Memory, Store, disk::RealDisk, local, memory};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::{EnvFilter, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

use crate::{
    config,
    failure::{Failure, Kind},
    notify::Notify,
    ours,
    ready::Ready,
};
use asked::Asked;
use listen::{Bound, Doors, Listeners};

/// Flags of `serve`; each can also come from the environment or from `[server]` of `milena.toml`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Options {
    /// Directory of the data; made if it is not there [default: ./milena-data]
    #[arg(long, env = "MILENA_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep everything in memory only: nothing outlives the process
    #[arg(long, conflicts_with = "data")]
    ephemeral: bool,
    /// Address of the Kafka door; port 0 takes a free one [default: port 9092 of 127.0.0.1 and ::1]
    #[arg(long, env = "MILENA_KAFKA", value_name = "ADDR")]
    kafka: Option<String>,
    /// Address of the HTTP door, or `off` [default: port 8080 of 127.0.0.1 and ::1]
    #[arg(long, env = "MILENA_HTTP", value_name = "ADDR")]
    http: Option<String>,
    /// Address of the schema registry, or `off` [default: port 8081 of 127.0.0.1 and ::1, if it is free]
    #[arg(long, env = "MILENA_REGISTRY", value_name = "ADDR")]
    registry: Option<String>,
    /// Address of the REST proxy, or `off` [default: port 8082 of 127.0.0.1 and ::1, if nothing else is there]
    #[arg(long, env = "MILENA_REST", value_name = "ADDR")]
    rest: Option<String>,
    /// Address told to clients: auto (the one they dialled), HOST:PORT, or CIDR=HOST:PORT,…
    #[arg(long, env = "MILENA_ADVERTISE", value_name = "RULE")]
    advertise: Option<String>,
    /// A broker setting by Kafka's name; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
    /// Configuration file [default: the nearest milena.toml from here upward]
    #[arg(long, env = "MILENA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Start although entries of the write-ahead log are damaged and cannot be named: they are lost
    #[arg(long)]
    accept_loss: bool,
    /// `json` prints one line on stdout when ready, for scripts
    #[arg(short, long, env = "MILENA_OUTPUT", default_value = "text")]
    output: Output,
    /// Log requests that take longer than this, such as 100ms, with where the time went
    #[arg(long, env = "MILENA_SLOW", value_name = "TIME", value_parser = crate::when::length)]
    slow: Option<Duration>,
    /// What is logged on stderr: error, warn, info, debug, trace, or by room (milena_store=debug)
    /// [default: warn]
    #[arg(long, env = "MILENA_LOG", value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Output {
    #[default]
    Text,
    Json,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, for example num.partitions=4")?;
    Ok((name.trim().to_string(), value.to_string()))
}

/// What is left when flags, environment, file and defaults were laid over each other.
struct Plan {
    data: Option<PathBuf>,
    kafka: Address,
    http: Option<Address>,
    registry: Listening,
    rest: Listening,
    advertise: Advertise,
    /// The words that `advertise` was made from.
    rule: String,
    asked: Asked,
    node_id: i32,
    accept_loss: bool,
    output: Output,
    slow: Option<Duration>,
}

/// Where a door that nobody needs to ask for listens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listening {
    Off,
    /// At an address that somebody asked for.
    At(Address),
    /// At the usual port, if nobody else has it.
    Usual(u16),
}

/// Both loopback families, or one address that somebody asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Address {
    Loopback(u16),
    One(SocketAddr),
}

pub(crate) fn run(options: Options) -> Result<ExitCode, Failure> {
    let begin = Instant::now();
    let filter = log(&log_filter(&options)?)?;
    let descriptors = crate::process::prepare().map_err(|limit| {
        Failure::new(Kind::Failed, format!("{limit} open files are too few"))
            .why(format!("each connection is one, and the store needs some; {} is the least", crate::process::LEAST))
            .fix("ulimit -n 65536, or LimitNOFILE= in the systemd unit")
    })?;
    // Whatever may refuse the start does so before the data are touched.
    let plan = Plan::judged(options.clone())?;
    let doors = Doors::bind(&plan)?;
    let (store, recovery, recovered) = open(&plan, descriptors.files)?;
    let Listeners { kafka, http, registry, rest } = doors.listen()?;
    let told = told(&plan, &kafka, http.as_deref());
    let node = start_node(&plan, store, (recovery, recovered.clone()), &told)?;
    let door_options = DoorOptions {
        advertise: plan.advertise.clone(),
        both_families: kafka.len() == 2,
        slow: plan.slow,
        connections: descriptors.kafka,
    };
    let door = milena_kafka::Door::new(node.clone(), door_options);
    let ready = Ready {
        kafka: address_of(&kafka),
        http: http.as_ref().map(|listeners| address_of(listeners)),
        registry: registry.as_ref().map(|listeners| address_of(listeners)),
        rest: rest.as_ref().map(|listeners| address_of(listeners)),
        data: plan.data.clone(),
        advertise: plan.rule.clone(),
        recovered,
        took: begin.elapsed(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Kind::Failed, "the threads cannot be started").why(e))?;
    let web = [(http, Surface::Common), (registry, Surface::Registry), (rest, Surface::Rest)];
    let web = web.into_iter().flat_map(|(listeners, surface)| listeners.into_iter().flatten().map(move |l| (l, surface)));
    let open = Open { kafka, web: web.collect(), connections: descriptors.web };
    let reload = Reload { node: node.clone(), options, told, doors: plan.doors(), filter };
    let outcome = runtime.block_on(until_told_to_stop(&reload, door, open, &plan, &ready));
    node.stop().map_err(|fault| {
        Failure::new(Kind::Failed, "the store did not close cleanly; the next start replays its log").why(fault)
    })?;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// What listens, and how much the HTTP doors may take.
struct Open {
    kafka: Vec<StdListener>,
    web: Vec<(StdListener, Surface)>,
    /// HTTP connections at a time.
    connections: usize,
}

async fn until_told_to_stop(
    reload: &Reload,
    door: Arc<milena_kafka::Door>,
    open: Open,
    plan: &Plan,
    ready: &Ready,
) -> Result<(), Failure> {
    let adopt =
        |listener| TcpListener::from_std(listener).map_err(|e| Failure::new(Kind::Failed, "a listener cannot be used").why(e));
    let mut stop = signal(SignalKind::terminate()).map_err(|e| Failure::new(Kind::Failed, "signals cannot be heard").why(e))?;
    for listener in open.kafka {
        tokio::spawn(milena_kafka::listen(door.clone(), adopt(listener)?));
    }
    let data = plan.data.as_deref().map_or("memory".into(), |d| d.display().to_string());
    let origins = milena_http::Origins::of(reload.node.settings().allowed_origins.as_deref());
    let options = milena_http::DoorOptions { version: env!("CARGO_PKG_VERSION"), data, origins, connections: open.connections };
    let http = milena_http::Door::new(reload.node.clone(), options);
    for (listener, surface) in open.web {
        tokio::spawn(milena_http::listen(http.clone(), adopt(listener)?, surface));
    }
    let mut again = signal(SignalKind::hangup()).map_err(|e| Failure::new(Kind::Failed, "signals cannot be heard").why(e))?;
    announce(plan.output, ready)?;
    let notify = Notify::from_environment();
    notify.ready(&ready.status());
    loop {
        tokio::select! {
            _ = stop.recv() => break,
            _ = tokio::signal::ctrl_c() => break,
            _ = again.recv() => {
                notify.reloading();
                reload.run();
                notify.ready(&ready.status());
            }
            // Only where a manager watches is there a timer. One that acknowledges nothing is not alive.
            () = beat(&notify) => if reload.node.alive().is_ok() {
                notify.say("WATCHDOG=1");
            },
        }
    }
    notify.say("STOPPING=1");
    Ok(())
}

async fn beat(notify: &Notify) {
    match notify.beat() {
        Some(beat) => tokio::time::sleep(beat).await,
        None => std::future::pending().await,
    }
}

/// What SIGHUP reads anew: `milena.toml` below the same flags and environment.
struct Reload {
    node: Node,
    options: Options,
    /// What was told of how this process was started.
    told: Vec<(String, Option<String>)>,
    /// Where it was told to listen.
    doors: [(&'static str, Listening); 4],
    filter: Filter,
}

impl Reload {
    /// A file that is not right changes nothing. What needs a restart is named.
    fn run(&self) {
        match self.take() {
            Ok(fixed) if fixed.is_empty() => tracing::warn!("the configuration was read again"),
            Ok(fixed) => tracing::warn!("the configuration was read again; a restart is needed for {}", fixed.join(", ")),
            Err(failure) => {
                tracing::error!("the configuration was not taken: {}", failure.to_string().trim_end().replace('\n', ";"))
            }
        }
    }

    fn take(&self) -> Result<Vec<String>, Failure> {
        let (before, plan) = (&self.told, Plan::of(self.options.clone())?);
        let filter = parsed(&log_filter(&self.options)?)?;
        let mut settings = plan.own_settings();
        settings.extend(self.told.iter().cloned());
        let mut fixed = self.node.renew_settings(&settings).map_err(|refusal| plan.asked.refused(&refusal))?;
        let _ = self.filter.reload(filter);
        let told = |name: &str| before.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.as_deref());
        let changed = [
            (
                "data",
                plan.data.as_deref().map_or(ours::MEMORY.into(), |d| d.display().to_string())
                    != told("log.dir").unwrap_or_default(),
            ),
            ("node.id", told("node.id") != Some(&plan.node_id.to_string())),
            ("advertise", plan.rule != self.rule()),
        ];
        let moved = self.doors.iter().zip(plan.doors()).map(|(before, now)| (now.0, *before != now));
        fixed.extend(changed.into_iter().chain(moved).filter(|(_, differs)| *differs).map(|(name, _)| name.to_string()));
        Ok(fixed)
    }

    /// The rule that this process was started with, as it is told.
    fn rule(&self) -> String {
        let told = |name: &str| self.told.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.clone()).unwrap_or_default();
        let (listeners, advertised) = (told("listeners"), told("advertised.listeners"));
        if listeners == advertised { "auto".into() } else { advertised.trim_start_matches("PLAINTEXT://").to_string() }
    }
}

/// What `config check` finds.
pub(crate) struct Checked {
    pub(crate) file: Option<PathBuf>,
    pub(crate) remarks: Vec<String>,
}

/// Reads the configuration as a start would, and starts nothing.
pub(crate) fn check(file: Option<&Path>) -> Result<Checked, Failure> {
    let options = Options { config: file.map(Path::to_path_buf), ..Options::default() };
    let (_, found) = config::read(file)?;
    parsed(&log_filter(&options)?)?;
    let plan = Plan::judged(options)?;
    let mut remarks = Vec::new();
    if let Address::One(address) = &plan.kafka
        && !address.ip().is_loopback()
    {
        remarks.push(format!("whoever reaches {address} may read and write: there are no logins"));
        if plan.rule.starts_with("localhost:") || plan.rule.starts_with("127.") {
            let rule = &plan.rule;
            remarks.push(format!("other machines will be told {rule}, which is themselves; advertise = \"auto\" is right"));
        }
    }
    Ok(Checked { file: found, remarks })
}

fn announce(output: Output, ready: &Ready) -> Result<(), Failure> {
    let text = match output {
        Output::Json => ready.line(),
        Output::Text => ready.banner(),
    };
    // A reader that has gone away is no reason to stop serving.
    let _ = std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush());
    Ok(())
}

/// How the filter of the log is changed while it is in use.
type Filter = reload::Handle<EnvFilter, Registry>;

fn parsed(filter: &str) -> Result<EnvFilter, Failure> {
    EnvFilter::try_new(filter).map_err(|e| {
        Failure::new(Kind::Usage, format!("--log {filter:?} is no filter")).why(e).fix("--log info, or --log milena_store=debug")
    })
}

fn log_filter(options: &Options) -> Result<String, Failure> {
    let file = config::read(options.config.as_deref())?.0.server.log;
    Ok(options.log.clone().or(file).unwrap_or_else(|| "warn".into()))
}

fn log(filter: &str) -> Result<Filter, Failure> {
    let (filter, handle) = reload::Layer::new(parsed(filter)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(filter).with(lines).init();
    Ok(handle)
}

impl Plan {
    /// One that a server can start with, as far as can be known without its data.
    fn judged(options: Options) -> Result<Self, Failure> {
        let plan = Self::of(options)?;
        milena_node::engine::settings::BrokerConfig::start(&plan.own_settings()).map_err(|r| plan.asked.refused(&r))?;
        reachable::check(&plan.advertise)?;
        Ok(plan)
    }

    fn of(options: Options) -> Result<Self, Failure> {
        let (file, path) = config::read(options.config.as_deref())?;
        let file = file.server;
        let data = (!options.ephemeral).then(|| options.data.or(file.data).unwrap_or_else(|| "milena-data".into()));
        let kafka = address(options.kafka.or(file.kafka).as_deref(), 9092, "kafka")?;
        let http = match options.http.or(file.http).as_deref() {
            Some("off") => None,
            given => Some(address(given, 8080, "http")?),
        };
        let registry = Listening::of(options.registry.or(file.registry).as_deref(), 8081, "registry")?;
        let rest = Listening::of(options.rest.or(file.rest).as_deref(), 8082, "rest")?;
        let rule = options.advertise.or(file.advertise).unwrap_or_else(|| "auto".into());
        let advertise: Advertise = rule.parse().map_err(|e: milena_kafka::BadAdvertise| {
            Failure::new(Kind::Usage, format!("--advertise {rule:?} cannot work")).fix(e.fix()).why(e)
        })?;
        // Read again for its lines alone, which only a refusal names.
        let text = path.map(|path| {
            let text = fs::read_to_string(&path).unwrap_or_default();
            (path, text)
        });
        let asked = Asked::new(text, &file.set, options.set)?;
        let node_id = node_id(asked.settings())?;
        let warned = matches!(kafka, Address::One(a) if !a.ip().is_loopback());
        if warned {
            tracing::warn!(
                "the Kafka door listens beyond this machine, and there are no logins yet: whoever reaches the port may read and write"
            );
        }
        Ok(Self {
            data,
            kafka,
            http,
            registry,
            rest,
            rule: advertise.to_string(),
            advertise,
            asked,
            node_id,
            accept_loss: options.accept_loss,
            slow: options.slow,
            output: options.output,
        })
    }
}

impl Plan {
    /// Where it listens, by the names of the flags.
    fn doors(&self) -> [(&'static str, Listening); 4] {
        let http = self.http.map_or(Listening::Off, Listening::At);
        [("kafka", Listening::At(self.kafka)), ("http", http), ("registry", self.registry), ("rest", self.rest)]
    }

    /// The settings that somebody asked for. The node's id is told in one place, whichever of its two names was used.
    fn own_settings(&self) -> Vec<(String, Option<String>)> {
        let own = self.asked.settings().iter().filter(|(name, _)| name != "node.id" && name != "broker.id");
        own.cloned().collect()
    }
}

fn node_id(settings: &[(String, Option<String>)]) -> Result<i32, Failure> {
    let given = settings.iter().rev().find(|(name, _)| name == "node.id" || name == "broker.id").and_then(|(_, v)| v.as_deref());
    match given.map(str::parse) {
        None => Ok(1),
        Some(Ok(id)) if id >= 0 => Ok(id),
        _ => Err(Failure::new(Kind::Usage, "node.id is a whole number from 0").fix("--set node.id=1")),
    }
}

fn address(given: Option<&str>, port: u16, door: &str) -> Result<Address, Failure> {
    let Some(text) = given else { return Ok(Address::Loopback(port)) };
    text.parse().map(Address::One).map_err(|_| {
        Failure::new(Kind::Usage, format!("--{door} {text:?} is not an address"))
            .why("it takes IP:PORT; port 0 takes a free one")
            .fix(format!("--{door} 127.0.0.1:{port}   or   --{door} 0.0.0.0:{port}"))
    })
}

fn open(plan: &Plan, files: usize) -> Result<(Arc<dyn Store>, Recovery, Recovered), Failure> {
    let mut recovery = Recovery::default();
    let Some(data) = &plan.data else {
        return Ok((
            Arc::new(Memory::new(memory::Options::default())),
            recovery,
            Recovered { clean: true, ..Recovered::default() },
        ));
    };
    let (store, recovered) =
        open_local(data, local::Options { accept_loss: plan.accept_loss, files, ..local::Options::default() }, &mut recovery)?;
    Ok((store, recovery, recovered))
}

fn open_local(data: &Path, options: local::Options, recovery: &mut Recovery) -> Result<(Arc<dyn Store>, Recovered), Failure> {
    let what = || format!("the data directory {} cannot be used", data.display());
    fs::create_dir_all(data)
        .map_err(|e| Failure::new(Kind::Failed, what()).why(e).fix("--data DIR with a directory that this user may write"))?;
    let disk = RealDisk::open(data).map_err(|e| Failure::new(Kind::Failed, what()).why(e))?;
    let (store, recovered) = local::Local::open(Arc::new(disk), options, recovery).map_err(|error| {
        let in_use = matches!(error, local::OpenError::Locked { .. });
        Failure::new(if in_use { Kind::Exists } else { Kind::Failed }, what()).why(error)
    })?;
    for line in &recovered.damage {
        tracing::error!("{line}");
    }
    Ok((Arc::new(store), recovered))
}

/// What DescribeConfigs tells about how this broker was started.
fn told(plan: &Plan, kafka: &[StdListener], http: Option<&[StdListener]>) -> Vec<(String, Option<String>)> {
    let data = plan.data.as_deref().map_or(ours::MEMORY.into(), |d| d.display().to_string());
    let listeners: Vec<String> = kafka.iter().filter_map(|l| l.local_addr().ok()).map(|a| format!("PLAINTEXT://{a}")).collect();
    let listeners = listeners.join(",");
    let advertised = if plan.rule == "auto" { listeners.clone() } else { format!("PLAINTEXT://{}", plan.rule) };
    let id = plan.node_id.to_string();
    let told = [
        ("log.dir", data.clone()),
        ("log.dirs", data),
        ("node.id", id.clone()),
        ("broker.id", id),
        ("process.roles", "broker,controller".into()),
        ("listeners", listeners),
        ("advertised.listeners", advertised),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT".into()),
    ];
    let http = http.map(|listeners| ("milena.http.address", address_of(listeners)));
    told.into_iter().chain(http).map(|(name, value)| (name.to_string(), Some(value))).collect()
}

fn start_node(
    plan: &Plan,
    store: Arc<dyn Store>,
    (recovery, recovered): (Recovery, Recovered),
    told: &[(String, Option<String>)],
) -> Result<Node, Failure> {
    let mut settings = plan.own_settings();
    settings.extend(told.iter().cloned());
    let options = NodeOptions { node_id: plan.node_id, settings, recovered, ..NodeOptions::default() };
    Node::start(store, recovery, options).map_err(|e| match e {
        StartError::Setting(refusal) => plan.asked.refused(&refusal),
        other => Failure::new(Kind::Failed, "the broker cannot start").why(other),
    })
}

impl Listening {
    fn of(given: Option<&str>, port: u16, door: &str) -> Result<Self, Failure> {
        match given {
            None => Ok(Self::Usual(port)),
            Some("off") => Ok(Self::Off),
            Some(text) => address(Some(text), port, door).map(Self::At),
        }
    }

    fn bind(&self, door: &'static str) -> Result<Option<Bound>, Failure> {
        match self {
            Self::Off => Ok(None),
            Self::At(address) => Bound::at(address, door).map(Some),
            // Whoever did not ask for the door shall not be kept from starting by it.
            Self::Usual(port) => Ok(Bound::at(&Address::Loopback(*port), door)
                .inspect_err(|_| {
                    tracing::warn!("port {port} is taken, so there is no {door} of its own; --{door} ADDR puts it elsewhere")
                })
                .ok()),
        }
    }
}

fn address_of(listeners: &[StdListener]) -> String {
    listeners.first().and_then(|l| l.local_addr().ok()).map_or_else(String::new, |a| a.to_string())
}
