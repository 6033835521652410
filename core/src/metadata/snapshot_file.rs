//! A snapshot file, `<end offset>-<epoch>.checkpoint`: its batches, and reading them back.

use bytes::Bytes;

use super::{
    LogBatchError, VersionedRecord, build_metadata_batch,
    log_batch::{metadata_records, voters_of_control_batch},
};
use crate::{
    limits::METADATA_BATCH_RECORDS_MAX,
    protocol::{
        EncodeError, Message,
        records::{
            MetadataRecord,
            control::{KRaftVersionRecord, SnapshotFooterRecord, SnapshotHeaderRecord, VotersRecord},
        },
    },
    records::{
        BatchView, Frame, ValidatedBatch,
        control::{ControlType, build_control_batch, control_records},
    },
};

/// Data batches end once they are this large; 8 MiB is what readers allow.
const BATCH_BYTES_TARGET: usize = 1 << 20;

/// What frames the records of a snapshot.
#[derive(Clone, Debug)]
pub struct SnapshotFrame {
    /// The epoch of the last record that is in the snapshot.
    pub epoch: i32,
    /// The timestamp of that record.
    pub last_contained_log_timestamp_ms: i64,
    /// The voters, where `kraft.version` is 1.
    pub voters: Option<VotersRecord>,
    pub now_ms: i64,
}

/// A snapshot as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub last_contained_log_timestamp_ms: i64,
    pub voters: Option<VotersRecord>,
    pub records: Vec<MetadataRecord>,
}

/// A snapshot cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SnapshotError {
    #[error("it is cut off or damaged at byte {0}")]
    Damaged(usize),
    #[error("it does not begin with a snapshot header")]
    NoHeader,
    #[error("it does not end with a snapshot footer: it was never finished")]
    NoFooter,
    #[error("{0}")]
    Batch(#[from] LogBatchError),
}

/// The batches of a snapshot in order; their bytes one after the other are the file.
///
/// # Errors
/// A record with a field that its version cannot carry.
pub fn snapshot_batches(
    records: &[VersionedRecord],
    frame: &SnapshotFrame,
) -> Result<Vec<ValidatedBatch>, EncodeError> {
    let mut batches = vec![header_batch(frame)?];
    let mut rest = records;
    while !rest.is_empty() {
        let count = batch_count(rest)?;
        batches.push(build_metadata_batch(&rest[..count], frame.now_ms)?);
        rest = &rest[count..];
    }
    let footer = SnapshotFooterRecord { version: 0 }.to_bytes(0)?;
    batches.push(build_control_batch(&[(ControlType::SnapshotFooter, &footer)], frame.now_ms));
    let mut offset = 0;
    for batch in &mut batches {
        batch.assign(offset, frame.epoch);
        offset = batch.last_offset() + 1;
    }
    Ok(batches)
}

fn header_batch(frame: &SnapshotFrame) -> Result<ValidatedBatch, EncodeError> {
    let last_contained_log_timestamp = frame.last_contained_log_timestamp_ms;
    let header = SnapshotHeaderRecord { version: 0, last_contained_log_timestamp }.to_bytes(0)?;
    let mut records: Vec<(ControlType, Bytes)> = vec![(ControlType::SnapshotHeader, header)];
    if let Some(voters) = &frame.voters {
        let version = KRaftVersionRecord { version: 0, k_raft_version: 1 };
        records.push((ControlType::KRaftVersion, version.to_bytes(0)?));
        records.push((ControlType::KRaftVoters, voters.to_bytes(0)?));
    }
    let borrowed: Vec<(ControlType, &[u8])> =
        records.iter().map(|(control_type, value)| (*control_type, value.as_ref())).collect();
    Ok(build_control_batch(&borrowed, frame.now_ms))
}

/// How many of these records go into the next batch.
fn batch_count(records: &[VersionedRecord]) -> Result<usize, EncodeError> {
    let mut size_bytes = 0;
    for (index, record) in records.iter().take(METADATA_BATCH_RECORDS_MAX).enumerate() {
        size_bytes += record.encode_framed()?.len();
        if size_bytes >= BATCH_BYTES_TARGET {
            return Ok(index + 1);
        }
    }
    Ok(records.len().min(METADATA_BATCH_RECORDS_MAX))
}

/// Reads a snapshot file. Every CRC is checked.
///
/// # Errors
/// It is not whole, or holds what this release does not know.
pub fn read_snapshot(bytes: &[u8]) -> Result<Snapshot, SnapshotError> {
    let mut snapshot = Snapshot { last_contained_log_timestamp_ms: -1, voters: None, records: Vec::new() };
    let mut last_control = None;
    let mut position = 0;
    while position < bytes.len() {
        let Frame::Complete(batch) = BatchView::parse(&bytes[position..]) else {
            return Err(SnapshotError::Damaged(position));
        };
        batch.check().map_err(LogBatchError::from)?;
        last_control = None;
        if batch.header().is_control() {
            last_control = snapshot.take_control(&batch)?;
        } else {
            for record in metadata_records(&batch)? {
                snapshot.records.push(record?.1);
            }
        }
        if position == 0 && snapshot.last_contained_log_timestamp_ms < 0 {
            return Err(SnapshotError::NoHeader);
        }
        position += batch.size_bytes();
    }
    (last_control == Some(ControlType::SnapshotFooter)).then_some(snapshot).ok_or(SnapshotError::NoFooter)
}

impl Snapshot {
    /// Returns the type of the batch's last record.
    fn take_control(&mut self, batch: &BatchView<'_>) -> Result<Option<ControlType>, SnapshotError> {
        let mut last = None;
        for record in control_records(batch) {
            let record = record.map_err(LogBatchError::from)?;
            last = record.control_type;
            if record.control_type == Some(ControlType::SnapshotHeader) {
                let value = Bytes::copy_from_slice(record.value);
                let header = SnapshotHeaderRecord::from_bytes(&value, 0).map_err(|error| {
                    LogBatchError::Unknown { offset: batch.header().base_offset(), error }
                })?;
                self.last_contained_log_timestamp_ms = header.last_contained_log_timestamp;
            }
        }
        if let Some((_, voters)) = voters_of_control_batch(batch)?.pop() {
            self.voters = Some(voters);
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{metadata::METADATA_VERSION, protocol::records::metadata::FeatureLevelRecord};

    fn file(voters: Option<VotersRecord>, record_count: i16) -> Vec<u8> {
        let record = |feature_level| {
            VersionedRecord::new(FeatureLevelRecord { name: METADATA_VERSION.into(), feature_level }, 0)
        };
        let records: Vec<VersionedRecord> = (0..record_count).map(record).collect();
        let frame = SnapshotFrame { epoch: 3, last_contained_log_timestamp_ms: 7, voters, now_ms: 9 };
        let batches = snapshot_batches(&records, &frame).unwrap();
        batches.iter().flat_map(ValidatedBatch::to_vec).collect()
    }

    #[test]
    fn snapshots_come_back() {
        for (voters, record_count) in [(None, 0), (None, 3), (Some(VotersRecord::default()), 25_000)] {
            let snapshot = read_snapshot(&file(voters.clone(), record_count)).unwrap();
            assert_eq!(snapshot.last_contained_log_timestamp_ms, 7);
            assert_eq!((snapshot.voters, snapshot.records.len()), (voters, record_count as usize));
        }
    }

    #[test]
    fn an_unfinished_snapshot_is_refused_wherever_it_ends() {
        let whole = file(None, 3);
        for length in 0..whole.len() {
            assert!(read_snapshot(&whole[..length]).is_err(), "{length} bytes of {}", whole.len());
        }
        let mut flipped = whole.clone();
        flipped[100] ^= 1;
        assert!(matches!(read_snapshot(&flipped), Err(SnapshotError::Batch(LogBatchError::Corrupt(_)))));
    }
}
