//! Keys and values of a topic whose schemas are registered: JSON goes in, the schema's id and its form of it come out.

use std::sync::Arc;

use bytes::Bytes;
use milena_client::{Cluster, NewRecord};
use milena_serde::Error;

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
        let value = if *raw { None } else { latest(&mut shelf, &subject, options).await? };
        let key = if *raw || *raw_key { None } else { latest(&mut shelf, &format!("{topic}-key"), options).await? };
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
            *key = part(known, key, (place, "--raw-key"), |text| known.encode_key(text))?;
        }
        if let Some((known, value)) = self.value.as_ref().zip(record.value.as_mut()) {
            *value = part(known, value, (place, "--raw"), |text| known.encode(text, self.message.as_deref()))?;
        }
        Ok(record)
    }
}

/// The newest schema of a subject. Another broker has none, and neither has one whose HTTP door is off.
async fn latest(shelf: &mut Shelf, subject: &str, options: &Options) -> Result<Option<Arc<Known>>, Failure> {
    let Some(registry) = shelf.registry().await.map_err(|failure| unusable(failure, subject))? else { return Ok(None) };
    let asked = Known::latest(&registry, subject).await;
    Ok(judged(asked, subject, |words| options.connect.say(words))?.map(Arc::new))
}

/// Where nobody is at the broker's HTTP door, as from another machine, that is told, and it goes on without a schema: most topics
/// have none. A registry that is there, or may be, and cannot tell ends it.
fn judged<K>(asked: Result<Option<K>, Error>, subject: &str, say: impl Fn(String)) -> Result<Option<K>, Failure> {
    match asked {
        Ok(known) => Ok(known),
        Err(error @ Error::Unreachable { absent: true, .. }) => {
            say(format!("whether {subject} has a schema cannot be asked, so what is sent goes as it is: {error}"));
            Ok(None)
        }
        Err(error) => Err(unusable(error.into(), subject)),
    }
}

fn unusable(failure: Failure, subject: &str) -> Failure {
    let failure = failure.within(format!("the schema of {subject} cannot be used; nothing was sent"));
    failure.fix("milena produce --raw   sends the bytes as they are")
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn nothing_is_sent_as_if_there_were_no_schema_where_the_registry_cannot_tell() {
        let said = RefCell::new(Vec::new());
        let ask = |asked| judged::<()>(asked, "t-value", |words| said.borrow_mut().push(words));
        assert!(matches!(ask(Ok(None)), Ok(None)) && said.borrow().is_empty());
        let message = "the store has stopped".into();
        let failed = Error::Refused { request: "GET x".into(), status: 500, code: 50001, message };
        let failure = ask(Err(failed)).unwrap_err().to_string();
        assert!(failure.contains("nothing was sent") && failure.contains("the store has stopped"), "{failure}");
        assert!(said.borrow().is_empty());
        let unreachable = |why: &str, absent| Error::Unreachable { address: "http://a:1".into(), why: why.into(), absent };
        let failure = ask(Err(unreachable("no answer within 10s", false))).unwrap_err().to_string();
        assert!(failure.contains("nothing was sent") && failure.contains("no answer within 10s"), "{failure}");
        assert!(said.borrow().is_empty());
        assert!(matches!(ask(Err(unreachable("connection refused", true))), Ok(None)));
        assert!(said.borrow()[0].contains("goes as it is"), "{said:?}");
    }
}
