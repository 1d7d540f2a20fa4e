//! W1: what a server costs that nobody uses, from its start and again a minute after work.

use std::{thread::sleep, time::Duration};

use anyhow::Result;

use crate::{
    figure::Report,
    measure,
    produce::{self, WORKLOADS},
    systems::{self, Place, Running, System},
};

pub(crate) fn run(place: &Place, system: System, seconds: u64) -> Result<()> {
    let report = Report { workload: "W1", system };
    let running = systems::start(place, system)?;
    // A virtual machine starts many things after its port is open.
    sleep(Duration::from_secs(5));
    look(&report, &running, "idle from start", seconds)?;
    for workload in WORKLOADS.iter().filter(|w| matches!(w.name, "W3" | "W4")) {
        produce::load(&running, system, workload, workload.name, 1, 3)?;
    }
    report.say("memory at the end of the load", measure::memory(running.pid(), "VmRSS")? as f64 / 1e6, "MB");
    sleep(Duration::from_secs(60));
    look(&report, &running, "idle 60 s after load", seconds)
}

fn look(report: &Report, running: &Running, when: &str, seconds: u64) -> Result<()> {
    report.say(format!("{when}: memory"), measure::memory(running.pid(), "VmRSS")? as f64 / 1e6, "MB");
    report.say(format!("{when}: disk"), measure::disk(&running.data) as f64 / 1e6, "MB");
    let before = measure::cpu(running.pid())?;
    sleep(Duration::from_secs(seconds));
    let used = measure::cpu(running.pid())? - before;
    report.say(format!("{when}: CPU a second"), used * 1000.0 / seconds as f64, "ms");
    Ok(())
}
