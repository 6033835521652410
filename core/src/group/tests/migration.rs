//! Classic and new members in one group, as Kafka 4.4.0 led them: its generations, epochs and records.

use bytes::Bytes;

use super::driver::{Host, TOPIC_ID, ask, client, error, join_request, sync_request};
use crate::{
    error_code::ErrorCode,
    group::{Request, Response},
    protocol::{
        message::Message,
        messages::{
            consumer_group_describe::ConsumerGroupDescribeRequest,
            consumer_group_heartbeat::{
                ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
                ConsumerGroupHeartbeatResponse,
            },
            delete_groups::DeleteGroupsRequest,
            heartbeat::HeartbeatRequest,
            join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse},
            leave_group::{LeaveGroupRequest, MemberIdentity},
            sync_group::{SyncGroupRequest, SyncGroupRequestAssignment},
        },
        records::consumer_protocol::{
            ConsumerProtocolAssignment, ConsumerProtocolAssignmentTopicPartition,
            ConsumerProtocolSubscription, ConsumerProtocolSubscriptionTopicPartition,
        },
    },
};

const GROUP: &str = "g";

fn assignment(partitions: &[i32]) -> Bytes {
    let topic =
        ConsumerProtocolAssignmentTopicPartition { topic: "t".into(), partitions: partitions.to_vec() };
    let assigned_partitions = if partitions.is_empty() { Vec::new() } else { vec![topic] };
    ConsumerProtocolAssignment { assigned_partitions, user_data: None }.to_prefixed_bytes(3).unwrap()
}

fn subscription(owned: &[i32]) -> Bytes {
    let owned = ConsumerProtocolSubscriptionTopicPartition { topic: "t".into(), partitions: owned.to_vec() };
    let subscription = ConsumerProtocolSubscription {
        topics: vec!["t".into()],
        owned_partitions: vec![owned],
        ..Default::default()
    };
    subscription.to_prefixed_bytes(3).unwrap()
}

fn rejoin(member_id: &str, owned: &[i32]) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol { name: "range".into(), metadata: subscription(owned) };
    JoinGroupRequest { protocols: vec![protocol], ..join_request(GROUP, member_id, None) }
}

impl Host {
    /// A classic group of one member, which has all four partitions.
    fn classic_member(&mut self) -> JoinGroupResponse {
        let (member_id, call) = self.send_new_member(GROUP);
        self.advance(3_000);
        let joined = self.joined(call);
        let gives = SyncGroupRequestAssignment { member_id, assignment: assignment(&[0, 1, 2, 3]) };
        let sync = SyncGroupRequest { assignments: vec![gives], ..sync_request(GROUP, &joined, &[]) };
        let call = self.send_sync(sync);
        self.synced(call);
        joined
    }

    fn beat(&mut self, epoch: i32, owned: Option<&[i32]>) -> ConsumerGroupHeartbeatResponse {
        let topics = owned.map(|owned| {
            let partitions = owned.to_vec();
            let topic = ConsumerGroupHeartbeatRequestTopicPartitions { topic_id: TOPIC_ID, partitions };
            if owned.is_empty() { Vec::new() } else { vec![topic] }
        });
        let joins = epoch == 0;
        let request = ConsumerGroupHeartbeatRequest {
            group_id: GROUP.into(),
            member_id: "N".into(),
            member_epoch: epoch,
            rebalance_timeout_ms: if joins { 5_000 } else { -1 },
            subscribed_topic_names: joins.then(|| vec!["t".into()]),
            topic_partitions: topics,
            ..Default::default()
        };
        match self.ask(Request::ConsumerGroupHeartbeat { version: 1, client: client(), request }) {
            Response::ConsumerGroupHeartbeat(response) => response,
            other => panic!("{other:?}"),
        }
    }

    fn classic_beat(&mut self, member_id: &str, generation_id: i32) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: GROUP.into(),
            member_id: member_id.into(),
            generation_id,
            ..Default::default()
        };
        error(ask!(self, Heartbeat { request }).error_code)
    }

    /// Joins and fetches the assignment; both are answered at once in a consumer group.
    fn classic_round(&mut self, member_id: &str, owned: &[i32]) -> (i32, Bytes) {
        let call = self.send_join(9, rejoin(member_id, owned));
        let joined = self.joined(call);
        assert_eq!((joined.error_code, &*joined.leader, joined.members.len()), (0, "", 0));
        let call = self.send_sync(sync_request(GROUP, &joined, &[]));
        let synced = self.synced(call);
        assert_eq!(error(synced.error_code), ErrorCode::None);
        (joined.generation_id, synced.assignment)
    }

    fn described(&mut self) -> (i16, String, Vec<i8>) {
        let request = ConsumerGroupDescribeRequest { group_ids: vec![GROUP.into()], ..Default::default() };
        let response = ask!(self, ConsumerGroupDescribe { 1, request });
        let group = response.groups.into_iter().next().unwrap();
        (group.error_code, group.group_state, group.members.iter().map(|m| m.member_type).collect())
    }

    fn types_since(&self, from: usize) -> Vec<i16> {
        self.log[from..].iter().map(|record| record.key.code()).collect()
    }
}

#[test]
fn a_classic_group_is_upgraded_and_goes_back() {
    let mut host = Host::new();
    let joined = host.classic_member();
    let (id, from) = (joined.member_id.as_str(), host.log.len());
    let response = host.beat(0, Some(&[]));
    assert_eq!((response.error_code, response.member_epoch), (0, 2));
    assert_eq!(response.assignment.unwrap().topic_partitions, []);
    assert_eq!(host.types_since(from), [2, 5, 3, 7, 6, 8, 5, 3, 7, 7, 6, 8]);
    assert_eq!(host.described(), (0, "Reconciling".into(), vec![1, 0]));
    host.reload();

    assert_eq!(host.classic_beat(id, 1), ErrorCode::RebalanceInProgress);
    // It joins with all it has, learns what it may keep, gives up the rest and joins again.
    assert_eq!(host.classic_round(id, &[0, 1, 2, 3]), (1, assignment(&[0, 1])));
    assert_eq!(host.classic_beat(id, 1), ErrorCode::RebalanceInProgress);
    assert_eq!(host.classic_round(id, &[0, 1]), (2, assignment(&[0, 1])));
    assert_eq!(host.classic_beat(id, 2), ErrorCode::None);
    assert_eq!(host.classic_beat(id, 1), ErrorCode::IllegalGeneration);
    let response = host.beat(2, None);
    assert_eq!(response.assignment.unwrap().topic_partitions[0].partitions, [2, 3]);
    assert_eq!(host.described().1, "Stable");

    let from = host.log.len();
    assert_eq!(host.beat(-1, None).error_code, 0);
    assert_eq!(host.types_since(from), [8, 8, 7, 7, 6, 5, 5, 3, 2]);
    assert_eq!(host.described().0, ErrorCode::GroupIdNotFound.code());
    assert_eq!(host.classic_beat(id, 2), ErrorCode::RebalanceInProgress);
    let call = host.send_join(9, rejoin(id, &[0, 1]));
    let joined = host.joined(call);
    assert_eq!((joined.generation_id, joined.leader == joined.member_id, joined.members.len()), (3, true, 1));
    host.reload();
    assert_eq!(host.classic_beat(id, 2), ErrorCode::None);
}

#[test]
fn the_policy_may_forbid_both_ways() {
    let mut settings = super::driver::settings();
    (settings.consumer.can_upgrade, settings.consumer.can_downgrade) = (false, false);
    let mut host = Host::with(settings);
    let id = host.classic_member().member_id;
    let response = host.beat(0, Some(&[]));
    let message = "Group g is not a consumer group.";
    assert_eq!((response.error_code, response.error_message.as_deref()), (69, Some(message)));
    assert_eq!(host.classic_beat(&id, 1), ErrorCode::None);
    // An empty group changes freely.
    let member = MemberIdentity { member_id: id, ..Default::default() };
    let request = LeaveGroupRequest { group_id: GROUP.into(), members: vec![member], ..Default::default() };
    assert_eq!(ask!(host, LeaveGroup { 5, request }).error_code, 0);
    assert_eq!(host.beat(0, Some(&[])).error_code, 0);
    assert_eq!(host.described(), (0, "Stable".into(), vec![1]));
    assert_eq!(host.beat(-1, None).error_code, 0);
    let (member_id, call) = host.send_new_member(GROUP);
    host.advance(3_000);
    assert_eq!((host.joined(call).generation_id, host.classic_beat(&member_id, 1)), (1, ErrorCode::None));
    host.reload();
}

#[test]
fn a_classic_member_joins_a_consumer_group_and_leaves_it() {
    let mut host = Host::new();
    let response = host.beat(0, Some(&[]));
    assert_eq!(response.assignment.unwrap().topic_partitions[0].partitions, [0, 1, 2, 3]);
    host.advance(1_000);
    let call = host.send_join(9, rejoin("", &[]));
    let refused = host.joined(call);
    assert_eq!(error(refused.error_code), ErrorCode::MemberIdRequired);
    let id = refused.member_id;
    assert_eq!(host.classic_round(&id, &[]), (3, assignment(&[])));
    assert_eq!(host.classic_beat(&id, 3), ErrorCode::None);
    host.beat(2, None);
    assert_eq!(host.beat(2, Some(&[0, 1])).member_epoch, 3);
    // What it waits for has become free.
    assert_eq!(host.classic_beat(&id, 3), ErrorCode::RebalanceInProgress);
    assert_eq!(host.classic_round(&id, &[]), (3, assignment(&[2, 3])));
    assert_eq!(host.classic_beat(&id, 3), ErrorCode::None);
    host.reload();

    let other = JoinGroupRequest { protocol_type: "connect".into(), ..rejoin("", &[]) };
    let call = host.send_join(9, other);
    assert_eq!(error(host.joined(call).error_code), ErrorCode::InconsistentGroupProtocol);
    let member = |id: &str| MemberIdentity { member_id: id.into(), ..Default::default() };
    let members = vec![member("N"), member(&id), member("Z")];
    let request = LeaveGroupRequest { group_id: GROUP.into(), members, ..Default::default() };
    let response = ask!(host, LeaveGroup { 5, request });
    let errors: Vec<_> = response.members.iter().map(|member| error(member.error_code)).collect();
    assert_eq!(errors, [ErrorCode::UnknownMemberId, ErrorCode::None, ErrorCode::UnknownMemberId]);
    assert_eq!(host.described().2, [1]);
}

/// A classic member that is told to join again and does not is put out after its rebalance timeout.
#[test]
fn a_classic_member_has_its_time_to_join_again() {
    let mut host = Host::new();
    let joined = host.classic_member();
    host.beat(0, Some(&[]));
    for _ in 0..300 {
        host.classic_beat(&joined.member_id, 1);
        host.beat(2, None);
        host.advance(1_000);
    }
    assert_eq!(host.classic_beat(&joined.member_id, 1), ErrorCode::UnknownMemberId);
    let response = host.beat(2, None);
    assert_eq!((response.error_code, response.member_epoch), (0, 3));
    assert_eq!(response.assignment.unwrap().topic_partitions[0].partitions, [0, 1, 2, 3]);
}

/// The last member of the new protocol is static and comes back with the classic one: the group goes back, and the
/// member has to join that one like all others.
#[test]
fn a_static_member_that_comes_back_classic_takes_the_group_back() {
    let mut host = Host::new();
    let request = ConsumerGroupHeartbeatRequest {
        group_id: GROUP.into(),
        member_id: "N".into(),
        instance_id: Some("i".into()),
        rebalance_timeout_ms: 5_000,
        subscribed_topic_names: Some(vec!["t".into()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let joins = Request::ConsumerGroupHeartbeat { version: 1, client: client(), request };
    assert!(
        matches!(host.ask(joins), Response::ConsumerGroupHeartbeat(response) if response.error_code == 0)
    );
    let static_join = |id: &str| JoinGroupRequest { group_instance_id: Some("i".into()), ..rejoin(id, &[]) };
    let call = host.send_join(9, static_join(""));
    let joined = host.joined(call);
    assert_eq!((joined.error_code, joined.generation_id, &*joined.leader), (0, 2, ""));
    assert_eq!(host.described().0, ErrorCode::GroupIdNotFound.code());
    host.reload();
    let id = joined.member_id.as_str();
    let sync = SyncGroupRequest { group_instance_id: Some("i".into()), ..sync_request(GROUP, &joined, &[]) };
    let call = host.send_sync(sync);
    host.synced(call);
    let call = host.send_join(9, static_join(id));
    host.advance(3_000);
    let joined = host.joined(call);
    assert_eq!((error(joined.error_code), joined.leader.as_str()), (ErrorCode::None, id));
}

/// More protocols than any client has are refused before they are compared with anything.
#[test]
fn a_member_names_few_protocols() {
    let mut host = Host::new();
    host.beat(0, Some(&[]));
    let many = |count: usize| {
        let names = std::iter::once("range".to_owned()).chain((1..count).map(|index| format!("p{index}")));
        let protocols = names.map(|name| JoinGroupRequestProtocol { name, metadata: subscription(&[]) });
        JoinGroupRequest { protocols: protocols.collect(), ..rejoin("", &[]) }
    };
    let max = crate::limits::GROUP_PROTOCOLS_MAX;
    for (count, expected) in
        [(max + 1, ErrorCode::InconsistentGroupProtocol), (max, ErrorCode::MemberIdRequired)]
    {
        let call = host.send_join(9, many(count));
        assert_eq!(error(host.joined(call).error_code), expected, "{count} protocols");
    }
}

#[test]
fn nothing_is_remembered_of_a_group_that_is_gone() {
    let mut host = Host::new();
    assert_eq!(host.beat(0, Some(&[])).error_code, 0);
    host.beat(-1, None);
    let of_group = |host: &Host| format!("{:?}", host.coordinator.consumer).contains("\"g\"");
    assert!(of_group(&host));
    let delete = DeleteGroupsRequest { groups_names: vec![GROUP.into()] };
    assert_eq!(ask!(host, DeleteGroups { delete }).results[0].error_code, 0);
    assert!(!of_group(&host));
}
