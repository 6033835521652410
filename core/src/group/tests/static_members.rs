//! Members with a `group.instance.id`. Kafka 4.4 gave these answers when asked.

use super::driver::{Host, error, join_request, sync_request};
use crate::{error_code::ErrorCode, group::CallId, protocol::messages::join_group::JoinGroupResponse};

fn send_static(host: &mut Host, version: i16, instance_id: &str) -> CallId {
    host.send_join(version, join_request("g", "", Some(instance_id)))
}

/// Members `i1` and `i2`, the leader first.
fn stable(host: &mut Host) -> Vec<JoinGroupResponse> {
    let calls = ["i1", "i2"].map(|instance_id| send_static(host, 9, instance_id));
    host.advance(9_000);
    host.sync_all("g", calls.into())
}

fn instance_of(joined: &JoinGroupResponse) -> &str {
    &joined.member_id[..2]
}

#[test]
fn a_static_member_needs_no_id_beforehand() {
    let mut host = Host::new();
    let members = stable(&mut host);
    assert_eq!((&*members[0].leader, instance_of(&members[0])), (&*members[0].member_id, "i1"));
    assert_eq!(members[0].member_id.len(), 39);
    assert_eq!(members[0].members[1].group_instance_id.as_deref(), Some("i2"));
}

#[test]
fn a_follower_comes_back_without_a_rebalance() {
    let mut host = Host::new();
    let members = stable(&mut host);
    let call = send_static(&mut host, 9, "i2");
    let back = host.joined(call);
    assert_eq!(
        (error(back.error_code), back.generation_id, back.skip_assignment),
        (ErrorCode::None, 1, false)
    );
    assert_ne!(back.member_id, members[1].member_id);
    let call = host.send_sync(sync_request("g", &back, &[]));
    assert_eq!(host.synced(call).assignment, format!("1:{}", members[1].member_id), "what it had");
    assert_eq!(host.heartbeat("g", 1, &members[0].member_id), ErrorCode::None);
    let old = &members[1].member_id;
    assert_eq!(host.heartbeat_of_instance("g", 1, old, Some("i2")), ErrorCode::FencedInstanceId);
    assert_eq!(host.heartbeat("g", 1, old), ErrorCode::UnknownMemberId);
    let call = host.send_join(9, join_request("g", old, Some("i2")));
    assert_eq!(error(host.joined(call).error_code), ErrorCode::FencedInstanceId);
    host.reload();
    assert_eq!(host.heartbeat_of_instance("g", 1, &back.member_id, Some("i2")), ErrorCode::None);
}

#[test]
fn a_leader_comes_back_and_skips_the_assignment() {
    let mut host = Host::new();
    let members = stable(&mut host);
    let call = send_static(&mut host, 9, "i1");
    let back = host.joined(call);
    assert!(back.skip_assignment);
    assert_eq!((&*back.leader, back.members.len()), (&*back.member_id, 2));
    // A version that cannot be told is not told that it leads.
    let call = send_static(&mut host, 8, "i1");
    let again = host.joined(call);
    assert_eq!((&*again.leader, again.members.len(), again.skip_assignment), (&*back.member_id, 0, false));
    assert_eq!(again.generation_id, members[0].generation_id);
}

#[test]
fn one_that_comes_back_rebalances_only_if_the_group_would_speak_another_protocol() {
    let mut host = Host::new();
    stable(&mut host);
    let mut request = join_request("g", "", Some("i2"));
    let mut sticky = request.protocols[0].clone();
    sticky.name = "sticky".into();
    request.protocols.insert(0, sticky);
    let call = host.send_join(9, request.clone());
    assert_eq!(host.joined(call).generation_id, 1, "range is what both support");
    let mut host = Host::new();
    let call = send_static(&mut host, 9, "i2");
    host.advance(3_000);
    host.sync_all("g", vec![call]);
    let call = host.send_join(9, request);
    let joined = host.joined(call);
    assert_eq!((joined.generation_id, joined.protocol_name.as_deref()), (2, Some("sticky")));
}

#[test]
fn one_that_comes_back_while_its_call_waits_fences_it() {
    let mut host = Host::new();
    let first = send_static(&mut host, 9, "i1");
    let second = send_static(&mut host, 9, "i1");
    assert_eq!(error(host.joined(first).error_code), ErrorCode::FencedInstanceId);
    host.advance(3_000);
    let joined = host.joined(second);
    assert_eq!((joined.generation_id, joined.members.len()), (1, 1));
    // CompletingRebalance: the leader may have assigned to the old id already.
    let third = send_static(&mut host, 9, "i1");
    assert_eq!(host.joined(third).generation_id, 2);
}

#[test]
fn a_static_member_is_waited_for_until_its_session_ends() {
    let mut host = Host::new();
    let members = stable(&mut host);
    let call = host.send_join(9, join_request("g", &members[0].member_id, Some("i1")));
    host.advance(44_999);
    assert!(host.is_open(call));
    host.advance(10_000);
    let joined = host.joined(call);
    assert_eq!((joined.generation_id, joined.members.len()), (2, 1));
}

#[test]
fn an_administrator_removes_it_by_its_instance() {
    let mut host = Host::new();
    let members = stable(&mut host);
    assert_eq!(
        host.leave("g", &[("", Some("i1")), ("x", Some("i2")), ("", Some("i2"))]),
        [ErrorCode::None, ErrorCode::FencedInstanceId, ErrorCode::None]
    );
    assert_eq!(host.state("g"), "Empty");
    assert_eq!(host.heartbeat("g", 1, &members[0].member_id), ErrorCode::UnknownMemberId);
}
