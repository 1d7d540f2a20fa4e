//! An answer of HTTP/1 out of the bytes of a connection that was closed behind it.

use std::fmt;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It ends before it should.
    Short,
    NotHttp,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the answer was broken off",
            Self::NotHttp => "what answers there does not speak HTTP",
        })
    }
}

impl Answer {
    /// Reads it. Where neither a length nor chunks say where the body ends, it ends with the bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        let begins = bytes.iter().zip(b"HTTP/1.").all(|(is, expected)| is == expected);
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").ok_or(if begins { Flaw::Short } else { Flaw::NotHttp })?;
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| Flaw::NotHttp)?;
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok()).ok_or(Flaw::NotHttp)?;
        let rest = &bytes[end + 4..];
        let body = if header(head, "transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked")) {
            joined(rest)?
        } else {
            let length = header(head, "content-length").map(str::parse).transpose().map_err(|_| Flaw::NotHttp)?;
            rest.get(..length.unwrap_or(rest.len())).ok_or(Flaw::Short)?.to_vec()
        };
        Ok(Self { status, head: head.to_owned(), body })
    }

    /// The first header of this name, in any case of letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn split(bytes: &[u8]) -> Result<(u16, Vec<u8>), Flaw> {
        Answer::read(bytes).map(|answer| (answer.status, answer.body))
    }

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
