//! JoinGroup (11), Heartbeat (12), LeaveGroup (13), SyncGroup (14) and ConsumerGroupHeartbeat (68).

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    group::Request,
    protocol::messages::{
        ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, HeartbeatRequest, HeartbeatResponse,
        JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, SyncGroupRequest,
        SyncGroupResponse,
    },
};

use super::{answer_of, client};
use crate::{groups::routing::ask, service::RequestContext, shard::Shard};

/// Answered when the rebalance that it takes part in is over.
pub(crate) async fn join(
    shard: Rc<Shard>,
    context: RequestContext,
    request: JoinGroupRequest,
) -> JoinGroupResponse {
    let group_id = request.group_id.clone();
    let request = Request::JoinGroup { version: context.version, client: client(&context), request };
    answer_of!(ask(&shard, &group_id, request).await, JoinGroup)
}

/// Answered when the group's leader has said who gets what.
pub(crate) async fn sync(
    shard: Rc<Shard>,
    context: RequestContext,
    request: SyncGroupRequest,
) -> SyncGroupResponse {
    let group_id = request.group_id.clone();
    let request = Request::SyncGroup { version: context.version, request };
    answer_of!(ask(&shard, &group_id, request).await, SyncGroup)
}

pub(crate) async fn heartbeat(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: HeartbeatRequest,
) -> HeartbeatResponse {
    let group_id = request.group_id.clone();
    let request = Request::Heartbeat { request };
    answer_of!(ask(&shard, &group_id, request).await, Heartbeat)
}

pub(crate) async fn leave(
    shard: Rc<Shard>,
    context: RequestContext,
    request: LeaveGroupRequest,
) -> LeaveGroupResponse {
    let group_id = request.group_id.clone();
    let request = Request::LeaveGroup { version: context.version, request };
    answer_of!(ask(&shard, &group_id, request).await, LeaveGroup)
}

pub(crate) async fn consumer_heartbeat(
    shard: Rc<Shard>,
    context: RequestContext,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    if !shard.groups.config.consumer.is_served {
        let error_code = ErrorCode::UnsupportedVersion.code();
        return ConsumerGroupHeartbeatResponse { error_code, ..Default::default() };
    }
    let group_id = request.group_id.clone();
    let request =
        Request::ConsumerGroupHeartbeat { version: context.version, client: client(&context), request };
    answer_of!(ask(&shard, &group_id, request).await, ConsumerGroupHeartbeat)
}
