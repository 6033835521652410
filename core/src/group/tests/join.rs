//! JoinGroup in every state of a group. Where an error is expected, Kafka 4.4 gave it when asked.

use bytes::Bytes;

use super::driver::{Host, error, join_request, settings, sync_request};
use crate::{
    error_code::ErrorCode,
    limits::{GROUP_MEMBER_PROTOCOLS_BYTES_MAX, GROUP_PROTOCOLS_MAX},
    protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol},
};

fn with_protocols(mut request: JoinGroupRequest, protocols: &[(&str, &'static str)]) -> JoinGroupRequest {
    let protocols = protocols.iter().map(|(name, metadata)| JoinGroupRequestProtocol {
        name: (*name).into(),
        metadata: Bytes::from_static(metadata.as_bytes()),
    });
    request.protocols = protocols.collect();
    request
}

fn refused(host: &mut Host, request: JoinGroupRequest) -> (ErrorCode, String) {
    let call = host.send_join(5, request);
    let joined = host.joined(call);
    assert_eq!((joined.generation_id, joined.protocol_name.as_deref()), (-1, Some("")));
    (error(joined.error_code), joined.member_id)
}

#[test]
fn what_is_refused_before_a_state_counts() {
    let mut host = Host::new();
    host.stable_group("g", 1);
    let ask = |change: &dyn Fn(&mut JoinGroupRequest)| {
        let mut request = join_request("g", "", None);
        change(&mut request);
        request
    };
    let cases = [
        (ask(&|request| request.group_id.clear()), ErrorCode::InvalidGroupId),
        (ask(&|request| request.session_timeout_ms = 5_999), ErrorCode::InvalidSessionTimeout),
        (ask(&|request| request.session_timeout_ms = 1_800_001), ErrorCode::InvalidSessionTimeout),
        (ask(&|request| request.protocol_type = "connect".into()), ErrorCode::InconsistentGroupProtocol),
        (ask(&|request| request.protocols.clear()), ErrorCode::InconsistentGroupProtocol),
        (ask(&|request| request.protocols[0].name = "sticky".into()), ErrorCode::InconsistentGroupProtocol),
        (ask(&|request| request.member_id = "x".into()), ErrorCode::UnknownMemberId),
        (join_request("unknown", "x", None), ErrorCode::UnknownMemberId),
        (join_request("g", "x", Some("i")), ErrorCode::UnknownMemberId),
    ];
    for (request, expected) in cases {
        let member_id = request.member_id.clone();
        assert_eq!(refused(&mut host, request), (expected, member_id));
    }
    let mut request = join_request("fresh", "", None);
    request.protocol_type.clear();
    assert_eq!(refused(&mut host, request).0, ErrorCode::InconsistentGroupProtocol);
    assert_eq!(host.state("fresh"), "Dead", "a refused member makes no group");
}

#[test]
fn a_null_protocol_name_is_told_from_version_7_on() {
    let mut host = Host::new();
    for (version, expected) in [(0, Some("")), (6, Some("")), (7, None), (9, None)] {
        let call = host.send_join(version, join_request("unknown", "x", None));
        assert_eq!(host.joined(call).protocol_name.as_deref(), expected, "version {version}");
    }
}

#[test]
fn old_versions_join_without_an_id_of_their_own() {
    let mut host = Host::new();
    let call = host.send_join(3, join_request("g", "", None));
    host.advance(3_000);
    let joined = host.joined(call);
    assert_eq!((error(joined.error_code), joined.generation_id), (ErrorCode::None, 1));
    assert_eq!(joined.leader, joined.member_id);
}

#[test]
fn members_vote_for_what_all_support() {
    let mut host = Host::new();
    let offers: [&[(&str, &str)]; 3] = [
        &[("range", "ra"), ("sticky", "sa")],
        &[("sticky", "sb"), ("range", "rb")],
        &[("o", ""), ("sticky", "sc")],
    ];
    let calls =
        offers.map(|protocols| host.send_join(3, with_protocols(join_request("g", "", None), protocols)));
    host.advance(9_000);
    let joined = calls.map(|call| host.joined(call));
    assert!(joined.iter().all(|joined| joined.protocol_name.as_deref() == Some("sticky")));
    assert!(joined.iter().all(|each| each.leader == joined[0].leader));
    assert_eq!(joined[0].leader, joined[0].member_id, "the first to join leads");
    let mut metadata: Vec<_> = joined[0].members.iter().map(|member| member.metadata.clone()).collect();
    metadata.sort();
    assert_eq!(metadata, ["sa", "sb", "sc"]);
    assert!(joined[1].members.is_empty() && joined[2].members.is_empty());
}

#[test]
fn an_initial_delay_grows_with_the_members_up_to_their_rebalance_timeout() {
    let mut host = Host::new();
    let request = || JoinGroupRequest { rebalance_timeout_ms: 7_000, ..join_request("g", "", None) };
    let first = host.send_join(3, request());
    // Each new member extends the delay; 7,000 ms are the end whatever comes.
    for _ in 0..6 {
        host.advance(1_000);
        host.send_join(3, request());
    }
    host.advance(999);
    assert!(host.is_open(first));
    host.advance(1);
    assert_eq!(host.joined(first).generation_id, 1);
    assert_eq!(host.open_count(), 0, "all of them are in it");
}

#[test]
fn a_lost_answer_is_given_again_and_a_changed_subscription_rebalances() {
    let mut host = Host::new();
    let (member_id, call) = host.send_new_member("g");
    host.advance(3_000);
    let joined = host.joined(call);
    // CompletingRebalance.
    let call = host.send_join(9, join_request("g", &member_id, None));
    assert_eq!(host.joined(call), joined);
    let call = host.send_sync(sync_request("g", &joined, &[&member_id]));
    host.synced(call);
    // Stable: the leader's JoinGroup begins a rebalance, which ends at once with one member.
    let call = host.send_join(9, join_request("g", &member_id, None));
    assert_eq!(host.joined(call).generation_id, 2);
    // CompletingRebalance again: with another subscription.
    let call = host.send_join(9, with_protocols(join_request("g", &member_id, None), &[("range", "other")]));
    assert_eq!(host.joined(call).generation_id, 3);
}

#[test]
fn a_follower_that_says_nothing_new_learns_the_generation() {
    let mut host = Host::new();
    let members = host.stable_group("g", 2);
    let follower = &members[1].member_id;
    let call = host.send_join(9, join_request("g", follower, None));
    let joined = host.joined(call);
    assert_eq!((joined.generation_id, joined.members.len()), (1, 0));
    assert_eq!(joined.leader, members[0].member_id);
    assert_eq!(host.state("g"), "Stable");
    let call = host.send_join(9, with_protocols(join_request("g", follower, None), &[("range", "other")]));
    assert!(host.is_open(call));
    assert_eq!(host.state("g"), "PreparingRebalance");
    // The leader comes back too, and leads on.
    let leader = host.send_join(9, join_request("g", &members[0].member_id, None));
    let (leader, follower) = (host.joined(leader), host.joined(call));
    assert_eq!((leader.generation_id, leader.members.len(), follower.generation_id), (2, 2, 2));
    assert_eq!(leader.leader, members[0].member_id);
}

#[test]
fn who_does_not_come_back_is_out_and_the_first_who_does_leads() {
    let mut host = Host::new();
    let members = host.stable_group("g", 3);
    let [_, second, third] = &members[..] else { panic!("three members") };
    let calls = [third, second].map(|member| {
        host.send_join(9, with_protocols(join_request("g", &member.member_id, None), &[("range", "x")]))
    });
    // The old leader sends heartbeats, so that its session lasts, but does not join.
    for _ in 0..10 {
        host.advance(30_000);
        host.heartbeat("g", 1, &members[0].member_id);
    }
    let [third, second] = calls.map(|call| host.joined(call));
    assert_eq!((third.generation_id, &third.leader), (2, &third.member_id));
    assert_eq!((third.members.len(), &second.leader), (2, &third.member_id));
    assert_eq!(host.heartbeat("g", 2, &members[0].member_id), ErrorCode::UnknownMemberId);
}

#[test]
fn a_repeated_join_takes_the_place_of_the_first() {
    let mut host = Host::new();
    let (member_id, first) = host.send_new_member("g");
    let second = host.send_join(9, join_request("g", &member_id, None));
    assert_eq!(error(host.joined(first).error_code), ErrorCode::RebalanceInProgress);
    host.advance(3_000);
    assert_eq!(host.joined(second).generation_id, 1);
}

#[test]
fn a_full_group_takes_no_more() {
    let mut settings = settings();
    settings.classic.max_size = 2;
    let mut host = Host::with(settings);
    let calls: Vec<_> = (0..2).map(|_| host.send_new_member("g").1).collect();
    let refused = |host: &mut Host| {
        let call = host.send_join(3, join_request("g", "", None));
        error(host.joined(call).error_code)
    };
    assert_eq!(refused(&mut host), ErrorCode::GroupMaxSizeReached, "PreparingRebalance");
    host.advance(6_000);
    let members = host.sync_all("g", calls);
    assert_eq!(refused(&mut host), ErrorCode::GroupMaxSizeReached, "Stable");
    let call = host.send_join(9, join_request("g", &members[1].member_id, None));
    assert_eq!(error(host.joined(call).error_code), ErrorCode::None, "those who are in it stay");
}

#[test]
fn members_take_only_so_many_bytes() {
    let mut host = Host::new();
    let with_metadata = |group_id: &str, member_id: &str, length: usize| {
        let mut request = join_request(group_id, member_id, None);
        request.protocols[0].metadata = Bytes::from(vec![0; length]);
        request
    };
    let (member_id, call) = host.send_new_member("g");
    host.advance(3_000);
    let joined = host.joined(call);
    let call = host.send_sync(sync_request("g", &joined, &[]));
    host.synced(call);
    host.coordinator.groups.room.size_bytes = 1_000;
    let cases = [("g", "", 1_000), ("h", "", 1_000), ("g", &*member_id, 1_000)];
    for (group_id, member_id, length) in cases {
        let call = host.send_join(3, with_metadata(group_id, member_id, length));
        let error = error(host.joined(call).error_code);
        assert_eq!(error, ErrorCode::GroupMaxSizeReached, "{group_id} {member_id}");
    }
    assert_eq!(host.commit(&"i".repeat(1_000), -1, "", 0), ErrorCode::InvalidCommitOffsetSize);
    host.coordinator.groups.room.size_bytes = 0;
    assert_eq!(host.heartbeat("g", 1, &member_id), ErrorCode::None);
    let call = host.send_join(9, join_request("g", &member_id, None));
    assert_eq!(error(host.joined(call).error_code), ErrorCode::None, "what takes no more is taken");
    host.coordinator.groups.room.size_bytes = usize::MAX;
    let call = host.send_join(9, with_metadata("k", "", GROUP_MEMBER_PROTOCOLS_BYTES_MAX));
    assert_eq!(error(host.joined(call).error_code), ErrorCode::InconsistentGroupProtocol);
}

#[test]
fn a_member_offers_only_so_many_protocols() {
    let mut host = Host::new();
    let mut request = join_request("g", "", None);
    let protocol = request.protocols.remove(0);
    for index in 0..GROUP_PROTOCOLS_MAX {
        request.protocols.push(JoinGroupRequestProtocol { name: format!("p{index}"), ..protocol.clone() });
    }
    let call = host.send_join(9, request.clone());
    assert_eq!(error(host.joined(call).error_code), ErrorCode::MemberIdRequired);
    request.protocols.push(protocol);
    let call = host.send_join(9, request);
    assert_eq!(error(host.joined(call).error_code), ErrorCode::InconsistentGroupProtocol);
}
