//! HTTP in front of a broker that may be down: requests go to the broker's own door while there is one, and those of the
//! control API to the kit. Knows connections and who answers; knows no route of the broker.

use std::{
    fmt,
    net::{SocketAddr, TcpListener as StdListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use milena_http::Surface;
use milena_node::Entrance;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::{
    control,
    kit::{Inner, Trouble},
    record::What,
};

/// Time in which a request's head must have come.
const HEAD: Duration = Duration::from_secs(30);
/// Largest head of a request, in bytes.
const HEAD_BYTES: usize = 64 << 10;

pub(crate) type Answer = Response<Either<milena_http::Body, Full<Bytes>>>;
pub(crate) type Doors<T> = Vec<(Surface, T)>;

/// Listens at all addresses. They stay open over all lives of the broker.
pub(crate) fn bind(wanted: &[(Surface, Vec<SocketAddr>)]) -> Result<(Doors<Vec<SocketAddr>>, Doors<StdListener>), Trouble> {
    let (mut addresses, mut listeners) = (Vec::new(), Vec::new());
    for (surface, at) in wanted {
        let mut bound = Vec::new();
        for address in at {
            let failed = |source| Trouble::Port { door: name(*surface), address: *address, source };
            let listener = StdListener::bind(address).map_err(failed)?;
            listener.set_nonblocking(true).map_err(failed)?;
            bound.push(listener.local_addr().map_err(failed)?);
            listeners.push((*surface, listener));
        }
        addresses.push((*surface, bound));
    }
    Ok((addresses, listeners))
}

fn name(surface: Surface) -> &'static str {
    match surface {
        Surface::Common => "http",
        Surface::Registry => "registry",
        Surface::Rest => "rest",
    }
}

/// Takes connections from here on. Called on the kit's runtime.
pub(crate) fn serve(kit: &Arc<Inner>, listeners: Doors<StdListener>) {
    for (surface, listener) in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => drop(tokio::spawn(listen(kit.clone(), listener, surface))),
            Err(error) => tracing::error!(%error, "the test kit cannot listen"),
        }
    }
}

async fn listen(kit: Arc<Inner>, listener: TcpListener, surface: Surface) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(place) = kit.setup.sockets.enter(Entrance::Http) else {
                    milena_http::send_away(&stream);
                    continue;
                };
                let kit = kit.clone();
                tokio::spawn(async move {
                    connection(kit, stream, peer, surface).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the test kit cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// One connection, until its client leaves or the broker dies. Whoever has used the control API here stays: they are the ones
/// who let it die.
async fn connection(kit: Arc<Inner>, stream: TcpStream, peer: SocketAddr, surface: Surface) {
    let _ = stream.set_nodelay(true);
    let controls = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| answer(&kit, request, peer, surface, &controls));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    loop {
        let ended = kit.ended.notified();
        tokio::select! {
            _ = connection.as_mut() => return,
            () = ended => if !controls.load(Ordering::Relaxed) {
                return;
            },
        }
    }
}

/// Nobody is there who could answer: the connection closes, as that of a dead process.
#[derive(Debug)]
struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the broker is down")
    }
}

impl std::error::Error for Gone {}

async fn answer(
    kit: &Arc<Inner>,
    request: Request<Incoming>,
    peer: SocketAddr,
    surface: Surface,
    controls: &AtomicBool,
) -> Result<Answer, Gone> {
    if surface == Surface::Common && kit.token.is_some() && control::serves(request.uri().path()) {
        controls.store(true, Ordering::Relaxed);
        return Ok(control::answer(kit, request, peer).await.map(Either::Right));
    }
    let (method, path) = (request.method().to_string(), request.uri().path().to_string());
    let answered = ask(kit, request, peer, surface).await;
    let status = answered.as_ref().ok().map(|answer| answer.status().as_u16());
    kit.recorder.note(What::Http { peer, method, path, status });
    answered
}

/// Lets the broker's own door answer, on one of its threads.
async fn ask(kit: &Arc<Inner>, request: Request<Incoming>, peer: SocketAddr, surface: Surface) -> Result<Answer, Gone> {
    let live = kit.live().ok_or(Gone)?;
    let (mut tell, told) = oneshot::channel();
    let door = live.http.clone();
    live.node.runtimes().spawn_on_least_loaded(move || async move {
        tokio::select! {
            // A client that left shall not be given a message that it waited for.
            () = tell.closed() => {}
            answer = milena_http::respond(&door, request, peer, surface) => drop(tell.send(answer)),
        }
    });
    let answer = told.await.map_err(|_| Gone)?;
    if live.life.is_over() { Err(Gone) } else { Ok(answer.map(Either::Left)) }
}
