//! Checking segments: which ones, batch by batch, and where the log really ends.

use std::path::Path;

use jackdaw_core::{
    producer_state::Producers,
    records::{BatchView, CorruptBatch},
};
use jackdaw_ring::file;

use super::{RecoveryInputs, RecoveryProgress, RecoveryReport, flushed, producers_at};
use crate::{
    batch_scan::{BadBatch, BatchScan, Scanned},
    config::LogConfig,
    error::{During, Result, StorageError},
    layout::FileKind,
    leader_epochs::LeaderEpochs,
    producer_snapshots::ProducerSnapshots,
    segment::{DAMAGE_ADVICE, OpenedSegment, Segment},
    transaction_index::AbortedTransaction,
};

/// Where the formats before magic 2 have the size of what follows, and the length of the first message's key.
const MESSAGE_SIZE: u64 = 8;
const MESSAGE_V0_KEY_LENGTH: u64 = 18;
const MESSAGE_V1_KEY_LENGTH: u64 = 26;

/// What checking needs.
pub(super) struct Check<'a> {
    pub(super) dir: &'a Path,
    pub(super) progress: &'a RecoveryProgress,
    pub(super) config: &'a LogConfig,
    pub(super) inputs: RecoveryInputs,
    pub(super) log_start_offset: i64,
    pub(super) now_ms: i64,
    pub(super) epochs: LeaderEpochs,
    pub(super) snapshots: ProducerSnapshots,
}

impl Check<'_> {
    /// Gaps between offsets are compaction's: the topic is compacted, or was once.
    fn has_gaps(&self) -> bool {
        self.config.is_compacted || self.inputs.first_dirty_offset.is_some()
    }
}

/// What checking found.
pub(super) struct Checked {
    pub(super) segments: Vec<Segment>,
    /// From here on the segments may not be durable.
    pub(super) first_checked: usize,
    pub(super) log_end_offset: i64,
    pub(super) epochs: LeaderEpochs,
    pub(super) producers: Producers,
    pub(super) snapshots: ProducerSnapshots,
}

/// Where a segment's whole batches end.
struct End {
    position: u64,
    next_offset: i64,
    bad: Option<BadBatch>,
}

/// Check what has to be checked and find the log's end.
pub(super) async fn check_segments(
    mut check: Check<'_>,
    opened: Vec<OpenedSegment>,
    report: &mut RecoveryReport,
) -> Result<Checked> {
    let first_checked = first_to_check(&check.inputs, &opened)?;
    let mut opened = opened;
    let (start, dir) = (check.log_start_offset, check.dir);
    flushed::check_ends(dir, &mut opened, first_checked, check.has_gaps(), start, &check.epochs)?;
    let mut segments = Vec::with_capacity(opened.len());
    for (index, OpenedSegment { mut segment, has_position_indexes, .. }) in opened.into_iter().enumerate() {
        if index < first_checked && !has_position_indexes {
            reindex(&check, &mut segment).await?;
            report.reindexed_segment_count += 1;
        }
        segments.push(segment);
    }
    if first_checked == segments.len() {
        let log_end_offset = last_end_offset(&segments)?;
        let producers = producers_at(&mut check, &segments, log_end_offset)?;
        return Ok(Checked {
            first_checked,
            segments,
            log_end_offset,
            epochs: check.epochs,
            producers,
            snapshots: check.snapshots,
        });
    }
    check_from(check, segments, first_checked, report).await
}

/// The first segment of which every batch is checked; past the last one where none is.
fn first_to_check(inputs: &RecoveryInputs, opened: &[OpenedSegment]) -> Result<usize> {
    let last = opened.len() - 1;
    let mut first = opened.len();
    if !inputs.is_clean {
        // A flush covers the indexes of rolled segments only, so the one that ends at the recovery point counts, too.
        let after = opened.partition_point(|found| found.segment.base_offset() < inputs.recovery_point);
        first = after.saturating_sub(1);
    }
    // An aborted transaction is known only by all that went before it.
    if let Some(without) = opened.iter().position(|found| !found.has_transaction_index) {
        first = first.min(without);
    }
    if first > last && (!opened[last].has_position_indexes || !ends_with_a_batch(&opened[last].segment)?) {
        first = last;
    }
    Ok(first)
}

/// Whether the batches behind the last index entry reach the end of the file.
fn ends_with_a_batch(segment: &Segment) -> Result<bool> {
    let mut position = segment.offset_index.last().map_or(0, |last| last.position);
    while position < segment.size_bytes() {
        match segment.header_at(position)? {
            Some(header) => position += header.size_bytes() as u32,
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// The offset after the last batch of the last segment, which ends with one.
fn last_end_offset(segments: &[Segment]) -> Result<i64> {
    let segment = &segments[segments.len() - 1];
    let mut position = segment.offset_index.last().map_or(0, |last| last.position);
    let mut end_offset = segment.base_offset();
    while let Some(header) = segment.header_at(position)? {
        end_offset = header.last_offset() + 1;
        position += header.size_bytes() as u32;
    }
    Ok(end_offset)
}

/// Check every batch from segment `first` on; cut at the first bad one and drop what follows.
async fn check_from(
    mut check: Check<'_>,
    mut segments: Vec<Segment>,
    first: usize,
    report: &mut RecoveryReport,
) -> Result<Checked> {
    let mut next_offset = segments[first].base_offset();
    let mut producers = producers_at(&mut check, &segments[..first], next_offset)?;
    let mut index = first;
    while index < segments.len() {
        let segment = &mut segments[index];
        if segment.base_offset() < next_offset {
            return Err(overlap(segment, next_offset));
        }
        if index > first
            && segment.base_offset() > next_offset
            && (check.log_start_offset..check.inputs.recovery_point).contains(&next_offset)
            && !check.has_gaps()
        {
            return Err(flushed::missing(check.dir, next_offset, segment.base_offset()));
        }
        if index > first && is_lost_before(&check, segment.base_offset(), next_offset) {
            let base_offset = segment.base_offset();
            report.truncated_because =
                Some(format!("the records from {next_offset} to {base_offset} never reached the disk"));
            drop_from(&mut segments, index, report).await?;
            break;
        }
        let size_bytes = u64::from(segment.size_bytes());
        let end = check_segment(&mut check, segment, next_offset, &mut producers).await?;
        report.checked_segment_count += 1;
        next_offset = end.next_offset;
        index += 1;
        let Some(bad) = end.bad else { continue };
        if next_offset < check.inputs.recovery_point
            || (end.position == 0 && begins_in_another_format(segment, &bad)?)
        {
            return Err(flushed_damage(segment, &end, &bad));
        }
        tracing::warn!(
            path = %segment.path().display(), position = end.position, reason = %bad,
            "cutting off what follows the last whole batch",
        );
        report.truncated_bytes += size_bytes - end.position;
        report.truncated_because = Some(bad.to_string());
        // Before the cut: a crash between the two must not leave them behind an end that looks whole.
        drop_from(&mut segments, index, report).await?;
        let segment = &mut segments[index - 1];
        segment.truncate(end.position as u32, next_offset)?;
        segment.file()?.sync_data().await.during("flush", &segment.path())?;
    }
    producers.advance_to(next_offset);
    Ok(Checked {
        first_checked: first,
        segments,
        log_end_offset: next_offset,
        epochs: check.epochs,
        producers,
        snapshots: check.snapshots,
    })
}

/// Whether the end of the segment before was lost with the power, cut so that whole batches are left. Nothing of it
/// was flushed, so neither was what follows, which the disk happened to take first. Compaction leaves gaps, too.
fn is_lost_before(check: &Check<'_>, base_offset: i64, next_offset: i64) -> bool {
    base_offset > next_offset && next_offset >= check.inputs.recovery_point && !check.config.is_compacted
}

/// Remove the segments from `index` on, the last first: they are behind the log's end. Durable when this returns, for
/// what is appended next has their offsets: a power cut must not bring them back beside it.
async fn drop_from(segments: &mut Vec<Segment>, index: usize, report: &mut RecoveryReport) -> Result<()> {
    let Some(first) = segments.get(index) else { return Ok(()) };
    let dir = first.path().parent().map(std::path::Path::to_path_buf).unwrap_or_default();
    while segments.len() > index
        && let Some(later) = segments.pop()
    {
        report.truncated_bytes += u64::from(later.size_bytes());
        remove(later)?;
    }
    file::sync_directory(&dir).await.during("flush the directory", &dir)
}

/// Go through all batches of a segment and make its indexes, epochs and producers from them.
async fn check_segment(
    check: &mut Check<'_>,
    segment: &mut Segment,
    expected: i64,
    producers: &mut Producers,
) -> Result<End> {
    let size_bytes = u64::from(segment.size_bytes());
    let file = segment.file()?;
    // Perhaps only in the page cache.
    file.mark_unsynced();
    let mut scan = BatchScan::new(file, segment.path(), 0, size_bytes);
    segment.begin_rebuild()?;
    segment.clear_transaction_index()?;
    let mut end = End { position: 0, next_offset: expected.max(segment.base_offset()), bad: None };
    loop {
        match scan.next().await? {
            Scanned::End => break,
            Scanned::Bad { reason, .. } => {
                end.bad = Some(reason);
                break;
            }
            Scanned::Batch { batch, .. } => {
                if let Err(reason) = check_batch(segment, &batch, end.next_offset) {
                    end.bad = Some(reason);
                    break;
                }
                note(check, segment, &batch, producers)?;
                let size_bytes = batch.size_bytes() as u64;
                end.position += size_bytes;
                check.progress.checked_bytes.update(|checked| checked + size_bytes);
                end.next_offset = batch.header().last_offset() + 1;
            }
        }
    }
    segment.finish_indexes()?;
    Ok(end)
}

fn check_batch(segment: &Segment, batch: &BatchView<'_>, expected: i64) -> Result<(), BadBatch> {
    batch.check().map_err(BadBatch::Corrupt)?;
    let first_offset = batch.header().base_offset();
    if first_offset < expected || !segment.can_hold(batch.header().last_offset()) {
        return Err(BadBatch::Offset { first_offset, expected });
    }
    Ok(())
}

fn note(
    check: &mut Check<'_>,
    segment: &mut Segment,
    batch: &BatchView<'_>,
    producers: &mut Producers,
) -> Result<()> {
    let header = batch.header();
    segment.note_batch(header, check.config.index_interval_bytes)?;
    let epoch = header.partition_leader_epoch();
    if header.base_offset() < check.inputs.recovery_point
        && let Some(known) = check.epochs.epoch_at(header.base_offset())
        && epoch >= 0
        && known > epoch
    {
        return Err(flushed::wrong_epoch(check.dir, known, header, &segment.path()));
    }
    check.epochs.assign_recovered(header.partition_leader_epoch(), header.base_offset());
    if let Some(completed) = producers.replay(batch)
        && completed.is_aborted
    {
        segment.transaction_index.append(AbortedTransaction {
            producer_id: completed.producer_id,
            first_offset: completed.first_offset,
            last_offset: completed.last_offset,
            last_stable_offset: producers.last_stable_offset_after(&completed),
        })?;
    }
    Ok(())
}

/// Make the position indexes of an older segment anew. Its data was flushed, so it must be whole.
async fn reindex(check: &Check<'_>, segment: &mut Segment) -> Result<()> {
    let size_bytes = u64::from(segment.size_bytes());
    let mut scan = BatchScan::new(segment.file()?, segment.path(), 0, size_bytes);
    segment.begin_rebuild()?;
    let mut next_offset = segment.base_offset();
    loop {
        let (position, bad) = match scan.next().await? {
            Scanned::End => break,
            Scanned::Bad { position, reason } => (position, Err(reason)),
            Scanned::Batch { position, batch } => {
                let result = check_batch(segment, &batch, next_offset);
                if result.is_ok() {
                    segment.note_batch(batch.header(), check.config.index_interval_bytes)?;
                    next_offset = batch.header().last_offset() + 1;
                }
                (position, result)
            }
        };
        if let Err(bad) = bad {
            return Err(flushed_damage(segment, &End { position, next_offset, bad: None }, &bad));
        }
    }
    segment.finish_indexes()
}

/// Not torn, but written in a way that this release does not read: never cut off. A header that was torn before its magic
/// has a zero there, too; but the lengths of a message of that format add up.
fn begins_in_another_format(segment: &Segment, bad: &BadBatch) -> Result<bool> {
    let key_length_at = match bad {
        BadBatch::Corrupt(CorruptBatch::LegacyMagic(0)) => MESSAGE_V0_KEY_LENGTH,
        BadBatch::Corrupt(CorruptBatch::LegacyMagic(1)) => MESSAGE_V1_KEY_LENGTH,
        _ => return Ok(false),
    };
    let length_at = |position: u64| -> Result<u64> {
        let mut field = [0; 4];
        let count = segment.file()?.read_at(&mut field, position).during_at("read", || segment.path())?;
        // Null is -1 and takes nothing; what is not there is as wrong as what is negative.
        let whole = count == field.len();
        Ok(if whole { u64::try_from(i32::from_be_bytes(field)).unwrap_or(0) } else { 0 })
    };
    let size_bytes = length_at(MESSAGE_SIZE)?;
    let value_length_at = key_length_at + 4 + length_at(key_length_at)?;
    Ok(MESSAGE_SIZE + 4 + size_bytes == value_length_at + 4 + length_at(value_length_at)?)
}

fn flushed_damage(segment: &Segment, end: &End, bad: &BadBatch) -> StorageError {
    StorageError::Corrupt {
        path: segment.path(),
        position: end.position,
        reason: format!("{bad} (at offset {})", end.next_offset),
        advice: DAMAGE_ADVICE,
    }
}

fn overlap(segment: &Segment, next_offset: i64) -> StorageError {
    StorageError::Corrupt {
        path: segment.path(),
        position: 0,
        reason: format!("the segment before goes on to offset {next_offset}, past the begin of this one"),
        advice: DAMAGE_ADVICE,
    }
}

/// Remove a segment behind the cut.
fn remove(segment: Segment) -> Result<()> {
    let dir = segment.path().parent().map(std::path::Path::to_path_buf).unwrap_or_default();
    for kind in [FileKind::Log, FileKind::OffsetIndex, FileKind::TimeIndex, FileKind::TransactionIndex] {
        let path = kind.path(&dir, segment.base_offset());
        if file::metadata(&path).during("look up", &path)?.is_some() {
            file::remove_file(&path).during("remove", &path)?;
        }
    }
    Ok(())
}
