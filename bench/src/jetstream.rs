//! W12, NATS JetStream: messages pulled from a work queue and acknowledged, one a pull and a hundred. An acknowledgement asks
//! for the next message by itself (`+NXT`), which is how JetStream spares the second call; it is neither confirmed nor synced.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    figure::Report,
    frames,
    http::{self, Stretch},
    share,
    systems::{self, Place, System},
};

/// A pull that found nothing ends after so long: the server says it in nanoseconds, and here it is one second.
const EXPIRES: &str = "\"expires\":1000000000";
/// Published before their acknowledgements are awaited.
const WINDOW: usize = 1_000;
const CONSUMER: &str = "workers";

pub(crate) fn run(place: &Place, system: System, seconds: u64) -> Result<()> {
    let report = Report { workload: "W12", system };
    let running = systems::start(place, system)?;
    for max in [1, 100] {
        let stream = format!("queue-{max}");
        prepare(running.address, &stream)?;
        pour(running.address, &stream)?;
        let work = |stop: &AtomicBool| worker(running.address, &stream, max, stop);
        let Stretch { done, took, used } = http::measured(&running, seconds, |time| http::load(share::WORKERS, time, work))?;
        share::say(&report, max, done / took, used / done);
    }
    Ok(())
}

/// A stream in files that forgets what was acknowledged, and those who share it.
fn prepare(address: SocketAddr, stream: &str) -> Result<()> {
    let mut line = Line::open(address)?;
    let wanted = format!(r#"{{"name":"{stream}","subjects":["{stream}"],"storage":"file","retention":"workqueue"}}"#);
    line.ask(&format!("$JS.API.STREAM.CREATE.{stream}"), wanted.as_bytes())?;
    let config = format!(r#"{{"durable_name":"{CONSUMER}","ack_policy":"explicit","max_ack_pending":1000000}}"#);
    let wanted = format!(r#"{{"stream_name":"{stream}","config":{config}}}"#);
    line.ask(&format!("$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{CONSUMER}"), wanted.as_bytes())
}

/// Writes as fast as it goes for so long as the others do.
fn pour(address: SocketAddr, stream: &str) -> Result<()> {
    let (mut line, begin) = (Line::open(address)?, Instant::now());
    while begin.elapsed() < share::FILLING {
        (0..WINDOW).for_each(|_| line.publish(stream, true, &[b'x'; 100]));
        line.flush()?;
        (0..WINDOW).try_for_each(|_| line.good_answer())?;
    }
    Ok(())
}

/// Pulls, and acknowledges each message; the last acknowledgement of a pull asks for as many again. Answers how many.
fn worker(address: SocketAddr, stream: &str, max: usize, stop: &AtomicBool) -> Result<u64> {
    let (mut line, mut done) = (Line::open(address)?, 0);
    let pull = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{CONSUMER}");
    let (wanted, next) = (format!(r#"{{"batch":{max},{EXPIRES}}}"#), format!(r#"+NXT {{"batch":{max},{EXPIRES}}}"#));
    line.publish(&pull, true, wanted.as_bytes());
    line.flush()?;
    let mut left = max;
    while !stop.load(Ordering::Relaxed) {
        let Some(token) = line.message()?.reply else {
            // The pull ended with less than it asked for.
            left = max;
            line.publish(&pull, true, wanted.as_bytes());
            line.flush()?;
            continue;
        };
        done += 1;
        left -= 1;
        if left > 0 {
            line.publish(&token, false, b"+ACK");
        } else {
            line.publish(&token, true, next.as_bytes());
            line.flush()?;
            left = max;
        }
    }
    Ok(done)
}

struct Came {
    /// Where the acknowledgement goes; words of the server about a pull have none.
    reply: Option<String>,
    body: Vec<u8>,
}

/// A connection that has one inbox.
struct Line {
    stream: BufReader<TcpStream>,
    out: Vec<u8>,
    inbox: String,
}

impl Line {
    fn open(address: SocketAddr) -> Result<Self> {
        let stream = frames::connect(address)?;
        let inbox = format!("_INBOX.{}", stream.local_addr()?.port());
        let mut line = Self { stream: BufReader::with_capacity(64 << 10, stream), out: Vec::new(), inbox };
        ensure!(line.line()?.starts_with("INFO "), "the server does not introduce itself");
        let hello = format!("CONNECT {{\"verbose\":false,\"headers\":true}}\r\nSUB {} 1\r\nPING\r\n", line.inbox);
        line.out.extend_from_slice(hello.as_bytes());
        line.flush()?;
        while line.line()? != "PONG" {}
        Ok(line)
    }

    fn line(&mut self) -> Result<String> {
        let mut text = String::new();
        ensure!(self.stream.read_line(&mut text)? > 0, "the server closed the connection");
        ensure!(!text.starts_with("-ERR"), "the server says {text}");
        Ok(text.trim_end().to_owned())
    }

    fn publish(&mut self, subject: &str, answered: bool, body: &[u8]) {
        let reply = if answered { self.inbox.as_str() } else { "" };
        self.out.extend_from_slice(format!("PUB {subject} {reply} {}\r\n", body.len()).as_bytes());
        self.out.extend_from_slice(body);
        self.out.extend_from_slice(b"\r\n");
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.get_mut().write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// `MSG subject id [reply] bytes` or `HMSG subject id [reply] bytes-of-head bytes`.
    fn message(&mut self) -> Result<Came> {
        loop {
            let head = self.line()?;
            let words: Vec<&str> = head.split(' ').collect();
            let (is_message, expected) = match words[0] {
                "MSG" => (true, 4),
                "HMSG" => (false, 5),
                "PING" => {
                    self.out.extend_from_slice(b"PONG\r\n");
                    self.flush()?;
                    continue;
                }
                _ => bail!("the server says {head}"),
            };
            let length: usize = words.last().context("a length")?.parse()?;
            let mut body = vec![0; length + 2];
            self.stream.read_exact(&mut body)?;
            body.truncate(length);
            let reply = (is_message && words.len() > expected).then(|| words[3].to_owned());
            return Ok(Came { reply, body });
        }
    }

    fn good_answer(&mut self) -> Result<()> {
        let text = String::from_utf8(self.message()?.body)?;
        ensure!(!text.contains("\"error\""), "answered {text}");
        Ok(())
    }

    fn ask(&mut self, subject: &str, body: &[u8]) -> Result<()> {
        self.publish(subject, true, body);
        self.flush()?;
        self.good_answer()
    }
}

/// A port that answers.
pub(crate) fn listens(address: SocketAddr) -> bool {
    Line::open(address).and_then(|mut line| line.ask("$JS.API.INFO", b"")).is_ok()
}

/// How often that is asked.
pub(crate) const PATIENCE: Duration = Duration::from_millis(20);
