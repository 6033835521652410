//! A member of a group that sends only what a test tells it to: no heartbeats, no thread.

use bytes::Bytes;
use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use jackdaw_core::protocol::messages::find_coordinator::FindCoordinatorRequest;
use jackdaw_core::protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use jackdaw_core::protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use jackdaw_core::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use jackdaw_core::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use jackdaw_core::protocol::records::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolAssignmentTopicPartition, ConsumerProtocolSubscription,
};
use jackdaw_core::protocol::{Message, Writer};

use crate::checks::eventually;
use crate::wire::Connection;

/// Longer than any test: the member sends no heartbeats.
const SESSION_MS: i32 = 60_000;
const JOIN_VERSION: i16 = 5;
const SYNC_VERSION: i16 = 3;
const LEAVE_VERSION: i16 = 4;
const COMMIT_VERSION: i16 = 8;
/// The epoch of a KIP-848 member that joins, and of one that leaves.
const EPOCH_JOIN: i32 = 0;
const EPOCH_LEAVE: i32 = -1;

/// The only member of its group.
pub struct WireMember {
    connection: Connection,
    group: String,
    member_id: String,
    instance_id: Option<String>,
    /// The generation, or the epoch of a KIP-848 member.
    epoch: i32,
    is_classic: bool,
}

impl WireMember {
    /// Joins a classic group and, as its leader, gives itself these partitions of a topic.
    pub fn join_classic(
        bootstrap: &str,
        group: &str,
        instance_id: Option<&str>,
        topic: &str,
        partitions: &[i32],
    ) -> Self {
        let mut member = Self {
            connection: Connection::open(bootstrap),
            group: group.to_owned(),
            member_id: String::new(),
            instance_id: instance_id.map(str::to_owned),
            epoch: -1,
            is_classic: true,
        };
        await_coordinator(&mut member.connection, group);
        eventually(&format!("{group} takes its member"), || member.try_join_classic(topic));
        let assigned = ConsumerProtocolAssignmentTopicPartition {
            topic: topic.to_owned(),
            partitions: partitions.to_vec(),
        };
        let assignment = ConsumerProtocolAssignment { assigned_partitions: vec![assigned], user_data: None };
        let request = SyncGroupRequest {
            group_id: group.to_owned(),
            generation_id: member.epoch,
            member_id: member.member_id.clone(),
            group_instance_id: member.instance_id.clone(),
            assignments: vec![SyncGroupRequestAssignment {
                member_id: member.member_id.clone(),
                assignment: versioned(&assignment, 1),
            }],
            ..Default::default()
        };
        let response = member.connection.call(&request, SYNC_VERSION);
        assert_eq!(response.error_code, 0, "{response:?}");
        member
    }

    /// Whether it is a member now; without one it has an id for the next attempt, or the coordinator is not ready.
    fn try_join_classic(&mut self, topic: &str) -> bool {
        let subscription =
            ConsumerProtocolSubscription { topics: vec![topic.to_owned()], ..Default::default() };
        let request = JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: SESSION_MS,
            rebalance_timeout_ms: SESSION_MS,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            protocol_type: "consumer".to_owned(),
            protocols: vec![JoinGroupRequestProtocol {
                name: "range".to_owned(),
                metadata: versioned(&subscription, 1),
            }],
            ..Default::default()
        };
        let response = self.connection.call(&request, JOIN_VERSION);
        match ErrorCode::from_i16(response.error_code) {
            ErrorCode::None => {
                self.epoch = response.generation_id;
                self.member_id = response.member_id;
                true
            }
            ErrorCode::MemberIdRequired => {
                self.member_id = response.member_id;
                false
            }
            code if code.is_retriable() => false,
            _ => panic!("{response:?}"),
        }
    }

    /// Joins a group of the consumer protocol and takes what the coordinator assigns.
    pub fn join_consumer(bootstrap: &str, group: &str, topic: &str) -> Self {
        let mut member = Self {
            connection: Connection::open(bootstrap),
            group: group.to_owned(),
            member_id: format!("member-of-{group}"),
            instance_id: None,
            epoch: EPOCH_JOIN,
            is_classic: false,
        };
        await_coordinator(&mut member.connection, group);
        eventually(&format!("{group} assigns"), || {
            let request = ConsumerGroupHeartbeatRequest {
                rebalance_timeout_ms: SESSION_MS,
                subscribed_topic_names: Some(vec![topic.to_owned()]),
                topic_partitions: Some(Vec::new()),
                ..member.heartbeat()
            };
            let response = member.connection.call(&request, 1);
            match ErrorCode::from_i16(response.error_code) {
                ErrorCode::None => member.epoch = response.member_epoch,
                code if code.is_retriable() => return false,
                _ => panic!("{response:?}"),
            }
            response.assignment.is_some_and(|given| !given.topic_partitions.is_empty())
        });
        member
    }

    fn heartbeat(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: self.group.clone(),
            member_id: self.member_id.clone(),
            member_epoch: self.epoch,
            ..Default::default()
        }
    }

    pub fn member_id(&self) -> &str {
        &self.member_id
    }

    /// Commits an offset.
    pub fn commit(&mut self, topic: &str, partition: i32, offset: i64) {
        let committed = OffsetCommitRequestPartition {
            partition_index: partition,
            committed_offset: offset,
            committed_metadata: Some("by hand".to_owned()),
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: self.group.clone(),
            generation_id_or_member_epoch: self.epoch,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            topics: vec![OffsetCommitRequestTopic {
                name: topic.to_owned(),
                partitions: vec![committed],
                ..Default::default()
            }],
            ..Default::default()
        };
        let version = if self.is_classic { COMMIT_VERSION } else { 9 };
        let response = self.connection.call(&request, version);
        assert_eq!(response.topics[0].partitions[0].error_code, 0, "{response:?}");
    }

    pub fn leave(mut self) {
        if self.is_classic {
            let request = LeaveGroupRequest {
                group_id: self.group.clone(),
                members: vec![MemberIdentity {
                    member_id: self.member_id.clone(),
                    group_instance_id: self.instance_id.clone(),
                    reason: None,
                }],
                ..Default::default()
            };
            let response = self.connection.call(&request, LEAVE_VERSION);
            assert_eq!(response.error_code, 0, "{response:?}");
        } else {
            let request = ConsumerGroupHeartbeatRequest { member_epoch: EPOCH_LEAVE, ..self.heartbeat() };
            let response = self.connection.call(&request, 1);
            assert_eq!(response.error_code, 0, "{response:?}");
        }
    }
}

/// Groups live in a topic that is made when a coordinator is first asked for. The broker stands alone, so it is the
/// coordinator.
fn await_coordinator(connection: &mut Connection, group: &str) {
    let request = FindCoordinatorRequest { coordinator_keys: vec![group.to_owned()], ..Default::default() };
    eventually(&format!("{group} has a coordinator"), || {
        connection.call(&request, 4).coordinators.iter().all(|coordinator| coordinator.error_code == 0)
    });
}

/// A version and the message at it, as consumers write their parts of a group's requests.
fn versioned<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::new();
    writer.i16(version);
    message.encode(&mut writer, version).expect("a small message");
    writer.freeze()
}
