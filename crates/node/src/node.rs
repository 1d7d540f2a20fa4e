//! The node: what all verbs share. Knows who is there (store, clock, threads, table of topics); each verb lives in the
//! file of its noun.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use milena_engine::{ids::TopicId, machine::Now, settings::broker::BrokerSettings};
use milena_store::{Class, Committed, Gauges, Lsn, Parked};

use crate::{
    append::Room,
    blocking::Pool,
    clock::Clock,
    counters::Counters,
    noun::NoRoom,
    release::{Dead, Hub, Released},
    runtime::Runtimes,
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
    settings: RwLock<Arc<BrokerSettings>>,
    /// `producer.id.expiration.ms`, beside the settings since every append reads it.
    producer_expiry: AtomicI64,
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
    /// How the store stands.
    pub fn gauges(&self) -> Gauges {
        self.hub().store().gauges()
    }
    /// Every honoured broker setting as it is now.
    pub fn settings(&self) -> Arc<BrokerSettings> {
        self.0.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
    pub(crate) fn set_settings(&self, settings: BrokerSettings) {
        self.0.producer_expiry.store(settings.producer_id_expiration_ms, Ordering::Relaxed);
        *self.0.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }
    pub(crate) fn producer_expiry(&self) -> i64 {
        self.0.producer_expiry.load(Ordering::Relaxed)
    }

    /// Room in the log for one batch of this many bytes. Ready at once when there is room; otherwise the caller is parked,
    /// first come first served.
    pub async fn room(&self, bytes: usize) -> Result<Room, NoRoom> {
        let bytes = bytes as u64;
        Ok(Room { credit: self.hub().credit(Class::Data, bytes).await?, bytes })
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
