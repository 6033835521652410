//! The answer that carries nothing but an error: to a whole request, for each group or partition it names.

use super::{
    Request, Response,
    classic::{join_failed, sync_failed},
};
use crate::{
    error_code::ErrorCode,
    protocol::messages::{
        consumer_group_describe, consumer_group_heartbeat::ConsumerGroupHeartbeatResponse, delete_groups,
        describe_groups, heartbeat::HeartbeatResponse, leave_group::LeaveGroupResponse,
        list_groups::ListGroupsResponse, offset_commit, offset_delete::OffsetDeleteResponse, offset_fetch,
    },
};

impl Request {
    /// The answer where the coordinator is not there, or its records could not be written.
    pub fn failed(&self, error: ErrorCode) -> Response {
        let error_code = error.code();
        match self {
            Self::JoinGroup { version, request, .. } => join_failed(*version, &request.member_id, error),
            Self::SyncGroup { .. } => sync_failed(error),
            Self::Heartbeat { .. } => {
                // While groups are loaded a member is taken at its word, as in Kafka: it need not join again.
                let error_code = if error == ErrorCode::CoordinatorLoadInProgress { 0 } else { error_code };
                Response::Heartbeat(HeartbeatResponse { error_code, ..Default::default() })
            }
            Self::LeaveGroup { .. } => {
                Response::LeaveGroup(LeaveGroupResponse { error_code, ..Default::default() })
            }
            Self::OffsetCommit { request, .. } => Response::OffsetCommit(commit_failed(request, error_code)),
            Self::OffsetFetch { request, .. } => Response::OffsetFetch(fetch_failed(request, error_code)),
            Self::OffsetDelete { .. } => {
                Response::OffsetDelete(OffsetDeleteResponse { error_code, ..Default::default() })
            }
            Self::DescribeGroups { request, .. } => {
                let groups = request.groups.iter().map(|group_id| describe_groups::DescribedGroup {
                    error_code,
                    group_id: group_id.clone(),
                    authorized_operations: i32::MIN,
                    ..Default::default()
                });
                let groups = groups.collect();
                Response::DescribeGroups(describe_groups::DescribeGroupsResponse {
                    groups,
                    ..Default::default()
                })
            }
            Self::ListGroups { .. } => {
                Response::ListGroups(ListGroupsResponse { error_code, ..Default::default() })
            }
            Self::DeleteGroups { request, .. } => {
                let results =
                    request.groups_names.iter().map(|group_id| delete_groups::DeletableGroupResult {
                        group_id: group_id.clone(),
                        error_code,
                        ..Default::default()
                    });
                let results = results.collect();
                Response::DeleteGroups(delete_groups::DeleteGroupsResponse { results, ..Default::default() })
            }
            Self::ConsumerGroupHeartbeat { .. } => {
                Response::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse {
                    error_code,
                    ..Default::default()
                })
            }
            Self::ConsumerGroupDescribe { request, .. } => {
                let groups =
                    request.group_ids.iter().map(|group_id| consumer_group_describe::DescribedGroup {
                        error_code,
                        group_id: group_id.clone(),
                        authorized_operations: i32::MIN,
                        ..Default::default()
                    });
                let groups = groups.collect();
                Response::ConsumerGroupDescribe(consumer_group_describe::ConsumerGroupDescribeResponse {
                    groups,
                    ..Default::default()
                })
            }
        }
    }
}

fn commit_failed(
    request: &offset_commit::OffsetCommitRequest,
    error_code: i16,
) -> offset_commit::OffsetCommitResponse {
    let topics = request.topics.iter().map(|topic| offset_commit::OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic
            .partitions
            .iter()
            .map(|partition| offset_commit::OffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code,
            })
            .collect(),
    });
    offset_commit::OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}

fn fetch_failed(
    request: &offset_fetch::OffsetFetchRequest,
    error_code: i16,
) -> offset_fetch::OffsetFetchResponse {
    let groups = request.groups.iter().map(|group| offset_fetch::OffsetFetchResponseGroup {
        group_id: group.group_id.clone(),
        error_code,
        ..Default::default()
    });
    offset_fetch::OffsetFetchResponse { groups: groups.collect(), ..Default::default() }
}
