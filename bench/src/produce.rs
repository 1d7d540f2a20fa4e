//! W2 to W4: what a produced record costs, by the raw loader, each system in turn on the same machine in the same run.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    frames, loader, measure,
    systems::{self, Place, Running, System},
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

/// One cell: a fresh system, a topic, the load.
pub(crate) fn run(place: &Place, workload: &Workload, system: System, seconds: u64) -> Result<Cell> {
    let running = systems::start(place, system)?;
    let warm = if system.is_java() { 20 } else { 2 };
    load(&running, system, workload, "bench", warm, seconds)
}

/// The load of a workload on a system that runs.
pub(crate) fn load(running: &Running, system: System, workload: &Workload, topic: &str, warm: u64, seconds: u64) -> Result<Cell> {
    if !system.is_floor() {
        create(running.address, topic, workload.partitions as i32)?;
    }
    let frames: Vec<Vec<u8>> = (0..workload.partitions)
        .map(|p| frames::produce(topic, p as i32, workload.records, workload.size))
        .collect::<Result<_>>()?;
    let plan = loader::Plan {
        address: running.address,
        connections: workload.clients,
        in_flight: workload.in_flight,
        error_at: if system.is_floor() { 0 } else { frames::error_at(topic) },
        frames,
        rate: None,
        warm: Duration::from_secs(warm),
        measure: Duration::from_secs(seconds),
    };
    let (me, pid) = (std::process::id(), running.pid());
    let (outcome, first, last) = loader::marked(&plan, || Ok::<_, anyhow::Error>([measure::cpu(pid)?, measure::cpu(me)?]))?;
    let (first, last) = (first?, last?);
    let memory = measure::memory(pid, "VmHWM")?;
    Ok(Cell::of(workload, system, &outcome, last[0] - first[0], last[1] - first[1], memory))
}

impl Cell {
    fn of(workload: &Workload, system: System, outcome: &loader::Outcome, broker: f64, client: f64, peak_memory: u64) -> Self {
        let (requests, records) = (outcome.requests as f64, (outcome.requests as usize * workload.records) as f64);
        let bytes = records * workload.size as f64;
        Self {
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
            peak_memory,
            loader_cores: client / outcome.seconds,
        }
    }
}

/// Writes so many gigabytes of 1 KiB records, as fast as it goes.
pub(crate) fn fill(running: &Running, topic: &str, partitions: i32, gigabytes: f64) -> Result<()> {
    const RECORDS: usize = 64;
    let frames = (0..partitions).map(|p| frames::produce(topic, p, RECORDS, 1024)).collect::<Result<_>>()?;
    let mut plan = loader::Plan {
        address: running.address,
        connections: 8,
        in_flight: 4,
        frames,
        error_at: frames::error_at(topic),
        rate: None,
        warm: Duration::ZERO,
        measure: Duration::from_secs(1),
    };
    let mut left = gigabytes * 1e9;
    while left > 0.0 {
        let outcome = loader::run(&plan)?;
        let wrote = outcome.requests as f64 * (RECORDS * 1024) as f64;
        left -= wrote;
        // The last piece ends where it should.
        plan.measure = Duration::from_secs_f64((left / wrote * outcome.seconds).clamp(0.1, 1.0));
    }
    Ok(())
}

/// Writes as fast as it goes for so long: 100-byte records, so many a batch.
pub(crate) fn pour(running: &Running, topic: &str, partitions: i32, records: usize, time: Duration) -> Result<()> {
    let plan = loader::Plan {
        address: running.address,
        connections: 64,
        in_flight: 2,
        frames: (0..partitions).map(|p| frames::produce(topic, p, records, 100)).collect::<Result<_>>()?,
        error_at: frames::error_at(topic),
        rate: None,
        warm: Duration::ZERO,
        measure: time,
    };
    loader::run(&plan).map(drop)
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
    // Apache Kafka answers before every partition has its leader.
    for partition in 0..partitions {
        while frames::record(address, topic, partition).is_err() && begin.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}
