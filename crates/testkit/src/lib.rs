//! A real Milena broker inside a test, with faults on request.
//!
//! The broker is built as `milena serve` builds it, and speaks every protocol at free ports of this machine. It starts in a few
//! milliseconds, several live beside each other, and what it stores goes with it, unless a test gives it a directory.
//!
//! ```
//! use std::time::Duration;
//! use milena_testkit::{Book, DiskFaults, Kit, Way};
//!
//! let kit = Kit::start()?;                      // in memory; `Kit::setup()` has the choices
//! let bootstrap_servers = kit.kafka();          // give it to any Kafka client
//! # assert!(bootstrap_servers.starts_with("127.0.0.1:"));
//!
//! kit.kill()?;                                  // as kill -9: connections end, the port refuses
//! kit.come_back()?;                             // at the same addresses, with everything that was acknowledged
//! kit.break_disk(DiskFaults { slow: Duration::from_millis(50), ..DiskFaults::default() });
//! kit.break_disk(DiskFaults::default());        // healed
//! kit.cut_after(Way::Answers, 100, 1);          // the next connection breaks off in the middle of an answer
//! kit.forward(Duration::from_secs(3600));       // leases run out, sessions end, retention looks
//!
//! kit.nothing_lost_across_restart()?;           // every record, position and finished message is still there
//! let book = Book::new();                       // or keep books: sent here, handled there
//! book.sent("order 17");
//! book.handled("order 17");
//! book.every_message_handled_once()?;
//! for event in kit.recorded() {
//!     println!("{event}");                      // what clients asked and were answered, with the faults between
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The methods block for the milliseconds that they take, also in a test that is `async`. Tests in other languages get the
//! same from `milena serve --ephemeral`, over the routes of [`Setup::control`]. This room builds the node as the binary does
//! (`crates/broker`); it judges nothing and knows no protocol but the frames that it records.
#![forbid(unsafe_code)]

mod book;
mod clock;
mod control;
mod disk;
mod front;
mod kit;
mod picture;
mod place;
mod ports;
mod queue;
mod record;
mod wire;

pub use book::{Book, Imbalance};
pub use disk::DiskFaults;
pub use kit::{Kit, Setup, Trouble};
/// How a Kafka door is set up, for [`Setup::kafka_door`]; and which family of HTTP routes an address serves.
pub use milena_http::Surface;
pub use milena_kafka::DoorOptions;
pub use picture::{Lost, Picture};
pub use place::Place;
pub use record::{Answered, Asked, Event, What};
pub use wire::Way;
