//! The node: what all verbs share. Knows who is there (store, clock, threads, table of topics); each verb lives in the
//! file of its noun.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use milena_engine::{
    answered::Answered,
    ids::TopicId,
    instance::Instances,
    machine::Now,
    producer::{ids::ProducerIds, writers::Writers},
    settings::{BrokerConfig, broker::BrokerSettings},
    subject::{Registry, Spellings},
    topic::Catalog,
    unread::Ledger,
};
use milena_store::{Class, Committed, Gauges, Lsn, NoCredit, Parked, Recovered};
use tokio::sync::Notify;

use crate::{
    alarm::Alarm,
    append::Room,
    blocking::Pool,
    bounces::Bounces,
    clock::Clock,
    counters::Counters,
    errors::Errors,
    groups::Groups,
    lock::Lock,
    noun::{NoRoom, Noun},
    release::{Dead, Hub, Released},
    runtime::Runtimes,
    shares::Shares,
    start::Link,
    topics::{Table, Topic},
};

/// A running broker. Cheap to clone: all clones are the same node.
#[derive(Clone)]
pub struct Node(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) hub: Arc<Hub>,
    pub(crate) runtimes: Runtimes,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pool: Pool,
    pub(crate) table: Table,
    pub(crate) counters: Counters,
    pub(crate) errors: Errors,
    pub(crate) bounces: Bounces,
    pub(crate) catalog: Lock<Noun<Catalog>>,
    pub(crate) producer_ids: Lock<Noun<ProducerIds>>,
    pub(crate) writers: Lock<Noun<Writers>>,
    pub(crate) instances: Lock<Noun<Instances>>,
    pub(crate) unread: Lock<Noun<Ledger>>,
    pub(crate) answered: Lock<Noun<Answered>>,
    pub(crate) broker: Lock<Noun<BrokerConfig>>,
    pub(crate) subjects: Lock<Noun<Registry>>,
    /// Texts of schemas as they were sent. Only ever held for a moment, also under the registry's lock.
    pub(crate) spellings: Mutex<Spellings>,
    /// Grows with each change of the registry, before anybody can hear of it.
    pub(crate) schema_changes: AtomicU64,
    /// The topic that is written by the registry alone, once there is one.
    pub(crate) kept: OnceLock<TopicId>,
    /// The broker's configuration as it was published last, and what it resolves to.
    pub(crate) config: RwLock<Arc<BrokerConfig>>,
    pub(crate) settings: RwLock<Arc<BrokerSettings>>,
    /// `producer.id.expiration.ms`, beside the settings since every append reads it.
    pub(crate) producer_expiry: AtomicI64,
    pub(crate) groups: Groups,
    /// Held while a group or a share group is made: one name is one of the two.
    pub(crate) kinds: Mutex<()>,
    /// Moments of the steady clock: sessions and rebalances.
    pub(crate) sessions: Alarm,
    pub(crate) shares: Shares,
    /// Moments of the steady clock: locks on records of share groups, and silent members.
    pub(crate) locks: Alarm,
    /// Moments of the wall clock: expiry, freeing, and the end of a topic's time in the trash.
    pub(crate) retention: Alarm,
    /// Records are refused for want of disk.
    pub(crate) red: AtomicBool,
    /// The largest batch that was refused for it.
    pub(crate) wanted: AtomicU64,
    pub(crate) reddened: Notify,
    pub(crate) node_id: i32,
    /// What the store holds of this node, to be cut at the stop.
    pub(crate) link: Lock<Option<Arc<Link>>>,
    /// Wall-clock milliseconds.
    pub(crate) started_at: i64,
    pub(crate) recovered: Recovered,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Node")
    }
}

impl Node {
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.0.hub
    }
    /// The moment, on the node's clock.
    pub fn now(&self) -> Now {
        self.0.clock.now()
    }
    /// The threads that connections live on.
    pub fn runtimes(&self) -> &Runtimes {
        &self.0.runtimes
    }
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }
    /// What clients were told that went wrong.
    pub fn errors(&self) -> &Errors {
        &self.0.errors
    }
    /// Who was told an address, and whether it came back.
    pub fn bounces(&self) -> &Bounces {
        &self.0.bounces
    }
    /// How the store stands.
    pub fn gauges(&self) -> Gauges {
        self.hub().store().gauges()
    }
    /// The number by which clients know this broker.
    pub fn node_id(&self) -> i32 {
        self.0.node_id
    }
    pub(crate) fn producer_expiry(&self) -> i64 {
        self.0.producer_expiry.load(Ordering::Relaxed)
    }

    /// Room in the log for one batch of this many bytes. Ready at once when there is room; otherwise the caller is parked,
    /// first come first served.
    pub async fn room(&self, bytes: usize) -> Result<Room, NoRoom> {
        let bytes = bytes as u64;
        match self.hub().credit(Class::Data, bytes).await {
            Ok(credit) => Ok(Room { credit, bytes }),
            Err(refusal) => Err(self.refused(bytes, refusal)),
        }
    }

    /// As [`Node::room`], without waiting: `None` when there will be room later.
    pub fn room_now(&self, bytes: usize) -> Option<Result<Room, NoRoom>> {
        let bytes = bytes as u64;
        match self.hub().store().credit(Class::Data, bytes, None) {
            Ok(credit) => Some(Ok(Room { credit, bytes })),
            Err(NoCredit::Later) => None,
            Err(no) => Some(Err(self.refused(bytes, NoRoom::from(no)))),
        }
    }

    fn refused(&self, need: u64, refusal: NoRoom) -> NoRoom {
        if let NoRoom::DiskFull { missing } = refusal {
            self.redden(need, missing);
        }
        refusal
    }

    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.0.table.by_name(name)
    }
    /// The topic with this id.
    pub fn topic_by_id(&self, id: TopicId) -> Option<Arc<Topic>> {
        self.0.table.by_id(id)
    }
    /// All topics, by name.
    pub fn topics(&self) -> Vec<Arc<Topic>> {
        self.0.table.all()
    }

    /// What is on disk.
    pub fn committed(&self) -> Committed {
        self.hub().store().committed()
    }

    /// Resolves when everything up to `lsn` is on disk. Free when it is already.
    pub fn released(&self, lsn: Lsn) -> Released {
        self.hub().released(lsn)
    }

    /// Waits until a parked value may be read, and reads it.
    pub async fn release<R>(&self, parked: Parked<R>) -> Result<R, Dead> {
        let proof = self.released(parked.lsn()).await?;
        Ok(parked.release(&proof).unwrap_or_else(|_| unreachable!("the proof was given for this very LSN")))
    }

    /// `Err` for good once the store has stopped.
    pub fn alive(&self) -> Result<(), Dead> {
        self.hub().alive()
    }
}
