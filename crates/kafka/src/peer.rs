//! The door itself, and who stands at it: what all connections share, and what one connection knows of its client.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::HashMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use bytes::Bytes;
use milena_node::{Entrance, Node, SocketPlace, Sockets, WriterId, engine::settings::broker::BrokerSettings};
use milena_wire::{Text, frame::Refused};

use crate::{
    advertise::{Advertise, HostPort},
    connection::Limits,
    dispatch::card,
    first_chance,
    memory::Memory,
    session::Sessions,
    share_session::{self, Name, Place, ShareSessions, Turn},
    sharing,
};

/// Longer than anybody waits: `connections.max.idle.ms=-1`.
const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);

/// How the door is set up. The operator's wishes; limits that are broker settings come from the node.
#[derive(Clone, Debug)]
pub struct DoorOptions {
    pub advertise: Advertise,
    /// The port is open on 127.0.0.1 and on ::1, so clients on this machine may be told `localhost`.
    pub both_families: bool,
    /// Requests that take longer are logged with where the time went.
    pub slow: Option<Duration>,
    /// Sockets that there are descriptors for; `max.connections` may allow fewer.
    pub sockets: Arc<Sockets>,
}
impl Default for DoorOptions {
    fn default() -> Self {
        Self { advertise: Advertise::Auto, both_families: false, slow: None, sockets: Sockets::unlimited() }
    }
}

/// The Kafka door of a node: what all its connections share.
pub struct Door {
    pub(crate) node: Node,
    pub(crate) options: DoorOptions,
    sessions: Mutex<Sessions>,
    share_sessions: Mutex<ShareSessions>,
    peers: AtomicU64,
    memory: Arc<Memory>,
    admitted: Mutex<Admitted>,
    /// Callers that spoke TLS, and those that spoke HTTP.
    strangers: [AtomicU64; 2],
    refused: AtomicU64,
    closed: AtomicU64,
    crowded: AtomicU64,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("options", &self.options).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Admitted {
    all: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// A connection's place among `max.connections` and `max.connections.per.ip`, given back when dropped.
pub(crate) struct Admission {
    door: Arc<Door>,
    ip: IpAddr,
    _socket: SocketPlace,
}
impl Drop for Admission {
    fn drop(&mut self) {
        let mut admitted = hold(&self.door.admitted);
        admitted.all -= 1;
        if let Some(count) = admitted.by_ip.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                admitted.by_ip.remove(&self.ip);
            }
        }
        self.door.node.counters().connections.down();
    }
}

impl Door {
    pub fn new(node: Node, options: DoorOptions) -> Arc<Self> {
        let slots = node.settings().fetch_session_slots;
        node.counters().name_requests(|key| card(key).map(|card| card.name));
        let seed = uuid::Uuid::new_v4().as_u128() as u32;
        Arc::new(Self {
            memory: Memory::new(node.clone()),
            node,
            options,
            sessions: Mutex::new(Sessions::new(slots, seed)),
            share_sessions: Mutex::default(),
            peers: AtomicU64::new(0),
            admitted: Mutex::default(),
            strangers: Default::default(),
            refused: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            crowded: AtomicU64::new(0),
        })
    }

    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The cluster's id as clients write it: a UUID in base64.
    pub(crate) fn cluster_id(&self) -> Text {
        Text::from(URL_SAFE_NO_PAD.encode(self.node.cluster_id()))
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        hold(&self.sessions)
    }

    /// What all connections may hold together.
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits { frame: self.node.settings().socket_request_max_bytes, ..Limits::default() }
    }

    /// How long a connection may be quiet.
    pub(crate) fn idle(&self) -> Duration {
        match u64::try_from(self.node.settings().connections_max_idle_ms) {
            Ok(ms) => Duration::from_millis(ms).min(FOR_EVER),
            Err(_) => FOR_EVER,
        }
    }

    /// Lets a connection in, unless there are too many of it.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<Admission> {
        let ip = ip.to_canonical();
        let settings = self.node.settings();
        let of_ip_limit = limit_of(&settings, ip);
        let mut admitted = hold(&self.admitted);
        let of_ip = admitted.by_ip.get(&ip).copied().unwrap_or(0);
        let limit = match self.options.sockets.enter(Entrance::Kafka) {
            _ if admitted.all >= settings.max_connections => "max.connections",
            None => "open files",
            _ if of_ip >= of_ip_limit => "max.connections.per.ip",
            Some(socket) => {
                admitted.all += 1;
                *admitted.by_ip.entry(ip).or_default() += 1;
                let counters = self.node.counters();
                counters.connections.up();
                counters.connections_opened.add(1);
                return Some(Admission { door: self.clone(), ip, _socket: socket });
            }
        };
        drop(admitted);
        first_chance::not_admitted(self, ip, limit);
        if let Some(times) = worth_saying(&self.refused) {
            tracing::warn!(%ip, limit, times, "connection refused: the limit is reached");
        }
        None
    }

    /// Says that no connection can be accepted: as rarely as it says the other things.
    pub(crate) fn note_accept_failure(&self, error: &std::io::Error) {
        if let Some(times) = worth_saying(&self.refused) {
            tracing::error!(%error, times, "no connection can be accepted; is the limit of open files too low?");
        }
    }

    /// Says why a connection was closed; when many are, only now and then, so that nobody can fill the log.
    pub(crate) fn note_closed(&self, remote: SocketAddr, software: &str, why: &dyn fmt::Display) {
        match worth_saying(&self.closed) {
            Some(times) => tracing::info!(%remote, software, times, "connection closed: {why}"),
            None => tracing::debug!(%remote, software, "connection closed: {why}"),
        }
    }

    /// Says that a connection was closed to make room for others.
    pub(crate) fn note_crowded(&self, remote: SocketAddr, software: &str, held: usize) {
        self.node.counters().crowded_out.add(1);
        if let Some(times) = worth_saying(&self.crowded) {
            tracing::warn!(
                %remote,
                software,
                held,
                times,
                "connection closed: all connections together hold what queued.max.request.bytes allows, others wait, and this one has \
                 neither sent nor taken anything for a while"
            );
        }
    }

    /// Says that somebody spoke another protocol: the first time, and then ever more rarely. A probe that speaks HTTP every
    /// second must not hide a client that tries TLS.
    pub(crate) fn note_stranger(&self, remote: SocketAddr, refused: &Refused) {
        if let Some(times) = worth_saying(&self.strangers[usize::from(matches!(refused, Refused::Http))]) {
            tracing::warn!(%remote, times, "{refused}");
        }
    }
}

/// `max.connections.per.ip`, or what its overrides say of this address.
fn limit_of(settings: &BrokerSettings, ip: IpAddr) -> usize {
    let is_it = |host: &str| host.parse::<IpAddr>().is_ok_and(|host| host.to_canonical() == ip);
    let special = settings.max_connections_per_ip_overrides.iter().find(|(host, _)| is_it(host));
    special.map_or(settings.max_connections_per_ip, |(_, limit)| *limit)
}

/// Counts, and answers the count when it is a power of two: a flood of the same line says nothing new.
fn worth_saying(counter: &AtomicU64) -> Option<u64> {
    let times = counter.fetch_add(1, Ordering::Relaxed) + 1;
    times.is_power_of_two().then_some(times)
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one connection knows of its client.
pub(crate) struct Peer {
    pub(crate) door: Arc<Door>,
    pub(crate) remote: SocketAddr,
    pub(crate) local: SocketAddr,
    /// By this sessions know the connection that they live on.
    number: u64,
    /// Share sessions that began here.
    share_sessions: RefCell<Vec<Name>>,
    /// The client id of the first request.
    client: OnceCell<String>,
    /// It has asked for something that only a client asks that has found its broker.
    came: Cell<bool>,
    /// Name and version, as ApiVersions told them.
    software: RefCell<Option<(Text, Text)>>,
    /// The last client id that produced here, and what the writer table calls it.
    writer: RefCell<Option<(Bytes, WriterId)>>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.remote)
    }
}

impl Peer {
    pub(crate) fn new(door: Arc<Door>, remote: SocketAddr, local: SocketAddr) -> Self {
        let number = door.peers.fetch_add(1, Ordering::Relaxed);
        Self {
            door,
            remote,
            local,
            number,
            share_sessions: RefCell::default(),
            client: OnceCell::new(),
            came: Cell::new(false),
            software: RefCell::new(None),
            writer: RefCell::new(None),
        }
    }

    pub(crate) fn node(&self) -> &Node {
        &self.door.node
    }

    /// Begins a share session of this connection, or goes on with it.
    pub(crate) fn share_fetch(
        &self,
        name: &Name,
        epoch: i32,
        added: Vec<Place>,
        forgotten: &[Place],
    ) -> Result<Turn, share_session::Refusal> {
        let turn = hold(&self.door.share_sessions).fetch(name, self.number, epoch, added, forgotten)?;
        let mut here = self.share_sessions.borrow_mut();
        if !here.contains(name) {
            here.push(name.clone());
        }
        Ok(turn)
    }

    pub(crate) fn share_acknowledge(&self, name: &Name, epoch: i32) -> Result<(), share_session::Refusal> {
        hold(&self.door.share_sessions).acknowledge(name, epoch)
    }

    pub(crate) fn end_share_session(&self, name: &Name) {
        hold(&self.door.share_sessions).end(name, None);
        self.share_sessions.borrow_mut().retain(|here| here != name);
    }

    /// The address under which this client finds the broker.
    pub(crate) fn told(&self) -> HostPort {
        let options = &self.door.options;
        options.advertise.told(self.remote.ip(), self.local, options.both_families)
    }

    /// Remembers what the client calls itself; later requests do not change it.
    pub(crate) fn meet(&self, client_id: impl FnOnce() -> String) {
        self.client.get_or_init(client_id);
    }

    /// Notes that this client was told where the broker is. One on this machine that is told what it dialled is no news.
    pub(crate) fn was_told(&self, told: &HostPort) {
        let from = self.remote.ip().to_canonical();
        let automatic = matches!(self.door.options.advertise, Advertise::Auto);
        let surely = automatic && from.is_loopback();
        if !self.came.get() && !surely {
            let told = format!("{}:{}", told.host, told.port);
            self.node().bounces().told(self.node().now().wall, from, self.client(), &told);
        }
    }

    /// Notes, once a connection, that the client asked for more than where the broker is.
    pub(crate) fn asks(&self, key: i16) {
        /// SaslHandshake, ApiVersions, SaslAuthenticate, Metadata: what is asked before anything is known.
        const BEFORE: [i16; 4] = [3, 17, 18, 36];
        if !self.came.get() && !BEFORE.contains(&key) {
            self.came.set(true);
            self.node().bounces().came(self.remote.ip().to_canonical());
        }
    }

    /// What the client called itself in its first request.
    pub(crate) fn client(&self) -> &str {
        self.client.get().map_or("", String::as_str)
    }

    pub(crate) fn introduce(&self, name: Text, version: Text) {
        tracing::debug!(remote = %self.remote, %name, %version, "client software");
        // Copies, since these are slices of the receive buffer.
        *self.software.borrow_mut() = Some((Text::from(name.as_str()), Text::from(version.as_str())));
    }

    /// Which client it is, in its own words; for the log.
    pub(crate) fn software(&self) -> String {
        let software = self.software.borrow();
        software.as_ref().map_or_else(|| "unknown".to_owned(), |(name, version)| format!("{name} {version}"))
    }

    /// Who writes, for the origin of each stored batch.
    pub(crate) fn writer(&self, client_id: &[u8]) -> WriterId {
        let mut known = self.writer.borrow_mut();
        match &*known {
            Some((id, writer)) if id == client_id => *writer,
            _ => {
                let name = String::from_utf8_lossy(client_id);
                let writer = self.node().writer(&name, self.remote.ip().to_canonical(), "ANONYMOUS");
                *known = Some((Bytes::copy_from_slice(client_id), writer));
                writer
            }
        }
    }
}

/// A connection that is gone takes its share sessions with it: what their members held is free again at once, and counts
/// as a delivery that failed.
impl Drop for Peer {
    fn drop(&mut self) {
        let here = self.share_sessions.take();
        let mut sessions = hold(&self.door.share_sessions);
        let ended: Vec<Name> = here.into_iter().filter(|name| sessions.end(name, Some(self.number))).collect();
        drop(sessions);
        if ended.is_empty() || self.node().alive().is_err() {
            return;
        }
        let node = self.node().clone();
        self.node().runtimes().spawn_on(0, move || async move {
            for name in ended {
                if let Err((_, why)) = sharing::end(&node, &name, true).await {
                    tracing::debug!(%why, "what a lost member held is free when its locks run out");
                }
            }
        });
    }
}
