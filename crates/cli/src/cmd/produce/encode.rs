//! Keys and values of a topic whose schemas are registered: JSON goes in, the schema's id and its form of it come out.

use std::sync::Arc;

use bytes::Bytes;
use milena_client::{Cluster, NewRecord};

use super::Options;
use crate::{
    failure::{Failure, Kind},
    schemas::{Known, Shelf},
};

/// The latest schemas of a topic's keys and values, if there are some.
pub(super) struct Encoder {
    key: Option<Arc<Known>>,
    value: Option<Arc<Known>>,
    /// Which message of a Protobuf file is meant.
    message: Option<String>,
}

impl Encoder {
    /// Asks the broker's registry. A broker without one has no schemas.
    pub(super) async fn of(cluster: &Cluster, options: &Options) -> Result<Self, Failure> {
        let Options { topic, raw, raw_key, message, .. } = options;
        let mut shelf = Shelf::new(cluster.clone());
        let subject = format!("{topic}-value");
        let value = if *raw { None } else { shelf.latest(&subject).await };
        let key = if *raw || *raw_key { None } else { shelf.latest(&format!("{topic}-key")).await };
        if message.is_some() && value.as_ref().is_none_or(|latest| latest.format() != "protobuf") {
            return Err(Failure::usage(format!("--message is for Protobuf, and {subject} has no Protobuf schema")));
        }
        Ok(Self { key, value, message: message.clone() })
    }

    /// What values are written with, for people.
    pub(super) fn words(&self) -> Option<String> {
        let latest = self.value.as_ref()?;
        Some(format!("{} {} (id {})", latest.format(), latest.place(), latest.id))
    }

    /// The schema of the values.
    pub(super) fn value(&self) -> Option<&Arc<Known>> {
        self.value.as_ref()
    }

    /// Key and value as they are to be sent.
    pub(super) fn encode(&self, mut record: NewRecord, place: &str) -> Result<NewRecord, Failure> {
        if let Some((known, key)) = self.key.as_ref().zip(record.key.as_mut()) {
            let plain = |text: &str| known.encode(&serde_json::Value::from(text).to_string(), None);
            // A key is typed as it is: text that is no JSON of the schema may be it as a string.
            let encode = |text: &str| known.encode(text, None).or_else(|flaw| plain(text).map_err(|_| flaw));
            *key = part(known, key, (place, "--raw-key"), encode)?;
        }
        if let Some((known, value)) = self.value.as_ref().zip(record.value.as_mut()) {
            *value = part(known, value, (place, "--raw"), |text| known.encode(text, self.message.as_deref()))?;
        }
        Ok(record)
    }
}

/// The bytes to be sent for a key or a value. What has a schema's id already is sent as it is.
fn part(
    known: &Known,
    bytes: &Bytes,
    (place, raw): (&str, &str),
    encode: impl Fn(&str) -> Result<Vec<u8>, milena_schema::Flaw>,
) -> Result<Bytes, Failure> {
    if bytes.first() == Some(&0) {
        return Ok(bytes.clone());
    }
    let unfit = |why: String| {
        Failure::new(Kind::Failed, format!("{place} does not fit {} version {}", known.subject, known.version))
            .why(why)
            .fix(format!("milena produce {raw}   sends the bytes as they are"))
    };
    let text = std::str::from_utf8(bytes).map_err(|e| unfit(e.to_string()))?;
    encode(text).map(Bytes::from).map_err(|flaw| unfit(flaw.to_string()))
}
