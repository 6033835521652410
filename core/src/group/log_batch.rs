//! Group records in record batches: what the host writes to and reads from `__consumer_offsets`.

use bytes::Bytes;

use super::GroupRecord;
use crate::{
    limits::DECOMPRESSED_BATCH_BYTES_MAX,
    protocol::{
        DecodeError, EncodeError,
        records::{GroupKey, GroupValue},
    },
    records::{
        BatchBuilder, BatchView, Codec, ControlType, CorruptBatch, InvalidRecord, NewRecord, Record, Records,
        ValidatedBatch,
        compression::{CompressError, Compressor, DecompressError, Decompressor, Levels},
        control::control_records,
    },
};

/// A batch of `__consumer_offsets` cannot be read: its partition cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum GroupLogError {
    #[error("the batch is corrupt: {0}")]
    Corrupt(#[from] CorruptBatch),
    #[error("the batch cannot be decompressed: {0}")]
    Compressed(#[from] DecompressError),
    #[error("the batch is compressed with a codec that this release does not know")]
    Codec,
    #[error("a record of the batch cannot be read: {0}")]
    Record(#[from] InvalidRecord),
    #[error("the record at offset {offset} cannot be read: {error}")]
    Field { offset: i64, error: DecodeError },
}

/// Records of groups cannot be made into a batch.
#[derive(Debug, thiserror::Error)]
pub enum GroupEncodeError {
    #[error("a record has a field that its version cannot carry: {0}")]
    Field(#[from] EncodeError),
    #[error("a batch cannot be compressed: {0}")]
    Compress(#[from] CompressError),
}

/// Data batches with these records, in order, none above `max_bytes` but for a record that is larger by itself. With
/// each batch how many records are in it.
///
/// `max_bytes` is counted before compression.
///
/// # Errors
/// See [`GroupEncodeError`].
pub fn build_group_batches(
    records: &[GroupRecord],
    timestamp_ms: i64,
    max_bytes: usize,
    (codec, compressor): (Codec, &mut Compressor),
) -> Result<Vec<(ValidatedBatch, usize)>, GroupEncodeError> {
    let mut build = |builder: BatchBuilder| builder.build(codec, &Levels::default(), compressor);
    let mut batches = Vec::new();
    let mut builder = BatchBuilder::new();
    let mut count = 0;
    for record in records {
        let record = EncodedRecord::new(record)?;
        if count > 0 && builder.size_bytes() + record.size_bytes_at_most() > max_bytes {
            batches.push((build(std::mem::take(&mut builder))?, count));
            count = 0;
        }
        record.append_to(&mut builder, timestamp_ms);
        count += 1;
    }
    if count > 0 {
        batches.push((build(builder)?, count));
    }
    Ok(batches)
}

struct EncodedRecord {
    key: Bytes,
    value: Option<Bytes>,
}

impl EncodedRecord {
    /// Lengths, deltas, attributes and the count of headers of a record.
    const OVERHEAD_BYTES_MAX: usize = 32;

    fn new(record: &GroupRecord) -> Result<Self, EncodeError> {
        let value = record.value.as_ref().map(|value| value.encode(record.value_version)).transpose()?;
        Ok(Self { key: record.key.encode()?, value })
    }

    fn size_bytes_at_most(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Bytes::len) + Self::OVERHEAD_BYTES_MAX
    }

    fn append_to(&self, builder: &mut BatchBuilder, timestamp_ms: i64) {
        builder.append(&NewRecord {
            timestamp_ms,
            key: Some(&self.key),
            value: self.value.as_deref(),
            ..NewRecord::default()
        });
    }
}

/// Passes each record of a checked batch to `replay`. Records of a type that this release does not know are counted
/// and skipped, as Kafka does: a newer release may have written them.
///
/// # Errors
/// Anything that no broker can have written.
pub fn replay_group_batch(
    batch: &BatchView<'_>,
    decompressor: &mut Decompressor,
    mut replay: impl FnMut(GroupRecord),
) -> Result<usize, GroupLogError> {
    batch.check()?;
    let header = batch.header();
    let codec = header.codec().ok_or(GroupLogError::Codec)?;
    let section = match codec {
        Codec::None => batch.body(),
        codec => decompressor.decompress(codec, batch.body(), DECOMPRESSED_BATCH_BYTES_MAX)?,
    };
    let mut unknown_count = 0;
    for record in Records::new(section, header.records_count()) {
        let record = record?;
        let offset = header.base_offset() + i64::from(record.offset_delta);
        match decode(&record).map_err(|error| GroupLogError::Field { offset, error })? {
            Some(record) => replay(record),
            None => unknown_count += 1,
        }
    }
    Ok(unknown_count)
}

/// Passes each end of a transaction in a control batch to `replay`: true where it is committed. Other control records
/// say nothing to a coordinator.
///
/// # Errors
/// Anything that no broker can have written.
pub fn replay_group_markers(
    batch: &BatchView<'_>,
    mut replay: impl FnMut(bool),
) -> Result<(), GroupLogError> {
    batch.check()?;
    for record in control_records(batch) {
        match record?.control_type {
            Some(ControlType::Commit) => replay(true),
            Some(ControlType::Abort) => replay(false),
            _ => {}
        }
    }
    Ok(())
}

/// `None` for a record of an unknown type.
fn decode(record: &Record<'_>) -> Result<Option<GroupRecord>, DecodeError> {
    let key = Bytes::copy_from_slice(record.key.unwrap_or_default());
    let key = match GroupKey::decode(&key) {
        Err(DecodeError::Type { .. }) => return Ok(None),
        key => key?,
    };
    let Some(value) = record.value else { return Ok(Some(GroupRecord::tombstone(key))) };
    let value = Bytes::copy_from_slice(value);
    let version = value.first_chunk().map_or(0, |version| i16::from_be_bytes(*version));
    let value = GroupValue::decode(key.code(), &value)?;
    Ok(Some(GroupRecord::set(key, value, version)))
}
