//! The least of an HTTP client: one request, one JSON answer, and the connection is closed.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, lookup_host},
    time::timeout,
};

use crate::{
    Error,
    answer::{Answer, Flaw},
};

/// Largest answer that is taken.
const LARGEST: u64 = 64 << 20;

/// Where a registry is, and how it is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    host: String,
    path: String,
    authorization: Option<String>,
    patience: Duration,
}

impl Door {
    /// `http://[user:password@]host[:port][/path]`.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let wrong = || Error::Address(url.to_owned());
        if url.starts_with("https://") {
            return Err(Error::Unsupported("TLS to a registry is not supported yet; http:// is".into()));
        }
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = place.rsplit_once('@').map_or((None, place), |(user, host)| (Some(user), host));
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '@' | '?' | '#' | '\\' | '"');
        if host.is_empty() || !host.chars().all(is_plain) || !path.chars().all(is_plain) {
            return Err(wrong());
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Ok(Self {
            host: if has_port { host.to_owned() } else { format!("{host}:8081") },
            path: path.trim_end_matches('/').to_owned(),
            authorization: user.map(|user| format!("Basic {}", BASE64_STANDARD.encode(user))),
            patience: Duration::from_secs(60),
        })
    }

    pub(crate) fn with_patience(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.host)
    }

    /// `path` begins with `/` and is encoded already.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let request = format!("{method} {path}");
        let unreachable = |absent, why: String| Error::Unreachable { address: self.address(), why, absent };
        let bytes = match timeout(self.patience, self.exchange(method, path, body)).await {
            Err(_) => return Err(unreachable(false, format!("no answer within {:?}", self.patience))),
            Ok(Err(Trouble::Absent(error))) => return Err(unreachable(true, error.to_string())),
            Ok(Err(Trouble::Broken(error))) => return Err(unreachable(false, error.to_string())),
            Ok(Ok(bytes)) => bytes,
        };
        let broken = |why: &str| Error::Answer { request: request.clone(), why: why.to_owned() };
        if bytes.len() as u64 >= LARGEST {
            return Err(broken(&format!("it has more than {LARGEST} bytes")));
        }
        let Answer { status, body, .. } = Answer::read(&bytes).map_err(|flaw| match flaw {
            Flaw::Short => unreachable(false, flaw.to_string()),
            Flaw::NotHttp => broken(&flaw.to_string()),
        })?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let code = answer["error_code"].as_i64().unwrap_or(i64::from(status));
        let message = answer["message"].as_str().unwrap_or("no reason is given").to_owned();
        Err(Error::Refused { request, status, code, message })
    }

    async fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Vec<u8>, Trouble> {
        let mut stream = self.connect().await?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let prefix = if self.path.is_empty() { String::new() } else { format!("/{}", self.path) };
        let authorization = self.authorization.as_ref().map(|a| format!("Authorization: {a}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {prefix}{path} HTTP/1.1\r\nHost: {}\r\n{authorization}\
             Accept: application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json\r\n\
             Content-Type: application/vnd.schemaregistry.v1+json\r\nConfluent-Accept-Unknown-Properties: true\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.host,
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.take(LARGEST).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn connect(&self) -> Result<TcpStream, Trouble> {
        let found: Vec<SocketAddr> = lookup_host(&self.host).await.map_err(Trouble::Absent)?.collect();
        TcpStream::connect(&found[..]).await.map_err(|error| match error.kind() {
            ErrorKind::ConnectionRefused => Trouble::Absent(error),
            _ => Trouble::Broken(error),
        })
    }
}

/// Why there is no answer.
enum Trouble {
    /// Nobody is there.
    Absent(std::io::Error),
    /// Whether somebody is there is not known, or it is, and the connection broke.
    Broken(std::io::Error),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error)
    }
}

/// One segment of a path, percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
