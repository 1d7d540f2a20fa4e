//! Sockets to requests: bounds in size and time, one task a connection on the node's own threads.

use std::{
    convert::Infallible,
    net::SocketAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{HeaderValue, ORIGIN},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use milena_node::{Entrance, Node, SocketPlace, Sockets};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    answer::{self, Answer, Body, Problem},
    asked::{self, Asked},
    coding::Shelf,
    errors,
    memory::{Memory, Spent},
    peer::Peer,
    polish::{self, Origins},
    queue::Pushed,
    registry, rest, router,
    still::{Left, Socket},
};

/// Time in which a request's head must have come. An idle kept-alive connection is dropped after the same time.
const HEAD: Duration = Duration::from_secs(30);
/// Largest head of a request, in bytes. Hyper answers 431 beyond it.
const HEAD_BYTES: usize = 64 * 1024;
/// Time in which a request must be there with its body and be answered.
const REQUEST: Duration = Duration::from_secs(60);

/// What the composition root tells this door.
#[derive(Clone, Debug)]
pub struct DoorOptions {
    /// The version that `/admin/v1/status` names.
    pub version: &'static str,
    /// Where the data lies, for people.
    pub data: String,
    /// Sockets that there are descriptors for. Who comes beyond them is told so, and sent away.
    pub sockets: Arc<Sockets>,
    /// Pages that may use this door.
    pub origins: Origins,
}

/// Which families of routes a listener serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Surface {
    /// All of them.
    Common,
    /// The schema registry at its own root, and nothing else.
    Registry,
    /// The REST proxy at its own root, and nothing else.
    Rest,
}

/// The HTTP door of one node.
pub struct Door {
    pub(crate) node: Node,
    pub(crate) options: DoorOptions,
    /// What requests and answers of all connections hold.
    pub(crate) memory: Arc<Memory>,
    /// Whose turn it is among the partitions, for records without a key.
    pub(crate) turn: AtomicUsize,
    /// How many have taken messages so far.
    pub(crate) takers: AtomicU64,
    /// Messages that streams have out.
    pub(crate) pushed: Pushed,
    /// Answers of the schema registry that were made once.
    pub(crate) schemas: registry::Shelf,
    /// Schemas that values were written or read with.
    pub(crate) shelf: Shelf,
    /// Patterns that consumer instances subscribe by.
    pub(crate) patterns: rest::Patterns,
}

impl Door {
    /// The cluster's id as Kafka's clients are told it: a UUID in base64.
    pub(crate) fn cluster_id(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.node.cluster_id())
    }

    pub fn new(node: Node, options: DoorOptions) -> Arc<Self> {
        let (turn, takers) = (AtomicUsize::new(0), AtomicU64::new(0));
        let memory = Memory::of(node.clone());
        let (shelf, schemas, patterns) = (Shelf::default(), registry::Shelf::default(), rest::Patterns::default());
        let pushed = Pushed::default();
        Arc::new(Self { node, options, memory, turn, takers, pushed, shelf, schemas, patterns })
    }
}

/// Accepts for ever; each connection lives on the node's least loaded runtime.
pub async fn listen(door: Arc<Door>, listener: TcpListener, surface: Surface) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match door.options.sockets.enter(Entrance::Http) {
                Some(place) => deal(&door, stream, peer, (surface, place)),
                None => send_away(&stream),
            },
            Err(error) => {
                // Descriptors may have run out: accepting again at once would only spin.
                tracing::warn!(%error, "the HTTP door cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// What somebody reads who finds every socket taken: as much as goes into an empty socket at once.
pub fn send_away(stream: &TcpStream) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
        Content-Type: text/plain\r\nContent-Length: 63\r\n\r\nas many connections as there are open files for; try again soon";
    // A client that is gone already has nothing to read.
    let _ = stream.try_write(FULL);
    tracing::debug!("an HTTP connection was sent away: every socket is taken");
}

fn deal(door: &Arc<Door>, stream: TcpStream, peer: SocketAddr, (surface, place): (Surface, SocketPlace)) {
    let Ok(stream) = stream.into_std() else { return };
    let door = door.clone();
    door.node.clone().runtimes().spawn_on_least_loaded(move || async move {
        let _place = place;
        // Only a runtime's own thread may register the socket with it.
        let Ok(stream) = TcpStream::from_std(stream) else { return };
        let _ = stream.set_nodelay(true);
        let known = Rc::new(Peer::new(peer, door.memory.clone()).at(stream.local_addr().ok()));
        let socket = Socket::new(stream, door.memory.clone());
        let service = service_fn(|request: Request<Incoming>| {
            let (door, known) = (door.clone(), known.clone());
            async move { Ok::<_, Infallible>(answer(&door, request, known, surface).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(socket), service);
        if let Err(error) = connection.await {
            if let Some(left) = Left::of(&error) {
                errors::closed(&door, peer, &left);
            }
            tracing::debug!(%peer, %error, "an HTTP connection ended");
        }
    });
}

/// Answers one request, for whoever takes connections by itself. Call it on one of the node's runtimes.
pub async fn respond(door: &Arc<Door>, request: Request<Incoming>, peer: SocketAddr, surface: Surface) -> Response<Body> {
    answer(door, request, Rc::new(Peer::new(peer, door.memory.clone())), surface).await
}

/// `GET /consumers/{group}/instances/{instance}/records`, and streams of the queue: they change what comes next.
fn moves_a_reader(path: &str) -> bool {
    let segments = asked::segments(path).unwrap_or_default();
    let names: Vec<&str> = segments.iter().map(String::as_str).collect();
    matches!(names.as_slice(), ["consumers", .., "records"] | ["q", "v1", .., "events"])
}

/// Whether nothing is lost when a look at this path is answered by a refusal.
fn may_be_dropped(path: &str) -> bool {
    !moves_a_reader(path) && !router::is_for_operators(path)
}

async fn answer(door: &Arc<Door>, request: Request<Incoming>, peer: Rc<Peer>, surface: Surface) -> Answer {
    let address = peer.address;
    let origins = &door.options.origins;
    // A copy: a clone would keep the buffer that the request came in.
    let origin = request.headers().get(ORIGIN).and_then(|origin| HeaderValue::from_bytes(origin.as_bytes()).ok());
    let noted = errors::Request::of(request.method(), request.uri(), request.headers());
    let packs = polish::takes_gzip(request.headers());
    let answer = match origins.preflight(request.method(), request.headers()) {
        Some(answer) => answer,
        None if origins.refuses(request.method(), request.headers())
            || (origins.refuses_move(request.headers()) && moves_a_reader(request.uri().path())) =>
        {
            surface.refused(noted.path(), StatusCode::FORBIDDEN, page())
        }
        None => match tokio::time::timeout(REQUEST, routed(door, request, peer, surface)).await {
            Ok(answer) => answer,
            Err(_) => {
                let problem = Problem::new(StatusCode::REQUEST_TIMEOUT, "the request was not complete in time");
                surface.refused(noted.path(), StatusCode::REQUEST_TIMEOUT, problem)
            }
        },
    };
    let held = answer::lend(&door.memory, answer, || noted.looks() && may_be_dropped(noted.path())).await;
    let mut answer = held.unwrap_or_else(|spent| surface.refused(noted.path(), StatusCode::SERVICE_UNAVAILABLE, crowded(spent)));
    noted.answered(door, address, &answer);
    origins.sign(origin.as_ref(), &mut answer);
    polish::pack(packs, answer, &door.memory).await
}

async fn routed(door: &Arc<Door>, request: Request<Incoming>, peer: Rc<Peer>, surface: Surface) -> Answer {
    match (surface, Asked::of(request, peer)) {
        (Surface::Common, Ok(asked)) => router::answer(door, asked).await,
        (Surface::Common, Err(unreadable)) => unreadable.into(),
        (Surface::Registry, Ok(asked)) => Box::pin(registry::answer(door, asked)).await,
        (Surface::Registry, Err(unreadable)) => registry::unreadable(&unreadable),
        (Surface::Rest, Ok(asked)) => Box::pin(rest::answer(door, asked)).await,
        (Surface::Rest, Err(unreadable)) => rest::refused("", unreadable.status(), unreadable),
    }
}

impl Surface {
    /// A refusal that no route has to do with, in the envelope that clients of this listener, or of this path, know.
    fn refused(self, path: &str, status: StatusCode, problem: Problem) -> Answer {
        match self {
            Self::Common => router::refused(path, status, problem),
            Self::Registry => registry::refused(status, &problem.sentence()),
            Self::Rest => rest::refused(path, status, problem.sentence()),
        }
    }
}

fn crowded(spent: Spent) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, spent.to_string())
}

fn page() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "a web page may not change anything here")
        .why("the request has an Origin header that is not among the allowed ones, and there are no logins that could tell whose page it is")
        .fix("start the server with --set access.control.allow.origin=ORIGIN to let pages of that origin in")
}
