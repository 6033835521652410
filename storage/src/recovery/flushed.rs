//! Flushed segments at each start: not read whole, but looked at where they end. An index that is not theirs is made anew;
//! a segment that is missing, and a leader epoch checkpoint of another partition, are damage.

use std::path::Path;

use jackdaw_core::records::BatchHeader;

use super::RecoveryInputs;
use crate::{
    error::{Result, StorageError},
    layout::{self, FileKind, FileName, FileState},
    leader_epochs::LeaderEpochs,
    segment::{DAMAGE_ADVICE, OpenedSegment, Segment},
};

const MISSING_ADVICE: &str = "A segment's files were removed, or never copied. Put them back from a replica or a backup; or, to \
     go on without these records, write a line for the partition with offset 0 into cleaner-offset-checkpoint, which says that \
     gaps are compaction's, and start again";

const ORPHAN_ADVICE: &str = "Put the .log file back from a replica or a backup; or, to go on without its records, remove the \
     index and start again";

const EPOCHS_ADVICE: &str = "The file is of another partition, or an old one. Put the right one back from a backup; or have it \
     made anew from the records: remove it, the partition's line in recovery-point-offset-checkpoint, and .kafka_cleanshutdown, \
     and start again";

/// Indexes of a directory that was stopped cleanly whose segment is gone: neither deletion nor compaction leaves that.
pub(super) fn require_logs(dir: &Path, files: &[FileName], inputs: &RecoveryInputs) -> Result<()> {
    if !inputs.is_clean {
        return Ok(());
    }
    let has_log = |offset: i64| files.iter().any(|name| name.kind == FileKind::Log && name.offset == offset);
    let from = inputs.log_start_offset.unwrap_or(0);
    let orphan = files.iter().find(|name| {
        matches!(name.kind, FileKind::OffsetIndex | FileKind::TimeIndex | FileKind::TransactionIndex)
            && name.state == FileState::Live
            && (from..inputs.recovery_point).contains(&name.offset)
            && !has_log(name.offset)
    });
    let Some(orphan) = orphan else { return Ok(()) };
    Err(StorageError::Corrupt {
        path: FileKind::Log.path(dir, orphan.offset),
        position: 0,
        reason: format!("the segment is missing, though it has an index, {}", orphan.path(dir).display()),
        advice: ORPHAN_ADVICE,
    })
}

/// What is known of a segment's end.
struct End {
    last: BatchHeader,
    /// Whether the indexes are this segment's.
    is_indexed: bool,
}

/// Look at the ends of the segments before `first_checked`; indexes that do not fit are to be made anew.
///
/// # Errors
/// `Corrupt` where records are missing between two of them, or the leader epochs are not theirs.
pub(super) fn check_ends(
    dir: &Path,
    opened: &mut [OpenedSegment],
    first_checked: usize,
    has_gaps: bool,
    log_start_offset: i64,
    epochs: &LeaderEpochs,
) -> Result<()> {
    for index in 0..first_checked {
        let next_base = opened.get(index + 1).map(|next| next.segment.base_offset());
        let found = &mut opened[index];
        if found.segment.size_bytes() == 0 || !found.has_position_indexes {
            continue;
        }
        let Some(end) = end_of(&found.segment)? else {
            // The log does not end with a batch where the index says so: that shows when the index is made anew.
            found.has_position_indexes = false;
            continue;
        };
        if !end.is_indexed {
            tracing::warn!(
                path = %found.segment.path().display(),
                "the segment's indexes are not its own; they are made anew"
            );
            found.has_position_indexes = false;
        }
        check_epoch(dir, &found.segment, &end.last, epochs)?;
        let end_offset = end.last.last_offset() + 1;
        let Some(next_base) = next_base else { continue };
        if end_offset > next_base {
            return Err(StorageError::Corrupt {
                path: found.segment.path(),
                position: 0,
                reason: format!("it ends at offset {end_offset}, but the next segment begins at {next_base}"),
                advice: DAMAGE_ADVICE,
            });
        }
        if end_offset < next_base && end_offset >= log_start_offset && !has_gaps {
            return Err(missing(dir, end_offset, next_base));
        }
    }
    Ok(())
}

/// The records between two flushed segments are gone.
pub(super) fn missing(dir: &Path, from: i64, to: i64) -> StorageError {
    StorageError::Corrupt {
        path: FileKind::Log.path(dir, from),
        position: 0,
        reason: format!("the records from offset {from} to {} are missing: no segment has them", to - 1),
        advice: MISSING_ADVICE,
    }
}

/// The last batch of a segment, found by its index; `None` where the index leads nowhere.
fn end_of(segment: &Segment) -> Result<Option<End>> {
    let entry = segment.offset_index.last();
    let mut position = entry.map_or(0, |entry| entry.position);
    let mut last = None;
    let mut is_indexed = true;
    while position < segment.size_bytes() {
        let Some(header) = segment.header_at(position)? else { return Ok(None) };
        if let Some(entry) = entry.filter(|entry| entry.position == position) {
            is_indexed &= header.last_offset() == entry.offset;
        }
        position += header.size_bytes() as u32;
        last = Some(header);
    }
    let Some(last) = last else { return Ok(None) };
    if last.base_offset() < segment.base_offset() {
        return Err(StorageError::Corrupt {
            path: segment.path(),
            position: 0,
            reason: format!(
                "it holds offset {}, below where it begins: it is another segment's",
                last.base_offset()
            ),
            advice: DAMAGE_ADVICE,
        });
    }
    let timed = segment.time_index.last();
    is_indexed &= (segment.base_offset()..=last.last_offset()).contains(&timed.offset);
    Ok(Some(End { last, is_indexed }))
}

fn check_epoch(dir: &Path, segment: &Segment, last: &BatchHeader, epochs: &LeaderEpochs) -> Result<()> {
    match epochs.epoch_at(last.base_offset()) {
        Some(known) if last.partition_leader_epoch() >= 0 && known != last.partition_leader_epoch() => {
            Err(wrong_epoch(dir, known, last, &segment.path()))
        }
        _ => Ok(()),
    }
}

/// The checkpoint says another epoch of a batch than the batch itself.
pub(super) fn wrong_epoch(dir: &Path, known: i32, batch: &BatchHeader, segment: &Path) -> StorageError {
    StorageError::Corrupt {
        path: dir.join(layout::LEADER_EPOCHS),
        position: 0,
        reason: format!(
            "it says epoch {known} of offset {}, but the batch in {} has epoch {}",
            batch.base_offset(),
            segment.display(),
            batch.partition_leader_epoch()
        ),
        advice: EPOCHS_ADVICE,
    }
}
