//! Images of a cluster with topics, built from records.

use std::collections::BTreeMap;

use crate::{
    metadata::{Image, Loader},
    protocol::records::{
        MetadataRecord,
        metadata::{ConfigRecord, PartitionRecord, RegisterBrokerRecord, RemoveTopicRecord, TopicRecord},
    },
    uuid::Uuid,
};

/// A cluster of broker 1, which has every replica.
#[derive(Clone, Debug, Default)]
pub(in crate::group::consumer) struct Images {
    records: Vec<MetadataRecord>,
    rack: Option<String>,
    partitions: BTreeMap<Uuid, i32>,
    next_topic: u8,
}

impl Images {
    pub(in crate::group::consumer) fn new() -> Self {
        Self::default()
    }

    pub(in crate::group::consumer) fn rack(mut self, rack: &str) -> Self {
        self.rack = Some(rack.to_owned());
        self
    }

    pub(in crate::group::consumer) fn topic(self, name: &str, partitions: i32) -> Self {
        let id = Uuid([self.next_topic + 1; 16]).to_string();
        self.topic_with_id(name, &id, partitions)
    }

    pub(in crate::group::consumer) fn topic_with_id(mut self, name: &str, id: &str, partitions: i32) -> Self {
        let topic_id: Uuid = id.parse().unwrap();
        self.next_topic += 1;
        self.records.push(TopicRecord { name: name.into(), topic_id }.into());
        self.grow(topic_id, partitions)
    }

    /// More partitions for a topic.
    pub(in crate::group::consumer) fn grow(mut self, topic_id: Uuid, to: i32) -> Self {
        let from = self.partitions.insert(topic_id, to).unwrap_or(0);
        for partition_id in from..to {
            let record = PartitionRecord {
                partition_id,
                topic_id,
                replicas: vec![1],
                isr: vec![1],
                ..Default::default()
            };
            self.records.push(record.into());
        }
        self
    }

    pub(in crate::group::consumer) fn delete(mut self, topic_id: Uuid) -> Self {
        self.partitions.remove(&topic_id);
        self.records.push(RemoveTopicRecord { topic_id }.into());
        self
    }

    pub(in crate::group::consumer) fn group_config(mut self, group: &str, name: &str, value: &str) -> Self {
        let record = ConfigRecord {
            resource_type: 32,
            resource_name: group.into(),
            name: name.into(),
            value: Some(value.into()),
        };
        self.records.push(record.into());
        self
    }

    pub(in crate::group::consumer) fn build(self) -> Image {
        let mut loader = Loader::new();
        let broker = RegisterBrokerRecord { broker_id: 1, rack: self.rack, ..Default::default() };
        for (offset, record) in [broker.into()].iter().chain(&self.records).enumerate() {
            loader.replay(offset as i64, 1, record).unwrap();
        }
        loader.image().clone()
    }
}
