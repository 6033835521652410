//! OffsetCommit (8) and OffsetDelete (47).

use std::rc::Rc;

use jackdaw_core::{
    group::Request,
    protocol::messages::{
        OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
    },
};

use super::answer_of;
use crate::{groups::routing::ask, service::RequestContext, shard::Shard};

pub(crate) async fn commit(
    shard: Rc<Shard>,
    context: RequestContext,
    request: OffsetCommitRequest,
) -> OffsetCommitResponse {
    let group_id = request.group_id.clone();
    let request = Request::OffsetCommit { version: context.version, request };
    answer_of!(ask(&shard, &group_id, request).await, OffsetCommit)
}

pub(crate) async fn delete(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: OffsetDeleteRequest,
) -> OffsetDeleteResponse {
    let group_id = request.group_id.clone();
    let request = Request::OffsetDelete { request };
    answer_of!(ask(&shard, &group_id, request).await, OffsetDelete)
}
