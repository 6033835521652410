//! OffsetCommit, OffsetFetch, OffsetDelete and the expiry of offsets. Kafka 4.4 gave these answers when asked.

use super::driver::{Host, TOPIC_ID, ask, commit_request, error, join_request, settings};
use crate::{
    error_code::ErrorCode,
    group::{Request, Response, offsets::Room},
    protocol::{
        messages::{
            offset_commit::OffsetCommitRequest,
            offset_delete::{OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
            offset_fetch::{
                OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
                OffsetFetchResponseGroup,
            },
        },
        records::GroupValue,
    },
    uuid::Uuid,
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn commit(host: &mut Host, version: i16, request: OffsetCommitRequest) -> ErrorCode {
    error(ask!(host, OffsetCommit { version, request }).topics[0].partitions[0].error_code)
}

fn fetch(host: &mut Host, version: i16, group: OffsetFetchRequestGroup) -> OffsetFetchResponseGroup {
    let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
    ask!(host, OffsetFetch { version, request }).groups.remove(0)
}

fn delete(host: &mut Host, group_id: &str, topics: &[(&str, i32)]) -> (ErrorCode, Vec<ErrorCode>) {
    let topics = topics.iter().map(|(name, partition_index)| OffsetDeleteRequestTopic {
        name: (*name).into(),
        partitions: vec![OffsetDeleteRequestPartition { partition_index: *partition_index }],
    });
    let request = OffsetDeleteRequest { group_id: group_id.into(), topics: topics.collect() };
    let response = ask!(host, OffsetDelete { request });
    let topics = response.topics.iter().map(|topic| error(topic.partitions[0].error_code));
    (error(response.error_code), topics.collect())
}

#[test]
fn who_may_commit() {
    let mut host = Host::new();
    assert_eq!(host.commit("simple", -1, "", 7), ErrorCode::None, "no group is needed");
    assert_eq!(host.commit("", -1, "", 7), ErrorCode::None, "not even an id");
    assert_eq!(host.commit("unknown", 3, "", 7), ErrorCode::GroupIdNotFound);
    let request = commit_request("unknown", 3, "", "t", 0, 7);
    assert_eq!(commit(&mut host, 8, request), ErrorCode::IllegalGeneration, "before version 9");
    let (member_id, call) = host.send_new_member("g");
    host.advance(3_000);
    let joined = host.joined(call);
    assert_eq!(host.commit("g", 1, &member_id, 1), ErrorCode::RebalanceInProgress, "Completing");
    let call = host.send_sync(super::driver::sync_request("g", &joined, &[]));
    host.synced(call);
    assert_eq!(host.commit("g", 1, &member_id, 1), ErrorCode::None);
    assert_eq!(host.commit("g", 2, &member_id, 2), ErrorCode::IllegalGeneration);
    assert_eq!(host.commit("g", -1, &member_id, 2), ErrorCode::IllegalGeneration);
    assert_eq!(host.commit("g", 1, "x", 2), ErrorCode::UnknownMemberId);
    assert_eq!(host.commit("g", -1, "", 2), ErrorCode::UnknownMemberId);
    host.send_new_member("g");
    assert_eq!(host.commit("g", 1, &member_id, 3), ErrorCode::None, "Preparing");
    assert_eq!(host.committed("g", "t", 0), 3);
    let mut host = Host::new();
    let member_id = host.stable_group("g", 1).remove(0).member_id;
    host.leave("g", &[(&member_id, None)]);
    assert_eq!(host.commit("g", 1, &member_id, 4), ErrorCode::UnknownMemberId, "Empty");
    assert_eq!(host.commit("g", -1, &member_id, 5), ErrorCode::None);
    host.reload();
    assert_eq!(host.committed("g", "t", 0), 5);
}

#[test]
fn an_unknown_partition_is_told_whoever_commits() {
    let mut host = Host::new();
    host.stable_group("g", 1);
    for (topic, partition) in [("t", 4), ("unknown", 0)] {
        let request = commit_request("g", 9, "x", topic, partition, 1);
        assert_eq!(commit(&mut host, 9, request), ErrorCode::UnknownTopicOrPartition);
    }
    let mut request = commit_request("simple", -1, "", "", 0, 1);
    request.topics[0].topic_id = Uuid([9; 16]);
    assert_eq!(commit(&mut host, 10, request), ErrorCode::UnknownTopicId);
}

#[test]
fn metadata_is_counted_in_characters() {
    let mut host = Host::new();
    for (metadata, expected) in [
        ("x".repeat(4_096), ErrorCode::None),
        ("é".repeat(4_096), ErrorCode::None),
        ("x".repeat(4_097), ErrorCode::OffsetMetadataTooLarge),
        ("𝄞".repeat(2_049), ErrorCode::OffsetMetadataTooLarge),
    ] {
        let mut request = commit_request("simple", -1, "", "t", 0, 1);
        request.topics[0].partitions[0].committed_metadata = Some(metadata);
        assert_eq!(commit(&mut host, 9, request), expected);
    }
}

#[test]
fn a_full_coordinator_still_takes_what_it_has() {
    let mut host = Host::new();
    host.coordinator.offsets.room = Room { count: 2, metadata_bytes: 10 };
    assert_eq!(host.commit("a", -1, "", 1), ErrorCode::None);
    assert_eq!(host.commit("b", -1, "", 1), ErrorCode::None);
    assert_eq!(host.commit("c", -1, "", 1), ErrorCode::InvalidCommitOffsetSize);
    assert_eq!(host.commit("a", -1, "", 2), ErrorCode::None);
    for (metadata, expected) in [
        ("0123456789", ErrorCode::None),
        ("01234567890", ErrorCode::InvalidCommitOffsetSize),
        ("987654321", ErrorCode::None),
        ("9876543210", ErrorCode::None),
    ] {
        let mut request = commit_request("a", -1, "", "t", 0, 3);
        request.topics[0].partitions[0].committed_metadata = Some(metadata.into());
        assert_eq!(commit(&mut host, 9, request), expected, "{metadata}");
    }
    let mut request = commit_request("b", -1, "", "t", 0, 3);
    let mut second = request.topics[0].partitions[0].clone();
    second.partition_index = 1;
    request.topics[0].partitions.push(second);
    let topics = ask!(host, OffsetCommit { 9, request }).topics;
    let errors: Vec<_> = topics[0].partitions.iter().map(|partition| error(partition.error_code)).collect();
    assert_eq!(errors, [ErrorCode::None, ErrorCode::InvalidCommitOffsetSize], "the old one, not the new one");
}

#[test]
fn what_is_fetched() {
    let mut host = Host::new();
    host.commit("g", -1, "", 42);
    let by_name = |topic: &str, partitions: &[i32]| OffsetFetchRequestTopics {
        name: topic.into(),
        partition_indexes: partitions.into(),
        ..Default::default()
    };
    let of = |group_id: &str, topics| OffsetFetchRequestGroup {
        group_id: group_id.into(),
        topics,
        member_id: Some("x".into()),
        member_epoch: 5,
    };
    let fetched = fetch(&mut host, 9, of("g", Some(vec![by_name("t", &[0, 1]), by_name("unknown", &[0])])));
    let told = |group: &OffsetFetchResponseGroup| -> Vec<_> {
        let topics = group.topics.iter();
        topics
            .flat_map(|topic| &topic.partitions)
            .map(|partition| (partition.committed_offset, error(partition.error_code)))
            .collect()
    };
    assert_eq!(told(&fetched), [(42, ErrorCode::None), (-1, ErrorCode::None), (-1, ErrorCode::None)]);
    let by_id =
        |topic_id| OffsetFetchRequestTopics { topic_id, partition_indexes: vec![0], ..Default::default() };
    let topics = vec![by_id(TOPIC_ID), by_id(Uuid([9; 16]))];
    let fetched = fetch(&mut host, 10, of("g", Some(topics)));
    assert_eq!(told(&fetched), [(42, ErrorCode::None), (-1, ErrorCode::UnknownTopicId)]);
    let fetched = fetch(&mut host, 8, of("g", None));
    assert_eq!((&*fetched.topics[0].name, fetched.topics[0].topic_id), ("t", Uuid::ZERO));
    let fetched = fetch(&mut host, 10, of("g", None));
    assert_eq!((&*fetched.topics[0].name, fetched.topics[0].topic_id), ("", TOPIC_ID));
    let fetched = fetch(&mut host, 10, of("unknown", None));
    assert_eq!((fetched.topics.len(), fetched.error_code), (0, 0));
}

#[test]
fn what_may_be_deleted() {
    let mut host = Host::new();
    let member_id = host.stable_group("g", 1).remove(0).member_id;
    host.commit("g", 1, &member_id, 1);
    let mut request = commit_request("g", 1, &member_id, "u", 0, 2);
    request.topics[0].partitions[0].committed_leader_epoch = 1;
    assert_eq!(commit(&mut host, 9, request), ErrorCode::None);
    let topics = [("t", 0), ("t", 9), ("u", 0), ("unknown", 0)];
    let expected = [
        ErrorCode::GroupSubscribedToTopic,
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::None,
        ErrorCode::UnknownTopicOrPartition,
    ];
    assert_eq!(delete(&mut host, "g", &topics), (ErrorCode::None, expected.to_vec()));
    assert_eq!((host.committed("g", "t", 0), host.committed("g", "u", 0)), (1, -1));
    assert_eq!(delete(&mut host, "unknown", &[("t", 0)]), (ErrorCode::GroupIdNotFound, vec![]));
    assert_eq!(delete(&mut host, "", &[("t", 0)]), (ErrorCode::InvalidGroupId, vec![]));
    host.leave("g", &[(&member_id, None)]);
    assert_eq!(delete(&mut host, "g", &[("t", 0)]), (ErrorCode::None, vec![ErrorCode::None]));
    host.reload();
    assert_eq!(host.committed("g", "t", 0), -1);
}

#[test]
fn a_group_of_another_kind_keeps_its_offsets_while_it_is_not_empty() {
    let mut host = Host::new();
    let mut request = join_request("c", "", None);
    request.protocol_type = "connect".into();
    let call = host.send_join(3, request);
    host.advance(3_000);
    host.joined(call);
    assert_eq!(delete(&mut host, "c", &[("t", 0)]), (ErrorCode::NonEmptyGroup, vec![]));
}

#[test]
fn offsets_of_nobody_expire() {
    let mut host = Host::new();
    host.commit("simple", -1, "", 1);
    host.advance(6 * DAY_MS);
    host.commit("later", -1, "", 2);
    host.advance(DAY_MS + 600_000);
    assert_eq!((host.committed("simple", "t", 0), host.committed("later", "t", 0)), (-1, 2));
    assert_eq!((&*host.state("simple"), &*host.state("later")), ("Dead", "Empty"));
    host.reload();
    assert_eq!((host.committed("simple", "t", 0), host.committed("later", "t", 0)), (-1, 2));
}

#[test]
fn offsets_of_an_empty_group_expire_when_it_was_empty_for_long() {
    let mut host = Host::new();
    let member_id = host.stable_group("g", 1).remove(0).member_id;
    host.commit("g", 1, &member_id, 1);
    for _ in 0..8 * 24 * 60 * 2 {
        host.advance(30_000);
        host.heartbeat("g", 1, &member_id);
    }
    assert_eq!(host.committed("g", "t", 0), 1, "it reads the topic");
    host.leave("g", &[(&member_id, None)]);
    host.advance(6 * DAY_MS);
    host.reload();
    assert_eq!(host.committed("g", "t", 0), 1);
    host.advance(DAY_MS + 600_000);
    assert_eq!(host.committed("g", "t", 0), -1);
    assert_eq!(host.state("g"), "Dead");
    host.reload();
    assert_eq!(host.state("g"), "Dead", "its record is gone too");
}

/// Kafka 4.4.0 with a retention of a minute deleted the group half a second after this commit.
#[test]
fn a_commit_to_a_group_that_was_empty_for_long_does_not_keep_it() {
    let mut host = Host::new();
    let member_id = host.stable_group("g", 1).remove(0).member_id;
    host.commit("g", 1, &member_id, 3);
    host.leave("g", &[(&member_id, None)]);
    host.advance(7 * DAY_MS - 1_000);
    assert_eq!(host.commit("g", -1, "", 1), ErrorCode::None);
    host.advance(600_001);
    assert_eq!(host.state("g"), "Dead");
}

#[test]
fn a_client_may_name_a_retention_of_its_own() {
    let mut host = Host::new();
    let request =
        OffsetCommitRequest { retention_time_ms: 3_600_000, ..commit_request("s", -1, "", "t", 0, 77) };
    assert_eq!(commit(&mut host, 2, request), ErrorCode::None);
    let record = host.log.last().unwrap();
    let Some(GroupValue::OffsetCommit(value)) = &record.value else { panic!("{record:?}") };
    assert_eq!((record.value_version, value.expire_timestamp - value.commit_timestamp), (1, 3_600_000));
    host.reload();
    host.advance(3_599_999);
    assert_eq!(host.committed("s", "t", 0), 77);
    host.advance(600_000);
    assert_eq!(host.committed("s", "t", 0), -1);
}

#[test]
fn a_long_search_goes_in_steps() {
    let mut settings = settings();
    settings.offsets.retention_ms = 1_000;
    let mut host = Host::with(settings);
    for group in 0..700 {
        for partition in 0..3 {
            let request = commit_request(&format!("g{group}"), -1, "", "t", partition, 1);
            commit(&mut host, 9, request);
        }
    }
    let length_before = host.log.len();
    host.advance(600_001);
    assert_eq!(host.log.len() - length_before, 700 * 4);
    assert_eq!(host.coordinator.groups.count(), 0);
}

#[test]
fn offsets_of_deleted_topics_go() {
    let mut host = Host::new();
    host.commit("a", -1, "", 1);
    host.commit("b", -1, "", 2);
    let request = commit_request("b", -1, "", "u", 0, 3);
    commit(&mut host, 9, request);
    host.topics_deleted(&["t"]);
    host.reload();
    assert_eq!(
        [host.committed("a", "t", 0), host.committed("b", "t", 0), host.committed("b", "u", 0)],
        [-1, -1, 3]
    );
}

#[test]
fn an_offset_says_nothing_about_a_later_topic_of_the_same_name() {
    let mut host = Host::new();
    host.commit("g", -1, "", 1);
    host.recreate_topic(TOPIC_ID, Uuid([10; 16]), "t");
    assert_eq!(host.committed("g", "t", 0), -1);
    host.advance(600_000);
    assert_eq!(host.state("g"), "Dead", "the search takes it away");
}
