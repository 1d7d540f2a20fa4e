//! Settings of topics, of the broker and of the cluster: shown, set, taken back, changed together.

use hyper::StatusCode;
use milena_node::engine::{
    settings::{Alter, Change, Entry, Given, Op, Scope, Source},
    topic::{AlterTopic, Command, SettingsChange},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    brokers,
    resource::{Place, escaped, told},
    topics,
};
use crate::{
    answer::{Answer, empty},
    rest::{
        Object, Scalar,
        fault::{Fault, Told},
        parsed,
    },
    serve::Door,
};

/// Whose settings.
#[derive(Clone, Copy)]
pub(super) enum Owner<'a> {
    Topic(&'a str),
    Broker(&'a str),
    Cluster,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    value: Option<Scalar>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    data: Vec<Object<BatchEntry>>,
    validate_only: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchEntry {
    name: String,
    value: Option<Scalar>,
    operation: Option<String>,
}

impl Owner<'_> {
    fn path(self) -> String {
        match self {
            Self::Topic(topic) => format!("/topics/{}/configs", escaped(topic)),
            Self::Broker(id) => format!("/brokers/{id}/configs"),
            Self::Cluster => "/broker-configs".into(),
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Topic(_) => "KafkaTopicConfig",
            Self::Broker(_) => "KafkaBrokerConfig",
            Self::Cluster => "KafkaClusterConfig",
        }
    }

    fn entries(self, door: &Door) -> Told<Vec<Entry>> {
        match self {
            Self::Topic(topic) => Ok(door.node.describe_topic(&*topics::find(door, topic)?)),
            Self::Broker(id) => {
                brokers::judge(&door.node, id)?;
                Ok(door.node.config().describe())
            }
            Self::Cluster => Ok(door.node.config().describe_cluster()),
        }
    }

    fn shown(self, place: &Place, entry: Entry) -> Value {
        let name = entry.setting.name;
        let synonym = |given: Given| json!({"name": given.name, "value": given.value, "source": source(self, given.source)});
        let (owner, resource) = match self {
            Self::Topic(topic) => (json!({"topic_name": topic}), format!("/topic={topic}/config={name}")),
            Self::Broker(id) => (json!({"broker_id": id.parse::<i32>().ok()}), format!("/broker={id}/config={name}")),
            Self::Cluster => (json!({"config_type": "BROKER"}), format!("/broker-config={name}")),
        };
        let mut fields = json!({
            "name": name,
            "value": entry.value,
            "is_default": entry.source == Source::Default,
            "is_read_only": entry.setting.read_only(),
            "is_sensitive": entry.setting.sensitive(),
            "source": source(self, entry.source),
            "synonyms": entry.synonyms.into_iter().map(synonym).collect::<Vec<_>>(),
        });
        if let (Value::Object(fields), Value::Object(owner)) = (&mut fields, owner) {
            fields.extend(owner);
        }
        place.resource(self.kind(), &format!("{}/{}", self.path(), escaped(name)), &resource, fields)
    }
}

fn source(owner: Owner<'_>, source: Source) -> &'static str {
    match (source, owner) {
        (Source::Topic, _) => "DYNAMIC_TOPIC_CONFIG",
        (Source::Broker, _) => "DYNAMIC_BROKER_CONFIG",
        (Source::Cluster, _) => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        (Source::Start, _) => "STATIC_BROKER_CONFIG",
        (Source::Group, _) => "DYNAMIC_GROUP_CONFIG",
        (Source::ClientMetrics, _) => "DYNAMIC_CLIENT_METRICS_CONFIG",
        (Source::Default, _) => "DEFAULT_CONFIG",
    }
}

pub(super) fn list(door: &Door, place: &Place, owner: Owner<'_>) -> Told<Answer> {
    let data = owner.entries(door)?.into_iter().map(|entry| owner.shown(place, entry)).collect();
    Ok(place.list(&format!("{}List", owner.kind()), &owner.path(), data))
}

/// Of all topics, or of all brokers.
pub(super) fn list_all(door: &Door, place: &Place, of_topics: bool) -> Told<Answer> {
    let (topics, id) = (door.node.topics(), door.node.node_id().to_string());
    let owners: Vec<Owner<'_>> = match of_topics {
        true => topics.iter().map(|topic| Owner::Topic(topic.name.as_str())).collect(),
        false => vec![Owner::Broker(&id)],
    };
    let mut data = Vec::new();
    for owner in owners {
        data.extend(owner.entries(door)?.into_iter().map(|entry| owner.shown(place, entry)));
    }
    let (kind, path) =
        if of_topics { ("KafkaTopicConfigList", "/topics/-/configs") } else { ("KafkaBrokerConfigList", "/brokers/-/configs") };
    Ok(place.list(kind, path, data))
}

fn find(door: &Door, owner: Owner<'_>, name: &str) -> Told<Entry> {
    let found = owner.entries(door)?.into_iter().find(|entry| entry.setting.name == name);
    found.ok_or_else(|| Fault::plain(StatusCode::NOT_FOUND, format!("Config not found: {name}")))
}

pub(super) fn one(door: &Door, place: &Place, owner: Owner<'_>, name: &str) -> Told<Answer> {
    let entry = find(door, owner, name)?;
    Ok(told(StatusCode::OK, &owner.shown(place, entry)))
}

pub(super) async fn put(door: &Door, owner: Owner<'_>, name: &str, body: &[u8]) -> Told<Answer> {
    known(door, owner, name)?;
    let asked: Update = parsed(body)?;
    let change = Change { name: name.to_owned(), op: Op::Set, value: asked.value.map(|Scalar(value)| value) };
    alter(door, owner, vec![change], false).await
}

pub(super) async fn delete(door: &Door, owner: Owner<'_>, name: &str) -> Told<Answer> {
    known(door, owner, name)?;
    alter(door, owner, vec![Change::delete(name)], false).await
}

/// What the cluster has set is a short list; whatever a broker has can be set for all.
fn known(door: &Door, owner: Owner<'_>, name: &str) -> Told<()> {
    let id = door.node.node_id().to_string();
    let owner = if let Owner::Cluster = owner { Owner::Broker(&id) } else { owner };
    find(door, owner, name).map(drop)
}

pub(super) async fn alter_many(door: &Door, owner: Owner<'_>, body: &[u8]) -> Told<Answer> {
    owner.entries(door)?;
    let asked: Batch = parsed(body)?;
    let change = |Object(entry): Object<BatchEntry>| {
        let op = match entry.operation.as_deref().unwrap_or("SET").to_ascii_uppercase().as_str() {
            "SET" => Op::Set,
            "DELETE" => Op::Delete,
            "APPEND" => Op::Append,
            "SUBTRACT" => Op::Subtract,
            other => return Err(Fault::bad_request(format!("operation {other:?} is not SET, DELETE, APPEND or SUBTRACT"))),
        };
        known(door, owner, &entry.name)?;
        Ok(Change { name: entry.name, op, value: entry.value.map(|Scalar(value)| value) })
    };
    let changes = asked.data.into_iter().map(change).collect::<Told<Vec<_>>>()?;
    alter(door, owner, changes, asked.validate_only.unwrap_or_default()).await
}

async fn alter(door: &Door, owner: Owner<'_>, changes: Vec<Change>, only_try: bool) -> Told<Answer> {
    let node = &door.node;
    match owner {
        Owner::Topic(topic) => {
            let (name, change) = (topic.to_owned(), SettingsChange::Some(changes));
            match only_try {
                true => node.try_catalog(Command::Alter(AlterTopic { name, change })).map(drop)?,
                false => node.alter_topic(&name, change).await??,
            }
        }
        Owner::Broker(_) | Owner::Cluster => {
            if let Owner::Broker(id) = owner {
                brokers::judge(node, id)?;
            }
            let scope = if let Owner::Cluster = owner { Scope::Cluster } else { Scope::Broker };
            let alter = Alter::Some(scope, changes);
            match only_try {
                true => node.try_alter_broker(alter)?,
                false => node.alter_broker(alter).await??,
            }
        }
    }
    Ok(empty(StatusCode::NO_CONTENT))
}
