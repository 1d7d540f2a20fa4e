//! First-chance errors: what a request costs that is refused, while nobody looks at errors, and while somebody follows them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::Result;

use crate::{
    figure::Report,
    frames,
    loader::{self, Plan},
    measure, produce,
    systems::{self, Place, Running, System},
};

const CLIENTS: usize = 100;
/// A partition that the topic does not have.
const MISSING: i32 = 7;

pub(crate) fn run(place: &Place, system: System, seconds: u64) -> Result<()> {
    let report = Report { workload: "errors", system };
    let running = systems::start(place, system)?;
    produce::create(running.address, "there", 1)?;
    let warm = Duration::from_secs(if system.is_java() { 20 } else { 2 });
    let plan = Plan {
        address: running.address,
        connections: CLIENTS,
        in_flight: 1,
        frames: vec![frames::produce("there", MISSING, 1, 100)?],
        // Each of them is refused: that is what they are for.
        error_at: 0,
        rate: None,
        warm,
        measure: Duration::from_secs(seconds),
    };
    refused(&report, &running, &plan, "nobody looks")?;
    if let Some(web) = running.web {
        let mut follower = TcpStream::connect(web)?;
        write!(follower, "GET /admin/v1/errors HTTP/1.1\r\nHost: {web}\r\nAccept: text/event-stream\r\n\r\n")?;
        // Ends with the server.
        std::thread::spawn(move || while follower.read(&mut [0; 65_536]).is_ok_and(|n| n > 0) {});
        refused(&report, &running, &plan, "somebody follows")?;
    }
    Ok(())
}

fn refused(report: &Report, running: &Running, plan: &Plan, who: &str) -> Result<()> {
    let (outcome, first, last) = loader::marked(plan, || measure::cpu(running.pid()))?;
    report.say(format!("refused, {who}: requests"), outcome.requests as f64 / outcome.seconds, "1/s");
    report.say(format!("refused, {who}: server CPU a request"), (last? - first?) / outcome.requests as f64 * 1e6, "µs");
    Ok(())
}
