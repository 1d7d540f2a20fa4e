//! A Kafka client in two layers, traceable step by step.
//!
//! **Advanced**: a [`Connection`] to one broker (every request by name, pipelined), and a [`Cluster`] of them (bootstrap,
//! metadata, who leads what, a pool). Nothing is spawned: whoever waits for an answer reads the socket for all.
//!
//! **Easy**: a [`Producer`] puts records into partitions in order and exactly once a session, a [`Reader`] reads ranges of
//! offset and time without a group, a [`GroupConsumer`] shares reading with others, an [`Admin`] looks after topics, configs and groups. They spawn tasks on the runtime they are used in.
//!
//! Every step can be watched with a [`Trace`]: names resolved, sockets opened, requests and answers with version, size and
//! time, retries with the reason. Errors say what failed, why, and where it can be known what to do ([`Error::hint`]).
//!
//! ```no_run
//! use std::sync::Arc;
//! use milena_client::{Cluster, Config, NewRecord, Node, Producer, ProducerConfig, Reader, Selection, Step, wire};
//!
//! # async fn example() -> milena_client::Result<()> {
//! let config = Config::new(["localhost:9092".parse()?]).trace(Arc::new(|step: &Step<'_>| eprintln!("{step}")));
//! let cluster = Cluster::connect(config).await?;
//!
//! // Easy.
//! let producer = Producer::new(cluster.clone(), ProducerConfig::default());
//! let placed = producer.write(NewRecord::new("people", "john").key("1")).await?;
//! println!("{}-{} at {:?}", placed.topic, placed.partition, placed.offset);
//! let mut reader = Reader::open(cluster.clone(), &[Selection::all("people")], Default::default()).await?;
//! while let Some(message) = reader.next().await? {
//!     println!("{} {:?}", message.offset, message.value);
//! }
//!
//! // Advanced: any request by name, to whoever should answer it.
//! let answer = cluster.send(&Node::Controller, &wire::DescribeClusterRequest::default()).await?;
//! println!("{}", answer.cluster_id);
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

pub mod admin;
mod backoff;
mod cluster;
mod connection;
mod endpoint;
mod error;
mod group;
mod producer;
mod reader;
mod security;
mod trace;

pub use admin::Admin;
pub use backoff::{Backoff, Retry};
pub use cluster::{At, Cluster, Config, Lane, Listed, Metadata, Node, Partition, Topic, Topics};
pub use connection::{Connection, Options, Pending, Secured};
pub use endpoint::{BadEndpoint, Endpoint};
pub use error::{ConnectFailure, Error, LoginFailure, Result};
pub use group::{Assignor, GroupConfig, GroupConsumer};
pub use milena_record as record;
pub use milena_wire as wire;
pub use producer::{Acks, Delivery, NewRecord, Placed, Producer, ProducerConfig, murmur2, partition_of_key};
pub use reader::{BatchView, From, Message, OutOfRange, Progress, Reader, ReaderConfig, Selection, Until};
pub use security::{Login, Mechanism, Principal, Security, Tls, TlsFailure, TlsFiles};
pub use trace::{Step, Trace};
