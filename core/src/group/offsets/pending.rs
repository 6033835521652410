//! Offsets that are committed in transactions which have not ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{CommittedOffset, Offsets, record::offset_tombstone};
use crate::group::GroupRecord;

/// An offset that one transaction commits for a partition.
#[derive(Clone, Debug, PartialEq)]
struct PendingOffset {
    producer_id: i64,
    /// `None` once a later record of the partition has been committed: the end of this transaction brings nothing.
    offset: Option<CommittedOffset>,
}

/// More than a coordinator keeps in memory (`OFFSETS_PER_COORDINATOR_MAX`, `OFFSETS_METADATA_BYTES_MAX`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{count} offsets with {metadata_bytes} bytes of metadata are in transactions that have not ended, which is too many; \
     let their producers, or Kafka's tool for hanging transactions, end them"
)]
pub struct TooManyPending {
    pub count: usize,
    pub metadata_bytes: usize,
}

/// Oldest record first; a producer is there once.
type PartitionPending = Vec<PendingOffset>;
type TopicPending = BTreeMap<i32, PartitionPending>;
type GroupPending = BTreeMap<Arc<str>, TopicPending>;
type PartitionKey = (Arc<str>, Arc<str>, i32);

/// Invariants: no empty collection inside; `by_producer` has the partitions that `by_group` has; the counts are those of
/// all `PendingOffset`s.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PendingOffsets {
    by_group: BTreeMap<Arc<str>, GroupPending>,
    by_producer: BTreeMap<i64, BTreeSet<PartitionKey>>,
    pub(super) count: usize,
    pub(super) metadata_bytes: usize,
}

impl PendingOffset {
    fn metadata_bytes(&self) -> usize {
        self.offset.as_ref().map_or(0, |offset| offset.metadata.len())
    }
}

impl PendingOffsets {
    pub(crate) fn has_group(&self, group_id: &str) -> bool {
        self.by_group.contains_key(group_id)
    }

    pub(crate) fn contains(&self, group_id: &str, topic: &str, partition: i32) -> bool {
        self.get(group_id, topic, partition).is_some()
    }

    fn get(&self, group_id: &str, topic: &str, partition: i32) -> Option<&PartitionPending> {
        self.by_group.get(group_id)?.get(topic)?.get(&partition)
    }

    fn get_mut(&mut self, group_id: &str, topic: &str, partition: i32) -> Option<&mut PartitionPending> {
        self.by_group.get_mut(group_id)?.get_mut(topic)?.get_mut(&partition)
    }

    /// The producer's earlier offset of the partition, if there is one, gives way.
    fn add(
        &mut self,
        producer_id: i64,
        (group_id, topic, partition): (&str, &str, i32),
        offset: CommittedOffset,
    ) {
        let known = self.by_group.get_key_value(group_id);
        let group_id = known.map_or_else(|| group_id.into(), |(group_id, _)| Arc::clone(group_id));
        let topics = self.by_group.entry(Arc::clone(&group_id)).or_default();
        let known = topics.get_key_value(topic);
        let topic = known.map_or_else(|| topic.into(), |(topic, _)| Arc::clone(topic));
        let pending = topics.entry(Arc::clone(&topic)).or_default().entry(partition).or_default();
        if let Some(index) = pending.iter().position(|pending| pending.producer_id == producer_id) {
            self.metadata_bytes -= pending.remove(index).metadata_bytes();
            self.count -= 1;
        }
        self.metadata_bytes += offset.metadata.len();
        self.count += 1;
        pending.push(PendingOffset { producer_id, offset: Some(offset) });
        self.by_producer.entry(producer_id).or_default().insert((group_id, topic, partition));
    }

    /// A record that is later than all of the partition has been committed.
    pub(super) fn overtake(&mut self, group_id: &str, topic: &str, partition: i32) {
        let Some(pending) = self.get_mut(group_id, topic, partition) else { return };
        let late_bytes = make_late(pending);
        self.metadata_bytes -= late_bytes;
    }

    /// The partition has a tombstone.
    pub(super) fn remove(&mut self, group_id: &str, topic: &str, partition: i32) {
        let Some(pending) = self.get_mut(group_id, topic, partition) else { return };
        let pending = std::mem::take(pending);
        self.remove_empty(group_id, topic, partition);
        let key: PartitionKey = (group_id.into(), topic.into(), partition);
        self.count -= pending.len();
        self.metadata_bytes -= pending.iter().map(PendingOffset::metadata_bytes).sum::<usize>();
        for PendingOffset { producer_id, .. } in pending {
            let Some(keys) = self.by_producer.get_mut(&producer_id) else { continue };
            keys.remove(&key);
            if keys.is_empty() {
                self.by_producer.remove(&producer_id);
            }
        }
    }

    /// The producer's transaction has ended: what it would commit. A commit makes what is older of the same
    /// partitions late.
    fn end(&mut self, producer_id: i64, is_commit: bool) -> Vec<(PartitionKey, CommittedOffset)> {
        let mut ended = Vec::new();
        for key in self.by_producer.remove(&producer_id).unwrap_or_default() {
            let Some(pending) = self.get_mut(&key.0, &key.1, key.2) else { continue };
            let Some(index) = pending.iter().position(|pending| pending.producer_id == producer_id) else {
                continue;
            };
            let removed = pending.remove(index);
            let late_bytes = if is_commit { make_late(&mut pending[..index]) } else { 0 };
            self.count -= 1;
            self.metadata_bytes -= removed.metadata_bytes() + late_bytes;
            let PendingOffset { offset, .. } = removed;
            self.remove_empty(&key.0, &key.1, key.2);
            ended.extend(offset.map(|offset| (key, offset)));
        }
        ended
    }

    fn remove_empty(&mut self, group_id: &str, topic: &str, partition: i32) {
        let Some(topics) = self.by_group.get_mut(group_id) else { return };
        let Some(partitions) = topics.get_mut(topic) else { return };
        if partitions.get(&partition).is_some_and(Vec::is_empty) {
            partitions.remove(&partition);
        }
        if partitions.is_empty() {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.by_group.remove(group_id);
        }
    }
}

/// The ends of their transactions bring nothing. How many bytes of metadata that lets go.
fn make_late(pending: &mut [PendingOffset]) -> usize {
    let bytes = pending.iter().map(PendingOffset::metadata_bytes).sum();
    pending.iter_mut().for_each(|pending| pending.offset = None);
    bytes
}

impl Offsets {
    pub(crate) fn pending(&self) -> &PendingOffsets {
        &self.pending
    }

    /// A record of a transaction, whose end is not known yet.
    ///
    /// # Errors
    /// Where there is no room for it. It has been taken all the same.
    pub(crate) fn set_pending(
        &mut self,
        producer_id: i64,
        group_id: &str,
        topic: &str,
        partition: i32,
        offset: CommittedOffset,
    ) -> Result<(), TooManyPending> {
        self.pending.add(producer_id, (group_id, topic, partition), offset);
        let PendingOffsets { count, metadata_bytes, .. } = self.pending;
        match count <= self.room.count && metadata_bytes <= self.room.metadata_bytes {
            true => Ok(()),
            false => Err(TooManyPending { count, metadata_bytes }),
        }
    }

    /// The end of a producer's transaction. The groups in which it has committed something, and when.
    pub(crate) fn end_transaction(&mut self, producer_id: i64, is_commit: bool) -> Vec<(Arc<str>, i64)> {
        let ended = self.pending.end(producer_id, is_commit);
        if !is_commit {
            return Vec::new();
        }
        let mut groups = Vec::new();
        for ((group_id, topic, partition), offset) in ended {
            let commit_timestamp_ms = offset.commit_timestamp_ms;
            self.insert(&group_id, &topic, partition, offset);
            groups.push((group_id, commit_timestamp_ms));
        }
        groups
    }

    /// Tombstones for what a group has in open transactions only. A tombstone takes the pending offsets, too: the
    /// end of the transaction finds nothing.
    pub(super) fn pending_tombstones(&self, group_id: &str) -> impl Iterator<Item = GroupRecord> {
        let partitions = self.only_pending(group_id);
        partitions.map(move |(topic, partition)| offset_tombstone(group_id, topic, partition))
    }

    fn only_pending(&self, group_id: &str) -> impl Iterator<Item = (&Arc<str>, i32)> {
        let topics = self.pending.by_group.get(group_id).into_iter().flatten();
        let partitions = topics
            .flat_map(|(topic, partitions)| partitions.keys().map(move |partition| (topic, *partition)));
        partitions.filter(move |(topic, partition)| self.get(group_id, topic, *partition).is_none())
    }
}
