//! What DescribeConfigs shows: every key's value, where it comes from and what stands behind it.

use std::collections::BTreeMap;

use super::broker::BrokerConfig;
use super::dynamic::dynamic_broker_key;
use super::row::{ConfigKey, Kind, Scope};
use super::table::{self, broker_key};
use super::topic::{DynamicBroker, inherited};

/// Where a value comes from, with Kafka's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigSource {
    Topic = 1,
    DynamicBroker = 2,
    DynamicDefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
    ClientMetrics = 7,
    Group = 8,
}

/// One link of the chain behind a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedSynonym {
    pub name: String,
    /// `None` for a password.
    pub value: Option<String>,
    pub source: ConfigSource,
}

/// One key as DescribeConfigs shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedConfig {
    pub name: String,
    /// `None` for null, and for passwords and unknown keys, which are never shown.
    pub value: Option<String>,
    pub read_only: bool,
    pub source: ConfigSource,
    pub sensitive: bool,
    /// Strongest first.
    pub synonyms: Vec<DescribedSynonym>,
    /// `None` for an unknown key.
    pub kind: Option<Kind>,
    pub documentation: &'static str,
}

impl BrokerConfig {
    /// All keys of this broker, internal ones only where they are set; then the unknown keys of the
    /// operator, without their values, as Kafka does.
    pub fn describe(&self, dynamic: DynamicBroker<'_>) -> Vec<DescribedConfig> {
        let is_set = |name: &str| {
            self.values.is_set(name) || dynamic.layers().any(|(layer, _)| layer.contains_key(name))
        };
        let quotas = table::BROKER_QUOTA.iter().filter(|key| is_set(key.name));
        let known = table::broker_keys()
            .filter(|key| !key.internal || is_set(key.name))
            .chain(quotas)
            .map(|key| self.describe_key(key, dynamic));
        let mut unknown_keys: BTreeMap<&str, ConfigSource> =
            self.settings.iter().map(|(key, _)| (key, ConfigSource::StaticBroker)).collect();
        for (layer, source) in dynamic.layers().rev() {
            unknown_keys.extend(layer.keys().map(|key| (key.as_str(), source)));
        }
        let unknown_keys = unknown_keys.into_iter().filter(|(key, _)| dynamic_broker_key(key).is_none());
        known.chain(unknown_keys.map(|(key, source)| unknown(key, source))).collect()
    }

    /// The values that were set at run time for every broker of the cluster.
    pub fn describe_cluster(&self, cluster: &BTreeMap<String, String>) -> Vec<DescribedConfig> {
        let source = ConfigSource::DynamicDefaultBroker;
        let describe = |(name, value): (&String, &String)| match dynamic_broker_key(name) {
            None => unknown(name, source),
            Some(key) => {
                let value = (!key.sensitive()).then(|| value.clone());
                let link = DescribedSynonym { name: name.clone(), value: value.clone(), source };
                let read_only = key.scope == Scope::ReadOnly;
                DescribedConfig { read_only, ..described(key, value, source, vec![link]) }
            }
        };
        cluster.iter().map(describe).collect()
    }

    /// Every key of a group that sets `overrides`; internal ones only where they are set.
    pub fn describe_group(
        &self,
        dynamic: DynamicBroker<'_>,
        overrides: &BTreeMap<String, String>,
    ) -> Vec<DescribedConfig> {
        let shown = table::GROUP.iter().filter(|key| !key.internal || overrides.contains_key(key.name));
        let describe = |key: &'static ConfigKey| {
            let own = own_value(key, overrides, ConfigSource::Group);
            let behind = match table::broker_key_of_group(key.name) {
                Some(of_brokers) => self.chain(of_brokers, dynamic),
                None => default_of(key),
            };
            let synonyms: Vec<_> = own.into_iter().chain(behind).collect();
            let (value, source) = strongest(&synonyms).unwrap_or((None, ConfigSource::Default));
            described(key, value, source, synonyms)
        };
        shown.map(describe).collect()
    }

    /// Every key of a subscription to client metrics that sets `overrides`.
    pub fn describe_client_metrics(overrides: &BTreeMap<String, String>) -> Vec<DescribedConfig> {
        let describe = |key: &'static ConfigKey| {
            let own: Vec<_> = own_value(key, overrides, ConfigSource::ClientMetrics).into_iter().collect();
            let (value, source) =
                strongest(&own).unwrap_or((key.default.map(str::to_owned), ConfigSource::Default));
            described(key, value, source, own)
        };
        table::CLIENT_METRICS.iter().map(describe).collect()
    }

    /// One key of this broker.
    fn describe_key(&self, key: &'static ConfigKey, dynamic: DynamicBroker<'_>) -> DescribedConfig {
        let synonyms = self.chain(key, dynamic);
        let (value, source) = strongest(&synonyms).unwrap_or((None, ConfigSource::Default));
        DescribedConfig { read_only: key.scope == Scope::ReadOnly, ..described(key, value, source, synonyms) }
    }

    /// Every key of a topic that sets `overrides`; internal ones only where they are set. As in Kafka the
    /// chain shows the first synonym alone, and a value that comes through another one counts as default.
    pub fn describe_topic(
        &self,
        dynamic: DynamicBroker<'_>,
        overrides: &BTreeMap<String, String>,
    ) -> Vec<DescribedConfig> {
        let shown = table::TOPIC.iter().filter(|key| !key.internal || overrides.contains_key(key.name));
        shown
            .map(|key| {
                let own = own_value(key, overrides, ConfigSource::Topic);
                let first = key.synonyms.first().and_then(|first| broker_key(first.name));
                let from_broker = first.map(|first| self.chain(first, dynamic));
                let synonyms: Vec<_> = own.into_iter().chain(from_broker.into_iter().flatten()).collect();
                let (value, source) = strongest(&synonyms).unwrap_or_else(|| {
                    let value = inherited(key, &self.values, dynamic);
                    (value.map(|value| value.to_string()), ConfigSource::Default)
                });
                described(key, value, source, synonyms)
            })
            .collect()
    }

    /// What stands behind a broker's key, strongest first; nothing where the key itself has no value. The keys that
    /// stand in for a key which may change at run time follow in each layer.
    fn chain(&self, key: &'static ConfigKey, dynamic: DynamicBroker<'_>) -> Vec<DescribedSynonym> {
        let stand_ins = key.synonyms.iter().filter_map(|synonym| broker_key(synonym.name));
        let keys: Vec<&ConfigKey> = match key.scope {
            Scope::ReadOnly => vec![key],
            _ if key.synonyms.is_empty() => vec![key],
            _ => stand_ins.collect(),
        };
        let link = |key: &ConfigKey, value: Option<String>, source| {
            let value = value?;
            let value = (!key.sensitive()).then_some(value);
            Some(DescribedSynonym { name: key.name.to_owned(), value, source })
        };
        let mut links = Vec::new();
        for (layer, source) in dynamic.layers() {
            links.extend(keys.iter().filter_map(|key| link(key, layer.get(key.name).cloned(), source)));
        }
        let fixed = |key: &&ConfigKey| {
            let value = self.values.set_value(key.name).map(ToString::to_string);
            link(key, value, ConfigSource::StaticBroker)
        };
        links.extend(keys.iter().filter_map(fixed));
        let default = |key: &&ConfigKey| {
            // Quotas of brokers have no place in a properties file, and Kafka shows no default for them.
            let default = broker_key(key.name)?.default_for(self.values.alone());
            link(key, default.map(str::to_owned), ConfigSource::Default)
        };
        links.extend(keys.iter().filter_map(default));
        links.into_iter().skip_while(|link| link.name != key.name).collect()
    }
}

impl<'a> DynamicBroker<'a> {
    /// The layers that are there, strongest first.
    fn layers(self) -> impl DoubleEndedIterator<Item = (&'a BTreeMap<String, String>, ConfigSource)> {
        let layers =
            [(self.own, ConfigSource::DynamicBroker), (self.cluster, ConfigSource::DynamicDefaultBroker)];
        layers.into_iter().filter_map(|(layer, source)| Some((layer?, source)))
    }
}

fn own_value(
    key: &ConfigKey,
    overrides: &BTreeMap<String, String>,
    source: ConfigSource,
) -> Option<DescribedSynonym> {
    let raw = overrides.get(key.name)?;
    // As Kafka shows it: without the white space that it was given with.
    let value = key.parse(raw).map_or_else(|_| raw.clone(), |value| value.to_string());
    Some(DescribedSynonym { name: key.name.to_owned(), value: Some(value), source })
}

/// A group's key that no broker's key stands behind.
fn default_of(key: &ConfigKey) -> Vec<DescribedSynonym> {
    let link = |value: &str| DescribedSynonym {
        name: key.name.to_owned(),
        value: Some(value.to_owned()),
        source: ConfigSource::Default,
    };
    key.default.map(link).into_iter().collect()
}

fn strongest(synonyms: &[DescribedSynonym]) -> Option<(Option<String>, ConfigSource)> {
    synonyms.first().map(|first| (first.value.clone(), first.source))
}

fn described(
    key: &'static ConfigKey,
    value: Option<String>,
    source: ConfigSource,
    synonyms: Vec<DescribedSynonym>,
) -> DescribedConfig {
    DescribedConfig {
        name: key.name.to_owned(),
        value,
        read_only: false,
        source,
        sensitive: key.sensitive(),
        synonyms,
        kind: Some(key.kind),
        documentation: key.doc,
    }
}

/// A key that nobody knows may hold a secret: it is shown without its value.
fn unknown(name: &str, source: ConfigSource) -> DescribedConfig {
    DescribedConfig {
        name: name.to_owned(),
        value: None,
        read_only: true,
        source,
        sensitive: true,
        synonyms: vec![DescribedSynonym { name: name.to_owned(), value: None, source }],
        kind: None,
        documentation: "",
    }
}

#[cfg(test)]
mod tests;
