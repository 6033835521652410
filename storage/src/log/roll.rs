//! When the active segment is full, and the change to a new one.

use super::{AppendInfo, Log};
use crate::{config::LogConfig, error::Result, segment::Segment};

/// How much earlier than `segment.ms` the next segment rolls, so that partitions do not roll all at once.
pub(super) fn draw_jitter_ms(config: &LogConfig) -> i64 {
    let bound = config.segment_jitter_ms.min(config.segment_ms);
    match u64::try_from(bound) {
        Ok(bound) if bound > 0 => (jackdaw_ring::random_u64() % bound) as i64,
        _ => 0,
    }
}

impl Log {
    /// Begin a new segment if what comes does not go into the active one.
    #[inline]
    pub(super) fn maybe_roll(&mut self, incoming: &AppendInfo, now_ms: i64) -> Result<bool> {
        if !self.should_roll(incoming, now_ms)? {
            return Ok(false);
        }
        // At the log's end even where a leader left a gap: a gap between segments would look like a loss.
        let can_follow = incoming.last_offset - self.log_end_offset <= i64::from(i32::MAX);
        let base_offset = if can_follow { self.log_end_offset } else { incoming.base_offset };
        self.roll_to(base_offset, now_ms)
    }

    fn should_roll(&self, incoming: &AppendInfo, now_ms: i64) -> Result<bool> {
        let active = self.active();
        let size_after = u64::from(active.size_bytes()) + incoming.size_bytes as u64;
        if size_after > u64::from(self.config.segment_bytes)
            || !active.can_hold(incoming.last_offset)
            || active.is_index_full(&self.config)
        {
            return Ok(true);
        }
        if active.size_bytes() == 0 {
            return Ok(false);
        }
        let age_ms = active.age_ms(incoming.max_timestamp, now_ms)?;
        // A record that must be compacted soon has to leave the active segment first.
        let lag_ms = if self.config.is_compacted { self.config.max_compaction_lag_ms } else { i64::MAX };
        let segment_ms = self.config.segment_ms.min(lag_ms.max(1));
        Ok(age_ms > segment_ms - self.roll_jitter_ms)
    }

    /// Begin a new segment now, unless the active one is empty. What has to become durable for that is part of
    /// the next flush.
    pub fn roll(&mut self, now_ms: i64) -> Result<bool> {
        self.writing(|log| log.roll_to(log.log_end_offset, now_ms))
    }

    pub(super) fn roll_to(&mut self, base_offset: i64, now_ms: i64) -> Result<bool> {
        if self.active().size_bytes() == 0 && self.active().base_offset() == base_offset {
            return Ok(false);
        }
        let queue = std::rc::Rc::clone(&self.queue);
        self.producers.advance_to(base_offset);
        if self.active().size_bytes() == 0 {
            // Empty, and its name would not fit what comes: it makes room.
            if let Some(empty) = self.segments.pop() {
                self.mark_deleted(&empty)?;
            }
        } else {
            self.active_mut().become_inactive(&queue)?;
            self.inactive_size_bytes += u64::from(self.active().size_bytes());
        }
        self.snapshots.write(&self.producers, &queue)?;
        self.segments.push(Segment::create(&self.dir, base_offset, now_ms)?);
        self.recent.clear();
        self.roll_jitter_ms = draw_jitter_ms(&self.config);
        queue.directory();
        self.drop_superseded_snapshots()?;
        Ok(true)
    }

    /// Keep the snapshots at segment borders and the newest one.
    pub(crate) fn drop_superseded_snapshots(&mut self) -> Result<()> {
        let newest = self.snapshots.offsets().last().copied();
        let segments = &self.segments;
        let is_border = |offset| segments.binary_search_by_key(&offset, Segment::base_offset).is_ok();
        self.snapshots.remove_where(|offset| Some(offset) != newest && !is_border(offset))
    }
}
