//! How many offsets there may be, and how much their metadata may take.

use super::Offsets;
use crate::{
    error_code::ErrorCode,
    limits::{OFFSETS_METADATA_BYTES_MAX, OFFSETS_PER_COORDINATOR_MAX},
};

/// The bounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Room {
    pub(crate) count: usize,
    pub(crate) metadata_bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { count: OFFSETS_PER_COORDINATOR_MAX, metadata_bytes: OFFSETS_METADATA_BYTES_MAX }
    }
}

/// What a request adds, while it is looked through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Growth {
    count: usize,
    metadata_bytes: usize,
}

impl Offsets {
    /// Counts one more offset of a request; those of open transactions take room as well. What takes nothing more than is there already is always taken: a full
    /// coordinator must not stop the groups that it has.
    ///
    /// # Errors
    /// INVALID_COMMIT_OFFSET_SIZE where there is no room.
    pub(crate) fn admit(
        &self,
        growth: &mut Growth,
        (group_id, topic, partition): (&str, &str, i32),
        metadata_bytes: usize,
    ) -> Result<(), ErrorCode> {
        let old = self.get(group_id, topic, partition);
        let more = Growth {
            count: growth.count + usize::from(old.is_none()),
            metadata_bytes: growth.metadata_bytes
                + metadata_bytes.saturating_sub(old.map_or(0, |old| old.metadata.len())),
        };
        let has_count =
            more.count == growth.count || self.count + self.pending.count + more.count <= self.room.count;
        let has_bytes = more.metadata_bytes == growth.metadata_bytes
            || self.metadata_bytes + self.pending.metadata_bytes + more.metadata_bytes
                <= self.room.metadata_bytes;
        if !has_count || !has_bytes {
            return Err(ErrorCode::InvalidCommitOffsetSize);
        }
        *growth = more;
        Ok(())
    }
}
