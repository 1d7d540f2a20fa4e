//! W11, REST produce: over 50 connections, one record a request and a hundred, each answered when it is on disk.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

use crate::{
    figure::Report,
    http::{self, Line, Stretch},
    produce,
    systems::{self, Place, System},
};

const CONNECTIONS: usize = 50;
/// Requests of one connection that wait for their answers at a time.
const IN_FLIGHT: usize = 8;

pub(crate) fn run(place: &Place, system: System, seconds: u64) -> Result<()> {
    let report = Report { workload: "W11", system };
    let running = systems::start(place, system)?;
    let address = running.web.context("the system has no REST proxy")?;
    for (what, records, in_flight) in [("1 record", 1, 1), ("1 record, 8 in flight", 1, IN_FLIGHT), ("100 records", 100, 1)] {
        let topic = format!("rest-{records}-{in_flight}");
        produce::create(running.address, &topic, 4)?;
        let requests = [request(address, &topic, records)];
        accepted(address, &requests[0])?;
        let load = |time| http::repeat(address, CONNECTIONS, &requests, in_flight, time);
        let Stretch { done, took, used } = http::measured(&running, seconds, load)?;
        report.say(format!("{what} a request, {CONNECTIONS} connections"), done / took, "1/s");
        report.say(format!("{what} a request: records"), done * records as f64 / took, "1/s");
        report.say(format!("{what} a request: server CPU a request"), used / done * 1e6, "µs");
        let waits = CONNECTIONS * in_flight;
        report.say(format!("{what} a request: mean time of an answer"), took * 1e3 * waits as f64 / done, "ms");
    }
    Ok(())
}

/// The answer is 200 also where a record was refused; a refusal stands in the body.
fn accepted(address: SocketAddr, request: &[u8]) -> Result<()> {
    let mut line = Line::open(address)?;
    let body = line.ask(request)?;
    let text = String::from_utf8_lossy(body);
    ensure!(text.contains("\"error_code\":null") && !text.contains("\"error\":\""), "answered {text}");
    Ok(())
}

fn request(address: SocketAddr, topic: &str, records: usize) -> Vec<u8> {
    let value = "x".repeat(90);
    let record = format!("{{\"value\":\"{value}\"}}");
    let body = format!("{{\"records\":[{}]}}", vec![record; records].join(","));
    http::post(address, &format!("/topics/{topic}"), "application/vnd.kafka.json.v2+json", &body)
}
