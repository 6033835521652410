//! What producer state needs to know of a batch.

use crate::records::BatchHeader;

/// The producer's side of a batch of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchInfo {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub first_sequence: i32,
    pub last_sequence: i32,
    /// 0 before the batch has its place; `check` does not look at it.
    pub first_offset: i64,
    pub last_offset: i64,
    /// The largest timestamp of the records in ms.
    pub max_timestamp: i64,
    pub is_transactional: bool,
}

impl BatchInfo {
    /// `None` where the batch has no producer. Control batches are `EndMarker`s instead.
    pub fn of(header: &BatchHeader) -> Option<Self> {
        (header.has_producer_id() && !header.is_control()).then(|| Self {
            producer_id: header.producer_id(),
            producer_epoch: header.producer_epoch(),
            first_sequence: header.base_sequence(),
            last_sequence: header.last_sequence(),
            first_offset: header.base_offset(),
            last_offset: header.last_offset(),
            max_timestamp: header.max_timestamp(),
            is_transactional: header.is_transactional(),
        })
    }
}
