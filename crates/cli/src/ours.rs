//! Is the broker a Milena, and what does it say about itself? Asked through its settings, so that any broker may be asked.

use milena_client::{
    Admin, Cluster, Error, Topics,
    admin::{ConfigEntry, Resource},
    wire::{ErrorCode, Text},
};

use crate::failure::{Failure, Kind};

/// What a Milena broker says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Ours {
    /// Address of its HTTP door; `None` when that is off.
    pub(crate) http: Option<String>,
    /// Address of the registry's own listener; `None` when that is off.
    registry: Option<String>,
    /// Whether data outlive the process.
    pub(crate) durable: bool,
}

/// What `log.dirs` says when there is no directory.
pub(crate) use milena_broker::MEMORY;

impl Ours {
    /// `None`: some other broker. One that cannot be heard may be either, which is an error.
    pub(crate) async fn ask(cluster: &Cluster) -> Result<Option<Self>, Error> {
        let brokers = cluster.refresh(Topics::None).await?.brokers.clone();
        let Some(broker) = brokers.keys().next() else {
            return Err(Error::Invalid("the broker's metadata name no broker; ask again when it has started".into()));
        };
        let names = ["milena.http.address", "milena.registry.address", "log.dirs"].map(Text::from_static);
        match Admin::new(cluster.clone()).configs(&Resource::Broker(*broker), Some(&names), false).await {
            Ok(entries) => Ok(Self::told(&entries)),
            Err(error) if is_another(&error, brokers.len()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same for who does as with another broker where it cannot be heard.
    pub(crate) async fn seen(cluster: &Cluster) -> Option<Self> {
        Self::ask(cluster).await.ok().flatten()
    }

    fn told(entries: &[ConfigEntry]) -> Option<Self> {
        let entry = |name: &str| entries.iter().find(|e| &*e.name == name);
        let told = |entry: &ConfigEntry| entry.value.as_ref().map(ToString::to_string).filter(|v| !v.is_empty());
        let http = told(entry("milena.http.address")?);
        let registry = entry("milena.registry.address").and_then(told);
        let durable = entry("log.dirs").and_then(|e| e.value.as_deref()).is_some_and(|dirs| dirs != MEMORY);
        Some(Self { http, registry, durable })
    }

    /// Where its registry answers: at the common door, else at its own.
    pub(crate) fn registry(self) -> Option<String> {
        self.http.or(self.registry)
    }
}

/// Whether a failed question tells of another broker: a Milena is alone, has this API, and tells its settings to everybody.
fn is_another(error: &Error, brokers: usize) -> bool {
    let no = [ErrorCode::CLUSTER_AUTHORIZATION_FAILED, ErrorCode::UNSUPPORTED_VERSION, ErrorCode::INVALID_REQUEST];
    brokers > 1 || matches!(error, Error::Unsupported { .. }) || error.code().is_some_and(|code| no.contains(&code))
}

/// What cannot be done through a broker that is not ours.
pub(crate) fn not_ours(what: &str) -> Failure {
    Failure::new(Kind::Failed, format!("{what} needs a Milena broker, and this is another"))
        .why("no Kafka API carries it; Milena tells its HTTP address as milena.http.address, which this broker does not have")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_says_no_is_another_and_one_that_cannot_be_heard_may_be_ours() {
        let said = |code| Error::server(code, "broker 1", None);
        let refused = said(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
        assert!(is_another(&refused, 1) && is_another(&said(ErrorCode::INVALID_REQUEST), 1));
        for unheard in [said(ErrorCode::REQUEST_TIMED_OUT), said(ErrorCode::UNKNOWN_SERVER_ERROR), Error::Gone] {
            assert!(!is_another(&unheard, 1) && is_another(&unheard, 3), "{unheard}");
        }
    }
}
