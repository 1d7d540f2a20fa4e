//! Whether clients can be told the address that somebody asked for: a name that has no address is refused at the start,
//! rather than by every client later.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    sync::mpsc,
    time::Duration,
};

use milena_kafka::{Advertise, HostPort, can_be_dialled};

use crate::failure::{Failure, Kind};

/// How long a resolver is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The address for everybody must be known here. One for a network may be known in that network only.
pub(super) fn check(advertise: &Advertise) -> Result<(), Failure> {
    let Advertise::Fixed(told) = advertise else { return Ok(()) };
    let (name, port) = (told.host.clone(), told.port);
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Ok(());
    }
    let (sender, answer) = mpsc::channel();
    // A resolver that hangs is left to itself.
    std::thread::spawn(move || sender.send((name.as_str(), port).to_socket_addrs().map(Vec::from_iter)));
    let why = match answer.recv_timeout(PATIENCE) {
        Ok(Ok(found)) => return any_can_be_dialled(told, &found),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no resolver answered within {PATIENCE:?}"),
    };
    Err(Failure::new(Kind::Usage, format!("--advertise {told} cannot work: {:?} cannot be resolved here", told.host))
        .why(why)
        .hint("a name that only some networks know is told to those:  --advertise 10.0.0.0/8=HOST:PORT")
        .fix("--advertise auto   or   --advertise HOST:PORT, as clients dial it"))
}

/// One address of a name that clients can reach is enough.
fn any_can_be_dialled(told: &HostPort, found: &[SocketAddr]) -> Result<(), Failure> {
    let mut why = "the name has no address".to_string();
    for address in found {
        match can_be_dialled(address.ip(), &address.ip().to_string()) {
            Ok(()) => return Ok(()),
            Err(bad) => why = bad.to_string(),
        }
    }
    Err(Failure::new(Kind::Usage, format!("--advertise {told} cannot work: {:?} leads nowhere", told.host))
        .why(why)
        .fix("--advertise auto   or   --advertise HOST:PORT, as clients dial it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_for_everybody_must_resolve() {
        for good in ["auto", "127.0.0.1:1", "[::1]:1", "localhost:1", "10.0.0.0/8=broker.invalid:1"] {
            assert!(check(&good.parse().unwrap()).is_ok(), "{good}");
        }
        let failure = check(&"broker.invalid:9092".parse().unwrap()).unwrap_err();
        assert!(failure.to_string().contains("\"broker.invalid\" cannot be resolved here"), "{failure}");
    }

    #[test]
    fn what_a_name_resolves_to_is_judged_as_well() {
        let told = HostPort { host: "name".into(), port: 9092 };
        let of = |found: &[&str]| {
            let found: Vec<SocketAddr> = found.iter().map(|address| address.parse().unwrap()).collect();
            any_can_be_dialled(&told, &found).map_err(|failure| failure.to_string())
        };
        assert_eq!(of(&["0.0.0.0:9092", "10.0.0.1:9092"]), Ok(()));
        assert!(of(&["0.0.0.0:9092"]).unwrap_err().contains("every address of this machine"));
        assert!(of(&["[::ffff:0.0.0.0]:9092", "224.0.0.1:9092"]).unwrap_err().contains("leads nowhere"));
        assert!(of(&[]).unwrap_err().contains("has no address"));
    }
}
