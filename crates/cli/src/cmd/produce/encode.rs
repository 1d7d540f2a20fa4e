//! Values of a topic whose schema is registered: JSON goes in, the schema's id and Avro come out.

use bytes::Bytes;
use milena_client::Cluster;
use milena_schema::avro::{Rigour, Schema};

use crate::{
    failure::{Failure, Kind},
    web::{Web, escaped},
};

/// The latest schema of a topic's values, if there is one that can be written here.
pub(super) struct Encoder(Option<Latest>);

struct Latest {
    subject: String,
    version: i64,
    id: u32,
    schema: Schema,
}

impl Encoder {
    /// Asks the broker's registry. A broker without one has no schemas.
    pub(super) async fn of(cluster: &Cluster, topic: &str, raw: bool) -> Self {
        if raw {
            return Self(None);
        }
        Self(latest(cluster, topic).await)
    }

    /// The bytes to be sent for a value. What has a schema's id already is sent as it is.
    pub(super) fn encode(&self, value: Bytes, place: &str) -> Result<Bytes, Failure> {
        let Some(latest) = self.0.as_ref().filter(|_| value.first() != Some(&0)) else { return Ok(value) };
        let Latest { subject, version, id, schema } = latest;
        let unfit = |why: String| {
            Failure::new(Kind::Failed, format!("{place} does not fit {subject} version {version}"))
                .why(why)
                .fix("milena produce --raw   sends the bytes as they are")
        };
        let text = std::str::from_utf8(&value).map_err(|e| unfit(e.to_string()))?;
        let mut out = vec![0];
        out.extend_from_slice(&id.to_be_bytes());
        schema.encode_json(text, &mut out).map_err(|flaw| unfit(flaw.to_string()))?;
        Ok(out.into())
    }
}

async fn latest(cluster: &Cluster, topic: &str) -> Option<Latest> {
    let subject = format!("{topic}-value");
    let web = Web::of(cluster, "encoding").await.ok()?;
    let found = web.get(&format!("/subjects/{}/versions/latest", escaped(&subject))).await.ok()?;
    if found["schemaType"].as_str().is_some_and(|kind| kind != "AVRO") || found.get("references").is_some() {
        return None;
    }
    let schema = Schema::parse_with(found["schema"].as_str()?, &[], Rigour::Stored).ok()?;
    Some(Latest { subject, version: found["version"].as_i64()?, id: found["id"].as_u64()?.try_into().ok()?, schema })
}
