//! A full disk: what is given up, in which order, and that it is said aloud. Knows when room is short; the store knows
//! how much there is.

use std::{sync::atomic::Ordering, time::Duration};

use milena_store::{Class, NoCredit};

use crate::node::Node;

/// The part of the disk that may be used before the guard warns, in percent.
const WARN_PERCENT: u64 = 80;
/// While the disk stays full with nothing left to give up, it is looked at again after this long.
const RECHECK: Duration = Duration::from_secs(1);

/// How full the disk is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskState {
    Ample,
    /// Above the guard's 80 %.
    Warned,
    /// Records are refused.
    Full,
}

impl Node {
    /// Whether records are refused for want of disk.
    pub(crate) fn is_red(&self) -> bool {
        self.0.red.load(Ordering::Relaxed)
    }

    /// How full the disk is now.
    pub fn disk_state(&self) -> DiskState {
        let gauges = self.gauges();
        let used = gauges.disk_total.saturating_sub(gauges.disk_free);
        match gauges.disk_total {
            _ if self.is_red() => DiskState::Full,
            0 => DiskState::Ample,
            total if used.saturating_mul(100) >= total.saturating_mul(WARN_PERCENT) => DiskState::Warned,
            _ => DiskState::Ample,
        }
    }

    /// A credit was refused because the disk is full.
    pub(crate) fn redden(&self, missing: u64) {
        if !self.0.red.swap(true, Ordering::Relaxed) {
            tracing::error!(missing, "the disk is full: records are refused until {missing} more bytes are free");
            self.0.reddened.notify_one();
        }
    }

    /// Makes room whenever the disk was found full: space that waits for its time first, then deleted topics, oldest
    /// first. Runs until the node stops.
    pub(crate) async fn keep_room(self) {
        loop {
            self.0.reddened.notified().await;
            self.free_everything_due();
            while self.still_full() {
                match self.purge_oldest().await {
                    Ok(Ok(Some(gone))) => {
                        tracing::warn!(topic = %gone.name, "purged because the disk is full; it can no longer be restored");
                    }
                    Ok(_) => tokio::time::sleep(RECHECK).await,
                    Err(error) => {
                        tracing::error!(%error, "no room can be made");
                        tokio::time::sleep(RECHECK).await;
                    }
                }
                if self.alive().is_err() {
                    return;
                }
            }
            self.0.red.store(false, Ordering::Relaxed);
            tracing::info!("there is room on the disk again; records are accepted");
        }
    }

    fn still_full(&self) -> bool {
        matches!(self.hub().store().credit(Class::Data, 1, None), Err(NoCredit::DiskFull { .. }))
    }
}
