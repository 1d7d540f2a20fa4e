//! REST produce: over 64 connections, one record a request and a hundred, each answered when it is on disk.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    figure::Report,
    measure, produce,
    systems::{self, Place, System},
};

const CONNECTIONS: usize = 64;
/// Requests of one connection that wait for their answers at a time.
const IN_FLIGHT: usize = 8;

pub(crate) fn run(place: &Place, system: System, seconds: u64) -> Result<()> {
    let report = Report { workload: "REST", system };
    let running = systems::start(place, system)?;
    let address = running.web.context("the system has no REST proxy")?;
    for (what, records, in_flight) in [("1 record", 1, 1), ("1 record, 8 in flight", 1, IN_FLIGHT), ("100 records", 100, 1)] {
        let topic = format!("rest-{records}-{in_flight}");
        produce::create(running.address, &topic, 4)?;
        let request = request(address, &topic, records);
        load(address, &request, in_flight, Duration::from_secs(1))?;
        let before = measure::cpu(running.pid())?;
        let begin = Instant::now();
        let done = load(address, &request, in_flight, Duration::from_secs(seconds))?;
        let (took, used) = (begin.elapsed().as_secs_f64(), measure::cpu(running.pid())? - before);
        report.say(format!("{what} a request, {CONNECTIONS} connections"), done as f64 / took, "1/s");
        report.say(format!("{what} a request: records"), (done * records as u64) as f64 / took, "1/s");
        report.say(format!("{what} a request: server CPU a request"), used / done as f64 * 1e6, "µs");
    }
    Ok(())
}

fn request(address: SocketAddr, topic: &str, records: usize) -> Vec<u8> {
    let value = "x".repeat(90);
    let record = format!("{{\"value\":\"{value}\"}}");
    let body = format!("{{\"records\":[{}]}}", vec![record; records].join(","));
    let kind = "application/vnd.kafka.json.v2+json";
    let length = body.len();
    format!("POST /topics/{topic} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Answers how many requests were answered 200.
fn load(address: SocketAddr, request: &[u8], in_flight: usize, time: Duration) -> Result<u64> {
    let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let work = || connection(address, request, in_flight, &done, &stop);
        let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
        thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        workers.into_iter().try_for_each(|worker| worker.join().expect("a connection does not panic"))
    })?;
    Ok(done.into_inner())
}

fn connection(address: SocketAddr, request: &[u8], in_flight: usize, done: &AtomicU64, stop: &AtomicBool) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let many = request.repeat(in_flight);
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(&many)?;
        for _ in 0..in_flight {
            answer(&mut answers)?;
        }
        done.fetch_add(in_flight as u64, Ordering::Relaxed);
    }
    Ok(())
}

fn answer(answers: &mut BufReader<TcpStream>) -> Result<()> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    ensure!(line.starts_with("HTTP/1.1 200"), "answered {line:?}");
    let mut length = 0;
    loop {
        line.clear();
        answers.read_line(&mut line)?;
        if line == "\r\n" {
            break;
        }
        let value = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value);
        length = value.map_or(Ok(length), |value| value.trim().parse())?;
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body)?;
    ensure!(body.windows(17).any(|w| w == b"\"error_code\":null"), "answered {}", String::from_utf8_lossy(&body));
    Ok(())
}
