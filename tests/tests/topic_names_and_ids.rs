//! Topics asked for by names that there cannot be, and by names and ids together.

use jackdaw_core::protocol::messages::describe_topic_partitions::TopicRequest;
use jackdaw_core::protocol::messages::metadata::MetadataRequestTopic;
use jackdaw_core::protocol::messages::{DescribeTopicPartitionsRequest, MetadataRequest};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::requests::create;
use jackdaw_tests::wire::Connection;

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const INVALID_TOPIC: i16 = 17;

#[test]
fn a_name_that_there_cannot_be_is_invalid() {
    let broker = Broker::start(Options::shards(1));
    let mut connection = Connection::open(broker.bootstrap());
    let named = |name: &str| TopicRequest { name: name.to_owned() };
    let request = DescribeTopicPartitionsRequest {
        topics: vec![named("a b"), named("nobody-made-it")],
        response_partition_limit: 100,
        ..Default::default()
    };
    let topics = connection.call(&request, 0).topics;
    let mut errors: Vec<_> = topics.iter().map(|topic| (topic.name.as_deref(), topic.error_code)).collect();
    errors.sort();
    let expected = [(Some("a b"), INVALID_TOPIC), (Some("nobody-made-it"), UNKNOWN_TOPIC_OR_PARTITION)];
    assert_eq!(errors, expected);
}

#[test]
fn an_id_leaves_names_out() {
    let broker = Broker::start(Options::shards(1));
    let mut connection = Connection::open(broker.bootstrap());
    let (one, other) =
        (create(&mut connection, &topic("one"), 1), create(&mut connection, &topic("other"), 1));
    let by_name = MetadataRequestTopic { name: Some(one.name), ..Default::default() };
    let by_id = MetadataRequestTopic { topic_id: other.id, name: None };
    let request = MetadataRequest { topics: Some(vec![by_name, by_id]), ..Default::default() };
    let told: Vec<_> = connection.call(&request, 12).topics.into_iter().map(|topic| topic.topic_id).collect();
    assert_eq!(told, [other.id]);
}
