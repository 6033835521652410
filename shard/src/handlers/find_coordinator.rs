//! FindCoordinator (10): there are no coordinators yet. It is served because librdkafka before 2.11 writes no lz4 to a
//! broker without it.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator::Coordinator},
};

use crate::{service::RequestContext, shard::Shard};

/// From this version on a request has several keys.
const BATCH_VERSION: i16 = 4;
const TEXT: &str = "This broker serves no consumer groups or transactions yet.";

pub(crate) async fn handle(
    shard: Rc<Shard>,
    context: RequestContext,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    if !shard.has_told_of_coordinators.replace(true) {
        // Once a shard: clients ask again and again, and many ask without needing an answer.
        tracing::info!(
            client_id = context.client_id.as_deref().unwrap_or(""),
            "a client asks for the coordinator of a group or transaction: neither is served yet; consumers use assign()"
        );
    }
    let error_code = ErrorCode::CoordinatorNotAvailable.code();
    let text = || Some(TEXT.to_owned());
    if context.version < BATCH_VERSION {
        let error_message = if context.version >= 1 { text() } else { None };
        return FindCoordinatorResponse {
            error_code,
            error_message,
            node_id: -1,
            port: -1,
            ..Default::default()
        };
    }
    let coordinator = |key| Coordinator {
        key,
        node_id: -1,
        port: -1,
        error_code,
        error_message: text(),
        ..Default::default()
    };
    FindCoordinatorResponse {
        coordinators: request.coordinator_keys.into_iter().map(coordinator).collect(),
        ..Default::default()
    }
}
