//! A compacted segment takes the place of those it was made from. See the module's page for the order.

use jackdaw_ring::{file, spawn, yield_now};

use super::{
    round::{CleanFailure, Stop, Work},
    segment_groups::Sizes,
};
use crate::{
    error::{During, Result, StorageError},
    layout::{FileKind, FileName, FileState},
    log::{Log, unlink_paced},
    segment::Segment,
};

/// The kinds that get their last names after the log has.
const INDEXES: [FileKind; 3] = [FileKind::OffsetIndex, FileKind::TimeIndex, FileKind::TransactionIndex];

/// Segments whose files are renamed before others get their turn: a compacted log may have been of thousands of them.
const RETIRED_PER_TURN: usize = 8;

/// Put `cleaned`, whose files are flushed, in the place of `sources`.
pub(super) async fn swap_in(work: &Work<'_>, cleaned: Segment, sources: &[Sizes]) -> Result<(), Stop> {
    let base_offset = cleaned.base_offset();
    sync(work).await?;
    work.check_not_cut()?;
    let replaced = work.change(|log| log.replace_segments(sources, cleaned))?.ok_or(Stop::SegmentsGone)?;
    sync(work).await?;
    for some in replaced.chunks(RETIRED_PER_TURN) {
        work.change(|log| log.retire_replaced(some))?;
        yield_now().await;
    }
    work.change(Log::drop_superseded_snapshots)?;
    sync(work).await?;
    work.change(|log| log.rename_swapped(base_offset, &[FileKind::Log]))?;
    sync(work).await?;
    work.change(|log| {
        log.rename_swapped(base_offset, &INDEXES)?;
        if let Some(segment) = log.swapped_segment(base_offset) {
            segment.set_state(FileState::Live);
        }
        Ok(())
    })?;
    sync(work).await?;
    unlink_deleted(work);
    Ok(())
}

/// Give back the space of what is out of use, not only at the end of a round or at the next look for old segments.
fn unlink_deleted(work: &Work<'_>) {
    let files = work.log.borrow_mut().take_deleted_files();
    let delay_ms = work.log.borrow().config.file_delete_delay_ms;
    spawn(async move {
        if let Err(error) = unlink_paced(files, delay_ms).await {
            tracing::warn!(%error, "a file that compaction replaced stays until the next start");
        }
    });
}

async fn sync(work: &Work<'_>) -> Result<(), Stop> {
    work.check()?;
    let synced = file::sync_directory(&work.dir).await.during("flush the directory", &work.dir);
    synced.map_err(disk)
}

fn disk(error: StorageError) -> Stop {
    Stop::Failed(CleanFailure::Disk(error))
}

impl Work<'_> {
    /// Change names and the log together, without a pause.
    fn change<T>(&self, change: impl FnOnce(&mut Log) -> Result<T>) -> Result<T, Stop> {
        self.check()?;
        self.log.borrow_mut().writing(change).map_err(disk)
    }
}

impl Log {
    /// Take `cleaned` in for the segments it was made from, which are handed back; `None` where they are not all there
    /// any more. Its files get their second names.
    fn replace_segments(&mut self, sources: &[Sizes], mut cleaned: Segment) -> Result<Option<Vec<Segment>>> {
        let first = self.segment_index(cleaned.base_offset());
        let places = first..first + sources.len();
        // The active one is never among them.
        let found = self.segments.get(places.clone()).filter(|_| places.end < self.segments.len());
        let is_same = |(segment, source): (&Segment, &Sizes)| {
            segment.base_offset() == source.base_offset
                && u64::from(segment.size_bytes()) == source.log_bytes
                && segment.state() == FileState::Live
        };
        if !found.is_some_and(|found| found.iter().zip(sources).all(is_same)) {
            return Ok(None);
        }
        // Open before their names change.
        cleaned.pin()?;
        for kind in FileKind::OF_SEGMENT {
            rename(self, cleaned.base_offset(), kind, FileState::Cleaned, FileState::Swap)?;
        }
        cleaned.set_state(FileState::Swap);
        let old_bytes: u64 = sources.iter().map(|source| source.log_bytes).sum();
        self.inactive_size_bytes += u64::from(cleaned.size_bytes());
        self.inactive_size_bytes -= old_bytes;
        Ok(Some(self.segments.splice(places, [cleaned]).collect()))
    }

    /// The files of these go.
    fn retire_replaced(&mut self, replaced: &[Segment]) -> Result<()> {
        for segment in replaced {
            // If the log was emptied meanwhile, it may have a new segment of this name.
            let is_reused = self.segments.iter().any(|other| {
                other.base_offset() == segment.base_offset() && other.state() == FileState::Live
            });
            if !is_reused {
                self.mark_deleted(segment)?;
            }
        }
        Ok(())
    }

    /// The segment of this base offset that still has its second names, if retention has not taken it.
    fn swapped_segment(&mut self, base_offset: i64) -> Option<&mut Segment> {
        let index = self.segment_index(base_offset);
        let segment = self.segments.get_mut(index);
        segment.filter(|segment| segment.base_offset() == base_offset && segment.state() == FileState::Swap)
    }

    fn rename_swapped(&mut self, base_offset: i64, kinds: &[FileKind]) -> Result<()> {
        if self.swapped_segment(base_offset).is_none() {
            return Ok(());
        }
        kinds.iter().try_for_each(|kind| rename(self, base_offset, *kind, FileState::Swap, FileState::Live))
    }
}

/// Give a file of a segment its next name, if the segment has such a file.
fn rename(log: &Log, offset: i64, kind: FileKind, from: FileState, to: FileState) -> Result<()> {
    let from = FileName { offset, kind, state: from }.path(&log.dir);
    let to = FileName { offset, kind, state: to }.path(&log.dir);
    if file::metadata(&from).during("look up", &from)?.is_none() {
        return Ok(());
    }
    file::rename(&from, &to).during("rename to", &to)
}
