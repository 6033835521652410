//! What a leader asks of the batch that a client produces to one partition, and what it changes in it.
//!
//! The order of the checks and their error codes are those of Kafka's ProduceRequest, UnifiedLog and
//! LogValidator; where Kafka answers UNKNOWN_SERVER_ERROR the answer here is INVALID_RECORD.

mod error;
mod rebuild;
mod walk;

use bytes::Bytes;

pub use self::error::{RecordError, RecordErrorReason, ValidationError};
use self::walk::{RecordRules, Walk};
use super::{
    BatchHeader, BatchView, Codec, Frame, HEADER_SIZE_BYTES, TimestampType, ValidatedBatch,
    batch_header::{NO_SEQUENCE, NO_TIMESTAMP},
    compression::{Compressor, Decompressor, Levels},
};
use crate::limits;

/// Produce requests below this version may not carry zstd.
const ZSTD_PRODUCE_VERSION_MIN: i16 = 7;

/// Compressing costs about so many times what inflating does.
const COMPRESSION_WORK: usize = 4;

/// What a topic's configuration says about its records.
#[derive(Clone, Debug)]
pub struct ValidationConfig {
    /// `max.message.bytes`: the largest batch, compressed.
    pub max_message_bytes: usize,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how far behind the broker's clock a timestamp may be.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how far ahead.
    pub timestamp_after_max_ms: i64,
    /// Whether `cleanup.policy` has `compact`: then every record needs a key.
    pub is_compacted: bool,
    /// `compression.type`; `None` is `producer`: batches keep their codec.
    pub codec: Option<Codec>,
    /// Levels for batches that are compressed here.
    pub levels: Levels,
    /// `max.decompressed.message.bytes`; `limits::DECOMPRESSED_BATCH_BYTES_MAX` holds, too.
    pub max_decompressed_bytes: usize,
}

impl Default for ValidationConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            max_message_bytes: 1_048_588,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
            is_compacted: false,
            codec: None,
            levels: Levels::default(),
            max_decompressed_bytes: 2_147_483_639,
        }
    }
}

/// How a batch came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The broker's clock.
    pub now_ms: i64,
    /// Version of the Produce request.
    pub produce_version: i16,
}

/// Validates produced batches one after the other; one per shard, for the memory of its codecs.
#[derive(Debug, Default)]
pub struct Validator {
    decompressor: Decompressor,
    compressor: Compressor,
    /// Since it was taken last.
    work_bytes: usize,
}

impl Validator {
    pub fn new() -> Self {
        Self::default()
    }

    /// What was inflated, looked through and compressed since the last call of this, in bytes: what validation costs.
    pub fn take_work_bytes(&mut self) -> usize {
        std::mem::take(&mut self.work_bytes)
    }

    /// Checks the records of one partition of a produce request. The result shares their memory unless the
    /// batch had to be compressed anew. An uncompressed batch for a CreateTime topic costs its CRC and one walk
    /// over its records, and allocates nothing.
    pub fn validate(
        &mut self,
        records: &Bytes,
        config: &ValidationConfig,
        arrival: Arrival,
    ) -> Result<ValidatedBatch, ValidationError> {
        let batch = only_batch(records, arrival.produce_version)?;
        let header = batch.header();
        check_size_and_crc(&batch, config)?;
        let codec = check_fields(header, config)?;
        let rules = RecordRules::new(header, config, arrival.now_ms);
        let limit_bytes = config.max_decompressed_bytes.min(limits::DECOMPRESSED_BATCH_BYTES_MAX);
        let section = self.decompressor.decompress(codec, batch.body(), limit_bytes).inspect_err(|_| {
            // It may have come as far as that.
            self.work_bytes = self.work_bytes.saturating_add(limit_bytes);
        })?;
        self.work_bytes = self.work_bytes.saturating_add(section.len());
        let walk = walk::walk(section, header, &rules)?;
        if codec != Codec::None && walk.size_bytes != section.len() {
            return Err(ValidationError::TrailingBytes(section.len() - walk.size_bytes));
        }

        let target = config.codec.unwrap_or(codec);
        if target == codec && (walk.is_sequential || codec == Codec::None) {
            let body = records.slice(HEADER_SIZE_BYTES..batch.size_bytes());
            return Ok(keep(header, body, &walk, config, arrival.now_ms));
        }
        let section = &section[..walk.size_bytes];
        self.work_bytes = self.work_bytes.saturating_add(section.len() * COMPRESSION_WORK);
        let body =
            rebuild::rebuild_body(&mut self.compressor, section, header, &walk, target, &config.levels)?;
        let mut header = *header;
        header.set_codec(target);
        header.set_size_bytes(HEADER_SIZE_BYTES + body.len());
        stamp(&mut header, &walk, config, arrival.now_ms);
        header.seal(&body);
        check_size(header.size_bytes(), config)?;
        Ok(ValidatedBatch::new(header, body.into(), walk.offset_delta_of_max_timestamp))
    }
}

/// The batch that a partition's records must be: one, of magic 2. A short tail behind it is cut off, as Java
/// does.
fn only_batch(records: &[u8], produce_version: i16) -> Result<BatchView<'_>, ValidationError> {
    if records.is_empty() {
        return Err(ValidationError::NoBatch);
    }
    let batch = match BatchView::parse(records) {
        Frame::Complete(batch) => batch,
        Frame::Short { size_bytes } => {
            return Err(ValidationError::Short { size_bytes, present_bytes: records.len() });
        }
        Frame::Corrupt(corrupt) => return Err(corrupt.into()),
    };
    if batch.header().codec() == Some(Codec::Zstd) && produce_version < ZSTD_PRODUCE_VERSION_MIN {
        return Err(ValidationError::ZstdTooEarly { produce_version });
    }
    match BatchView::parse(&records[batch.size_bytes()..]) {
        Frame::Complete(_) => Err(ValidationError::SeveralBatches),
        Frame::Corrupt(corrupt) => Err(corrupt.into()),
        Frame::Short { .. } => Ok(batch),
    }
}

fn check_size_and_crc(batch: &BatchView<'_>, config: &ValidationConfig) -> Result<(), ValidationError> {
    let base_offset = batch.header().base_offset();
    if base_offset != 0 {
        return Err(ValidationError::BaseOffset(base_offset));
    }
    check_size(batch.size_bytes(), config)?;
    Ok(batch.check_crc()?)
}

fn check_size(size_bytes: usize, config: &ValidationConfig) -> Result<(), ValidationError> {
    let max_message_bytes = config.max_message_bytes;
    if size_bytes > max_message_bytes {
        return Err(ValidationError::TooLarge { size_bytes, max_message_bytes });
    }
    Ok(())
}

/// The rules on single fields of the header; the codec is their by-product.
fn check_fields(header: &BatchHeader, config: &ValidationConfig) -> Result<Codec, ValidationError> {
    let (records_count, last_offset_delta) = (header.records_count(), header.last_offset_delta());
    if records_count <= 0 || i64::from(last_offset_delta) + 1 != i64::from(records_count) {
        return Err(ValidationError::Counts { records_count, last_offset_delta });
    }
    if header.is_control() {
        return Err(ValidationError::Control);
    }
    check_producer(header)?;
    let is_stamped = header.timestamp_type() == TimestampType::LogAppendTime;
    let must_not_be =
        config.timestamp_type == TimestampType::LogAppendTime || header.max_timestamp() == NO_TIMESTAMP;
    if is_stamped && must_not_be {
        return Err(ValidationError::LogAppendTime);
    }
    header.codec().ok_or(ValidationError::Codec((header.attributes() & 7) as u8))
}

fn check_producer(header: &BatchHeader) -> Result<(), ValidationError> {
    if !header.has_producer_id() {
        return if header.is_transactional() { Err(ValidationError::NoProducer) } else { Ok(()) };
    }
    if header.base_sequence() <= NO_SEQUENCE {
        return Err(ValidationError::NoSequence);
    }
    if header.producer_epoch() < 0 {
        return Err(ValidationError::ProducerEpoch(header.producer_epoch()));
    }
    Ok(())
}

/// The batch as it came; only a maximum timestamp that is not true, or the broker's own, changes its header.
fn keep(
    header: &BatchHeader,
    body: Bytes,
    walk: &Walk,
    config: &ValidationConfig,
    now_ms: i64,
) -> ValidatedBatch {
    let mut kept = *header;
    if stamp(&mut kept, walk, config, now_ms) {
        kept.seal(&body);
    }
    ValidatedBatch::new(kept, body, walk.offset_delta_of_max_timestamp)
}

/// Sets maximum timestamp and timestamp type; tells whether that changed anything.
fn stamp(header: &mut BatchHeader, walk: &Walk, config: &ValidationConfig, now_ms: i64) -> bool {
    let max_timestamp = match config.timestamp_type {
        TimestampType::CreateTime => walk.max_timestamp,
        TimestampType::LogAppendTime => now_ms,
    };
    let is_new = header.max_timestamp() != max_timestamp || header.timestamp_type() != config.timestamp_type;
    header.set_max_timestamp(max_timestamp);
    header.set_timestamp_type(config.timestamp_type);
    is_new
}

#[cfg(test)]
mod tests;
