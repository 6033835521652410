//! A name that costs a few bytes is answered once, however often it is in a request: its answer may be long.

use jackdaw_core::protocol::messages::{
    DescribeConfigsRequest, DescribeProducersRequest, FindCoordinatorRequest, MetadataRequest,
    OffsetCommitRequest, OffsetFetchRequest,
    describe_configs::DescribeConfigsResource,
    describe_producers::TopicRequest,
    metadata::MetadataRequestTopic,
    offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
};
use jackdaw_tests::{
    broker::{Broker, Options},
    checks::{eventually, topic},
    requests::create,
    wire::Connection,
};

const TIMES: usize = 500;
const BROKER: i8 = 4;
const GROUP: i8 = 32;

fn broker() -> Broker {
    Broker::start(Options::shards(1))
}

#[test]
fn metadata_names_a_topic_once() {
    let broker = broker();
    let mut connection = Connection::open(broker.bootstrap());
    let (one, other) =
        (create(&mut connection, &topic("one"), 3), create(&mut connection, &topic("other"), 1));
    let named = |name: &str| MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
    let mut topics = vec![named(&other.name); TIMES];
    topics.extend(vec![named(&one.name); TIMES]);
    topics.extend(vec![named("a name that does not exist"); TIMES]);
    for version in [1, 4, 9, 12] {
        let request = MetadataRequest { topics: Some(topics.clone()), ..Default::default() };
        let answered = connection.call(&request, version).topics;
        let names: Vec<_> = answered.iter().map(|topic| topic.name.clone().unwrap_or_default()).collect();
        assert_eq!(names, [&other.name, &one.name, "a name that does not exist"], "version {version}");
    }
    let by_id = MetadataRequestTopic { topic_id: one.id, name: None };
    let request = MetadataRequest { topics: Some(vec![by_id; TIMES]), ..Default::default() };
    assert_eq!(connection.call(&request, 12).topics.len(), 1);
}

#[test]
fn describe_configs_describes_a_resource_once() {
    let broker = broker();
    let mut connection = Connection::open(broker.bootstrap());
    let resource = |resource_type, name: String, keys: Option<&str>| DescribeConfigsResource {
        resource_type,
        resource_name: name,
        configuration_keys: keys.map(|key| vec![key.to_owned()]),
    };
    // The same broker, written in as many ways.
    let mut resources: Vec<_> =
        (1..TIMES).map(|zeros| resource(BROKER, format!("{}1", "0".repeat(zeros)), None)).collect();
    resources.extend(vec![resource(GROUP, "g".to_owned(), None); TIMES]);
    // One key of it is another question.
    resources.extend(vec![resource(BROKER, "1".to_owned(), Some("log.dirs")); TIMES]);
    let request = DescribeConfigsRequest { resources, ..Default::default() };
    let results = connection.call(&request, 4).results;
    let counts: Vec<_> = results.iter().map(|result| (result.resource_type, result.configs.len())).collect();
    assert_eq!(counts.len(), 3, "{counts:?}");
    assert_eq!((counts[0].0, counts[1].0, counts[2]), (BROKER, GROUP, (BROKER, 1)));
}

/// Names that need not exist: what is beyond the bound is refused, and the rest is answered.
#[test]
fn describe_configs_describes_so_many_resources_and_no_more() {
    let broker = broker();
    let mut connection = Connection::open(broker.bootstrap());
    let resources = (0..10_003).map(|number| DescribeConfigsResource {
        resource_type: GROUP,
        resource_name: number.to_string(),
        configuration_keys: None,
    });
    let request = DescribeConfigsRequest { resources: resources.collect(), ..Default::default() };
    let results = connection.call(&request, 4).results;
    let refused: Vec<_> = results.iter().filter(|result| result.error_code != 0).collect();
    assert_eq!((results.len(), refused.len()), (10_003, 3));
    assert!(refused.iter().all(|result| result.configs.is_empty()), "{refused:?}");
}

#[test]
fn describe_producers_describes_a_partition_once() {
    let broker = broker();
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("producers"), 2);
    let asked = TopicRequest { name: topic.name, partition_indexes: [1, 0].repeat(TIMES) };
    let request = DescribeProducersRequest { topics: vec![asked.clone(), asked] };
    let topics = connection.call(&request, 0).topics;
    let partitions = |topic: usize| -> Vec<_> {
        topics[topic].partitions.iter().map(|partition| partition.partition_index).collect()
    };
    assert_eq!((partitions(0), partitions(1)), (vec![1, 0], vec![]));
}

#[test]
fn offset_fetch_tells_an_offset_once() {
    let broker = broker();
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("offsets"), 1);
    let find = FindCoordinatorRequest { coordinator_keys: vec!["g".to_owned()], ..Default::default() };
    let partition = OffsetCommitRequestPartition {
        committed_offset: 7,
        committed_leader_epoch: -1,
        committed_metadata: Some("x".repeat(4000)),
        ..Default::default()
    };
    let commit = OffsetCommitRequest {
        group_id: "g".to_owned(),
        generation_id_or_member_epoch: -1,
        topics: vec![OffsetCommitRequestTopic {
            name: topic.name.clone(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    };
    eventually("a commit is taken", || {
        connection.call(&find, 4);
        connection.call(&commit, 8).topics[0].partitions[0].error_code == 0
    });
    let asked = OffsetFetchRequestTopics {
        name: topic.name,
        partition_indexes: vec![0; TIMES],
        ..Default::default()
    };
    let group = OffsetFetchRequestGroup {
        group_id: "g".to_owned(),
        topics: Some(vec![asked]),
        member_epoch: -1,
        ..Default::default()
    };
    let request = OffsetFetchRequest { groups: vec![group; TIMES / 10], ..Default::default() };
    let groups = connection.call(&request, 8).groups;
    let told: Vec<_> = groups
        .iter()
        .flat_map(|group| &group.topics)
        .flat_map(|topic| &topic.partitions)
        .map(|partition| partition.committed_offset)
        .collect();
    assert_eq!(told, [7]);
}
