//! How far a log is durable in its active segment, by flushes of the file or by the commit journal.

use super::Log;
use crate::{
    error::{During, Result},
    journal::{Block, EntryHeader},
};

/// More than this is flushed to the segment itself: the journal would write it twice.
const JOURNALLED_MAX_BYTES: u32 = 64 << 10;

/// All of the log below is durable: in the segments, but for what the commit journal holds of the active one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DurablePoint {
    pub(crate) offset: i64,
    /// The segment that was active then, and the byte in it.
    pub(crate) base_offset: i64,
    pub(crate) position: u32,
}

/// What an entry of the commit journal makes durable; hand it to [`Log::journalled`] once the journal is flushed.
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is durable before the journal is flushed"]
pub struct Journalled(DurablePoint);

impl Journalled {
    /// Everything below is durable.
    pub fn up_to_offset(&self) -> i64 {
        self.0.offset
    }
}

impl Log {
    /// Put what is not durable into a block of the commit journal. `None`: it has to be flushed to its files, because
    /// it is much, or a segment was begun or cut since the last flush, or compaction may rewrite it.
    ///
    /// # Errors
    /// Those of reading the active segment.
    pub fn journal_into(&self, partition: i32, block: &mut Block) -> Result<Option<Journalled>> {
        let active = self.active();
        let Some(from) = self.durable_point.filter(|point| point.base_offset == active.base_offset()) else {
            return Ok(None);
        };
        let size_bytes = active.size_bytes() - from.position;
        if !self.may_be_journalled()
            || self.has_failed()
            || size_bytes == 0
            || size_bytes > JOURNALLED_MAX_BYTES
        {
            return Ok(None);
        }
        let file = active.file()?;
        let Some(room) = block.entry(&self.entry_of(partition, &from, size_bytes)) else {
            return Ok(None);
        };
        let count = file.read_at(room, u64::from(from.position)).during_at("read", || active.path())?;
        if count < size_bytes as usize {
            return Err(active.damaged(from.position));
        }
        Ok(Some(Journalled(self.end_point())))
    }

    /// Whether answers wait for flushes (`flush.messages`), and its segments change by appends alone: compaction
    /// rewrites them, and what was cut must not come back.
    pub fn may_be_journalled(&self) -> bool {
        self.config.flush_messages < i64::MAX && !self.config.is_compacted && self.truncation_count == 0
    }

    /// The journal with this entry is flushed.
    pub fn journalled(&mut self, journalled: Journalled) {
        self.advance_durable_point(journalled.0);
    }

    fn entry_of(&self, partition: i32, from: &DurablePoint, size_bytes: u32) -> EntryHeader {
        EntryHeader {
            topic_id: self.topic_id,
            partition,
            size_bytes,
            segment_base_offset: from.base_offset,
            position: from.position,
        }
    }

    pub(crate) fn end_point(&self) -> DurablePoint {
        let active = self.active();
        DurablePoint {
            offset: self.log_end_offset,
            base_offset: active.base_offset(),
            position: active.size_bytes(),
        }
    }

    pub(crate) fn advance_durable_point(&mut self, point: DurablePoint) {
        if self.durable_point.is_none_or(|known| known.offset < point.offset) {
            self.durable_point = Some(point);
        }
    }
}
