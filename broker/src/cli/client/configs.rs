//! Configurations of topics, brokers, the cluster, groups and client metrics: described and altered.

use std::str::FromStr;

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
};
use jackdaw_core::protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

use super::Client;
use super::error::ClientError;

/// `ConfigSource` of a value that was set for the topic itself.
pub(crate) const SOURCE_TOPIC: i8 = 1;
/// `ConfigSource` of a key's default.
pub(crate) const SOURCE_DEFAULT: i8 = 5;

/// Kafka's `ConfigSource` in words.
pub(crate) fn source_text(source: i8) -> &'static str {
    match source {
        SOURCE_TOPIC => "topic",
        2 => "broker",
        3 => "cluster",
        4 => "server.properties",
        SOURCE_DEFAULT => "default",
        7 => "client metrics",
        8 => "group",
        _ => "unknown",
    }
}

/// What has a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConfigResource {
    Topic(String),
    Broker(i32),
    /// What all brokers take that have no value of their own.
    Cluster,
    Group(String),
    ClientMetrics(String),
}

/// The text names no resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write topic/NAME, broker/ID, cluster, group/NAME or client-metrics/NAME")]
pub(crate) struct InvalidResource;

impl FromStr for ConfigResource {
    type Err = InvalidResource;

    fn from_str(text: &str) -> Result<Self, InvalidResource> {
        let Some((kind, name)) = text.split_once('/') else {
            return if text == "cluster" { Ok(Self::Cluster) } else { Err(InvalidResource) };
        };
        match kind {
            _ if name.is_empty() => Err(InvalidResource),
            "topic" => Ok(Self::Topic(name.to_owned())),
            "broker" => {
                let id = name.parse().ok().filter(|&id: &i32| id >= 0);
                id.map(Self::Broker).ok_or(InvalidResource)
            }
            "group" => Ok(Self::Group(name.to_owned())),
            "client-metrics" => Ok(Self::ClientMetrics(name.to_owned())),
            _ => Err(InvalidResource),
        }
    }
}

impl std::fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic/{name}"),
            Self::Broker(id) => write!(f, "broker/{id}"),
            Self::Cluster => f.write_str("cluster"),
            Self::Group(name) => write!(f, "group/{name}"),
            Self::ClientMetrics(name) => write!(f, "client-metrics/{name}"),
        }
    }
}

impl ConfigResource {
    /// Its type and name on the wire.
    fn on_the_wire(&self) -> (i8, String) {
        match self {
            Self::Topic(name) => (2, name.clone()),
            Self::Broker(id) => (4, id.to_string()),
            Self::Cluster => (4, String::new()),
            Self::ClientMetrics(name) => (16, name.clone()),
            Self::Group(name) => (32, name.clone()),
        }
    }

    fn failure(&self, verb: &str, code: i16, message: Option<String>) -> ClientError {
        match (self, ErrorCode::from_i16(code)) {
            (Self::Topic(name), ErrorCode::UnknownTopicOrPartition) => {
                ClientError::UnknownTopic(name.clone())
            }
            _ => ClientError::broker(format!("cannot {verb} the configuration of {self}"), code, message),
        }
    }
}

/// What is done to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConfigChange {
    Set(String, String),
    Unset(String),
    /// Elements of a list are added.
    Append(String, String),
    /// Elements of a list are taken away.
    Subtract(String, String),
}

impl ConfigChange {
    fn on_the_wire(&self) -> AlterableConfig {
        let (name, config_operation, value) = match self {
            Self::Set(name, value) => (name, 0, Some(value)),
            Self::Unset(name) => (name, 1, None),
            Self::Append(name, value) => (name, 2, Some(value)),
            Self::Subtract(name, value) => (name, 3, Some(value)),
        };
        AlterableConfig { name: name.clone(), config_operation, value: value.cloned() }
    }
}

impl Client {
    /// A resource's values by name, each with where it comes from and what stands below it.
    ///
    /// # Errors
    /// There is no such topic or broker, or it cannot be asked.
    pub(crate) fn describe_configs(
        &mut self,
        resource: &ConfigResource,
        include_documentation: bool,
    ) -> Result<Vec<DescribeConfigsResourceResult>, ClientError> {
        let (resource_type, resource_name) = resource.on_the_wire();
        let asked = DescribeConfigsResource { resource_type, resource_name, configuration_keys: None };
        let request = |version| DescribeConfigsRequest {
            resources: vec![asked],
            include_synonyms: true,
            // Not there before version 3.
            include_documentation: include_documentation && version >= 3,
        };
        let answer = match self.broker_of(resource)? {
            Some(id) => self.call_node(id, request)?,
            None => self.call_any(request)?,
        };
        let Some(result) = answer.results.into_iter().next() else { return Ok(Vec::new()) };
        if result.error_code != 0 {
            return Err(resource.failure("describe", result.error_code, result.error_message));
        }
        let mut configs = result.configs;
        configs.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(configs)
    }

    /// Does all the changes of one resource, or none.
    ///
    /// # Errors
    /// There is no such topic or broker, or one of the changes is refused.
    pub(crate) fn alter_configs(
        &mut self,
        resource: &ConfigResource,
        changes: &[ConfigChange],
        validate_only: bool,
    ) -> Result<(), ClientError> {
        let (resource_type, resource_name) = resource.on_the_wire();
        let configs = changes.iter().map(ConfigChange::on_the_wire).collect();
        let resources = vec![AlterConfigsResource { resource_type, resource_name, configs }];
        let request = |_| IncrementalAlterConfigsRequest { resources, validate_only };
        let answer = match self.broker_of(resource)? {
            Some(id) => self.call_node(id, request)?,
            None => self.call_any(request)?,
        };
        match answer.responses.into_iter().next() {
            Some(result) if result.error_code != 0 => {
                Err(resource.failure("alter", result.error_code, result.error_message))
            }
            _ => Ok(()),
        }
    }

    /// A broker speaks for itself.
    fn broker_of(&mut self, resource: &ConfigResource) -> Result<Option<i32>, ClientError> {
        let ConfigResource::Broker(id) = *resource else { return Ok(None) };
        self.refresh_nodes()?;
        match self.metadata.address(id) {
            Some(_) => Ok(Some(id)),
            None => Err(ClientError::Missing {
                what: format!("there is no broker {id}; there are {:?}", self.metadata.node_ids()),
                advice: "`jackdaw config describe cluster` shows what all brokers take.",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_read_and_written() {
        for text in ["topic/orders", "broker/0", "cluster", "group/a/b", "client-metrics/m"] {
            assert_eq!(text.parse::<ConfigResource>().unwrap().to_string(), text);
        }
        for text in ["", "orders", "topic", "topic/", "broker/x", "broker/-1", "cluster/1", "logger/1"] {
            assert_eq!(text.parse::<ConfigResource>(), Err(InvalidResource), "{text}");
        }
    }
}
