//! What goes out: a status, a type, and bytes at once or as they come; errors of the admin routes in one envelope. Knows
//! no route.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Response, StatusCode,
    body::{Body as HttpBody, Frame, SizeHint},
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::memory::{FLOOR, Loan, Memory, Spent};

pub(crate) type Answer = Response<Body>;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The body of an answer: whole, or written while it is read.
pub enum Body {
    Whole(Full<Bytes>),
    /// Whoever holds the sender waits until the peer has read: at most as much is in memory as the channel holds.
    Stream(mpsc::Receiver<Bytes>),
}

impl Body {
    /// The bytes, when they are there already.
    pub(crate) fn whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// Takes the bytes out, when they are there already.
    pub(crate) async fn take(&mut self) -> Option<Bytes> {
        let Self::Whole(full) = self else { return None };
        let Ok(collected) = full.collect().await;
        Some(collected.to_bytes())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(full) => Pin::new(full).poll_frame(cx),
            Self::Stream(receiver) => receiver.poll_recv(cx).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(full) => full.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(full) => full.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

pub(crate) fn bytes(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Body::Whole(Full::new(body.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// An answer whose pieces the sender gives, until it is dropped. A peer that goes away closes the sender.
pub(crate) fn stream(memory: &Arc<Memory>, status: StatusCode, content_type: HeaderValue) -> (Sender, Answer) {
    const PIECES: usize = 4;
    let (pieces, receiver) = mpsc::channel(PIECES);
    let mut answer = Response::new(Body::Stream(receiver));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    (Sender { pieces, memory: memory.clone() }, answer)
}

/// Gives the pieces of an answer.
pub(crate) struct Sender {
    pieces: mpsc::Sender<Bytes>,
    memory: Arc<Memory>,
}

/// Room for one more piece.
pub(crate) struct Place<'s>(mpsc::Permit<'s, Bytes>);

impl Place<'_> {
    /// The piece, and what it holds until it is taken.
    pub(crate) fn take(self, piece: Bytes, loan: Loan) {
        self.0.send(loan.lend(piece));
    }
}

/// Nobody is there any more who could read it.
#[derive(Debug)]
pub(crate) struct Gone;

impl Sender {
    /// Waits until there is place for one more piece, which holds its bytes until they are taken.
    pub(crate) async fn send(&self, piece: Bytes) -> Result<(), Gone> {
        self.pieces.send(self.memory.lend(piece)).await.map_err(|_| Gone)
    }

    /// The same without the piece, which may grow while there is no place.
    pub(crate) async fn place(&self) -> Result<Place<'_>, Gone> {
        self.pieces.reserve().await.map(Place).map_err(|_| Gone)
    }

    /// Returns when the peer has gone away.
    pub(crate) async fn closed(&self) {
        self.pieces.closed().await;
    }
}

/// Has a whole answer hold its bytes until they are taken. When there is no room for one that may be asked for again, it is
/// dropped.
pub(crate) async fn lend(
    memory: &Arc<Memory>,
    mut answer: Answer,
    may_be_dropped: impl FnOnce() -> bool,
) -> Result<Answer, Spent> {
    let size = usize::try_from(answer.body().size_hint().lower()).unwrap_or(usize::MAX);
    if size <= FLOOR {
        return Ok(answer);
    }
    let mut loan = memory.loan();
    if let Err(spent) = loan.hold(size)
        && may_be_dropped()
    {
        return Err(spent);
    }
    if let Some(bytes) = answer.body_mut().take().await {
        *answer.body_mut() = Body::Whole(loan.lend(bytes).into());
    }
    Ok(answer)
}

/// A status and nothing else.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::Whole(Full::default()));
    *answer.status_mut() = status;
    answer
}

pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> Answer {
    bytes(status, TEXT, body.into())
}

pub(crate) fn json(body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(mut bytes_of_it) => {
            bytes_of_it.push(b'\n');
            bytes(StatusCode::OK, JSON, bytes_of_it)
        }
        Err(error) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be written as JSON").why(error).into(),
    }
}

/// An error as every admin route words it: what failed, why, and what to do.
#[derive(Serialize)]
pub(crate) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    pub(crate) error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), why: None, fix: None }
    }
    pub(crate) fn why(mut self, why: impl ToString) -> Self {
        self.why = Some(why.to_string());
        self
    }
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// For envelopes that have one place for words.
    pub(crate) fn sentence(&self) -> String {
        [Some(&self.error), self.why.as_ref(), self.fix.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let status = problem.status;
        let mut answer = json(&problem);
        *answer.status_mut() = status;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}
