//! UpdateFeatures (57): passed to the controller.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::update_features::{UpdateFeaturesRequest, UpdateFeaturesResponse},
};

use crate::{service::RequestContext, shard::Shard};

pub(crate) async fn handle(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: UpdateFeaturesRequest,
) -> UpdateFeaturesResponse {
    shard.controller(request).await.unwrap_or_else(|| UpdateFeaturesResponse {
        error_code: ErrorCode::NotController.code(),
        error_message: None,
        ..UpdateFeaturesResponse::default()
    })
}
