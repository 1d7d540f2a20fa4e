//! Keys and values that carry a schema's id, as JSON: their schemas are asked of the broker's registry, each once. What cannot
//! be decoded stays as it is, and looks like it.

use std::collections::HashMap;

use bytes::Bytes;
use milena_client::{Cluster, Message};
use milena_schema::avro::{Plan, Rigour, Schema, Unions};

use crate::web::Web;

pub(crate) struct Decoder {
    cluster: Cluster,
    /// Asked for when the first id is met.
    web: Option<Option<Web>>,
    known: HashMap<u32, Known>,
}

/// What the registry says of an id.
enum Known {
    Avro(Box<Plan>),
    /// The bytes are the text.
    Json,
    No,
}

impl Decoder {
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self { cluster, web: None, known: HashMap::new() }
    }

    pub(crate) async fn decode(&mut self, message: &mut Message) {
        for part in [&mut message.key, &mut message.value] {
            let Some((id, body)) = part.as_ref().and_then(framed) else { continue };
            if !self.known.contains_key(&id) {
                let known = self.ask(id).await;
                self.known.insert(id, known);
            }
            match self.known.get(&id) {
                Some(Known::Avro(plan)) => {
                    if let Ok(json) = plan.to_json(&body, Unions::Bare) {
                        *part = Some(json.into());
                    }
                }
                Some(Known::Json) => *part = Some(body),
                _ => {}
            }
        }
    }

    async fn ask(&mut self, id: u32) -> Known {
        if self.web.is_none() {
            self.web = Some(Web::of(&self.cluster, "decoding").await.ok());
        }
        let Some(Some(web)) = &self.web else { return Known::No };
        let Ok(found) = web.get(&format!("/schemas/ids/{id}")).await else { return Known::No };
        let text = found["schema"].as_str().unwrap_or_default();
        // A schema that stands on others is not put together here.
        match (found["schemaType"].as_str().unwrap_or("AVRO"), found.get("references")) {
            ("AVRO", None) => match Schema::parse_with(text, &[], Rigour::Stored) {
                Ok(schema) => Known::Avro(Box::new(Plan::new(&schema))),
                Err(_) => Known::No,
            },
            ("JSON", _) => Known::Json,
            _ => Known::No,
        }
    }
}

/// Confluent's wire format: a zero, four bytes of an id, and the rest.
fn framed(bytes: &Bytes) -> Option<(u32, Bytes)> {
    match bytes[..] {
        [0, a, b, c, d, ..] => Some((u32::from_be_bytes([a, b, c, d]), bytes.slice(5..))),
        _ => None,
    }
}
