//! A full disk: what is given up, in which order, and that it is said aloud. Knows when room is short; the store knows
//! how much there is.

use std::{sync::atomic::Ordering, time::Duration};

use milena_store::{Class, Gauges, NoCredit};

use crate::node::Node;

/// The part of the disk that may be used before the guard warns, in percent.
const WARN_PERCENT: u64 = 80;
/// The guard looks again when this many bytes were appended.
const GUARD_EVERY: u64 = 64 << 20;
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

    /// The disk guard looks each time that so much was appended, so that an idle node has nothing to look at.
    pub(crate) fn guard_disk(&self, before: u64, added: u64) {
        if before / GUARD_EVERY != (before + added) / GUARD_EVERY {
            self.0.reddened.notify_one();
        }
    }

    /// Says it when the disk fills up; once, until it was ample again.
    fn warn(&self, warned: &mut bool) {
        let state = self.disk_state();
        if state == DiskState::Warned && !*warned {
            let Gauges { disk_free, disk_total, .. } = self.gauges();
            tracing::warn!(
                disk_free,
                disk_total,
                "the disk is more than {WARN_PERCENT} % full; topics without retention keep everything"
            );
        }
        *warned = state != DiskState::Ample;
    }

    /// A credit of `need` bytes was refused because the disk is full.
    pub(crate) fn redden(&self, need: u64, missing: u64) {
        self.0.wanted.fetch_max(need, Ordering::Relaxed);
        if !self.0.red.swap(true, Ordering::Relaxed) {
            tracing::error!(missing, "the disk is full: records are refused until {missing} more bytes are free");
            self.0.reddened.notify_one();
        }
    }

    /// Warns when the disk fills up, and makes room whenever it was found full: space that waits for its time first, then deleted topics, oldest
    /// first. Runs until the node stops.
    pub(crate) async fn keep_room(self) {
        let mut warned = false;
        loop {
            self.0.reddened.notified().await;
            self.warn(&mut warned);
            if !self.is_red() {
                continue;
            }
            loop {
                // Each time anew: while the disk is full people delete records, and wait for the room.
                self.free_everything_due();
                if !self.still_full() {
                    break;
                }
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
            self.0.wanted.store(0, Ordering::Relaxed);
            self.0.red.store(false, Ordering::Relaxed);
            // As loud as the refusals were: people who read about the one want to read about the other.
            tracing::warn!("there is room on the disk again; records are accepted");
        }
    }

    fn still_full(&self) -> bool {
        let wanted = self.0.wanted.load(Ordering::Relaxed).max(1);
        matches!(self.hub().store().credit(Class::Data, wanted, None), Err(NoCredit::DiskFull { .. }))
    }
}
