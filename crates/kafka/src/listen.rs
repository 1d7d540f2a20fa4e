//! Takes connections and deals them to the node's runtimes. Knows sockets; knows no byte that goes through them.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    peer::Door,
    serve::{Ends, serve_connection},
};

/// How long to leave the queue of new connections alone when the process has no descriptor for one.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Accepts for ever. Each connection is served on the runtime that has the least to do.
pub async fn listen(door: Arc<Door>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if let Err(error) = deal(&door, stream, remote) {
                    tracing::debug!(%remote, %error, "connection lost before it was served");
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                door.note_accept_failure(&error);
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
}

fn deal(door: &Arc<Door>, stream: TcpStream, remote: SocketAddr) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_keepalive(&keepalive())?;
    let ends = Ends { remote, local: stream.local_addr()? };
    let stream = stream.into_std()?;
    let served = door.clone();
    door.node().runtimes().spawn_on_least_loaded(move || async move {
        match TcpStream::from_std(stream) {
            Ok(stream) => serve_connection(stream, ends, served).await,
            Err(error) => tracing::warn!(%error, "a connection cannot be served"),
        }
    });
    Ok(())
}

/// A peer that vanished without a word is noticed in about two minutes, also while it is waited for.
fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)).with_retries(4)
}

/// The peer gave up before it was accepted; the next one may be fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
