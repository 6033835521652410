//! What a coordinator is asked, and its answers.

use super::Client;
use crate::protocol::messages::{
    consumer_group_describe::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse},
    consumer_group_heartbeat::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse},
    delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse},
    describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse},
    heartbeat::{HeartbeatRequest, HeartbeatResponse},
    join_group::{JoinGroupRequest, JoinGroupResponse},
    leave_group::{LeaveGroupRequest, LeaveGroupResponse},
    list_groups::{ListGroupsRequest, ListGroupsResponse},
    offset_commit::{OffsetCommitRequest, OffsetCommitResponse},
    offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse},
    offset_fetch::{OffsetFetchRequest, OffsetFetchResponse},
    sync_group::{SyncGroupRequest, SyncGroupResponse},
};

/// A request with the version it came in, where the version changes what it means. A request that names several
/// groups names only those of this coordinator.
#[derive(Clone, Debug)]
pub enum Request {
    JoinGroup {
        version: i16,
        client: Client,
        request: JoinGroupRequest,
    },
    SyncGroup {
        version: i16,
        request: SyncGroupRequest,
    },
    Heartbeat {
        request: HeartbeatRequest,
    },
    LeaveGroup {
        version: i16,
        request: LeaveGroupRequest,
    },
    OffsetCommit {
        version: i16,
        request: OffsetCommitRequest,
    },
    /// In the form of version 8 and later: groups in an array.
    OffsetFetch {
        version: i16,
        request: OffsetFetchRequest,
    },
    OffsetDelete {
        request: OffsetDeleteRequest,
    },
    DescribeGroups {
        version: i16,
        request: DescribeGroupsRequest,
    },
    ListGroups {
        request: ListGroupsRequest,
    },
    DeleteGroups {
        request: DeleteGroupsRequest,
    },
    ConsumerGroupHeartbeat {
        version: i16,
        client: Client,
        request: ConsumerGroupHeartbeatRequest,
    },
    ConsumerGroupDescribe {
        version: i16,
        request: ConsumerGroupDescribeRequest,
    },
}

/// The answer, of the same kind as the request, with nothing in it that the request's version lacks.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    LeaveGroup(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
    OffsetFetch(OffsetFetchResponse),
    OffsetDelete(OffsetDeleteResponse),
    DescribeGroups(DescribeGroupsResponse),
    ListGroups(ListGroupsResponse),
    DeleteGroups(DeleteGroupsResponse),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse),
    ConsumerGroupDescribe(ConsumerGroupDescribeResponse),
}
