//! Why a produced batch is refused, as an error code, a sentence, and the records that are at fault.

use crate::{
    error_code::ErrorCode,
    records::{
        CorruptBatch, InvalidRecord,
        compression::{CompressError, DecompressError},
    },
};

/// A refused batch: nothing of it is appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidationError {
    #[error("the partition has no record batch")]
    NoBatch,
    #[error("the record batch is cut: {present_bytes} bytes are there, it has at least {size_bytes}")]
    Short { size_bytes: usize, present_bytes: usize },
    #[error("the record batch is corrupt: {0}")]
    Corrupt(#[from] CorruptBatch),
    #[error("the partition has more than one record batch; send one a partition and request")]
    SeveralBatches,
    #[error("zstd is not allowed in Produce version {produce_version}; it needs 7")]
    ZstdTooEarly { produce_version: i16 },
    #[error("the base offset of a produced batch must be 0, not {0}")]
    BaseOffset(i64),
    #[error(
        "the record batch has {size_bytes} bytes, more than the topic's max.message.bytes of {max_message_bytes}"
    )]
    TooLarge { size_bytes: usize, max_message_bytes: usize },
    #[error("record count {records_count} and last offset delta {last_offset_delta} do not fit together")]
    Counts { records_count: i32, last_offset_delta: i32 },
    #[error("clients may not write control batches")]
    Control,
    #[error("a transactional batch needs a producer id")]
    NoProducer,
    #[error("a batch with a producer id needs a sequence")]
    NoSequence,
    #[error("producer epoch {0} is not valid")]
    ProducerEpoch(i16),
    #[error("a produced batch may not carry the timestamp type LogAppendTime")]
    LogAppendTime,
    #[error("compression codec {0} is not defined")]
    Codec(u8),
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    #[error(transparent)]
    Compress(#[from] CompressError),
    #[error(transparent)]
    Record(#[from] InvalidRecord),
    #[error("{0} bytes follow the last record of a compressed batch")]
    TrailingBytes(usize),
    #[error("{} of the batch's records are refused, the first, at index {}, because {}",
        .0.len(), .0[0].batch_index, .0[0].reason)]
    Records(Vec<RecordError>),
}

impl ValidationError {
    /// The partition's error code in the Produce response.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Corrupt(CorruptBatch::LegacyMagic(_)) => ErrorCode::InvalidRecord,
            Self::Corrupt(_) => ErrorCode::CorruptMessage,
            Self::ZstdTooEarly { .. } => ErrorCode::UnsupportedCompressionType,
            Self::TooLarge { .. } | Self::Decompress(DecompressError::TooLarge { .. }) => {
                ErrorCode::MessageTooLarge
            }
            Self::ProducerEpoch(_) => ErrorCode::InvalidProducerEpoch,
            Self::LogAppendTime => ErrorCode::InvalidTimestamp,
            Self::Compress(_) => ErrorCode::UnknownServerError,
            Self::Records(errors) if errors.iter().any(|error| error.reason.is_timestamp()) => {
                ErrorCode::InvalidTimestamp
            }
            Self::NoBatch
            | Self::Short { .. }
            | Self::SeveralBatches
            | Self::BaseOffset(_)
            | Self::Counts { .. }
            | Self::Control
            | Self::NoProducer
            | Self::NoSequence
            | Self::Codec(_)
            | Self::Decompress(DecompressError::Malformed { .. })
            | Self::Record(_)
            | Self::TrailingBytes(_)
            | Self::Records(_) => ErrorCode::InvalidRecord,
        }
    }

    /// RecordErrors of the Produce response (KIP-467).
    pub fn record_errors(&self) -> &[RecordError] {
        match self {
            Self::Records(errors) => errors,
            _ => &[],
        }
    }
}

/// One record at fault; at most `limits::RECORD_ERRORS_MAX` are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RecordError {
    /// The record's place in the batch, from 0.
    pub batch_index: i32,
    pub reason: RecordErrorReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordErrorReason {
    #[error("a record of a compacted topic needs a key")]
    NoKey,
    #[error(
        "its timestamp {timestamp_ms} is more than message.timestamp.before.max.ms behind the broker's clock"
    )]
    TooOld { timestamp_ms: i64 },
    #[error(
        "its timestamp {timestamp_ms} is more than message.timestamp.after.max.ms ahead of the broker's clock"
    )]
    TooNew { timestamp_ms: i64 },
}

impl RecordErrorReason {
    fn is_timestamp(self) -> bool {
        !matches!(self, Self::NoKey)
    }
}
