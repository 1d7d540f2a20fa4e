//! Whether clients can be told the address that somebody asked for: a name that has no address is refused at the start,
//! rather than by every client later.

use std::{net::ToSocketAddrs, sync::mpsc, time::Duration};

use milena_kafka::Advertise;

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
    std::thread::spawn(move || sender.send((name.as_str(), port).to_socket_addrs().map(|mut found| found.next().is_some())));
    let why = match answer.recv_timeout(PATIENCE) {
        Ok(Ok(true)) => return Ok(()),
        Ok(Ok(false)) => "the name has no address".to_string(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no resolver answered within {PATIENCE:?}"),
    };
    Err(Failure::new(Kind::Usage, format!("--advertise {told} cannot work: {:?} cannot be resolved here", told.host))
        .why(why)
        .hint("a name that only some networks know is told to those:  --advertise 10.0.0.0/8=HOST:PORT")
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
}
