//! Topics and their partitions.

use std::{collections::BTreeMap, sync::Arc};

use super::{ReplayError, VersionedRecord, record_versions::MetadataVersion};
use crate::{
    protocol::records::metadata::{PartitionChangeRecord, PartitionRecord, TopicRecord},
    uuid::Uuid,
};

/// What stands for a leader where there is none.
pub const NO_LEADER: i32 = -1;
/// A change that says nothing about the leader.
const LEADER_UNCHANGED: i32 = -2;
const RECOVERY_STATE_UNCHANGED: i8 = -1;

/// One partition. Every change raises `partition_epoch`; a change that names a leader raises `leader_epoch`, even
/// where it names the same one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    /// In order of preference.
    pub replicas: Vec<i32>,
    /// The directory of each replica; parallel to `replicas`.
    pub directories: Vec<Uuid>,
    pub isr: Vec<i32>,
    pub removing_replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    /// Out of the ISR, but known to hold everything up to the high watermark (KIP-966).
    pub eligible_leader_replicas: Vec<i32>,
    pub last_known_elr: Vec<i32>,
    /// `NO_LEADER` where there is none.
    pub leader: i32,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    /// The leader was elected unclean and has not finished recovering.
    pub recovering: bool,
}

impl Partition {
    pub fn has_leader(&self) -> bool {
        self.leader != NO_LEADER
    }

    /// The directory that `broker_id` holds its replica in; `None` where it holds none.
    pub fn directory_of(&self, broker_id: i32) -> Option<Uuid> {
        let index = self.replicas.iter().position(|replica| *replica == broker_id)?;
        Some(self.directories.get(index).copied().unwrap_or(Uuid::ZERO))
    }

    fn from_record(record: &PartitionRecord) -> Self {
        let mut directories = record.directories.clone();
        // Before directories were kept, a replica's place was not known: MIGRATING, which is zero.
        directories.resize(record.replicas.len(), Uuid::ZERO);
        Self {
            replicas: record.replicas.clone(),
            directories,
            isr: record.isr.clone(),
            removing_replicas: record.removing_replicas.clone(),
            adding_replicas: record.adding_replicas.clone(),
            eligible_leader_replicas: record.eligible_leader_replicas.clone().unwrap_or_default(),
            last_known_elr: record.last_known_elr.clone().unwrap_or_default(),
            leader: record.leader,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            recovering: record.leader_recovery_state == 1,
        }
    }

    /// The record that creates this partition as it stands.
    pub(crate) fn to_record(
        &self,
        topic_id: Uuid,
        id: i32,
        metadata_version: MetadataVersion,
    ) -> VersionedRecord {
        let has_elr = metadata_version.has_eligible_leader_replicas();
        let elr = |ids: &Vec<i32>| (has_elr && !ids.is_empty()).then(|| ids.clone());
        let directories = metadata_version.has_directories().then(|| self.directories.clone());
        let record = PartitionRecord {
            partition_id: id,
            topic_id,
            replicas: self.replicas.clone(),
            isr: self.isr.clone(),
            removing_replicas: self.removing_replicas.clone(),
            adding_replicas: self.adding_replicas.clone(),
            leader: self.leader,
            leader_recovery_state: i8::from(self.recovering),
            leader_epoch: self.leader_epoch,
            partition_epoch: self.partition_epoch,
            directories: directories.unwrap_or_default(),
            eligible_leader_replicas: elr(&self.eligible_leader_replicas),
            last_known_elr: elr(&self.last_known_elr),
        };
        VersionedRecord::new(record, metadata_version.partition_version())
    }

    fn change(&mut self, record: &PartitionChangeRecord) {
        fn replace<T: Clone>(field: &mut Vec<T>, change: &Option<Vec<T>>) {
            if let Some(value) = change {
                field.clone_from(value);
            }
        }
        replace(&mut self.isr, &record.isr);
        replace(&mut self.replicas, &record.replicas);
        replace(&mut self.removing_replicas, &record.removing_replicas);
        replace(&mut self.adding_replicas, &record.adding_replicas);
        replace(&mut self.directories, &record.directories);
        replace(&mut self.eligible_leader_replicas, &record.eligible_leader_replicas);
        replace(&mut self.last_known_elr, &record.last_known_elr);
        self.directories.resize(self.replicas.len(), Uuid::ZERO);
        if record.leader != LEADER_UNCHANGED {
            self.leader = record.leader;
            self.leader_epoch += 1;
        }
        if record.leader_recovery_state != RECOVERY_STATE_UNCHANGED {
            self.recovering = record.leader_recovery_state == 1;
        }
        self.partition_epoch += 1;
    }
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub id: Uuid,
    pub name: String,
    partitions: BTreeMap<i32, Arc<Partition>>,
}

impl Topic {
    pub fn partition(&self, id: i32) -> Option<&Partition> {
        self.partitions.get(&id).map(Arc::as_ref)
    }

    pub fn partitions(&self) -> impl Iterator<Item = (i32, &Partition)> {
        self.partitions.iter().map(|(id, partition)| (*id, partition.as_ref()))
    }

    pub fn partition_count(&self) -> usize {
        self.partitions.len()
    }
}

/// All topics, by id and by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    by_id: BTreeMap<Uuid, Arc<Topic>>,
    by_name: BTreeMap<String, Uuid>,
}

impl Topics {
    pub fn by_name(&self, name: &str) -> Option<&Topic> {
        self.by_id(*self.by_name.get(name)?)
    }

    pub fn by_id(&self, id: Uuid) -> Option<&Topic> {
        self.by_id.get(&id).map(Arc::as_ref)
    }

    pub fn id_of(&self, name: &str) -> Option<Uuid> {
        self.by_name.get(name).copied()
    }

    /// In order of names.
    pub fn iter(&self) -> impl Iterator<Item = &Topic> {
        self.by_name.values().filter_map(|id| self.by_id(*id))
    }

    pub fn count(&self) -> usize {
        self.by_id.len()
    }

    pub fn partition(&self, id: Uuid, partition: i32) -> Option<&Partition> {
        self.by_id(id)?.partition(partition)
    }

    pub(super) fn create(&mut self, record: &TopicRecord) -> Result<(), ReplayError> {
        let (id, name) = (record.topic_id, record.name.clone());
        if self.by_name.contains_key(&name) || self.by_id.contains_key(&id) {
            return Err(ReplayError::DuplicateTopic { name });
        }
        self.by_name.insert(name.clone(), id);
        self.by_id.insert(id, Arc::new(Topic { id, name, partitions: BTreeMap::new() }));
        Ok(())
    }

    /// Returns the name, for what else hangs on it.
    pub(super) fn remove(&mut self, id: Uuid) -> Result<String, ReplayError> {
        let record = "RemoveTopicRecord";
        let topic = self.by_id.remove(&id).ok_or(ReplayError::UnknownTopic { record, topic_id: id })?;
        self.by_name.remove(&topic.name);
        Ok(topic.name.clone())
    }

    pub(super) fn create_partition(&mut self, record: &PartitionRecord) -> Result<(), ReplayError> {
        let topic = self.topic_mut("PartitionRecord", record.topic_id)?;
        topic.partitions.insert(record.partition_id, Arc::new(Partition::from_record(record)));
        Ok(())
    }

    pub(super) fn change_partition(&mut self, change: &PartitionChangeRecord) -> Result<(), ReplayError> {
        let (record, topic_id) = ("PartitionChangeRecord", change.topic_id);
        let partition = change.partition_id;
        let unknown = ReplayError::UnknownPartition { record, topic_id, partition };
        let topic = self.topic_mut(record, topic_id)?;
        Arc::make_mut(topic.partitions.get_mut(&partition).ok_or(unknown)?).change(change);
        Ok(())
    }

    /// An empty name means every topic.
    pub(super) fn clear_elr(&mut self, name: &str) -> Result<(), ReplayError> {
        let ids: Vec<Uuid> = if name.is_empty() {
            self.by_id.keys().copied().collect()
        } else {
            let unknown =
                || ReplayError::UnknownTopicName { record: "ClearElrRecord", name: name.to_owned() };
            vec![self.id_of(name).ok_or_else(unknown)?]
        };
        for id in ids {
            let topic = self.topic_mut("ClearElrRecord", id)?;
            for partition in topic.partitions.values_mut() {
                let has_elr =
                    !partition.eligible_leader_replicas.is_empty() || !partition.last_known_elr.is_empty();
                if has_elr {
                    let partition = Arc::make_mut(partition);
                    partition.eligible_leader_replicas.clear();
                    partition.last_known_elr.clear();
                }
            }
        }
        Ok(())
    }

    fn topic_mut(&mut self, record: &'static str, topic_id: Uuid) -> Result<&mut Topic, ReplayError> {
        let topic = self.by_id.get_mut(&topic_id);
        topic.map(Arc::make_mut).ok_or(ReplayError::UnknownTopic { record, topic_id })
    }
}
