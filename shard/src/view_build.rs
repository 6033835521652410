//! The next view, from the metadata image.

use std::{collections::BTreeMap, sync::Arc};

use jackdaw_core::{
    config::{BrokerConfig, CompressionType, TimestampType as ConfigTimestampType, TopicConfig},
    metadata::{Image, Partition, Topic},
    records::{Codec, TimestampType, compression::Levels, validate::ValidationConfig},
    uuid::Uuid,
};
use jackdaw_storage::LogConfig;

use crate::{
    dir_failures::DirFailures,
    message::PartitionKey,
    placement::Placement,
    view::{BrokerView, Endpoint, PartitionView, TopicSettings, TopicView, View, dynamic_broker},
};

/// Builds each view from the one before: what did not change is shared.
pub(crate) struct ViewBuilder {
    config: Arc<BrokerConfig>,
    node_id: i32,
    /// Name, lowest and highest level that this node supports.
    supported_features: Vec<(&'static str, i16, i16)>,
    /// The log directory that has files of a partition of this node, as found at start.
    existing: BTreeMap<PartitionKey, usize>,
    failures: DirFailures,
    image: Arc<Image>,
    view: Arc<View>,
}

impl ViewBuilder {
    pub(crate) fn new(
        config: Arc<BrokerConfig>,
        supported_features: Vec<(&'static str, i16, i16)>,
        existing: BTreeMap<PartitionKey, usize>,
        failures: DirFailures,
        shards: usize,
    ) -> Self {
        let node_id = config.node.id;
        let placement = Placement::new(shards, config.log.dirs.len());
        let view = Arc::new(View { placement, ..View::default() });
        Self { config, node_id, supported_features, existing, failures, image: Arc::default(), view }
    }

    /// `None` where nothing changed that shards see.
    pub(crate) fn build(&mut self, image: Arc<Image>) -> Option<Arc<View>> {
        if is_same(&self.image, &image) {
            return None;
        }
        let mut topics = BTreeMap::new();
        let mut names = BTreeMap::new();
        for topic in image.topics.iter() {
            let view = self.topic(&image, topic);
            names.insert(Arc::clone(&view.name), topic.id);
            topics.insert(topic.id, view);
        }
        let view = View {
            image: Arc::clone(&image),
            placement: self.place(&topics),
            topics,
            names,
            brokers: brokers(&image),
            supported_features: self.supported_features.clone(),
            finalized_features: image.features.iter().map(|(name, level)| (name.to_owned(), level)).collect(),
            finalized_features_epoch: image.features.epoch,
        };
        self.image = image;
        self.view = Arc::new(view);
        Some(Arc::clone(&self.view))
    }

    /// The topic's view; the one before if neither the topic nor its configuration changed.
    fn topic(&self, image: &Image, topic: &Topic) -> Arc<TopicView> {
        let same_topic = self.image.topics.by_id(topic.id).is_some_and(|before| std::ptr::eq(before, topic));
        if same_topic
            && self.has_same_configs(image, &topic.name)
            && let Some(before) = self.view.topics.get(&topic.id)
        {
            return Arc::clone(before);
        }
        Arc::new(TopicView {
            id: topic.id,
            name: topic.name.as_str().into(),
            partitions: topic.partitions().map(|(_, partition)| partition_view(partition)).collect(),
            settings: Arc::new(self.settings(image, &topic.name)),
        })
    }

    fn has_same_configs(&self, image: &Image, topic: &str) -> bool {
        let (before, after) = (&self.image.configs, &image.configs);
        if Arc::ptr_eq(before, after) {
            return true;
        }
        let (old, new) = (dynamic_broker(&self.image, self.node_id), dynamic_broker(image, self.node_id));
        before.of_topic(topic) == after.of_topic(topic) && old.own == new.own && old.cluster == new.cluster
    }

    fn settings(&self, image: &Image, topic: &str) -> TopicSettings {
        let none = BTreeMap::new();
        let dynamic = dynamic_broker(image, self.node_id);
        let config =
            TopicConfig::resolve(&self.config, dynamic, image.configs.of_topic(topic).unwrap_or(&none));
        TopicSettings {
            validation: validation(&config),
            log: log(&config),
            min_insync_replicas: usize::try_from(config.min_insync_replicas).unwrap_or(1),
        }
    }

    fn place(&self, topics: &BTreeMap<Uuid, Arc<TopicView>>) -> Placement {
        let mut placement = self.view.placement.clone();
        let gone: Vec<PartitionKey> = placement
            .keys()
            .filter(|key| {
                topics
                    .get(&key.topic_id)
                    .and_then(|topic| topic.partition(key.partition))
                    .is_none_or(|partition| !partition.replicas.contains(&self.node_id))
            })
            .collect();
        gone.into_iter().for_each(|key| placement.remove(key));
        // What was there before this start and was not found is where nobody could look: it must not begin anew elsewhere.
        let is_first = self.view.supported_features.is_empty();
        let hidden = self.failures.first().filter(|_| is_first);
        for topic in topics.values() {
            let partitions = topic.partitions.iter().enumerate();
            for (index, _) in partitions.filter(|(_, partition)| partition.replicas.contains(&self.node_id)) {
                let key = topic.key(index as i32);
                let found = self.existing.get(&key).copied().or(hidden);
                placement.add(key, found, |dir| self.failures.is_failed(dir));
            }
        }
        placement
    }
}

fn is_same(one: &Image, other: &Image) -> bool {
    Arc::ptr_eq(&one.features, &other.features)
        && Arc::ptr_eq(&one.cluster, &other.cluster)
        && Arc::ptr_eq(&one.topics, &other.topics)
        && Arc::ptr_eq(&one.configs, &other.configs)
        && Arc::ptr_eq(&one.client_quotas, &other.client_quotas)
}

fn partition_view(partition: &Partition) -> PartitionView {
    PartitionView {
        leader: partition.leader,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        replicas: partition.replicas.clone(),
        isr: partition.isr.clone(),
        eligible_leader_replicas: partition.eligible_leader_replicas.clone(),
        last_known_elr: partition.last_known_elr.clone(),
        offline_on: None,
    }
}

fn brokers(image: &Image) -> Vec<BrokerView> {
    let brokers = image.cluster.brokers();
    brokers
        .map(|broker| BrokerView {
            id: broker.id,
            fenced: !broker.is_active(),
            rack: broker.rack.clone(),
            endpoints: broker
                .endpoints
                .iter()
                .map(|endpoint| {
                    (endpoint.name.clone(), Endpoint { host: endpoint.host.clone(), port: endpoint.port })
                })
                .collect(),
        })
        .collect()
}

fn validation(config: &TopicConfig) -> ValidationConfig {
    ValidationConfig {
        max_message_bytes: size(config.max_message_bytes),
        timestamp_type: match config.message_timestamp_type {
            ConfigTimestampType::CreateTime => TimestampType::CreateTime,
            ConfigTimestampType::LogAppendTime => TimestampType::LogAppendTime,
        },
        timestamp_before_max_ms: config.message_timestamp_before_max_ms,
        timestamp_after_max_ms: config.message_timestamp_after_max_ms,
        is_compacted: config.cleanup_policy.compact,
        codec: match config.compression_type {
            CompressionType::Producer => None,
            CompressionType::Uncompressed => Some(Codec::None),
            CompressionType::Gzip => Some(Codec::Gzip),
            CompressionType::Snappy => Some(Codec::Snappy),
            CompressionType::Lz4 => Some(Codec::Lz4),
            CompressionType::Zstd => Some(Codec::Zstd),
        },
        levels: Levels {
            gzip: config.compression_gzip_level,
            lz4: config.compression_lz4_level,
            zstd: config.compression_zstd_level,
        },
        max_decompressed_bytes: size(config.max_decompressed_message_bytes),
    }
}

fn log(config: &TopicConfig) -> LogConfig {
    LogConfig {
        segment_bytes: config.segment_bytes.unsigned_abs(),
        segment_ms: config.segment_ms,
        segment_jitter_ms: config.segment_jitter_ms,
        index_interval_bytes: config.index_interval_bytes.unsigned_abs(),
        segment_index_bytes: config.segment_index_bytes.unsigned_abs(),
        flush_messages: config.flush_messages,
        flush_ms: config.flush_ms,
        retention_ms: config.retention_ms,
        retention_bytes: config.retention_bytes,
        delete_old_segments: config.cleanup_policy.delete,
        is_compacted: config.cleanup_policy.compact,
        min_cleanable_dirty_ratio: config.min_cleanable_dirty_ratio,
        min_compaction_lag_ms: config.min_compaction_lag_ms,
        max_compaction_lag_ms: config.max_compaction_lag_ms,
        delete_retention_ms: config.delete_retention_ms,
        file_delete_delay_ms: u64::try_from(config.file_delete_delay_ms).unwrap_or(0),
    }
}

/// A size that its key's range keeps from being negative.
fn size(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}
