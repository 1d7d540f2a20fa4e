//! Values of a topic whose schema is registered: JSON goes in, the schema's id and its form of the value come out.

use std::sync::Arc;

use bytes::Bytes;
use milena_client::Cluster;

use crate::{
    failure::{Failure, Kind},
    schemas::{Known, Shelf},
};

/// The latest schema of a topic's values, if there is one.
pub(super) struct Encoder {
    latest: Option<Arc<Known>>,
    /// Which message of a Protobuf file is meant.
    message: Option<String>,
}

impl Encoder {
    /// Asks the broker's registry. A broker without one has no schemas.
    pub(super) async fn of(cluster: &Cluster, topic: &str, raw: bool, message: Option<String>) -> Result<Self, Failure> {
        let subject = format!("{topic}-value");
        let latest = if raw { None } else { Shelf::new(cluster.clone()).latest(&subject).await };
        if message.is_some() && latest.as_ref().is_none_or(|latest| latest.format() != "protobuf") {
            return Err(Failure::usage(format!("--message is for Protobuf, and {subject} has no Protobuf schema")));
        }
        Ok(Self { latest, message })
    }

    /// What values are written with, for people.
    pub(super) fn words(&self) -> Option<String> {
        let latest = self.latest.as_ref()?;
        Some(format!("{} {} (id {})", latest.format(), latest.place(), latest.id))
    }

    /// The bytes to be sent for a value. What has a schema's id already is sent as it is.
    pub(super) fn encode(&self, value: Bytes, place: &str) -> Result<Bytes, Failure> {
        let Some(latest) = self.latest.as_ref().filter(|_| value.first() != Some(&0)) else { return Ok(value) };
        let unfit = |why: String| {
            Failure::new(Kind::Failed, format!("{place} does not fit {} version {}", latest.subject, latest.version))
                .why(why)
                .fix("milena produce --raw   sends the bytes as they are")
        };
        let text = std::str::from_utf8(&value).map_err(|e| unfit(e.to_string()))?;
        let message = latest.encode(text, self.message.as_deref()).map_err(|flaw| unfit(flaw.to_string()))?;
        Ok(message.into())
    }
}
