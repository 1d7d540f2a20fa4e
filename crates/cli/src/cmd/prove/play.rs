//! The play itself: producers that keep their rate whatever happens, consumers that go on, and the events between them.

use std::{sync::Arc, time::Duration};

use milena_client::{
    Admin, Cluster, Config, Endpoint, GroupConfig, GroupConsumer, NewRecord, Producer, ProducerConfig, Retry, admin::NewTopic,
};
use milena_testkit::{DiskFaults, Kit, Trouble};
use serde_json::json;
use tokio::{
    sync::Mutex,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};

use super::{
    book::{Book, Fate, Number},
    scenario::{Consumers, Event, Kind as Sharing, Producers, Scenario, What},
    time::Time,
};
use crate::{
    failure::{Failure, Kind},
    ours::Ours,
    web::{Web, escaped},
};

/// What was played, and against whom.
pub(super) struct Played {
    pub(super) book: Arc<Book>,
    pub(super) broker: String,
    /// What could not be done there, in words.
    pub(super) left_out: Vec<String>,
}

/// A member that died is missed after this long. The least that Apache Kafka allows.
const SESSION: Duration = Duration::from_secs(6);
/// The same where time is passed over, as Apache Kafka's clients have it unless told otherwise: a step is a third of it.
const LONG_SESSION: Duration = Duration::from_secs(45);
/// There heartbeats come in the machine's time: some between any two steps.
const QUICK_HEARTBEAT: Duration = Duration::from_millis(10);
/// A step where nobody has a session that it could end.
const LONG_STEP: Duration = Duration::from_secs(3600);
/// What a producer waits for an acknowledgement at most.
const DELIVERY: Duration = Duration::from_secs(30);
/// After an error a client waits so long before it tries again.
const BREATH: Duration = Duration::from_millis(200);
/// What came twice may come a little later than the first of it.
const SETTLE: Duration = Duration::from_millis(300);
/// How often it is looked whether all is done.
const LOOK: Duration = Duration::from_millis(50);

/// Whom it is to be played against.
#[derive(Clone, Copy)]
pub(super) enum On<'a> {
    /// A broker of its own.
    Own { passes_over: bool },
    /// The one at this address; its clock is its own.
    Other(&'a str),
}

/// Whom it is played against.
struct Stage {
    kit: Option<Arc<Kit>>,
    bootstrap: Vec<Endpoint>,
    /// The HTTP door, for queues.
    http: Option<String>,
    broker: String,
    /// Stands in front of each value: what others left there is not ours.
    run: String,
    /// Where nobody has anything to do, time is passed over.
    passes_over: bool,
}

/// All consumers, by their place in the scenario.
type Crew = Arc<Mutex<Vec<Vec<JoinHandle<()>>>>>;

pub(super) async fn play(scenario: &Scenario, on: On<'_>, say: &dyn Fn(String)) -> Result<Played, Failure> {
    let stage = Arc::new(match on {
        On::Own { passes_over } => own(scenario, passes_over)?,
        On::Other(address) => other(address).await?,
    });
    say(format!("{} against {}: {:.0} messages in {:?}", scenario.name, stage.broker, scenario.planned(), scenario.duration));
    make_topics(&stage, scenario).await?;
    let groups: Vec<(usize, usize)> = scenario.consumers.iter().map(|c| (scenario.place(&c.topic), c.count)).collect();
    let producers = scenario.producers.iter().map(|p| p.count).sum();
    let book = Arc::new(Book::new(&groups, producers, Arc::new(Time::new())));
    let crew: Crew = Arc::default();
    let mut left_out = Vec::new();
    for (n, consumers) in scenario.consumers.iter().enumerate() {
        if consumers.kind == Sharing::Queue && stage.http.is_none() {
            left_out.push(format!("the queue {}: this broker has none", consumers.group));
        }
        let members = (0..consumers.count).map(|_| consumer(&stage, &book, n, consumers)).collect();
        crew.lock().await.push(members);
    }
    let events = tokio::spawn(events(stage.clone(), book.clone(), crew.clone(), scenario.clone()));
    tokio::select! {
        () = pass_over(&stage, &book, scenario) => {}
        () = async {
            produce(&stage, &book, scenario, say).await;
            drain(&book, scenario, say).await;
        } => {}
    }
    left_out.extend(timeout(SETTLE, events).await.ok().and_then(Result::ok).unwrap_or_default());
    for member in crew.lock().await.drain(..).flatten() {
        member.abort();
    }
    Ok(Played { book, broker: stage.broker.clone(), left_out })
}

/// Sets all clocks forward where nobody has anything to do; never ends.
async fn pass_over(stage: &Stage, book: &Book, scenario: &Scenario) {
    let Some(kit) = stage.kit.as_ref().filter(|_| stage.passes_over) else { return std::future::pending().await };
    let has_sessions = scenario.consumers.iter().any(|consumers| consumers.kind == Sharing::Group);
    let step = if has_sessions { LONG_SESSION / 3 } else { LONG_STEP };
    book.time().pass_over(book, step, |by| kit.forward(by)).await;
}

fn own(scenario: &Scenario, passes_over: bool) -> Result<Stage, Failure> {
    let settings = scenario.settings.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
    let kit = Kit::setup()
        .settings(settings)
        .threads(2)
        .start()
        .map_err(|trouble| Failure::new(Kind::Failed, "a broker of our own cannot be started").why(trouble))?;
    let bootstrap = Endpoint::list(&kit.kafka()).map_err(|e| Failure::new(Kind::Failed, "its address is none").why(e))?;
    let (http, broker) = (kit.http(), format!("a Milena {} of its own, in memory", env!("CARGO_PKG_VERSION")));
    Ok(Stage { kit: Some(Arc::new(kit)), bootstrap, http, broker, run: run(), passes_over })
}

async fn other(address: &str) -> Result<Stage, Failure> {
    let bootstrap = Endpoint::list(address)
        .map_err(|e| Failure::new(Kind::Usage, format!("{address} is no address")).why(e).fix("--address HOST:9092"))?;
    let cluster = Cluster::connect(Config::new(bootstrap.clone())).await?;
    let http = Ours::seen(&cluster).await.and_then(|ours| ours.http);
    Ok(Stage { kit: None, bootstrap, http, broker: address.to_string(), run: run(), passes_over: false })
}

fn run() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

impl Stage {
    /// A cluster of one client of its own, with patience for what happens here.
    async fn cluster(&self) -> Cluster {
        loop {
            let mut config = Config::new(self.bootstrap.clone());
            config.retry = Retry { within: DELIVERY, ..Retry::default() };
            match Cluster::connect(config).await {
                Ok(cluster) => return cluster,
                Err(_) => sleep(BREATH).await,
            }
        }
    }

    fn value(&self, number: Number, size: usize) -> String {
        format!("{:x<size$}", format!("{} {number} ", self.run))
    }

    fn number(&self, value: &[u8]) -> Option<Number> {
        let mut words = std::str::from_utf8(value).ok()?.split(' ');
        (words.next()? == self.run).then(|| words.next()?.parse().ok()).flatten()
    }
}

async fn make_topics(stage: &Stage, scenario: &Scenario) -> Result<(), Failure> {
    let admin = Admin::new(stage.cluster().await);
    for topic in &scenario.topics {
        let configs = topic.settings.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect();
        let new = NewTopic { partitions: topic.partitions, configs, ..NewTopic::new(topic.name.as_str()) };
        admin.create_topic(&new, false).await.map_err(|error| {
            let there = error.code().is_some_and(|code| code.0 == 36);
            let failure = Failure::from(error);
            if there {
                failure.hint("a scenario needs topics that nobody else uses: rename it, or delete the topic")
            } else {
                failure
            }
        })?;
    }
    Ok(())
}

/// Plays all producers to the end of their time, and waits for what they sent.
async fn produce(stage: &Arc<Stage>, book: &Arc<Book>, scenario: &Scenario, say: &dyn Fn(String)) {
    let mut all = JoinSet::new();
    for producers in &scenario.producers {
        let topic = scenario.place(&producers.topic);
        for _ in 0..producers.count {
            all.spawn(producer(stage.clone(), book.clone(), topic, producers.clone(), scenario.duration));
        }
    }
    let mut told = tokio::time::interval(Duration::from_secs(1));
    told.tick().await;
    loop {
        tokio::select! {
            done = all.join_next() => if done.is_none() {
                return;
            },
            _ = told.tick() => say(progress(book, scenario)),
        }
    }
}

fn progress(book: &Book, scenario: &Scenario) -> String {
    let groups = scenario.consumers.iter().enumerate().map(|(n, consumers)| {
        let topic = scenario.place(&consumers.topic);
        format!("{} {}", consumers.group, book.balance(n, topic).handled)
    });
    let groups: Vec<String> = groups.collect();
    format!(
        "{:>4.0} s   acknowledged {}   handled: {}",
        book.now().as_secs_f64(),
        book.count(Fate::Acknowledged),
        groups.join(", ")
    )
}

/// Sends at its rate, whether or not what it sent before is acknowledged.
async fn producer(stage: Arc<Stage>, book: Arc<Book>, topic: usize, producers: Producers, lasts: Duration) {
    let config = ProducerConfig { delivery_timeout: DELIVERY, ..ProducerConfig::default() };
    let producer = Producer::new(stage.cluster().await, config);
    let mut fates = JoinSet::new();
    for n in 0_u64.. {
        let due = Duration::from_secs_f64(n as f64 / producers.rate);
        if due >= lasts {
            if n == 0 {
                book.began();
            }
            break;
        }
        book.time().reach(due).await;
        let number = book.due(topic, due);
        if n == 0 {
            book.began();
        }
        let mut record = NewRecord::new(producers.topic.as_str(), stage.value(number, producers.size));
        if producers.keys > 0 {
            record = record.key((number % producers.keys).to_string());
        }
        match producer.send(record).await {
            Err(_) => book.fate(number, Fate::Refused),
            Ok(delivery) => {
                let book = book.clone();
                fates.spawn(async move {
                    let fate = if delivery.await.is_ok() { Fate::Acknowledged } else { Fate::Refused };
                    book.fate(number, fate);
                });
            }
        }
        while fates.try_join_next().is_some() {}
    }
    producer.flush().await;
    while fates.join_next().await.is_some() {}
}

/// Waits until every group has everything, or its time is over.
async fn drain(book: &Book, scenario: &Scenario, say: &dyn Fn(String)) {
    let done = async {
        while !(0..scenario.consumers.len()).all(|n| book.is_done(n)) {
            sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = done => {}
        () = book.time().rest(scenario.drain) => {}
    }
    sleep(SETTLE).await;
    say(progress(book, scenario));
}

/// One consumer, on a task of its own.
fn consumer(stage: &Arc<Stage>, book: &Arc<Book>, group: usize, consumers: &Consumers) -> JoinHandle<()> {
    let (stage, book, consumers) = (stage.clone(), book.clone(), consumers.clone());
    tokio::spawn(async move {
        match consumers.kind {
            Sharing::Group => member(&stage, &book, group, &consumers).await,
            Sharing::Queue => worker(&stage, &book, group, &consumers).await,
        }
    })
}

async fn member(stage: &Stage, book: &Book, group: usize, consumers: &Consumers) {
    loop {
        let (session_timeout, heartbeat) =
            if stage.passes_over { (LONG_SESSION, QUICK_HEARTBEAT) } else { (SESSION, SESSION / 4) };
        let config = GroupConfig { session_timeout, heartbeat, ..GroupConfig::default() };
        let topics = [consumers.topic.as_str().into()];
        let mut member = GroupConsumer::new(stage.cluster().await, consumers.group.as_str(), &topics, config);
        if read_on(stage, book, group, consumers, &mut member).await.is_err() {
            book.error();
            sleep(BREATH).await;
        }
    }
}

/// Reads until something goes wrong.
async fn read_on(
    stage: &Stage,
    book: &Book,
    group: usize,
    consumers: &Consumers,
    member: &mut GroupConsumer,
) -> milena_client::Result<()> {
    let mut since_commit = 0;
    loop {
        let message = member.next().await?;
        book.work(group, consumers.work).await;
        if let Some(number) = message.value.as_deref().and_then(|value| stage.number(value)) {
            book.handled(group, number);
        }
        since_commit += 1;
        if since_commit >= consumers.commit_every {
            since_commit = 0;
            member.commit().await?;
        }
    }
}

/// Takes from a queue, one message at a time.
async fn worker(stage: &Stage, book: &Book, group: usize, consumers: &Consumers) {
    let Some(web) = stage.http.as_deref().and_then(|http| Web::at(http).ok()) else { return };
    let (topic, name) = (escaped(&consumers.topic), escaped(&consumers.group));
    loop {
        let receive = format!("/q/v1/topics/{topic}/groups/{name}:receive");
        let taken = match web.send("POST", &receive, &json!({ "wait_ms": 1000, "decode": "plain" })).await {
            Ok(taken) => taken,
            Err(_) => {
                book.error();
                sleep(BREATH).await;
                continue;
            }
        };
        for message in taken["messages"].as_array().into_iter().flatten() {
            book.work(group, consumers.work).await;
            if let Some(number) = message["value"].as_str().and_then(|value| stage.number(value.as_bytes())) {
                book.handled(group, number);
            }
            let ack = format!("/q/v1/groups/{name}:ack");
            if web.send("POST", &ack, &json!({ "lease": message["lease"] })).await.is_err() {
                book.error();
            }
        }
    }
}

/// Lets everything happen at its time. Answers what could not.
async fn events(stage: Arc<Stage>, book: Arc<Book>, crew: Crew, scenario: Scenario) -> Vec<String> {
    let mut running = JoinSet::new();
    for event in scenario.events.clone() {
        let (stage, book, crew, scenario) = (stage.clone(), book.clone(), crew.clone(), scenario.clone());
        running.spawn(async move {
            book.time().reach(event.at).await;
            let _awake = (event.what != What::CrashConsumer).then(|| book.wakes());
            happen(&stage, &book, &crew, &scenario, &event).await.err()
        });
    }
    let mut left_out = Vec::new();
    while let Some(done) = running.join_next().await {
        left_out.extend(done.ok().flatten());
    }
    left_out
}

async fn happen(stage: &Arc<Stage>, book: &Arc<Book>, crew: &Crew, scenario: &Scenario, event: &Event) -> Result<(), String> {
    let words = |why: &dyn std::fmt::Display| format!("{:?} at {:?}: {why}", event.what, event.at);
    if event.what == What::CrashConsumer {
        return crash(stage, book, crew, scenario, event).await.map_err(|why| words(&why));
    }
    debug_assert!(!event.what.anywhere());
    let kit = stage.kit.clone().ok_or_else(|| words(&"only a broker of our own can be put through it"))?;
    let (what, lasts, by) = (event.what, event.lasts, event.by);
    let done = tokio::task::spawn_blocking(move || put_through(&kit, what, lasts, by)).await;
    done.map_err(|e| words(&e))?.map_err(|trouble| words(&trouble))
}

/// Puts a broker of our own through something, and blocks until it is over.
fn put_through(kit: &Kit, what: What, lasts: Duration, by: Duration) -> Result<(), Trouble> {
    match what {
        What::Kill => kit.kill()?,
        What::PowerCut => kit.cut_power()?,
        What::Restart => kit.stop()?,
        What::SlowDisk => kit.break_disk(DiskFaults { slow: by, ..DiskFaults::default() }),
        What::FullDisk => kit.break_disk(DiskFaults { full: true, ..DiskFaults::default() }),
        What::Cut => drop(kit.cut_connections()),
        What::CrashConsumer => {}
    }
    match what {
        What::Kill | What::PowerCut | What::Restart => {
            std::thread::sleep(lasts);
            kit.come_back()
        }
        What::SlowDisk | What::FullDisk => {
            std::thread::sleep(lasts);
            kit.break_disk(DiskFaults::default());
            Ok(())
        }
        What::Cut | What::CrashConsumer => Ok(()),
    }
}

/// The first consumer of a group dies; another takes its place a while later.
async fn crash(stage: &Arc<Stage>, book: &Arc<Book>, crew: &Crew, scenario: &Scenario, event: &Event) -> Result<(), String> {
    let group = event.group.as_deref().unwrap_or_default();
    let place = scenario.consumers.iter().position(|consumers| consumers.group == group).ok_or("there is no such group")?;
    let victim = {
        let mut crew = crew.lock().await;
        let members = crew.get_mut(place).filter(|members| !members.is_empty()).ok_or("nobody of it is there")?;
        members.remove(0)
    };
    victim.abort();
    book.time().rest(event.lasts).await;
    let next = consumer(stage, book, place, &scenario.consumers[place]);
    if let Some(members) = crew.lock().await.get_mut(place) {
        members.push(next);
    }
    Ok(())
}
