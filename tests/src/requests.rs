//! Requests that several wire-level tests send.

use bytes::Bytes;
use jackdaw_core::protocol::messages::create_topics::{CreatableTopic, CreatableTopicConfig};
use jackdaw_core::protocol::messages::fetch::{FetchPartition, FetchTopic, PartitionData};
use jackdaw_core::protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};
use jackdaw_core::protocol::messages::metadata::MetadataRequestTopic;
use jackdaw_core::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use jackdaw_core::protocol::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, TopicProduceData,
};
use jackdaw_core::protocol::messages::{
    CreateTopicsRequest, FetchRequest, InitProducerIdRequest, ListOffsetsRequest, MetadataRequest,
    ProduceRequest,
};
use jackdaw_core::records::{BatchBuilder, NewRecord};
use jackdaw_core::uuid::Uuid;

use crate::checks::{an_hour_ago_ms, eventually};
use crate::wire::Connection;

/// The first version of Produce and Fetch that name topics by id.
pub const FIRST_WITH_TOPIC_IDS: i16 = 13;

/// A topic by its two names.
#[derive(Clone)]
pub struct Topic {
    pub name: String,
    pub id: Uuid,
}

/// Commits as a consumer without membership does, with these words beside the offset; 0 when it is done.
pub fn commit_offset(
    connection: &mut Connection,
    group_id: &str,
    (topic, partition): (&str, i32),
    offset: i64,
    metadata: &str,
) -> i16 {
    let partition = OffsetCommitRequestPartition {
        partition_index: partition,
        committed_offset: offset,
        committed_metadata: Some(metadata.to_owned()),
        ..Default::default()
    };
    let topic = OffsetCommitRequestTopic {
        name: topic.to_owned(),
        partitions: vec![partition],
        ..Default::default()
    };
    let request = OffsetCommitRequest {
        group_id: group_id.to_owned(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    };
    connection.call(&request, 8).topics[0].partitions[0].error_code
}

/// Creates a topic and waits until all its partitions answer.
pub fn create(connection: &mut Connection, name: &str, partitions: i32) -> Topic {
    create_with(connection, name, partitions, &[])
}

/// The same, with these keys of its configuration.
pub fn create_with(
    connection: &mut Connection,
    name: &str,
    partitions: i32,
    configs: &[(&str, &str)],
) -> Topic {
    let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
        name: (*name).to_owned(),
        value: Some((*value).to_owned()),
    };
    let topic = CreatableTopic {
        name: name.to_owned(),
        num_partitions: partitions,
        replication_factor: -1,
        configs: configs.iter().map(config).collect(),
        ..Default::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() };
    let response = connection.call(&request, 7);
    assert_eq!(response.topics[0].error_code, 0, "{response:?}");
    eventually(&format!("{name} is there"), || {
        (0..partitions).all(|partition| try_end_offset(connection, name, partition).is_some())
    });
    Topic { name: name.to_owned(), id: topic_id(connection, name) }
}

fn topic_id(connection: &mut Connection, name: &str) -> Uuid {
    let topic = MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    connection.call(&request, 12).topics[0].topic_id
}

/// The offset that the next record gets.
pub fn end_offset(connection: &mut Connection, name: &str, partition: i32) -> i64 {
    try_end_offset(connection, name, partition)
        .unwrap_or_else(|| panic!("no end offset of {name} {partition}"))
}

/// The same of a broker that may still be starting.
pub fn await_end_offset(connection: &mut Connection, name: &str, partition: i32) -> i64 {
    let mut found = None;
    eventually(&format!("{name} {partition} has a leader"), || {
        found = try_end_offset(connection, name, partition);
        found.is_some()
    });
    found.expect("just found")
}

fn try_end_offset(connection: &mut Connection, name: &str, partition: i32) -> Option<i64> {
    let asked = ListOffsetsPartition { partition_index: partition, timestamp: -1, ..Default::default() };
    let topics = vec![ListOffsetsTopic { name: name.to_owned(), partitions: vec![asked] }];
    let request = ListOffsetsRequest { replica_id: -1, topics, ..Default::default() };
    let response = connection.call(&request, 7);
    let found = &response.topics[0].partitions[0];
    (found.error_code == 0).then_some(found.offset)
}

/// A new producer id with its epoch; waits while the broker has none to give.
pub fn init_producer(connection: &mut Connection) -> (i64, i16) {
    init(connection, None, 60_000)
}

/// The same for a transactional id, whose transactions may take so long.
pub fn init_transactional_producer(connection: &mut Connection, id: &str, timeout_ms: i32) -> (i64, i16) {
    init(connection, Some(id), timeout_ms)
}

fn init(connection: &mut Connection, transactional_id: Option<&str>, timeout_ms: i32) -> (i64, i16) {
    let request = InitProducerIdRequest {
        transactional_id: transactional_id.map(str::to_owned),
        transaction_timeout_ms: timeout_ms,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    };
    let mut producer = None;
    eventually("a producer id", || {
        let response = connection.call(&request, 4);
        producer = (response.error_code == 0).then_some((response.producer_id, response.producer_epoch));
        producer.is_some()
    });
    producer.expect("just given")
}

/// A batch of records with these values; `producer` is id, epoch and the first sequence.
pub fn batch(values: &[&str], producer: Option<(i64, i16, i32)>) -> Bytes {
    let mut builder = BatchBuilder::new();
    if let Some((id, epoch, sequence)) = producer {
        builder = builder.producer(id, epoch, sequence);
    }
    // Not older than producer.id.expiration.ms: a broker that starts forgets a producer whose last batch is.
    let timestamp_ms = an_hour_ago_ms();
    for value in values {
        builder.append(&NewRecord { timestamp_ms, value: Some(value.as_bytes()), ..Default::default() });
    }
    builder.build_uncompressed().to_vec().into()
}

/// A produce to one partition.
pub fn produce_request(
    topic: &Topic,
    version: i16,
    partition: i32,
    acks: i16,
    records: Bytes,
) -> ProduceRequest {
    let data = PartitionProduceData { index: partition, records: Some(records) };
    let mut of_topic = TopicProduceData { partition_data: vec![data], ..Default::default() };
    if version >= FIRST_WITH_TOPIC_IDS {
        of_topic.topic_id = topic.id;
    } else {
        of_topic.name = topic.name.clone();
    }
    ProduceRequest { transactional_id: None, acks, timeout_ms: 30_000, topic_data: vec![of_topic] }
}

/// Produces to one partition, acks all: the answer of the partition.
pub fn produce(
    connection: &mut Connection,
    topic: &Topic,
    partition: i32,
    records: Bytes,
) -> PartitionProduceResponse {
    let version = FIRST_WITH_TOPIC_IDS;
    let response = connection.call(&produce_request(topic, version, partition, -1, records), version);
    response.responses[0].partition_responses[0].clone()
}

/// A fetch of one partition, without a session.
pub fn fetch_request(
    topic: &Topic,
    version: i16,
    partition: i32,
    offset: i64,
    max_wait_ms: i32,
) -> FetchRequest {
    let asked = FetchPartition {
        partition,
        current_leader_epoch: -1,
        fetch_offset: offset,
        last_fetched_epoch: -1,
        log_start_offset: -1,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let mut of_topic = FetchTopic { partitions: vec![asked], ..Default::default() };
    if version >= FIRST_WITH_TOPIC_IDS {
        of_topic.topic_id = topic.id;
    } else {
        of_topic.topic = topic.name.clone();
    }
    FetchRequest {
        max_wait_ms,
        min_bytes: 1,
        max_bytes: 1 << 20,
        session_id: 0,
        session_epoch: -1,
        topics: vec![of_topic],
        ..Default::default()
    }
}

/// Fetches one partition without waiting.
pub fn fetch(
    connection: &mut Connection,
    topic: &Topic,
    version: i16,
    partition: i32,
    offset: i64,
) -> PartitionData {
    let response = connection.call(&fetch_request(topic, version, partition, offset, 0), version);
    assert_eq!(response.error_code, 0, "{response:?}");
    response.responses[0].partitions[0].clone()
}
