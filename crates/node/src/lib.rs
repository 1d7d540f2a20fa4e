//! A running broker: engine machines over a store. The only room that reads a clock or spawns a task.
//!
//! Every verb follows one contract: judge under the noun's short lock, reserve a place in the log, apply, unlock; the
//! reply is released when the place is on disk. Doors call the verbs of [`Node`] and nothing else.
#![forbid(unsafe_code)]

mod alarm;
mod append;
mod blocking;
pub mod bounces;
mod catalog;
mod clock;
mod config;
mod counters;
pub mod errors;
mod fetch;
mod groups;
mod instances;
mod intake;
mod letters;
mod lock;
mod membership;
mod node;
mod noun;
mod offsets;
mod once;
mod partition;
mod receipts;
mod recover;
mod redrive;
mod release;
mod retention;
mod room;
mod runtime;
mod shares;
mod sharing;
mod sockets;
mod start;
mod status;
mod subjects;
mod topics;
mod unread;
mod wait;
mod writers;

pub use append::{AppendRefusal, Appended, Room, WriterId};
pub use catalog::Judged;
pub use clock::{Clock, ManualClock, SystemClock};
pub use counters::{COUNTED_KEYS, Count, Counters, Gauge};
pub use fetch::ReadRefusal;
pub use intake::UNPACKED_MAX;
pub use membership::{JoinReply, Listing, Told};
/// The judgements, for doors that must name what a verb answers.
pub use milena_engine as engine;
/// What doors see of the store.
pub use milena_store::{Committed, Damaged, Fault, Found, Gauges, Lsn, Parked, ReadError, Recovered, Slice};
pub use node::Node;
pub use noun::NoRoom;
pub use offsets::{DeleteRecordsRefusal, Sought, Stamped};
pub use once::{Once, OnceKey, OncePlaced};
pub use partition::{Partition, Traffic, View};
pub use receipts::{Dealt, Receipt};
pub use recover::{Broken, Inhabitant, Recovery};
pub use release::{Dead, Released};
pub use room::DiskState;
pub use runtime::Runtimes;
pub use sharing::{ShareListing, ShareTold, Take, TakeRefusal, Taken};
pub use sockets::{Entrance, SocketPlace, Sockets};
pub use start::{NodeOptions, StartError};
pub use status::{Lag, PartitionStatus, Status};
pub use subjects::{SchemaTrouble, Told as SchemaTold};
pub use topics::Topic;
pub use wait::Woken;
