//! The raw loader: pre-encoded Produce frames over many connections, one thread, answers only counted. It costs a microsecond
//! a request, so that the server under test is the limit and not its client.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
};

/// What to send, and for how long.
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    /// Requests of one connection that wait for their answers at a time.
    pub(crate) in_flight: usize,
    /// Whole frames; connection `c` sends frame `c`, `c + 1`, … in turn.
    pub(crate) frames: Vec<Vec<u8>>,
    /// Where in an answer (after the length) the first partition's error code stands; 0 when there is none.
    pub(crate) error_at: usize,
    /// Requests a second over all connections; as many as go without it.
    pub(crate) rate: Option<f64>,
    pub(crate) warm: Duration,
    pub(crate) measure: Duration,
}

/// What came of it, in the measured time only.
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// Microseconds from send to answer.
    pub(crate) latency: Histogram<u64>,
}

/// What may be sent by now.
struct Budget {
    rate: Option<f64>,
    start: Instant,
    sent: u64,
}

impl Budget {
    fn take(&mut self) -> bool {
        let allowed = self.rate.is_none_or(|rate| (self.sent as f64) < self.start.elapsed().as_secs_f64() * rate);
        self.sent += u64::from(allowed);
        allowed
    }
}

struct Connection {
    stream: TcpStream,
    next: usize,
    written: usize,
    sent: VecDeque<Instant>,
    read: Vec<u8>,
}

/// Runs the plan.
pub(crate) fn run(plan: &Plan) -> Result<Outcome> {
    marked(plan, || ()).map(|(outcome, ..)| outcome)
}

/// Runs the plan. `mark` is asked when the measured time begins and when it ends.
pub(crate) fn marked<T>(plan: &Plan, mut mark: impl FnMut() -> T) -> Result<(Outcome, T, T)> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut connections = connect(plan, &poll)?;
    let mut outcome = Outcome { requests: 0, seconds: 0.0, latency: Histogram::new_with_bounds(1, 120_000_000, 3)? };
    let start = Instant::now();
    let mut budget = Budget { rate: plan.rate, start, sent: 0 };
    for connection in &mut connections {
        connection.send(plan, &mut budget)?;
    }
    let nanos = if plan.rate.is_some() { 1_000_000 } else { 100_000_000 };
    let patience = rustix::event::Timespec { tv_sec: 0, tv_nsec: nanos };
    let mut began = None;
    let mut events = Vec::with_capacity(1024);
    loop {
        let now = start.elapsed();
        if began.is_none() && now >= plan.warm {
            began = Some((Instant::now(), mark()));
        }
        if now >= plan.warm + plan.measure {
            break;
        }
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), Some(&patience))?;
        for event in &events {
            let connection = &mut connections[event.data.u64() as usize];
            connection.receive(plan, began.as_ref().map(|(at, _)| *at), &mut outcome)?;
            connection.send(plan, &mut budget)?;
        }
        if plan.rate.is_some() {
            for connection in &mut connections {
                connection.send(plan, &mut budget)?;
            }
        }
    }
    let (at, first) = began.context("the measured time never began")?;
    outcome.seconds = at.elapsed().as_secs_f64();
    let last = mark();
    ensure!(outcome.requests > 0, "no answer came in {:?}", plan.measure);
    Ok((outcome, first, last))
}

fn connect(plan: &Plan, poll: &impl AsFd) -> Result<Vec<Connection>> {
    (0..plan.connections)
        .map(|index| {
            let stream = TcpStream::connect(plan.address).with_context(|| format!("cannot connect to {}", plan.address))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let interest = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
            epoll::add(poll, &stream, EventData::new_u64(index as u64), interest)?;
            Ok(Connection { stream, next: index, written: 0, sent: VecDeque::new(), read: Vec::with_capacity(64 * 1024) })
        })
        .collect()
}

impl Connection {
    /// Sends until as many requests wait as the plan allows, or the socket is full.
    fn send(&mut self, plan: &Plan, budget: &mut Budget) -> Result<()> {
        while self.written > 0 || (self.sent.len() < plan.in_flight && budget.take()) {
            let frame = &plan.frames[self.next % plan.frames.len()];
            if self.written == 0 {
                self.sent.push_back(Instant::now());
            }
            match self.stream.write(&frame[self.written..]) {
                Ok(n) => self.written += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e).context("the server closed while we sent"),
            }
            if self.written == frame.len() {
                self.written = 0;
                self.next += 1;
            }
        }
        Ok(())
    }

    fn receive(&mut self, plan: &Plan, began: Option<Instant>, outcome: &mut Outcome) -> Result<()> {
        loop {
            let had = self.read.len();
            self.read.resize(had + 16 * 1024, 0);
            match self.stream.read(&mut self.read[had..]) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(n) => self.read.truncate(had + n),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.read.truncate(had);
                    return Ok(());
                }
                Err(e) => return Err(e).context("the server closed while we read"),
            }
            self.count(plan, began, outcome)?;
        }
    }

    fn count(&mut self, plan: &Plan, began: Option<Instant>, outcome: &mut Outcome) -> Result<()> {
        let now = Instant::now();
        let mut at = 0;
        while let Some(length) = self.read.get(at..at + 4) {
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            let Some(body) = self.read.get(at + 4..at + 4 + length) else { break };
            if plan.error_at > 0 && body.get(plan.error_at..plan.error_at + 2) != Some(&[0, 0]) {
                bail!("the server answered with an error: {:02x?}", &body[..body.len().min(64)]);
            }
            at += 4 + length;
            let sent = self.sent.pop_front().context("an answer to nothing")?;
            if began.is_some_and(|began| sent >= began) {
                outcome.requests += 1;
                outcome.latency.saturating_record((now - sent).as_micros() as u64);
            }
        }
        self.read.drain(..at);
        Ok(())
    }
}
