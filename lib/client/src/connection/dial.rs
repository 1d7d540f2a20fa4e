//! From a name to a connected socket: resolve, then each address in turn, then TLS where it is asked for.

use std::{net::SocketAddr, time::Instant};

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Options, Secured, stream::Stream};
use crate::{ConnectFailure, Endpoint, Error, Result, Step, TlsFailure};

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

/// The handshake of TLS, if the options ask for it. The name that was dialled is the one that the certificate must be for.
pub(super) async fn secure(endpoint: &Endpoint, stream: TcpStream, options: &Options) -> Result<(Stream, Option<Secured>)> {
    let Some(tls) = &options.security.tls else { return Ok((Stream::Clear(stream), None)) };
    let failed = |failure| Error::Tls { endpoint: endpoint.clone(), failure };
    let name = ServerName::try_from(endpoint.host().to_string())
        .map_err(|_| failed(TlsFailure::Other(format!("{:?} is no name that a certificate can be for", endpoint.host()))))?;
    let began = Instant::now();
    let shaking = TlsConnector::from(tls.config()).connect(name, stream);
    let stream = match tokio::time::timeout(options.connect_timeout, shaking).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return Err(failed((&e).into())),
        Err(_elapsed) => return Err(failed(TlsFailure::TimedOut(options.connect_timeout))),
    };
    let secured = Secured::of(&stream);
    if let Some(trace) = &options.trace {
        trace.step(&Step::Secured { endpoint, version: &secured.version, cipher: &secured.cipher, took: began.elapsed() });
    }
    Ok((Stream::Tls(Box::new(stream)), Some(secured)))
}
