//! The producer id that makes doubles recognisable (KIP-98).

use milena_record::Producer;
use milena_wire::InitProducerIdRequest;

use crate::{Cluster, Error, Node, Result};

/// A producer id and its epoch, as the broker gave them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    id: i64,
    epoch: i16,
}

impl Identity {
    /// Asks any broker for a fresh id.
    pub(super) async fn ask(cluster: &Cluster) -> Result<Self> {
        let mut backoff = cluster.backoff("producer id");
        loop {
            // Without a transactional id the timeout means nothing, but brokers look at it.
            let request = InitProducerIdRequest { transactional_id: None, transaction_timeout_ms: 60_000, ..Default::default() };
            let error = match cluster.send(&Node::Any, &request).await {
                Ok(response) => match Error::check(response.error_code, None, || "producer id".into()) {
                    Ok(()) => return Ok(Self { id: response.producer_id, epoch: response.producer_epoch }),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            backoff.pause(error).await?;
        }
    }

    pub(super) fn at(self, base_sequence: i32) -> Producer {
        Producer { id: self.id, epoch: self.epoch, base_sequence }
    }
}

/// Sequence numbers wrap from 2^31-1 to 0.
pub(super) fn advance(sequence: i32, by: usize) -> i32 {
    ((i64::from(sequence) + by as i64) & i64::from(i32::MAX)) as i32
}
