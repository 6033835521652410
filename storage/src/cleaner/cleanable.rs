//! Which part of a log may be compacted, and whether it is worth it. Kafka's LogCleanerManager.

use crate::{error::Result, log::Log};

/// The part of a log that may be compacted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cleanable {
    /// Compacted up to here already.
    pub first_dirty_offset: i64,
    /// The base of the first segment that has to stay as it is.
    pub end_offset: i64,
    /// Of the segments below the first dirty offset.
    pub clean_bytes: u64,
    /// Of the segments from there to the end.
    pub dirty_bytes: u64,
    /// A record waits longer than `max.compaction.lag.ms` for it.
    pub is_overdue: bool,
}

impl Cleanable {
    /// How much of what a round reads would be new, 0 to 1.
    pub fn dirty_ratio(&self) -> f64 {
        match self.clean_bytes + self.dirty_bytes {
            0 => 0.0,
            total => self.dirty_bytes as f64 / total as f64,
        }
    }
}

impl Log {
    /// What may be compacted now, if that is due: below the active segment, the last stable offset, what is younger than
    /// `min.compaction.lag.ms`, and what is not flushed or belongs to a transaction whose marker is not.
    pub fn cleanable(&self, last_stable_offset: i64, now_ms: i64) -> Result<Option<Cleanable>> {
        if !self.config.is_compacted || self.has_failed() {
            return Ok(None);
        }
        let first_dirty_offset = self.valid_first_dirty_offset();
        let first = self.segment_index(first_dirty_offset);
        let end = self.first_uncleanable_segment(first, last_stable_offset, now_ms);
        if end <= first {
            return Ok(None);
        }
        let end_offset = self.segments[end].base_offset();
        let size_of = |segments: &[crate::segment::Segment]| -> u64 {
            segments.iter().map(|segment| u64::from(segment.size_bytes())).sum()
        };
        let cleanable = Cleanable {
            first_dirty_offset,
            end_offset,
            clean_bytes: size_of(&self.segments[..first]),
            dirty_bytes: size_of(&self.segments[first..end]),
            is_overdue: self.is_overdue(first, end, now_ms)?,
        };
        if cleanable.dirty_bytes == 0 || end_offset <= first_dirty_offset {
            return Ok(None);
        }
        let is_due = cleanable.is_overdue || cleanable.dirty_ratio() > self.config.min_cleanable_dirty_ratio;
        Ok(is_due.then_some(cleanable))
    }

    /// Whether a flush would let more be compacted: after an unclean start, or where transactions ended since the last.
    pub fn compaction_waits_for_flush(&self, last_stable_offset: i64) -> bool {
        if !self.config.is_compacted || self.has_failed() {
            return false;
        }
        let border = self.segments[self.segment_index(last_stable_offset)].base_offset();
        border > self.durable_stable_offset && border > self.valid_first_dirty_offset()
    }

    /// The checkpoint's, unless it does not fit the log any more.
    fn valid_first_dirty_offset(&self) -> i64 {
        let valid = self.log_start_offset..=self.log_end_offset;
        self.first_dirty_offset.filter(|offset| valid.contains(offset)).unwrap_or(self.log_start_offset)
    }

    /// The index of the first segment, from `first` on, that has to stay as it is.
    fn first_uncleanable_segment(&self, first: usize, last_stable_offset: i64, now_ms: i64) -> usize {
        let active = self.segments.len() - 1;
        let bound = last_stable_offset.min(self.durable_stable_offset);
        let youngest_ms = now_ms.saturating_sub(self.config.min_compaction_lag_ms);
        let must_stay = |index: usize| {
            let ends_above = self.segments[index + 1].base_offset() > bound;
            let is_young = self.config.min_compaction_lag_ms > 0
                && self.segments[index].largest_timestamp().timestamp > youngest_ms;
            ends_above || is_young
        };
        (first..active).find(|index| must_stay(*index)).unwrap_or(active)
    }

    fn is_overdue(&self, first: usize, end: usize, now_ms: i64) -> Result<bool> {
        let lag_ms = self.config.max_compaction_lag_ms;
        if lag_ms == i64::MAX {
            return Ok(false);
        }
        for segment in &self.segments[first..end] {
            let timestamp = segment.first_timestamp()?;
            if timestamp > 0 && timestamp < now_ms.saturating_sub(lag_ms) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
