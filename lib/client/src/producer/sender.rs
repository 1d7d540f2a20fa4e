//! The producer's task: takes ready batches, groups them by leader, sends, and judges the answers.

mod judge;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use milena_wire::{
    ProduceRequest, ProduceResponse, Text, Uuid,
    produce::{PartitionProduceData, TopicProduceData},
};
use tokio::task::JoinSet;

use super::{
    Acks, Shared,
    identity::{Identity, advance},
    queue::{Batch, State},
};
use crate::{Cluster, Error, Lane, Node, Result};

/// Requests to one broker that may be under way. A broker answers them one by one.
const PER_NODE: usize = 5;

/// One batch under way.
struct Flight {
    queue: usize,
    topic: Text,
    topic_id: Uuid,
    partition: i32,
    batch: Batch,
}

/// What a task of the sender's has to say.
enum Event {
    Answered { node: i32, flights: Vec<Flight>, answer: Result<Option<ProduceResponse>> },
    Learnt { topic: Text, result: Result<()> },
    Identified(Result<Identity>),
}

struct Sender {
    shared: Arc<Shared>,
    tasks: JoinSet<Event>,
    under_way: HashMap<i32, usize>,
    learning: HashSet<Text>,
    /// The newest id. Partitions keep the one they began with.
    identity: Option<Identity>,
    identifying: bool,
}

pub(super) async fn run(shared: Arc<Shared>) {
    let mut sender = Sender {
        shared,
        tasks: JoinSet::new(),
        under_way: HashMap::new(),
        learning: HashSet::new(),
        identity: None,
        identifying: false,
    };
    loop {
        let next = sender.dispatch();
        let pause = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let shared = sender.shared.clone();
        tokio::select! {
            Some(event) = sender.tasks.join_next() => match event {
                Ok(event) => sender.on(event),
                // A panic in a task of ours: what it carried is lost, and so is the order of what waits behind it.
                Err(_) => return sender.shared.abandon(),
            },
            () = shared.wake.notified() => {}
            () = pause => {}
        }
    }
}

impl Sender {
    fn on(&mut self, event: Event) {
        match event {
            Event::Answered { node, flights, answer } => {
                if let Some(n) = self.under_way.get_mut(&node) {
                    *n -= 1;
                }
                self.judge(flights, answer);
            }
            Event::Learnt { topic, result } => {
                self.learning.remove(&topic);
                self.learnt(&topic, &result);
            }
            Event::Identified(result) => {
                self.identifying = false;
                match result {
                    Ok(identity) => self.identity = Some(identity),
                    Err(error) => self.fail_unidentified(&error),
                }
            }
        }
    }

    /// Starts what can be started, and ends what waited too long. Gives the moment when there is more to do.
    fn dispatch(&mut self) -> Option<Instant> {
        let shared = self.shared.clone();
        let mut state = shared.state();
        let now = Instant::now();
        let mut next: Option<Instant> = None;
        let mut wake = |at: Instant| next = Some(next.map_or(at, |n| n.min(at)));
        let mut loads: BTreeMap<i32, (usize, Vec<Flight>)> = BTreeMap::new();
        let mut told = false;
        for at in state.active.iter().copied().collect::<Vec<_>>() {
            told |= self.expire(&mut state, at);
            let queue = &state.queues[at];
            let Some(ready_at) = queue.ready_at(&shared.config) else { continue };
            queue.expires_at(&shared.config).map(&mut wake);
            if ready_at > now {
                wake(ready_at);
                continue;
            }
            let (name, partition) = (queue.topic.clone(), queue.partition);
            let Ok((node, topic_id)) = shared.cluster.known_leader(&name, partition) else {
                self.learn(&name);
                continue;
            };
            if shared.config.idempotent && queue.identity.is_none() && self.identity.is_none() {
                self.identify();
                continue;
            }
            let load = loads.entry(node).or_default();
            let size = queue.batches.front().map_or(0, |b| b.size);
            let full = load.0 > 0 && load.0 + size > shared.config.request_bytes;
            if full || self.under_way.get(&node).is_some_and(|n| *n >= PER_NODE) {
                continue;
            }
            let Some(batch) = state.take(at) else { continue };
            load.0 += size;
            load.1.push(Flight { queue: at, topic: name, topic_id, partition, batch });
        }
        for (node, (_, mut flights)) in loads {
            let taken = flights.len();
            flights.retain_mut(|flight| self.seal(&mut state, flight));
            if flights.len() < taken {
                // What waits behind a batch that could not be made has its turn now.
                (told, next) = (true, Some(now));
            }
            if !flights.is_empty() {
                self.launch(node, flights);
            }
        }
        drop(state);
        if told {
            shared.finished.notify_waiters();
        }
        next
    }

    /// Ends the batches of a queue that waited too long. `true`: there were some.
    fn expire(&mut self, state: &mut State, at: usize) -> bool {
        let mut told = false;
        while let Some(batch) = state.pop_if(at, |batch| batch.age() > self.shared.config.delivery_timeout) {
            let last = batch.last_error.clone().or_else(|| state.queues[at].trouble.clone());
            self.give_up(state, at, batch, last);
            told = true;
        }
        told
    }

    /// The topic was asked about: queues that still have no leader wait a little, and longer each time.
    fn learnt(&mut self, topic: &Text, result: &Result<()>) {
        let shared = self.shared.clone();
        let mut state = shared.state();
        for at in state.active.iter().copied().collect::<Vec<_>>() {
            if state.queues[at].topic != *topic {
                continue;
            }
            let partition = state.queues[at].partition;
            let known = result.clone().and_then(|()| shared.cluster.known_leader(topic, partition).map(drop));
            let Err(error) = known else {
                state.queues[at].look_again(None, shared.cluster.config().retry);
                continue;
            };
            while let Some(batch) = state.pop_if(at, |batch| self.lasts(&error, batch.age())) {
                self.give_up(&mut state, at, batch, Some(error.clone()));
            }
            state.queues[at].look_again(Some(error), shared.cluster.config().retry);
        }
        drop(state);
        shared.finished.notify_waiters();
    }

    /// Makes a batch's bytes. `false`: it cannot be made, and its records were told.
    fn seal(&self, state: &mut State, flight: &mut Flight) -> bool {
        flight.batch.attempts += 1;
        if flight.batch.sealed.is_some() {
            return true;
        }
        let queue = &mut state.queues[flight.queue];
        if self.shared.config.idempotent && queue.identity.is_none() {
            (queue.identity, queue.sequence) = (self.identity, 0);
        }
        let sequence = queue.sequence;
        match flight.batch.seal(&self.shared.config, queue.identity, sequence) {
            Ok(()) => {
                queue.sequence = advance(sequence, flight.batch.records.len());
                true
            }
            Err(error) => {
                let batch = std::mem::replace(&mut flight.batch, Batch::new(Vec::new(), 0));
                self.refuse(state, batch, &Error::Invalid(error.to_string()));
                state.put_back(flight.queue, std::iter::empty(), None);
                false
            }
        }
    }

    fn launch(&mut self, node: i32, mut flights: Vec<Flight>) {
        // A request names each topic once.
        flights.sort_by(|a, b| (&a.topic, a.topic_id).cmp(&(&b.topic, b.topic_id)));
        *self.under_way.entry(node).or_default() += 1;
        let (cluster, acks) = (self.shared.cluster.clone(), self.shared.config.acks);
        self.tasks.spawn(async move {
            let answer = produce(&cluster, node, acks, &flights).await;
            Event::Answered { node, flights, answer }
        });
    }

    /// Asks about a topic, once.
    fn learn(&mut self, topic: &Text) {
        if self.learning.insert(topic.clone()) {
            let (cluster, topic) = (self.shared.cluster.clone(), topic.clone());
            self.tasks.spawn(async move {
                let result = cluster.look_up(&topic).await;
                Event::Learnt { topic, result }
            });
        }
    }

    fn identify(&mut self) {
        if !self.identifying {
            self.identifying = true;
            let cluster = self.shared.cluster.clone();
            self.tasks.spawn(async move { Event::Identified(Identity::ask(&cluster).await) });
        }
    }
}

/// One Produce request. `None` with acks=0, which has no answer.
async fn produce(cluster: &Cluster, node: i32, acks: Acks, flights: &[Flight]) -> Result<Option<ProduceResponse>> {
    let connection = cluster.connection(&Node::Id(node), Lane::Main).await?;
    // Version 13 names topics by id alone.
    let nameless = flights.iter().any(|f| f.topic_id.is_nil());
    let version = connection.version_to::<ProduceRequest>(if nameless { 12 } else { i16::MAX })?;
    let data = |flight: &Flight| {
        let records = flight.batch.sealed.as_ref().map(|sealed| sealed.bytes.clone());
        PartitionProduceData { index: flight.partition, records, ..Default::default() }
    };
    let topic = |flights: &[Flight]| TopicProduceData {
        name: flights[0].topic.clone(),
        topic_id: flights[0].topic_id,
        partition_data: flights.iter().map(data).collect(),
        ..Default::default()
    };
    let topics = flights.chunk_by(|a, b| a.topic == b.topic && a.topic_id == b.topic_id).map(topic).collect();
    let request = ProduceRequest {
        acks: acks.wire(),
        timeout_ms: cluster.config().options.timeout_ms(),
        topic_data: topics,
        ..Default::default()
    };
    match acks {
        Acks::None => connection.tell(&request, version).await.map(|()| None),
        _ => connection.send_version(&request, version).await.map(Some),
    }
}
