//! Which segments are past their time, and removing files at a pace.

use std::{path::PathBuf, time::Duration};

use jackdaw_ring::file;

use super::Log;
use crate::error::{During, Result};

/// Between two unlinked files: many at once would hold the file system's journal, and appends behind it.
const UNLINK_PAUSE: Duration = Duration::from_millis(10);

impl Log {
    /// Retire the segments that retention or a moved log start does not keep: past `retention.ms`, past
    /// `retention.bytes`, or wholly below the log's start; never what the high watermark has not passed. The log's
    /// start moves on. How many went.
    pub fn delete_old_segments(&mut self, high_watermark: i64, now_ms: i64) -> Result<usize> {
        let count = self.old_segment_count(high_watermark, now_ms);
        if count == 0 {
            return Ok(0);
        }
        self.writing(|log| {
            if count == log.segments.len() {
                log.roll_to(log.log_end_offset, now_ms)?;
            }
            let gone: Vec<_> = log.segments.drain(..count).collect();
            for segment in &gone {
                log.inactive_size_bytes -= u64::from(segment.size_bytes());
                log.mark_deleted(segment)?;
            }
            let first_base = log.segments[0].base_offset();
            log.advance_log_start(log.log_start_offset.max(first_base))?;
            log.queue.directory();
            Ok(count)
        })
    }

    /// How many of the oldest segments go.
    fn old_segment_count(&self, high_watermark: i64, now_ms: i64) -> usize {
        let mut excess_bytes = match u64::try_from(self.config.retention_bytes) {
            Ok(kept) if self.config.delete_old_segments => self.size_bytes().saturating_sub(kept),
            _ => 0,
        };
        let expires_ms = match self.config.retention_ms {
            kept if kept >= 0 && self.config.delete_old_segments => now_ms.saturating_sub(kept),
            _ => i64::MIN,
        };
        let mut count = 0;
        for (index, segment) in self.segments.iter().enumerate() {
            let next_base = self.segments.get(index + 1).map(|next| next.base_offset());
            let end_offset = next_base.unwrap_or(self.log_end_offset);
            let size_bytes = u64::from(segment.size_bytes());
            let is_empty_active = next_base.is_none() && size_bytes == 0;
            // Compaction may have left a segment empty: it must not keep those behind it.
            let is_too_much = excess_bytes > 0 && excess_bytes >= size_bytes;
            let is_old = segment.retention_timestamp() < expires_ms;
            let is_below_start = next_base.is_some_and(|base| base <= self.log_start_offset);
            if is_empty_active || end_offset > high_watermark || !(is_too_much || is_old || is_below_start) {
                break;
            }
            excess_bytes = excess_bytes.saturating_sub(size_bytes);
            count += 1;
        }
        count
    }

    /// Move the log's start on (DeleteRecords, or what a leader tells). Whether it moved.
    pub fn set_log_start_offset(&mut self, offset: i64) -> Result<bool> {
        if offset <= self.log_start_offset {
            return Ok(false);
        }
        assert!(offset <= self.log_end_offset, "a log starts at or before its end");
        self.writing(|log| log.advance_log_start(offset)).map(|()| true)
    }

    fn advance_log_start(&mut self, offset: i64) -> Result<()> {
        self.log_start_offset = offset;
        self.epochs.truncate_from_start(offset);
        self.producers.on_log_start_offset(offset);
        let first_base = self.segments[0].base_offset();
        self.snapshots.remove_where(|known| known < first_base)
    }
}

/// Unlink files one after another, after `delay_ms` (`file.delete.delay.ms`), through the ring and with pauses.
pub async fn unlink_paced(files: Vec<PathBuf>, delay_ms: u64) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    jackdaw_ring::sleep(Duration::from_millis(delay_ms)).await;
    for path in files {
        if file::metadata(&path).during("look up", &path)?.is_some() {
            file::unlink(&path).await.during("remove", &path)?;
            jackdaw_ring::sleep(UNLINK_PAUSE).await;
        }
    }
    Ok(())
}
