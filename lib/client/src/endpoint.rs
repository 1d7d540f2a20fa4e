//! Where a broker is: a host and a port, as people write them.

use std::{fmt, str::FromStr, sync::Arc};

/// The port that is meant when none is given.
const DEFAULT_PORT: u16 = 9092;

/// A host (name or address) and a port. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    host: Arc<str>,
    port: u16,
}

/// Why a text is no endpoint.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text:?} is not HOST or HOST:PORT: {why}")]
pub struct BadEndpoint {
    pub text: String,
    pub why: &'static str,
}

impl Endpoint {
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.into(), port }
    }
    pub fn host(&self) -> &str {
        &self.host
    }
    pub fn port(&self) -> u16 {
        self.port
    }
    /// Reads `a:1,b:2`, as `bootstrap.servers` has it.
    pub fn list(text: &str) -> Result<Vec<Self>, BadEndpoint> {
        text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::parse).collect()
    }
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;
    /// Takes `host`, `host:port`, `[::1]:port` and `::1`; a scheme such as `kafka://` or `PLAINTEXT://` is left out.
    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let bad = |why| BadEndpoint { text: text.into(), why };
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (host, port) = if let Some(inside) = rest.strip_prefix('[') {
            let (host, tail) = inside.split_once(']').ok_or(bad("the bracket is not closed"))?;
            (host, tail.strip_prefix(':'))
        } else {
            match rest.split_once(':') {
                // Two colons or more: an IPv6 address without a port.
                Some((_, tail)) if tail.contains(':') => (rest, None),
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            }
        };
        if host.is_empty() {
            return Err(bad("the host is empty"));
        }
        if host.contains(|c: char| c.is_whitespace() || c == '/') {
            return Err(bad("a host has no spaces or slashes"));
        }
        let port = match port {
            Some(port) => port.parse().map_err(|_| bad("the port is not a number from 0 to 65535"))?,
            None => DEFAULT_PORT,
        };
        Ok(Self::new(host, port))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_people_write_them() {
        for (text, host, port) in [
            ("broker", "broker", 9092),
            ("broker:1", "broker", 1),
            ("[::1]:19092", "::1", 19092),
            ("::1", "::1", 9092),
            ("PLAINTEXT://10.0.0.1:29092", "10.0.0.1", 29092),
        ] {
            assert_eq!(text.parse(), Ok(Endpoint::new(host, port)), "{text}");
        }
        for text in ["", ":9092", "a b:1", "a:", "a:70000", "[::1:9", "http://a/b"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
        assert_eq!(Endpoint::list("a, b:1,").unwrap().len(), 2);
        assert_eq!(Endpoint::new("::1", 9).to_string(), "[::1]:9");
    }
}
