//! Is the broker a Milena, and what does it say about itself? Asked through its settings, so that any broker may be asked.

use milena_client::{Admin, Cluster, Topics, admin::Resource, wire::Text};

use crate::failure::{Failure, Kind};

/// What a Milena broker says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Ours {
    /// Address of its HTTP door; `None` when that is off.
    pub(crate) http: Option<String>,
    /// Whether data outlive the process.
    pub(crate) durable: bool,
}

/// What `log.dirs` says when there is no directory.
pub(crate) use milena_broker::MEMORY;

impl Ours {
    /// `None`: some other broker, or one that does not tell.
    pub(crate) async fn ask(cluster: &Cluster) -> Option<Self> {
        let broker = *cluster.refresh(Topics::None).await.ok()?.brokers.keys().next()?;
        let names = ["milena.http.address", "log.dirs"].map(Text::from_static);
        let entries = Admin::new(cluster.clone()).configs(&Resource::Broker(broker), Some(&names), false).await.ok()?;
        let entry = |name: &str| entries.iter().find(|e| &*e.name == name);
        let http = entry("milena.http.address")?.value.as_ref().map(ToString::to_string).filter(|v| !v.is_empty());
        let durable = entry("log.dirs").and_then(|e| e.value.as_deref()).is_some_and(|dirs| dirs != MEMORY);
        Some(Self { http, durable })
    }
}

/// What cannot be done through a broker that is not ours.
pub(crate) fn not_ours(what: &str) -> Failure {
    Failure::new(Kind::Failed, format!("{what} needs a Milena broker, and this is another"))
        .why("no Kafka API carries it; Milena tells its HTTP address as milena.http.address, which this broker does not have")
}
