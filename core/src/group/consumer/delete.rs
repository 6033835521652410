//! The end of a group.

use super::{ConsumerGroup, records};
use crate::group::GroupRecord;

impl ConsumerGroup {
    /// Tombstones of everything that the group has written, without its offsets: for a group that is deleted or
    /// becomes one of the classic protocol. The last one ends the group.
    pub fn tombstones(&self) -> Vec<GroupRecord> {
        let mut tombstones: Vec<GroupRecord> = Vec::new();
        for member in self.members() {
            tombstones.extend(records::member_tombstones(&self.id, &member.id));
        }
        tombstones.extend(self.regexes.keys().map(|regex| records::regex_tombstone(&self.id, regex)));
        tombstones.extend(records::group_tombstones(&self.id, self.legacy_metadata));
        tombstones
    }
}
