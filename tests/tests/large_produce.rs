//! Produce requests of many partitions: what repeats is refused, and other connections get their turn meanwhile.

use bytes::Bytes;
use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::produce::{PartitionProduceData, TopicProduceData};
use jackdaw_core::protocol::messages::{ApiVersionsRequest, ProduceRequest};
use jackdaw_core::records::compression::{Compressor, Levels};
use jackdaw_core::records::{BatchBuilder, Codec, NewRecord};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{an_hour_ago_ms, topic};
use jackdaw_tests::requests::{FIRST_WITH_TOPIC_IDS, Topic, batch, create, end_offset};
use jackdaw_tests::wire::Connection;

const VERSION: i16 = FIRST_WITH_TOPIC_IDS;

fn request(topic: &Topic, partitions: &[i32], records: &Bytes) -> ProduceRequest {
    let data = |index: &i32| PartitionProduceData { index: *index, records: Some(records.clone()) };
    let of_topic = TopicProduceData {
        topic_id: topic.id,
        partition_data: partitions.iter().map(data).collect(),
        ..Default::default()
    };
    ProduceRequest { transactional_id: None, acks: -1, timeout_ms: 30_000, topic_data: vec![of_topic] }
}

/// Apache Kafka keeps one batch of a partition and drops the others in silence; no client sends such a request.
#[test]
fn a_partition_that_is_named_twice_is_refused() {
    let broker = Broker::start(Options::shards(2));
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("twice"), 3);
    let mut twice = request(&topic, &[0, 1, 2, 1], &batch(&["x"], None));
    // Also where the topic is named twice.
    twice.topic_data.push(request(&topic, &[2], &batch(&["x"], None)).topic_data.remove(0));
    let response = connection.call(&twice, VERSION);
    let codes = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    let codes: Vec<_> = codes.map(|partition| (partition.index, partition.error_code)).collect();
    let refused = ErrorCode::InvalidRequest.code();
    assert_eq!(codes, [(0, 0), (1, refused), (2, refused), (1, refused), (2, refused)]);
    let ends = [0, 1, 2].map(|partition| end_offset(&mut connection, &topic.name, partition));
    assert_eq!(ends, [1, 0, 0]);
}

/// Small batches that inflate to much, for one shard.
#[test]
fn others_are_served_while_a_large_request_is_validated() {
    let broker = Broker::start(Options::shards(1));
    let mut connection = Connection::open(broker.bootstrap());
    let partitions: Vec<i32> = (0..40).collect();
    let topic = create(&mut connection, &topic("inflated"), 40);
    let value = vec![0; 4 << 20];
    let mut builder = BatchBuilder::new();
    builder.append(&NewRecord { timestamp_ms: an_hour_ago_ms(), value: Some(&value), ..Default::default() });
    let records =
        builder.build(Codec::Gzip, &Levels::default(), &mut Compressor::default()).expect("a batch");
    let mut other = Connection::open(broker.bootstrap());
    other.call(&ApiVersionsRequest::default(), 0);
    connection.send(&request(&topic, &partitions, &records.to_vec().into()), VERSION);
    // Until the broker has begun with it.
    std::thread::sleep(std::time::Duration::from_millis(20));
    other.call(&ApiVersionsRequest::default(), 0);
    assert!(!connection.is_answered(), "nobody was served before the large request was answered");
    let (_, response) = connection.answer::<ProduceRequest>(VERSION);
    let answers = &response.responses[0].partition_responses;
    assert!(answers.iter().all(|partition| partition.error_code == 0), "{answers:?}");
}
