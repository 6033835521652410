//! The partitions of a session: ordered, found by topic and number, moved to the end, all in constant time.
//! Topics are kept once, not once a partition.

use std::{collections::HashMap, sync::Arc};

use super::session::{FetchedPartition, TopicKey, TopicRef};
use crate::uuid::Uuid;

/// No slot.
const NIL: u32 = u32::MAX;

/// Names a partition of a session until it is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartitionSlot(u32);

#[derive(Clone, Debug)]
struct Entry {
    partition: FetchedPartition,
    /// Index of its topic; `NIL` while the entry is free.
    topic: u32,
    previous: u32,
    next: u32,
}

#[derive(Clone, Debug)]
struct Topic {
    key: TopicKey,
    partitions_count: u32,
}

#[derive(Clone, Debug)]
pub(super) struct PartitionTable {
    entries: Vec<Entry>,
    free_entries: Vec<u32>,
    /// Ends of the order in which partitions are served.
    first: u32,
    last: u32,
    topics: Vec<Topic>,
    free_topics: Vec<u32>,
    /// A session uses one of these two.
    topics_by_id: HashMap<Uuid, u32>,
    topics_by_name: HashMap<Arc<str>, u32>,
    /// By topic index and partition number.
    slots: HashMap<(u32, i32), u32>,
}

impl Default for PartitionTable {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free_entries: Vec::new(),
            first: NIL,
            last: NIL,
            topics: Vec::new(),
            free_topics: Vec::new(),
            topics_by_id: HashMap::new(),
            topics_by_name: HashMap::new(),
            slots: HashMap::new(),
        }
    }
}

impl PartitionTable {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    #[cfg(test)]
    pub(super) fn topics_count(&self) -> usize {
        self.topics.len() - self.free_topics.len()
    }

    pub(super) fn find(&self, topic: TopicRef<'_>, partition: i32) -> Option<PartitionSlot> {
        let topic = self.find_topic(topic)?;
        self.slots.get(&(topic, partition)).map(|slot| PartitionSlot(*slot))
    }

    fn find_topic(&self, topic: TopicRef<'_>) -> Option<u32> {
        match topic {
            TopicRef::Id(id) => self.topics_by_id.get(&id).copied(),
            TopicRef::Name(name) => self.topics_by_name.get(name).copied(),
        }
    }

    /// Adds a partition that is not there yet at the end.
    pub(super) fn push(&mut self, topic: TopicRef<'_>, partition: FetchedPartition) -> PartitionSlot {
        let topic = self.find_topic(topic).unwrap_or_else(|| self.add_topic(topic));
        self.topics[topic as usize].partitions_count += 1;
        let number = partition.parameters.partition;
        let entry = Entry { partition, topic, previous: NIL, next: NIL };
        let slot = match self.free_entries.pop() {
            Some(slot) => {
                self.entries[slot as usize] = entry;
                slot
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        let replaced = self.slots.insert((topic, number), slot);
        assert!(replaced.is_none(), "a partition stands once in a session");
        self.link_last(slot);
        PartitionSlot(slot)
    }

    fn add_topic(&mut self, topic: TopicRef<'_>) -> u32 {
        let key = match topic {
            TopicRef::Id(id) => TopicKey::Id(id),
            TopicRef::Name(name) => TopicKey::Name(Arc::from(name)),
        };
        let added = Topic { key: key.clone(), partitions_count: 0 };
        let index = match self.free_topics.pop() {
            Some(index) => {
                self.topics[index as usize] = added;
                index
            }
            None => {
                self.topics.push(added);
                (self.topics.len() - 1) as u32
            }
        };
        match key {
            TopicKey::Id(id) => self.topics_by_id.insert(id, index),
            TopicKey::Name(name) => self.topics_by_name.insert(name, index),
        };
        index
    }

    pub(super) fn get(&self, slot: PartitionSlot) -> &FetchedPartition {
        let entry = &self.entries[slot.0 as usize];
        assert_ne!(entry.topic, NIL, "the partition was forgotten");
        &entry.partition
    }

    pub(super) fn get_mut(&mut self, slot: PartitionSlot) -> &mut FetchedPartition {
        let entry = &mut self.entries[slot.0 as usize];
        assert_ne!(entry.topic, NIL, "the partition was forgotten");
        &mut entry.partition
    }

    pub(super) fn remove(&mut self, slot: PartitionSlot) {
        self.unlink(slot.0);
        let entry = &mut self.entries[slot.0 as usize];
        let topic_index = std::mem::replace(&mut entry.topic, NIL);
        self.slots.remove(&(topic_index, entry.partition.parameters.partition));
        self.free_entries.push(slot.0);
        let topic = &mut self.topics[topic_index as usize];
        topic.partitions_count -= 1;
        if topic.partitions_count == 0 {
            match &topic.key {
                TopicKey::Id(id) => self.topics_by_id.remove(id),
                TopicKey::Name(name) => self.topics_by_name.remove(name),
            };
            self.free_topics.push(topic_index);
        }
    }

    pub(super) fn move_to_end(&mut self, slot: PartitionSlot) {
        self.unlink(slot.0);
        self.link_last(slot.0);
    }

    /// In order, each with its topic.
    pub(super) fn iter(&self) -> impl Iterator<Item = (PartitionSlot, &TopicKey, &FetchedPartition)> {
        std::iter::successors(self.entry(self.first), |(_, entry)| self.entry(entry.next)).map(
            |(slot, entry)| (PartitionSlot(slot), &self.topics[entry.topic as usize].key, &entry.partition),
        )
    }

    fn entry(&self, slot: u32) -> Option<(u32, &Entry)> {
        (slot != NIL).then(|| (slot, &self.entries[slot as usize]))
    }

    fn link_last(&mut self, slot: u32) {
        let previous = std::mem::replace(&mut self.last, slot);
        match previous {
            NIL => self.first = slot,
            _ => self.entries[previous as usize].next = slot,
        }
        let entry = &mut self.entries[slot as usize];
        (entry.previous, entry.next) = (previous, NIL);
    }

    fn unlink(&mut self, slot: u32) {
        let Entry { previous, next, .. } = self.entries[slot as usize];
        match previous {
            NIL => self.first = next,
            _ => self.entries[previous as usize].next = next,
        }
        match next {
            NIL => self.last = previous,
            _ => self.entries[next as usize].previous = previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fetch_session::FetchParameters, fetch_session::FetchSession, records::test_random::Random};

    #[test]
    fn random_use_agrees_with_a_plain_list() {
        for seed in 0..30 {
            let mut random = Random::new(seed);
            let mut session = FetchSession::new(false, false, 0);
            let mut table = PartitionTable::default();
            let mut model: Vec<(String, i32, i64)> = Vec::new();
            for step in 0..500 {
                let (name, number) = (format!("topic-{}", random.below(5)), random.below(6) as i32);
                let position =
                    model.iter().position(|(topic, partition, _)| (topic, *partition) == (&name, number));
                let slot = table.find(TopicRef::Name(&name), number);
                assert_eq!(slot.is_some(), position.is_some());
                match (random.below(4), slot, position) {
                    (0, Some(slot), Some(position)) => {
                        table.remove(slot);
                        model.remove(position);
                    }
                    (1, Some(slot), Some(position)) => {
                        table.move_to_end(slot);
                        let moved = model.remove(position);
                        model.push(moved);
                    }
                    (_, Some(slot), Some(position)) => {
                        table.get_mut(slot).parameters.fetch_offset = step;
                        model[position].2 = step;
                    }
                    _ => {
                        let parameters = FetchParameters {
                            partition: number,
                            fetch_offset: step,
                            log_start_offset: -1,
                            current_leader_epoch: -1,
                            last_fetched_epoch: -1,
                            partition_max_bytes: 1,
                        };
                        session.set(TopicRef::Name(&name), parameters);
                        let partition = *session.partitions().last().unwrap().2;
                        session = FetchSession::new(false, false, 0);
                        table.push(TopicRef::Name(&name), partition);
                        model.push((name, number, step));
                    }
                }
                let listed = table.iter().map(|(_, topic, partition)| {
                    let TopicKey::Name(name) = topic else { panic!() };
                    (name.to_string(), partition.parameters.partition, partition.parameters.fetch_offset)
                });
                assert_eq!(listed.collect::<Vec<_>>(), model, "seed {seed} step {step}");
                let mut topics: Vec<_> = model.iter().map(|(topic, ..)| topic).collect();
                topics.sort();
                topics.dedup();
                assert_eq!(table.topics_count(), topics.len());
            }
        }
    }
}
