//! W7: ten thousand consumers that wait for records that do not come.

use std::time::Duration;

use anyhow::Result;

use crate::{
    figure::Report,
    loader, measure, produce,
    reader::{Wish, frame_of},
    systems::{self, Place, System},
};

pub(crate) fn run(place: &Place, system: System, consumers: usize, seconds: u64) -> Result<()> {
    let report = Report { workload: "W7", system };
    let running = systems::start(place, system)?;
    produce::create(running.address, "crowd", 100)?;
    // Each partition has the one record that said that it is there; what comes behind it never comes.
    let frames = (0..100).map(|p| frame_of("crowd", p, 1, Wish::STOCK)).collect::<Result<_>>()?;
    let plan = loader::Plan {
        address: running.address,
        connections: consumers,
        in_flight: 1,
        frames,
        error_at: 0,
        rate: None,
        warm: Duration::from_secs(if system.is_java() { 20 } else { 5 }),
        measure: Duration::from_secs(seconds),
    };
    let pid = running.pid();
    let (outcome, first, last) = loader::marked(&plan, || measure::cpu(pid))?;
    let (used, memory) = (last? - first?, measure::memory(pid, "VmRSS")?);
    report.say("consumers", consumers as f64, "");
    report.say("fetches answered", outcome.requests as f64 / outcome.seconds, "1/s");
    report.say("CPU", used / outcome.seconds, "cores");
    report.say("CPU a fetch", used / outcome.requests as f64 * 1e6, "µs");
    report.say("memory", memory as f64 / 1e6, "MB");
    report.say("p99 of a fetch that waits 500 ms", outcome.latency.value_at_quantile(0.99) as f64 / 1e3, "ms");
    Ok(())
}
