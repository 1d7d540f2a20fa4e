//! `milena serve`: the composition root. Here, and nowhere else, it is decided which store, which addresses, which threads.

mod asked;
mod ephemeral;
mod listen;
mod quiet;
mod reachable;

use std::{
    io::{IsTerminal, Write},
    net::{SocketAddr, TcpListener as StdListener},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use milena_broker::{Broker, Opened, Told};
use milena_http::Surface;
use milena_kafka::{Advertise, DoorOptions};
use milena_node::{Node, Sockets, StartError};
use milena_store::local;
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
    process::Descriptors,
    ready::{Keeps, Ready},
};
use asked::Asked;
use listen::{Bound, Doors, Listeners};

/// Flags of `serve`; each can also come from the environment or from `[server]` of `milena.toml`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Options {
    /// Directory of the data; made if it is not there [default: ./milena-data]
    #[arg(long, env = "MILENA_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// For tests: nothing outlives the process, and the faults of /ephemeral/v1 can be asked for. Data rest in memory, or with
    /// `--ephemeral=directory` in a temporary directory
    #[arg(long, conflicts_with = "data", value_name = "PLACE", num_args = 0..=1, require_equals = true, default_missing_value = "memory")]
    ephemeral: Option<ephemeral::Place>,
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
    #[arg(short, long, env = "MILENA_OUTPUT")]
    output: Option<Output>,
    /// Log requests that take longer than this, such as 100ms, with where the time went
    #[arg(long, env = "MILENA_SLOW", value_name = "TIME", value_parser = crate::when::length)]
    slow: Option<Duration>,
    /// What is logged on stderr: error, warn, info, debug, trace, or by room (milena_store=debug)
    /// [default: warn]
    #[arg(long, env = "MILENA_LOG", value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Output {
    #[default]
    #[value(alias = "table")]
    Text,
    #[value(alias = "jsonl")]
    Json,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, for example num.partitions=4")?;
    Ok((name.trim().to_string(), value.to_string()))
}

/// What is left when flags, environment, file and defaults were laid over each other.
struct Plan {
    data: Option<PathBuf>,
    ephemeral: Option<ephemeral::Place>,
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
    for finding in crate::startup::findings(plan.data.as_deref()) {
        tracing::warn!("{finding}");
    }
    let (serving, told, mut ready) = match plan.ephemeral {
        Some(place) => ephemeral::start(&plan, place, &descriptors)?,
        None => start(&plan, &descriptors)?,
    };
    ready.keeps = serving.node().as_ref().map(Keeps::of).unwrap_or_default();
    ready.took = begin.elapsed();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Kind::Failed, "the threads cannot be started").why(e))?;
    let reload = Reload { serving: &serving, options, told, doors: plan.doors(), filter };
    let outcome = runtime.block_on(until_told_to_stop(&reload, &plan, &ready));
    drop(runtime);
    serving.stop()?;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// What is served: a broker on its data, or one for tests.
enum Serving {
    Data(Box<Broker>, std::cell::Cell<Option<Open>>),
    Ephemeral(milena_testkit::Kit),
}

impl Serving {
    /// The broker's node. `None`: a test has ended it.
    fn node(&self) -> Option<Node> {
        match self {
            Self::Data(broker, _) => Some(broker.node.clone()),
            Self::Ephemeral(kit) => kit.node(),
        }
    }

    /// Listens, where that is not done yet. Called on the runtime that the listeners live on.
    fn listen(&self) -> Result<(), Failure> {
        let Self::Data(broker, open) = self else { return Ok(()) };
        let adopt = |listener| {
            TcpListener::from_std(listener).map_err(|e| Failure::new(Kind::Failed, "a listener cannot be used").why(e))
        };
        let Some(open) = open.take() else { return Ok(()) };
        for listener in open.kafka {
            tokio::spawn(milena_kafka::listen(broker.kafka.clone(), adopt(listener)?));
        }
        for (listener, surface) in open.web {
            tokio::spawn(milena_http::listen(broker.http.clone(), adopt(listener)?, surface));
        }
        Ok(())
    }

    /// Whether a manager that watches shall hear of it. One that acknowledges nothing is not alive.
    fn lives(&self) -> bool {
        self.node().is_none_or(|node| node.alive().is_ok())
    }

    fn stop(self) -> Result<(), Failure> {
        let Self::Data(broker, _) = self else { return Ok(()) };
        broker.stop().map_err(|fault| {
            Failure::new(Kind::Failed, "the store did not close cleanly; the next start replays its log").why(fault)
        })
    }
}

type Settings = Vec<(String, Option<String>)>;

/// Starts a broker on its data.
fn start(plan: &Plan, descriptors: &Descriptors) -> Result<(Serving, Settings, Ready), Failure> {
    let doors = Doors::bind(plan)?;
    let opened = open(plan, descriptors.files)?;
    let Listeners { kafka, http, registry, rest } = doors.listen()?;
    let told = Told {
        node_id: plan.node_id,
        data: plan.data.clone(),
        kafka: kafka.iter().filter_map(|l| l.local_addr().ok()).map(|a| a.to_string()).collect(),
        http: http.as_deref().map(address_of),
        registry: registry.as_deref().map(address_of),
        rule: plan.rule.clone(),
    };
    let told = told.settings();
    let ready = Ready {
        kafka: address_of(&kafka),
        http: http.as_deref().map(address_of),
        registry: registry.as_deref().map(address_of),
        rest: rest.as_deref().map(address_of),
        data: plan.data.clone(),
        advertise: plan.rule.clone(),
        recovered: opened.recovered.clone(),
        took: Duration::ZERO,
        keeps: Keeps::default(),
        control: None,
    };
    let broker = start_broker(plan, opened, &told, (kafka.len() == 2, descriptors))?;
    let web = [(http, Surface::Common), (registry, Surface::Registry), (rest, Surface::Rest)];
    let web = web.into_iter().flat_map(|(listeners, surface)| listeners.into_iter().flatten().map(move |l| (l, surface)));
    let open = Open { kafka, web: web.collect() };
    Ok((Serving::Data(Box::new(broker), std::cell::Cell::new(Some(open))), told, ready))
}

/// What listens.
struct Open {
    kafka: Vec<StdListener>,
    web: Vec<(StdListener, Surface)>,
}

async fn until_told_to_stop(reload: &Reload<'_>, plan: &Plan, ready: &Ready) -> Result<(), Failure> {
    let mut stop = signal(SignalKind::terminate()).map_err(|e| Failure::new(Kind::Failed, "signals cannot be heard").why(e))?;
    reload.serving.listen()?;
    // A broker for tests is ended and begun anew, and what it holds goes with it.
    if let Serving::Data(broker, _) = reload.serving {
        tokio::spawn(quiet::watch(broker.node.clone()));
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
            // Only where a manager watches is there a timer.
            () = beat(&notify) => if reload.serving.lives() {
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
struct Reload<'a> {
    serving: &'a Serving,
    options: Options,
    /// What was told of how this process was started.
    told: Settings,
    /// Where it was told to listen.
    doors: [(&'static str, Listening); 4],
    filter: Filter,
}

impl Reload<'_> {
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
        let down = || Failure::new(Kind::Failed, "the broker is down").why("a test has ended it").fix("POST /ephemeral/v1/start");
        let mut fixed =
            self.serving.node().ok_or_else(down)?.renew_settings(&settings).map_err(|refusal| plan.asked.refused(&refusal))?;
        let _ = self.filter.reload(filter);
        let told = |name: &str| before.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.as_deref());
        let changed = [
            ("data", plan.data.as_deref().is_some_and(|d| d.display().to_string() != told("log.dir").unwrap_or_default())),
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
        let data = options.ephemeral.is_none().then(|| options.data.or(file.data).unwrap_or_else(|| "milena-data".into()));
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
            let text = std::fs::read_to_string(&path).unwrap_or_default();
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
            ephemeral: options.ephemeral,
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
            output: options.output.or(file.output).unwrap_or_default(),
        })
    }
}

impl Plan {
    /// Where it listens, by the names of the flags.
    fn doors(&self) -> [(&'static str, Listening); 4] {
        let http = self.http.map_or(Listening::Off, Listening::At);
        [("kafka", Listening::At(self.kafka)), ("http", http), ("registry", self.registry), ("rest", self.rest)]
    }

    /// How the Kafka door is set up.
    fn door(&self, both_families: bool, sockets: Arc<Sockets>) -> DoorOptions {
        DoorOptions { advertise: self.advertise.clone(), both_families, slow: self.slow, sockets }
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

fn open(plan: &Plan, files: usize) -> Result<Opened, Failure> {
    let data = plan.data.as_deref().unwrap_or(Path::new("milena-data"));
    let options = local::Options { accept_loss: plan.accept_loss, files, ..local::Options::default() };
    milena_broker::open_directory(data, options).map_err(|unopened| {
        let in_use = matches!(&unopened, milena_broker::Unopened::Store(local::OpenError::Locked { .. }));
        let kind = if in_use { Kind::Exists } else { Kind::Failed };
        let failure = Failure::new(kind, format!("the data directory {} cannot be used", data.display())).why(&unopened);
        match unopened {
            milena_broker::Unopened::Directory(_) => failure.fix("--data DIR with a directory that this user may write"),
            milena_broker::Unopened::Store(_) => failure,
        }
    })
}

fn start_broker(
    plan: &Plan,
    opened: Opened,
    told: &[(String, Option<String>)],
    (both_families, descriptors): (bool, &Descriptors),
) -> Result<Broker, Failure> {
    let sockets = Sockets::new(descriptors.sockets);
    let http = milena_http::DoorOptions {
        version: env!("CARGO_PKG_VERSION"),
        data: plan.data.as_deref().map_or(ours::MEMORY.into(), |d| d.display().to_string()),
        origins: milena_http::Origins::default(),
        sockets: sockets.clone(),
    };
    let options = milena_broker::Options {
        settings: plan.own_settings().into_iter().chain(told.iter().cloned()).collect(),
        kafka: plan.door(both_families, sockets),
        ..milena_broker::Options::new(plan.node_id, http)
    };
    Broker::start(opened, options).map_err(|error| unstarted(plan, error))
}

fn unstarted(plan: &Plan, error: StartError) -> Failure {
    match error {
        StartError::Setting(refusal) => plan.asked.refused(&refusal),
        other => Failure::new(Kind::Failed, "the broker cannot start").why(other),
    }
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
