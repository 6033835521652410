//! Brokers, topics and partition leaders, as a broker told them last.

use std::collections::{BTreeMap, HashMap};

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseTopic,
};
use jackdaw_core::uuid::Uuid;

use super::Client;
use super::address::Address;
use super::error::ClientError;

/// A partition and who holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionMetadata {
    pub(crate) index: i32,
    /// `None`: there is none at the moment.
    pub(crate) leader: Option<i32>,
    pub(crate) leader_epoch: i32,
    pub(crate) replicas: Vec<i32>,
    pub(crate) in_sync_replicas: Vec<i32>,
    pub(crate) offline_replicas: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicMetadata {
    pub(crate) name: String,
    /// Zero where the broker is too old to have ids.
    pub(crate) id: Uuid,
    pub(crate) is_internal: bool,
    /// By rising index.
    pub(crate) partitions: Vec<PartitionMetadata>,
}

impl TopicMetadata {
    /// # Errors
    /// The topic has no such partition.
    pub(crate) fn partition(&self, index: i32) -> Result<&PartitionMetadata, ClientError> {
        self.partitions.iter().find(|partition| partition.index == index).ok_or_else(|| {
            let last = self.partitions.last().map_or(-1, |partition| partition.index);
            ClientError::UnknownPartition { topic: self.name.clone(), partition: index, last }
        })
    }

    /// # Errors
    /// The partition does not exist or has no leader at the moment.
    pub(crate) fn leader(&self, index: i32) -> Result<i32, ClientError> {
        let no_leader = || ClientError::NoLeader { topic: self.name.clone(), partition: index };
        self.partition(index)?.leader.ok_or_else(no_leader)
    }
}

/// What the client knows of the cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterMetadata {
    nodes: HashMap<i32, Address>,
    topics: BTreeMap<String, TopicMetadata>,
}

impl ClusterMetadata {
    pub(crate) fn address(&self, node_id: i32) -> Option<&Address> {
        self.nodes.get(&node_id)
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.nodes.values()
    }

    /// The brokers' ids, rising.
    pub(crate) fn node_ids(&self) -> Vec<i32> {
        let mut ids: Vec<i32> = self.nodes.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// A broker that another request's answer named.
    pub(super) fn learn(&mut self, node_id: i32, address: Address) {
        self.nodes.insert(node_id, address);
    }

    pub(crate) fn topic(&self, name: &str) -> Option<&TopicMetadata> {
        self.topics.get(name)
    }

    fn take_in(&mut self, answer: &MetadataResponse) {
        self.nodes = answer
            .brokers
            .iter()
            .filter_map(|broker| {
                let port = u16::try_from(broker.port).ok()?;
                Some((broker.node_id, Address { host: broker.host.clone(), port }))
            })
            .collect();
        for topic in answer.topics.iter().filter(|topic| topic.error_code == 0) {
            if let Some(topic) = topic_metadata(topic) {
                self.topics.insert(topic.name.clone(), topic);
            }
        }
    }
}

fn topic_metadata(topic: &MetadataResponseTopic) -> Option<TopicMetadata> {
    let mut partitions: Vec<PartitionMetadata> = topic
        .partitions
        .iter()
        .map(|partition| PartitionMetadata {
            index: partition.partition_index,
            leader: (partition.leader_id >= 0).then_some(partition.leader_id),
            leader_epoch: partition.leader_epoch,
            replicas: partition.replica_nodes.clone(),
            in_sync_replicas: partition.isr_nodes.clone(),
            offline_replicas: partition.offline_replicas.clone(),
        })
        .collect();
    partitions.sort_by_key(|partition| partition.index);
    Some(TopicMetadata {
        name: topic.name.clone()?,
        id: topic.topic_id,
        is_internal: topic.is_internal,
        partitions,
    })
}

fn metadata_topic(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic { name: Some(name.to_owned()), ..MetadataRequestTopic::default() }
}

impl Client {
    /// Every topic, by name.
    pub(crate) fn all_topics(&mut self) -> Result<Vec<TopicMetadata>, ClientError> {
        let answer = self.ask_metadata(None, false)?;
        let mut topics: Vec<TopicMetadata> = answer.topics.iter().filter_map(topic_metadata).collect();
        topics.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(topics)
    }

    /// One topic as it is now; asked again while a leader is being chosen. `may_create` lets a broker with
    /// `auto.create.topics.enable` create it.
    pub(crate) fn topic(&mut self, name: &str, may_create: bool) -> Result<TopicMetadata, ClientError> {
        let mut retry = self.retry();
        loop {
            match self.topic_once(name, may_create) {
                Ok(topic) => return Ok(topic),
                Err(error) if error.is_retriable() => retry.pause(error)?,
                Err(error) => return Err(error),
            }
        }
    }

    fn topic_once(&mut self, name: &str, may_create: bool) -> Result<TopicMetadata, ClientError> {
        let answer = self.ask_metadata(Some(&[name]), may_create)?;
        let Some(topic) = answer.topics.iter().find(|topic| topic.name.as_deref() == Some(name)) else {
            return Err(ClientError::UnknownTopic(name.to_owned()));
        };
        match ErrorCode::from_i16(topic.error_code) {
            ErrorCode::None => {
                let known = self.metadata.topic(name).cloned();
                known.ok_or_else(|| ClientError::UnknownTopic(name.to_owned()))
            }
            // Where the broker creates it, the next answer has it.
            ErrorCode::UnknownTopicOrPartition if !may_create => {
                Err(ClientError::UnknownTopic(name.to_owned()))
            }
            _ => Err(ClientError::broker(format!("topic {name:?}"), topic.error_code, None)),
        }
    }

    /// The brokers there are now.
    pub(crate) fn refresh_nodes(&mut self) -> Result<(), ClientError> {
        self.ask_metadata(Some(&[]), false).map(drop)
    }

    /// These topics as they are now; a topic that the broker does not tell has its error.
    pub(crate) fn topics(
        &mut self,
        names: &[&str],
    ) -> Result<BTreeMap<String, Result<TopicMetadata, ErrorCode>>, ClientError> {
        let answer = self.ask_metadata(Some(names), false)?;
        let result = |topic: &MetadataResponseTopic| {
            let known = topic_metadata(topic).ok_or(ErrorCode::UnknownTopicOrPartition);
            let error = ErrorCode::from_i16(topic.error_code);
            let result = if error == ErrorCode::None { known } else { Err(error) };
            Some((topic.name.clone()?, result))
        };
        Ok(answer.topics.iter().filter_map(result).collect())
    }

    /// `None` asks for all topics.
    fn ask_metadata(
        &mut self,
        names: Option<&[&str]>,
        may_create: bool,
    ) -> Result<MetadataResponse, ClientError> {
        let answer = self.call_any(|version| MetadataRequest {
            topics: match names {
                Some(names) => Some(names.iter().map(|&name| metadata_topic(name)).collect()),
                // Version 0 has no null: there an empty list means all.
                None => (version == 0).then(Vec::new),
            },
            // Before version 4 the broker alone decides.
            allow_auto_topic_creation: may_create || version < 4,
            ..MetadataRequest::default()
        })?;
        self.metadata.take_in(&answer);
        Ok(answer)
    }
}
