//! Committed offsets of all groups, of either protocol and of none.

mod commit;
mod delete;
mod expiry;
mod fetch;
mod pending;
mod record;
mod room;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

pub(crate) use commit::Commit;
pub(crate) use expiry::Expiry;
pub(crate) use record::offset_tombstone;
pub(crate) use room::{Growth, Room};

use pending::PendingOffsets;
pub use pending::TooManyPending;

use crate::{
    protocol::records::group::{LegacyOffsetCommitValue, OffsetCommitValue},
    uuid::Uuid,
};

/// What a group has committed for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    pub(crate) offset: i64,
    /// -1 where the client did not say.
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: Box<str>,
    pub(crate) commit_timestamp_ms: i64,
    /// `None` means `offsets.retention.minutes`; set by clients that name a retention of their own.
    pub(crate) expire_timestamp_ms: Option<i64>,
    /// Zero where the record had no field for it.
    pub(crate) topic_id: Uuid,
}

/// The topics that a group reads, whose offsets nobody takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// It reads something, and it cannot be known what.
    All,
    Topics(BTreeSet<String>),
}

impl Default for Subscription {
    fn default() -> Self {
        Self::Topics(BTreeSet::new())
    }
}

impl Subscription {
    pub(crate) fn contains(&self, topic: &str) -> bool {
        match self {
            Self::All => true,
            Self::Topics(topics) => topics.contains(topic),
        }
    }
}

pub(crate) type TopicOffsets = BTreeMap<i32, CommittedOffset>;
pub(crate) type GroupOffsets = BTreeMap<Arc<str>, TopicOffsets>;

/// Invariant: no group without a topic, no topic without a partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Offsets {
    by_group: BTreeMap<Arc<str>, GroupOffsets>,
    count: usize,
    metadata_bytes: usize,
    pub(crate) room: Room,
    pending: PendingOffsets,
}

impl Offsets {
    pub(crate) fn of_group(&self, group_id: &str) -> Option<&GroupOffsets> {
        self.by_group.get(group_id)
    }

    pub(crate) fn get(&self, group_id: &str, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.by_group.get(group_id)?.get(topic)?.get(&partition)
    }

    /// From this group id on, in order.
    pub(crate) fn groups_from(&self, group_id: &str) -> impl Iterator<Item = (&Arc<str>, &GroupOffsets)> {
        self.by_group.range::<str, _>((Bound::Included(group_id), Bound::Unbounded))
    }

    /// A record outside of transactions.
    pub(crate) fn set(&mut self, group_id: &str, topic: &str, partition: i32, offset: CommittedOffset) {
        self.pending.overtake(group_id, topic, partition);
        self.insert(group_id, topic, partition, offset);
    }

    fn insert(&mut self, group_id: &str, topic: &str, partition: i32, offset: CommittedOffset) {
        if !self.by_group.contains_key(group_id) {
            self.by_group.insert(group_id.into(), GroupOffsets::new());
        }
        let Some(topics) = self.by_group.get_mut(group_id) else { return };
        if !topics.contains_key(topic) {
            topics.insert(topic.into(), TopicOffsets::new());
        }
        let Some(partitions) = topics.get_mut(topic) else { return };
        self.metadata_bytes += offset.metadata.len();
        match partitions.insert(partition, offset) {
            None => self.count += 1,
            Some(old) => self.metadata_bytes -= old.metadata.len(),
        }
    }

    /// A tombstone, for what is pending as well.
    pub(crate) fn remove(&mut self, group_id: &str, topic: &str, partition: i32) {
        self.pending.remove(group_id, topic, partition);
        let Some(topics) = self.by_group.get_mut(group_id) else { return };
        let Some(partitions) = topics.get_mut(topic) else { return };
        if let Some(old) = partitions.remove(&partition) {
            self.count -= 1;
            self.metadata_bytes -= old.metadata.len();
        }
        if partitions.is_empty() {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.by_group.remove(group_id);
        }
    }
}

impl CommittedOffset {
    /// Whether it was committed for another topic than the one that has the name now. An id of zero is unknown.
    pub(crate) fn is_of_other_topic(&self, topic_id: Uuid) -> bool {
        !self.topic_id.is_zero() && !topic_id.is_zero() && self.topic_id != topic_id
    }

    pub(crate) fn from_record(value: &OffsetCommitValue) -> Self {
        Self {
            offset: value.offset,
            leader_epoch: value.leader_epoch,
            metadata: value.metadata.as_str().into(),
            commit_timestamp_ms: value.commit_timestamp,
            expire_timestamp_ms: (value.expire_timestamp != -1).then_some(value.expire_timestamp),
            topic_id: value.topic_id,
        }
    }

    pub(crate) fn from_legacy_record(value: &LegacyOffsetCommitValue) -> Self {
        Self {
            offset: value.offset,
            leader_epoch: -1,
            metadata: value.metadata.as_str().into(),
            commit_timestamp_ms: value.commit_timestamp,
            expire_timestamp_ms: None,
            topic_id: Uuid::ZERO,
        }
    }
}
