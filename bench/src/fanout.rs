//! W5: five readers at the tail of what one producer writes. What delivery costs is the difference to the same load without
//! readers.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    figure::Report,
    frames, loader, measure, produce,
    reader::{Reader, Tally, Wish},
    systems::{self, Place, Running, System},
};

const READERS: usize = 5;
const TOPIC: &str = "fanout";
const RECORDS: usize = 64;
const SIZE: usize = 1024;

pub(crate) fn run(place: &Place, system: System, seconds: u64, megabytes: f64) -> Result<()> {
    let report = Report { workload: "W5", system };
    let running = systems::start(place, system)?;
    produce::create(running.address, TOPIC, 1)?;
    let alone = write(&running, system, seconds, megabytes)?;
    let (tally, stop) = (Tally::default(), AtomicBool::new(false));
    let reader = Reader { address: running.address, topic: TOPIC, partition: 0, wish: Wish::STOCK, to_end: false };
    // Readers begin at the tail: what was written alone is not theirs.
    let tail = Reader { to_end: true, ..reader }.run(0, &stop, &Tally::default())?;
    let (together, delivered, device) = std::thread::scope(|scope| -> Result<_> {
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(|| reader.run(tail, &stop, &tally))).collect();
        let before = measure::device_reads(running.pid());
        let together = write(&running, system, seconds, megabytes);
        let delivered = (tally.bytes.load(Ordering::Relaxed) as f64, tally.fetches.load(Ordering::Relaxed) as f64);
        stop.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().ok().context("a reader panicked")??;
        }
        Ok((together?, delivered, measure::device_reads(running.pid()).saturating_sub(before)))
    })?;
    report.say("written, alone", alone.rate / 1e6, "MB/s");
    report.say("written, with five readers", together.rate / 1e6, "MB/s");
    report.say("delivered", delivered.0 / together.seconds / 1e6, "MB/s");
    report.say("bytes a fetch", delivered.0 / delivered.1 / 1e3, "kB");
    // Warm-up writes and reads too: the CPU of the whole time stands against the bytes of the whole time.
    let extra = together.cpu - alone.cpu / alone.written * together.written;
    report.say("CPU a delivered GB", extra / delivered.0 * 1e9, "s");
    report.say("CPU a written GB, alone", alone.cpu / alone.written * 1e9, "s");
    report.say("p99 of a write, alone", alone.p99, "ms");
    report.say("p99 of a write, with five readers", together.p99, "ms");
    report.say("read from the disk", device as f64 / 1e6, "MB");
    Ok(())
}

struct Written {
    rate: f64,
    seconds: f64,
    written: f64,
    cpu: f64,
    p99: f64,
}

fn write(running: &Running, system: System, seconds: u64, megabytes: f64) -> Result<Written> {
    let warm = if system.is_java() { 10 } else { 1 };
    let plan = loader::Plan {
        address: running.address,
        connections: 4,
        in_flight: 5,
        frames: vec![frames::produce(TOPIC, 0, RECORDS, SIZE)?],
        error_at: frames::error_at(TOPIC),
        rate: Some(megabytes * 1e6 / (RECORDS * SIZE) as f64),
        warm: Duration::from_secs(warm),
        measure: Duration::from_secs(seconds),
    };
    let before = measure::cpu(running.pid())?;
    let outcome = loader::run(&plan)?;
    let cpu = measure::cpu(running.pid())? - before;
    let rate = (outcome.requests as usize * RECORDS * SIZE) as f64 / outcome.seconds;
    let seconds = outcome.seconds + warm as f64;
    let p99 = outcome.latency.value_at_quantile(0.99) as f64 / 1e3;
    Ok(Written { rate, seconds, written: rate * seconds, cpu, p99 })
}
