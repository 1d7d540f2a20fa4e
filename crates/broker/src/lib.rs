//! One broker put together: a store that was opened, a node on it, and the doors in front. Knows the order in which the
//! rooms are built, and no wish of an operator: which directory, which addresses, which threads is told by whoever builds one.
//!
//! `milena serve` builds its broker here, and so does the test kit, so that a test meets what is served.
#![forbid(unsafe_code)]

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use milena_node::{Clock, Fault, Node, NodeOptions, Recovered, Recovery, StartError, SystemClock};
use milena_store::{
    Store,
    disk::{Disk, RealDisk},
    local::{Local, OpenError, Options as StoreOptions},
};

/// A store that was opened, and what it handed back.
pub struct Opened {
    store: Arc<dyn Store>,
    recovery: Recovery,
    /// What opening found.
    pub recovered: Recovered,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// The directory cannot be made, or cannot be entered.
    #[error(transparent)]
    Directory(#[from] io::Error),
    /// What lies in it cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
}

/// Opens the store of a directory, which is made when it is not there.
pub fn open_directory(data: &Path, options: StoreOptions) -> Result<Opened, Unopened> {
    // Made there, durably: a directory that was made here would be found, and its name not synced.
    Ok(open(Arc::new(RealDisk::open(data)?), options)?)
}

/// Opens the store of a disk. Damage that was found is logged, each by a line.
pub fn open(disk: Arc<dyn Disk>, options: StoreOptions) -> Result<Opened, OpenError> {
    let mut recovery = Recovery::accepting_loss(options.accept_loss);
    let (store, mut recovered) = Local::open(disk, options, &mut recovery)?;
    recovery.name(&mut recovered.damage);
    for damaged in &recovered.damage {
        tracing::error!("{damaged}");
    }
    Ok(Opened { store: Arc::new(store), recovery, recovered })
}

/// Where a broker rests and listens, as DescribeConfigs tells it.
#[derive(Clone, Debug)]
pub struct Told {
    pub node_id: i32,
    /// `None`: nothing outlives the process.
    pub data: Option<PathBuf>,
    /// `ADDRESS:PORT` of each Kafka listener.
    pub kafka: Vec<String>,
    pub http: Option<String>,
    /// The registry's own listener.
    pub registry: Option<String>,
    /// What clients are told, as it was asked for; `auto` is the address that they dialled.
    pub rule: String,
}

/// What `log.dirs` says when there is no directory.
pub const MEMORY: &str = "memory";

impl Told {
    /// The settings that say it.
    pub fn settings(&self) -> Vec<(String, Option<String>)> {
        let data = self.data.as_deref().map_or(MEMORY.into(), |d| d.display().to_string());
        let listeners = self.kafka.iter().map(|a| format!("PLAINTEXT://{a}")).collect::<Vec<_>>().join(",");
        let advertised = if self.rule == "auto" { listeners.clone() } else { format!("PLAINTEXT://{}", self.rule) };
        let id = self.node_id.to_string();
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
        let doors = [("milena.http.address", &self.http), ("milena.registry.address", &self.registry)];
        let doors = doors.into_iter().filter_map(|(name, address)| Some((name, address.clone()?)));
        told.into_iter().chain(doors).map(|(name, value)| (name.to_string(), Some(value))).collect()
    }
}

/// How a broker is set up, beyond what lies in its store.
pub struct Options {
    pub node_id: i32,
    /// By Kafka's names; a later one wins.
    pub settings: Vec<(String, Option<String>)>,
    /// Threads that serve connections; `None` takes one a core.
    pub runtimes: Option<usize>,
    pub clock: Arc<dyn Clock>,
    pub kafka: milena_kafka::DoorOptions,
    pub http: milena_http::DoorOptions,
}

impl Options {
    /// A node of this number, with everything else as it is by default.
    pub fn new(node_id: i32, http: milena_http::DoorOptions) -> Self {
        Self {
            node_id,
            settings: Vec::new(),
            runtimes: None,
            clock: Arc::new(SystemClock::new()),
            kafka: milena_kafka::DoorOptions::default(),
            http,
        }
    }
}

/// A node that runs, and its doors. Nothing listens yet: whoever has listeners gives them to the doors.
pub struct Broker {
    pub node: Node,
    pub kafka: Arc<milena_kafka::Door>,
    pub http: Arc<milena_http::Door>,
}

impl Broker {
    /// Starts a node on what was opened.
    pub fn start(opened: Opened, options: Options) -> Result<Self, StartError> {
        let Opened { store, recovery, recovered } = opened;
        let defaults = NodeOptions::default();
        let node_options = NodeOptions {
            node_id: options.node_id,
            settings: options.settings,
            runtimes: options.runtimes.unwrap_or(defaults.runtimes),
            clock: options.clock,
            recovered,
        };
        let node = Node::start(store, recovery, node_options)?;
        let kafka = milena_kafka::Door::new(node.clone(), options.kafka);
        let origins = milena_http::Origins::of(node.settings().allowed_origins.as_deref());
        let http = milena_http::Door::new(node.clone(), milena_http::DoorOptions { origins, ..options.http });
        Ok(Self { node, kafka, http })
    }

    /// Ends every task and closes the store cleanly. Call it from outside of the node's threads.
    pub fn stop(&self) -> Result<(), Arc<Fault>> {
        self.node.stop()
    }
}
