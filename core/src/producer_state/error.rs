//! Why a producer's batch or a transaction's marker is refused.

use crate::error_code::ErrorCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProducerError {
    #[error("producer {producer_id} sent sequence {first_sequence} where {expected} is next")]
    OutOfOrder { producer_id: i64, first_sequence: i32, expected: i32 },
    #[error("producer {producer_id} sent epoch {producer_epoch} after epoch {current_epoch}")]
    OldEpoch { producer_id: i64, producer_epoch: i16, current_epoch: i16 },
    #[error("the transaction of producer {producer_id} does not include this partition")]
    NotVerified { producer_id: i64 },
    #[error(
        "producer {producer_id} sent a batch outside a transaction while its transaction from offset \
         {first_offset} on is open"
    )]
    TransactionOpen { producer_id: i64, first_offset: i64 },
    #[error(
        "producer {producer_id} is one too many: each of the partition's {count} producers has a transaction open"
    )]
    Full { producer_id: i64, count: usize },
    #[error(
        "a transaction coordinator of epoch {coordinator_epoch} ends a transaction of producer {producer_id} \
         after one of epoch {current_epoch} did"
    )]
    CoordinatorFenced { producer_id: i64, coordinator_epoch: i32, current_epoch: i32 },
}

impl ProducerError {
    /// The partition's error code in the response.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::OutOfOrder { .. } => ErrorCode::OutOfOrderSequenceNumber,
            Self::OldEpoch { .. } => ErrorCode::InvalidProducerEpoch,
            Self::NotVerified { .. } | Self::TransactionOpen { .. } => ErrorCode::InvalidTxnState,
            // Kafka has no such bound. Clients retry this one.
            Self::Full { .. } => ErrorCode::ThrottlingQuotaExceeded,
            Self::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        }
    }
}
