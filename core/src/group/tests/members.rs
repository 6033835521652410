//! SyncGroup, Heartbeat and LeaveGroup in every state of a group.

use super::driver::{Host, ask, error, join_request, sync_request};
use crate::{
    error_code::ErrorCode,
    group::{Request, Response},
    protocol::messages::leave_group::LeaveGroupRequest,
};

#[test]
fn a_heartbeat_tells_what_the_group_does() {
    let mut host = Host::new();
    assert_eq!(host.heartbeat("", 1, "x"), ErrorCode::InvalidGroupId);
    assert_eq!(host.heartbeat("unknown", 1, "x"), ErrorCode::UnknownMemberId);
    let (member_id, call) = host.send_new_member("g");
    assert_eq!(host.heartbeat("g", 0, &member_id), ErrorCode::RebalanceInProgress, "Preparing");
    host.advance(3_000);
    let joined = host.joined(call);
    assert_eq!(host.heartbeat("g", 1, &member_id), ErrorCode::None, "Completing");
    let call = host.send_sync(sync_request("g", &joined, &[]));
    assert_eq!(host.synced(call).assignment.len(), 0, "the leader gave it nothing");
    assert_eq!(host.heartbeat("g", 1, &member_id), ErrorCode::None, "Stable");
    assert_eq!(host.heartbeat("g", 2, &member_id), ErrorCode::IllegalGeneration);
    assert_eq!(host.heartbeat("g", 1, "x"), ErrorCode::UnknownMemberId);
    assert_eq!(host.heartbeat_of_instance("g", 1, &member_id, Some("i")), ErrorCode::UnknownMemberId);
    assert_eq!(host.leave("g", &[(&member_id, None)]), [ErrorCode::None]);
    assert_eq!(host.heartbeat("g", 1, &member_id), ErrorCode::UnknownMemberId, "Empty");
}

#[test]
fn a_sync_waits_for_the_leaders() {
    let mut host = Host::new();
    let joined = host.two_joined("g");
    let [leader, follower] = &joined;
    let early = host.send_sync(sync_request("g", follower, &[]));
    let again = host.send_sync(sync_request("g", follower, &[]));
    assert_eq!(error(host.synced(early).error_code), ErrorCode::RebalanceInProgress, "it was sent again");
    assert!(host.is_open(again));
    let call = host.send_sync(sync_request("g", leader, &[&leader.member_id, &follower.member_id, "ghost"]));
    assert_eq!(host.synced(call).assignment, format!("1:{}", leader.member_id));
    let synced = host.synced(again);
    assert_eq!(synced.assignment, format!("1:{}", follower.member_id));
    assert_eq!(
        (synced.protocol_type.as_deref(), synced.protocol_name.as_deref()),
        (Some("consumer"), Some("range"))
    );
    // Stable: the same again.
    let call = host.send_sync(sync_request("g", follower, &[]));
    assert_eq!(host.synced(call), synced);
}

#[test]
fn a_sync_is_refused() {
    let mut host = Host::new();
    let joined = host.stable_group("g", 1).remove(0);
    let ask = |change: &dyn Fn(&mut crate::protocol::messages::sync_group::SyncGroupRequest)| {
        let mut request = sync_request("g", &joined, &[]);
        change(&mut request);
        request
    };
    let cases = [
        (ask(&|request| request.group_id.clear()), ErrorCode::InvalidGroupId),
        (ask(&|request| request.group_id = "unknown".into()), ErrorCode::UnknownMemberId),
        (ask(&|request| request.member_id = "x".into()), ErrorCode::UnknownMemberId),
        (ask(&|request| request.generation_id = 2), ErrorCode::IllegalGeneration),
        (ask(&|request| request.protocol_name = Some("sticky".into())), ErrorCode::InconsistentGroupProtocol),
        (
            ask(&|request| request.protocol_type = Some("connect".into())),
            ErrorCode::InconsistentGroupProtocol,
        ),
        (ask(&|request| request.protocol_type = None), ErrorCode::InconsistentGroupProtocol),
        (ask(&|_| {}), ErrorCode::None),
    ];
    for (request, expected) in cases {
        let call = host.send_sync(request);
        assert_eq!(error(host.synced(call).error_code), expected);
    }
    // PreparingRebalance.
    let (_, _) = host.send_new_member("g");
    let call = host.send_sync(sync_request("g", &joined, &[]));
    assert_eq!(error(host.synced(call).error_code), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_member_that_comes_while_an_assignment_is_made_cancels_it() {
    let mut host = Host::new();
    let joined = host.two_joined("g");
    let sync = host.send_sync(sync_request("g", &joined[1], &[]));
    let (_, third) = host.send_new_member("g");
    assert_eq!(error(host.synced(sync).error_code), ErrorCode::RebalanceInProgress);
    let call = host.send_sync(sync_request("g", &joined[0], &[]));
    assert_eq!(error(host.synced(call).error_code), ErrorCode::RebalanceInProgress);
    let mut calls = vec![third];
    calls.extend(joined.iter().map(|joined| host.send_join(9, join_request("g", &joined.member_id, None))));
    assert_eq!(host.sync_all("g", calls)[0].generation_id, 2);
}

#[test]
fn the_last_member_leaves_an_empty_group_of_the_next_generation() {
    let mut host = Host::new();
    let members = host.stable_group("g", 2);
    assert_eq!(
        host.leave("g", &[(&members[0].member_id, None), ("x", None), ("", None), ("", Some("i"))]),
        [ErrorCode::None, ErrorCode::UnknownMemberId, ErrorCode::UnknownMemberId, ErrorCode::UnknownMemberId]
    );
    assert_eq!(host.state("g"), "PreparingRebalance");
    assert_eq!(host.leave("g", &[(&members[1].member_id, None)]), [ErrorCode::None]);
    let described = host.describe("g");
    assert_eq!((&*described.group_state, &*described.protocol_type), ("Empty", "consumer"));
    host.reload();
    assert_eq!(host.state("g"), "Empty");
    assert_eq!(host.stable_group("g", 1)[0].generation_id, 3);
}

#[test]
fn a_member_that_leaves_is_not_waited_for() {
    let mut host = Host::new();
    let members = host.stable_group("g", 3);
    let call = host.send_join(9, join_request("g", &members[0].member_id, None));
    assert!(host.is_open(call));
    host.leave("g", &[(&members[1].member_id, None)]);
    assert!(host.is_open(call));
    host.leave("g", &[(&members[2].member_id, None)]);
    assert_eq!(host.joined(call).generation_id, 2);
}

#[test]
fn one_that_leaves_with_its_call_waiting_gets_an_answer() {
    let mut host = Host::new();
    let (member_id, call) = host.send_new_member("g");
    host.leave("g", &[(&member_id, None)]);
    assert_eq!(error(host.joined(call).error_code), ErrorCode::UnknownMemberId);
    assert_eq!(host.open_count(), 0);
}

#[test]
fn an_unused_id_leaves_without_a_rebalance() {
    let mut host = Host::new();
    host.stable_group("g", 1);
    let call = host.send_join(9, join_request("g", "", None));
    let refused = host.joined(call);
    assert_eq!(host.leave("g", &[(&refused.member_id, None)]), [ErrorCode::None]);
    assert_eq!(host.state("g"), "Stable");
    assert_eq!(host.leave("g", &[(&refused.member_id, None)]), [ErrorCode::UnknownMemberId]);
}

#[test]
fn before_version_3_the_one_member_is_the_answer() {
    let mut host = Host::new();
    let member_id = host.stable_group("g", 1).remove(0).member_id;
    let leave = |group_id: &str, member_id: &str| LeaveGroupRequest {
        group_id: group_id.into(),
        member_id: member_id.into(),
        ..Default::default()
    };
    for (group_id, member_id, expected) in [
        ("", "x", ErrorCode::InvalidGroupId),
        ("unknown", "x", ErrorCode::UnknownMemberId),
        ("g", "x", ErrorCode::UnknownMemberId),
        ("g", &*member_id, ErrorCode::None),
    ] {
        let left = ask!(host, LeaveGroup { 1, leave(group_id, member_id) });
        assert_eq!((error(left.error_code), left.members.len()), (expected, 0), "{group_id} {member_id}");
    }
}
