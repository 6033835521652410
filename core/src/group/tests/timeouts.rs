//! What happens when somebody says nothing.

use super::driver::{Host, error, join_request, sync_request};
use crate::{
    error_code::ErrorCode, limits::NEW_MEMBER_JOIN_TIMEOUT_MS,
    protocol::messages::join_group::JoinGroupRequest,
};

#[test]
fn a_silent_member_is_put_out_when_its_session_ends() {
    let mut host = Host::new();
    let members = host.stable_group("g", 2);
    host.advance(30_000);
    assert_eq!(host.heartbeat("g", 1, &members[0].member_id), ErrorCode::None);
    host.advance(14_999);
    assert_eq!(host.heartbeat("g", 1, &members[0].member_id), ErrorCode::None);
    host.advance(1);
    assert_eq!(host.heartbeat("g", 1, &members[0].member_id), ErrorCode::RebalanceInProgress);
    let call = host.send_join(9, join_request("g", &members[0].member_id, None));
    let joined = host.joined(call);
    assert_eq!((joined.generation_id, joined.members.len()), (2, 1));
}

#[test]
fn a_group_of_the_silent_is_empty() {
    let mut host = Host::new();
    host.stable_group("g", 3);
    host.advance(44_999);
    assert_eq!(host.state("g"), "Stable");
    host.advance(1);
    assert_eq!(host.state("g"), "Empty");
    host.reload();
    assert_eq!(host.state("g"), "Empty");
    assert_eq!(
        host.coordinator.next_timeout_ms(),
        Some(host.now_ms + 600_000),
        "nothing but the sweep is due"
    );
}

#[test]
fn a_commit_keeps_a_session() {
    let mut host = Host::new();
    let member_id = host.stable_group("g", 1).remove(0).member_id;
    for offset in 0..5 {
        host.advance(40_000);
        assert_eq!(host.commit("g", 1, &member_id, offset), ErrorCode::None);
    }
}

#[test]
fn a_session_does_not_end_while_a_call_waits() {
    let mut host = Host::new();
    let members = host.stable_group("g", 2);
    let call = host.send_join(9, join_request("g", &members[0].member_id, None));
    // The other one is alive and does not join: 300 s.
    for _ in 0..9 {
        host.advance(30_000);
        assert_eq!(host.heartbeat("g", 1, &members[1].member_id), ErrorCode::RebalanceInProgress);
    }
    assert!(host.is_open(call));
    host.advance(30_000);
    assert_eq!(host.joined(call).members.len(), 1);
}

#[test]
fn a_new_member_that_waits_too_long_is_gone() {
    let mut host = Host::new();
    let call = host
        .send_join(3, JoinGroupRequest { rebalance_timeout_ms: 1_800_000, ..join_request("g", "", None) });
    host.advance(3_000);
    let joined = host.joined(call);
    let call = host.send_sync(sync_request("g", &joined, &[]));
    host.synced(call);
    let waits = host.send_join(3, join_request("g", "", None));
    for _ in 0..9 {
        host.advance(NEW_MEMBER_JOIN_TIMEOUT_MS / 10);
        host.heartbeat("g", 1, &joined.member_id);
    }
    assert!(host.is_open(waits));
    host.advance(NEW_MEMBER_JOIN_TIMEOUT_MS / 10);
    assert_eq!(error(host.joined(waits).error_code), ErrorCode::UnknownMemberId);
}

#[test]
fn an_id_that_nobody_used_holds_a_rebalance_until_it_expires() {
    let mut host = Host::new();
    let members = host.stable_group("g", 1);
    let call =
        host.send_join(9, JoinGroupRequest { session_timeout_ms: 10_000, ..join_request("g", "", None) });
    assert_eq!(error(host.joined(call).error_code), ErrorCode::MemberIdRequired);
    assert_eq!(host.state("g"), "Stable", "an id is no member");
    let call = host.send_join(9, join_request("g", &members[0].member_id, None));
    host.advance(9_999);
    assert!(host.is_open(call));
    host.advance(1);
    assert_eq!(host.joined(call).generation_id, 2);
}

#[test]
fn members_that_do_not_fetch_their_assignment_are_put_out() {
    let mut host = Host::new();
    let joined = host.two_joined("g");
    let call = host.send_sync(sync_request("g", &joined[0], &[]));
    host.synced(call);
    assert_eq!(host.state("g"), "Stable");
    for _ in 0..10 {
        assert_eq!(host.heartbeat("g", 1, &joined[0].member_id), ErrorCode::None);
        assert_eq!(host.heartbeat("g", 1, &joined[1].member_id), ErrorCode::None);
        host.advance(30_000);
    }
    assert_eq!(host.heartbeat("g", 1, &joined[0].member_id), ErrorCode::RebalanceInProgress);
    assert_eq!(host.heartbeat("g", 1, &joined[1].member_id), ErrorCode::UnknownMemberId);
}

#[test]
fn a_leader_that_does_not_assign_is_put_out() {
    let mut host = Host::new();
    let joined = host.two_joined("g");
    let sync = host.send_sync(sync_request("g", &joined[1], &[]));
    for _ in 0..10 {
        host.advance(30_000);
        host.heartbeat("g", 1, &joined[0].member_id);
    }
    assert_eq!(error(host.synced(sync).error_code), ErrorCode::RebalanceInProgress);
    assert_eq!(host.heartbeat("g", 1, &joined[0].member_id), ErrorCode::UnknownMemberId);
    let call = host.send_join(9, join_request("g", &joined[1].member_id, None));
    let next = host.joined(call);
    assert_eq!((next.generation_id, &next.leader), (2, &joined[1].member_id));
}
