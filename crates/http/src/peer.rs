//! Who is at the other end of a connection.

use std::{cell::OnceCell, net::SocketAddr, sync::Arc};

use milena_node::{Node, WriterId};

use crate::memory::Memory;

/// One connection's peer. Lives on the connection's own thread.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Where it found this door, if that is known.
    local: Option<SocketAddr>,
    /// From which its bodies are lent what they take.
    pub(crate) memory: Arc<Memory>,
    writer: OnceCell<WriterId>,
}

impl Peer {
    pub(crate) fn new(address: SocketAddr, memory: Arc<Memory>) -> Self {
        Self { address, local: None, memory, writer: OnceCell::new() }
    }

    pub(crate) fn at(self, local: Option<SocketAddr>) -> Self {
        Self { local, ..self }
    }

    /// This door's own address, for whoever does not say by which name he asks for it, as HTTP/1.0 allows.
    pub(crate) fn door(&self) -> String {
        self.local.map(|local| local.to_string()).unwrap_or_default()
    }

    /// Under which number stored batches and positions name it. Asked for once a connection, not once a request.
    pub(crate) fn writer(&self, node: &Node) -> WriterId {
        *self.writer.get_or_init(|| node.writer("rest", self.address.ip().to_canonical(), "ANONYMOUS"))
    }
}
