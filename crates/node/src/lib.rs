//! A running broker: engine machines over a store. The only room that reads a clock or spawns a task.
//!
//! Every verb follows one contract: judge under the noun's short lock, reserve a place in the log, apply, unlock; the
//! reply is released when the place is on disk. Doors call the verbs of [`Node`] and nothing else.
#![forbid(unsafe_code)]

mod alarm;
mod blocking;
mod clock;
mod counters;
mod lock;
mod noun;
mod release;
mod runtime;
mod wait;

pub use clock::{Clock, ManualClock, SystemClock, TOLERATED_SKEW};
pub use counters::{COUNTED_KEYS, Count, Counters, Gauge};
pub use noun::NoRoom;
pub use release::{Dead, Released};
pub use runtime::Runtimes;
pub use wait::Woken;
