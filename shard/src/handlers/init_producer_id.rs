//! InitProducerId (22): an id for an idempotent producer.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
};

use crate::{service::RequestContext, shard::Shard};

pub(crate) async fn handle(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    match request.transactional_id.as_deref() {
        None => match shard.producer_ids.next(&shard).await {
            Ok(producer_id) => {
                InitProducerIdResponse { producer_id, producer_epoch: 0, ..failed(ErrorCode::None) }
            }
            Err(error) => failed(error),
        },
        Some("") => failed(ErrorCode::InvalidRequest),
        // No transaction coordinator here yet.
        Some(_) => failed(ErrorCode::NotCoordinator),
    }
}

fn failed(error: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse {
        error_code: error.code(),
        producer_id: -1,
        producer_epoch: -1,
        ..InitProducerIdResponse::default()
    }
}
