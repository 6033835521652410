//! DescribeQuorum (55): the metadata quorum, its leader and how far its voters are.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::describe_quorum::{
        DescribeQuorumRequest, DescribeQuorumResponse, DescribeQuorumResponsePartitionData,
        DescribeQuorumResponseTopicData, Node, ReplicaState,
    },
};
use jackdaw_ring::unix_ms;

use crate::{controller_host::QuorumState, service::RequestContext, shard::Shard};

const METADATA_TOPIC: &str = "__cluster_metadata";

/// Answers carry texts and nodes from this version on.
const NODES_VERSION: i16 = 2;

pub(crate) async fn handle(
    shard: Rc<Shard>,
    context: RequestContext,
    request: DescribeQuorumRequest,
) -> DescribeQuorumResponse {
    let Some(quorum) = shard.quorum().await else {
        let error_code = ErrorCode::NotLeaderOrFollower.code();
        return DescribeQuorumResponse { error_code, ..DescribeQuorumResponse::default() };
    };
    let mut is_described = false;
    let topics = request.topics.iter().map(|topic| DescribeQuorumResponseTopicData {
        topic_name: topic.topic_name.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| match (topic.topic_name.as_str(), partition.partition_index) {
                (METADATA_TOPIC, 0) => {
                    is_described = true;
                    described(&quorum)
                }
                (_, index) => unknown(index),
            })
            .collect(),
    });
    let topics = topics.collect();
    let mut nodes = Vec::new();
    if is_described && context.version >= NODES_VERSION {
        // A quorum of one: its listener for controllers serves nobody and is not opened.
        nodes.push(Node { node_id: quorum.leader_id, listeners: Vec::new() });
    }
    DescribeQuorumResponse { topics, nodes, ..DescribeQuorumResponse::default() }
}

fn described(quorum: &QuorumState) -> DescribeQuorumResponsePartitionData {
    let voter = ReplicaState {
        replica_id: quorum.leader_id,
        log_end_offset: quorum.log_end_offset,
        last_fetch_timestamp: unix_ms(),
        last_caught_up_timestamp: unix_ms(),
        ..ReplicaState::default()
    };
    DescribeQuorumResponsePartitionData {
        leader_id: quorum.leader_id,
        leader_epoch: quorum.leader_epoch,
        high_watermark: quorum.high_watermark,
        current_voters: vec![voter],
        ..DescribeQuorumResponsePartitionData::default()
    }
}

fn unknown(partition_index: i32) -> DescribeQuorumResponsePartitionData {
    DescribeQuorumResponsePartitionData {
        partition_index,
        error_code: ErrorCode::UnknownTopicOrPartition.code(),
        error_message: Some("This server does not host this topic-partition.".to_owned()),
        ..DescribeQuorumResponsePartitionData::default()
    }
}
