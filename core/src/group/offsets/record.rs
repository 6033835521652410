//! The records of committed offsets: OffsetCommit, version 4 as Kafka 4.4 writes it, or version 1 with an expiry.

use super::CommittedOffset;
use crate::{
    group::GroupRecord,
    protocol::records::{
        GroupKey, GroupValue,
        group::{OffsetCommitKey, OffsetCommitValue},
    },
    uuid::Uuid,
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
        let mut value = OffsetCommitValue {
            offset: self.offset,
            leader_epoch: self.leader_epoch,
            metadata: self.metadata.into(),
            commit_timestamp: self.commit_timestamp_ms,
            topic_id: self.topic_id,
            ..Default::default()
        };
        let mut version = VALUE_VERSION;
        if let Some(expire_timestamp_ms) = self.expire_timestamp_ms {
            version = VALUE_VERSION_WITH_EXPIRY;
            value.expire_timestamp = expire_timestamp_ms;
            // What is replayed now is what will be read from the log.
            (value.leader_epoch, value.topic_id) = (-1, Uuid::ZERO);
        }
        GroupRecord::set(offset_key(group_id, topic, partition), GroupValue::OffsetCommit(value), version)
    }
}
