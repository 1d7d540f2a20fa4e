//! Settings of topics, brokers and groups: read with where they come from, changed one by one.

use milena_wire::{
    DescribeConfigsRequest, IncrementalAlterConfigsRequest, ListConfigResourcesRequest, Text,
    describe_configs::{DescribeConfigsResource, DescribeConfigsResourceResult},
    incremental_alter_configs::{AlterConfigsResource, AlterableConfig},
};

use super::{Admin, Kind, Said, given, worst};
use crate::{Node, Result};

/// What has settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resource {
    Topic(Text),
    /// One broker; answered by itself.
    Broker(i32),
    /// The defaults of all brokers.
    Cluster,
    Group(Text),
    ClientMetrics(Text),
}

impl Resource {
    fn wire(&self) -> (i8, Text) {
        match self {
            Self::Topic(name) => (2, name.clone()),
            Self::Broker(id) => (4, id.to_string().into()),
            Self::Cluster => (4, Text::default()),
            Self::ClientMetrics(name) => (16, name.clone()),
            Self::Group(name) => (32, name.clone()),
        }
    }

    fn node(&self) -> Node {
        match self {
            Self::Broker(id) => Node::Id(*id),
            _ => Node::Any,
        }
    }
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic {:?}", &**name),
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Cluster => f.write_str("the cluster"),
            Self::Group(name) => write!(f, "group {:?}", &**name),
            Self::ClientMetrics(name) => write!(f, "client metrics {:?}", &**name),
        }
    }
}

/// Who set a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConfigSource {
    Topic,
    Broker,
    ClusterDefault,
    File,
    Default,
    Group,
    ClientMetrics,
    Other(i8),
}

impl ConfigSource {
    fn read(source: i8) -> Self {
        match source {
            1 => Self::Topic,
            2 => Self::Broker,
            3 => Self::ClusterDefault,
            4 => Self::File,
            5 => Self::Default,
            7 => Self::ClientMetrics,
            8 => Self::Group,
            other => Self::Other(other),
        }
    }
}

/// What kind of value a setting has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConfigType {
    Unknown,
    Boolean,
    String,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

impl ConfigType {
    fn read(kind: i8) -> Self {
        use ConfigType::*;
        let known = [Unknown, Boolean, String, Int, Short, Long, Double, List, Class, Password];
        usize::try_from(kind).ok().and_then(|n| known.get(n).copied()).unwrap_or(Unknown)
    }
}

/// One setting.
#[derive(Clone, Debug)]
pub struct ConfigEntry {
    pub name: Text,
    /// `None`: sensitive, or not set.
    pub value: Option<Text>,
    pub source: ConfigSource,
    pub read_only: bool,
    pub sensitive: bool,
    pub kind: ConfigType,
    pub documentation: Option<Text>,
    /// Where the value could come from, strongest first.
    pub synonyms: Vec<Synonym>,
}

/// One place that a setting's value can come from.
#[derive(Clone, Debug)]
pub struct Synonym {
    pub name: Text,
    pub value: Option<Text>,
    pub source: ConfigSource,
}

/// A change of one setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    Set(Text),
    /// Back to the default.
    Unset,
    /// Adds to a list.
    Append(Text),
    /// Takes out of a list.
    Subtract(Text),
}

impl Admin {
    /// The settings of something: all, or those named.
    pub async fn configs(&self, of: &Resource, names: Option<&[Text]>, documentation: bool) -> Result<Vec<ConfigEntry>> {
        let (resource_type, resource_name) = of.wire();
        let build = |version| DescribeConfigsRequest {
            resources: vec![DescribeConfigsResource {
                resource_type,
                resource_name: resource_name.clone(),
                configuration_keys: names.map(<[Text]>::to_vec),
                ..Default::default()
            }],
            include_synonyms: true,
            include_documentation: documentation && version >= 3,
            ..Default::default()
        };
        let about = format!("configs of {of}");
        let response = self
            .call(Kind::Looks, &of.node(), &about, build, |r| {
                worst(r.results.iter().map(|c| Said::new(c.error_code, c.error_message.as_ref())))
            })
            .await?;
        let result = given(response.results.into_iter().next(), &about)?;
        Ok(result.configs.into_iter().map(read).collect())
    }

    /// Changes settings one by one, leaving the others (KIP-339).
    pub async fn change_configs(&self, of: &Resource, changes: &[(Text, Change)], validate_only: bool) -> Result<()> {
        let (resource_type, resource_name) = of.wire();
        let config = |(name, change): &(Text, Change)| {
            let (config_operation, value) = match change {
                Change::Set(value) => (0, Some(value.clone())),
                Change::Unset => (1, None),
                Change::Append(value) => (2, Some(value.clone())),
                Change::Subtract(value) => (3, Some(value.clone())),
            };
            AlterableConfig { name: name.clone(), config_operation, value, ..Default::default() }
        };
        let build = |_| IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type,
                resource_name: resource_name.clone(),
                configs: changes.iter().map(config).collect(),
                ..Default::default()
            }],
            validate_only,
            ..Default::default()
        };
        self.call(Kind::Changes, &of.node(), &format!("configs of {of}"), build, |r| {
            worst(r.responses.iter().map(|c| Said::new(c.error_code, c.error_message.as_ref())))
        })
        .await
        .map(|_| ())
    }

    /// What has settings of its own, from Kafka 4.1: groups, client metrics, topics, brokers.
    pub async fn config_resources(&self) -> Result<Vec<Resource>> {
        let build = |_| ListConfigResourcesRequest::default();
        let response =
            self.call(Kind::Looks, &Node::Any, "config resources", build, |r| Said { code: r.error_code, message: None }).await?;
        let read = |r: milena_wire::list_config_resources::ConfigResource| match r.resource_type {
            2 => Some(Resource::Topic(r.resource_name)),
            4 if r.resource_name.is_empty() => Some(Resource::Cluster),
            4 => r.resource_name.parse().ok().map(Resource::Broker),
            16 => Some(Resource::ClientMetrics(r.resource_name)),
            32 => Some(Resource::Group(r.resource_name)),
            _ => None,
        };
        Ok(response.config_resources.into_iter().filter_map(read).collect())
    }
}

fn read(config: DescribeConfigsResourceResult) -> ConfigEntry {
    ConfigEntry {
        name: config.name,
        value: config.value,
        source: ConfigSource::read(config.config_source),
        read_only: config.read_only,
        sensitive: config.is_sensitive,
        kind: ConfigType::read(config.config_type),
        documentation: config.documentation.filter(|d| !d.is_empty()),
        synonyms: config
            .synonyms
            .into_iter()
            .map(|s| Synonym { name: s.name, value: s.value, source: ConfigSource::read(s.source) })
            .collect(),
    }
}
