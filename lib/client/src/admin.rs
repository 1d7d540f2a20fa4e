//! Looking at a cluster and changing it: topics, records, configs, groups and their positions, disks, writers.
//!
//! Each function sends to whoever must answer and waits out what passes (a moved controller or coordinator). What changes
//! something is not sent again after a lost connection, since it may have been done.

mod brokers;
mod configs;
mod groups;
mod topics;

use std::collections::BTreeMap;

use milena_wire::{ErrorCode, Request, Text};

pub use brokers::{LogDir, Replica, Writer};
pub use configs::{Change, ConfigEntry, ConfigSource, ConfigType, Resource, Synonym};
pub use groups::{Group, GroupListing, Member, Position};
pub use topics::{Created, NewTopic};

use crate::{Cluster, Error, Lane, Metadata, Node, Result, Topics};

/// Administers a cluster. Cheap to make and to clone.
#[derive(Clone)]
pub struct Admin {
    cluster: Cluster,
}

/// What an answer says about the one thing that was asked.
struct Said<'a> {
    code: i16,
    message: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn new(code: i16, message: Option<&'a Text>) -> Self {
        Self { code, message: message.map(|m| &**m) }
    }
}

/// What a leader said of one partition.
type About<A> = (Text, i32, Result<A>);

/// Whether a request may be sent again when nobody knows whether it arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Looks,
    Changes,
}

impl Admin {
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Brokers and all topics.
    pub async fn metadata(&self) -> Result<Metadata> {
        self.cluster.metadata(Topics::All).await
    }

    /// Sends to a node until the answer lasts. `build` makes the request for a version, `said` finds its error.
    async fn call<R: Request>(
        &self,
        kind: Kind,
        node: &Node,
        about: &str,
        build: impl Fn(i16) -> R,
        said: impl for<'a> Fn(&'a R::Response) -> Said<'a>,
    ) -> Result<R::Response> {
        self.call_to(kind, node, i16::MAX, about, build, said).await
    }

    /// As [`Admin::call`], in a version up to `most`.
    async fn call_to<R: Request>(
        &self,
        kind: Kind,
        node: &Node,
        most: i16,
        about: &str,
        build: impl Fn(i16) -> R,
        said: impl for<'a> Fn(&'a R::Response) -> Said<'a>,
    ) -> Result<R::Response> {
        let mut backoff = self.cluster.backoff(about);
        loop {
            let error = match self.call_once(node, most, &build).await {
                Ok(response) => {
                    let said = said(&response);
                    match Error::check(said.code, said.message, || about.into()) {
                        Ok(()) => return Ok(response),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            self.unlearn(node, &error);
            if kind == Kind::Changes && matches!(error, Error::Closed { .. } | Error::TimedOut { .. }) {
                return Err(error);
            }
            if !passes(&error) {
                return Err(error);
            }
            backoff.pause_for(error).await?;
        }
    }

    async fn call_once<R: Request>(&self, node: &Node, most: i16, build: &impl Fn(i16) -> R) -> Result<R::Response> {
        let connection = self.cluster.connection(node, Lane::Main).await?;
        let version = connection.version_to::<R>(most)?;
        connection.send_version(&build(version), version).await
    }

    /// Forgets what an error proves wrong.
    fn unlearn(&self, node: &Node, error: &Error) {
        match error.code() {
            Some(ErrorCode::NOT_CONTROLLER) => self.cluster.forget_controller(),
            Some(ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE) => self.cluster.forget_coordinator(node),
            Some(_) => {}
            None if error.is_connection() => {
                self.cluster.forget_controller();
                self.cluster.forget_coordinator(node);
            }
            None => {}
        }
        if let Node::Leader { topic, .. } = node {
            self.cluster.forget_topic(topic);
        }
    }

    /// Asks the leaders of partitions, and anew about those whose leader has moved. `ask` sends to one of them and gives what was
    /// said of each partition.
    async fn of_leaders<T: Clone, A>(
        &self,
        about: &str,
        partitions: &[(Text, i32, T)],
        ask: impl AsyncFn(Node, Vec<(Text, i32, T)>) -> Result<Vec<About<A>>>,
    ) -> Result<Vec<(Text, i32, A)>> {
        let mut backoff = self.cluster.backoff(about);
        let (mut said, mut left) = (Vec::new(), partitions.to_vec());
        loop {
            let mut moved: Option<Error> = None;
            for (leader, partitions) in self.by_leader(&left).await? {
                for (topic, partition, answer) in ask(Node::Id(leader), partitions).await? {
                    match answer {
                        Ok(answer) => {
                            left.retain(|(t, p, _)| (t, *p) != (&topic, partition));
                            said.push((topic, partition, answer));
                        }
                        Err(error) if error.code() == Some(ErrorCode::NOT_LEADER_OR_FOLLOWER) => {
                            self.cluster.forget_topic(&topic);
                            moved = Some(error);
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            match moved {
                Some(error) => backoff.pause(error).await?,
                None => return Ok(said),
            }
        }
    }

    /// Partitions by who leads them.
    async fn by_leader<T: Clone>(&self, partitions: &[(Text, i32, T)]) -> Result<BTreeMap<i32, Vec<(Text, i32, T)>>> {
        let mut by_leader: BTreeMap<i32, Vec<_>> = BTreeMap::new();
        for (topic, partition, what) in partitions {
            let leader = self.cluster.leader(topic, *partition).await?;
            by_leader.entry(leader).or_default().push((topic.clone(), *partition, what.clone()));
        }
        Ok(by_leader)
    }

    fn timeout_ms(&self) -> i32 {
        self.cluster.config().options.timeout_ms()
    }
}

/// Whether waiting may help. That something is unknown is retriable for who writes and reads; here it is the answer.
fn passes(error: &Error) -> bool {
    match error.code() {
        Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::UNKNOWN_TOPIC_ID) => false,
        _ => error.is_retriable(),
    }
}

/// The first bad code among several answers, or none.
fn worst<'a>(mut said: impl Iterator<Item = Said<'a>>) -> Said<'a> {
    said.find(|s| s.code != 0).unwrap_or(Said { code: 0, message: None })
}

/// The answer about what was asked, which a broker must give.
fn given<T>(answer: Option<T>, about: &str) -> Result<T> {
    answer.ok_or_else(|| Error::Invalid(format!("the broker did not answer for {about}")))
}
