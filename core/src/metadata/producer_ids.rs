//! The producer ids that are not given out yet.

use crate::protocol::records::metadata::ProducerIdsRecord;

/// Every id below `next_id` belongs to a block that a broker has or had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerIds {
    pub next_id: i64,
    broker_id: i32,
    broker_epoch: i64,
}

impl ProducerIds {
    pub(super) fn replay(&mut self, record: &ProducerIdsRecord) {
        self.next_id = record.next_producer_id;
        self.broker_id = record.broker_id;
        self.broker_epoch = record.broker_epoch;
    }

    /// `None` where no block was ever given out.
    pub(super) fn to_record(&self) -> Option<ProducerIdsRecord> {
        (self.next_id > 0).then_some(ProducerIdsRecord {
            broker_id: self.broker_id,
            broker_epoch: self.broker_epoch,
            next_producer_id: self.next_id,
        })
    }
}
