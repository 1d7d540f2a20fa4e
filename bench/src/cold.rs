//! W6: reading what no memory holds any more, while others write.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    figure::Report,
    frames,
    loader::{self, Outcome},
    measure, produce,
    reader::{Reader, Tally, Wish},
    systems::{self, Place, Running, System},
};

const TOPIC: &str = "cold";

pub(crate) fn run(place: &Place, system: System, gigabytes: f64) -> Result<()> {
    let report = Report { workload: "W6", system };
    let running = systems::start(place, system)?;
    produce::create(running.address, TOPIC, 1)?;
    produce::create(running.address, "live", 1)?;
    produce::fill(&running, TOPIC, 1, gigabytes)?;
    std::thread::sleep(Duration::from_secs(3));
    let quiet = live(&running, 4)?;
    forget(&running.data)?;
    let (tally, stop) = (Tally::default(), AtomicBool::new(false));
    let (device, cpu, begin) = (measure::device_reads(running.pid()), measure::cpu(running.pid())?, Instant::now());
    let (seconds, busy) = std::thread::scope(|scope| -> Result<_> {
        let reader = scope.spawn(|| {
            let wish = Wish { max_bytes: 8 << 20, ..Wish::STOCK };
            let read = Reader { address: running.address, topic: TOPIC, partition: 0, wish, to_end: true }.run(0, &stop, &tally);
            read.map(|_| begin.elapsed().as_secs_f64())
        });
        let busy = live(&running, 4)?;
        Ok((reader.join().ok().context("the reader panicked")??, busy))
    })?;
    let bytes = tally.bytes.load(Ordering::Relaxed) as f64;
    report.say("read", bytes / 1e9, "GB");
    report.say("read rate", bytes / seconds / 1e6, "MB/s");
    report.say("CPU a GB read", (measure::cpu(running.pid())? - cpu) / bytes * 1e9, "s");
    report.say("of it from the disk", (measure::device_reads(running.pid()) - device) as f64 / bytes * 100.0, "%");
    for (what, outcome) in [("before", quiet), ("meanwhile", busy)] {
        report.say(format!("a lone producer {what}, p50"), outcome.latency.value_at_quantile(0.5) as f64 / 1e3, "ms");
        report.say(format!("a lone producer {what}, p99"), outcome.latency.value_at_quantile(0.99) as f64 / 1e3, "ms");
    }
    report.say("memory after it", measure::memory(running.pid(), "VmRSS")? as f64 / 1e6, "MB");
    Ok(())
}

/// A few records a second, each waited for.
fn live(running: &Running, seconds: u64) -> Result<Outcome> {
    let plan = loader::Plan {
        address: running.address,
        connections: 1,
        in_flight: 1,
        frames: vec![frames::produce("live", 0, 1, 100)?],
        error_at: frames::error_at("live"),
        rate: Some(500.0),
        warm: Duration::ZERO,
        measure: Duration::from_secs(seconds),
    };
    loader::run(&plan)
}

/// Makes the kernel forget what it cached of a directory's files.
fn forget(dir: &Path) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            forget(&path)?;
        } else if let Ok(file) = std::fs::File::open(&path) {
            // Only clean pages go.
            let _ = file.sync_all();
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}
