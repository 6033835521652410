//! What AlterConfigs and IncrementalAlterConfigs have in common: which resource is meant, whether it may have these
//! values, and the records that give them to it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Controller, check_topic_name};
use crate::{
    config::{ConfigRefusal, Overrides, TopicConfig, check_client_metrics},
    error_code::ErrorCode,
    metadata::{ResourceType, VersionedRecord},
    protocol::records::metadata::{ClearElrRecord, ConfigRecord},
};

/// Why a resource is left as it is: the code and Kafka's text.
pub(super) type Refusal = (ErrorCode, String);

const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// What Kafka says to all resources that a request names twice.
const NAMED_TWICE: &str = "Each resource must appear at most once.";

pub(super) fn invalid_request<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err((ErrorCode::InvalidRequest, text.into()))
}

pub(super) fn invalid_config<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err((ErrorCode::InvalidConfig, text.into()))
}

/// The resources that a request names more than once.
fn named_twice<'a>(resources: impl Iterator<Item = (i8, &'a str)>) -> BTreeSet<(i8, &'a str)> {
    let mut seen = BTreeSet::new();
    resources.filter(|resource| !seen.insert(*resource)).collect()
}

/// Decides about each resource of a request on its own. The records of all that may be changed, and for each resource
/// why it is left as it is; nothing is written where the request only asks whether it could be.
pub(super) fn change_each<R>(
    resources: &[R],
    name: impl Fn(&R) -> (i8, &str),
    validate_only: bool,
    change: impl Fn(&R) -> Result<Vec<VersionedRecord>, Refusal>,
) -> (Vec<VersionedRecord>, Vec<Option<Refusal>>) {
    let twice = named_twice(resources.iter().map(&name));
    let mut records = Vec::new();
    let decide = |resource| {
        let changed = match twice.contains(&name(resource)) {
            true => invalid_request(NAMED_TWICE),
            false => change(resource),
        };
        if !validate_only && let Ok(changes) = &changed {
            records.extend_from_slice(changes);
        }
        changed.err()
    };
    let refusals = resources.iter().map(decide).collect();
    (records, refusals)
}

/// Checks that no key has a null that needs a value, and that none stands twice.
pub(super) fn check_keys<'a>(
    nulls: impl Iterator<Item = &'a str>,
    mut names: impl Iterator<Item = &'a str>,
) -> Result<(), Refusal> {
    let nulls: Vec<&str> = nulls.collect();
    if !nulls.is_empty() {
        return invalid_request(format!("Null value not supported for : {}", nulls.join(", ")));
    }
    let mut seen = BTreeSet::new();
    match names.all(|name| seen.insert(name)) {
        true => Ok(()),
        false => invalid_request("Error due to duplicate config keys"),
    }
}

impl Controller {
    /// The kind of a resource that has a configuration, if it is well named.
    pub(super) fn config_resource(&self, resource_type: i8, name: &str) -> Result<ResourceType, Refusal> {
        let Some(kind) = ResourceType::new(resource_type) else {
            return invalid_request(format!("Unknown resource type {resource_type}"));
        };
        match kind {
            ResourceType::Topic if name.is_empty() => {
                invalid_request("Default topic resources are not allowed.")
            }
            ResourceType::ClientMetrics if name.is_empty() => {
                invalid_request("Subscription name can't be empty")
            }
            ResourceType::Group if name.is_empty() => {
                invalid_request("Default group resources are not allowed.")
            }
            ResourceType::Broker if !name.is_empty() => self.check_broker(name, "broker id, e", kind),
            kind => Ok(kind),
        }
    }

    /// `what` is how the sentence about another broker's id goes on; Kafka has two.
    pub(super) fn check_broker<T>(&self, name: &str, what: &str, found: T) -> Result<T, Refusal> {
        let Ok(id) = name.parse::<i32>() else {
            return invalid_request(format!("Node id must be an integer, but it is: {name}"));
        };
        if self.image().cluster.broker(id).is_some() {
            return Ok(found);
        }
        let own = self.settings.broker.node.id;
        invalid_request(format!("Unexpected {what}xpected {own}, but received {id}"))
    }

    /// What the resource sets now.
    pub(super) fn overrides(&self, kind: ResourceType, name: &str) -> Overrides {
        self.image().configs.of(kind, name).cloned().unwrap_or_default()
    }

    /// The records that make a resource set `wanted` and nothing else. `touched` are the keys that the request names.
    pub(super) fn change_overrides<'a>(
        &self,
        kind: ResourceType,
        name: &str,
        wanted: &Overrides,
        touched: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<VersionedRecord>, Refusal> {
        self.check_overrides(kind, name, wanted)?;
        self.check_min_insync_replicas(kind, name, wanted, touched)?;
        if kind == ResourceType::Topic {
            check_topic_name(name).map_err(|error| (ErrorCode::InvalidTopicException, error.to_string()))?;
            if self.image().topics.by_name(name).is_none() {
                let text = format!("The topic '{name}' does not exist.");
                return Err((ErrorCode::UnknownTopicOrPartition, text));
            }
        }
        Ok(self.records_of_change(kind, name, wanted))
    }

    fn check_overrides(&self, kind: ResourceType, name: &str, wanted: &Overrides) -> Result<(), Refusal> {
        let broker = &self.settings.broker;
        let checked = match kind {
            ResourceType::Topic => {
                let keys: Vec<(&str, Option<&str>)> =
                    wanted.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))).collect();
                TopicConfig::validate(broker, &keys).map_err(|error| ConfigRefusal::Config(error.to_string()))
            }
            ResourceType::Broker => broker.check_dynamic(wanted, name.is_empty()),
            ResourceType::ClientMetrics => check_client_metrics(wanted),
            ResourceType::Group => broker.check_group(wanted),
        };
        checked.map_err(|refusal| match refusal {
            ConfigRefusal::Config(text) => (ErrorCode::InvalidConfig, text),
            ConfigRefusal::Request(text) => (ErrorCode::InvalidRequest, text),
        })
    }

    /// KIP-966: with eligible leader replicas the least number of in-sync ones is the same on all brokers.
    fn check_min_insync_replicas<'a>(
        &self,
        kind: ResourceType,
        name: &str,
        wanted: &Overrides,
        mut touched: impl Iterator<Item = &'a str>,
    ) -> Result<(), Refusal> {
        if kind != ResourceType::Broker || !self.image().features.has_eligible_leader_replicas() {
            return Ok(());
        }
        let is_removed = !wanted.contains_key(MIN_INSYNC_REPLICAS)
            && self.overrides(kind, name).contains_key(MIN_INSYNC_REPLICAS);
        let is_touched = is_removed || touched.any(|key| key == MIN_INSYNC_REPLICAS);
        if is_touched && !name.is_empty() {
            let text = "Broker-level min.insync.replicas cannot be altered while ELR is enabled.";
            return invalid_config(text);
        }
        match is_removed {
            true => {
                invalid_config("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")
            }
            false => Ok(()),
        }
    }

    fn records_of_change(&self, kind: ResourceType, name: &str, wanted: &Overrides) -> Vec<VersionedRecord> {
        let before = self.overrides(kind, name);
        let mut changes: BTreeMap<&String, Option<&String>> =
            wanted.iter().map(|(key, value)| (key, Some(value))).collect();
        changes.retain(|key, value| before.get(*key) != *value);
        changes.extend(before.keys().filter(|key| !wanted.contains_key(*key)).map(|key| (key, None)));
        let record = |key: &String, value: Option<&String>| ConfigRecord {
            resource_type: kind as i8,
            resource_name: name.to_owned(),
            name: key.clone(),
            value: value.cloned(),
        };
        let has_elr = self.image().features.has_eligible_leader_replicas();
        let clears_elr = has_elr && changes.contains_key(&MIN_INSYNC_REPLICAS.to_owned());
        let mut records: Vec<_> =
            changes.into_iter().map(|(key, value)| VersionedRecord::new(record(key, value), 0)).collect();
        if clears_elr {
            // Who was eligible under the other number may lack what is committed now. An empty name is every topic.
            let topic_name = if kind == ResourceType::Topic { name.to_owned() } else { String::new() };
            records.push(VersionedRecord::new(ClearElrRecord { topic_name }, 0));
        }
        records
    }
}
