//! What a client may do is told where it is asked for: all there is, as Kafka without an authorizer answers.

use jackdaw_core::protocol::messages::describe_topic_partitions::TopicRequest;
use jackdaw_core::protocol::messages::metadata::MetadataRequestTopic;
use jackdaw_core::protocol::messages::{
    ConsumerGroupDescribeRequest, DescribeClusterRequest, DescribeGroupsRequest,
    DescribeTopicPartitionsRequest, MetadataRequest,
};
use jackdaw_core::uuid::Uuid;
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::requests::create;
use jackdaw_tests::wire::Connection;
use jackdaw_tests::wire_member::WireMember;

const NOT_TOLD: i32 = i32::MIN;
const OF_GROUP: i32 = 0xd48;
const OF_TOPIC: i32 = 0xdf8;
const OF_CLUSTER: i32 = 0x1fa0;

#[test]
fn of_groups() {
    let broker = Broker::start(Options::groups(1));
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("authorized"), 1);
    let _classic = WireMember::join_classic(broker.bootstrap(), "classic", None, &topic.name, &[0]);
    let _consumer = WireMember::join_consumer(broker.bootstrap(), "consumer", &topic.name);
    for (group, version, expected) in
        [("classic", 6, OF_GROUP), ("consumer", 6, NOT_TOLD), ("none", 6, NOT_TOLD), ("none", 5, OF_GROUP)]
    {
        for is_asked in [true, false] {
            let request = DescribeGroupsRequest {
                groups: vec![group.to_owned()],
                include_authorized_operations: is_asked,
            };
            let told = connection.call(&request, version).groups[0].authorized_operations;
            assert_eq!(told, if is_asked { expected } else { NOT_TOLD }, "{group} {version} {is_asked}");
        }
    }
    for (group, is_asked, expected) in [
        ("consumer", true, OF_GROUP),
        ("consumer", false, NOT_TOLD),
        ("classic", true, NOT_TOLD),
        ("none", true, NOT_TOLD),
    ] {
        let request = ConsumerGroupDescribeRequest {
            group_ids: vec![group.to_owned()],
            include_authorized_operations: is_asked,
        };
        let told = connection.call(&request, 1).groups[0].authorized_operations;
        assert_eq!(told, expected, "{group} {is_asked}");
    }
}

#[test]
fn of_topics_and_the_cluster() {
    let broker = Broker::start(Options::shards(1));
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("authorized"), 1);
    let named = |name: &str| MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
    let unknown = MetadataRequestTopic { topic_id: Uuid([7; 16]), ..Default::default() };
    for is_asked in [true, false] {
        let expected = |operations| if is_asked { operations } else { NOT_TOLD };
        for (topic, operations) in [
            (named(&topic.name), OF_TOPIC),
            (named("none"), OF_TOPIC),
            (named("a b"), OF_TOPIC),
            (unknown.clone(), NOT_TOLD),
        ] {
            let request = MetadataRequest {
                topics: Some(vec![topic]),
                include_topic_authorized_operations: is_asked,
                ..Default::default()
            };
            let told = &connection.call(&request, 12).topics[0];
            assert_eq!(told.topic_authorized_operations, expected(operations), "{told:?}");
        }

        let request = MetadataRequest {
            topics: Some(Vec::new()),
            include_cluster_authorized_operations: is_asked,
            ..Default::default()
        };
        assert_eq!(connection.call(&request, 8).cluster_authorized_operations, expected(OF_CLUSTER));

        let request = DescribeClusterRequest {
            include_cluster_authorized_operations: is_asked,
            endpoint_type: 1,
            ..Default::default()
        };
        assert_eq!(connection.call(&request, 1).cluster_authorized_operations, expected(OF_CLUSTER));
    }
    // Not asked for there: always told.
    let topics = [topic.name.as_str(), "none"].map(|name| TopicRequest { name: name.to_owned() }).into();
    let request =
        DescribeTopicPartitionsRequest { topics, response_partition_limit: 100, ..Default::default() };
    let told = connection.call(&request, 0).topics;
    assert!(told.iter().all(|topic| topic.topic_authorized_operations == OF_TOPIC), "{told:?}");
}
