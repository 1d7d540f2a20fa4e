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
    queue::Batch,
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
                if let Err(error) = result {
                    self.fail_waiting(|t| *t == topic, &error);
                }
            }
            Event::Identified(result) => {
                self.identifying = false;
                match result {
                    Ok(identity) => self.identity = Some(identity),
                    Err(error) => self.fail_waiting(|_| true, &error),
                }
            }
        }
    }

    /// Starts what can be started. Gives the moment when something else may become ready.
    fn dispatch(&mut self) -> Option<Instant> {
        let shared = self.shared.clone();
        let mut state = shared.state();
        let now = Instant::now();
        let mut next: Option<Instant> = None;
        let mut loads: BTreeMap<i32, (usize, Vec<Flight>)> = BTreeMap::new();
        for at in state.active.iter().copied().collect::<Vec<_>>() {
            let queue = &state.queues[at];
            let Some(ready_at) = queue.ready_at(&shared.config) else { continue };
            if ready_at > now {
                next = Some(next.map_or(ready_at, |n| n.min(ready_at)));
                continue;
            }
            let (name, partition) = (queue.topic.clone(), queue.partition);
            let Some((node, topic_id)) = shared.cluster.known_leader(&name, partition) else {
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
            flights.retain_mut(|flight| self.seal(&mut state, flight));
            if !flights.is_empty() {
                self.launch(node, flights);
            }
        }
        next
    }

    /// Makes a batch's bytes. `false`: it cannot be made, and its records were told.
    fn seal(&self, state: &mut super::State, flight: &mut Flight) -> bool {
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

    fn launch(&mut self, node: i32, flights: Vec<Flight>) {
        *self.under_way.entry(node).or_default() += 1;
        let (cluster, acks) = (self.shared.cluster.clone(), self.shared.config.acks);
        self.tasks.spawn(async move {
            let answer = produce(&cluster, node, acks, &flights).await;
            Event::Answered { node, flights, answer }
        });
    }

    fn learn(&mut self, topic: &Text) {
        if self.learning.insert(topic.clone()) {
            let (cluster, topic) = (self.shared.cluster.clone(), topic.clone());
            let retry = crate::Retry { within: self.shared.config.delivery_timeout, ..cluster.config().retry };
            let wait = self.shared.config.topic_wait;
            self.tasks.spawn(async move {
                let result = learn(&cluster, &topic, retry, wait).await;
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

/// Asks about a topic until every partition has a leader again.
async fn learn(cluster: &Cluster, topic: &Text, retry: crate::Retry, wait: std::time::Duration) -> Result<()> {
    let began = Instant::now();
    let mut backoff = crate::Backoff::new(retry, format!("leaders of {:?}", &**topic), cluster.config().options.trace.clone());
    loop {
        let error = match cluster.topic(topic).await {
            Ok(known) => match known.partitions.iter().find(|p| p.leader < 0) {
                None => return Ok(()),
                Some(p) => {
                    cluster.forget_topic(topic);
                    Error::NoLeader { topic: topic.as_str().into(), partition: p.index }
                }
            },
            // A topic that was deleted stays unknown; one that moves does not for long.
            Err(error) if error.code().is_some_and(|c| c.0 == 3) && began.elapsed() > wait => return Err(error),
            Err(error) => error,
        };
        backoff.pause(error).await?;
    }
}

/// One Produce request. `None` with acks=0, which has no answer.
async fn produce(cluster: &Cluster, node: i32, acks: Acks, flights: &[Flight]) -> Result<Option<ProduceResponse>> {
    let connection = cluster.connection(&Node::Id(node), Lane::Main).await?;
    // Version 13 names topics by id alone.
    let nameless = flights.iter().any(|f| f.topic_id.is_nil());
    let version = connection.version_to::<ProduceRequest>(if nameless { 12 } else { i16::MAX })?;
    let mut topics: Vec<TopicProduceData> = Vec::new();
    for flight in flights {
        let Some(sealed) = &flight.batch.sealed else { continue };
        let data = PartitionProduceData { index: flight.partition, records: Some(sealed.bytes.clone()), ..Default::default() };
        match topics.last_mut().filter(|t| t.name == flight.topic) {
            Some(topic) => topic.partition_data.push(data),
            None => topics.push(TopicProduceData {
                name: flight.topic.clone(),
                topic_id: flight.topic_id,
                partition_data: vec![data],
                ..Default::default()
            }),
        }
    }
    let request = ProduceRequest {
        acks: acks.wire(),
        timeout_ms: cluster.config().options.request_timeout.as_millis().min(i32::MAX as u128) as i32,
        topic_data: topics,
        ..Default::default()
    };
    match acks {
        Acks::None => connection.tell(&request, version).await.map(|()| None),
        _ => connection.send_version(&request, version).await.map(Some),
    }
}
