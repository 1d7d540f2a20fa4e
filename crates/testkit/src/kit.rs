//! The kit: a broker with its lives, and everything that can be done to it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use milena_broker::{Broker, Options, Told};
use milena_http::{Origins, Surface};
use milena_node::{Node, Recovered, Sockets, StartError};
use milena_store::local::OpenError;
use tokio::{net::TcpListener, runtime::Handle, sync::Notify};

use crate::{
    clock::KitClock,
    disk::{DiskFaults, FaultDisk, Faults},
    front,
    place::{Ground, Place},
    ports::Port,
    record::{Event, Recorder},
    wire::{self, Life, Way, Wires},
};

/// Sockets of the HTTP doors in a test.
const SOCKETS: usize = 4096;

/// Why a kit cannot do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("cannot listen on {address} for {door}: {source}")]
    Port { door: &'static str, address: SocketAddr, source: io::Error },
    #[error("the place of the data cannot be used: {0}")]
    Place(io::Error),
    #[error("a thread cannot be started: {0}")]
    Thread(io::Error),
    #[error("the data cannot be opened: {0}")]
    Open(#[from] OpenError),
    #[error("the broker cannot start: {0}")]
    Start(#[from] StartError),
    #[error("the broker did not close cleanly: {0}")]
    Close(Arc<milena_node::Fault>),
    #[error("the broker is down; start it first")]
    Down,
    #[error("the broker runs already")]
    Up,
    #[error("only a broker in memory can lose power: what a directory keeps is up to the system")]
    Power,
    #[error("{0}")]
    Other(String),
}

/// How a kit is set up. Every choice has a default that suits a test.
#[derive(Clone, Debug)]
pub struct Setup {
    pub(crate) place: Place,
    pub(crate) settings: Vec<(String, Option<String>)>,
    pub(crate) node_id: i32,
    pub(crate) runtimes: usize,
    pub(crate) files: usize,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) kafka_options: milena_kafka::DoorOptions,
    pub(crate) rule: String,
    pub(crate) kafka: Vec<SocketAddr>,
    pub(crate) web: Vec<(Surface, Vec<SocketAddr>)>,
    pub(crate) version: &'static str,
    pub(crate) control: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let any = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let web = [Surface::Common, Surface::Registry, Surface::Rest].map(|surface| (surface, any.clone()));
        Self {
            place: Place::Memory,
            settings: Vec::new(),
            node_id: 1,
            runtimes: 1,
            files: 128,
            sockets: Sockets::new(SOCKETS),
            kafka_options: milena_kafka::DoorOptions::default(),
            rule: "auto".into(),
            kafka: any,
            web: web.into(),
            version: env!("CARGO_PKG_VERSION"),
            control: false,
        }
    }
}

impl Setup {
    /// Where data rest.
    pub fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }
    /// A broker setting by Kafka's name, such as `num.partitions`. The last one of a name wins.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), Some(value.into())));
        self
    }
    /// All settings at once, in place of those so far.
    pub fn settings(mut self, settings: Vec<(String, Option<String>)>) -> Self {
        self.settings = settings;
        self
    }
    /// The number by which clients know the broker.
    pub fn node_id(mut self, id: i32) -> Self {
        self.node_id = id;
        self
    }
    /// Threads that serve connections; one is enough for a test.
    pub fn threads(mut self, threads: usize) -> Self {
        self.runtimes = threads.max(1);
        self
    }
    /// Files of data that may be open, and sockets of the HTTP doors, at most.
    pub fn limits(mut self, files: usize, sockets: Arc<Sockets>) -> Self {
        (self.files, self.sockets) = (files, sockets);
        self
    }
    /// How the Kafka door is set up, and the words that its rule was made from.
    pub fn kafka_door(mut self, options: milena_kafka::DoorOptions, rule: impl Into<String>) -> Self {
        (self.kafka_options, self.rule) = (options, rule.into());
        self
    }
    /// Where the Kafka door listens. By default at a free port of 127.0.0.1.
    pub fn kafka_at(mut self, addresses: Vec<SocketAddr>) -> Self {
        self.kafka = addresses;
        self
    }
    /// Where the HTTP doors listen; a surface without addresses is off.
    pub fn web_at(mut self, web: Vec<(Surface, Vec<SocketAddr>)>) -> Self {
        self.web = web;
        self
    }
    /// What the broker says its version is.
    pub fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }
    /// Serves the control API at `/ephemeral/v1` of the HTTP door, for tests in other languages. It is reached from this
    /// machine only, by whoever has [`Kit::token`].
    pub fn control(mut self) -> Self {
        self.control = true;
        self
    }
    /// Starts the broker.
    pub fn start(self) -> Result<Kit, Trouble> {
        Kit::of(self)
    }
}

/// A real broker inside a test. It goes when this is dropped.
pub struct Kit {
    pub(crate) inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) struct Inner {
    pub(crate) setup: Setup,
    kafka: Vec<Port>,
    web: Vec<(Surface, Vec<SocketAddr>)>,
    ground: Mutex<Ground>,
    pub(crate) faults: Faults,
    pub(crate) wires: Wires,
    pub(crate) clock: KitClock,
    pub(crate) recorder: Recorder,
    pub(crate) token: Option<String>,
    /// The broker's present life. The lock orders those who start and end one.
    running: Mutex<Option<Running>>,
    /// The same for those who only want to ask it something.
    live: RwLock<Option<Live>>,
    /// Told at the end of each life.
    pub(crate) ended: Arc<Notify>,
    /// Told at the end of the kit.
    over: Notify,
    handle: Handle,
}

/// What is needed of a broker to let it answer.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) node: Node,
    pub(crate) http: Arc<milena_http::Door>,
    pub(crate) life: Life,
}

struct Running {
    broker: Broker,
    disk: FaultDisk,
    life: Life,
    listeners: Vec<Listening>,
    recovered: Recovered,
    took: Duration,
}

/// A task that listens, and word of its end.
struct Listening {
    task: tokio::task::JoinHandle<()>,
    closed: mpsc::Receiver<()>,
}

/// Closed listeners are waited for at most so long.
const CLOSING: Duration = Duration::from_secs(5);

impl Kit {
    /// A broker in memory with every door on a free port of this machine.
    pub fn start() -> Result<Self, Trouble> {
        Setup::default().start()
    }

    /// A kit to be set up.
    pub fn setup() -> Setup {
        Setup::default()
    }

    fn of(setup: Setup) -> Result<Self, Trouble> {
        let held = |address: &SocketAddr| {
            Port::hold(*address).map_err(|source| Trouble::Port { door: "kafka", address: *address, source })
        };
        let kafka = setup.kafka.iter().map(held).collect::<Result<Vec<_>, _>>()?;
        let (web, listeners) = front::bind(&setup.web)?;
        let ground = Ground::take(&setup.place).map_err(Trouble::Place)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Trouble::Thread)?;
        let inner = Arc::new(Inner {
            kafka,
            web,
            ground: Mutex::new(ground),
            faults: Faults::default(),
            wires: Wires::default(),
            clock: KitClock::default(),
            recorder: Recorder::default(),
            token: setup.control.then(|| uuid::Uuid::new_v4().simple().to_string()),
            running: Mutex::new(None),
            live: RwLock::new(None),
            ended: Arc::default(),
            over: Notify::new(),
            handle: runtime.handle().clone(),
            setup,
        });
        inner.start()?;
        let kit = inner.clone();
        let run = move || {
            runtime.block_on(async {
                front::serve(&kit, listeners);
                kit.over.notified().await;
            });
            // A wait on a thread of its own, such as for an empty queue, is not waited for.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("milena-kit".into()).spawn(run).map_err(Trouble::Thread)?;
        Ok(Self { inner, thread: Some(thread) })
    }

    /// `ADDRESS:PORT` of the Kafka door: the same over all lives.
    pub fn kafka(&self) -> String {
        self.inner.kafka_addresses().into_iter().next().unwrap_or_default()
    }

    /// `ADDRESS:PORT` of the HTTP door with all its routes.
    pub fn http(&self) -> Option<String> {
        self.inner.web_address(Surface::Common)
    }

    /// `ADDRESS:PORT` of the schema registry.
    pub fn registry(&self) -> Option<String> {
        self.inner.web_address(Surface::Registry)
    }

    /// `ADDRESS:PORT` of the REST proxy.
    pub fn rest(&self) -> Option<String> {
        self.inner.web_address(Surface::Rest)
    }

    /// The settings by which the broker tells how it was started.
    pub fn told(&self) -> Vec<(String, Option<String>)> {
        self.inner.told().settings()
    }

    /// What the control API wants to see, if it is served.
    pub fn token(&self) -> Option<&str> {
        self.inner.token.as_deref()
    }

    /// The directory of the data, if there is one.
    pub fn directory(&self) -> Option<PathBuf> {
        hold(&self.inner.ground).path()
    }

    /// The broker as it is now, for tests that look inside. `None` while it is down.
    pub fn node(&self) -> Option<Node> {
        self.inner.live().map(|live| live.node)
    }

    /// What the last start found, and how long it took.
    pub fn recovered(&self) -> Option<(Recovered, Duration)> {
        hold(&self.inner.running).as_ref().map(|running| (running.recovered.clone(), running.took))
    }

    /// The broker dies, as by `kill -9`: connections end, its port refuses, and nothing that it had not written is written.
    pub fn kill(&self) -> Result<(), Trouble> {
        self.inner.end(End::Kill)
    }

    /// The machine loses power: as a kill, and what was not synced is lost. Only in memory.
    pub fn cut_power(&self) -> Result<(), Trouble> {
        self.inner.end(End::Power)
    }

    /// The broker stops cleanly.
    pub fn stop(&self) -> Result<(), Trouble> {
        self.inner.end(End::Stop)
    }

    /// Starts a broker that is down, on what it had, at the same addresses.
    pub fn come_back(&self) -> Result<(), Trouble> {
        self.inner.start()
    }

    /// Stops cleanly and starts again.
    pub fn restart(&self) -> Result<(), Trouble> {
        self.stop()?;
        self.come_back()
    }

    /// Dies and starts again.
    pub fn kill_and_come_back(&self) -> Result<(), Trouble> {
        self.kill()?;
        self.come_back()
    }

    /// What is wrong with the disk.
    pub fn disk(&self) -> DiskFaults {
        self.inner.faults.now()
    }

    /// Lets the disk misbehave from now on, also over restarts. `DiskFaults::default()` heals it.
    pub fn break_disk(&self, faults: DiskFaults) {
        self.inner.break_disk(faults);
    }

    /// The next `connections` Kafka connections that carry `bytes` more bytes that way are cut behind the last of them.
    pub fn cut_after(&self, way: Way, bytes: u64, connections: u32) {
        self.inner.cut_after(way, bytes, connections);
    }

    /// Cuts every Kafka connection that is open, and answers how many there were. The broker lives on.
    pub fn cut_connections(&self) -> usize {
        self.inner.cut_now()
    }

    /// Sets the broker's clock forward: retention, sessions of groups, leases of queues see the time as passed.
    pub fn forward(&self, by: Duration) {
        self.inner.forward(by);
    }

    /// Everything that clients did, and what the kit did, in order.
    pub fn recorded(&self) -> Vec<Event> {
        self.inner.recorder.all().0
    }

    /// Forgets what was recorded so far.
    pub fn clear_record(&self) {
        self.inner.recorder.clear();
    }
}

impl Drop for Kit {
    fn drop(&mut self) {
        let end = if hold(&self.inner.ground).stays() { End::Stop } else { End::Kill };
        // Nobody is left who could be told.
        let _ = self.inner.end(end);
        self.inner.over.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How a life ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Stop,
    Kill,
    Power,
}

impl Inner {
    pub(crate) fn kafka_addresses(&self) -> Vec<String> {
        self.kafka.iter().map(|port| port.address().to_string()).collect()
    }

    pub(crate) fn web_address(&self, surface: Surface) -> Option<String> {
        let (_, addresses) = self.web.iter().find(|(s, _)| *s == surface)?;
        addresses.first().map(ToString::to_string)
    }

    pub(crate) fn path(&self) -> Option<PathBuf> {
        hold(&self.ground).path()
    }

    pub(crate) fn live(&self) -> Option<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_live(&self, live: Option<Live>) {
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
    }

    /// Begins a life. Blocks until it listens.
    pub(crate) fn start(&self) -> Result<(), Trouble> {
        let begin = Instant::now();
        let mut running = hold(&self.running);
        if running.is_some() {
            return Err(Trouble::Up);
        }
        let (disk, options) = {
            let ground = hold(&self.ground);
            (ground.life(&self.faults), ground.options(self.setup.files))
        };
        let opened = milena_broker::open(Arc::new(disk.clone()), options)?;
        let recovered = opened.recovered.clone();
        let broker = Broker::start(opened, self.options())?;
        let life = Life::default();
        let listeners = self.listen(&broker, &life)?;
        self.set_live(Some(Live { node: broker.node.clone(), http: broker.http.clone(), life: life.clone() }));
        let took = begin.elapsed();
        self.recorder.fault(format!("the broker started in {:.1} ms", took.as_secs_f64() * 1e3));
        *running = Some(Running { broker, disk, life, listeners, recovered, took });
        Ok(())
    }

    fn told(&self) -> Told {
        Told {
            node_id: self.setup.node_id,
            data: self.path(),
            kafka: self.kafka_addresses(),
            http: self.web_address(Surface::Common),
            registry: self.web_address(Surface::Registry),
            rule: self.setup.rule.clone(),
        }
    }

    fn options(&self) -> Options {
        let setup = &self.setup;
        let told = self.told();
        let data = told.data.clone();
        let http = milena_http::DoorOptions {
            version: setup.version,
            data: data.map_or(milena_broker::MEMORY.into(), |d| d.display().to_string()),
            sockets: setup.sockets.clone(),
            origins: Origins::default(),
        };
        let settings = setup.settings.iter().cloned().chain(told.settings()).collect();
        Options {
            settings,
            runtimes: Some(setup.runtimes),
            clock: Arc::new(self.clock.clone()),
            kafka: setup.kafka_options.clone(),
            ..Options::new(setup.node_id, http)
        }
    }

    fn listen(&self, broker: &Broker, life: &Life) -> Result<Vec<Listening>, Trouble> {
        let one = |port: &Port| {
            let failed = |source| Trouble::Port { door: "kafka", address: port.address(), source };
            let listener = port.listen().map_err(failed)?;
            let (closing, closed) = mpsc::channel();
            let (door, life) = (broker.kafka.clone(), life.clone());
            let (wires, recorder) = (self.wires.clone(), self.recorder.clone());
            let task = self.handle.spawn(async move {
                // Dropped behind everything else of this task: who waits for it knows that the listener is closed.
                let _closing = closing;
                match TcpListener::from_std(listener) {
                    Ok(listener) => wire::listen(listener, door, life, wires, recorder).await,
                    Err(error) => tracing::error!(%error, "the test kit cannot listen"),
                }
            });
            Ok(Listening { task, closed })
        };
        self.kafka.iter().map(one).collect()
    }

    /// Ends a life. Blocks until it is over, and the Kafka port refuses.
    pub(crate) fn end(&self, end: End) -> Result<(), Trouble> {
        let mut running = hold(&self.running);
        if end == End::Power && !hold(&self.ground).can_lose_power() {
            return Err(Trouble::Power);
        }
        let Running { broker, disk, life, listeners, .. } = running.take().ok_or(Trouble::Down)?;
        self.set_live(None);
        let closed = match end {
            End::Stop => {
                close(listeners);
                let closed = broker.stop();
                life.end();
                disk.end();
                closed
            }
            End::Kill | End::Power => {
                // First nobody hears anything any more, then nothing is written any more, then the rest goes.
                life.end();
                disk.end();
                close(listeners);
                broker.node.abandon();
                Ok(())
            }
        };
        if end == End::Power {
            hold(&self.ground).lose_power();
        }
        self.recorder.fault(match end {
            End::Stop => "the broker stopped",
            End::Kill => "the broker was killed",
            End::Power => "the power was cut",
        });
        self.ended.notify_waiters();
        closed.map_err(Trouble::Close)
    }

    pub(crate) fn break_disk(&self, faults: DiskFaults) {
        self.recorder.fault(format!("disk: {faults:?}"));
        self.faults.change(|now| *now = faults);
    }

    pub(crate) fn cut_after(&self, way: Way, bytes: u64, connections: u32) {
        self.recorder.fault(format!("{connections} connections are cut after {bytes} more bytes of {way:?}"));
        self.wires.cut_after(way, bytes, connections);
    }

    pub(crate) fn cut_now(&self) -> usize {
        let cut = self.wires.cut_now();
        self.recorder.fault(format!("{cut} connections are cut"));
        cut
    }

    pub(crate) fn forward(&self, by: Duration) {
        self.clock.forward(by);
        self.recorder.fault(format!("the clock was set forward by {by:?}"));
        if let Some(live) = self.live() {
            live.node.look_at_clock();
        }
    }
}

fn close(listeners: Vec<Listening>) {
    listeners.iter().for_each(|listening| listening.task.abort());
    for listening in listeners {
        // Nothing is ever sent: the other end is dropped with the task.
        let _ = listening.closed.recv_timeout(CLOSING);
    }
}

pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
