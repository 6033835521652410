//! Opening a log that is there: what a crash left half done is finished or cut off, and no more is read than that
//! needs.
//!
//! After a clean stop the indexes are trusted and only the batches behind the last index entry are looked at. Else
//! every batch from the recovery point's segment on is checked with its CRC and all that is derived from batches is
//! made anew. What was flushed must be there: damage below the recovery point is an error, never cut off silently.

mod flushed;
mod leftovers;
mod segments;

use std::{cell::Cell, path::Path, rc::Rc};

use jackdaw_core::producer_state::Producers;
use jackdaw_ring::file;

use self::segments::{Check, check_segments};
use crate::{
    config::LogConfig,
    error::{During, Result, StorageError},
    layout::{FileKind, FileName, FileState},
    leader_epochs::LeaderEpochs,
    log::{Log, Parts, load_producers},
    open_files::OpenFiles,
    partition_metadata,
    producer_snapshots::ProducerSnapshots,
    segment::{DAMAGE_ADVICE, OpenedSegment, Segment},
};

/// What is known about a log before it is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoveryInputs {
    /// Whether the directory was stopped cleanly.
    pub is_clean: bool,
    /// Everything below was flushed; 0 where nothing is known.
    pub recovery_point: i64,
    /// From the log start checkpoint; `None` for the first segment's base.
    pub log_start_offset: Option<i64>,
    /// From the cleaner's checkpoint; `None` where the log was never compacted.
    pub first_dirty_offset: Option<i64>,
    /// `producer.id.expiration.ms`.
    pub producer_expiration_ms: i64,
}

impl RecoveryInputs {
    /// Nothing is known: every batch is checked. Also how the metadata log is always opened.
    pub fn unknown() -> Self {
        Self {
            is_clean: false,
            recovery_point: 0,
            log_start_offset: None,
            first_dirty_offset: None,
            producer_expiration_ms: 86_400_000,
        }
    }
}

/// What opening a log had to do.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct RecoveryReport {
    /// Half done or out of use, removed.
    pub removed_file_count: usize,
    /// Segments of which every batch was checked.
    pub checked_segment_count: usize,
    /// Older segments whose indexes did not fit.
    pub reindexed_segment_count: usize,
    /// Bytes cut off the end, and why.
    pub truncated_bytes: u64,
    pub truncated_because: Option<String>,
    /// All records lay below the log's start.
    pub dropped_all: bool,
}

/// How far the opening of logs is, for who waits for it.
#[derive(Default, Debug)]
pub struct RecoveryProgress {
    /// Logs that are open, or could not be opened.
    pub done_count: Cell<usize>,
    /// Bytes of batches that were checked.
    pub checked_bytes: Cell<u64>,
}

impl Log {
    /// Open the log of an existing partition directory.
    ///
    /// # Errors
    /// `Corrupt` where flushed data is damaged, `Layout` where the directory is not a partition's.
    pub async fn open(
        dir: &Path,
        config: LogConfig,
        inputs: RecoveryInputs,
        now_ms: i64,
    ) -> Result<(Self, RecoveryReport)> {
        Self::open_watched(dir, config, inputs, now_ms, &RecoveryProgress::default()).await
    }

    /// The same, telling how far it is.
    pub(crate) async fn open_watched(
        dir: &Path,
        config: LogConfig,
        inputs: RecoveryInputs,
        now_ms: i64,
        progress: &RecoveryProgress,
    ) -> Result<(Self, RecoveryReport)> {
        // What a crash left has to be flushed before it is closed.
        OpenFiles::own().have_room().await;
        let dir: Rc<Path> = dir.into();
        let topic_id = partition_metadata::read(&dir)?.ok_or_else(|| {
            StorageError::layout(&dir, "partition.metadata is missing: nobody knows whose records these are")
        })?;
        flushed::require_logs(&dir, &list(&dir)?, &inputs)?;
        let mut report = RecoveryReport {
            removed_file_count: leftovers::finish_or_remove(&dir).await?,
            ..RecoveryReport::default()
        };
        let files = list_live(&dir)?;
        let mut opened = open_segments(&dir, &files, &mut report, now_ms)?;
        if opened.is_empty() {
            let base_offset = inputs.log_start_offset.unwrap_or(0);
            require_flushed(&dir, base_offset, &inputs)?;
            opened.push(OpenedSegment::new(Segment::create(&dir, base_offset, now_ms)?));
        }
        let log_start_offset = inputs.log_start_offset.unwrap_or(0).max(opened[0].segment.base_offset());
        let snapshots =
            ProducerSnapshots::new(Rc::clone(&dir), offsets_of(&files, FileKind::ProducerSnapshot));
        let check = Check {
            dir: &dir,
            progress,
            config: &config,
            inputs,
            log_start_offset,
            now_ms,
            epochs: LeaderEpochs::read(&dir)?,
            snapshots,
        };
        let checked = check_segments(check, opened, &mut report).await?;
        require_flushed(&dir, checked.log_end_offset, &inputs)?;
        let parts = Parts {
            topic_id,
            segments: checked.segments,
            log_start_offset,
            log_end_offset: checked.log_end_offset,
            recovery_point: inputs.recovery_point,
            first_dirty_offset: inputs.first_dirty_offset,
            epochs: checked.epochs,
            producers: checked.producers,
            producer_expiration_ms: inputs.producer_expiration_ms,
            snapshots: checked.snapshots,
        };
        let mut log = finish(dir, config, parts, inputs, &mut report, now_ms)?;
        log.queue_checked_segments(checked.first_checked)?;
        Ok((log, report))
    }
}

impl Log {
    /// What was checked was there, but perhaps only in the page cache: the next flush has to cover it.
    fn queue_checked_segments(&mut self, first: usize) -> Result<()> {
        let queue = Rc::clone(&self.queue);
        let active = self.segments.len() - 1;
        self.segments
            .get_mut(first..active)
            .unwrap_or_default()
            .iter_mut()
            .try_for_each(|segment| segment.become_inactive(&queue))
    }
}

/// Bring epochs, snapshots and the recovery point in line with what the segments hold.
fn finish(
    dir: Rc<Path>,
    config: LogConfig,
    mut parts: Parts,
    inputs: RecoveryInputs,
    report: &mut RecoveryReport,
    now_ms: i64,
) -> Result<Log> {
    let (start, end) = (parts.log_start_offset, parts.log_end_offset);
    if end < start {
        // The records that are left were deleted before.
        report.dropped_all = true;
        parts.log_end_offset = start;
        let mut log = Log::from_parts(dir, config, parts);
        log.truncate_fully_and_start_at(start, now_ms)?;
        return Ok(log);
    }
    parts.recovery_point = if inputs.is_clean { end } else { inputs.recovery_point.min(end) };
    parts.epochs.truncate_from_end(end);
    parts.epochs.truncate_from_start(start);
    parts.snapshots.remove_where(|offset| offset > end)?;
    let has_snapshot = parts.snapshots.offsets().last() == Some(&end);
    let mut log = Log::from_parts(dir, config, parts);
    if !has_snapshot {
        let queue = Rc::clone(&log.queue);
        log.snapshots.write(&log.producers, &queue)?;
        log.drop_superseded_snapshots()?;
    }
    // Nothing behind the recovery point: the markers of all transactions are flushed, too.
    if log.recovery_point == end {
        log.durable_stable_offset = log.stable_offset();
    }
    log.queue.directory();
    Ok(log)
}

/// What was flushed must be there.
fn require_flushed(dir: &Path, log_end_offset: i64, inputs: &RecoveryInputs) -> Result<()> {
    if log_end_offset >= inputs.recovery_point {
        return Ok(());
    }
    Err(StorageError::Corrupt {
        path: dir.to_path_buf(),
        position: 0,
        reason: format!(
            "the log ends at offset {log_end_offset}, but all below {} was flushed",
            inputs.recovery_point
        ),
        advice: DAMAGE_ADVICE,
    })
}

fn list(dir: &Path) -> Result<Vec<FileName>> {
    let entries = file::list_directory(dir).during("list", dir)?;
    let names = entries.iter().filter(|entry| !entry.is_dir).filter_map(|entry| FileName::parse(&entry.name));
    Ok(names.collect())
}

fn list_live(dir: &Path) -> Result<Vec<FileName>> {
    Ok(list(dir)?.into_iter().filter(|name| name.state == FileState::Live).collect())
}

fn offsets_of(files: &[FileName], kind: FileKind) -> Vec<i64> {
    let mut offsets: Vec<i64> =
        files.iter().filter(|name| name.kind == kind).map(|name| name.offset).collect();
    offsets.sort_unstable();
    offsets
}

/// Open the segments in order; indexes without a log go.
fn open_segments(
    dir: &Rc<Path>,
    files: &[FileName],
    report: &mut RecoveryReport,
    now_ms: i64,
) -> Result<Vec<OpenedSegment>> {
    let bases = offsets_of(files, FileKind::Log);
    for name in files {
        let is_index = !matches!(name.kind, FileKind::Log | FileKind::ProducerSnapshot);
        if is_index && bases.binary_search(&name.offset).is_err() {
            let path = name.path(dir);
            file::remove_file(&path).during("remove", &path)?;
            report.removed_file_count += 1;
        }
    }
    bases.into_iter().map(|base_offset| Segment::open(dir, base_offset, now_ms)).collect()
}

/// The producers where checking begins.
fn producers_at(check: &mut Check<'_>, segments: &[Segment], end_offset: i64) -> Result<Producers> {
    load_producers(
        segments,
        &mut check.snapshots,
        check.log_start_offset,
        end_offset,
        check.now_ms,
        check.inputs.producer_expiration_ms,
    )
}

#[cfg(test)]
mod tests;
