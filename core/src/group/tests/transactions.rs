//! Offsets that transactions commit, as a partition of `__consumer_offsets` has them that Apache Kafka wrote.

use super::driver::{Host, ask, error};
use crate::{
    error_code::ErrorCode,
    group::{Request, Response, offsets::Room, replay_group_markers},
    protocol::messages::{
        delete_groups::DeleteGroupsRequest,
        offset_delete::{OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics},
    },
    records::{
        BatchView, ControlType, Frame,
        control::{build_control_batch, build_end_transaction_marker},
    },
};

const EXPIRY_MS: u64 = 8 * 24 * 60 * 60 * 1000;

/// A step of the log of group `g` and partition 0 of `t`; producers are named by their ids.
#[derive(Clone, Copy)]
enum Step {
    Plain(i64),
    InTransaction(i64, i64),
    Commit(i64),
    Abort(i64),
    Tombstone,
}

use Step::{Abort, Commit, InTransaction, Plain, Tombstone};

fn replay(host: &mut Host, step: Step) {
    let mut donor = Host::new();
    let record = match step {
        Plain(offset) | InTransaction(_, offset) => {
            assert_eq!(donor.commit("g", -1, "", offset), ErrorCode::None);
            donor.log.remove(0)
        }
        Tombstone => {
            donor.commit("g", -1, "", 0);
            assert_eq!(delete_offset(&mut donor), ErrorCode::None);
            donor.log.remove(1)
        }
        Commit(producer_id) => return host.coordinator.replay_marker(producer_id, true),
        Abort(producer_id) => return host.coordinator.replay_marker(producer_id, false),
    };
    match step {
        InTransaction(producer_id, _) => host.coordinator.replay_transactional(producer_id, &record).unwrap(),
        _ => host.coordinator.replay(&record),
    }
}

fn with(steps: &[Step]) -> Host {
    let mut host = Host::new();
    steps.iter().for_each(|step| replay(&mut host, *step));
    host
}

fn fetch(host: &mut Host, require_stable: bool, partitions: Option<Vec<i32>>) -> Vec<(i32, i64, ErrorCode)> {
    let topics = partitions.map(|partition_indexes| {
        vec![OffsetFetchRequestTopics { name: "t".into(), partition_indexes, ..Default::default() }]
    });
    let group = OffsetFetchRequestGroup { group_id: "g".into(), topics, ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![group], require_stable, ..Default::default() };
    let response = ask!(host, OffsetFetch { 8, request });
    let partitions = response.groups[0].topics.iter().flat_map(|topic| &topic.partitions);
    let told = partitions.map(|told| {
        if told.error_code != 0 {
            assert_eq!((told.committed_leader_epoch, told.metadata.as_deref()), (-1, Some("")));
        }
        (told.partition_index, told.committed_offset, error(told.error_code))
    });
    told.collect()
}

fn delete_offset(host: &mut Host) -> ErrorCode {
    let partitions = vec![OffsetDeleteRequestPartition { partition_index: 0 }];
    let topics = vec![OffsetDeleteRequestTopic { name: "t".into(), partitions }];
    let request = OffsetDeleteRequest { group_id: "g".into(), topics };
    error(ask!(host, OffsetDelete { request }).topics[0].partitions[0].error_code)
}

#[test]
fn an_offset_counts_from_its_commit_marker_on() {
    let cases: [(&str, &[Step], i64, bool); 14] = [
        ("open", &[InTransaction(1, 5)], -1, false),
        ("committed", &[InTransaction(1, 5), Commit(1)], 5, true),
        ("aborted", &[InTransaction(1, 5), Abort(1)], -1, true),
        ("of another producer", &[InTransaction(1, 5), Commit(2)], -1, false),
        ("before it", &[Plain(3), InTransaction(1, 5)], 3, false),
        ("aborted after it", &[Plain(3), InTransaction(1, 5), Abort(1)], 3, true),
        ("twice in one", &[InTransaction(1, 5), InTransaction(1, 6), Commit(1)], 6, true),
        ("the later record wins", &[InTransaction(1, 5), Plain(9), Commit(1)], 9, true),
        ("and while it is open", &[InTransaction(1, 5), Plain(9)], 9, false),
        (
            "of two transactions the later record, not the later marker",
            &[InTransaction(1, 5), InTransaction(2, 7), Commit(2), Commit(1)],
            7,
            true,
        ),
        (
            "an aborted one does not count",
            &[InTransaction(1, 5), InTransaction(2, 7), Abort(2), Commit(1)],
            5,
            true,
        ),
        ("one of two is open", &[InTransaction(1, 5), InTransaction(2, 7), Commit(1)], 5, false),
        ("a tombstone takes it", &[InTransaction(1, 5), Tombstone, Commit(1)], -1, true),
        ("nothing is there", &[Commit(1), Abort(2), InTransaction(1, 4), Commit(1), Abort(1)], 4, true),
    ];
    for (name, steps, offset, is_stable) in cases {
        let mut host = with(steps);
        assert_eq!(fetch(&mut host, false, Some(vec![0])), [(0, offset, ErrorCode::None)], "{name}");
        let unstable = (0, -1, ErrorCode::UnstableOffsetCommit);
        let expected = if is_stable { (0, offset, ErrorCode::None) } else { unstable };
        let found = fetch(&mut host, true, Some(vec![0, 1]));
        assert_eq!(found, [expected, (1, -1, ErrorCode::None)], "{name}");
        assert_eq!(host.coordinator.offsets.pending().has_group("g"), !is_stable, "{name}");
    }
}

#[test]
fn all_offsets_of_a_group_are_the_committed_ones() {
    let mut host = with(&[InTransaction(1, 5)]);
    assert_eq!(fetch(&mut host, true, None), [], "nothing but pending");
    let mut host = with(&[Plain(3), InTransaction(1, 5)]);
    assert_eq!(fetch(&mut host, true, None), [(0, -1, ErrorCode::UnstableOffsetCommit)]);
    assert_eq!(fetch(&mut host, false, None), [(0, 3, ErrorCode::None)]);
}

#[test]
fn nothing_expires_while_a_transaction_is_open() {
    for steps in [&[Plain(3), InTransaction(1, 5)][..], &[InTransaction(1, 5)]] {
        let mut host = with(steps);
        host.advance(EXPIRY_MS);
        assert_eq!((host.log.len(), &*host.state("g")), (0, "Empty"));
        replay(&mut host, Abort(1));
        host.advance(600_000);
        assert_eq!(host.state("g"), "Dead");
    }
}

#[test]
fn who_deletes_offsets_deletes_pending_ones() {
    let mut host = with(&[InTransaction(1, 5)]);
    assert_eq!(delete_offset(&mut host), ErrorCode::None);
    replay(&mut host, Commit(1));
    assert_eq!(host.committed("g", "t", 0), -1);

    let mut host = with(&[Plain(3), InTransaction(1, 5)]);
    let request = DeleteGroupsRequest { groups_names: vec!["g".into()] };
    assert_eq!(ask!(host, DeleteGroups { request }).results[0].error_code, 0);
    assert_eq!(host.log.len(), 2, "one tombstone of the offset, one of the group");
    replay(&mut host, Commit(1));
    assert_eq!((host.committed("g", "t", 0), &*host.state("g")), (-1, "Dead"));
}

/// What is in open transactions takes room; more than there is stops the load, and all else goes on.
#[test]
fn pending_offsets_take_room() {
    let mut host = with(&[InTransaction(1, 5), InTransaction(1, 6), InTransaction(2, 7)]);
    host.coordinator.offsets.room = Room { count: 3, metadata_bytes: 0 };
    assert_eq!(host.commit("a", -1, "", 1), ErrorCode::None, "the third");
    assert_eq!(host.commit("b", -1, "", 1), ErrorCode::InvalidCommitOffsetSize);
    replay(&mut host, Abort(2));
    assert_eq!(host.commit("b", -1, "", 1), ErrorCode::None);
    replay(&mut host, Commit(1));
    assert_eq!(host.commit("c", -1, "", 1), ErrorCode::InvalidCommitOffsetSize);
    replay(&mut host, Tombstone);
    assert_eq!(host.commit("c", -1, "", 1), ErrorCode::None);

    let mut donor = Host::new();
    donor.commit("g", -1, "", 5);
    for producer_id in 1..=3 {
        host.coordinator.replay_transactional(producer_id, &donor.log[0]).unwrap();
    }
    let refused = host.coordinator.replay_transactional(4, &donor.log[0]).unwrap_err();
    assert_eq!(refused.count, 4);
    (1..=4).for_each(|producer_id| replay(&mut host, Abort(producer_id)));
    assert_eq!(
        host.coordinator.offsets.pending(),
        Host::new().coordinator.offsets.pending(),
        "nothing is left"
    );
}

#[test]
fn markers_are_read_from_control_batches() {
    let marker =
        |control_type| build_end_transaction_marker(control_type, &[0, 0, 0, 0, 0, 3], 77, 4, 5).to_vec();
    let read = |bytes: &[u8]| {
        let Frame::Complete(view) = BatchView::parse(bytes) else { panic!("a whole batch") };
        let mut markers = Vec::new();
        replay_group_markers(&view, |is_commit| markers.push(is_commit)).map(|()| markers)
    };
    assert_eq!(read(&marker(ControlType::Commit)).unwrap(), [true]);
    assert_eq!(read(&marker(ControlType::Abort)).unwrap(), [false]);
    let other = build_control_batch(&[(ControlType::LeaderChange, b"x")], 5).to_vec();
    assert_eq!(read(&other).unwrap(), [false; 0]);
    let mut damaged = marker(ControlType::Commit);
    *damaged.last_mut().unwrap() ^= 1;
    read(&damaged).unwrap_err();
}
