//! Sockets that are bound before the data are opened, and listen once they are: an address that is taken leaves the data
//! alone, and nobody is let in who would then wait for the recovery.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::{Address, Plan};
use crate::failure::{Failure, Kind};

/// Connections that wait to be accepted: everybody comes back at once after a restart, and whoever finds no place is
/// passed over by the system and asks again a second later. The system cuts this to its own limit (`somaxconn`).
const BACKLOG: i32 = 4096;

/// Sockets of one door.
pub(super) struct Bound {
    door: &'static str,
    sockets: Vec<(SocketAddr, Socket)>,
}

/// Listeners of all doors.
pub(super) struct Listeners {
    pub(super) kafka: Vec<StdListener>,
    pub(super) http: Option<Vec<StdListener>>,
    pub(super) registry: Option<Vec<StdListener>>,
    pub(super) rest: Option<Vec<StdListener>>,
}

/// The doors of a plan, none of which listens yet.
pub(super) struct Doors {
    kafka: Bound,
    http: Option<Bound>,
    registry: Option<Bound>,
    rest: Option<Bound>,
}

impl Doors {
    pub(super) fn bind(plan: &Plan) -> Result<Self, Failure> {
        Ok(Self {
            kafka: Bound::at(&plan.kafka, "kafka")?,
            http: plan.http.as_ref().map(|address| Bound::at(address, "http")).transpose()?,
            registry: plan.registry.bind("registry")?,
            rest: plan.rest.bind("rest")?,
        })
    }

    pub(super) fn listen(self) -> Result<Listeners, Failure> {
        Ok(Listeners {
            kafka: self.kafka.listen()?,
            http: self.http.map(Bound::listen).transpose()?,
            registry: self.registry.map(Bound::listen).transpose()?,
            rest: self.rest.map(Bound::listen).transpose()?,
        })
    }
}

impl Bound {
    pub(super) fn at(address: &Address, door: &'static str) -> Result<Self, Failure> {
        let tried = match address {
            Address::One(address) => vec![(*address, socket(*address))],
            Address::Loopback(port) => loopback(*port, socket),
        };
        let or_failure = |(address, bound): (SocketAddr, io::Result<Socket>)| match bound {
            Ok(socket) => Ok((address, socket)),
            Err(error) => Err(cannot_listen(address, door, &error)),
        };
        Ok(Self { door, sockets: tried.into_iter().map(or_failure).collect::<Result<_, _>>()? })
    }

    fn listen(self) -> Result<Vec<StdListener>, Failure> {
        let door = self.door;
        let listen = |(address, socket): (SocketAddr, Socket)| {
            socket.listen(BACKLOG).and_then(|()| socket.set_nonblocking(true)).map_err(|e| cannot_listen(address, door, &e))?;
            Ok(socket.into())
        };
        self.sockets.into_iter().map(listen).collect()
    }
}

/// Both families of this machine's own name, by `bind`. A machine without IPv6 is served on IPv4 alone; a port that another program has on
/// IPv6 is taken, because `localhost` would lead some clients to that program.
pub(super) fn loopback<T>(port: u16, bind: impl Fn(SocketAddr) -> io::Result<T>) -> Vec<(SocketAddr, io::Result<T>)> {
    let both: [SocketAddr; 2] = [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
    let tried = both.into_iter().map(|address| (address, bind(address)));
    tried.filter(|(address, bound)| !(address.is_ipv6() && bound.as_ref().is_err_and(is_no_ipv6))).collect()
}

/// Whether a machine says by this that it has no IPv6, or no `::1`.
fn is_no_ipv6(error: &io::Error) -> bool {
    let no_family = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(no_family)
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Else connections of the last run that still linger keep the port for a minute.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

pub(super) fn cannot_listen(address: SocketAddr, door: &str, error: &io::Error) -> Failure {
    let what = format!("cannot listen on {address} for {door}");
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(Kind::Exists, what).why(error).fix(format!(
            "stop what listens there, or choose another: milena serve --{door} {}",
            SocketAddr::new(address.ip(), 0)
        )),
        _ => Failure::new(Kind::Failed, what).why(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_machine_without_ipv6_is_served_on_ipv4_alone() {
        let with = |answer: fn() -> io::Error| {
            let bind = |address: SocketAddr| if address.is_ipv6() { Err(answer()) } else { Ok(()) };
            loopback(9092, bind).into_iter().map(|(_, bound)| bound.is_ok()).collect::<Vec<_>>()
        };
        assert_eq!(with(|| io::ErrorKind::AddrNotAvailable.into()), [true]);
        assert_eq!(with(|| io::Error::from_raw_os_error(rustix::io::Errno::AFNOSUPPORT.raw_os_error())), [true]);
        assert_eq!(with(|| io::ErrorKind::AddrInUse.into()), [true, false]);
        assert_eq!(with(|| io::ErrorKind::PermissionDenied.into()), [true, false]);
    }

    #[test]
    fn a_port_that_another_has_on_ipv6_is_taken() {
        // A machine without IPv6 has nothing to show here.
        let Ok(other) = StdListener::bind((Ipv6Addr::LOCALHOST, 0)) else { return };
        let port = other.local_addr().unwrap().port();
        let Err(failure) = Bound::at(&Address::Loopback(port), "kafka") else { panic!("[::1]:{port} was passed over") };
        assert_eq!(failure.kind(), Kind::Exists);
        let talk = failure.to_string();
        assert!(talk.contains(&format!("cannot listen on [::1]:{port} for kafka")) && talk.contains("--kafka [::1]:0"), "{talk}");
    }
}
