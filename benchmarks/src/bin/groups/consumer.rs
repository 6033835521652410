//! A member of a KIP-848 group, which does what the coordinator's answers say at once.

use std::{io::Error, time::Duration};

use jackdaw_bench::connection::Connection;
use jackdaw_core::{
    protocol::messages::{
        ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
        consumer_group_heartbeat::ConsumerGroupHeartbeatRequestTopicPartitions,
    },
    uuid::Uuid,
};
use jackdaw_ring::{now, random_u64};

use crate::member::{Member, TOPIC};

const VERSION: i16 = 1;
const REBALANCE_TIMEOUT_MS: i32 = 300_000;

/// One attempt; whether it worked is seen from `has_joined`.
pub(crate) async fn join(member: &mut Member, connection: &mut Connection) -> Result<(), Error> {
    if member.member_id.is_empty() {
        member.member_id = new_member_id();
    }
    member.epoch = 0;
    member.partitions.clear();
    let request = ConsumerGroupHeartbeatRequest {
        group_id: member.group_id.clone(),
        member_id: member.member_id.clone(),
        member_epoch: 0,
        rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
        subscribed_topic_names: Some(vec![TOPIC.to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let response = connection.call(&request, VERSION).await?;
    if response.error_code != 0 {
        member.take_error("join", response.error_code).await;
        return Ok(());
    }
    member.has_joined = true;
    member.heartbeat_interval = interval(&response);
    member.start_clocks();
    reconcile(member, connection, response).await
}

/// The answer's error code.
pub(crate) async fn heartbeat(member: &mut Member, connection: &mut Connection) -> Result<i16, Error> {
    let response = beat(member, connection, None).await?;
    let error_code = response.error_code;
    if error_code == 0 {
        reconcile(member, connection, response).await?;
    }
    Ok(error_code)
}

async fn beat(
    member: &Member,
    connection: &mut Connection,
    topic_partitions: Option<Vec<ConsumerGroupHeartbeatRequestTopicPartitions>>,
) -> Result<ConsumerGroupHeartbeatResponse, Error> {
    let request = ConsumerGroupHeartbeatRequest {
        group_id: member.group_id.clone(),
        member_id: member.member_id.clone(),
        member_epoch: member.epoch,
        rebalance_timeout_ms: -1,
        topic_partitions,
        ..Default::default()
    };
    connection.call(&request, VERSION).await
}

/// Own what the answer gives, and say so until the coordinator has nothing new.
async fn reconcile(
    member: &mut Member,
    connection: &mut Connection,
    mut response: ConsumerGroupHeartbeatResponse,
) -> Result<(), Error> {
    loop {
        member.epoch = response.member_epoch;
        let Some(assignment) = response.assignment else { break };
        member.partitions =
            assignment.topic_partitions.iter().flat_map(|topic| topic.partitions.iter().copied()).collect();
        let owned = ConsumerGroupHeartbeatRequestTopicPartitions {
            topic_id: member.shared.topic_id.get(),
            partitions: member.partitions.clone(),
        };
        let owned = if member.partitions.is_empty() { Vec::new() } else { vec![owned] };
        response = beat(member, connection, Some(owned)).await?;
        if response.error_code != 0 {
            member.take_error("heartbeat", response.error_code).await;
            return Ok(());
        }
        member.heartbeat_due = now() + interval(&response);
    }
    // There are as many partitions as members.
    member.settle(member.partitions.len() == 1);
    Ok(())
}

fn interval(response: &ConsumerGroupHeartbeatResponse) -> Duration {
    Duration::from_millis(u64::try_from(response.heartbeat_interval_ms).unwrap_or(0).max(1))
}

fn new_member_id() -> String {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random_u64().to_be_bytes());
    bytes[8..].copy_from_slice(&random_u64().to_be_bytes());
    Uuid(bytes).to_string()
}
