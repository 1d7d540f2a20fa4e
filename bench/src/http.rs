//! A client of HTTP in a few lines: requests are made before the clock runs, and of an answer only what is asked for is read.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{frames, measure, systems::Running};

/// A request without a body.
pub(crate) fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

/// A request with one.
pub(crate) fn post(address: SocketAddr, path: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// What a stretch of load did, how long it took, and what the server used for it, in seconds.
pub(crate) struct Stretch {
    pub(crate) done: f64,
    pub(crate) took: f64,
    pub(crate) used: f64,
}

/// A second of load to warm up, then `seconds` that are measured.
pub(crate) fn measured(running: &Running, seconds: u64, load: impl Fn(Duration) -> Result<u64>) -> Result<Stretch> {
    load(Duration::from_secs(1))?;
    let (begin, before) = (Instant::now(), measure::cpu(running.pid())?);
    let done = load(Duration::from_secs(seconds))? as f64;
    Ok(Stretch { done, took: begin.elapsed().as_secs_f64(), used: measure::cpu(running.pid())? - before })
}

/// `work` on as many threads as there are `connections`, until the time is over: each looks at the flag between requests
/// and answers how much it did. Answers the sum.
pub(crate) fn load(connections: usize, time: Duration, work: impl Fn(&AtomicBool) -> Result<u64> + Sync) -> Result<u64> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..connections).map(|_| scope.spawn(|| work(&stop))).collect();
        thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().expect("a connection does not panic")).sum()
    })
}

/// The same requests again and again, so many of a connection waiting for their answers at a time. Answers how many were
/// answered well.
pub(crate) fn repeat(
    address: SocketAddr,
    connections: usize,
    requests: &[Vec<u8>],
    in_flight: usize,
    time: Duration,
) -> Result<u64> {
    let many: Vec<u8> = requests.iter().cycle().take(in_flight).flatten().copied().collect();
    load(connections, time, |stop| {
        let (mut line, mut done) = (Line::open(address)?, 0);
        while !stop.load(Ordering::Relaxed) {
            line.send(&many)?;
            (0..in_flight).try_for_each(|_| line.good_answer())?;
            done += in_flight as u64;
        }
        Ok(done)
    })
}

/// A connection, and the answer that came over it last.
pub(crate) struct Line {
    stream: BufReader<TcpStream>,
    head: String,
    body: Vec<u8>,
}

impl Line {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        Self::sized(address, 64 << 10)
    }

    /// With so many bytes for answers that come faster than they are read.
    pub(crate) fn sized(address: SocketAddr, bytes: usize) -> Result<Self> {
        Ok(Self { stream: BufReader::with_capacity(bytes, frames::connect(address)?), head: String::new(), body: Vec::new() })
    }

    pub(crate) fn send(&mut self, request: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(request)?)
    }

    /// The body of an answer that must be a good one.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.send(request)?;
        self.answered()
    }

    /// The body of the answer to what was sent before; it must be a good one.
    pub(crate) fn answered(&mut self) -> Result<&[u8]> {
        self.good_answer()?;
        Ok(&self.body)
    }

    fn good_answer(&mut self) -> Result<()> {
        self.head.clear();
        let first = self.stream.read_line(&mut self.head)?;
        while self.stream.read_line(&mut self.head)? > 2 {}
        let good = self.head.starts_with("HTTP/1.1 20");
        let empty = self.head.starts_with("HTTP/1.1 204");
        let length = self.head[first..].lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let length = if empty { 0 } else { length.context("the answer has no length")? };
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        ensure!(good, "answered {:?}: {}", &self.head[..first], String::from_utf8_lossy(&self.body));
        Ok(())
    }
}
