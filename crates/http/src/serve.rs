//! Sockets to requests: bounds in size and time, one task a connection on the node's own threads.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use milena_node::Node;
use tokio::net::{TcpListener, TcpStream};

use crate::router;

/// Time in which a request's head must have come. An idle kept-alive connection is dropped after the same time.
const HEAD: Duration = Duration::from_secs(30);
/// Largest head of a request, in bytes. Hyper answers 431 beyond it.
const HEAD_BYTES: usize = 64 * 1024;

/// What the composition root tells this door.
#[derive(Clone, Debug)]
pub struct DoorOptions {
    /// The version that `/admin/v1/status` names.
    pub version: &'static str,
    /// Where the data lies, for people.
    pub data: String,
}

/// The HTTP door of one node.
pub struct Door {
    pub(crate) node: Node,
    pub(crate) options: DoorOptions,
}

impl Door {
    pub fn new(node: Node, options: DoorOptions) -> Arc<Self> {
        Arc::new(Self { node, options })
    }
}

/// Accepts for ever; each connection lives on the node's least loaded runtime.
pub async fn listen(door: Arc<Door>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => deal(&door, stream, peer),
            Err(error) => {
                // Descriptors may have run out: accepting again at once would only spin.
                tracing::warn!(%error, "the HTTP door cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn deal(door: &Arc<Door>, stream: TcpStream, peer: SocketAddr) {
    let Ok(stream) = stream.into_std() else { return };
    let door = door.clone();
    door.node.clone().runtimes().spawn_on_least_loaded(move || async move {
        // Only a runtime's own thread may register the socket with it.
        let Ok(stream) = TcpStream::from_std(stream) else { return };
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let door = door.clone();
            async move { Ok::<_, Infallible>(router::answer(&door, request).await) }
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
