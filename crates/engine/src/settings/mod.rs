//! Every topic and broker setting that Kafka lists, and ours: what it means, what it may be, what it is now.
//!
//! Three places say what a setting is: [`topic`] and [`broker`] with one file for each setting that this broker honours and
//! compact tables for the others, [`offered`] for those of one group or one client-metrics subscription. Everything else reads
//! those: checking, DescribeConfigs (`describe`), changes (`change`), the manual ([`manual`]), and the defaults
//! that differ from Kafka's on purpose ([`differences`]).
//!
//! Must never know: who asks, in which protocol version, and where settings are kept. Values are text until a typed reader
//! ([`topic::TopicSettings`], [`broker::BrokerSettings`]) resolves them once; hot paths see only those.

pub mod broker;
mod change;
mod describe;
pub mod differences;
pub mod fact;
mod layers;
pub mod manual;
pub mod offered;
mod parse;
mod setting;
mod threads;
pub mod topic;

#[cfg(test)]
mod tests;

pub use change::{Change, Op, Overrides, Refusal, VALUE_BYTES_MAX};
pub use describe::{Entry, Given, Source};
pub use fact::{BrokerConfigChanged, BrokerConfigFact, ResourceConfigChanged};
pub use layers::{Alter, BrokerConfig, Scope};
pub use parse::Value;
pub use setting::{Bearing, Check, Fallback, Kind, Reach, Setting};
