//! DescribeGroups, ListGroups and DeleteGroups. Kafka 4.4 gave these answers when asked.

use super::driver::{Host, ask, client, commit_request, error, subscription};
use crate::{
    error_code::ErrorCode,
    group::{CallId, Request, Response, build_group_batches},
    protocol::messages::{
        consumer_group_heartbeat::ConsumerGroupHeartbeatRequest, delete_groups::DeleteGroupsRequest,
        describe_groups::DescribeGroupsRequest, list_groups::ListGroupsRequest,
    },
    records::{Codec, compression::Compressor},
};

fn commit_to(host: &mut Host, partition: i32) {
    let request = commit_request("e", -1, "", "t", partition, 1);
    let Response::OffsetCommit(response) = host.ask(Request::OffsetCommit { version: 9, request }) else {
        panic!("the kind of the request")
    };
    assert_eq!(response.topics[0].partitions[0].error_code, 0);
}

/// `e` with offsets only, `s` stable, `p` preparing.
fn three_groups() -> Host {
    let mut host = Host::new();
    host.commit("e", -1, "", 1);
    host.stable_group("s", 2);
    host.send_new_member("p");
    host
}

#[test]
fn a_stable_group_tells_everything_and_another_only_who_is_in_it() {
    let mut host = three_groups();
    let stable = host.describe("s");
    assert_eq!(
        (&*stable.group_state, &*stable.protocol_type, &*stable.protocol_data),
        ("Stable", "consumer", "range")
    );
    assert_eq!((stable.members.len(), stable.authorized_operations), (2, i32::MIN));
    for member in &stable.members {
        assert_eq!((&*member.client_id, &*member.client_host), ("c", "/127.0.0.1"));
        assert_eq!(member.member_metadata, subscription(&["t"]));
        assert_eq!(member.member_assignment, format!("1:{}", member.member_id));
    }
    let preparing = host.describe("p");
    assert_eq!((&*preparing.group_state, &*preparing.protocol_data), ("PreparingRebalance", ""));
    assert_eq!((preparing.members.len(), preparing.members[0].member_metadata.len()), (1, 0));
}

#[test]
fn an_unknown_group_is_dead_and_from_version_6_on_an_error() {
    let mut host = Host::new();
    let describe = || DescribeGroupsRequest { groups: vec!["x".into()], ..Default::default() };
    let group = ask!(host, DescribeGroups { 5, describe() }).groups.remove(0);
    assert_eq!((group.error_code, group.error_message, &*group.group_state), (0, None, "Dead"));
    let group = ask!(host, DescribeGroups { 6, describe() }).groups.remove(0);
    assert_eq!((error(group.error_code), &*group.group_state), (ErrorCode::GroupIdNotFound, "Dead"));
    assert_eq!(group.error_message.as_deref(), Some("Group x not found."));
}

#[test]
fn filters_of_the_list_do_not_mind_case() {
    let mut host = three_groups();
    let cases: [(&[&str], &[&str], &[&str]); 8] = [
        (&[], &[], &["e", "p", "s"]),
        (&["STABLE"], &[], &["s"]),
        (&["emPty", "preparingrebalance"], &["CLASSIC"], &["e", "p"]),
        (&["preparing_rebalance"], &[], &[]),
        (&["bogus", ""], &[], &[]),
        (&[], &["consumer"], &[]),
        (&[], &["bogus", ""], &[]),
        (&[], &["classic", "share"], &["e", "p", "s"]),
    ];
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    for (states, types, expected) in cases {
        let list = ListGroupsRequest { states_filter: owned(states), types_filter: owned(types) };
        let groups = ask!(host, ListGroups { list }).groups;
        assert!(
            groups.iter().map(|group| &*group.group_id).eq(expected.iter().copied()),
            "{states:?} {types:?}"
        );
    }
    let groups = ask!(host, ListGroups { ListGroupsRequest::default() }).groups;
    assert_eq!((&*groups[0].protocol_type, &*groups[0].group_type), ("", "classic"));
    assert_eq!((&*groups[2].protocol_type, &*groups[2].group_state), ("consumer", "Stable"));
}

#[test]
fn only_empty_groups_are_deleted() {
    let mut host = three_groups();
    let groups_names = ["e", "s", "p", "x", "e"].map(str::to_owned).into();
    let results = ask!(host, DeleteGroups { DeleteGroupsRequest { groups_names } }).results;
    let results: Vec<_> =
        results.iter().map(|result| (&*result.group_id, error(result.error_code))).collect();
    assert_eq!(
        results,
        [
            ("e", ErrorCode::None),
            ("p", ErrorCode::NonEmptyGroup),
            ("s", ErrorCode::NonEmptyGroup),
            ("x", ErrorCode::GroupIdNotFound)
        ]
    );
    host.reload();
    assert_eq!((host.committed("e", "t", 0), &*host.state("e")), (-1, "Dead"));
}

#[test]
fn a_group_with_more_offsets_than_a_batch_takes_is_deleted_in_steps() {
    let mut host = Host::new();
    for partition in 0..4 {
        commit_to(&mut host, partition);
    }
    let request = DeleteGroupsRequest { groups_names: vec!["e".into()] };
    let context = Host::context(&host.image, host.now_ms, 0);
    let outcome = host.coordinator.handle(&context, CallId(99), &Request::DeleteGroups { request });
    assert!(!outcome.atomic);
    let batches =
        build_group_batches(&outcome.records, 0, 100, (Codec::None, &mut Compressor::default())).unwrap();
    assert!(batches.len() > 1, "a small batch does not take it");
    for written in 0..outcome.records.len() {
        let mut left = host.replayed();
        outcome.records[..written].iter().for_each(|record| left.replay(record));
        assert!(left.groups.get("e").is_some(), "after {written} records the group can be deleted again");
    }
}

#[test]
fn members_of_the_new_protocol_count_against_the_bytes_of_all_groups() {
    let mut host = Host::new();
    host.coordinator.groups.room.size_bytes = 1_000;
    let join = |member: &str, topics: usize| ConsumerGroupHeartbeatRequest {
        group_id: "n".into(),
        member_id: member.into(),
        member_epoch: 0,
        rebalance_timeout_ms: 1_000,
        subscribed_topic_names: Some((0..topics).map(|index| format!("topic-{index}")).collect()),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let join = |host: &mut Host, member: &str, topics: usize| {
        let request = join(member, topics);
        match host.ask(Request::ConsumerGroupHeartbeat { version: 1, client: client(), request }) {
            Response::ConsumerGroupHeartbeat(response) => error(response.error_code),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(join(&mut host, "a", 10), ErrorCode::None);
    assert_eq!(join(&mut host, "b", 10), ErrorCode::None);
    assert_eq!(join(&mut host, "c", 10), ErrorCode::GroupMaxSizeReached, "another member");
    assert_eq!(join(&mut host, "b", 20), ErrorCode::GroupMaxSizeReached, "a larger subscription");
    assert_eq!(join(&mut host, "b", 1), ErrorCode::None, "a smaller one");
    assert_eq!(join(&mut host, "c", 5), ErrorCode::None, "what it leaves is for others");
    host.reload();
    host.coordinator.groups.room.size_bytes = 1_000;
    assert_eq!(join(&mut host, "d", 10), ErrorCode::GroupMaxSizeReached, "counted again from the log");
}
