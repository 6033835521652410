//! A partition of the offsets topic that cannot be read: its groups have no coordinator, as if it had no leader, and all
//! others are served.

use std::io::Write as _;

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::group::partition_of_group;
use jackdaw_core::protocol::messages::FindCoordinatorRequest;
use jackdaw_core::protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use jackdaw_core::records::{BatchBuilder, NewRecord};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::eventually;
use jackdaw_tests::requests::{commit_offset, create};
use jackdaw_tests::wire::Connection;

const PARTITIONS: i32 = 50;
const TOPIC: &str = "read";

fn find(connection: &mut Connection, version: i16, group_ids: &[&str]) -> Vec<(i32, ErrorCode)> {
    let mut request = FindCoordinatorRequest::default();
    match version {
        4.. => request.coordinator_keys = group_ids.iter().map(|id| (*id).to_owned()).collect(),
        _ => request.key = group_ids[0].to_owned(),
    }
    let response = connection.call(&request, version);
    let error = |code| ErrorCode::from_i16(code);
    match version {
        4.. => response.coordinators.iter().map(|found| (found.node_id, error(found.error_code))).collect(),
        _ => vec![(response.node_id, error(response.error_code))],
    }
}

/// A batch that is whole, whose key ends inside a field.
fn unreadable() -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    builder.append(&NewRecord { timestamp_ms: 0, key: Some(&[0, 2, 0x7f]), value: None, headers: &[] });
    let mut batch = builder.build_uncompressed();
    batch.assign(0, 0);
    batch.to_vec()
}

#[test]
fn groups_of_an_unreadable_partition_have_no_coordinator() {
    let mut broker =
        Broker::start(Options::shards(2).expecting(&["cannot load the groups of this partition"]));
    let group_ids = ["a", "b"];
    let lost = partition_of_group(group_ids[0], PARTITIONS);
    assert_ne!(lost, partition_of_group(group_ids[1], PARTITIONS));
    eventually("coordinators", || {
        find(&mut Connection::open(broker.bootstrap()), 4, &group_ids)
            .iter()
            .all(|(_, error)| *error == ErrorCode::None)
    });
    broker.terminate();
    let log = broker.data_dir().join(format!("__consumer_offsets-{lost}/00000000000000000000.log"));
    let mut file = std::fs::OpenOptions::new().append(true).open(log).expect("the log of the partition");
    file.write_all(&unreadable()).expect("a batch more");
    drop(file);
    broker.restart();
    let mut connection = Connection::open(broker.bootstrap());
    let expected = [(-1, ErrorCode::CoordinatorNotAvailable), (1, ErrorCode::None)];
    for version in [6, 4, 1] {
        for (group_id, expected) in group_ids.iter().zip(expected) {
            eventually("an answer", || find(&mut connection, version, &[group_id]) == [expected]);
        }
    }
    assert_eq!(find(&mut connection, 4, &group_ids), expected);
}

/// Kafka tells an offset as often as it is asked for, and each may have 4,096 characters of metadata.
#[test]
fn offsets_asked_for_again_and_again_are_told_once() {
    const TIMES: usize = 1_000;
    let broker = Broker::start(Options::shards(1));
    let mut connection = Connection::open(broker.bootstrap());
    create(&mut connection, TOPIC, 1);
    eventually("a coordinator", || find(&mut connection, 4, &["g"])[0].1 == ErrorCode::None);
    eventually("a commit", || commit_offset(&mut connection, "g", (TOPIC, 0), 7, &"x".repeat(4096)) == 0);
    let topic = OffsetFetchRequestTopics {
        name: TOPIC.to_owned(),
        partition_indexes: vec![0; TIMES],
        ..Default::default()
    };
    let group =
        OffsetFetchRequestGroup { group_id: "g".to_owned(), topics: Some(vec![topic]), ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
    let response = connection.call(&request, 8);
    let told: usize = response.groups[0].topics.iter().map(|topic| topic.partitions.len()).sum();
    let is_kafka = std::env::var("JACKDAW_TEST_BROKER").is_ok_and(|kind| kind == "apache");
    assert_eq!(told, if is_kafka { TIMES } else { 1 });
}
