//! W13: schemas by id as often as they can be asked for, new ones registered, and a hundred thousand of them kept.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    figure::Report,
    http::{self, Line, Stretch},
    measure,
    systems::{self, Place, Running, System},
};

const CONNECTIONS: usize = 8;
/// Requests of one connection that wait for their answers at a time.
const IN_FLIGHT: usize = 16;
/// Schemas that are kept at the end.
const MANY: usize = 100_000;

pub(crate) fn run(place: &Place, system: System, seconds: u64) -> Result<()> {
    let report = Report { workload: "W13", system };
    let running = systems::start(place, system)?;
    let web = running.web.context("the system has no registry")?;
    let mut one = Line::open(web)?;
    for n in 0..10 {
        one.ask(&register(web, n))?;
    }
    asked(&report, &running, web, seconds)?;
    let mut times = Vec::new();
    for n in 10..2_010 {
        let begin = Instant::now();
        one.ask(&register(web, n))?;
        times.push(begin.elapsed());
    }
    report.say("register a new schema, durable: p50", measure::median(times) / 1e3, "ms");
    let known = register(web, 0);
    let (begin, before) = (Instant::now(), measure::cpu(running.pid())?);
    let mut done = 0_u64;
    while begin.elapsed() < Duration::from_secs(seconds.min(3)) {
        one.ask(&known)?;
        done += 1;
    }
    report.say("register a known one again: server CPU", (measure::cpu(running.pid())? - before) / done as f64 * 1e6, "µs");
    kept(&report, place, running, web)
}

fn asked(report: &Report, running: &Running, web: SocketAddr, seconds: u64) -> Result<()> {
    let paths: Vec<String> = (1..=10).map(|id| format!("/schemas/ids/{id}")).collect();
    let latest = ["/subjects/bench-3/versions/latest".to_owned()];
    for (what, paths) in [("GET by id", &paths[..]), ("GET latest of a subject", &latest[..])] {
        let requests: Vec<Vec<u8>> = paths.iter().map(|path| http::get(web, path)).collect();
        let load = |time| http::repeat(web, CONNECTIONS, &requests, IN_FLIGHT, time);
        let Stretch { done, took, used } = http::measured(running, seconds, load)?;
        report.say(format!("{what}, {CONNECTIONS} connections, {IN_FLIGHT} in flight"), done / took, "1/s");
        report.say(format!("{what}: server CPU a request"), used / done * 1e6, "µs");
    }
    let (mut line, request, mut times) = (Line::open(web)?, http::get(web, "/schemas/ids/1"), Vec::new());
    for _ in 0..5_000 {
        let begin = Instant::now();
        line.ask(&request)?;
        times.push(begin.elapsed());
    }
    let (p50, p99) = measure::p50_and_p99(times);
    report.say("GET by id, one at a time: p99", p99, "µs");
    report.say("GET by id, one at a time: p50", p50, "µs");
    Ok(())
}

/// Memory and start with many schemas, each under a subject of its own.
fn kept(report: &Report, place: &Place, running: Running, web: SocketAddr) -> Result<()> {
    let begin = Instant::now();
    let next = AtomicU64::new(2_010);
    thread::scope(|scope| {
        let work = || -> Result<()> {
            let mut line = Line::open(web)?;
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed) as usize;
                if n >= MANY {
                    return Ok(());
                }
                line.ask(&register(web, n))?;
            }
        };
        let workers: Vec<_> = (0..2 * CONNECTIONS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a connection does not panic"))
    })?;
    report.say(format!("{MANY} schemas, registered within"), begin.elapsed().as_secs_f64(), "s");
    report.say(format!("{MANY} schemas: memory"), measure::memory(running.pid(), "VmRSS")? as f64 / 1e6, "MB");
    let data = running.stop()?;
    let data = started(report, place, data, "after a clean stop")?.stop()?;
    let running = systems::start_on(place, report.system, data)?;
    let data = running.kill();
    started(report, place, data, "after kill -9")?.stop()?;
    Ok(())
}

fn started(report: &Report, place: &Place, data: std::path::PathBuf, when: &str) -> Result<Running> {
    let begin = Instant::now();
    let running = systems::start_on(place, report.system, data)?;
    let web = running.web.context("the system has no registry")?;
    Line::open(web)?.ask(&http::get(web, &format!("/schemas/ids/{MANY}")))?;
    report.say(format!("{MANY} schemas: exec to the first answer {when}"), begin.elapsed().as_secs_f64(), "s");
    report.say(format!("{MANY} schemas: memory {when}"), measure::memory(running.pid(), "VmRSS")? as f64 / 1e6, "MB");
    Ok(running)
}

/// A record of ten fields that no other has, under a subject of its own.
fn register(web: SocketAddr, n: usize) -> Vec<u8> {
    let fields: Vec<String> =
        (0..10).map(|f| format!(r#"{{"name":"field{f}","type":["null","string"],"default":null}}"#)).collect();
    let schema = format!(r#"{{"type":"record","name":"Record{n}","namespace":"bench","fields":[{}]}}"#, fields.join(","));
    let body = serde_json::json!({"schema": schema}).to_string();
    http::post(web, &format!("/subjects/bench-{n}/versions"), "application/vnd.schemaregistry.v1+json", &body)
}
