//! A member of a classic group. The group's leader deals the partitions out in turn.

use std::{io::Error, time::Duration};

use jackdaw_bench::connection::Connection;
use jackdaw_core::{
    error_code::ErrorCode,
    protocol::{
        Message,
        messages::{
            HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, SyncGroupRequest,
            join_group::JoinGroupRequestProtocol, sync_group::SyncGroupRequestAssignment,
        },
        records::consumer_protocol::{
            ConsumerProtocolAssignment, ConsumerProtocolAssignmentTopicPartition,
            ConsumerProtocolSubscription,
        },
    },
};

use crate::member::{Member, TOPIC};

const PROTOCOL_TYPE: &str = "consumer";
const ASSIGNOR: &str = "range";
const JOIN_VERSION: i16 = 9;
const SYNC_VERSION: i16 = 5;
const HEARTBEAT_VERSION: i16 = 4;
/// The intervals of Kafka's consumer unless it is told others.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);
const SESSION_TIMEOUT_MS: i32 = 45_000;
const REBALANCE_TIMEOUT_MS: i32 = 300_000;

/// One attempt; whether it worked is seen from `has_joined`.
pub(crate) async fn join(member: &mut Member, connection: &mut Connection) -> Result<(), Error> {
    let subscription = ConsumerProtocolSubscription { topics: vec![TOPIC.to_owned()], ..Default::default() };
    let request = JoinGroupRequest {
        group_id: member.group_id.clone(),
        session_timeout_ms: SESSION_TIMEOUT_MS,
        rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
        member_id: member.member_id.clone(),
        protocol_type: PROTOCOL_TYPE.to_owned(),
        protocols: vec![JoinGroupRequestProtocol {
            name: ASSIGNOR.to_owned(),
            metadata: subscription.to_prefixed_bytes(1).map_err(Error::other)?,
        }],
        ..Default::default()
    };
    let joined = connection.call(&request, JOIN_VERSION).await?;
    match ErrorCode::from_i16(joined.error_code) {
        ErrorCode::None => sync(member, connection, joined).await,
        ErrorCode::MemberIdRequired => {
            member.member_id = joined.member_id;
            Ok(())
        }
        _ => {
            member.take_error("join", joined.error_code).await;
            Ok(())
        }
    }
}

async fn sync(
    member: &mut Member,
    connection: &mut Connection,
    joined: JoinGroupResponse,
) -> Result<(), Error> {
    let is_leader = joined.leader == joined.member_id;
    let assignments = if is_leader { deal(&joined, member.shared.options.members)? } else { Vec::new() };
    member.member_id = joined.member_id;
    member.epoch = joined.generation_id;
    let request = SyncGroupRequest {
        group_id: member.group_id.clone(),
        generation_id: joined.generation_id,
        member_id: member.member_id.clone(),
        protocol_type: Some(PROTOCOL_TYPE.to_owned()),
        protocol_name: joined.protocol_name,
        assignments,
        ..Default::default()
    };
    let response = connection.call(&request, SYNC_VERSION).await?;
    if response.error_code != 0 {
        member.take_error("sync", response.error_code).await;
        return Ok(());
    }
    let assignment =
        ConsumerProtocolAssignment::from_prefixed_bytes(&response.assignment).map_err(Error::other)?;
    member.partitions =
        assignment.assigned_partitions.iter().flat_map(|topic| topic.partitions.iter().copied()).collect();
    member.has_joined = true;
    member.heartbeat_interval = HEARTBEAT_INTERVAL;
    member.start_clocks();
    // There are as many partitions as members.
    member.settle(member.partitions.len() == 1);
    Ok(())
}

fn deal(joined: &JoinGroupResponse, partitions: usize) -> Result<Vec<SyncGroupRequestAssignment>, Error> {
    let count = joined.members.len();
    let one =
        |(index, other): (usize, &jackdaw_core::protocol::messages::join_group::JoinGroupResponseMember)| {
            let share =
                (index..partitions).step_by(count).filter_map(|partition| i32::try_from(partition).ok());
            let assignment = ConsumerProtocolAssignment {
                assigned_partitions: vec![ConsumerProtocolAssignmentTopicPartition {
                    topic: TOPIC.to_owned(),
                    partitions: share.collect(),
                }],
                ..Default::default()
            };
            Ok(SyncGroupRequestAssignment {
                member_id: other.member_id.clone(),
                assignment: assignment.to_prefixed_bytes(1).map_err(Error::other)?,
            })
        };
    joined.members.iter().enumerate().map(one).collect()
}

/// The answer's error code.
pub(crate) async fn heartbeat(member: &mut Member, connection: &mut Connection) -> Result<i16, Error> {
    let request = HeartbeatRequest {
        group_id: member.group_id.clone(),
        generation_id: member.epoch,
        member_id: member.member_id.clone(),
        group_instance_id: None,
    };
    Ok(connection.call(&request, HEARTBEAT_VERSION).await?.error_code)
}
