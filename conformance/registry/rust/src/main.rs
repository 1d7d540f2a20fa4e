//! schema_registry_converter: people KAFKA REGISTRY {write TOPIC… | read TOPIC…}
//!
//! The first word of a topic's name is the format of its values.

use anyhow::{Context, Result, bail, ensure};
use milena_client::{Acks, Cluster, Config, NewRecord, Producer, ProducerConfig, Reader, Selection};
use schema_registry_converter::{
    async_impl::{
        easy_avro::{EasyAvroDecoder, EasyAvroEncoder},
        easy_json::{EasyJsonDecoder, EasyJsonEncoder},
        easy_proto_decoder::EasyProtoDecoder,
        easy_proto_encoder::EasyProtoEncoder,
        schema_registry::SrSettings,
    },
    schema_registry_common::{SchemaType, SubjectNameStrategy, SuppliedSchema},
};
use serde_json::{Value, json};

const AVRO: &str = r#"{"type":"record","name":"FullName","namespace":"com.example","fields":[{"name":"first","type":"string"},{"name":"last","type":"string"}]}"#;
const JSON: &str = r#"{"$schema":"http://json-schema.org/draft-07/schema#","title":"FullName","type":"object","properties":{"first":{"type":"string"},"last":{"type":"string"}},"required":["first"]}"#;
const PROTO: &str = "syntax = \"proto3\";\npackage com.example;\nmessage FullName { string first = 1; string last = 2; }\n";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [kafka, registry, role, topics @ ..] = args.as_slice() else { bail!("people KAFKA REGISTRY ROLE TOPIC…") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let config = Config { auto_create_topics: true, ..Config::new([kafka.parse()?]) };
        let cluster = Cluster::connect(config).await?;
        let settings = SrSettings::new(registry.clone());
        for topic in topics {
            match role.as_str() {
                "write" => write(&cluster, &settings, topic).await,
                _ => read(&cluster, &settings, topic).await,
            }
            .with_context(|| topic.clone())?;
        }
        println!("rust {role}: {} passed", topics.len());
        Ok(())
    })
}

fn john() -> Value {
    json!({"first": "john", "last": "doe"})
}

fn format(topic: &str) -> &str {
    topic.split('-').next().unwrap_or_default()
}

async fn write(cluster: &Cluster, settings: &SrSettings, topic: &str) -> Result<()> {
    let value = encode(settings, topic).await?;
    let producer = Producer::new(cluster.clone(), ProducerConfig { acks: Acks::All, ..Default::default() });
    producer.write(NewRecord::new(topic, value)).await?;
    Ok(())
}

async fn encode(settings: &SrSettings, topic: &str) -> Result<Vec<u8>> {
    let strategy = |kind, text: &str| {
        let name = Some("com.example.FullName".to_string());
        SubjectNameStrategy::TopicNameStrategyWithSchema(topic.into(), false, SuppliedSchema::new(name, kind, text.into()))
    };
    let (value, payload) = match format(topic) {
        "avro" => {
            let fields = vec![("first", apache_avro::types::Value::from("john")), ("last", "doe".into())];
            let encoder = EasyAvroEncoder::new(settings.clone());
            (encoder.encode(fields, strategy(SchemaType::Avro, AVRO)).await?, b"\x08john\x06doe".to_vec())
        }
        "json" => {
            let encoder = EasyJsonEncoder::new(settings.clone());
            (encoder.encode(&john(), strategy(SchemaType::Json, JSON)).await?, john().to_string().into_bytes())
        }
        "protobuf" => {
            let encoder = EasyProtoEncoder::new(settings.clone());
            let strategy = strategy(SchemaType::Protobuf, PROTO);
            let value = encoder.encode_json(&john(), "com.example.FullName", &strategy).await?;
            (value, b"\0\x0a\x04john\x12\x03doe".to_vec())
        }
        other => bail!("no format is called {other}"),
    };
    ensure!(value[0] == 0 && value[5..] == payload, "{value:?}");
    Ok(value)
}

async fn read(cluster: &Cluster, settings: &SrSettings, topic: &str) -> Result<()> {
    let mut reader = Reader::open(cluster.clone(), &[Selection::all(topic)], Default::default()).await?;
    let message = reader.next().await?.context("the topic has a message")?;
    let value = decode(settings, topic, message.value.as_deref()).await?;
    ensure!(value == john(), "{value}");
    Ok(())
}

async fn decode(settings: &SrSettings, topic: &str, bytes: Option<&[u8]>) -> Result<Value> {
    Ok(match format(topic) {
        "avro" => apache_avro::from_value(&EasyAvroDecoder::new(settings.clone()).decode(bytes).await?.value)?,
        "json" => EasyJsonDecoder::new(settings.clone()).decode(bytes).await?.context("a value")?.value,
        _ => {
            let decoded = EasyProtoDecoder::new(settings.clone()).decode_with_context(bytes).await?.context("a value")?;
            let field = |name| decoded.value.get_field_by_name(name).and_then(|v| v.as_str().map(str::to_owned));
            json!({"first": field("first"), "last": field("last")})
        }
    })
}
