//! Who writes: numbers for idempotent producers, and the table of names that stored batches refer to. Knows how both get
//! durable before anybody relies on them.

use std::net::IpAddr;

use milena_engine::{
    ids::{PRODUCER_IDS_LOG, ProducerId, WRITERS_LOG},
    machine::Machine,
    producer::{
        ids::{TakeBlock, UsedUp},
        writers::{UNKNOWN, Writer},
    },
};
use milena_store::{Class, LogId, Parked};

use crate::{append::WriterId, node::Node, noun::NoRoom};

/// Three names of at most 255 bytes, and what surrounds them.
const WRITER_ROOM: u64 = 1024;

impl Node {
    /// The number of a writer. Its fact is reserved before any batch that names it, so it is never less durable than
    /// they are. When there is no room for the fact just now, the batch says "unknown" rather than wait.
    pub fn writer(&self, client: &str, address: IpAddr, principal: &str) -> WriterId {
        let Ok(credit) = self.hub().store().credit(Class::Fact, WRITER_ROOM, None) else { return WriterId(UNKNOWN) };
        let now = self.now();
        let address = address.to_string();
        let writer = Writer { client: client.into(), address: address.into(), principal: principal.into() };
        let mut held = self.0.writers.hold();
        let Ok(decision) = held.machine.decide(now, writer) else { return WriterId(UNKNOWN) };
        let log = LogId(WRITERS_LOG);
        match self.hub().record(&mut held, log, now.wall, (credit, WRITER_ROOM), &decision.facts, &mut ()) {
            Ok(Ok(_)) => {
                held.machine.seen(decision.reply, now);
                WriterId(decision.reply)
            }
            Ok(Err(_)) | Err(_) => WriterId(UNKNOWN),
        }
    }

    /// Who has that number, if it was not forgotten.
    pub fn who(&self, writer: WriterId) -> Option<Writer> {
        self.0.writers.hold().machine.writer(writer.0).cloned()
    }

    /// A producer id that nobody ever had, durable before it is answered.
    pub async fn producer_id(&self) -> Result<Result<ProducerId, UsedUp>, NoRoom> {
        loop {
            let log = LogId(PRODUCER_IDS_LOG);
            let taken = self.hub().command(&self.0.producer_ids, log, self.now(), TakeBlock, &mut ()).await?;
            if let Err(used_up) = self.release(taken).await? {
                return Ok(Err(used_up));
            }
            let handed = {
                let mut held = self.0.producer_ids.hold();
                let id = held.machine.hand_out();
                Parked::new(held.lsn, id)
            };
            // Others may have used up the block in between; then another is taken.
            if let Some(id) = self.release(handed).await? {
                return Ok(Ok(id));
            }
        }
    }
}
