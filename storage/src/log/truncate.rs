//! Cutting a log back: to an offset, or wholly. Followers do so when a new leader's log differs.

use jackdaw_core::{
    producer_state::Producers,
    records::{BatchView, Frame},
};

use super::Log;
use crate::{
    error::{During, Result},
    layout::{FileKind, FileName, FileState, with_suffix},
    producer_snapshots::ProducerSnapshots,
    segment::Segment,
};

impl Log {
    /// Remove all records at or above `offset`. Whether there were any.
    ///
    /// The recovery point goes back with it: the caller writes the recovery point checkpoint before it appends
    /// again, or a later crash would look like damage to flushed data.
    pub fn truncate_to(&mut self, offset: i64, now_ms: i64) -> Result<bool> {
        if offset >= self.log_end_offset {
            return Ok(false);
        }
        if offset < self.log_start_offset {
            self.truncate_fully_and_start_at(offset, now_ms)?;
            return Ok(true);
        }
        self.writing(|log| {
            log.truncate_segments(offset, now_ms)?;
            log.log_end_offset = offset;
            log.recovery_point = log.recovery_point.min(offset);
            log.first_dirty_offset = log.first_dirty_offset.map(|dirty| dirty.min(offset));
            log.durable_stable_offset = log.durable_stable_offset.min(offset);
            log.epochs.truncate_from_end(offset);
            log.snapshots.remove_where(|known| known > offset)?;
            log.rebuild_producers(now_ms)?;
            Ok(true)
        })
    }

    fn truncate_segments(&mut self, offset: i64, now_ms: i64) -> Result<()> {
        self.truncation_count += 1;
        self.recent.clear();
        while self.segments.len() > 1 && self.active().base_offset() > offset {
            if let Some(segment) = self.segments.pop() {
                self.mark_deleted(&segment)?;
            }
            self.inactive_size_bytes -= u64::from(self.active().size_bytes());
        }
        if self.active().base_offset() > offset {
            self.replace_only_segment(offset, now_ms)?;
        } else if let Some(batch) = self.active().find_batch(offset)? {
            self.active_mut().truncate(batch.position, offset)?;
        }
        self.queue.directory();
        Ok(())
    }

    /// Drop all records and go on at `offset`: the leader's log begins there.
    pub fn truncate_fully_and_start_at(&mut self, offset: i64, now_ms: i64) -> Result<()> {
        self.writing(|log| {
            log.truncation_count += 1;
            log.recent.clear();
            log.snapshots.remove_where(|_| true)?;
            log.replace_only_segment(offset, now_ms)?;
            log.epochs.clear();
            log.producers = Producers::new(offset);
            log.log_start_offset = offset;
            log.log_end_offset = offset;
            log.recovery_point = log.recovery_point.min(offset);
            log.first_dirty_offset = None;
            log.durable_stable_offset = offset;
            log.queue.directory();
            Ok(())
        })
    }

    fn replace_only_segment(&mut self, offset: i64, now_ms: i64) -> Result<()> {
        for segment in std::mem::take(&mut self.segments) {
            self.mark_deleted(&segment)?;
        }
        self.inactive_size_bytes = 0;
        self.segments.push(Segment::create(&self.dir, offset, now_ms)?);
        Ok(())
    }

    fn rebuild_producers(&mut self, now_ms: i64) -> Result<()> {
        self.producers = load_producers(
            &self.segments,
            &mut self.snapshots,
            self.log_start_offset,
            self.log_end_offset,
            now_ms,
            self.producer_expiration_ms,
        )?;
        Ok(())
    }

    /// Give a segment's files their last name; they are unlinked later.
    pub(crate) fn mark_deleted(&mut self, segment: &Segment) -> Result<()> {
        // A compacted segment has its last name not for all kinds at once.
        let states: &[FileState] = match segment.state() {
            FileState::Live => &[FileState::Live],
            _ => &[FileState::Live, FileState::Swap],
        };
        for kind in FileKind::OF_SEGMENT {
            for state in states {
                let path = FileName { offset: segment.base_offset(), kind, state: *state }.path(&self.dir);
                if jackdaw_ring::file::metadata(&path).during("look up", &path)?.is_none() {
                    continue;
                }
                let deleted =
                    with_suffix(&kind.path(&self.dir, segment.base_offset()), FileState::Deleted.suffix());
                jackdaw_ring::file::rename(&path, &deleted).during("rename", &path)?;
                self.deleted_files.push(deleted);
            }
        }
        Ok(())
    }

    /// Files that are out of use, to be handed to [`super::unlink_paced`].
    pub fn take_deleted_files(&mut self) -> Vec<std::path::PathBuf> {
        std::mem::take(&mut self.deleted_files)
    }
}

/// The producers at `end_offset`: from the newest snapshot below, and the batches since.
pub(crate) fn load_producers(
    segments: &[Segment],
    snapshots: &mut ProducerSnapshots,
    log_start_offset: i64,
    end_offset: i64,
    now_ms: i64,
    expiration_ms: i64,
) -> Result<Producers> {
    let loaded = snapshots.load(log_start_offset, end_offset, now_ms, expiration_ms)?;
    let mut producers = loaded.unwrap_or_else(|| Producers::new(log_start_offset));
    let from_offset = producers.end_offset();
    for (index, segment) in segments.iter().enumerate() {
        let is_below = segments.get(index + 1).is_some_and(|next| next.base_offset() <= from_offset);
        if !is_below && segment.base_offset() < end_offset {
            replay_segment(segment, from_offset, end_offset, &mut producers)?;
        }
    }
    producers.advance_to(end_offset);
    Ok(producers)
}

fn replay_segment(
    segment: &Segment,
    from_offset: i64,
    end_offset: i64,
    producers: &mut Producers,
) -> Result<()> {
    let Some(first) = segment.find_batch(from_offset)? else { return Ok(()) };
    let mut position = first.position;
    let mut whole = Vec::new();
    while let Some(header) = segment.header_at(position)? {
        if header.base_offset() >= end_offset {
            break;
        }
        if header.is_control() && header.has_producer_id() {
            whole.resize(header.size_bytes(), 0);
            segment.file()?.read_at(&mut whole, u64::from(position)).during("read", &segment.path())?;
            if let Frame::Complete(batch) = BatchView::parse(&whole) {
                producers.replay(&batch);
            }
        } else if let Some(info) = jackdaw_core::producer_state::BatchInfo::of(&header) {
            producers.update(&info);
        }
        producers.advance_to(header.last_offset() + 1);
        position += header.size_bytes() as u32;
    }
    Ok(())
}
