//! W12, share groups: each fetch acknowledges what the last one acquired, one record a fetch and a hundred, on Milena and on
//! Apache Kafka with the same client.

use std::{
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use milena_wire::{
    FindCoordinatorRequest, ShareFetchRequest, ShareGroupHeartbeatRequest, Text, Uuid,
    share_fetch::{AcknowledgementBatch, FetchPartition, FetchTopic},
};

use crate::{
    figure::Report,
    frames, measure, produce,
    systems::{self, Place, System},
};

pub(crate) const WORKERS: usize = 50;
const PARTITIONS: i32 = 4;
/// For so long records are written before they are taken.
pub(crate) const FILLING: Duration = Duration::from_secs(10);
const HEARTBEAT: i16 = 1;
const FETCH: i16 = 2;
const FIND: i16 = 4;
/// Loading, not available, not here.
const COORDINATOR_LATER: [i16; 3] = [14, 15, 16];
/// Exactly as many as asked for; the other mode hands out whole batches.
const RECORD_LIMIT: i8 = 1;
const ACCEPT: i8 = 1;

pub(crate) fn run(place: &Place, system: System, seconds: u64) -> Result<()> {
    let report = Report { workload: "W12", system };
    let running = systems::start(place, system)?;
    let warm = Duration::from_secs(if system.is_java() { 15 } else { 2 });
    for max in [1, 100] {
        // A fetch hands out whole batches, whatever it acquires of them: here they are as large as what is taken.
        let (topic, group) = (format!("shared-{max}"), format!("shares-{max}"));
        produce::create(running.address, &topic, PARTITIONS)?;
        produce::pour(&running, &topic, PARTITIONS, max as usize, FILLING)?;
        frames::set_group(running.address, &group, &[("share.auto.offset.reset", "earliest")])?;
        let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let measured = thread::scope(|scope| -> Result<_> {
            let work = || worker(running.address, (&group, &topic), max, &done, &stop);
            let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
            let begin = Instant::now();
            // Members of a group that is new wait for their assignment.
            while done.load(Ordering::Relaxed) == 0 && begin.elapsed() < Duration::from_secs(60) {
                thread::sleep(Duration::from_millis(10));
            }
            thread::sleep(warm);
            let (begin, before, had) = (Instant::now(), measure::cpu(running.pid())?, done.load(Ordering::Relaxed));
            thread::sleep(Duration::from_secs(seconds));
            let finished = done.load(Ordering::Relaxed) - had;
            let figures = (finished as f64, begin.elapsed().as_secs_f64(), measure::cpu(running.pid())? - before);
            stop.store(true, Ordering::Relaxed);
            workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))?;
            Ok(figures)
        });
        let (records, took, used) = measured?;
        say(&report, max as usize, records / took, used / records);
    }
    Ok(())
}

/// What all who have such a queue are asked.
pub(crate) fn say(report: &Report, max: usize, rate: f64, each: f64) {
    report.say(format!("taken and acknowledged by its own protocol, {max} at a time, {WORKERS} workers"), rate, "1/s");
    report.say(format!("its own protocol, {max} at a time: server CPU a message"), each * 1e6, "µs");
}

/// One member: joins, fetches, and acknowledges with the next fetch.
fn worker(address: SocketAddr, (group, topic): (&str, &str), max: i32, done: &AtomicU64, stop: &AtomicBool) -> Result<()> {
    static MEMBERS: AtomicU64 = AtomicU64::new(1);
    let member = format!("AAAAAAAAAAAAAAA{:07}", MEMBERS.fetch_add(1, Ordering::Relaxed));
    let mut line = frames::connect(address)?;
    let mut assigned = join(&mut line, (group, topic), &member, stop)?;
    let mut epoch = 0;
    while !stop.load(Ordering::Relaxed) {
        let held: i64 = assigned.iter().flat_map(|p| &p.held).map(|(first, last)| last - first + 1).sum();
        let answer = frames::talk(&mut line, FETCH, &fetch(group, &member, epoch, max, &assigned))?;
        ensure!(answer.error_code == 0, "a fetch was answered with error {}: {:?}", answer.error_code, answer.error_message);
        done.fetch_add(held as u64, Ordering::Relaxed);
        assigned.iter_mut().for_each(|p| p.held.clear());
        for topic in &answer.responses {
            for data in &topic.partitions {
                ensure!(
                    data.error_code == 0 && data.acknowledge_error_code == 0,
                    "a partition was answered with {} and {}",
                    data.error_code,
                    data.acknowledge_error_code
                );
                let place = assigned.iter_mut().find(|p| p.topic == topic.topic_id && p.partition == data.partition_index);
                let place = place.context("a partition that was not asked for")?;
                place.held = data.acquired_records.iter().map(|a| (a.first_offset, a.last_offset)).collect();
            }
        }
        epoch += 1;
    }
    Ok(())
}

struct Assigned {
    topic: Uuid,
    partition: i32,
    held: Vec<(i64, i64)>,
}

fn join(line: &mut TcpStream, (group, topic): (&str, &str), member: &str, stop: &AtomicBool) -> Result<Vec<Assigned>> {
    let mut epoch = 0;
    while !stop.load(Ordering::Relaxed) {
        let beat = ShareGroupHeartbeatRequest {
            group_id: Text::from(group),
            member_id: Text::from(member),
            member_epoch: epoch,
            subscribed_topic_names: (epoch == 0).then(|| vec![topic.into()]),
            ..Default::default()
        };
        let answer = frames::talk(line, HEARTBEAT, &beat)?;
        if COORDINATOR_LATER.contains(&answer.error_code) {
            // Apache Kafka makes its coordinator when somebody asks for it, and that takes a while.
            let wanted = FindCoordinatorRequest { coordinator_keys: vec![group.into()], ..Default::default() };
            frames::talk(line, FIND, &wanted)?;
            thread::sleep(Duration::from_millis(200));
            continue;
        }
        ensure!(answer.error_code == 0, "a heartbeat was answered with {}: {:?}", answer.error_code, answer.error_message);
        epoch = answer.member_epoch;
        let topics = answer.assignment.map(|a| a.topic_partitions).unwrap_or_default();
        let all = topics.into_iter().flat_map(|t| {
            let place = move |partition| Assigned { topic: t.topic_id, partition, held: Vec::new() };
            t.partitions.into_iter().map(place).collect::<Vec<_>>()
        });
        let all: Vec<Assigned> = all.collect();
        if !all.is_empty() {
            return Ok(all);
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(Vec::new())
}

fn fetch(group: &str, member: &str, epoch: i32, max: i32, assigned: &[Assigned]) -> ShareFetchRequest {
    let mut topics: Vec<FetchTopic> = Vec::new();
    // A session knows its partitions after the first fetch; only those with something to say are named again.
    for place in assigned.iter().filter(|p| epoch == 0 || !p.held.is_empty()) {
        let said = place.held.iter().map(|(first, last)| AcknowledgementBatch {
            first_offset: *first,
            last_offset: *last,
            acknowledge_types: vec![ACCEPT],
            ..Default::default()
        });
        let partition =
            FetchPartition { partition_index: place.partition, acknowledgement_batches: said.collect(), ..Default::default() };
        match topics.iter_mut().find(|t| t.topic_id == place.topic) {
            Some(topic) => topic.partitions.push(partition),
            None => topics.push(FetchTopic { topic_id: place.topic, partitions: vec![partition], ..Default::default() }),
        }
    }
    ShareFetchRequest {
        group_id: Some(group.into()),
        member_id: Some(member.into()),
        share_session_epoch: epoch,
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 1 << 20,
        max_records: max,
        batch_size: max,
        share_acquire_mode: RECORD_LIMIT,
        topics,
        ..Default::default()
    }
}
