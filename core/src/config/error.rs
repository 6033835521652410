//! Configurations that a node cannot start with.

use std::fmt;

use super::listener::ListenerError;
use super::quorum::QuorumError;
use super::row::ConfigKey;
use super::settings::Setting;
use super::value::Refusal;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    #[error("{key} = {value} ({source_text}): {refusal}")]
    Value { key: &'static str, value: String, source_text: String, refusal: Refusal },
    #[error("{key} must be set as soon as the node belongs to a cluster")]
    Missing { key: &'static str },
    #[error("{key} must not be empty")]
    Empty { key: &'static str },
    #[error("{key} = {value}: must be {allowed}")]
    Range { key: &'static str, value: i64, allowed: &'static str },
    #[error("{key} = {value}: must not be {direction} {limit_key}, which is {limit}")]
    Order { key: &'static str, value: i32, direction: &'static str, limit_key: &'static str, limit: i32 },
    #[error("group.coordinator.rebalance.protocols: classic must be among them, it cannot be switched off")]
    NoClassicGroups,
    #[error(transparent)]
    Listener(#[from] ListenerError),
    #[error(transparent)]
    Quorum(#[from] QuorumError),
    #[error("node.id is {node_id} and broker.id is {broker_id}: set only node.id")]
    TwoIds { node_id: i32, broker_id: i32 },
    #[error(
        "process.roles is set but no quorum is: set controller.quorum.voters or controller.quorum.bootstrap.servers"
    )]
    NoQuorum,
    #[error("node {id} has the controller role and is not among controller.quorum.voters")]
    ControllerNotVoter { id: i32 },
    #[error("node {id} has only the broker role and must not be among controller.quorum.voters")]
    BrokerIsVoter { id: i32 },
    #[error("controller.listener.names: none of its names is among listeners, and this node is a controller")]
    NoControllerListener,
    #[error("listeners: {name} is a listener for controllers, and this node is only a broker")]
    ControllerListenerOnBroker { name: String },
    #[error("listeners: {name} is not among controller.listener.names, and this node is only a controller")]
    BrokerListenerOnController { name: String },
    #[error("listeners: a broker needs one that is not among controller.listener.names")]
    NoBrokerListener,
    #[error("jackdaw.http.listener: {text} is not of the form host:port, and not empty")]
    HttpListener { text: String },
    #[error("inter.broker.listener.name: {name} is not among the advertised listeners of the broker")]
    InterBrokerListener { name: String },
}

impl ConfigError {
    /// A bad value; that of a password is not shown.
    pub(super) fn value(key: &ConfigKey, setting: &Setting, refusal: Refusal) -> ConfigError {
        let value = if key.sensitive() { "(hidden)" } else { setting.value.as_str() };
        ConfigError::Value {
            key: key.name,
            value: value.to_owned(),
            source_text: setting.source.to_string(),
            refusal,
        }
    }
}

/// Everything that is wrong with a configuration, one a line.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
