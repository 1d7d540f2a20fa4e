//! The body of a request while it comes: read piece by piece, or whole within a bound, and what is held of it counted.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::{
    asked::Unreadable,
    memory::{FLOOR, Loan, Memory, PATIENCE, Spent},
    peer::Peer,
};

/// A body that is refused is read on for so long and thrown away: who is still sending it reads no answer, and one that is cut
/// off may never have read why.
const DRAIN: Duration = Duration::from_secs(2);
/// At most so much of it, in bytes.
const DRAIN_BYTES: usize = 32 << 20;

/// A body, and what is held of it.
pub(crate) struct Coming {
    body: Incoming,
    peer: Rc<Peer>,
    /// There is none as long as the body is short.
    loan: Option<Loan>,
}

impl Coming {
    pub(crate) fn new(body: Incoming, peer: Rc<Peer>) -> Self {
        Self { body, peer, loan: None }
    }

    /// The next bytes; `None` at the end. Who holds much and sends nothing while others find no room is given up.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Unreadable> {
        loop {
            let frame = match &self.loan {
                Some(loan) if loan.counts() => patiently(&self.peer.memory, self.body.frame()).await?,
                _ => self.body.frame().await,
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Unreadable::Broken(error.into())),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// Notes how much of what came is held.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Spent> {
        match &mut self.loan {
            None if bytes <= FLOOR => Ok(()),
            loan => loan.get_or_insert_with(|| self.peer.memory.loan()).hold(bytes),
        }
    }

    /// All of it, of at most `most` bytes. If its length is known, the memory for it is there before it is read.
    /// Who asks before sending it (`Expect: 100-continue`) need not send what is refused.
    pub(crate) async fn whole(mut self, most: usize, asks_first: bool) -> Result<(Bytes, Option<Loan>), Unreadable> {
        let whole = self.collect(most).await;
        if !asks_first && matches!(whole, Err(Unreadable::TooLarge(_) | Unreadable::Spent(_))) {
            self.drain().await;
        }
        whole.map(|bytes| (bytes, self.loan))
    }

    async fn collect(&mut self, most: usize) -> Result<Bytes, Unreadable> {
        let said = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        self.take(said, most)?;
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        self.take(said.max(first.len()), most)?;
        if self.body.is_end_stream() {
            return Ok(first);
        }
        let mut all = Vec::with_capacity(said.max(first.len()));
        all.extend_from_slice(&first);
        drop(first);
        while let Some(bytes) = self.next().await? {
            self.take(said.max(all.len() + bytes.len()), most)?;
            all.extend_from_slice(&bytes);
        }
        Ok(all.into())
    }

    fn take(&mut self, bytes: usize, most: usize) -> Result<(), Unreadable> {
        match bytes > most {
            true => Err(Unreadable::TooLarge(most)),
            false => Ok(self.hold(bytes)?),
        }
    }

    /// Reads on for a while and throws away what comes.
    pub(crate) async fn drain(&mut self) {
        self.loan = None;
        let all = async {
            let mut drained = 0;
            while drained < DRAIN_BYTES
                && let Ok(Some(bytes)) = self.next().await
            {
                drained += bytes.len();
            }
        };
        // Whether it came to its end or not, the answer is the same.
        let _ = tokio::time::timeout(DRAIN, all).await;
    }
}

/// What comes, unless nothing does while others find no room.
async fn patiently<F>(memory: &Memory, next: impl Future<Output = F>) -> Result<F, Unreadable> {
    let mut next = std::pin::pin!(next);
    loop {
        let wanted = memory.wanted();
        match tokio::time::timeout(PATIENCE, next.as_mut()).await {
            Ok(frame) => return Ok(frame),
            Err(_) if memory.wanted() == wanted => {}
            Err(_) => {
                memory.crowd_out();
                return Err(Unreadable::Still);
            }
        }
    }
}
