//! A cluster: where to begin, who is there, who leads what, and a pool of connections to them.

mod coordinator;
mod metadata;
mod offsets;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use milena_wire::{Request, Text};
use tokio::sync::Mutex as AsyncMutex;

use crate::{Backoff, ConnectFailure, Connection, Endpoint, Error, Options, Principal, Result, Retry, Security, Trace};
use metadata::View;
pub use metadata::{Metadata, Partition, Topic, Topics};
pub use offsets::{At, Listed};

/// How to reach a cluster.
#[derive(Clone, Debug)]
pub struct Config {
    /// Addresses to begin with; the first that answers is used.
    pub bootstrap: Vec<Endpoint>,
    pub options: Options,
    /// Patience with what passes: elections, restarts, lost connections.
    pub retry: Retry,
    /// Talk to the bootstrap address whatever the brokers advertise. For single nodes behind a tunnel or a port mapping.
    pub ignore_advertised: bool,
    /// Whether asking for an unknown topic may create it, where the broker allows that.
    pub auto_create_topics: bool,
    /// How long what is known about topics is believed.
    pub metadata_age: Duration,
}

impl Config {
    pub fn new(bootstrap: impl IntoIterator<Item = Endpoint>) -> Self {
        Self {
            bootstrap: bootstrap.into_iter().collect(),
            options: Options::default(),
            retry: Retry::default(),
            ignore_advertised: false,
            auto_create_topics: false,
            metadata_age: Duration::from_secs(300),
        }
    }

    #[must_use]
    pub fn trace(mut self, trace: Arc<dyn Trace>) -> Self {
        self.options.trace = Some(trace);
        self
    }
}

/// Whom a request is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// Anybody; prefers a connection that is there.
    Any,
    /// The broker that the others call controller.
    Controller,
    Id(i32),
    /// Who leads a partition.
    Leader {
        topic: Text,
        partition: i32,
    },
    /// The coordinator of a group.
    Group(Text),
    /// The coordinator of a transactional id.
    Transaction(Text),
    /// This address, whoever is there.
    At(Endpoint),
}

/// Which of the connections to a broker. A broker answers one connection's requests one after the other, so what waits at
/// the broker must not stand before what does not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lane {
    /// What is answered at once.
    Main,
    /// One that nobody else uses: for long polls, and for members of groups, whose joining waits for the others.
    Own(u64),
}

impl Lane {
    /// One that nobody else has. To be given back with [`Cluster::close_lane`].
    pub fn own() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self::Own(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A cluster. Clones share connections and what is known.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

/// One address of one user's in the pool.
#[derive(Default)]
struct Place {
    connection: Option<Connection>,
    /// Who opens a connection holds it; it keeps how the last try failed, for those who waited meanwhile.
    dialling: Dialling,
}

type Dialling = Arc<AsyncMutex<Option<(Instant, Error)>>>;

/// What a pooled connection is found by: where it leads, whose it is, and which of that user's it is. A connection has no other
/// way out of the pool, so that one user's can never be given to another.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct PoolKey {
    endpoint: Endpoint,
    principal: Principal,
    lane: Lane,
}

/// What is in the pool for an address.
enum Look {
    Open(Connection),
    Dial(PoolKey, Security, Dialling),
}

struct Inner {
    config: Config,
    /// Who we are now; what [`Config`] says is only the beginning.
    security: Mutex<Security>,
    view: Mutex<View>,
    pool: Mutex<HashMap<PoolKey, Place>>,
    /// Where somebody has answered before: that such a name is not known for a moment is no wrong address.
    reached: Mutex<HashSet<Endpoint>>,
}

impl Cluster {
    /// Connects to the first bootstrap address that answers, and asks it for the brokers.
    pub async fn connect(config: Config) -> Result<Self> {
        let cluster = Self::new(config)?;
        cluster.refresh(Topics::None).await?;
        Ok(cluster)
    }

    /// Connects to nobody yet.
    pub fn new(config: Config) -> Result<Self> {
        if config.bootstrap.is_empty() {
            return Err(Error::NoBootstrap);
        }
        let security = Mutex::new(config.options.security.clone());
        Ok(Self(Arc::new(Inner { config, security, view: Mutex::default(), pool: Mutex::default(), reached: Mutex::default() })))
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Who this cluster is used as.
    pub fn principal(&self) -> Principal {
        self.lock(&self.0.security).principal()
    }

    /// Uses the cluster, and all its clones, as somebody else from now on. Every connection of the former user is closed, with
    /// what waits on it, and what that user could see is forgotten.
    pub fn become_principal(&self, security: Security) {
        *self.lock(&self.0.security) = security;
        // Connections are put into the pool and given out under its lock, after a look at who we are: so that none is missed here,
        // and one that is being opened just now finds its place gone.
        let gone: Vec<Place> = self.lock(&self.0.pool).drain().map(|(_, place)| place).collect();
        gone.iter().filter_map(|place| place.connection.as_ref()).for_each(|c| c.close(Error::PrincipalChanged));
        *self.view() = View::default();
    }

    /// Sends a request in the newest version that both sides know.
    pub async fn send<R: Request>(&self, node: &Node, request: &R) -> Result<R::Response> {
        self.connection(node, Lane::Main).await?.send(request).await
    }

    /// Sends a request in a given version.
    pub async fn send_version<R: Request>(&self, node: &Node, request: &R, version: i16) -> Result<R::Response> {
        self.connection(node, Lane::Main).await?.send_version(request, version).await
    }

    /// A living connection to a node, opened if there is none.
    pub async fn connection(&self, node: &Node, lane: Lane) -> Result<Connection> {
        let endpoint = match node {
            Node::Any => return self.any(lane).await,
            Node::At(endpoint) => endpoint.clone(),
            Node::Controller => match self.controller().await? {
                Some(id) => self.endpoint_for(node, id).await?,
                None => return self.any(lane).await,
            },
            Node::Id(id) => self.endpoint(*id).await?,
            Node::Leader { topic, partition } => self.endpoint_for(node, self.leader(topic, *partition).await?).await?,
            Node::Group(id) => self.endpoint_for(node, self.coordinator(coordinator::Kind::Group, id).await?).await?,
            Node::Transaction(id) => self.endpoint_for(node, self.coordinator(coordinator::Kind::Transaction, id).await?).await?,
        };
        self.open(&endpoint, lane).await
    }

    /// Opens or reuses the connection to an address. Two callers at once open one, and fail together.
    async fn open(&self, endpoint: &Endpoint, lane: Lane) -> Result<Connection> {
        let began = Instant::now();
        let (key, security, dialling) = match self.look(endpoint, lane) {
            Look::Open(connection) => return Ok(connection),
            Look::Dial(key, security, dialling) => (key, security, dialling),
        };
        let mut last = dialling.lock().await;
        if let Some(connection) = self.there(&self.lock(&self.0.pool), &key) {
            return Ok(connection);
        }
        if let Some((at, error)) = &*last
            && *at > began
        {
            self.abandon(&key, &dialling);
            return Err(error.clone());
        }
        let options = Options { security, ..self.0.config.options.clone() };
        match Connection::open(endpoint, &options).await {
            Ok(connection) => self.keep(&key, &dialling, connection),
            Err(error) => {
                let error = self.of_known_place(endpoint, error);
                self.abandon(&key, &dialling);
                *last = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// What there is for an address, and if that is nothing, what opening one needs.
    fn look(&self, endpoint: &Endpoint, lane: Lane) -> Look {
        let mut pool = self.lock(&self.0.pool);
        let security = self.lock(&self.0.security).clone();
        let key = PoolKey { endpoint: endpoint.clone(), principal: security.principal(), lane };
        match self.there(&pool, &key) {
            Some(connection) => Look::Open(connection),
            None => {
                let dialling = pool.entry(key.clone()).or_default().dialling.clone();
                Look::Dial(key, security, dialling)
            }
        }
    }

    fn there(&self, pool: &HashMap<PoolKey, Place>, key: &PoolKey) -> Option<Connection> {
        pool.get(key)?.connection.as_ref().filter(|c| c.is_usable()).cloned()
    }

    /// Puts a connection just opened into its place, if that is still there: the user may be another by now, or the lane closed.
    fn keep(&self, key: &PoolKey, dialling: &Dialling, connection: Connection) -> Result<Connection> {
        self.lock(&self.0.reached).insert(key.endpoint.clone());
        let mut pool = self.lock(&self.0.pool);
        if let Some(place) = pool.get_mut(key).filter(|place| Arc::ptr_eq(&place.dialling, dialling)) {
            place.connection = Some(connection.clone());
            return Ok(connection);
        }
        drop(pool);
        let error = match key.lane {
            Lane::Own(_) if key.principal == self.principal() => Error::Gone,
            _ => Error::PrincipalChanged,
        };
        connection.close(error.clone());
        Err(error)
    }

    /// Removes a place that nothing came of, unless somebody else waits there.
    fn abandon(&self, key: &PoolKey, dialling: &Dialling) {
        let mut pool = self.lock(&self.0.pool);
        if let Some(place) = pool.get(key)
            && Arc::ptr_eq(&place.dialling, dialling)
            && Arc::strong_count(dialling) <= 2
        {
            pool.remove(key);
        }
    }

    /// An address that worked before is not wrong because its name is unknown for a moment.
    fn of_known_place(&self, endpoint: &Endpoint, error: Error) -> Error {
        match error {
            Error::UnknownHost { detail, .. } if self.lock(&self.0.reached).contains(endpoint) => {
                let failure = ConnectFailure::Other(format!("its name cannot be resolved any more: {detail}"));
                Error::Connect { endpoint: endpoint.clone(), failure }
            }
            other => other,
        }
    }

    /// Lets go of the connections of a lane.
    pub fn close_lane(&self, lane: Lane) {
        self.lock(&self.0.pool).retain(|key, _| key.lane != lane);
    }

    async fn any(&self, lane: Lane) -> Result<Connection> {
        let known: Vec<Endpoint> = {
            let view = self.view();
            view.brokers.values().cloned().chain(self.0.config.bootstrap.iter().cloned()).collect()
        };
        // A connection that is there costs nothing.
        {
            let pool = self.lock(&self.0.pool);
            let principal = self.principal();
            let key = |endpoint: &Endpoint| PoolKey { endpoint: endpoint.clone(), principal: principal.clone(), lane };
            if let Some(connection) = known.iter().find_map(|endpoint| self.there(&pool, &key(endpoint))) {
                return Ok(connection);
            }
        }
        let mut last = Error::NoBootstrap;
        for endpoint in &known {
            match self.open(endpoint, lane).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where a broker is.
    async fn endpoint(&self, id: i32) -> Result<Endpoint> {
        if let Some(endpoint) = self.view().brokers.get(&id) {
            return Ok(endpoint.clone());
        }
        self.refresh(Topics::None).await?;
        self.view().brokers.get(&id).cloned().ok_or(Error::NoNode(id))
    }

    /// The same for whom a node was found to be. If there is no such broker, that finding is forgotten.
    async fn endpoint_for(&self, node: &Node, id: i32) -> Result<Endpoint> {
        self.endpoint(id).await.inspect_err(|error| {
            if let Error::NoNode(_) = error {
                match node {
                    Node::Controller => self.forget_controller(),
                    Node::Leader { topic, .. } => self.forget_topic(topic),
                    _ => self.forget_coordinator(node),
                }
            }
        })
    }

    /// A new count of attempts under this cluster's patience.
    pub fn backoff(&self, doing: impl Into<String>) -> Backoff {
        Backoff::new(self.0.config.retry, doing, self.0.config.options.trace.clone())
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.lock(&self.0.view)
    }

    fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
