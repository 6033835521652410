//! UnregisterBroker (64): passed to the controller.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::unregister_broker::{UnregisterBrokerRequest, UnregisterBrokerResponse},
};

use crate::{service::RequestContext, shard::Shard};

pub(crate) async fn handle(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: UnregisterBrokerRequest,
) -> UnregisterBrokerResponse {
    shard.controller(request).await.unwrap_or_else(|| UnregisterBrokerResponse {
        error_code: ErrorCode::NotController.code(),
        ..UnregisterBrokerResponse::default()
    })
}
