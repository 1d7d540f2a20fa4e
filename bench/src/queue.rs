//! W12, a queue over HTTP: each call acknowledges what the last one took and takes again, one message a call and a hundred.
//! An acknowledgement counts when it is on disk.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    figure::Report,
    frames,
    http::{self, Line, Stretch},
    measure, produce,
    systems::{self, Place, Running, System},
    waiters,
};

const CONNECTIONS: usize = 50;
const PARTITIONS: i32 = 4;
/// For so long messages are written before they are taken.
const FILLING: Duration = Duration::from_secs(10);
/// What is taken and kept, to see what a lease costs: four thousand of each partition, which is the most that a group
/// may lock unless the broker is told otherwise.
const HELD_PARTITIONS: i32 = 250;
const HELD: u64 = 1_000_000;

pub(crate) fn run(place: &Place, system: System, seconds: u64) -> Result<()> {
    let report = Report { workload: "W12", system };
    let running = systems::start(place, system)?;
    let web = running.web.context("the system has no queue")?;
    for max in [1, 100] {
        let topic = format!("queue-{max}");
        produce::create(running.address, &topic, PARTITIONS)?;
        produce::pour(&running, &topic, PARTITIONS, max, FILLING)?;
    }
    alone(&report, web)?;
    for max in [1, 100] {
        drained(&report, &running, web, max, seconds)?;
    }
    apart(&report, &running, web, seconds)?;
    waiters::run(&report, &running, web)?;
    held(&report, &running, web)
}

/// One worker, one message at a time: what it waits for its acknowledgement.
fn alone(report: &Report, web: SocketAddr) -> Result<()> {
    let (mut worker, mut times) = (Worker::open(web, ("queue-1", "alone"), 1)?, Vec::new());
    for _ in 0..2_000 {
        let begin = Instant::now();
        worker.turn()?;
        times.push(begin.elapsed());
    }
    let (p50, p99) = measure::p50_and_p99(times);
    report.say("one worker, take and acknowledge: p99", p99 / 1e3, "ms");
    report.say("one worker, take and acknowledge: p50", p50 / 1e3, "ms");
    Ok(())
}

fn drained(report: &Report, running: &Running, web: SocketAddr, max: usize, seconds: u64) -> Result<()> {
    let (topic, group) = (format!("queue-{max}"), format!("workers-{max}"));
    let work = |stop: &AtomicBool| {
        let (mut worker, mut done) = (Worker::open(web, (&topic, &group), max)?, 0);
        while !stop.load(Ordering::Relaxed) {
            done += worker.turn()?;
        }
        worker.give_back()?;
        Ok(done)
    };
    let Stretch { done, took, used } = http::measured(running, seconds, |time| http::load(CONNECTIONS, time, work))?;
    report.say(format!("{max} a call, {CONNECTIONS} workers: messages"), done / took, "1/s");
    report.say(format!("{max} a call: server CPU a message"), used / done * 1e6, "µs");
    let calls = done / max as f64;
    report.say(format!("{max} a call: mean time of a call"), took * 1e3 * CONNECTIONS as f64 / calls, "ms");
    Ok(())
}

/// One call that takes a message, another one that acknowledges it.
fn apart(report: &Report, running: &Running, web: SocketAddr, seconds: u64) -> Result<()> {
    let work = |stop: &AtomicBool| {
        let (mut worker, mut done) = (Worker::open(web, ("queue-1", "apart"), 1)?, 0);
        while !stop.load(Ordering::Relaxed) {
            worker.take()?;
            done += worker.leases.len() as u64;
            worker.settle("ack")?;
        }
        Ok(done)
    };
    let Stretch { done, took, used } = http::measured(running, seconds, |time| http::load(CONNECTIONS, time, work))?;
    report.say(format!("two calls a message, {CONNECTIONS} workers: messages"), done / took, "1/s");
    report.say("two calls a message: server CPU a message", used / done * 1e6, "µs");
    Ok(())
}

/// Many messages that are taken and not settled.
fn held(report: &Report, running: &Running, web: SocketAddr) -> Result<()> {
    produce::create(running.address, "held", HELD_PARTITIONS)?;
    produce::pour(running, "held", HELD_PARTITIONS, 150, Duration::from_secs(3))?;
    frames::set_group(running.address, "held", &[("share.partition.max.record.locks", "4000")])?;
    let before = measure::memory(running.pid(), "VmRSS")?;
    let (mut worker, mut taken) = (Worker::open(web, ("held", "held"), 500)?, 0);
    while taken < HELD {
        let got = worker.take()?;
        if got == 0 {
            break;
        }
        taken += got;
    }
    let more = measure::memory(running.pid(), "VmRSS")?.saturating_sub(before);
    report.say("messages taken and held", taken as f64, "");
    report.say("memory that they cost", more as f64 / 1e6, "MB");
    Ok(())
}

struct Worker {
    line: Line,
    web: SocketAddr,
    path: String,
    group: String,
    max: usize,
    leases: Vec<String>,
}

impl Worker {
    fn open(web: SocketAddr, (topic, group): (&str, &str), max: usize) -> Result<Self> {
        let path = format!("/q/v1/topics/{topic}/groups/{group}:receive");
        Ok(Self { line: Line::open(web)?, web, path, group: group.to_owned(), max, leases: Vec::new() })
    }

    /// Acknowledges what it has and takes again. Answers how much was acknowledged.
    fn turn(&mut self) -> Result<u64> {
        let settled = self.leases.len() as u64;
        let leases = self.leases.join("\",\"");
        let settle = if settled == 0 { String::new() } else { format!(",\"settle\":{{\"ack\":[\"{leases}\"]}}") };
        self.call(&settle)?;
        Ok(settled)
    }

    /// Takes without a word on what it has. Answers how much it got.
    fn take(&mut self) -> Result<u64> {
        self.call("")?;
        Ok(self.leases.len() as u64)
    }

    fn call(&mut self, settle: &str) -> Result<()> {
        let body = format!("{{\"max\":{},\"wait_ms\":1000,\"lease_ms\":600000{settle}}}", self.max);
        let answer = self.line.ask(&http::post(self.web, &self.path, "application/json", &body))?;
        let text = std::str::from_utf8(answer)?;
        // Leases of messages stand before those that were settled.
        let (messages, settled) = text.split_once("\"settled\":").unwrap_or((text, ""));
        ensure!(settled.matches("\"status\":\"ok\"").count() == settled.matches("\"lease\":").count(), "answered {settled}");
        let leases = messages.split("\"lease\":\"").skip(1);
        self.leases = leases.map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect();
        Ok(())
    }

    /// What it holds at its end is somebody else's.
    fn give_back(&mut self) -> Result<()> {
        self.settle("release")
    }

    fn settle(&mut self, verb: &str) -> Result<()> {
        if self.leases.is_empty() {
            return Ok(());
        }
        let body = format!("{{\"{verb}\":[\"{}\"]}}", self.leases.join("\",\""));
        let path = format!("/q/v1/groups/{}:settle", self.group);
        self.line.ask(&http::post(self.web, &path, "application/json", &body)).map(drop)
    }
}
