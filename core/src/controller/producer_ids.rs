//! AllocateProducerIds (67): a broker gets a block of ids that nobody had before.

use super::{Context, Controller, Outcome};
use crate::{
    error_code::ErrorCode,
    metadata::VersionedRecord,
    protocol::{
        messages::allocate_producer_ids::{AllocateProducerIdsRequest, AllocateProducerIdsResponse},
        records::metadata::ProducerIdsRecord,
    },
};

/// Kafka's block size.
const BLOCK_LENGTH: i32 = 1000;

impl Controller {
    pub(super) fn allocate_producer_ids(
        &self,
        _context: &Context,
        request: &AllocateProducerIdsRequest,
    ) -> Outcome<AllocateProducerIdsResponse> {
        let refuse = |error: ErrorCode| {
            Outcome::only(AllocateProducerIdsResponse { error_code: error.code(), ..Default::default() })
        };
        if !self.broker_epoch_is(request.broker_id, request.broker_epoch) {
            return refuse(ErrorCode::StaleBrokerEpoch);
        }
        let producer_id_start = self.image().producer_ids.next_id;
        let Some(next_producer_id) = producer_id_start.checked_add(i64::from(BLOCK_LENGTH)) else {
            // 2^63 producer ids are spent.
            return refuse(ErrorCode::UnknownServerError);
        };
        let (broker_id, broker_epoch) = (request.broker_id, request.broker_epoch);
        let record = ProducerIdsRecord { broker_id, broker_epoch, next_producer_id };
        let response = AllocateProducerIdsResponse {
            producer_id_start,
            producer_id_len: BLOCK_LENGTH,
            ..Default::default()
        };
        Outcome::with(vec![VersionedRecord::new(record, 0)], response)
    }
}
