//! A request as routes see it: the path cut and decoded, the query, the headers, and a body that is read within bounds.

use std::{borrow::Cow, rc::Rc};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use hyper::{
    HeaderMap, Method, Request,
    body::Incoming,
    header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HOST, HeaderName},
};
use percent_encoding::percent_decode_str;

use crate::{
    coming::Coming,
    memory::{Loan, Spent},
    peer::Peer,
};

/// Bytes that are unpacked between two looks at how much there is.
const PIECE: u64 = 64 << 10;

/// One request, its body not read yet.
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// The path as it came, for words to people.
    pub(crate) path: String,
    /// Segments of the path, percent-decoded: a subject may have a slash in its name.
    pub(crate) segments: Vec<String>,
    pub(crate) headers: HeaderMap,
    /// Who asks.
    pub(crate) peer: Rc<Peer>,
    query: Vec<(String, String)>,
    body: Incoming,
}

/// Why a request cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the path {0:?} is not percent-encoded UTF-8")]
    Path(String),
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    #[error("the body's encoding {0:?} is not known here: send it plain or as gzip")]
    Encoding(String),
    #[error("the body is not the gzip it says it is: {0}")]
    Gzip(std::io::Error),
    #[error("the body did not arrive whole: {0}")]
    Broken(Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Spent(#[from] Spent),
    #[error("nothing came of the body for a while, and others needed the memory that it held (queued.max.request.bytes)")]
    Still,
}

impl Asked {
    pub(crate) fn of(request: Request<Incoming>, peer: Rc<Peer>) -> Result<Self, Unreadable> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_string();
        let segments = segments(&path).ok_or_else(|| Unreadable::Path(path.clone()))?;
        let query = head.uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        Ok(Self { method: head.method, path, segments, headers: head.headers, peer, query, body })
    }

    /// `GET`, or `HEAD`, which is the same without a body.
    pub(crate) fn looks(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// The first value of a parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every parameter, in order.
    pub(crate) fn all_queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// A header, when it is text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// By which name this door was asked for.
    pub(crate) fn host(&self) -> String {
        self.header(&HOST).map_or_else(|| self.peer.door(), str::to_owned)
    }

    /// What the body says it is, in small letters and without parameters; empty when it does not say.
    pub(crate) fn media_type(&self) -> String {
        let said = self.header(&CONTENT_TYPE).unwrap_or_default();
        said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The path's segments, to be matched.
    pub(crate) fn route(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The body: for routes that read one while it comes.
    pub(crate) fn take_body(self) -> Coming {
        Coming::new(self.body, self.peer)
    }

    /// The whole body, unpacked, of at most `most` bytes before and after. It holds its memory until it is dropped.
    pub(crate) async fn whole(self, most: usize) -> Result<Bytes, Unreadable> {
        let encoding = self.header(&CONTENT_ENCODING).map(str::to_ascii_lowercase);
        let (asks_first, peer) = (self.headers.contains_key(EXPECT), self.peer.clone());
        let (sent, loan) = self.take_body().whole(most, asks_first).await?;
        match encoding.as_deref() {
            None | Some("" | "identity") => Ok(match loan {
                Some(loan) => loan.lend(sent),
                None => sent,
            }),
            Some("gzip" | "x-gzip") => unpack(sent, most, loan.unwrap_or_else(|| peer.memory.loan())),
            Some(other) => Err(Unreadable::Encoding(other.into())),
        }
    }
}

/// Segments between slashes, decoded. A last slash says nothing. `None` when a segment is no UTF-8 or breaks off in an escape.
pub(crate) fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(|segment| decoded(segment).map(Cow::into_owned)).collect()
}

fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    let bytes = segment.as_bytes();
    let whole = |at: usize| matches!(bytes.get(at + 1..at + 3), Some([a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    let sound = (0..bytes.len()).filter(|&at| bytes[at] == b'%').all(whole);
    if sound { percent_decode_str(segment).decode_utf8().ok() } else { None }
}

/// While it is unpacked, both are held.
fn unpack(packed: Bytes, most: usize, mut loan: Loan) -> Result<Bytes, Unreadable> {
    use std::io::Read;
    let (mut plain, mut decoder) = (Vec::new(), MultiGzDecoder::new(&packed[..]));
    while decoder.by_ref().take(PIECE).read_to_end(&mut plain).map_err(Unreadable::Gzip)? > 0 {
        if plain.len() > most {
            return Err(Unreadable::TooLarge(most));
        }
        loan.hold(packed.len() + plain.len())?;
    }
    drop(packed);
    Ok(loan.lend(plain.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_cut_before_they_are_decoded() {
        assert_eq!(segments("/subjects/a%2Fb/versions/").expect("sound"), ["subjects", "a/b", "versions"]);
        assert_eq!(segments("/").expect("sound"), [""]);
        assert_eq!(segments("/a//b").expect("sound"), ["a", "", "b"]);
    }

    #[test]
    fn broken_escapes_are_refused() {
        for path in ["/a%", "/a%2", "/a%zz", "/%ff", "/%e2%82"] {
            assert!(segments(path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_bound() {
        use std::io::Write;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&vec![0; 1 << 20]).expect("memory");
        let bomb = packer.finish().expect("memory");
        let memory = crate::memory::tests::memory(100_000);
        let unpack = |packed: &[u8], most| unpack(Bytes::copy_from_slice(packed), most, memory.loan());
        assert!(matches!(unpack(&bomb, 1000), Err(Unreadable::TooLarge(1000))));
        let held = unpack(&bomb, 1 << 20).expect("it fits, since nobody else holds anything");
        assert_eq!(held.len(), 1 << 20);
        assert!(matches!(unpack(&bomb, 1 << 20), Err(Unreadable::Spent(_))));
        assert!(matches!(unpack(b"plain", 1000), Err(Unreadable::Gzip(_))));
    }
}
