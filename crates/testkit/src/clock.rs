//! The clock of a kit's broker: the machine's, set forward on request. Knows time, and nobody who lives by it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use milena_node::{Clock, SystemClock, engine::machine::Now};

/// One clock for all lives of a broker: it does not go back when the broker starts again.
#[derive(Clone, Debug, Default)]
pub(crate) struct KitClock(Arc<Hands>);

#[derive(Debug, Default)]
struct Hands {
    system: SystemClock,
    ahead: AtomicI64,
}

impl KitClock {
    pub(crate) fn forward(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        self.0.ahead.fetch_add(by, Ordering::SeqCst);
    }

    /// How far it was set forward in all.
    pub(crate) fn ahead(&self) -> Duration {
        Duration::from_millis(self.0.ahead.load(Ordering::SeqCst).max(0).unsigned_abs())
    }
}

impl Clock for KitClock {
    fn now(&self) -> Now {
        let (now, ahead) = (self.0.system.now(), self.0.ahead.load(Ordering::SeqCst));
        Now { wall: now.wall + ahead, mono: now.mono + ahead }
    }
    fn skew(&self) -> i64 {
        // The system's clock did not move: it is we who are ahead, on purpose.
        self.0.system.skew()
    }
}
