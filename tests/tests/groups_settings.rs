//! Settings of the group coordinator that hold from the start of the broker on: the protocols that are served, and how
//! the offsets topic is compressed. Kafka 4.4 gave these answers when asked.

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::group::partition_of_group;
use jackdaw_core::protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use jackdaw_core::protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, FindCoordinatorRequest,
};
use jackdaw_core::records::{Batches, Codec};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::eventually;
use jackdaw_tests::requests::{commit_offset, create};
use jackdaw_tests::wire::Connection;

const TOPIC: &str = "read";
const GROUP: &str = "g";

fn committed(connection: &mut Connection) -> Option<i64> {
    let topic =
        OffsetFetchRequestTopics { name: TOPIC.to_owned(), partition_indexes: vec![0], ..Default::default() };
    let group = OffsetFetchRequestGroup {
        group_id: GROUP.to_owned(),
        topics: Some(vec![topic]),
        ..Default::default()
    };
    let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
    let response = connection.call(&request, 8);
    response.groups[0].topics.first().map(|topic| topic.partitions[0].committed_offset)
}

fn await_coordinator(connection: &mut Connection) {
    let request = FindCoordinatorRequest { coordinator_keys: vec![GROUP.to_owned()], ..Default::default() };
    eventually("a coordinator", || connection.call(&request, 4).coordinators[0].error_code == 0);
}

#[test]
fn the_offsets_topic_is_compressed() {
    let mut broker = Broker::start(Options::groups(1).with(&["offsets.topic.compression.codec=4"]));
    let mut connection = Connection::open(broker.bootstrap());
    create(&mut connection, TOPIC, 1);
    await_coordinator(&mut connection);
    eventually("a commit", || commit_offset(&mut connection, GROUP, (TOPIC, 0), 7, "") == 0);
    broker.terminate();
    let partition = partition_of_group(GROUP, 50);
    let log = broker.data_dir().join(format!("__consumer_offsets-{partition}/00000000000000000000.log"));
    let bytes = std::fs::read(log).expect("the log of the partition");
    let codecs: Vec<_> = Batches::new(&bytes).map(|batch| batch.expect("a batch").header().codec()).collect();
    assert!(!codecs.is_empty() && codecs.iter().all(|codec| *codec == Some(Codec::Zstd)), "{codecs:?}");
    broker.restart();
    let mut connection = Connection::open(broker.bootstrap());
    await_coordinator(&mut connection);
    eventually("what was committed", || committed(&mut connection) == Some(7));
}

#[test]
fn consumer_groups_can_be_switched_off() {
    let broker = Broker::start(Options::groups(1).with(&["group.coordinator.rebalance.protocols=classic"]));
    let mut connection = Connection::open(broker.bootstrap());
    create(&mut connection, TOPIC, 1);
    await_coordinator(&mut connection);
    let joining = ConsumerGroupHeartbeatRequest {
        group_id: GROUP.to_owned(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec![TOPIC.to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let refused = ErrorCode::UnsupportedVersion.code();
    let response = connection.call(&joining, 0);
    assert_eq!((response.error_code, response.member_id), (refused, None));
    let describe = ConsumerGroupDescribeRequest { group_ids: vec![GROUP.to_owned()], ..Default::default() };
    let response = connection.call(&describe, 0);
    let found: Vec<_> =
        response.groups.iter().map(|group| (group.group_id.as_str(), group.error_code)).collect();
    assert_eq!(found, [(GROUP, refused)]);
    eventually("a commit", || commit_offset(&mut connection, GROUP, (TOPIC, 0), 7, "") == 0);
    assert_eq!(committed(&mut connection), Some(7));
}
