//! W12, those who wait: how soon a message that is written reaches a worker who waits for it, and what ten thousand of them
//! cost while nothing comes.

use std::{
    collections::HashSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    figure::Report,
    frames,
    http::{self, Line},
    measure, produce,
    systems::Running,
};

/// Messages whose way is timed.
const ROUNDS: usize = 1_000;
const WAITERS: usize = 10_000;
/// No group may lock ten thousand records of one partition unless the broker is told otherwise.
const PARTITIONS: i32 = 4;
/// So long they are watched while nothing comes.
const QUIET: Duration = Duration::from_secs(5);

pub(crate) fn run(report: &Report, running: &Running, web: SocketAddr) -> Result<()> {
    woken(report, running, web)?;
    crowd(report, running, web)
}

fn receive(web: SocketAddr, topic: &str) -> Vec<u8> {
    let path = format!("/q/v1/topics/{topic}/groups/waiters:receive");
    http::post(web, &path, "application/json", r#"{"wait_ms":30000,"lease_ms":600000}"#)
}

/// One who waits, one who writes: from the moment the record is sent by the Kafka door until the worker has it.
fn woken(report: &Report, running: &Running, web: SocketAddr) -> Result<()> {
    produce::create(running.address, "woken", 1)?;
    // What said that the partition is there.
    let mut worker = Line::open(web)?;
    worker.ask(&receive(web, "woken"))?;
    let record = frames::produce("woken", 0, 1, 100)?;
    let mut producer = frames::connect(running.address)?;
    let (mut from_sent, mut from_stored) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        worker.send(&receive(web, "woken"))?;
        // It has begun to wait by then.
        std::thread::sleep(Duration::from_millis(2));
        let sent = Instant::now();
        frames::deliver(&mut producer, "woken", &record)?;
        let stored = Instant::now();
        worker.answered()?;
        from_sent.push(sent.elapsed());
        from_stored.push(stored.elapsed());
    }
    for (what, times) in [("sent", from_sent), ("acknowledged", from_stored)] {
        let (p50, p99) = measure::p50_and_p99(times);
        report.say(format!("a worker waits: message {what} to message received, p50"), p50 / 1e3, "ms");
        report.say(format!("a worker waits: message {what} to message received, p99"), p99 / 1e3, "ms");
    }
    Ok(())
}

/// Ten thousand who wait, and then as many messages: everybody gets one, and nobody one that somebody else got.
fn crowd(report: &Report, running: &Running, web: SocketAddr) -> Result<()> {
    produce::create(running.address, "waited-for", PARTITIONS)?;
    frames::set_group(running.address, "waiters", &[("share.partition.max.record.locks", "4000")])?;
    let mut first = Line::open(web)?;
    // What said that the partitions are there.
    (0..PARTITIONS).try_for_each(|_| first.ask(&receive(web, "waited-for")).map(drop))?;
    let memory = || measure::memory(running.pid(), "VmRSS");
    let before = memory()?;
    let request = receive(web, "waited-for");
    let mut lines = Vec::with_capacity(WAITERS);
    for _ in 0..WAITERS {
        let mut line = Line::sized(web, 1 << 10)?;
        line.send(&request)?;
        lines.push(line);
    }
    std::thread::sleep(Duration::from_secs(1));
    let (more, used) = (memory()?.saturating_sub(before), measure::cpu(running.pid())?);
    std::thread::sleep(QUIET);
    let idle = measure::cpu(running.pid())? - used;
    report.say(format!("{WAITERS} workers wait: memory of each"), more as f64 / 1e3 / WAITERS as f64, "kB");
    report.say(format!("{WAITERS} workers wait: server CPU a second"), idle / QUIET.as_secs_f64() * 1e3, "ms");
    let (begin, used) = (Instant::now(), measure::cpu(running.pid())?);
    let mut producer = frames::connect(running.address)?;
    for partition in 0..PARTITIONS {
        let share = frames::produce("waited-for", partition, WAITERS / PARTITIONS as usize, 100)?;
        frames::deliver(&mut producer, "waited-for", &share)?;
    }
    let mut seen = HashSet::new();
    for line in &mut lines {
        let text = String::from_utf8_lossy(line.answered()?).into_owned();
        let id = text.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
        ensure!(!id.is_empty(), "a worker waited for nothing, the way here took so long: {:?}", begin.elapsed());
        ensure!(seen.insert(id), "two workers got the same message: {text}");
    }
    report.say(format!("{WAITERS} workers wait: until each has its message"), begin.elapsed().as_secs_f64(), "s");
    let each = (measure::cpu(running.pid())? - used) / WAITERS as f64;
    report.say(format!("{WAITERS} workers wait: server CPU a message then"), each * 1e6, "µs");
    Ok(())
}
