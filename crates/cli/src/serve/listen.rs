//! Sockets that are bound before the data are opened, and listen once they are: an address that is taken leaves the data
//! alone, and nobody is let in who would then wait for the recovery.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};

use socket2::{Domain, Protocol, Socket, Type};

use super::{Address, Plan};
use crate::failure::{Failure, Kind};

/// Connections that wait to be accepted, as the standard library has it.
const BACKLOG: i32 = 128;

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
        let one = |address: SocketAddr| socket(address).map(|socket| (address, socket));
        let or_failure = |address: SocketAddr| one(address).map_err(|error| cannot_listen(address, door, &error));
        let sockets = match address {
            Address::One(address) => vec![or_failure(*address)?],
            Address::Loopback(port) => {
                let v4 = or_failure((Ipv4Addr::LOCALHOST, *port).into())?;
                // A machine without IPv6 is served on IPv4 alone.
                let v6 = one((Ipv6Addr::LOCALHOST, *port).into()).ok();
                std::iter::once(v4).chain(v6).collect()
            }
        };
        Ok(Self { door, sockets })
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

fn socket(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Else connections of the last run that still linger keep the port for a minute.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

pub(super) fn cannot_listen(address: SocketAddr, door: &str, error: &std::io::Error) -> Failure {
    let what = format!("cannot listen on {address} for {door}");
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::new(Kind::Exists, what)
            .why(error)
            .fix(format!("stop what listens there, or choose another: milena serve --{door} {}:0", address.ip())),
        _ => Failure::new(Kind::Failed, what).why(error),
    }
}
