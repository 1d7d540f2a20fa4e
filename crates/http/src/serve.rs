//! Sockets to requests: bounds in size and time, one task a connection on the node's own threads.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{Request, StatusCode, body::Incoming, header::ORIGIN, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use milena_node::Node;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{
    answer::{Answer, Problem},
    router,
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
    /// Connections at a time. Beyond it new ones wait in the system's queue, so that this door never takes the descriptors of
    /// the other, or of the store.
    pub connections: usize,
}

/// The HTTP door of one node.
pub struct Door {
    pub(crate) node: Node,
    pub(crate) options: DoorOptions,
    places: Arc<Semaphore>,
}

impl Door {
    pub fn new(node: Node, options: DoorOptions) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(options.connections));
        Arc::new(Self { node, options, places })
    }
}

/// Accepts for ever; each connection lives on the node's least loaded runtime.
pub async fn listen(door: Arc<Door>, listener: TcpListener) {
    loop {
        let Ok(place) = door.places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => deal(&door, stream, peer, place),
            Err(error) => {
                // Descriptors may have run out: accepting again at once would only spin.
                tracing::warn!(%error, "the HTTP door cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn deal(door: &Arc<Door>, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
    let Ok(stream) = stream.into_std() else { return };
    let door = door.clone();
    door.node.clone().runtimes().spawn_on_least_loaded(move || async move {
        let _place = place;
        // Only a runtime's own thread may register the socket with it.
        let Ok(stream) = TcpStream::from_std(stream) else { return };
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request: Request<Incoming>| {
            let door = door.clone();
            async move { Ok::<_, Infallible>(answer(&door, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = connection.await {
            tracing::debug!(%peer, %error, "an HTTP connection ended");
        }
    });
}

async fn answer(door: &Arc<Door>, request: Request<Incoming>) -> Answer {
    if is_of_a_page(&request) {
        return Problem::new(StatusCode::FORBIDDEN, "a web page may not change anything here")
            .why("the request has an Origin header, and there are no logins that could tell whose page it is")
            .into();
    }
    match tokio::time::timeout(REQUEST, router::answer(door, request)).await {
        Ok(answer) => answer,
        Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT, "the request was not complete in time").into(),
    }
}

/// Browsers say where a request comes from whenever it may change something, also when a name was bound to this
/// machine's address to make the page look like ours. Nothing that we ship is a page.
fn is_of_a_page<B>(request: &Request<B>) -> bool {
    !request.method().is_safe() && request.headers().contains_key(ORIGIN)
}

#[cfg(test)]
mod tests {
    use hyper::{Method, Request, header::ORIGIN};

    use super::is_of_a_page;

    #[test]
    fn a_page_may_look_and_not_touch() {
        let request = |method: Method, origin: Option<&str>| {
            let builder = origin.into_iter().fold(Request::builder().method(method), |b, o| b.header(ORIGIN, o));
            builder.body(()).expect("a request")
        };
        assert!(is_of_a_page(&request(Method::DELETE, Some("http://localhost:8080"))));
        assert!(is_of_a_page(&request(Method::POST, Some("null"))));
        assert!(!is_of_a_page(&request(Method::GET, Some("http://elsewhere"))));
        assert!(!is_of_a_page(&request(Method::DELETE, None)));
    }
}
