//! Compaction of a log, the rule alone: which records, markers and batches stay, and the bytes of those that do.
//!
//! Two passes over batches in offset order. The first puts the newest offset of each key of the part that is new
//! (dirty) into an [`OffsetMap`]; the second writes every batch of the log again through a [`BatchFilter`]. Offsets
//! never change. Kafka's Cleaner and MemoryRecords.filterTo.

mod filter;
mod key_pass;
mod offset_map;
mod rewrite;
mod transactions;

pub use self::{
    filter::{BatchFilter, Filtered, LastOfProducer, Round},
    key_pass::KeyPass,
    offset_map::{MapLimits, OffsetMap},
    transactions::AbortedRange,
};
use super::{
    BatchView, CorruptBatch, InvalidRecord,
    compression::{CompressError, DecompressError, Decompressor},
};
use crate::limits::DECOMPRESSED_BATCH_BYTES_MAX;

/// Why a batch cannot be compacted: the log stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactionError {
    #[error("{0}")]
    Batch(#[from] CorruptBatch),
    #[error("{0}")]
    Record(#[from] InvalidRecord),
    #[error("{0}")]
    Decompress(#[from] DecompressError),
    #[error("{0}")]
    Compress(#[from] CompressError),
}

/// The records of a batch, uncompressed, after its CRC was checked: damage must not get a fresh CRC.
fn section<'a>(
    batch: &BatchView<'a>,
    decompressor: &'a mut Decompressor,
) -> Result<&'a [u8], CompactionError> {
    batch.check()?;
    match batch.header().codec() {
        // Without records there is no compressed block either.
        Some(codec) if batch.header().records_count() > 0 => {
            Ok(decompressor.decompress(codec, batch.body(), DECOMPRESSED_BATCH_BYTES_MAX)?)
        }
        _ => Ok(&[]),
    }
}

#[cfg(test)]
mod tests;
