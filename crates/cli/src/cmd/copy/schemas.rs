//! Schemas with their ids: from the topic `_schemas` of the source, which Confluent's registry and Milena's write alike, or from a
//! registry by its URL.

use milena_client::{Reader, ReaderConfig, Selection, Topics, wire::Text};
use serde_json::json;

use super::Ends;
use crate::{
    cmd::schema::moving::{self, Replay},
    failure::{Failure, Kind},
    screen::counted,
    told::Stream,
    web::Web,
};

const TOPIC: Text = Text::from_static("_schemas");

pub(super) async fn copy(ends: &Ends, registry: Option<&str>, stream: &mut Stream) -> Result<(), Failure> {
    let replay = match registry {
        Some(url) => moving::of_registry(&Web::at(url)?).await?,
        None => match ends.from.cluster().metadata(Topics::All).await?.topics.contains_key(&TOPIC) {
            true => of_topic(ends).await?,
            false => return Ok(()),
        },
    };
    if replay.is_empty() {
        return Ok(());
    }
    let web = match Web::of_registry(ends.to.cluster(), "copying schemas").await {
        Ok(web) => web,
        Err(failure) => return Err(failure.hint("--no-schemas leaves them out")),
    };
    let versions = moving::take(&web, &replay).await?;
    let words = format!("{} of schemas, with their ids", counted(versions, "version"));
    stream.row(json!({"what": "schemas", "count": versions}), words)
}

/// What the records of the topic come to.
async fn of_topic(ends: &Ends) -> Result<Replay, Failure> {
    let config = ReaderConfig { committed: true, ..ReaderConfig::default() };
    let mut reader = Reader::open(ends.from.cluster().clone(), &[Selection::all(TOPIC)], config).await?;
    let mut replay = Replay::default();
    while let Some(message) = reader.next().await? {
        let text = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map(|b| String::from_utf8_lossy(b).into_owned());
        let line = format!("{}\t{}", text(&message.key).unwrap_or_default(), text(&message.value).unwrap_or_default());
        replay.line(&line).map_err(|why| {
            Failure::new(Kind::Failed, format!("the record at offset {} of _schemas cannot be read", message.offset)).why(why)
        })?;
    }
    Ok(replay)
}
