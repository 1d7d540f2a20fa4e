//! The body of a request while it comes: read piece by piece, or whole within a bound, and what is held of it counted.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::{
    asked::Unreadable,
    memory::{Loan, PATIENCE, Spent},
};

/// A body that is refused is read on for so long and thrown away: who is still sending it reads no answer, and one that is cut
/// off may never have read why.
const DRAIN: Duration = Duration::from_secs(2);
/// At most so much of it, in bytes.
const DRAIN_BYTES: usize = 32 << 20;

/// A body, and what is held of it.
pub(crate) struct Coming {
    body: Incoming,
    loan: Loan,
}

impl Coming {
    pub(crate) fn new(body: Incoming, loan: Loan) -> Self {
        Self { body, loan }
    }

    /// The next bytes; `None` at the end. Who holds much and sends nothing while others find no room is given up.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Unreadable> {
        loop {
            let frame = match self.loan.counts() {
                false => self.body.frame().await,
                true => {
                    let wanted = self.loan.memory().wanted();
                    match tokio::time::timeout(PATIENCE, self.body.frame()).await {
                        Ok(frame) => frame,
                        Err(_) if self.loan.memory().wanted() == wanted => continue,
                        Err(_) => {
                            self.loan.memory().crowd_out();
                            return Err(Unreadable::Still);
                        }
                    }
                }
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
        self.loan.hold(bytes)
    }

    /// All of it, of at most `most` bytes. If its length is known, the memory for it is there before it is read.
    /// Who asks before sending it (`Expect: 100-continue`) need not send what is refused.
    pub(crate) async fn whole(mut self, most: usize, asks_first: bool) -> Result<(Bytes, Loan), Unreadable> {
        let whole = self.collect(most).await;
        if !asks_first && matches!(whole, Err(Unreadable::TooLarge(_) | Unreadable::Spent(_))) {
            self.drain().await;
        }
        whole.map(|bytes| (bytes, self.loan))
    }

    async fn collect(&mut self, most: usize) -> Result<Bytes, Unreadable> {
        let most_said = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        self.take(most_said, most)?;
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        self.take(most_said.max(first.len()), most)?;
        if self.body.is_end_stream() {
            return Ok(first);
        }
        let mut all = Vec::with_capacity(most_said.max(first.len()));
        all.extend_from_slice(&first);
        drop(first);
        while let Some(bytes) = self.next().await? {
            self.take(most_said.max(all.len() + bytes.len()), most)?;
            all.extend_from_slice(&bytes);
        }
        Ok(all.into())
    }

    fn take(&mut self, bytes: usize, most: usize) -> Result<(), Unreadable> {
        match bytes > most {
            true => Err(Unreadable::TooLarge(most)),
            false => Ok(self.loan.hold(bytes)?),
        }
    }

    async fn drain(&mut self) {
        let _ = self.loan.hold(0);
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
