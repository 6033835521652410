//! The requests of the workload's clients.

use bytes::Bytes;
use jackdaw_core::{
    protocol::messages::{
        CreateTopicsRequest, DeleteTopicsRequest, FetchRequest, InitProducerIdRequest, ListOffsetsRequest,
        MetadataRequest, ProduceRequest,
        create_topics::{CreatableTopic, CreatableTopicConfig},
        delete_topics::DeleteTopicState,
        fetch::{FetchPartition, FetchTopic},
        list_offsets::{ListOffsetsPartition, ListOffsetsTopic},
        produce::{PartitionProduceData, TopicProduceData},
    },
    uuid::Uuid,
};

use super::{batches::Key, plan::TopicPlan};

/// Produce and Fetch name topics by id from this version on.
pub(in crate::workload) const FIRST_BY_ID: i16 = 13;
pub(in crate::workload) const LATEST: i64 = -1;
pub(in crate::workload) const EARLIEST: i64 = -2;
const FETCH_BYTES: i32 = 1 << 20;

pub(super) fn create(plan: &TopicPlan) -> CreateTopicsRequest {
    let config = |name: &str, value: u64| CreatableTopicConfig {
        name: name.to_owned(),
        value: Some(value.to_string()),
    };
    let mut configs = vec![config("internal.segment.bytes", plan.segment_bytes)];
    configs.extend(plan.flush_messages.map(|messages| config("flush.messages", messages)));
    configs.extend(plan.flush_ms.map(|millis| config("flush.ms", millis)));
    let topic = CreatableTopic {
        name: plan.name.clone(),
        num_partitions: plan.partitions,
        replication_factor: -1,
        configs,
        ..Default::default()
    };
    CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() }
}

pub(in crate::workload) fn delete(id: Uuid) -> DeleteTopicsRequest {
    let topic = DeleteTopicState { topic_id: id, ..Default::default() };
    DeleteTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() }
}

/// All topics.
pub(in crate::workload) fn metadata() -> MetadataRequest {
    MetadataRequest { topics: None, ..Default::default() }
}

pub(in crate::workload) fn init_producer() -> InitProducerIdRequest {
    InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    }
}

pub(in crate::workload) fn list_offset(name: &str, partition: i32, timestamp: i64) -> ListOffsetsRequest {
    let asked = ListOffsetsPartition { partition_index: partition, current_leader_epoch: -1, timestamp };
    let topics = vec![ListOffsetsTopic { name: name.to_owned(), partitions: vec![asked] }];
    ListOffsetsRequest { replica_id: -1, topics, ..Default::default() }
}

pub(in crate::workload) struct Part {
    pub(in crate::workload) key: Key,
    pub(in crate::workload) name: String,
    pub(in crate::workload) records: Bytes,
}

pub(in crate::workload) fn produce<'a>(
    version: i16,
    acks: i16,
    parts: impl Iterator<Item = &'a Part>,
) -> ProduceRequest {
    let topic = |part: &Part| {
        let data = PartitionProduceData { index: part.key.1, records: Some(part.records.clone()) };
        let mut topic = TopicProduceData { partition_data: vec![data], ..Default::default() };
        if version >= FIRST_BY_ID {
            topic.topic_id = part.key.0;
        } else {
            topic.name = part.name.clone();
        }
        topic
    };
    ProduceRequest {
        transactional_id: None,
        acks,
        timeout_ms: 30_000,
        topic_data: parts.map(topic).collect(),
    }
}

/// A fetch of these partitions from these offsets, in a session or (epoch -1) without one.
pub(in crate::workload) fn fetch(
    positions: &[(Key, i64)],
    session: (i32, i32),
    max_wait_ms: i32,
) -> FetchRequest {
    let topic = |(key, offset): &(Key, i64)| {
        let asked = FetchPartition {
            partition: key.1,
            current_leader_epoch: -1,
            fetch_offset: *offset,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: FETCH_BYTES,
            ..Default::default()
        };
        FetchTopic { topic_id: key.0, partitions: vec![asked], ..Default::default() }
    };
    FetchRequest {
        max_wait_ms,
        min_bytes: 1,
        max_bytes: FETCH_BYTES,
        session_id: session.0,
        session_epoch: session.1,
        topics: positions.iter().map(topic).collect(),
        ..Default::default()
    }
}
