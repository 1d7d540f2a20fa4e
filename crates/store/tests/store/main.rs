//! The proofs of the store: the laws over each implementation, and the world at its worst over the local one.

mod memory;
