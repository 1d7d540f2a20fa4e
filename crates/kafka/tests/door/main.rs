//! The Kafka door from outside: bytes go into a connection of a real node on the memory store, bytes come out.

mod conversations;
mod crowd;
mod fetching;
mod first_chance;
mod frames;
mod manual;
mod mutated;
mod produced;
mod settings;
mod sharing;
mod transcript;
mod world;
