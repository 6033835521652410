//! How much one step of a search may write.

use crate::limits::{GROUP_SWEEP_BYTES_MAX, GROUP_SWEEP_BYTES_MIN, GROUP_SWEEP_RECORDS_MAX};

/// What a tombstone takes besides its names, at most: the frame of a record and of its key.
const TOMBSTONE_OVERHEAD_BYTES: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
    /// Groups whose records could not be written alone: these many that have any are passed over.
    pub(crate) skips: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { records: GROUP_SWEEP_RECORDS_MAX, bytes: GROUP_SWEEP_BYTES_MAX, skips: 0 }
    }
}

impl Budget {
    /// After a step that could not be written: half of it, or without its first group where it is small already.
    pub(crate) fn after_failure(self) -> Self {
        match self.bytes > GROUP_SWEEP_BYTES_MIN {
            true => Self { bytes: (self.bytes / 2).max(GROUP_SWEEP_BYTES_MIN), ..self },
            false => Self { skips: self.skips + 1, ..self },
        }
    }

    /// After a step that was written.
    pub(crate) fn after_success(self) -> Self {
        Self { skips: 0, ..self }
    }

    /// Whether one more tombstone with these names may be written; the first always may.
    pub(crate) fn take_tombstone(&mut self, is_first: bool, group_id: &str, topic: &str) -> bool {
        let bytes = group_id.len() + topic.len() + TOMBSTONE_OVERHEAD_BYTES;
        if !is_first && (self.records == 0 || self.bytes < bytes) {
            return false;
        }
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}
