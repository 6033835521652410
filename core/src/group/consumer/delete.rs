//! The end of a group.

use super::{ConsumerGroup, records};
use crate::group::GroupRecord;

impl ConsumerGroup {
    /// Tombstones of everything that the group has written, without its offsets: for a group that is deleted or
    /// becomes one of the classic protocol. The last one ends the group.
    pub fn tombstones(&self) -> Vec<GroupRecord> {
        let ids: Vec<&str> = self.members.keys().map(String::as_str).collect();
        records::group_tombstones(&self.id, &ids, self.regexes.keys(), self.legacy_metadata)
    }
}
