//! Offsets that transactions committed while Apache Kafka had the directory: one ended well, one was aborted, one is
//! open. Kafka and then ours tell the same of them.

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use jackdaw_core::protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use jackdaw_core::protocol::messages::{AddOffsetsToTxnRequest, EndTxnRequest, FindCoordinatorRequest};
use jackdaw_tests::broker::{Broker, Kind, Options};
use jackdaw_tests::checks::eventually;
use jackdaw_tests::requests::{commit_offset, create, init_transactional_producer};
use jackdaw_tests::wire::Connection;

const GROUP: &str = "exactly-once";
const TOPIC: &str = "read";
const PARTITIONS: i32 = 4;
/// Longer than the test: nobody aborts the open transaction meanwhile.
const TRANSACTION_TIMEOUT_MS: i32 = 900_000;

fn find_coordinator(connection: &mut Connection, key_type: i8, key: &str) {
    let request =
        FindCoordinatorRequest { key_type, coordinator_keys: vec![key.to_owned()], ..Default::default() };
    eventually("a coordinator", || connection.call(&request, 4).coordinators[0].error_code == 0);
}

/// A transaction that commits an offset, and its end where there is one.
fn transact(connection: &mut Connection, id: &str, partition: i32, offset: i64, committed: Option<bool>) {
    find_coordinator(connection, 1, id);
    let (producer_id, producer_epoch) = init_transactional_producer(connection, id, TRANSACTION_TIMEOUT_MS);
    let request = AddOffsetsToTxnRequest {
        transactional_id: id.to_owned(),
        producer_id,
        producer_epoch,
        group_id: GROUP.to_owned(),
    };
    eventually("the group is in the transaction", || connection.call(&request, 3).error_code == 0);
    let request = txn_offset_commit(id, (producer_id, producer_epoch), partition, offset);
    eventually("the offset is in the transaction", || {
        connection.call(&request, 3).topics[0].partitions[0].error_code == 0
    });
    let Some(committed) = committed else { return };
    let request = EndTxnRequest { transactional_id: id.to_owned(), producer_id, producer_epoch, committed };
    let response = connection.call(&request, 3);
    assert_eq!(response.error_code, 0, "{response:?}");
}

fn txn_offset_commit(
    id: &str,
    (producer_id, producer_epoch): (i64, i16),
    partition: i32,
    offset: i64,
) -> TxnOffsetCommitRequest {
    let partition = TxnOffsetCommitRequestPartition {
        partition_index: partition,
        committed_offset: offset,
        ..Default::default()
    };
    let topic = TxnOffsetCommitRequestTopic {
        name: TOPIC.to_owned(),
        partitions: vec![partition],
        ..Default::default()
    };
    TxnOffsetCommitRequest {
        transactional_id: id.to_owned(),
        group_id: GROUP.to_owned(),
        producer_id,
        producer_epoch,
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    }
}

type Told = Vec<(i32, i64, i16)>;

/// Partition, offset and error of what is told; none while the coordinator loads.
fn fetch(connection: &mut Connection, require_stable: bool, all: bool) -> Option<Told> {
    let asked = OffsetFetchRequestTopics {
        name: TOPIC.to_owned(),
        partition_indexes: (0..PARTITIONS).collect(),
        ..Default::default()
    };
    let topics = (!all).then(|| vec![asked]);
    let group = OffsetFetchRequestGroup { group_id: GROUP.to_owned(), topics, ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![group], require_stable, ..Default::default() };
    let response = connection.call(&request, 8);
    let group = &response.groups[0];
    if group.error_code != 0 {
        return None;
    }
    let partitions = group.topics.iter().flat_map(|topic| &topic.partitions);
    let mut told: Vec<_> = partitions
        .map(|told| {
            assert_eq!((told.committed_leader_epoch, told.metadata.as_deref()), (-1, Some("")), "{told:?}");
            (told.partition_index, told.committed_offset, told.error_code)
        })
        .collect();
    told.sort_unstable();
    Some(told)
}

/// Partition 3 has no offset but the one of the open transaction.
fn expect_offsets(broker: &Broker) {
    let unstable = ErrorCode::UnstableOffsetCommit as i16;
    let connection = &mut Connection::open(broker.bootstrap());
    find_coordinator(connection, 0, GROUP);
    let stable: Told = vec![(0, 10, 0), (1, 1, 0), (2, -1, unstable), (3, -1, unstable)];
    let mut found = None;
    // Markers follow the end of a transaction.
    eventually("what is stable is told", || {
        found = fetch(connection, true, false);
        found.as_ref().is_some_and(|found| found[0].2 == 0 && found[1].2 == 0)
    });
    assert_eq!(found.as_ref(), Some(&stable));
    assert_eq!(fetch(connection, true, true).as_deref(), Some(&stable[..3]), "all of the group");
    let committed: Told = vec![(0, 10, 0), (1, 1, 0), (2, 1, 0), (3, -1, 0)];
    assert_eq!(fetch(connection, false, false), Some(committed));
}

#[test]
fn only_what_was_committed_is_told() {
    let quick = ["offsets.topic.num.partitions=2", "transaction.state.log.num.partitions=2"];
    let mut broker = Broker::start_kind(
        Kind::Apache,
        Options::shards(2).with(&quick).expecting(&["it waits for transactions"]),
    );
    let connection = &mut Connection::open(broker.bootstrap());
    create(connection, TOPIC, PARTITIONS);
    find_coordinator(connection, 0, GROUP);
    for partition in 0..3 {
        eventually("a commit", || commit_offset(connection, GROUP, (TOPIC, partition), 1, "") == 0);
    }
    transact(connection, "ends-well", 0, 10, Some(true));
    transact(connection, "is-aborted", 1, 11, Some(false));
    transact(connection, "is-open", 2, 12, None);
    transact(connection, "is-open-too", 3, 13, None);
    expect_offsets(&broker);
    broker.kill();
    broker.restart_as(Kind::Jackdaw);
    expect_offsets(&broker);
    broker.terminate();
    broker.restart();
    expect_offsets(&broker);
}
