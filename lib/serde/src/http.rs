//! The least of an HTTP client: one request, one JSON answer, and the connection is closed.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, lookup_host},
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
        let (status, body) = split(&bytes).map_err(|flaw| match flaw {
            Flaw::Short => unreachable(false, "the answer was broken off".into()),
            Flaw::NotHttp => broken("it is no HTTP"),
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

/// What is wrong with an answer.
#[derive(Debug, PartialEq, Eq)]
enum Flaw {
    /// It ends before it should.
    Short,
    NotHttp,
}

/// Status and body.
fn split(bytes: &[u8]) -> Result<(u16, Vec<u8>), Flaw> {
    let begins = bytes.iter().zip(b"HTTP/1.").all(|(is, expected)| is == expected);
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").ok_or(if begins { Flaw::Short } else { Flaw::NotHttp })?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| Flaw::NotHttp)?;
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok()).ok_or(Flaw::NotHttp)?;
    let body = &bytes[end + 4..];
    if header(head, "transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked")) {
        return Ok((status, joined(body)?));
    }
    let body = match header(head, "content-length") {
        Some(length) => body.get(..length.parse().map_err(|_| Flaw::NotHttp)?).ok_or(Flaw::Short)?,
        // It ends where the connection does.
        None => body,
    };
    Ok((status, body.to_vec()))
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(said, _)| said.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// A body that came in chunks.
fn joined(mut rest: &[u8]) -> Result<Vec<u8>, Flaw> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n").ok_or(Flaw::Short)?;
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|line| line.split(';').next());
        let size = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok()).ok_or(Flaw::NotHttp)?;
        if size == 0 {
            return Ok(body);
        }
        rest = &rest[end + 2..];
        body.extend_from_slice(rest.get(..size).ok_or(Flaw::Short)?);
        // The end of line behind it.
        rest = rest.get(size..).and_then(|rest| rest.get(2..)).ok_or(Flaw::Short)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_was_cut_short_is_told_from_one_that_is_no_http() {
        let told = b"HTTP/1.1 200 OK\r\nContent-length: 4\r\n\r\nnull";
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nnu\r\n2\r\nll\r\n0\r\n\r\n";
        for whole in [&told[..], chunked] {
            assert_eq!(split(whole), Ok((200, b"null".to_vec())));
        }
        for end in 0..told.len() {
            assert_eq!(split(&told[..end]), Err(Flaw::Short), "{end}");
        }
        // What ends behind the last chunk lacks nothing of the body.
        for end in 0..chunked.len() - 2 {
            assert_eq!(split(&chunked[..end]), Err(Flaw::Short), "{end}");
        }
        let untold = b"HTTP/1.0 404 No\r\n\r\nnull";
        assert_eq!(split(untold), Ok((404, b"null".to_vec())), "it ends where the connection does");
        let wrong = b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nnull";
        let huge = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nnull";
        assert_eq!(split(huge), Err(Flaw::Short));
        for other in [&b"SSH-2.0-x\r\n"[..], wrong, b"HTTP/1.1 two\r\n\r\n"] {
            assert_eq!(split(other), Err(Flaw::NotHttp));
        }
    }
}
