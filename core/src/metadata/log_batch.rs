//! Metadata records in record batches: what the host writes to and reads from `__cluster_metadata-0`.

use bytes::Bytes;

use super::{Loader, ReplayError, VersionedRecord};
use crate::{
    protocol::{
        DecodeError, EncodeError, Message,
        records::{
            MetadataRecord,
            control::{LeaderChangeMessage, LeaderChangeMessageVoter, VotersRecord},
        },
    },
    records::{
        BatchBuilder, BatchView, Codec, CorruptBatch, InvalidRecord, NewRecord, Records, ValidatedBatch,
        control::{ControlType, build_control_batch, control_records},
    },
    uuid::Uuid,
};

/// A batch of the metadata log cannot be read. The log is the cluster's memory: the node stops.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LogBatchError {
    #[error("the batch is corrupt: {0}")]
    Corrupt(#[from] CorruptBatch),
    #[error("the batch is compressed, which metadata never is")]
    Compressed,
    #[error("a record of the batch cannot be read: {0}")]
    Record(#[from] InvalidRecord),
    #[error("the record at offset {offset} has no value")]
    NoValue { offset: i64 },
    #[error("the record at offset {offset} is of a kind or version that this release does not know: {error}")]
    Unknown { offset: i64, error: DecodeError },
    #[error("the record at offset {offset} does not fit the state before it: {error}")]
    Replay { offset: i64, error: ReplayError },
}

/// A data batch with these records. The host gives it its place with `assign(base_offset, epoch)`.
///
/// # Errors
/// A record with a field that its version cannot carry.
///
/// # Panics
/// Where there are no records.
pub fn build_metadata_batch(
    records: &[VersionedRecord],
    timestamp_ms: i64,
) -> Result<ValidatedBatch, EncodeError> {
    let mut builder = BatchBuilder::new();
    for record in records {
        let value = record.encode_framed()?;
        builder.append(&NewRecord { timestamp_ms, key: None, value: Some(&value), headers: &[] });
    }
    Ok(builder.build_uncompressed())
}

/// The first batch of a leader's epoch. `kraft_version` 0 names voters by id alone.
///
/// # Errors
/// None where the ids are those of a voter set.
pub fn build_leader_change_batch(
    kraft_version: i16,
    leader_id: i32,
    voters: &[(i32, Uuid)],
    granting_voters: &[(i32, Uuid)],
    timestamp_ms: i64,
) -> Result<ValidatedBatch, EncodeError> {
    let version = i16::from(kraft_version > 0);
    let voter = |(voter_id, directory_id): &(i32, Uuid)| LeaderChangeMessageVoter {
        voter_id: *voter_id,
        voter_directory_id: if version > 0 { *directory_id } else { Uuid::ZERO },
    };
    let message = LeaderChangeMessage {
        version,
        leader_id,
        voters: voters.iter().map(voter).collect(),
        granting_voters: granting_voters.iter().map(voter).collect(),
    };
    let value = message.to_bytes(version)?;
    Ok(build_control_batch(&[(ControlType::LeaderChange, &value)], timestamp_ms))
}

/// The records of a data batch with their offsets. The caller has checked the batch.
pub(super) fn metadata_records<'a>(
    batch: &BatchView<'a>,
) -> Result<impl Iterator<Item = Result<(i64, MetadataRecord), LogBatchError>> + use<'a>, LogBatchError> {
    let header = batch.header();
    if header.codec() != Some(Codec::None) {
        return Err(LogBatchError::Compressed);
    }
    let records = Records::new(batch.body(), header.records_count());
    let base_offset = header.base_offset();
    Ok(records.map(move |record| {
        let record = record?;
        let offset = base_offset + i64::from(record.offset_delta);
        let value = Bytes::copy_from_slice(record.value.ok_or(LogBatchError::NoValue { offset })?);
        let (record, _) = MetadataRecord::decode_framed(&value)
            .map_err(|error| LogBatchError::Unknown { offset, error })?;
        Ok((offset, record))
    }))
}

/// The voter sets that a control batch of the log brings, by offset, for the raft layer.
pub fn voters_of_control_batch(batch: &BatchView<'_>) -> Result<Vec<(i64, VotersRecord)>, LogBatchError> {
    let mut voters = Vec::new();
    for (offset, record) in (batch.header().base_offset()..).zip(control_records(batch)) {
        let record = record?;
        if record.control_type == Some(ControlType::KRaftVoters) {
            let value = Bytes::copy_from_slice(record.value);
            let decoded = VotersRecord::from_bytes(&value, 0)
                .map_err(|error| LogBatchError::Unknown { offset, error })?;
            voters.push((offset, decoded));
        }
    }
    Ok(voters)
}

impl Loader {
    /// Applies a whole batch of the log: metadata records, or a control batch, of which only the place counts here.
    ///
    /// # Errors
    /// Anything that this release cannot have written: stop the node.
    pub fn replay_batch(&mut self, batch: &BatchView<'_>) -> Result<(), LogBatchError> {
        batch.check()?;
        let header = batch.header();
        let epoch = header.partition_leader_epoch();
        if header.is_control() {
            self.skip(header.last_offset(), epoch);
            return Ok(());
        }
        for record in metadata_records(batch)? {
            let (offset, record) = record?;
            self.replay(offset, epoch, &record).map_err(|error| LogBatchError::Replay { offset, error })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Frame;

    fn hex(text: &str) -> Vec<u8> {
        let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
        text.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    /// Offset 0 of a fresh Kafka 4.4.0 with one voter.
    #[test]
    fn a_leader_change_is_byte_for_byte_kafkas() {
        let expected = hex(
            "0000000000000000 0000004f 00000001 020431dcc2 0020 00000000 000001a20d042875 000001a20d042875
             ffffffffffffffff ffff ffffffff 00000001 3a00000008000000022600000000000102000000010002000000010000 00",
        );
        let voters = [(1, Uuid([1; 16]))];
        let mut batch = build_leader_change_batch(0, 1, &voters, &voters, 0x01a2_0d04_2875).unwrap();
        batch.assign(0, 1);
        assert_eq!(batch.to_vec(), expected);
    }

    #[test]
    fn what_is_not_known_stops_the_load() {
        let mut batch = BatchBuilder::new();
        batch.append(&NewRecord { value: Some(&[1, 99, 0, 0]), ..Default::default() });
        let bytes = batch.build_uncompressed().to_vec();
        let Frame::Complete(view) = BatchView::parse(&bytes) else { panic!() };
        assert!(matches!(Loader::new().replay_batch(&view), Err(LogBatchError::Unknown { offset: 0, .. })));
    }
}
