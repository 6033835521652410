//! Files of a stopped directory, read one at a time and changed by nothing: what `storage check` and `storage dump` look
//! through.

mod segment_reader;

use std::path::Path;

use jackdaw_core::{
    limits,
    producer_state::{SnapshotEntry, decode_snapshot},
};
use jackdaw_ring::file;

pub use self::segment_reader::{SegmentItem, SegmentReader};
use crate::{
    atomic_file::read_text,
    checkpoint,
    error::{During, Result, StorageError},
    leader_epochs::{EpochStart, parse},
    offset_index, time_index,
    transaction_index::{self, AbortedTransaction},
};
pub use crate::{offset_index::OffsetPosition, time_index::TimestampOffset};

/// The entries of an index, and what is left behind the last whole one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexEntries<T> {
    pub entries: Vec<T>,
    pub rest_bytes: usize,
}

/// The entries of an `.index` file.
///
/// # Errors
/// `Io`, also for a file past what an index may have.
pub fn offset_index(path: &Path, base_offset: i64) -> Result<IndexEntries<OffsetPosition>> {
    let bytes = whole(path, limits::POSITION_INDEX_SIZE_MAX_BYTES)?;
    let (entries, rest) = bytes.as_chunks::<{ offset_index::ENTRY_SIZE_BYTES }>();
    let entries = entries.iter().map(|entry| offset_index::decode(base_offset, entry)).collect();
    Ok(IndexEntries { entries, rest_bytes: rest.len() })
}

/// The entries of a `.timeindex` file.
///
/// # Errors
/// As [`offset_index()`].
pub fn time_index(path: &Path, base_offset: i64) -> Result<IndexEntries<TimestampOffset>> {
    let bytes = whole(path, limits::POSITION_INDEX_SIZE_MAX_BYTES)?;
    let (entries, rest) = bytes.as_chunks::<{ time_index::ENTRY_SIZE_BYTES }>();
    let entries = entries.iter().map(|entry| time_index::decode(base_offset, entry)).collect();
    Ok(IndexEntries { entries, rest_bytes: rest.len() })
}

/// The entries of a `.txnindex` file; `None` for one of a version that is not known.
///
/// # Errors
/// As [`offset_index()`].
pub fn transaction_index(path: &Path) -> Result<IndexEntries<Option<AbortedTransaction>>> {
    let bytes = whole(path, limits::TRANSACTION_INDEX_SIZE_MAX_BYTES)?;
    let (entries, rest) = bytes.as_chunks::<{ transaction_index::ENTRY_SIZE_BYTES }>();
    let entries = entries.iter().map(AbortedTransaction::decode).collect();
    Ok(IndexEntries { entries, rest_bytes: rest.len() })
}

/// The producers of a `.snapshot` file.
///
/// # Errors
/// `Layout` where it must not be used.
pub fn producer_snapshot(path: &Path) -> Result<Vec<SnapshotEntry>> {
    let bytes = whole(path, limits::PRODUCER_SNAPSHOT_SIZE_MAX_BYTES)?;
    decode_snapshot(&bytes).map_err(|reason| StorageError::layout(path, reason.to_string()))
}

/// The lines of a `leader-epoch-checkpoint` as they stand; none where the file is absent.
///
/// # Errors
/// `Layout` where the text is malformed.
pub fn leader_epochs(path: &Path) -> Result<Vec<EpochStart>> {
    let Some(text) = read_text(path, limits::CHECKPOINT_SIZE_MAX_BYTES)? else { return Ok(Vec::new()) };
    let lines = checkpoint::entries(path, &text)?;
    lines
        .into_iter()
        .map(|line| parse(line).ok_or_else(|| checkpoint::malformed(path, "an entry", line)))
        .collect()
}

/// A small text file, whatever is in it; `None` where it is absent.
///
/// # Errors
/// `Io`.
pub fn text(path: &Path) -> Result<Option<String>> {
    read_text(path, limits::CHECKPOINT_SIZE_MAX_BYTES)
}

fn whole(path: &Path, limit_bytes: usize) -> Result<Vec<u8>> {
    file::read_all(path, limit_bytes).during("read", path)
}
