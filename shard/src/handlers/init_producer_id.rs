//! InitProducerId (22): an id for an idempotent producer.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
};

use crate::{service::RequestContext, shard::Shard};

const NO_ID: i64 = -1;
const NO_EPOCH: i16 = -1;

pub(crate) async fn handle(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    // An epoch is one of an id.
    if (request.producer_id == NO_ID) != (request.producer_epoch == NO_EPOCH) {
        return failed(ErrorCode::InvalidRequest);
    }
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
        producer_id: NO_ID,
        producer_epoch: NO_EPOCH,
        ..InitProducerIdResponse::default()
    }
}
