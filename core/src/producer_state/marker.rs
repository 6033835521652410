//! The markers that end transactions in a data partition (WriteTxnMarkers).

use super::{BatchInfo, ProducerEntry, ProducerError, Producers};
use crate::records::{BatchView, ControlType, control::control_records};

/// A marker, as its control batch tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndMarker {
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// Leader epoch of the transaction's coordinator.
    pub coordinator_epoch: i32,
    pub is_abort: bool,
    pub timestamp_ms: i64,
}

impl EndMarker {
    /// The marker in a control batch; `None` where the batch is no marker, or not a whole one.
    pub fn of(batch: &BatchView<'_>) -> Option<Self> {
        let header = batch.header();
        if !header.is_control() || !header.has_producer_id() {
            return None;
        }
        let record = control_records(batch).next()?.ok()?;
        let control_type = record.control_type.filter(|control_type| control_type.is_end_of_transaction())?;
        // EndTxnMarker: an i16 version, then the epoch; later versions would only add to it.
        let coordinator_epoch = *record.value.get(2..)?.first_chunk::<4>()?;
        Some(Self {
            producer_id: header.producer_id(),
            producer_epoch: header.producer_epoch(),
            coordinator_epoch: i32::from_be_bytes(coordinator_epoch),
            is_abort: control_type == ControlType::Abort,
            timestamp_ms: header.max_timestamp(),
        })
    }
}

/// How a marker's producer epoch relates to the producer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndMarkerRules {
    /// Transaction versions 0 and 1: not below.
    SameEpoch,
    /// Transaction version 2 raises the epoch with each transaction: above, or equal where it is sent again.
    NextEpoch,
    /// A replica takes what its leader wrote.
    Replication,
}

/// A transaction that a marker ended here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
    /// The marker's offset.
    pub last_offset: i64,
    pub is_aborted: bool,
}

impl Producers {
    /// Takes note of any batch of the log: what recovery, replication and reloading call in offset order. The
    /// transaction that it ended, if it is a marker that ended one.
    pub fn replay(&mut self, batch: &BatchView<'_>) -> Option<CompletedTransaction> {
        let header = batch.header();
        if let Some(info) = BatchInfo::of(header) {
            self.update(&info);
        } else if let Some(marker) = EndMarker::of(batch) {
            return self.end_transaction(&marker, header.last_offset());
        }
        self.advance_to(header.last_offset() + 1);
        None
    }

    /// Whether a marker may be written. One for an unknown producer may.
    pub fn check_marker(&self, marker: &EndMarker, rules: EndMarkerRules) -> Result<(), ProducerError> {
        let Some(entry) = self.get(marker.producer_id) else { return Ok(()) };
        if rules == EndMarkerRules::Replication {
            return Ok(());
        }
        if !is_epoch_allowed(entry, marker.producer_epoch, rules) {
            return Err(ProducerError::OldEpoch {
                producer_id: marker.producer_id,
                producer_epoch: marker.producer_epoch,
                current_epoch: entry.producer_epoch(),
            });
        }
        if marker.coordinator_epoch < entry.coordinator_epoch() {
            return Err(ProducerError::CoordinatorFenced {
                producer_id: marker.producer_id,
                coordinator_epoch: marker.coordinator_epoch,
                current_epoch: entry.coordinator_epoch(),
            });
        }
        Ok(())
    }

    /// Takes note of a marker written at `offset`. The transaction it ended, if one was open here: until the
    /// high watermark passes the marker it holds the last stable offset back.
    pub fn end_transaction(&mut self, marker: &EndMarker, offset: i64) -> Option<CompletedTransaction> {
        if !self.entries.contains_key(&marker.producer_id) {
            self.make_room();
        }
        let entry = self
            .entries
            .entry(marker.producer_id)
            .or_insert_with(|| ProducerEntry::new(marker.producer_epoch));
        let first_offset = entry.end_transaction(marker);
        self.advance_to(offset + 1);
        let completed = CompletedTransaction {
            producer_id: marker.producer_id,
            first_offset: first_offset?,
            last_offset: offset,
            is_aborted: marker.is_abort,
        };
        self.transactions.complete(&completed);
        Some(completed)
    }
}

fn is_epoch_allowed(entry: &ProducerEntry, producer_epoch: i16, rules: EndMarkerRules) -> bool {
    let current_epoch = entry.producer_epoch();
    match rules {
        EndMarkerRules::NextEpoch => {
            let is_sent_again = entry.transaction_first_offset().is_none() || producer_epoch == i16::MAX;
            producer_epoch > current_epoch || (producer_epoch == current_epoch && is_sent_again)
        }
        EndMarkerRules::SameEpoch | EndMarkerRules::Replication => producer_epoch >= current_epoch,
    }
}
