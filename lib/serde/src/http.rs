//! The least of an HTTP client: one request, one JSON answer, and the connection is closed.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::Error;

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
        let unreachable = |why: String| Error::Unreachable { address: self.address(), why };
        let bytes = match timeout(self.patience, self.exchange(method, path, body)).await {
            Err(_) => return Err(unreachable(format!("no answer within {:?}", self.patience))),
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Ok(Ok(bytes)) => bytes,
        };
        let broken = |why: &str| Error::Answer { request: request.clone(), why: why.to_owned() };
        let (status, body) = split(&bytes).ok_or_else(|| broken("it is no HTTP"))?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let code = answer["error_code"].as_i64().unwrap_or(i64::from(status));
        let message = answer["message"].as_str().unwrap_or("no reason is given").to_owned();
        Err(Error::Refused { request, status, code, message })
    }

    async fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.host).await?;
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
}

/// Status and body.
fn split(bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let body = &bytes[end + 4..];
    let chunked = head.lines().any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("transfer-encoding:") && line.contains("chunked")
    });
    Some((status, if chunked { joined(body)? } else { body.to_vec() }))
}

/// A body that came in chunks.
fn joined(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let chunk = rest.get(end + 2..)?.get(..size)?;
        body.extend_from_slice(chunk);
        rest = rest.get(end + 2 + size + 2..)?;
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
