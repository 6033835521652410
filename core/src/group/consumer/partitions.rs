//! Sets of partitions by topic.

use std::collections::{BTreeMap, BTreeSet};

use crate::uuid::Uuid;

/// Partitions by topic; no topic without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicPartitions(BTreeMap<Uuid, BTreeSet<i32>>);

impl TopicPartitions {
    /// False where it was there already.
    pub fn insert(&mut self, topic_id: Uuid, partition: i32) -> bool {
        self.0.entry(topic_id).or_default().insert(partition)
    }

    pub fn remove(&mut self, topic_id: Uuid, partition: i32) -> bool {
        let Some(partitions) = self.0.get_mut(&topic_id) else { return false };
        let removed = partitions.remove(&partition);
        if partitions.is_empty() {
            self.0.remove(&topic_id);
        }
        removed
    }

    pub fn contains(&self, topic_id: Uuid, partition: i32) -> bool {
        self.0.get(&topic_id).is_some_and(|partitions| partitions.contains(&partition))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Uuid, i32)> {
        self.0.iter().flat_map(|(topic_id, partitions)| {
            partitions.iter().map(move |partition| (*topic_id, *partition))
        })
    }

    /// In order of topic ids.
    pub fn topics(&self) -> impl Iterator<Item = (Uuid, &BTreeSet<i32>)> {
        self.0.iter().map(|(topic_id, partitions)| (*topic_id, partitions))
    }

    pub fn of_topic(&self, topic_id: Uuid) -> impl DoubleEndedIterator<Item = i32> {
        self.0.get(&topic_id).into_iter().flatten().copied()
    }
}

impl FromIterator<(Uuid, i32)> for TopicPartitions {
    fn from_iter<I: IntoIterator<Item = (Uuid, i32)>>(partitions: I) -> Self {
        let mut set = Self::default();
        set.extend(partitions);
        set
    }
}

impl Extend<(Uuid, i32)> for TopicPartitions {
    fn extend<I: IntoIterator<Item = (Uuid, i32)>>(&mut self, partitions: I) {
        for (topic_id, partition) in partitions {
            self.insert(topic_id, partition);
        }
    }
}

/// Partitions by topic, each with the member epoch at which it was assigned; no topic without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssignedPartitions(BTreeMap<Uuid, BTreeMap<i32, i32>>);

impl AssignedPartitions {
    pub fn insert(&mut self, topic_id: Uuid, partition: i32, epoch: i32) {
        self.0.entry(topic_id).or_default().insert(partition, epoch);
    }

    pub fn contains(&self, topic_id: Uuid, partition: i32) -> bool {
        self.epoch_of(topic_id, partition).is_some()
    }

    /// The member epoch at which the partition was assigned.
    pub fn epoch_of(&self, topic_id: Uuid, partition: i32) -> Option<i32> {
        self.0.get(&topic_id)?.get(&partition).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Uuid, i32, i32)> {
        self.0.iter().flat_map(|(topic_id, partitions)| {
            partitions.iter().map(move |(partition, epoch)| (*topic_id, *partition, *epoch))
        })
    }

    /// In order of topic ids: partitions and their epochs.
    pub fn topics(&self) -> impl Iterator<Item = (Uuid, &BTreeMap<i32, i32>)> {
        self.0.iter().map(|(topic_id, partitions)| (*topic_id, partitions))
    }

    /// Without the epochs.
    pub fn partitions(&self) -> TopicPartitions {
        self.iter().map(|(topic_id, partition, _)| (topic_id, partition)).collect()
    }

    /// The same partitions, whatever their epochs.
    pub fn same_partitions(&self, other: &Self) -> bool {
        let ids = |set: &'_ Self| set.iter().map(|(topic_id, partition, _)| (topic_id, partition)).collect();
        let (own, others): (Vec<_>, Vec<_>) = (ids(self), ids(other));
        own == others
    }
}

impl FromIterator<(Uuid, i32, i32)> for AssignedPartitions {
    fn from_iter<I: IntoIterator<Item = (Uuid, i32, i32)>>(partitions: I) -> Self {
        let mut set = Self::default();
        for (topic_id, partition, epoch) in partitions {
            set.insert(topic_id, partition, epoch);
        }
        set
    }
}
