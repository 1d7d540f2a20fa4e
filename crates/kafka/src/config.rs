//! Resources that have settings, as the config APIs name them: which there are, and how each is described or changed.
//! Knows resource types and their refusals; which settings there are is the engine's.

use milena_engine::{
    ids::TopicName,
    settings::{Alter, Change, Entry, Scope, offered::Offered},
    topic::{AlterTopic, Command, Refusal, SettingsChange},
};
use milena_node::Node;
use milena_wire::ErrorCode;

use crate::errors::{Code, Noun, Told, setting_code, told};

pub(crate) const TOPIC: i8 = 2;
pub(crate) const BROKER: i8 = 4;
pub(crate) const LOGGER: i8 = 8;
pub(crate) const CLIENT_METRICS: i8 = 16;
pub(crate) const GROUP: i8 = 32;

/// The types of the resources above, in the order in which lists name them.
pub(crate) const TYPES: [i8; 5] = [GROUP, CLIENT_METRICS, LOGGER, BROKER, TOPIC];

fn invalid(words: impl Into<String>) -> Told {
    (ErrorCode::INVALID_REQUEST, words.into())
}

fn topic_refusal(refusal: &Refusal) -> Told {
    (refusal.code(), refusal.to_string())
}

/// Every setting of a resource as it stands.
pub(crate) fn describe(node: &Node, kind: i8, name: &str) -> Result<Vec<Entry>, Told> {
    match kind {
        TOPIC => {
            name.parse::<TopicName>().map_err(|bad| topic_refusal(&bad.into()))?;
            let unknown = || (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, String::new());
            Ok(node.describe_topic(&*node.topic(name).ok_or_else(unknown)?))
        }
        BROKER if name.is_empty() => Ok(node.config().describe_cluster()),
        BROKER => match name.parse::<i32>() {
            Ok(id) if id == node.node_id() => Ok(node.config().describe()),
            Ok(id) => {
                let own = node.node_id();
                Err(invalid(format!("Unexpected broker id, expected {own} or empty string, but received {id}")))
            }
            Err(_) => Err(invalid(format!("Broker id must be an integer, but it is: {name}"))),
        },
        // What is logged is set when the broker starts.
        LOGGER if name.is_empty() => Err(invalid("Broker id must not be empty")),
        LOGGER if name.parse() == Ok(node.node_id()) => Ok(Vec::new()),
        LOGGER => Err(invalid(format!("Unexpected broker id, expected {} but received {name}", node.node_id()))),
        GROUP if name.is_empty() => Err(invalid("Group name must not be empty")),
        GROUP => Ok(Offered::Group.describe(&node.config(), name)),
        CLIENT_METRICS if name.is_empty() => Err(invalid("Client metrics subscription name must not be empty")),
        CLIENT_METRICS => Ok(Offered::ClientMetrics.describe(&node.config(), name)),
        other => Err(invalid(format!("Unknown resource type {other}"))),
    }
}

/// What is asked to become of a resource's settings.
pub(crate) enum Wish {
    /// What is not named stays.
    Some(Vec<Change>),
    /// What is not named is taken back.
    Whole(Vec<(String, Option<String>)>),
}

/// Changes a resource's settings, or only says whether that would do.
pub(crate) async fn alter(node: &Node, kind: i8, name: &str, wish: Wish, only_try: bool) -> Result<(), Told> {
    match kind {
        TOPIC => alter_topic(node, name, wish, only_try).await,
        BROKER => {
            let scope = match name.parse::<i32>() {
                _ if name.is_empty() => Scope::Cluster,
                Ok(id) if id == node.node_id() => Scope::Broker,
                Ok(id) => {
                    let own = node.node_id();
                    return Err(invalid(format!("Unexpected broker id, expected {own}, but received {id}")));
                }
                Err(_) => return Err(invalid(format!("Node id must be an integer, but it is: {name}"))),
            };
            alter_broker(node, scope, wish, only_try).await
        }
        LOGGER => match wish {
            Wish::Some(changes) if changes.is_empty() => Ok(()),
            Wish::Some(changes) => Err((ErrorCode::INVALID_CONFIG, format!("Logger {} does not exist!", changes[0].name))),
            Wish::Whole(_) => Err(invalid(format!("Unknown resource type {LOGGER}"))),
        },
        GROUP if name.is_empty() => Err(invalid("Default group resources are not allowed.")),
        CLIENT_METRICS if name.is_empty() => Err(invalid("Default client metrics resources are not allowed.")),
        GROUP => alter_resource(node, Offered::Group, name, wish, only_try).await,
        CLIENT_METRICS => alter_resource(node, Offered::ClientMetrics, name, wish, only_try).await,
        other => Err(invalid(format!("Unknown resource type {other}"))),
    }
}

async fn alter_topic(node: &Node, name: &str, wish: Wish, only_try: bool) -> Result<(), Told> {
    if name.is_empty() {
        return Err(invalid("Default topic resources are not allowed."));
    }
    name.parse::<TopicName>().map_err(|bad| topic_refusal(&bad.into()))?;
    let change = match wish {
        Wish::Some(changes) => SettingsChange::Some(changes),
        Wish::Whole(settings) => SettingsChange::Whole(settings),
    };
    if only_try {
        let alter = Command::Alter(AlterTopic { name: name.to_owned(), change });
        return node.try_catalog(alter).map(drop).map_err(|refusal| topic_refusal(&refusal));
    }
    told(node.alter_topic(name, change).await)
}

async fn alter_broker(node: &Node, scope: Scope, wish: Wish, only_try: bool) -> Result<(), Told> {
    let alter = match wish {
        Wish::Some(changes) => Alter::Some(scope, changes),
        Wish::Whole(settings) => Alter::Whole(scope, settings),
    };
    alter_config(node, alter, only_try, Noun::Broker).await
}

async fn alter_resource(node: &Node, kind: Offered, name: &str, wish: Wish, only_try: bool) -> Result<(), Told> {
    let alter = match wish {
        Wish::Some(changes) => Alter::SomeOf(kind, name.to_owned(), changes),
        Wish::Whole(settings) => Alter::WholeOf(kind, name.to_owned(), settings),
    };
    alter_config(node, alter, only_try, Noun::Topic).await
}

async fn alter_config(node: &Node, alter: Alter, only_try: bool, noun: Noun) -> Result<(), Told> {
    let judged = match only_try {
        true => Ok(node.try_alter_broker(alter)),
        false => node.alter_broker(alter).await,
    };
    match judged {
        Ok(Ok(())) => Ok(()),
        Ok(Err(refusal)) => Err((setting_code(&refusal, noun), refusal.to_string())),
        Err(no_room) => Err((no_room.code(), no_room.to_string())),
    }
}

/// Which places in a list of resources name one that another place names too.
pub(crate) fn repeated<'a>(resources: impl Iterator<Item = (i8, &'a str)>) -> hashbrown::HashSet<(i8, String)> {
    let mut seen = hashbrown::HashSet::new();
    resources.filter(|resource| !seen.insert(*resource)).map(|(kind, name)| (kind, name.to_owned())).collect()
}
