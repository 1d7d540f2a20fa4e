//! Watching a client: every step it takes, as it takes it.

use std::{fmt, net::SocketAddr, time::Duration};

use crate::{Endpoint, Error};

/// One step. `Display` gives a line for people.
pub enum Step<'a> {
    Resolving {
        host: &'a str,
    },
    Resolved {
        host: &'a str,
        addresses: &'a [SocketAddr],
        took: Duration,
    },
    Connecting {
        endpoint: &'a Endpoint,
        address: SocketAddr,
    },
    Connected {
        endpoint: &'a Endpoint,
        address: SocketAddr,
        local: Option<SocketAddr>,
        took: Duration,
    },
    ConnectFailed {
        endpoint: &'a Endpoint,
        address: SocketAddr,
        error: &'a Error,
        took: Duration,
    },
    /// TLS was agreed on.
    Secured {
        endpoint: &'a Endpoint,
        version: &'a str,
        cipher: &'a str,
        took: Duration,
    },
    /// A request goes out. `bytes` is the whole frame; `body` prints all its fields, unless they hold secrets.
    Request {
        endpoint: &'a Endpoint,
        name: &'static str,
        version: i16,
        correlation: i32,
        bytes: usize,
        body: &'a dyn fmt::Debug,
    },
    /// Its answer came, `took` after the request was queued.
    Response {
        endpoint: &'a Endpoint,
        name: &'static str,
        version: i16,
        correlation: i32,
        bytes: usize,
        took: Duration,
        body: &'a dyn fmt::Debug,
    },
    /// The connection is given up.
    Lost {
        endpoint: &'a Endpoint,
        error: &'a Error,
    },
    /// It is tried again after `wait`.
    Retrying {
        doing: &'a str,
        error: &'a Error,
        attempt: u32,
        wait: Duration,
    },
    /// A decision of the client, in words.
    Note(&'a str),
}

/// Sees every step of a client. Called on the path of the request, so it should be quick.
pub trait Trace: Send + Sync {
    fn step(&self, step: &Step<'_>);
}

impl<F: Fn(&Step<'_>) + Send + Sync> Trace for F {
    fn step(&self, step: &Step<'_>) {
        self(step);
    }
}

/// Requests and answers that hold passwords, keys or tokens, or settings that may: SaslAuthenticate, AlterConfigs,
/// DescribeConfigs, delegation tokens, IncrementalAlterConfigs, AlterUserScramCredentials.
const SECRET: [i16; 9] = [32, 33, 36, 38, 39, 40, 41, 44, 51];

/// What a trace may see of a body.
pub(crate) fn body_shown(key: i16, body: &dyn fmt::Debug) -> &dyn fmt::Debug {
    struct Withheld;
    impl fmt::Debug for Withheld {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("(withheld: it may hold secrets)")
        }
    }
    if SECRET.contains(&key) { &Withheld } else { body }
}

/// A frame name without `Request` or `Response`, as the protocol guide calls the API.
pub(crate) fn api_name(message: &'static str) -> &'static str {
    message.strip_suffix("Request").or_else(|| message.strip_suffix("Response")).unwrap_or(message)
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolving { host } => write!(f, "resolve {host}"),
            Self::Resolved { host, addresses, took } => {
                write!(f, "resolved {host} to {addresses:?} in {}", Brief(*took))
            }
            Self::Connecting { endpoint, address } => write!(f, "connect {endpoint} ({address})"),
            Self::Connected { endpoint, address, local, took } => {
                write!(f, "connected {endpoint} ({address}) in {}", Brief(*took))?;
                local.map_or(Ok(()), |local| write!(f, " from {local}"))
            }
            Self::Secured { endpoint, version, cipher, took } => {
                write!(f, "secured {endpoint} with {version}, {cipher} in {}", Brief(*took))
            }
            Self::ConnectFailed { error, took, .. } => write!(f, "failed after {}: {error}", Brief(*took)),
            Self::Request { endpoint, name, version, correlation, bytes, .. } => {
                write!(f, "> {name} v{version} #{correlation} to {endpoint}, {bytes} bytes")
            }
            Self::Response { endpoint, name, version, correlation, bytes, took, .. } => {
                write!(f, "< {name} v{version} #{correlation} from {endpoint}, {bytes} bytes after {}", Brief(*took))
            }
            Self::Lost { error, .. } => write!(f, "lost: {error}"),
            Self::Retrying { doing, error, attempt, wait } => {
                write!(f, "{doing}: again in {} (attempt {attempt} failed: {error})", Brief(*wait))
            }
            Self::Note(text) => f.write_str(text),
        }
    }
}

/// A duration to three digits.
struct Brief(Duration);
impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_micros() {
            us @ 0..1_000 => write!(f, "{us} µs"),
            us @ 1_000..1_000_000 => write!(f, "{:.1} ms", us as f64 / 1e3),
            us => write!(f, "{:.2} s", us as f64 / 1e6),
        }
    }
}
