//! Records that a transaction wrote into the coordinator's partition, and the markers that end it.

use super::{
    Coordinator, GroupRecord,
    offsets::{CommittedOffset, TooManyPending},
};
use crate::protocol::records::{GroupKey, GroupValue};

impl Coordinator {
    /// Like `replay`, for a record of a transactional batch: an offset counts from the producer's COMMIT marker on.
    ///
    /// # Errors
    /// Where open transactions have more than is kept in memory.
    pub fn replay_transactional(
        &mut self,
        producer_id: i64,
        record: &GroupRecord,
    ) -> Result<(), TooManyPending> {
        match (&record.key, &record.value) {
            (GroupKey::OffsetCommit(key), Some(GroupValue::OffsetCommit(value))) => {
                let offset = CommittedOffset::from_record(value);
                self.replay_pending(producer_id, &key.group, &key.topic, key.partition, offset)
            }
            (GroupKey::LegacyOffsetCommit(key), Some(GroupValue::LegacyOffsetCommit(value))) => {
                let offset = CommittedOffset::from_legacy_record(value);
                self.replay_pending(producer_id, &key.group, &key.topic, key.partition, offset)
            }
            // Nothing else is written in transactions.
            _ => {
                self.replay(record);
                Ok(())
            }
        }
    }

    fn replay_pending(
        &mut self,
        producer_id: i64,
        group_id: &str,
        topic: &str,
        partition: i32,
        offset: CommittedOffset,
    ) -> Result<(), TooManyPending> {
        self.groups.ensure(group_id, offset.commit_timestamp_ms);
        self.offsets.set_pending(producer_id, group_id, topic, partition, offset)
    }

    /// The end of a producer's transaction in this partition. A producer without one is no error: a transaction may
    /// have written to other partitions only, or compaction has taken its records.
    pub fn replay_marker(&mut self, producer_id: i64, is_commit: bool) {
        for (group_id, commit_timestamp_ms) in self.offsets.end_transaction(producer_id, is_commit) {
            self.groups.ensure(&group_id, commit_timestamp_ms);
        }
    }
}
