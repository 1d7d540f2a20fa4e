//! From a store that was opened to a node that runs, and back. Knows the order of both.

use std::{
    io,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64},
    },
};

use milena_engine::{
    group::Rules,
    ids::{
        ANSWERED_LOG, BROKER_SETTINGS_LOG, CATALOG_LOG, INSTANCES_LOG, PRODUCER_IDS_LOG, SUBJECTS_LOG, UNREAD_LOG, Uuid,
        WRITERS_LOG,
    },
    machine::Machine,
    settings::{BrokerConfig, Refusal as BadSetting},
    topic::Command,
};
use milena_store::{Class, Committed, Fault, LogId, Lsn, NoCredit, Recovered, Snapshots, Store, Version, Watch};
use tokio::sync::Notify;

use crate::{
    alarm::Alarm,
    blocking::Pool,
    bounces::Bounces,
    clock::{Clock, SystemClock},
    counters::Counters,
    errors::Errors,
    groups::Groups,
    lock::Lock,
    node::{Inner, Node},
    noun::Noun,
    recover::{Broken, Recovery},
    release::{Dead, Hub},
    runtime::Runtimes,
    shares::Shares,
    topics::Table,
};

/// What a node is told at its start.
#[derive(Debug)]
pub struct NodeOptions {
    /// The number by which clients know this broker.
    pub node_id: i32,
    /// Broker settings from the command line and the configuration file, by Kafka's names.
    pub settings: Vec<(String, Option<String>)>,
    /// Threads that serve connections.
    pub runtimes: usize,
    pub clock: Arc<dyn Clock>,
    /// What opening the store found.
    pub recovered: Recovered,
}

impl Default for NodeOptions {
    fn default() -> Self {
        let runtimes = std::thread::available_parallelism().map_or(1, usize::from);
        Self { node_id: 1, settings: Vec::new(), runtimes, clock: Arc::new(SystemClock::new()), recovered: Recovered::default() }
    }
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The stored state is not of this release, or not whole.
    #[error("the stored state cannot be used: {0}")]
    Broken(#[from] Broken),
    #[error(transparent)]
    Setting(#[from] BadSetting),
    #[error("a thread cannot be started: {0}")]
    Threads(#[from] io::Error),
    #[error("the store has no room for the first fact: {0}")]
    NoRoom(#[from] NoCredit),
    #[error(transparent)]
    Dead(#[from] Dead),
    #[error("the store has stopped: {0}")]
    Fault(Arc<Fault>),
}

/// The id of a new cluster is smaller than this.
const FOUNDING_ROOM: u64 = 256;

impl Node {
    /// Starts a node on a store that was opened with `recovery`.
    pub fn start(store: Arc<dyn Store>, mut recovery: Recovery, options: NodeOptions) -> Result<Node, StartError> {
        recovery.judge()?;
        if options.recovered.quarantined.contains(&LogId(CATALOG_LOG)) {
            recovery.keep_unknown();
        }
        let removed = recovery.removed();
        let started_at = options.clock.now().wall;
        let broker = recovery.broker(BrokerConfig::start(&own_settings(&options))?)?;
        let config = broker.machine.clone();
        let hub = Arc::new(Hub::new(store.clone(), options.runtimes.max(1)));
        let runtimes = Runtimes::start(&hub, options.runtimes.max(1))?;
        let settings = config.settings();
        let expiry = settings.producer_id_expiration_ms;
        let table = Table::default();
        let catalog = std::mem::take(&mut recovery.catalog);
        let mut fresh = |log| recovery.take_partition(log);
        for known in catalog.machine.topics() {
            table.put(&hub, known, &config, &mut fresh);
        }
        for trashed in catalog.machine.trash() {
            table.put_closed(&hub, &trashed.topic, &mut fresh);
        }
        let groups = Groups::default();
        for (name, log) in catalog.machine.groups() {
            if let Some(mut noun) = recovery.take_group(log) {
                noun.machine.set_rules(Rules::from(&settings));
                groups.find_or(name, || (noun, Some(LogId(log))));
            }
        }
        let shares = Shares::default();
        for (name, log) in catalog.machine.groups() {
            if let Some(noun) = recovery.take_share(log) {
                shares.find_or(&hub, name, || (noun, Some(LogId(log))));
            }
        }
        let subjects = std::mem::take(&mut recovery.subjects);
        let kept = subjects.machine.topic().map_or_else(OnceLock::new, OnceLock::from);
        let mut instances = std::mem::take(&mut recovery.instances);
        instances.machine.started(started_at);
        let node = Node(Arc::new(Inner {
            hub: hub.clone(),
            runtimes,
            clock: options.clock,
            pool: Pool::new(),
            table,
            counters: Counters::default(),
            errors: Errors::default(),
            bounces: Bounces::default(),
            catalog: Lock::new(catalog),
            producer_ids: Lock::new(std::mem::take(&mut recovery.producer_ids)),
            writers: Lock::new(std::mem::take(&mut recovery.writers)),
            instances: Lock::new(instances),
            unread: Lock::new(std::mem::take(&mut recovery.ledger)),
            answered: Lock::new(std::mem::take(&mut recovery.answered)),
            broker: Lock::new(broker),
            subjects: Lock::new(subjects),
            spellings: Default::default(),
            kinds: Default::default(),
            schema_changes: AtomicU64::new(0),
            kept,
            config: RwLock::new(Arc::new(config)),
            settings: RwLock::new(Arc::new(settings)),
            producer_expiry: AtomicI64::new(expiry),
            groups,
            sessions: Alarm::default(),
            shares,
            locks: Alarm::default(),
            retention: Alarm::default(),
            red: AtomicBool::new(false),
            wanted: AtomicU64::new(0),
            reddened: Notify::new(),
            node_id: options.node_id,
            link: Lock::new(None),
            started_at,
            recovered: options.recovered,
        }));
        let link = Arc::new(Link(RwLock::new(Some(node.clone()))));
        *node.0.link.hold() = Some(link.clone());
        store.attach(link.clone(), link);
        node.found_cluster()?;
        removed.into_iter().for_each(|log| store.remove(log));
        node.run();
        Ok(node)
    }

    fn found_cluster(&self) -> Result<(), StartError> {
        if self.0.catalog.hold().machine.cluster().is_some() {
            return Ok(());
        }
        let store = self.hub().store();
        let credit = store.credit(Class::Fact, FOUNDING_ROOM, None)?;
        {
            let now = self.now();
            let mut held = self.0.catalog.hold();
            if let Ok(decision) = held.machine.decide(now, Command::Found(Uuid::new_v4())) {
                let room = (credit, FOUNDING_ROOM);
                // The room is far more than an id takes.
                let _ = self.hub().record(&mut held, LogId(CATALOG_LOG), now.wall, room, &decision.facts, &mut ())?;
            }
        }
        store.flush().map_err(StartError::Fault)?;
        Ok(())
    }

    /// Starts what runs by itself. Each sleeps until something is due.
    fn run(&self) {
        // Before retention looks anywhere: a queue may hold it up.
        self.set_share_rules();
        self.arm_all();
        let node = self.clone();
        self.runtimes().spawn_on(0, move || node.keep_retention());
        self.arm_groups();
        self.arm_shares();
        if !self.0.recovered.damage.is_empty() {
            let node = self.clone();
            self.runtimes().spawn_on(0, move || node.raise_epochs_after_loss());
        }
        let node = self.clone();
        self.runtimes().spawn_on(0, move || node.forget_lost_topics());
        let node = self.clone();
        self.runtimes().spawn_on(0, move || node.keep_sessions());
        let node = self.clone();
        self.runtimes().spawn_on(0, move || node.keep_locks());
        let node = self.clone();
        self.runtimes().spawn_on(0, move || node.keep_room());
        let node = self.clone();
        self.runtimes().spawn_on(0, move || node.tell_of_death());
    }

    async fn tell_of_death(self) {
        self.hub().died.notified().await;
        if let Some(dead) = self.hub().dead() {
            tracing::error!("{dead}; nothing is acknowledged until a restart");
        }
        for partition in self.0.table.partitions() {
            partition.disturb();
        }
        self.break_promises();
    }

    /// Ends every task, commits what is reserved and closes the store cleanly. Call it from outside of the runtimes.
    pub fn stop(&self) -> Result<(), Arc<Fault>> {
        self.runtimes().stop();
        let closed = self.hub().store().close();
        if let Some(link) = self.0.link.hold().take() {
            link.0.write().unwrap_or_else(PoisonError::into_inner).take();
        }
        closed
    }

    /// Ends every task without a word to the store, as the death of a process does: nothing is flushed, and no end is
    /// recorded. Clients see their connections close. For tests; call it from outside of the runtimes.
    pub fn abandon(&self) {
        self.runtimes().stop();
        if let Some(link) = self.0.link.hold().take() {
            link.0.write().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    /// Looks at the clock again, which a test moved by hand.
    pub fn look_at_clock(&self) {
        self.0.retention.look();
        self.0.sessions.look();
        self.0.locks.look();
    }
}

/// What was asked for, and what every node can say of itself.
fn own_settings(options: &NodeOptions) -> Vec<(String, Option<String>)> {
    let id = options.node_id.to_string();
    let own = [("node.id", &*id), ("broker.id", &*id), ("process.roles", "broker,controller")];
    let given = |name: &str| options.settings.iter().any(|(asked, _)| asked == name);
    let own = own.into_iter().filter(|(name, _)| !given(name)).map(|(name, value)| (name.into(), Some(value.into())));
    options.settings.iter().cloned().chain(own).collect()
}

/// What the store holds of the node. Node and store know each other; a stop cuts this link, so that both can go.
pub(crate) struct Link(RwLock<Option<Node>>);

impl Link {
    fn node(&self) -> Option<Node> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Watch for Link {
    fn committed(&self, proof: Committed) {
        if let Some(node) = self.node() {
            node.hub().committed(proof);
        }
    }
    fn dead(&self, fault: Arc<Fault>) {
        if let Some(node) = self.node() {
            node.hub().stopped(fault);
        }
    }
}

impl Snapshots for Link {
    fn snapshot(&self, log: LogId, into: &mut Vec<u8>) -> Option<(Version, Lsn)> {
        // The link is cut after the store was closed, when it asks for nothing more.
        self.node()?.snapshot(log, into)
    }
}

impl Node {
    /// State, version and LSN of one moment, of whatever lives in a log.
    fn snapshot(&self, log: LogId, into: &mut Vec<u8>) -> Option<(Version, Lsn)> {
        match log.0 {
            CATALOG_LOG => Some(of(&self.0.catalog, |catalog| catalog.snapshot(into))),
            PRODUCER_IDS_LOG => Some(of(&self.0.producer_ids, |ids| ids.snapshot(into))),
            INSTANCES_LOG => Some(of(&self.0.instances, |instances| instances.snapshot(into))),
            UNREAD_LOG => Some(of(&self.0.unread, |ledger| ledger.snapshot(into))),
            ANSWERED_LOG => Some(of(&self.0.answered, |answered| answered.snapshot(into))),
            WRITERS_LOG => Some(of(&self.0.writers, |writers| writers.snapshot(into))),
            BROKER_SETTINGS_LOG => Some(of(&self.0.broker, |config| config.snapshot(into))),
            SUBJECTS_LOG => Some(of(&self.0.subjects, |registry| registry.snapshot(into))),
            _ => {
                if let Some(partition) = self.0.table.by_log(log) {
                    let mut state = partition.hold();
                    // No fact says that a producer was forgotten; it is judged so, and its room comes back here.
                    state.noun.machine.forget_expired(self.now(), self.producer_expiry());
                    state.noun.machine.snapshot(into);
                    return Some((state.noun.version, state.noun.lsn));
                }
                if let Some(share) = self.0.shares.by_log(log) {
                    let state = share.state.hold();
                    state.noun.machine.snapshot(into);
                    return Some((state.noun.version, state.noun.lsn));
                }
                let group = self.0.groups.by_log(log)?;
                let state = group.state.hold();
                state.noun.machine.snapshot(into);
                Some((state.noun.version, state.noun.lsn))
            }
        }
    }
}

fn of<M>(noun: &Lock<Noun<M>>, write: impl FnOnce(&M)) -> (Version, Lsn) {
    let held = noun.hold();
    write(&held.machine);
    (held.version, held.lsn)
}
