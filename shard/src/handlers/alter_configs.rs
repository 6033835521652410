//! AlterConfigs (33) and IncrementalAlterConfigs (44): passed to the controller, answered when every shard runs with
//! the new values.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{
        alter_configs::{AlterConfigsRequest, AlterConfigsResourceResponse, AlterConfigsResponse},
        incremental_alter_configs::{self, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse},
    },
};

use crate::{service::RequestContext, shard::Shard};

pub(crate) async fn replace(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: AlterConfigsRequest,
) -> AlterConfigsResponse {
    let refused = request.resources.iter().map(|resource| AlterConfigsResourceResponse {
        error_code: ErrorCode::NotController.code(),
        error_message: None,
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
    });
    let refused = AlterConfigsResponse { responses: refused.collect(), ..Default::default() };
    shard.controller(request).await.unwrap_or(refused)
}

pub(crate) async fn change(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let refused =
        request.resources.iter().map(|resource| incremental_alter_configs::AlterConfigsResourceResponse {
            error_code: ErrorCode::NotController.code(),
            error_message: None,
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
        });
    let refused = IncrementalAlterConfigsResponse { responses: refused.collect(), ..Default::default() };
    shard.controller(request).await.unwrap_or(refused)
}
