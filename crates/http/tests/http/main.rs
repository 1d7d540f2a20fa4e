//! The HTTP door from outside: a node in memory, a listener on a free port, and plain sockets.

mod bodies;
mod coded;
mod crowded;
mod manual;
mod queue;
mod queue_faults;
mod queue_more;
mod readers;
mod registry;
mod server;
mod strange;
mod streams;
mod surface;
