//! Who is at the other end of a connection.

use std::{cell::OnceCell, net::SocketAddr};

use milena_node::{Node, WriterId};

/// One connection's peer. Lives on the connection's own thread.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    writer: OnceCell<WriterId>,
}

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, writer: OnceCell::new() }
    }

    /// Under which number stored batches and positions name it. Asked for once a connection, not once a request.
    pub(crate) fn writer(&self, node: &Node) -> WriterId {
        *self.writer.get_or_init(|| node.writer("rest", self.address.ip().to_canonical(), "ANONYMOUS"))
    }
}
