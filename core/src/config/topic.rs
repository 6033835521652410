//! What a topic runs with: its own keys over those of the broker; and the check of keys for a new topic.

use std::collections::BTreeMap;

use super::broker::BrokerConfig;
use super::row::{ConfigKey, Unit};
use super::table::{TOPIC, broker_key, topic_key};
use super::value::{Refusal, Value};
use super::values::Values;

/// What happens to old data. Neither: it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    pub delete: bool,
    pub compact: bool,
}

/// `compression.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// What the producer chose; its bytes stay as they came.
    Producer,
    Uncompressed,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// `message.timestamp.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

/// A topic's configuration in effect. Names are Kafka's keys; -1 and -2 keep their meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    pub cleanup_policy: CleanupPolicy,
    pub compression_type: CompressionType,
    pub compression_gzip_level: i32,
    pub compression_lz4_level: i32,
    pub compression_zstd_level: i32,
    pub delete_retention_ms: i64,
    pub dead_letter_queue_group_enable: bool,
    pub file_delete_delay_ms: i64,
    pub flush_messages: i64,
    pub flush_ms: i64,
    pub follower_throttled_replicas: Vec<String>,
    pub index_interval_bytes: i32,
    pub leader_throttled_replicas: Vec<String>,
    /// -2: as `retention_bytes`.
    pub local_retention_bytes: i64,
    /// -2: as `retention_ms`.
    pub local_retention_ms: i64,
    pub max_compaction_lag_ms: i64,
    pub max_decompressed_message_bytes: i32,
    pub max_message_bytes: i32,
    pub message_timestamp_after_max_ms: i64,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_type: TimestampType,
    pub min_cleanable_dirty_ratio: f64,
    pub min_compaction_lag_ms: i64,
    pub min_insync_replicas: i32,
    pub preallocate: bool,
    pub remote_copy_lag_bytes: i64,
    pub remote_copy_lag_ms: i64,
    pub remote_log_copy_disable: bool,
    pub remote_log_delete_on_disable: bool,
    pub remote_storage_enable: bool,
    /// -1: no limit.
    pub retention_bytes: i64,
    /// -1: for ever.
    pub retention_ms: i64,
    /// `internal.segment.bytes` goes before `segment.bytes`.
    pub segment_bytes: i32,
    pub segment_index_bytes: i32,
    pub segment_jitter_ms: i64,
    pub segment_ms: i64,
    pub unclean_leader_election_enable: bool,
}

/// Values of brokers that were changed at run time, as the metadata holds them.
#[derive(Clone, Copy, Debug, Default)]
pub struct DynamicBroker<'a> {
    /// Of this broker.
    pub own: Option<&'a BTreeMap<String, String>>,
    /// Of every broker of the cluster.
    pub cluster: Option<&'a BTreeMap<String, String>>,
}

/// Why a topic's keys are refused, in Kafka's words for INVALID_CONFIG.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TopicConfigError {
    #[error("Null value not supported for topic configs: {}", .0.join(","))]
    Null(Vec<String>),
    #[error("Unknown topic config name: {0}")]
    Unknown(String),
    #[error("{}", .refusal.kafka_text(.key, .value))]
    Value { key: &'static str, value: String, refusal: Refusal },
    #[error("conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})")]
    CompactionLag { min: i64, max: i64 },
    #[error(
        "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."
    )]
    TieredStorage,
}

impl TopicConfig {
    /// The configuration of a topic that sets `overrides`. A value that does not parse (the controller lets
    /// none in) counts as not set.
    pub fn resolve(
        broker: &BrokerConfig,
        dynamic: DynamicBroker<'_>,
        overrides: &BTreeMap<String, String>,
    ) -> TopicConfig {
        Self::from_values(|key| {
            let own = overrides.get(key.name).and_then(|raw| key.parse(raw).ok());
            own.or_else(|| inherited(key, &broker.values, dynamic))
        })
    }

    /// The configuration of a topic that sets nothing, before any change at run time.
    pub(super) fn of_broker(values: &Values) -> TopicConfig {
        Self::from_values(|key| inherited(key, values, DynamicBroker::default()))
    }

    /// Checks the keys of a new topic, or all keys of a topic after a change, as Kafka's controller does:
    /// nulls first, then names, then values in the order of the table, then what must hold between them.
    pub fn validate(broker: &BrokerConfig, keys: &[(&str, Option<&str>)]) -> Result<(), TopicConfigError> {
        let nulls: Vec<_> =
            keys.iter().filter(|(_, value)| value.is_none()).map(|&(name, _)| name.to_owned()).collect();
        if !nulls.is_empty() {
            return Err(TopicConfigError::Null(nulls));
        }
        if let Some((name, _)) = keys.iter().find(|(name, _)| topic_key(name).is_none()) {
            return Err(TopicConfigError::Unknown((*name).to_owned()));
        }
        let mut overrides = BTreeMap::new();
        for key in TOPIC {
            // Of a key that stands twice the last value counts.
            let Some(raw) = keys.iter().rev().find_map(|&(name, raw)| raw.filter(|_| name == key.name))
            else {
                continue;
            };
            if let Err(refusal) = key.parse(raw) {
                return Err(TopicConfigError::Value { key: key.name, value: raw.to_owned(), refusal });
            }
            overrides.insert(key.name.to_owned(), raw.to_owned());
        }
        Self::resolve(broker, DynamicBroker::default(), &overrides).check(broker)
    }

    fn check(&self, broker: &BrokerConfig) -> Result<(), TopicConfigError> {
        let (min, max) = (self.min_compaction_lag_ms, self.max_compaction_lag_ms);
        if min > max {
            return Err(TopicConfigError::CompactionLag { min, max });
        }
        if self.remote_storage_enable && !broker.values.boolean("remote.log.storage.system.enable") {
            return Err(TopicConfigError::TieredStorage);
        }
        Ok(())
    }

    fn from_values(value: impl Fn(&ConfigKey) -> Option<Value>) -> TopicConfig {
        let reader = Reader { value };
        TopicConfig {
            cleanup_policy: reader.cleanup_policy(),
            compression_type: reader.compression_type(),
            compression_gzip_level: reader.int("compression.gzip.level"),
            compression_lz4_level: reader.int("compression.lz4.level"),
            compression_zstd_level: reader.int("compression.zstd.level"),
            delete_retention_ms: reader.long("delete.retention.ms"),
            dead_letter_queue_group_enable: reader.boolean("errors.deadletterqueue.group.enable"),
            file_delete_delay_ms: reader.long("file.delete.delay.ms"),
            flush_messages: reader.long("flush.messages"),
            flush_ms: reader.long("flush.ms"),
            follower_throttled_replicas: reader.list("follower.replication.throttled.replicas"),
            index_interval_bytes: reader.int("index.interval.bytes"),
            leader_throttled_replicas: reader.list("leader.replication.throttled.replicas"),
            local_retention_bytes: reader.long("local.retention.bytes"),
            local_retention_ms: reader.long("local.retention.ms"),
            max_compaction_lag_ms: reader.long("max.compaction.lag.ms"),
            max_decompressed_message_bytes: reader.int("max.decompressed.message.bytes"),
            max_message_bytes: reader.int("max.message.bytes"),
            message_timestamp_after_max_ms: reader.long("message.timestamp.after.max.ms"),
            message_timestamp_before_max_ms: reader.long("message.timestamp.before.max.ms"),
            message_timestamp_type: reader.timestamp_type(),
            min_cleanable_dirty_ratio: reader.double("min.cleanable.dirty.ratio"),
            min_compaction_lag_ms: reader.long("min.compaction.lag.ms"),
            min_insync_replicas: reader.int("min.insync.replicas"),
            preallocate: reader.boolean("preallocate"),
            remote_copy_lag_bytes: reader.long("remote.copy.lag.bytes"),
            remote_copy_lag_ms: reader.long("remote.copy.lag.ms"),
            remote_log_copy_disable: reader.boolean("remote.log.copy.disable"),
            remote_log_delete_on_disable: reader.boolean("remote.log.delete.on.disable"),
            remote_storage_enable: reader.boolean("remote.storage.enable"),
            retention_bytes: reader.long("retention.bytes"),
            retention_ms: reader.long("retention.ms"),
            segment_bytes: reader.segment_bytes(),
            segment_index_bytes: reader.int("segment.index.bytes"),
            segment_jitter_ms: reader.long("segment.jitter.ms"),
            segment_ms: reader.long("segment.ms"),
            unclean_leader_election_enable: reader.boolean("unclean.leader.election.enable"),
        }
    }
}

/// What a topic's key has from the brokers: for each synonym in turn this broker's dynamic value, the
/// cluster's, the static one; then the default.
pub(super) fn inherited(key: &ConfigKey, values: &Values, dynamic: DynamicBroker<'_>) -> Option<Value> {
    for synonym in key.synonyms {
        let broker_key = broker_key(synonym.name)?;
        let layers = [dynamic.own, dynamic.cluster].into_iter().flatten();
        let from_layers =
            layers.filter_map(|layer| layer.get(synonym.name)).find_map(|raw| broker_key.parse(raw).ok());
        let fixed = || values.set_value(synonym.name).cloned();
        if let Some(value) = from_layers.or_else(fixed) {
            return Some(convert(value, synonym.unit));
        }
    }
    key.default.and_then(|default| key.parse(default).ok())
}

/// Minutes and hours become milliseconds; anything below zero is -1, for ever.
fn convert(value: Value, unit: Unit) -> Value {
    match (unit, value) {
        (Unit::Same, value) => value,
        (_, Value::Int(n)) if n < 0 => Value::Long(-1),
        (_, Value::Int(n)) => Value::Long(i64::from(n) * unit.factor()),
        (_, value) => value,
    }
}

/// Reads typed values by the names of topic keys; a wrong name or type is a mistake in this file, and every
/// test of a topic's configuration meets it.
struct Reader<F> {
    value: F,
}

impl<F: Fn(&ConfigKey) -> Option<Value>> Reader<F> {
    fn get(&self, name: &str) -> Option<Value> {
        let Some(key) = topic_key(name) else { panic!("the table has no topic key {name}") };
        (self.value)(key)
    }

    fn boolean(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Boolean(value)) => value,
            other => panic!("{name} is no boolean: {other:?}"),
        }
    }

    fn int(&self, name: &str) -> i32 {
        match self.get(name) {
            Some(Value::Int(value)) => value,
            other => panic!("{name} is no int: {other:?}"),
        }
    }

    fn long(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(Value::Long(value)) => value,
            Some(Value::Int(value)) => value.into(),
            other => panic!("{name} is no long: {other:?}"),
        }
    }

    fn double(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(Value::Double(value)) => value,
            other => panic!("{name} is no double: {other:?}"),
        }
    }

    fn list(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::List(value)) => value,
            other => panic!("{name} is no list: {other:?}"),
        }
    }

    fn text(&self, name: &str) -> String {
        match self.get(name) {
            Some(Value::Text(value)) => value,
            other => panic!("{name} is no string: {other:?}"),
        }
    }

    fn cleanup_policy(&self) -> CleanupPolicy {
        let policies = self.list("cleanup.policy");
        let named = |policy: &str| policies.iter().any(|name| name == policy);
        CleanupPolicy { delete: named("delete"), compact: named("compact") }
    }

    fn compression_type(&self) -> CompressionType {
        match self.text("compression.type").as_str() {
            "uncompressed" => CompressionType::Uncompressed,
            "gzip" => CompressionType::Gzip,
            "snappy" => CompressionType::Snappy,
            "lz4" => CompressionType::Lz4,
            "zstd" => CompressionType::Zstd,
            _ => CompressionType::Producer,
        }
    }

    fn timestamp_type(&self) -> TimestampType {
        match self.text("message.timestamp.type").as_str() {
            "LogAppendTime" => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        }
    }

    fn segment_bytes(&self) -> i32 {
        match self.get("internal.segment.bytes") {
            Some(Value::Int(value)) => value,
            _ => self.int("segment.bytes"),
        }
    }
}

#[cfg(test)]
mod tests;
