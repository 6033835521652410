//! The records of committed offsets: OffsetCommit, version 4 as Kafka 4.4 writes it, or version 1 with an expiry.

use super::CommittedOffset;
use crate::{
    group::GroupRecord,
    protocol::records::{
        GroupKey, GroupValue,
        group::{OffsetCommitKey, OffsetCommitValue},
    },
};

const VALUE_VERSION: i16 = 4;
/// The only version that has a field for it, and none for leader epoch or topic id.
const VALUE_VERSION_WITH_EXPIRY: i16 = 1;

fn offset_key(group_id: &str, topic: &str, partition: i32) -> GroupKey {
    GroupKey::OffsetCommit(OffsetCommitKey { group: group_id.to_owned(), topic: topic.to_owned(), partition })
}

pub(crate) fn offset_tombstone(group_id: &str, topic: &str, partition: i32) -> GroupRecord {
    GroupRecord::tombstone(offset_key(group_id, topic, partition))
}

impl CommittedOffset {
    pub(crate) fn into_record(self, group_id: &str, topic: &str, partition: i32) -> GroupRecord {
        let version = match self.expire_timestamp_ms {
            Some(_) => VALUE_VERSION_WITH_EXPIRY,
            None => VALUE_VERSION,
        };
        let value = OffsetCommitValue {
            offset: self.offset,
            leader_epoch: self.leader_epoch,
            metadata: self.metadata.into(),
            commit_timestamp: self.commit_timestamp_ms,
            expire_timestamp: self.expire_timestamp_ms.unwrap_or(-1),
            topic_id: self.topic_id,
        };
        GroupRecord::set(offset_key(group_id, topic, partition), GroupValue::OffsetCommit(value), version)
    }
}
