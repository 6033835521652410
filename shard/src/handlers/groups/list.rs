//! ListGroups (16): what all coordinators of this node know.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    group::Request,
    protocol::messages::{ListGroupsRequest, ListGroupsResponse},
};

use super::answer_of;
use crate::{
    groups::routing::{ask_all, for_all},
    service::RequestContext,
    shard::Shard,
};

pub(crate) async fn handle(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: ListGroupsRequest,
) -> ListGroupsResponse {
    let request = Request::ListGroups { request };
    let calls = for_all(&shard.view(), shard.identity.node_id, &request);
    let mut listed = ListGroupsResponse::default();
    for answer in ask_all(&shard, calls).await {
        let answer = answer_of!(answer, ListGroups);
        // Its groups are elsewhere by now, or cannot be read: the others' are listed all the same, as in Kafka.
        if answer.error_code == ErrorCode::NotCoordinator.code() {
            continue;
        }
        // One that is still loading: the list is not whole.
        if answer.error_code != 0 {
            return ListGroupsResponse { error_code: answer.error_code, ..Default::default() };
        }
        listed.groups.extend(answer.groups);
    }
    listed
}
