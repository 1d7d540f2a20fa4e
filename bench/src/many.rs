//! W8: a hundred thousand partitions: made, written to, and started with.

use std::time::{Duration, Instant};

use anyhow::Result;
use milena_wire::{CreateTopicsRequest, create_topics::CreatableTopic};

use crate::{
    figure::Report,
    frames, loader, measure,
    systems::{self, Place, System},
};

pub(crate) fn run(place: &Place, system: System, partitions: usize) -> Result<()> {
    const EACH: usize = 1000;
    let report = Report { workload: "W8", system };
    let running = systems::start(place, system)?;
    let (begin, topics) = (Instant::now(), partitions.div_ceil(EACH));
    for first in (0..topics).step_by(10) {
        create(running.address, first, 10.min(topics - first), EACH as i32)?;
    }
    report.say("partitions", partitions as f64, "");
    report.say("created within", begin.elapsed().as_secs_f64(), "s");
    // Apache Kafka answers before every partition has its leader, and they get theirs in no order.
    let asked = if system.is_java() { 0..EACH as i32 } else { EACH as i32 - 1..EACH as i32 };
    for (topic, partition) in (0..topics).flat_map(|topic| asked.clone().map(move |partition| (topic, partition))) {
        while frames::record(running.address, &name(topic), partition).is_err() && begin.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    report.say("all of them usable within", begin.elapsed().as_secs_f64(), "s");
    report.say("memory when created", measure::memory(running.pid(), "VmRSS")? as f64 / 1e6, "MB");
    let all: Vec<Vec<u8>> = (0..5000)
        .map(|n: usize| {
            let place = n * 7919 % partitions;
            frames::produce(&name(place / EACH), (place % EACH) as i32, 1, 100)
        })
        .collect::<Result<_>>()?;
    let plan = loader::Plan {
        address: running.address,
        connections: 100,
        in_flight: 1,
        frames: all,
        error_at: frames::error_at(&name(0)),
        rate: None,
        warm: Duration::from_secs(2),
        measure: Duration::from_secs(5),
    };
    let pid = running.pid();
    let (outcome, first, last) = loader::marked(&plan, || measure::cpu(pid))?;
    report.say("one record a request to 5,000 of them", outcome.requests as f64 / outcome.seconds, "1/s");
    report.say("CPU a request", (last? - first?) / outcome.requests as f64 * 1e6, "µs");
    report.say("open files", std::fs::read_dir(format!("/proc/{pid}/fd"))?.count() as f64, "");
    let data = running.stop()?;
    started(&report, place, system, data.clone(), "after a clean stop")?;
    let running = systems::start_on(place, system, data)?;
    frames::first_record(running.address, &name(0))?;
    let data = running.kill();
    started(&report, place, system, data, "after kill -9")
}

fn started(report: &Report, place: &Place, system: System, data: std::path::PathBuf, when: &str) -> Result<()> {
    let begin = Instant::now();
    let running = systems::start_on(place, system, data)?;
    while frames::first_record(running.address, &name(0)).is_err() && begin.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    report.say(format!("start to first acknowledgement, {when}"), begin.elapsed().as_secs_f64() * 1e3, "ms");
    report.say(format!("memory {when}"), measure::memory(running.pid(), "VmRSS")? as f64 / 1e6, "MB");
    running.stop()?;
    Ok(())
}

/// All names are equally long, so that answers are of one shape.
fn name(topic: usize) -> String {
    format!("many-{topic:05}")
}

pub(crate) fn create(address: std::net::SocketAddr, first: usize, topics: usize, partitions: i32) -> Result<()> {
    let topic =
        |n| CreatableTopic { name: name(n).into(), num_partitions: partitions, replication_factor: 1, ..Default::default() };
    let request =
        CreateTopicsRequest { topics: (first..first + topics).map(topic).collect(), timeout_ms: 60_000, ..Default::default() };
    let answer = frames::ask(address, 5, &request)?;
    for topic in answer.topics {
        anyhow::ensure!(topic.error_code == 0, "creating topics: error {} {:?}", topic.error_code, topic.error_message);
    }
    Ok(())
}
