//! A node from outside: its verbs on real stores, as a door would call them.

mod crowded;
mod fetching;
mod filling;
mod grouping;
mod ledger;
mod on_disk;
mod once;
mod producing;
mod registering;
mod retaining;
mod scale;
mod settings;
mod sharing;
mod topics;
mod world;
