//! W15: SIGKILL in the middle of the load, and how long until the next record is acknowledged; whatever the amount of data.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    figure::Report,
    frames, measure, produce,
    systems::{self, Place, System},
};

const TOPIC: &str = "crash";

pub(crate) fn run(place: &Place, system: System, gigabytes: &[f64]) -> Result<()> {
    let report = Report { workload: "W15", system };
    for &amount in gigabytes {
        let running = systems::start(place, system)?;
        produce::create(running.address, TOPIC, 100)?;
        produce::fill(&running, TOPIC, 100, amount)?;
        let disk = measure::disk(&running.data) as f64 / 1e9;
        let data = running.kill();
        let begin = Instant::now();
        let running = systems::start_on(place, system, data)?;
        while frames::first_record(running.address, TOPIC).is_err() && begin.elapsed() < Duration::from_secs(300) {
            std::thread::sleep(Duration::from_millis(1));
        }
        report.say(format!("{amount} GB: on disk at the kill"), disk, "GB");
        report.say(format!("{amount} GB: start to first acknowledgement"), begin.elapsed().as_secs_f64() * 1e3, "ms");
        report.say(format!("{amount} GB: CPU until then"), measure::cpu(running.pid())? * 1e3, "ms");
        let data = running.kill();
        std::fs::remove_dir_all(data)?;
    }
    Ok(())
}
