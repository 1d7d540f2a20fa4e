//! The wire between a client and the Kafka door: recorded, and cut where a test wants it. Knows bytes and frames.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use milena_kafka::Ends;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

use crate::record::{Answered, Asked, Frames, Pen, Recorder, What};

/// Which bytes a cut counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Way {
    /// Those that the broker sends.
    #[default]
    Answers,
    /// Those that clients send.
    Requests,
}

/// A cut that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rule {
    /// Which one: a connection counts anew for each.
    id: u64,
    way: Way,
    after: u64,
    /// How many connections it cuts yet.
    left: u32,
}

/// All connections of a kit, and what is to happen to them. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Wires(Arc<Shared>);

#[derive(Default)]
struct Shared {
    rule: Mutex<Option<Rule>>,
    /// Lets the hot path leave without a lock.
    ruled: AtomicBool,
    rules: AtomicU64,
    connections: AtomicU64,
    open: Mutex<Vec<Weak<Wire>>>,
}

/// One connection, as those see it who may cut it.
#[derive(Default)]
struct Wire {
    cut: AtomicBool,
    reader: Mutex<Option<Waker>>,
}

impl Wires {
    /// The next `connections` that carry `after` more bytes that way are cut behind the last of them.
    pub(crate) fn cut_after(&self, way: Way, after: u64, connections: u32) {
        let id = self.0.rules.fetch_add(1, Ordering::Relaxed) + 1;
        *hold(&self.0.rule) = Some(Rule { id, way, after, left: connections }).filter(|rule| rule.left > 0);
        self.0.ruled.store(connections > 0, Ordering::Release);
    }

    /// Cuts all that are open; answers how many there were.
    pub(crate) fn cut_now(&self) -> usize {
        let open: Vec<Arc<Wire>> = hold(&self.0.open).iter().filter_map(Weak::upgrade).collect();
        for wire in &open {
            wire.cut.store(true, Ordering::Release);
            if let Some(reader) = hold(&wire.reader).take() {
                reader.wake();
            }
        }
        open.len()
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        hold(&self.0.open).iter().filter(|wire| wire.strong_count() > 0).count()
    }

    fn rule(&self) -> Option<Rule> {
        if self.0.ruled.load(Ordering::Acquire) { *hold(&self.0.rule) } else { None }
    }

    /// A rule has cut one.
    fn spent(&self, id: u64) {
        let mut rule = hold(&self.0.rule);
        if let Some(current) = rule.as_mut().filter(|current| current.id == id) {
            current.left -= 1;
            if current.left == 0 {
                *rule = None;
                self.0.ruled.store(false, Ordering::Release);
            }
        }
    }

    fn connect(&self) -> (u64, Arc<Wire>) {
        let wire = Arc::new(Wire::default());
        let mut open = hold(&self.0.open);
        open.retain(|wire| wire.strong_count() > 0);
        open.push(Arc::downgrade(&wire));
        (self.0.connections.fetch_add(1, Ordering::Relaxed) + 1, wire)
    }
}

/// Whether a broker's life is over: from then on nothing it says reaches anybody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life(Arc<AtomicBool>);

impl Life {
    pub(crate) fn end(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Takes Kafka connections until it is dropped, and deals them to the node's threads.
pub(crate) async fn listen(listener: TcpListener, door: Arc<milena_kafka::Door>, life: Life, wires: Wires, recorder: Recorder) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if let Err(error) = deal(&door, stream, remote, (&life, &wires, &recorder)) {
                    tracing::debug!(%remote, %error, "connection lost before it was served");
                }
            }
            Err(error) => {
                // Descriptors may have run out: accepting again at once would only spin.
                tracing::warn!(%error, "the test kit cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

fn deal(
    door: &Arc<milena_kafka::Door>,
    stream: TcpStream,
    remote: SocketAddr,
    (life, wires, recorder): (&Life, &Wires, &Recorder),
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(std::time::Duration::from_secs(60)))?;
    let ends = Ends { remote, local: stream.local_addr()? };
    let stream = stream.into_std()?;
    let (served, life, wires, recorder) = (door.clone(), life.clone(), wires.clone(), recorder.clone());
    door.node().runtimes().spawn_on_least_loaded(move || async move {
        match TcpStream::from_std(stream) {
            Ok(stream) => {
                let tap = Tap::new(stream, remote, life, wires, recorder);
                milena_kafka::serve_connection(tap, ends, served).await;
            }
            Err(error) => tracing::warn!(%error, "a connection cannot be served"),
        }
    });
    Ok(())
}

/// A socket with somebody who listens, and with scissors.
struct Tap {
    stream: TcpStream,
    number: u64,
    wire: Arc<Wire>,
    life: Life,
    wires: Wires,
    recorder: Recorder,
    asked: Frames,
    answered: Frames,
    /// Requests that were not answered yet: correlation id and name.
    pending: VecDeque<(i32, &'static str)>,
    /// The rule that is counted for, and how many bytes were.
    counted: (u64, u64),
    cut: bool,
}

/// Requests whose answers are waited for, at most: those that want none are forgotten.
const PENDING: usize = 4096;

impl Tap {
    fn new(stream: TcpStream, peer: SocketAddr, life: Life, wires: Wires, recorder: Recorder) -> Self {
        let (number, wire) = wires.connect();
        recorder.note(What::Connected { connection: number, peer });
        Self {
            stream,
            number,
            wire,
            life,
            wires,
            recorder,
            asked: Frames::default(),
            answered: Frames::default(),
            pending: VecDeque::new(),
            counted: (0, 0),
            cut: false,
        }
    }

    /// Whether the wire is there.
    fn sound(&mut self) -> io::Result<()> {
        if self.life.is_over() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if self.cut || self.wire.cut.load(Ordering::Acquire) {
            return Err(self.sever());
        }
        Ok(())
    }

    /// Cuts: what is on its way is lost, and the client sees a reset.
    fn sever(&mut self) -> io::Error {
        if !self.cut {
            self.cut = true;
            let _ = SockRef::from(&self.stream).set_linger(Some(std::time::Duration::ZERO));
        }
        io::ErrorKind::ConnectionReset.into()
    }

    /// How many bytes may pass that way before the cut; `None` when there is no rule.
    fn left(&mut self, way: Way) -> Option<(u64, u64)> {
        let rule = self.wires.rule().filter(|rule| rule.way == way)?;
        if self.counted.0 != rule.id {
            self.counted = (rule.id, 0);
        }
        Some((rule.id, rule.after - self.counted.1.min(rule.after)))
    }

    /// Counts bytes that passed under a rule. The connection is cut when they were the last.
    fn passed(&mut self, rule: Option<(u64, u64)>, bytes: usize) {
        let Some((id, left)) = rule else { return };
        self.counted.1 += bytes as u64;
        if bytes as u64 >= left {
            self.wires.spent(id);
            // Not at once: what passed shall arrive. The next look at the wire finds it cut.
            self.wire.cut.store(true, Ordering::Release);
        }
    }

    fn heard(&mut self, bytes: &[u8]) {
        let Self { asked, recorder, pending, number, .. } = self;
        asked.feed(bytes, |start, len| {
            if let Some(asked) = Asked::of(*number, start, len) {
                if pending.len() == PENDING {
                    pending.pop_front();
                }
                pending.push_back((asked.correlation, asked.api));
                recorder.note(What::Asked(asked));
            }
        });
    }

    fn said(&mut self, bytes: &[u8], pen: &mut Pen<'_>) {
        let Self { answered, pending, number, .. } = self;
        answered.feed(bytes, |start, bytes| {
            let Some(correlation) = start.first_chunk::<4>().map(|id| i32::from_be_bytes(*id)) else { return };
            // Those in front of it wanted no answer.
            let at = pending.iter().position(|(id, _)| *id == correlation);
            let api = at.and_then(|at| pending.drain(..=at).next_back()).map_or("unknown", |(_, api)| api);
            let frame = bytes::Bytes::copy_from_slice(start);
            pen.note(What::Answered(Answered { connection: *number, correlation, api, bytes, frame }));
        });
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.recorder.note(What::Closed { connection: self.number, cut: self.cut });
    }
}

impl AsyncRead for Tap {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        *hold(&tap.wire.reader) = Some(cx.waker().clone());
        tap.sound()?;
        let rule = tap.left(Way::Requests);
        if let Some((_, 0)) = rule {
            tap.passed(rule, 0);
            return Poll::Ready(Err(tap.sever()));
        }
        let most = rule.map_or(usize::MAX, |(_, left)| usize::try_from(left).unwrap_or(usize::MAX)).min(into.remaining());
        let mut part = into.take(most);
        match Pin::new(&mut tap.stream).poll_read(cx, &mut part) {
            Poll::Ready(Ok(())) => {}
            other => return other,
        }
        // The part lies in the same buffer, which only unsafe code could say without a copy.
        let bytes = part.filled().to_vec();
        into.put_slice(&bytes);
        tap.passed(rule, bytes.len());
        tap.heard(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tap = self.get_mut();
        tap.sound()?;
        let rule = tap.left(Way::Answers);
        if let Some((_, 0)) = rule {
            tap.passed(rule, 0);
            return Poll::Ready(Err(tap.sever()));
        }
        let most = rule.map_or(usize::MAX, |(_, left)| usize::try_from(left).unwrap_or(usize::MAX)).min(bytes.len());
        // Held over the write: a client that has its answer finds it in the record.
        let recorder = tap.recorder.clone();
        let mut pen = recorder.pen();
        let n = std::task::ready!(Pin::new(&mut tap.stream).poll_write(cx, &bytes[..most]))?;
        tap.passed(rule, n);
        tap.said(&bytes[..n], &mut pen);
        Poll::Ready(Ok(n))
    }

    /// One piece at a time: a test kit has no hurry, and each byte is looked at anyway.
    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let first = pieces.iter().find(|piece| !piece.is_empty()).map_or(&[][..], |piece| &**piece);
        self.poll_write(cx, first)
    }

    fn is_write_vectored(&self) -> bool {
        false
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
