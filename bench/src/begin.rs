//! W16: from exec to the first record acknowledged.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    figure::Report,
    frames, many, measure,
    systems::{self, Place, System},
};

pub(crate) fn run(place: &Place, system: System, rounds: usize) -> Result<()> {
    let report = Report { workload: "W16", system };
    let rounds = if system.is_java() { 1 } else { rounds };
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begin = Instant::now();
        // Making the directory and formatting it is no part of the start.
        let running = systems::start(place, system)?;
        let before = begin.elapsed().saturating_sub(running.listening);
        loop {
            let made = frames::create_topic(running.address, "first", 1).is_ok();
            if (made || begin.elapsed() > Duration::from_secs(5)) && frames::first_record(running.address, "first").is_ok() {
                break;
            }
            anyhow::ensure!(begin.elapsed() < Duration::from_secs(60), "no record was acknowledged within a minute");
            std::thread::sleep(Duration::from_millis(1));
        }
        times.push(begin.elapsed() - before);
    }
    report.say("empty: exec to first acknowledgement", measure::median(times) / 1e3, "ms");
    let running = systems::start(place, system)?;
    while many::create(running.address, 0, 1, 1).is_err() {
        std::thread::sleep(Duration::from_millis(50));
    }
    for first in (1..1000).step_by(111) {
        many::create(running.address, first, 111, 1)?;
    }
    let (mut data, mut times) = (running.stop()?, Vec::new());
    for _ in 0..rounds {
        let begin = Instant::now();
        let running = systems::start_on(place, system, data)?;
        while frames::first_record(running.address, "many-00000").is_err() && begin.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(1));
        }
        times.push(begin.elapsed());
        data = running.stop()?;
    }
    report.say("1,000 topics: exec to first acknowledgement", measure::median(times) / 1e3, "ms");
    Ok(())
}
