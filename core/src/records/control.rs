//! Control batches: transaction markers in data partitions, and the records of the KRaft log itself.
//! The values are messages of their own schema; here they are opaque.

use super::{
    BatchBuilder, BatchView, InvalidRecord, NewRecord, Records, ValidatedBatch, batch_header::NO_SEQUENCE,
};

/// The version of a control record's key.
const KEY_VERSION: i16 = 0;
const KEY_SIZE_BYTES: usize = 4;

/// What a control record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum ControlType {
    Abort = 0,
    Commit = 1,
    LeaderChange = 2,
    SnapshotHeader = 3,
    SnapshotFooter = 4,
    KRaftVersion = 5,
    KRaftVoters = 6,
}

impl ControlType {
    const ALL: [Self; 7] = [
        Self::Abort,
        Self::Commit,
        Self::LeaderChange,
        Self::SnapshotHeader,
        Self::SnapshotFooter,
        Self::KRaftVersion,
        Self::KRaftVoters,
    ];

    /// The key of such a record.
    pub fn key(self) -> [u8; KEY_SIZE_BYTES] {
        let ([a, b], [c, d]) = (KEY_VERSION.to_be_bytes(), (self as i16).to_be_bytes());
        [a, b, c, d]
    }

    /// The type that a key names; `None` for a type or a key that is not known, which readers skip. Keys of a
    /// later version begin like this one.
    pub fn of_key(key: &[u8]) -> Option<Self> {
        let [a, b, c, d] = *key.first_chunk::<KEY_SIZE_BYTES>()?;
        if i16::from_be_bytes([a, b]) < KEY_VERSION {
            return None;
        }
        Self::ALL.get(usize::try_from(i16::from_be_bytes([c, d])).ok()?).copied()
    }

    /// Whether it ends a transaction.
    pub fn is_end_of_transaction(self) -> bool {
        matches!(self, Self::Abort | Self::Commit)
    }
}

/// A control record of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlRecord<'a> {
    /// `None`: of a later Kafka, to be skipped.
    pub control_type: Option<ControlType>,
    /// A message of the type's schema.
    pub value: &'a [u8],
}

/// A control batch of the KRaft log with these records, in order. Data partitions have one record a batch;
/// a snapshot's first batch has up to three.
///
/// # Panics
/// Where there are no records.
pub fn build_control_batch(records: &[(ControlType, &[u8])], timestamp_ms: i64) -> ValidatedBatch {
    build(BatchBuilder::new().control(), records, timestamp_ms)
}

/// The marker that ends a transaction of a producer in a data partition.
///
/// # Panics
/// Where the type does not end a transaction.
pub fn build_end_transaction_marker(
    control_type: ControlType,
    value: &[u8],
    producer_id: i64,
    producer_epoch: i16,
    timestamp_ms: i64,
) -> ValidatedBatch {
    assert!(control_type.is_end_of_transaction(), "{control_type:?} does not end a transaction");
    let builder =
        BatchBuilder::new().control().transactional().producer(producer_id, producer_epoch, NO_SEQUENCE);
    build(builder, &[(control_type, value)], timestamp_ms)
}

fn build(mut builder: BatchBuilder, records: &[(ControlType, &[u8])], timestamp_ms: i64) -> ValidatedBatch {
    for (control_type, value) in records {
        let key = control_type.key();
        builder.append(&NewRecord { timestamp_ms, key: Some(&key), value: Some(value), headers: &[] });
    }
    builder.build_uncompressed()
}

/// The records of a control batch, which is never compressed.
pub fn control_records<'a>(
    batch: &BatchView<'a>,
) -> impl Iterator<Item = Result<ControlRecord<'a>, InvalidRecord>> + use<'a> {
    Records::new(batch.body(), batch.header().records_count()).map(|record| {
        let record = record?;
        Ok(ControlRecord {
            control_type: ControlType::of_key(record.key.unwrap_or_default()),
            value: record.value.unwrap_or_default(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Frame;

    #[test]
    fn every_type_is_read_back() {
        for control_type in ControlType::ALL {
            let batch = build_control_batch(&[(control_type, b"value")], 5).to_vec();
            let Frame::Complete(view) = BatchView::parse(&batch) else { panic!() };
            assert!(view.header().is_control() && !view.header().is_transactional());
            let records: Vec<_> = control_records(&view).map(Result::unwrap).collect();
            assert_eq!(records, [ControlRecord { control_type: Some(control_type), value: b"value" }]);
        }
    }

    #[test]
    fn unknown_keys_are_skipped_not_refused() {
        assert_eq!(ControlType::of_key(&[0, 0, 0, 7]), None);
        assert_eq!(ControlType::of_key(&[0, 0, 0xff, 0xff]), None);
        assert_eq!(ControlType::of_key(&[0xff, 0xff, 0, 0]), None);
        assert_eq!(ControlType::of_key(&[0, 0, 0]), None);
        assert_eq!(ControlType::of_key(&[0, 1, 0, 1, 9]), Some(ControlType::Commit));
    }

    #[test]
    fn a_marker_carries_its_producer_and_no_sequence() {
        let marker = build_end_transaction_marker(ControlType::Abort, &[0, 0, 0, 0, 0, 3], 77, 4, 5);
        let header = marker.header();
        assert!(header.is_control() && header.is_transactional());
        assert_eq!((header.producer_id(), header.producer_epoch(), header.base_sequence()), (77, 4, -1));
        assert_eq!(header.last_sequence(), -1);
    }
}
