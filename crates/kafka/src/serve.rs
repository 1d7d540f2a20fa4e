//! The task of one connection: moves bytes between a socket and the sans-I/O core, and answers in order.
//!
//! One pass reads what is there, runs each request to its end or to its wait, and writes the answers together. Produce
//! requests go on while earlier ones wait for the disk, so that many share one commit; any other wait holds the rest
//! back, as Kafka does. An idle connection holds no buffer and no timer but its own.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::{Future, poll_fn},
    io::{self, IoSlice},
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{BufMut, Bytes, BytesMut};
use milena_node::{Dead, Lsn, Node, Parked, Released};
use milena_wire::frame::Refused;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::Instant,
};

use crate::{
    connection::{Answer, Inbound, Limits, Outbound, SCRATCH},
    dispatch::{Close, Later, Outcome, dispatch},
    first_chance,
    memory::{FLOOR, Share},
    peer::{Door, Peer},
    stopwatch::Stopwatch,
};

/// Pieces handed to the socket at once.
const SLICES: usize = 64;

thread_local! {
    static READ: RefCell<BytesMut> = RefCell::new(BytesMut::new());
}

/// Both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    pub remote: SocketAddr,
    pub local: SocketAddr,
}

/// Why a connection was over.
#[derive(Debug)]
enum End {
    /// The client left.
    Left,
    /// Nothing came and nothing went for `connections.max.idle.ms`.
    Idle,
    /// Others needed the memory that it holds, this many bytes.
    Crowded(usize),
    Frame(Refused),
    Request(Close),
    Io(io::Error),
    Dead(Dead),
}

/// Serves one connection until it ends. Lives on the thread it was made on; dropping it ends the connection.
pub async fn serve_connection<S>(stream: S, ends: Ends, door: Arc<Door>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(_admission) = door.admit(ends.remote.ip()) else { return };
    let peer = Rc::new(Peer::new(door.clone(), ends.remote, ends.local));
    let idle = door.idle();
    let mut connection = Connection::new(stream, &peer, door.limits());
    let mut sleep = pin!(tokio::time::sleep(idle / 2));
    let end = poll_fn(|cx| {
        if let Err(end) = connection.pass(cx) {
            return Poll::Ready(end);
        }
        connection.settle(cx);
        while sleep.as_mut().poll(cx).is_ready() {
            if connection.is_idle() {
                return Poll::Ready(End::Idle);
            }
            sleep.as_mut().reset(Instant::now() + idle / 2);
        }
        Poll::Pending
    })
    .await;
    let remote = ends.remote;
    note(&door, &peer, &end);
    match end {
        End::Left => tracing::trace!(%remote, "the client left"),
        End::Idle => tracing::debug!(%remote, "connection closed: idle for {} s", idle.as_secs()),
        End::Crowded(held) => door.note_crowded(remote, &peer.software(), held),
        End::Frame(bad @ (Refused::Tls | Refused::Http)) => door.note_stranger(remote, &bad),
        End::Frame(bad) => door.note_closed(remote, &peer.software(), &bad),
        End::Request(Close(why)) => door.note_closed(remote, &peer.software(), &why),
        End::Io(error) => tracing::debug!(%remote, %error, "connection lost"),
        End::Dead(dead) => tracing::debug!(%remote, %dead, "connection closed"),
    }
}

/// What the client will see of the end, if it was we who ended it.
fn note(door: &Door, peer: &Peer, end: &End) {
    let (why, expected) = match end {
        End::Left | End::Io(_) => return,
        End::Idle => ("nothing came for connections.max.idle.ms".to_owned(), true),
        End::Crowded(_) => {
            ("others needed the memory that it held, and it took nothing (queued.max.request.bytes)".to_owned(), false)
        }
        End::Frame(bad) => (bad.to_string(), false),
        End::Request(Close(why)) => (why.to_string(), false),
        End::Dead(dead) => (dead.to_string(), false),
    };
    first_chance::closed(door, peer.remote, peer.client(), why, expected);
}

struct Connection<'n, S> {
    stream: S,
    node: &'n Node,
    peer: &'n Rc<Peer>,
    limits: Limits,
    inbound: Inbound,
    outbound: Outbound,
    /// Answers in the order of their requests, each waiting for its place to be on disk.
    parked: VecDeque<Parked<Answer>>,
    parked_bytes: usize,
    /// The commit that the first of them waits for.
    release: Option<Released>,
    /// The request that holds back those behind it.
    later: Option<(Later, tracing::Span)>,
    /// Bytes of its frame.
    later_bytes: usize,
    /// The newest place that a Produce of this connection got.
    produced: Lsn,
    /// A request whose turn has not come: it sees what was produced before it, so that has to be committed, and there must be
    /// memory for its answer.
    next: Option<Bytes>,
    /// The commit that it waits for.
    turn: Option<Released>,
    /// What this connection holds of the memory of all.
    share: Share,
    /// The wait for more of it, and that it was over in this pass.
    room: Option<Room>,
    granted: bool,
    /// Bytes came or went in this pass.
    moved: bool,
    /// Something came or went since the idle watch looked.
    active: bool,
    /// The idle watch found nothing the last time.
    quiet: bool,
    left: bool,
    /// There only when slow requests are asked for.
    stopwatch: Option<Box<Stopwatch>>,
}

impl<'n, S: AsyncRead + AsyncWrite + Unpin> Connection<'n, S> {
    fn new(stream: S, peer: &'n Rc<Peer>, limits: Limits) -> Self {
        Self {
            stream,
            node: peer.node(),
            peer,
            limits,
            inbound: Inbound::new(limits.frame),
            outbound: Outbound::default(),
            parked: VecDeque::new(),
            parked_bytes: 0,
            release: None,
            later: None,
            later_bytes: 0,
            produced: Lsn::default(),
            next: None,
            turn: None,
            share: Share::new(peer.door.memory().clone()),
            room: None,
            granted: false,
            moved: false,
            active: false,
            quiet: false,
            left: false,
            stopwatch: peer.door.options.slow.map(|limit| Box::new(Stopwatch::new(limit))),
        }
    }

    /// Called twice in `connections.max.idle.ms`, so that the hot path reads no clock: was it quiet both times? What
    /// waits for the disk, for bytes or for other members is not idle, unless the client does not take its answers.
    fn is_idle(&mut self) -> bool {
        let busy = self.outbound.is_empty() && (self.is_held() || !self.parked.is_empty());
        let quiet = !std::mem::take(&mut self.active) && !busy;
        std::mem::replace(&mut self.quiet, quiet) && quiet
    }

    /// One pass: on until neither socket nor commit nor handler gives anything more.
    fn pass(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if self.share.is_closed() {
            return Err(End::Crowded(self.held()));
        }
        // Looked at in each pass, whatever it was for: one that is over must not keep those behind it waiting.
        if self.room.is_some() {
            self.granted = self.poll_room(cx);
        }
        loop {
            self.poll_turn(cx)?;
            self.run(&mut BytesMut::new())?;
            let done = self.poll_later(cx)?;
            let read = self.poll_read(cx)?;
            let released = self.poll_release(cx)?;
            let wrote = self.poll_write(cx)?;
            if self.left {
                return Err(End::Left);
            }
            if !(done || read || released || wrote) {
                return Ok(());
            }
        }
    }

    /// Bytes that are here because of this connection.
    fn held(&self) -> usize {
        let waiting = self.next.as_ref().map_or(0, Bytes::len) + self.later_bytes;
        self.inbound.held() + waiting + self.parked_bytes + self.outbound.len()
    }

    /// Counts what this connection holds when its pass is over.
    fn settle(&mut self, cx: &Context<'_>) {
        let moved = std::mem::take(&mut self.moved);
        self.granted = false;
        let waits_for_answer = self.next.as_ref().is_some_and(|frame| !is_answered_shortly(frame));
        if !waits_for_answer && self.held() < FLOOR {
            self.room = None;
        }
        // Without a request that waits for its answer's room, it is the socket that waits.
        let held_up = self.room.is_some() && self.next.is_none();
        self.share.settle(self.held(), moved, held_up, cx);
    }

    /// Whether there is memory for more. If not, this task is woken when there is.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> bool {
        if std::mem::take(&mut self.granted) || (self.room.is_none() && !self.share.memory().must_wait()) {
            return true;
        }
        let room = self.room.get_or_insert_with(|| {
            let memory = self.share.memory().clone();
            Box::pin(async move { memory.room().await })
        });
        let there = room.as_mut().poll(cx).is_ready();
        if there {
            self.room = None;
        }
        there
    }

    /// Whether another request may be begun.
    fn may_begin(&self) -> bool {
        !self.is_held() && self.parked.len() < self.limits.requests && self.outbound.len() < self.limits.answers
    }

    /// Whether a request that waits holds back those behind it.
    fn is_held(&self) -> bool {
        self.later.is_some() || self.next.is_some()
    }

    /// Runs requests from what is kept and then from `input`, until one holds back the rest; keeps what is left.
    fn run(&mut self, input: &mut BytesMut) -> Result<(), End> {
        while self.may_begin() {
            let Some(frame) = self.inbound.next(input).map_err(End::Frame)? else { return Ok(()) };
            self.active = true;
            self.watch(|watch| watch.came(&frame));
            let in_order = is_produce(&frame) || self.node.committed().covers(self.produced);
            if in_order && (is_answered_shortly(&frame) || !self.share.memory().must_wait()) {
                self.begin(frame)?;
            } else {
                self.next = Some(on_its_own(frame));
            }
        }
        self.inbound.keep(input);
        Ok(())
    }

    fn begin(&mut self, frame: Bytes) -> Result<(), End> {
        let bytes = frame.len();
        let span = span(self.peer, &frame);
        let outcome = span.in_scope(|| dispatch(self.peer, frame));
        match outcome {
            Outcome::Answer(answer) => {
                self.produced = self.produced.max(answer.lsn());
                self.park(answer);
            }
            Outcome::Silence(lsn) => {
                self.watch(Stopwatch::silent);
                self.produced = self.produced.max(lsn);
            }
            Outcome::Later(later) => (self.later, self.later_bytes) = (Some((later, span)), bytes),
            Outcome::Close(close) => return Err(End::Request(close)),
        }
        Ok(())
    }

    /// Begins the request that waits for what was produced before it, or for memory, when there is nothing to wait for.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let Some(frame) = &self.next else { return Ok(()) };
        let short = is_answered_shortly(frame);
        let turn = self.turn.get_or_insert_with(|| self.node.released(self.produced));
        let Poll::Ready(proof) = Pin::new(turn).poll(cx) else { return Ok(()) };
        self.turn = None;
        proof.map_err(End::Dead)?;
        if !short && !self.poll_room(cx) {
            return Ok(());
        }
        match self.next.take() {
            Some(frame) => {
                self.watch(Stopwatch::begins);
                self.begin(frame)
            }
            None => Ok(()),
        }
    }

    /// Queues an answer behind those that wait; sends it at once when none does and its place is committed.
    fn park(&mut self, answer: Parked<Answer>) {
        self.watch(Stopwatch::judged);
        if !self.parked.is_empty() {
            return self.park_behind(answer);
        }
        match answer.release(&self.node.committed()) {
            Ok(answer) => self.send(answer),
            Err(answer) => self.park_behind(answer),
        }
    }

    fn park_behind(&mut self, answer: Parked<Answer>) {
        let parked_bytes = &mut self.parked_bytes;
        self.parked.push_back(answer.map(|answer| {
            *parked_bytes += answer.len();
            answer
        }));
    }

    fn send(&mut self, answer: Answer) {
        self.watch(|watch| watch.committed(answer.len()));
        self.outbound.push_answer(answer);
    }

    /// Tells the stopwatch, if there is one.
    fn watch(&mut self, tell: impl FnOnce(&mut Stopwatch)) {
        if let Some(stopwatch) = &mut self.stopwatch {
            tell(stopwatch);
        }
    }

    /// Polls the request that holds back the rest. Answers whether it is done.
    fn poll_later(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let Some((later, span)) = &mut self.later else { return Ok(false) };
        let Poll::Ready(result) = span.in_scope(|| later.as_mut().poll(cx)) else { return Ok(false) };
        (self.later, self.later_bytes) = (None, 0);
        self.active = true;
        let answer = result.map_err(End::Request)?;
        if !answer.is_empty() {
            self.park(Parked::new(Lsn::default(), answer));
        } else {
            self.watch(Stopwatch::silent);
        }
        Ok(true)
    }

    /// Receives once, and runs what came. Answers whether the socket may have more.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        // At the limit of all, little is read at a time, and nothing from those that hold much.
        let most = if self.share.memory().is_spent() { FLOOR } else { SCRATCH };
        let ahead = self.limits.ahead.min(most);
        if self.left || (!self.may_begin() && (!self.is_held() || self.inbound.held() >= ahead)) {
            return Ok(false);
        }
        if self.held() >= FLOOR && !self.poll_room(cx) {
            return Ok(false);
        }
        if !self.is_held()
            && let Some(read) = self.poll_read_direct(cx, most)?
        {
            return Ok(read);
        }
        READ.with_borrow_mut(|scratch| {
            // What a connection that broke off has left here is nobody's.
            scratch.clear();
            // Nobody holds a slice of the last pass any more, as a rule: then this takes the same memory again.
            scratch.reserve(SCRATCH);
            let room = if self.is_held() { ahead } else { most };
            let mut limited = scratch.limit(room);
            let read = pin!(self.stream.read_buf(&mut limited)).poll(cx);
            match read {
                Poll::Pending => Ok(false),
                Poll::Ready(Err(error)) => Err(End::Io(error)),
                Poll::Ready(Ok(0)) => {
                    // Nobody is there to be answered; what waits for others waits no longer.
                    self.left = true;
                    (self.later, self.next) = (None, None);
                    Ok(false)
                }
                Poll::Ready(Ok(_)) => {
                    self.moved = true;
                    self.run(scratch).map(|()| true)
                }
            }
        })
    }

    /// Receives into a large frame's own buffer, at the limit of all at most `most`. `None`: no large frame is under way.
    fn poll_read_direct(&mut self, cx: &mut Context<'_>, most: usize) -> Result<Option<bool>, End> {
        let Some((buffer, room)) = self.inbound.direct() else { return Ok(None) };
        let mut limited = buffer.limit(if most < SCRATCH { room.min(most) } else { room });
        let read = pin!(self.stream.read_buf(&mut limited)).poll(cx);
        match read {
            Poll::Pending => Ok(Some(false)),
            Poll::Ready(Err(error)) => Err(End::Io(error)),
            Poll::Ready(Ok(0)) => {
                self.left = true;
                Ok(Some(false))
            }
            Poll::Ready(Ok(_)) => {
                (self.active, self.moved) = (true, true);
                self.run(&mut BytesMut::new())?;
                Ok(Some(true))
            }
        }
    }

    /// Lets answers go whose place is on disk. Answers whether one went.
    fn poll_release(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut any = false;
        while let Some(front) = self.parked.front() {
            let lsn = front.lsn();
            let release = self.release.get_or_insert_with(|| self.node.released(lsn));
            let Poll::Ready(proof) = Pin::new(release).poll(cx) else { return Ok(any) };
            self.release = None;
            let proof = proof.map_err(End::Dead)?;
            while let Some(front) = self.parked.pop_front() {
                match front.release(&proof) {
                    Ok(answer) => {
                        self.parked_bytes -= answer.len();
                        self.send(answer);
                    }
                    Err(front) => {
                        self.parked.push_front(front);
                        break;
                    }
                }
                any = true;
            }
        }
        if self.parked.capacity() > 64 {
            self.parked = VecDeque::new();
        }
        Ok(any)
    }

    /// Writes what can be written. Answers whether anything was.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut any = false;
        while !self.outbound.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let n = self.outbound.slices(&mut slices);
            let stream = Pin::new(&mut self.stream);
            let written = match &slices[..n] {
                [one] => stream.poll_write(cx, one),
                many => stream.poll_write_vectored(cx, many),
            };
            match written {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Err(End::Io(error)),
                Poll::Ready(Ok(0)) => return Err(End::Io(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => {
                    self.outbound.wrote(n);
                    let peer = self.peer;
                    self.watch(|watch| watch.wrote(n, peer));
                    (self.active, self.moved) = (true, true);
                    any = true;
                }
            }
        }
        if any && self.outbound.is_empty() {
            self.share.know();
        }
        Ok(any)
    }
}

/// The wait for memory.
type Room = Pin<Box<dyn Future<Output = ()>>>;

/// API keys whose answers are about as short as their requests: they go on while memory is spent. Produce, OffsetCommit, Heartbeat,
/// LeaveGroup, ApiVersions, InitProducerId.
const SHORT: [u8; 6] = [0, 8, 12, 13, 18, 22];

fn is_answered_shortly(frame: &[u8]) -> bool {
    matches!(frame, [0, key, ..] if SHORT.contains(key))
}

/// The frame out of the buffer that it shares with others; one that does not fit there has its own already.
fn on_its_own(frame: Bytes) -> Bytes {
    if frame.len() < SCRATCH { Bytes::copy_from_slice(&frame) } else { frame }
}

/// What the log says of everything that happens for a request.
fn span(peer: &Peer, frame: &[u8]) -> tracing::Span {
    let at = |from: usize| frame.get(from..from + 2).map_or(0, |b| i16::from_be_bytes([b[0], b[1]]));
    let correlation = || frame.get(4..8).map_or(0, |b| i32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    tracing::debug_span!("request", api = at(0), version = at(2), correlation = correlation(), remote = %peer.remote)
}

/// Produce requests go on while earlier ones wait for the disk.
fn is_produce(frame: &[u8]) -> bool {
    frame.starts_with(&[0, 0])
}
