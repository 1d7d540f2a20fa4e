//! From a name to a connected socket: resolve, then each address in turn.

use std::{net::SocketAddr, time::Instant};

use tokio::net::TcpStream;

use super::Options;
use crate::{ConnectFailure, Endpoint, Error, Result, Step};

pub(super) async fn dial(endpoint: &Endpoint, options: &Options) -> Result<TcpStream> {
    let addresses = resolve(endpoint, options).await?;
    let mut last = Error::Connect { endpoint: endpoint.clone(), failure: ConnectFailure::NoAddress };
    for address in addresses {
        match connect(endpoint, address, options).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn resolve(endpoint: &Endpoint, options: &Options) -> Result<Vec<SocketAddr>> {
    let host = endpoint.host();
    // An address needs no resolver, and no thread for one.
    if let Ok(ip) = host.parse() {
        return Ok(vec![SocketAddr::new(ip, endpoint.port())]);
    }
    let trace = |step: Step<'_>| options.trace.iter().for_each(|t| t.step(&step));
    trace(Step::Resolving { host });
    let began = Instant::now();
    let unknown = |detail: String| Error::UnknownHost { host: host.into(), detail };
    let found = match tokio::time::timeout(options.connect_timeout, tokio::net::lookup_host((host, endpoint.port()))).await {
        Ok(found) => found.map_err(|e| unknown(e.to_string()))?,
        Err(_elapsed) => return Err(unknown(format!("no answer within {:?}", options.connect_timeout))),
    };
    let mut addresses: Vec<SocketAddr> = found.collect();
    addresses.dedup();
    trace(Step::Resolved { host, addresses: &addresses, took: began.elapsed() });
    Ok(addresses)
}

async fn connect(endpoint: &Endpoint, address: SocketAddr, options: &Options) -> Result<TcpStream> {
    let trace = |step: Step<'_>| options.trace.iter().for_each(|t| t.step(&step));
    trace(Step::Connecting { endpoint, address });
    let began = Instant::now();
    let failure = match tokio::time::timeout(options.connect_timeout, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => {
            trace(Step::Connected { endpoint, address, local: stream.local_addr().ok(), took: began.elapsed() });
            return Ok(stream);
        }
        Ok(Err(e)) => (&e).into(),
        Err(_elapsed) => ConnectFailure::TimedOut(options.connect_timeout),
    };
    let error = Error::Connect { endpoint: endpoint.clone(), failure };
    trace(Step::ConnectFailed { endpoint, address, error: &error, took: began.elapsed() });
    Err(error)
}
