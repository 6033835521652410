//! One producer's state: its epoch, its last five batches, its open transaction.

use super::{BatchInfo, EndMarker, ProducerError, SnapshotEntry};
use crate::{
    limits::PRODUCER_BATCHES_REMEMBERED,
    records::batch_header::{NO_SEQUENCE, add_to_sequence},
};

/// A coordinator epoch that is not known.
pub(super) const NO_COORDINATOR_EPOCH: i32 = -1;

/// One batch that a producer wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchMetadata {
    pub last_sequence: i32,
    pub last_offset: i64,
    /// Last offset minus first offset.
    pub offset_delta: i32,
    /// The largest timestamp of its records, or when it was appended to a LogAppendTime topic, in ms.
    pub timestamp_ms: i64,
}

impl BatchMetadata {
    pub fn base_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }

    pub fn first_sequence(&self) -> i32 {
        // Going back by n is going on by 2^31 - n.
        if self.offset_delta == 0 {
            self.last_sequence
        } else {
            add_to_sequence(self.last_sequence, (i32::MAX - self.offset_delta).wrapping_add(1))
        }
    }
}

/// What noting a batch did to its producer's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    Plain,
    BeginsTransaction,
}

/// The state of one producer id in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerEntry {
    producer_epoch: i16,
    coordinator_epoch: i32,
    last_timestamp: i64,
    transaction_first_offset: Option<i64>,
    /// The last batches, oldest first; `batches_count` of them are set.
    batches: [BatchMetadata; PRODUCER_BATCHES_REMEMBERED],
    batches_count: u8,
}

impl ProducerEntry {
    pub(super) fn new(producer_epoch: i16) -> Self {
        Self {
            producer_epoch,
            coordinator_epoch: NO_COORDINATOR_EPOCH,
            last_timestamp: -1,
            transaction_first_offset: None,
            batches: [BatchMetadata::default(); PRODUCER_BATCHES_REMEMBERED],
            batches_count: 0,
        }
    }

    pub(super) fn from_snapshot(snapshot: &SnapshotEntry) -> Self {
        let mut entry = Self::new(snapshot.producer_epoch);
        entry.coordinator_epoch = snapshot.coordinator_epoch;
        entry.last_timestamp = snapshot.timestamp_ms;
        entry.transaction_first_offset = snapshot.transaction_first_offset;
        if snapshot.last_offset >= 0 {
            entry.push(BatchMetadata {
                last_sequence: snapshot.last_sequence,
                last_offset: snapshot.last_offset,
                offset_delta: snapshot.offset_delta,
                timestamp_ms: snapshot.timestamp_ms,
            });
        }
        entry
    }

    pub(super) fn to_snapshot(&self, producer_id: i64) -> SnapshotEntry {
        let last = self.batches().last();
        SnapshotEntry {
            producer_id,
            producer_epoch: self.producer_epoch,
            last_sequence: last.map_or(NO_SEQUENCE, |batch| batch.last_sequence),
            last_offset: last.map_or(-1, |batch| batch.last_offset),
            offset_delta: last.map_or(0, |batch| batch.offset_delta),
            timestamp_ms: self.last_timestamp,
            coordinator_epoch: self.coordinator_epoch,
            transaction_first_offset: self.transaction_first_offset,
        }
    }

    pub fn producer_epoch(&self) -> i16 {
        self.producer_epoch
    }

    /// Epoch of the transaction coordinator that wrote the last marker; -1 before the first.
    pub fn coordinator_epoch(&self) -> i32 {
        self.coordinator_epoch
    }

    /// Of the last batch or marker, in ms.
    pub fn last_timestamp(&self) -> i64 {
        self.last_timestamp
    }

    /// The first offset of its transaction that is open here.
    pub fn transaction_first_offset(&self) -> Option<i64> {
        self.transaction_first_offset
    }

    /// The last batches, oldest first.
    pub fn batches(&self) -> &[BatchMetadata] {
        &self.batches[..usize::from(self.batches_count)]
    }

    /// Sequence of the last record; -1 where no batch of this epoch is known.
    pub fn last_sequence(&self) -> i32 {
        self.batches().last().map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    pub(super) fn is_expired(&self, now_ms: i64, expiration_ms: i64) -> bool {
        self.transaction_first_offset.is_none() && now_ms.saturating_sub(self.last_timestamp) >= expiration_ms
    }

    /// The remembered batch that this one repeats.
    pub(super) fn duplicate(&self, batch: &BatchInfo) -> Option<&BatchMetadata> {
        if batch.producer_epoch != self.producer_epoch {
            return None;
        }
        self.batches().iter().find(|known| {
            known.last_sequence == batch.last_sequence && known.first_sequence() == batch.first_sequence
        })
    }

    pub(super) fn check_epoch(&self, batch: &BatchInfo) -> Result<(), ProducerError> {
        if batch.producer_epoch < self.producer_epoch {
            return Err(ProducerError::OldEpoch {
                producer_id: batch.producer_id,
                producer_epoch: batch.producer_epoch,
                current_epoch: self.producer_epoch,
            });
        }
        Ok(())
    }

    /// A new epoch begins at 0; within an epoch sequences have no gaps. 0 follows 2^31-1.
    pub(super) fn check_sequence(&self, batch: &BatchInfo) -> Result<(), ProducerError> {
        let expected = match batch.producer_epoch > self.producer_epoch {
            true => 0,
            false => add_to_sequence(self.last_sequence(), 1),
        };
        if batch.first_sequence != expected {
            return Err(ProducerError::OutOfOrder {
                producer_id: batch.producer_id,
                first_sequence: batch.first_sequence,
                expected,
            });
        }
        Ok(())
    }

    /// Takes note of an appended batch.
    pub(super) fn place(&mut self, batch: &BatchInfo) -> Placement {
        self.change_epoch(batch.producer_epoch);
        self.push(BatchMetadata {
            last_sequence: batch.last_sequence,
            last_offset: batch.last_offset,
            // A batch spans at most 2^31 offsets: its last offset delta is an i32.
            offset_delta: (batch.last_offset - batch.first_offset) as i32,
            timestamp_ms: batch.max_timestamp,
        });
        self.last_timestamp = batch.max_timestamp;
        if batch.is_transactional && self.transaction_first_offset.is_none() {
            self.transaction_first_offset = Some(batch.first_offset);
            return Placement::BeginsTransaction;
        }
        Placement::Plain
    }

    /// Takes note of a transaction's marker; the first offset of the transaction that it ends here.
    pub(super) fn end_transaction(&mut self, marker: &EndMarker) -> Option<i64> {
        self.change_epoch(marker.producer_epoch);
        self.coordinator_epoch = marker.coordinator_epoch;
        self.last_timestamp = marker.timestamp_ms;
        self.transaction_first_offset.take()
    }

    fn change_epoch(&mut self, producer_epoch: i16) {
        if producer_epoch != self.producer_epoch {
            self.producer_epoch = producer_epoch;
            self.batches_count = 0;
        }
    }

    fn push(&mut self, batch: BatchMetadata) {
        if usize::from(self.batches_count) == PRODUCER_BATCHES_REMEMBERED {
            self.batches.rotate_left(1);
            self.batches[PRODUCER_BATCHES_REMEMBERED - 1] = batch;
        } else {
            self.batches[usize::from(self.batches_count)] = batch;
            self.batches_count += 1;
        }
    }
}
