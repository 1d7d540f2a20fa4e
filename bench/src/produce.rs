//! W2 to W4: what a produced record costs, by the raw loader, each system in turn on the same machine in the same run.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    frames, loader, measure,
    systems::{self, Place, System},
};

/// One workload: how many clients, how many partitions, what a batch holds.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    clients: usize,
    in_flight: usize,
    partitions: usize,
    records: usize,
    size: usize,
}

pub(crate) const WORKLOADS: &[Workload] = &[
    Workload { name: "W2a", what: "one record, one client", clients: 1, in_flight: 1, partitions: 1, records: 1, size: 100 },
    Workload { name: "W2b", what: "one record, 100 clients", clients: 100, in_flight: 1, partitions: 1, records: 1, size: 100 },
    Workload {
        name: "W2c",
        what: "one record, 100 clients, 100 partitions",
        clients: 100,
        in_flight: 1,
        partitions: 100,
        records: 1,
        size: 100,
    },
    Workload {
        name: "W3",
        what: "100 B x 150 a batch, 8 clients",
        clients: 8,
        in_flight: 5,
        partitions: 1,
        records: 150,
        size: 100,
    },
    Workload {
        name: "W4",
        what: "1 KiB x 16 a batch, 16 clients, 100 partitions",
        clients: 16,
        in_flight: 5,
        partitions: 100,
        records: 16,
        size: 1024,
    },
];

/// One cell of the table.
#[derive(serde::Serialize)]
pub(crate) struct Cell {
    pub(crate) workload: &'static str,
    pub(crate) system: &'static str,
    pub(crate) requests_per_second: f64,
    pub(crate) records_per_second: f64,
    pub(crate) megabytes_per_second: f64,
    /// Broker CPU.
    pub(crate) micros_per_request: f64,
    pub(crate) micros_per_record: f64,
    pub(crate) seconds_per_gigabyte: f64,
    pub(crate) p50_micros: u64,
    pub(crate) p99_micros: u64,
    pub(crate) p999_micros: u64,
    pub(crate) peak_memory: u64,
    /// Share of one core that the loader used: above 0.85 the rate is the client's, not the server's.
    pub(crate) loader_cores: f64,
}

pub(crate) fn run(place: &Place, workload: &Workload, system: System, seconds: u64) -> Result<Cell> {
    let running = systems::start(place, system)?;
    let topic = "bench";
    if !system.is_floor() {
        create(running.address, topic, workload.partitions as i32)?;
    }
    let frames: Vec<Vec<u8>> = (0..workload.partitions)
        .map(|p| frames::produce(topic, p as i32, workload.records, workload.size))
        .collect::<Result<_>>()?;
    let java = matches!(system, System::Kafka | System::KafkaFlush);
    let plan = loader::Plan {
        address: running.address,
        connections: workload.clients,
        in_flight: workload.in_flight,
        error_at: if system.is_floor() { 0 } else { frames::error_at(topic) },
        frames,
        warm: Duration::from_secs(if java { 20 } else { 2 }),
        measure: Duration::from_secs(seconds),
    };
    let (mut marks, me, pid) = (Vec::new(), std::process::id(), running.pid());
    let outcome = loader::run(&plan, || marks.push((measure::cpu(pid), measure::cpu(me))))?;
    let used = |pick: fn(&(Result<f64>, Result<f64>)) -> &Result<f64>| match (marks.first().map(pick), marks.last().map(pick)) {
        (Some(Ok(a)), Some(Ok(b))) => b - a,
        _ => f64::NAN,
    };
    let (broker, client) = (used(|m| &m.0), used(|m| &m.1));
    let (requests, records) = (outcome.requests as f64, (outcome.requests as usize * workload.records) as f64);
    let bytes = records * workload.size as f64;
    Ok(Cell {
        workload: workload.name,
        system: system.name(),
        requests_per_second: requests / outcome.seconds,
        records_per_second: records / outcome.seconds,
        megabytes_per_second: bytes / outcome.seconds / 1e6,
        micros_per_request: broker / requests * 1e6,
        micros_per_record: broker / records * 1e6,
        seconds_per_gigabyte: broker / bytes * 1e9,
        p50_micros: outcome.latency.value_at_quantile(0.5),
        p99_micros: outcome.latency.value_at_quantile(0.99),
        p999_micros: outcome.latency.value_at_quantile(0.999),
        peak_memory: measure::memory(pid, "VmHWM")?,
        loader_cores: client / outcome.seconds,
    })
}

/// A broker that has just opened its port may not be ready for this yet.
pub(crate) fn create(address: std::net::SocketAddr, topic: &str, partitions: i32) -> Result<()> {
    let begin = Instant::now();
    loop {
        match frames::create_topic(address, topic, partitions) {
            Ok(()) => break,
            Err(error) if begin.elapsed() > Duration::from_secs(30) => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    while frames::first_record(address, topic).is_err() && begin.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
