//! The table of every configuration key, by family, and look-ups in it.

mod client_metrics;
mod entity_quota;
mod group;
mod group_keys;
mod log;
mod network;
mod node;
mod quota;
mod reasons;
mod remote;
mod replication;
mod security;
mod share;
mod telemetry;
mod topic;
mod transaction;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::row::ConfigKey;

/// A titled part of the table, as it stands on the generated page.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub title: &'static str,
    pub keys: &'static [ConfigKey],
}

/// Every key of a broker's or controller's properties.
pub const BROKER: &[Family] = &[
    Family { title: "Node, quorum and metadata", keys: node::KEYS },
    Family { title: "Listeners, connections and requests", keys: network::KEYS },
    Family { title: "Logs", keys: log::KEYS },
    Family { title: "Replication", keys: replication::KEYS },
    Family { title: "Groups and offsets", keys: group::KEYS },
    Family { title: "Share groups", keys: share::KEYS },
    Family { title: "Producers and transactions", keys: transaction::KEYS },
    Family { title: "Quotas", keys: quota::KEYS },
    Family { title: "Tiered storage", keys: remote::KEYS },
    Family { title: "Security", keys: security::KEYS },
    Family { title: "Metrics", keys: telemetry::KEYS },
];

/// Every key of a topic.
pub const TOPIC: &[ConfigKey] = topic::KEYS;
/// Every key of a group.
pub const GROUP: &[ConfigKey] = group_keys::KEYS;
/// Every key of a client metrics subscription.
pub const CLIENT_METRICS: &[ConfigKey] = client_metrics::KEYS;
/// Quotas and credentials of users and client ids.
pub const USER_AND_CLIENT: &[ConfigKey] = entity_quota::USER_AND_CLIENT;
/// Quotas of client addresses.
pub const ADDRESS: &[ConfigKey] = entity_quota::ADDRESS;
/// Quotas of a broker, set only while it runs.
pub const BROKER_QUOTA: &[ConfigKey] = entity_quota::BROKER_QUOTA;

/// Every key of a broker in one sequence.
pub fn broker_keys() -> impl Iterator<Item = &'static ConfigKey> {
    BROKER.iter().flat_map(|family| family.keys)
}

/// The broker's key of this name.
pub fn broker_key(name: &str) -> Option<&'static ConfigKey> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static ConfigKey>> =
        LazyLock::new(|| broker_keys().map(|key| (key.name, key)).collect());
    BY_NAME.get(name).copied()
}

/// The topic's key of this name.
pub fn topic_key(name: &str) -> Option<&'static ConfigKey> {
    TOPIC.iter().find(|key| key.name == name)
}

/// The broker's key that a group's key goes before, if there is one.
pub fn broker_key_of_group(name: &str) -> Option<&'static ConfigKey> {
    match name {
        "streams.assignor.name" => broker_key("group.streams.assignors"),
        _ => broker_key(&format!("group.{name}")),
    }
}

/// The client metrics key of this name.
pub fn client_metrics_key(name: &str) -> Option<&'static ConfigKey> {
    CLIENT_METRICS.iter().find(|key| key.name == name)
}

/// The group's key of this name.
pub fn group_key(name: &str) -> Option<&'static ConfigKey> {
    GROUP.iter().find(|key| key.name == name)
}

#[cfg(test)]
mod tests;
