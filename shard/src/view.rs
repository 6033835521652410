//! What a shard knows of the cluster: topics, brokers, features and where this node's partitions live. Immutable;
//! the controller's shard builds the next one and every shard takes it over.

use std::{collections::BTreeMap, sync::Arc};

use jackdaw_core::{
    config::DynamicBroker,
    metadata::{Image, ResourceType},
    records::validate::ValidationConfig,
    uuid::Uuid,
};
use jackdaw_storage::LogConfig;

use crate::{
    message::PartitionKey,
    placement::{Place, Placement},
};

/// Topics that the coordinators write; clients read them.
const INTERNAL_TOPICS: [&str; 3] = [CONSUMER_OFFSETS, "__transaction_state", "__share_group_state"];

/// The leader of a partition that has none.
const NO_LEADER: i32 = -1;

/// Where groups and their committed offsets are kept.
pub(crate) const CONSUMER_OFFSETS: &str = "__consumer_offsets";

/// One state of the cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// What all the rest is made from, for those who decide by it.
    pub(crate) image: Arc<Image>,
    pub(crate) topics: BTreeMap<Uuid, Arc<TopicView>>,
    pub(crate) names: BTreeMap<Arc<str>, Uuid>,
    pub(crate) brokers: Vec<BrokerView>,
    /// Name, lowest and highest level that this node supports.
    pub(crate) supported_features: Vec<(&'static str, i16, i16)>,
    pub(crate) finalized_features: Vec<(String, i16)>,
    pub(crate) finalized_features_epoch: i64,
    pub(crate) placement: Placement,
}

/// A topic as its partitions' shards and the handlers need it.
#[derive(Debug)]
pub(crate) struct TopicView {
    pub(crate) id: Uuid,
    pub(crate) name: Arc<str>,
    /// By partition number, without gaps.
    pub(crate) partitions: Vec<PartitionView>,
    pub(crate) settings: Arc<TopicSettings>,
}

/// What a topic's configuration means to its partitions.
#[derive(Debug)]
pub(crate) struct TopicSettings {
    pub(crate) validation: ValidationConfig,
    pub(crate) log: LogConfig,
    pub(crate) min_insync_replicas: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartitionView {
    /// -1 for none.
    pub(crate) leader: i32,
    pub(crate) leader_epoch: i32,
    pub(crate) partition_epoch: i32,
    pub(crate) replicas: Vec<i32>,
    pub(crate) isr: Vec<i32>,
    pub(crate) eligible_leader_replicas: Vec<i32>,
    pub(crate) last_known_elr: Vec<i32>,
    /// This node, where it has the replica but could not open its log.
    pub(crate) offline_on: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerView {
    pub(crate) id: i32,
    pub(crate) fenced: bool,
    pub(crate) rack: Option<String>,
    /// By listener name.
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl View {
    pub(crate) fn topic_by_id(&self, id: Uuid) -> Option<&TopicView> {
        self.topics.get(&id).map(|topic| &**topic)
    }

    pub(crate) fn topic_by_name(&self, name: &str) -> Option<&TopicView> {
        self.names.get(name).and_then(|id| self.topic_by_id(*id))
    }

    /// All topics by name.
    pub(crate) fn topics_by_name(&self) -> impl Iterator<Item = &TopicView> {
        self.names.values().filter_map(|id| self.topic_by_id(*id))
    }

    /// What was set at run time for this broker and for all of them.
    pub(crate) fn dynamic_broker(&self, node_id: i32) -> DynamicBroker<'_> {
        dynamic_broker(&self.image, node_id)
    }

    /// Where this node keeps a partition.
    pub(crate) fn place(&self, key: PartitionKey) -> Option<Place> {
        self.placement.get(key)
    }

    /// The shard that owns a partition of this node.
    pub(crate) fn owner(&self, key: PartitionKey) -> Option<usize> {
        self.place(key).map(|place| place.shard)
    }

    pub(crate) fn supported_features(&self) -> &[(&'static str, i16, i16)] {
        &self.supported_features
    }

    pub(crate) fn finalized_features(&self) -> Vec<(String, i16)> {
        self.finalized_features.clone()
    }

    pub(crate) fn finalized_features_epoch(&self) -> i64 {
        self.finalized_features_epoch
    }

    /// Brokers that clients may be sent to, with their endpoint on this listener.
    pub(crate) fn alive_brokers<'a>(
        &'a self,
        listener: &'a str,
    ) -> impl Iterator<Item = (&'a BrokerView, &'a Endpoint)> {
        self.brokers
            .iter()
            .filter(|broker| !broker.fenced)
            .filter_map(move |broker| broker.endpoints.get(listener).map(|endpoint| (broker, endpoint)))
    }

    fn is_alive(&self, id: i32) -> bool {
        self.brokers.iter().any(|broker| broker.id == id && !broker.fenced)
    }

    /// Replicas that are on no live broker.
    pub(crate) fn offline_replicas(&self, partition: &PartitionView) -> Vec<i32> {
        let is_offline = |replica: &i32| !self.is_alive(*replica) || partition.offline_on == Some(*replica);
        partition.replicas.iter().copied().filter(is_offline).collect()
    }

    /// The same where these partitions have no leader, because their logs could not be opened on this node: what Kafka's
    /// controller says of replicas in a log directory that has failed.
    pub(crate) fn with_offline(&self, offline: &[PartitionKey], node_id: i32) -> Self {
        let mut view = self.clone();
        for key in offline {
            let Some(topic) = view.topics.get(&key.topic_id) else { continue };
            let mut partitions = topic.partitions.clone();
            if let Some(partition) =
                usize::try_from(key.partition).ok().and_then(|index| partitions.get_mut(index))
            {
                partition.offline_on = Some(node_id);
                if partition.leader == node_id {
                    partition.leader = NO_LEADER;
                }
            }
            let (name, settings) = (Arc::clone(&topic.name), Arc::clone(&topic.settings));
            view.topics
                .insert(key.topic_id, Arc::new(TopicView { id: topic.id, name, partitions, settings }));
        }
        view
    }
}

pub(crate) fn dynamic_broker(image: &Image, node_id: i32) -> DynamicBroker<'_> {
    let own = image.configs.of(ResourceType::Broker, &node_id.to_string());
    DynamicBroker { own, cluster: image.configs.of_all_brokers() }
}

impl TopicView {
    pub(crate) fn key(&self, partition: i32) -> PartitionKey {
        PartitionKey { topic_id: self.id, partition }
    }

    pub(crate) fn partition(&self, partition: i32) -> Option<&PartitionView> {
        self.partitions.get(usize::try_from(partition).ok()?)
    }

    pub(crate) fn is_internal(&self) -> bool {
        INTERNAL_TOPICS.contains(&&*self.name)
    }
}
