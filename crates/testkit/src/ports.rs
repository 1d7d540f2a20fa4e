//! A port that stays ours while nobody listens on it: a killed broker refuses connections, and comes back at the same
//! address. Knows sockets, and nothing of what is said through them.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

/// How long a port that is held may be in somebody's way, and when to look again.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);
/// How many may wait to be accepted.
const BACKLOG: i32 = 1024;

/// An address that is held.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    /// Bound and never listening: the kernel gives the port to nobody who asks for any free one, and lets a socket that also
    /// says `SO_REUSEADDR` listen beside it.
    _held: Socket,
}

impl Port {
    /// Holds an address; port 0 takes a free one. Fails when somebody listens there.
    pub(crate) fn hold(address: SocketAddr) -> io::Result<Self> {
        let held = socket(address)?;
        let address = held.local_addr()?.as_socket().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { address, _held: held })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens, until the listener is dropped. Whoever asks the kernel for a free port holds each that it tries for a moment,
    /// and a listener that was dropped is closed a moment later: both are waited for.
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.listen_now() {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => thread::sleep(PAUSE),
                other => return other,
            }
        }
    }

    fn listen_now(&self) -> io::Result<TcpListener> {
        let socket = socket(self.address)?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // As the standard library does not: `::` then means IPv6 alone, and both families can be held side by side.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    fn reach(address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&address, Duration::from_secs(5))
    }

    #[test]
    fn a_held_port_refuses_and_listens_again_at_the_same_address() {
        let port = Port::hold((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        for _ in 0..3 {
            assert_eq!(reach(port.address()).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
            let listener = port.listen().unwrap();
            reach(port.address()).expect("somebody listens");
            drop(listener);
        }
    }

    #[test]
    fn a_port_where_somebody_listens_cannot_be_held() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let error = Port::hold(taken.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
