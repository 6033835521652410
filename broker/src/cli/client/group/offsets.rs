//! A group's committed offsets: read, written and removed from outside of the group.

use std::collections::{BTreeMap, BTreeSet};

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use jackdaw_core::protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use jackdaw_core::protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse, OffsetFetchResponsePartitions,
};

use super::super::Client;
use super::super::error::ClientError;
use super::super::positions::TopicPartition;

/// The last version that names topics by name. By id, the offsets of deleted topics could not be told.
const LAST_WITH_TOPIC_NAMES: i16 = 9;
/// The first version of OffsetFetch that asks for several groups.
const FIRST_WITH_GROUPS: i16 = 8;
/// The generation of one who is no member.
const NO_GENERATION: i32 = -1;

/// Where a group goes on in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    /// The next record to read.
    pub(crate) offset: i64,
    /// Of the last record read; `None` where the member did not tell.
    pub(crate) leader_epoch: Option<i32>,
    /// The member's own words; mostly empty.
    pub(crate) metadata: String,
}

/// Who commits.
#[derive(Clone, Debug)]
pub(super) struct Committer {
    /// Empty for one who is no member.
    pub(super) member_id: String,
    pub(super) generation: i32,
}

/// The outcome by partition.
pub(crate) type PartitionOutcomes = BTreeMap<TopicPartition, ErrorCode>;

impl Client {
    /// All offsets that a group has committed. A group that does not exist has none.
    pub(crate) fn committed_offsets(
        &mut self,
        group: &str,
    ) -> Result<BTreeMap<TopicPartition, CommittedOffset>, ClientError> {
        let request = |version| {
            if version >= FIRST_WITH_GROUPS {
                let asked = OffsetFetchRequestGroup {
                    group_id: group.to_owned(),
                    topics: None,
                    ..OffsetFetchRequestGroup::default()
                };
                OffsetFetchRequest { groups: vec![asked], ..OffsetFetchRequest::default() }
            } else {
                let group_id = group.to_owned();
                OffsetFetchRequest { group_id, topics: None, ..OffsetFetchRequest::default() }
            }
        };
        self.call_coordinator(group, LAST_WITH_TOPIC_NAMES, request, |answer| read_offsets(group, answer))
    }

    /// Commits offsets for a group without active members; each partition has its own outcome.
    pub(crate) fn commit_offsets(
        &mut self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, i64>,
    ) -> Result<PartitionOutcomes, ClientError> {
        let nobody = Committer { member_id: String::new(), generation: NO_GENERATION };
        self.commit_offsets_as(group, &nobody, offsets)
    }

    /// The same as a member of the group.
    pub(super) fn commit_offsets_as(
        &mut self,
        group: &str,
        committer: &Committer,
        offsets: &BTreeMap<TopicPartition, i64>,
    ) -> Result<PartitionOutcomes, ClientError> {
        let mut by_topic: BTreeMap<&str, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
        for (partition, &committed_offset) in offsets {
            by_topic.entry(&partition.topic).or_default().push(OffsetCommitRequestPartition {
                partition_index: partition.partition,
                committed_offset,
                committed_leader_epoch: -1,
                committed_metadata: Some(String::new()),
            });
        }
        let topics: Vec<OffsetCommitRequestTopic> = by_topic
            .into_iter()
            .map(|(name, partitions)| OffsetCommitRequestTopic {
                name: name.to_owned(),
                partitions,
                ..OffsetCommitRequestTopic::default()
            })
            .collect();
        let request = |_| OffsetCommitRequest {
            group_id: group.to_owned(),
            generation_id_or_member_epoch: committer.generation,
            member_id: committer.member_id.clone(),
            topics: topics.clone(),
            ..OffsetCommitRequest::default()
        };
        self.call_coordinator(group, LAST_WITH_TOPIC_NAMES, request, |answer| {
            let partitions = answer.topics.iter().flat_map(|topic| {
                topic.partitions.iter().map(|partition| {
                    let name = TopicPartition::new(&topic.name, partition.partition_index);
                    (name, ErrorCode::from_i16(partition.error_code))
                })
            });
            let outcomes: PartitionOutcomes = partitions.collect();
            first_of_coordinator(group, &outcomes).map_or(Ok(outcomes), Err)
        })
    }

    /// Removes committed offsets; each partition has its own outcome.
    pub(crate) fn delete_offsets(
        &mut self,
        group: &str,
        partitions: &BTreeSet<TopicPartition>,
    ) -> Result<PartitionOutcomes, ClientError> {
        let mut by_topic: BTreeMap<&str, Vec<OffsetDeleteRequestPartition>> = BTreeMap::new();
        for partition in partitions {
            let asked = OffsetDeleteRequestPartition { partition_index: partition.partition };
            by_topic.entry(&partition.topic).or_default().push(asked);
        }
        let topics: Vec<OffsetDeleteRequestTopic> = by_topic
            .into_iter()
            .map(|(name, partitions)| OffsetDeleteRequestTopic { name: name.to_owned(), partitions })
            .collect();
        let request = |_| OffsetDeleteRequest { group_id: group.to_owned(), topics: topics.clone() };
        self.call_coordinator(group, i16::MAX, request, |answer| {
            match ErrorCode::from_i16(answer.error_code) {
                ErrorCode::None => {}
                ErrorCode::GroupIdNotFound => return Err(ClientError::UnknownGroup(group.to_owned())),
                ErrorCode::NonEmptyGroup => return Err(ClientError::GroupHasMembers(group.to_owned())),
                _ => return Err(ClientError::broker(format!("group {group:?}"), answer.error_code, None)),
            }
            let partitions = answer.topics.iter().flat_map(|topic| {
                topic.partitions.iter().map(|partition| {
                    let name = TopicPartition::new(&topic.name, partition.partition_index);
                    (name, ErrorCode::from_i16(partition.error_code))
                })
            });
            Ok(partitions.collect())
        })
    }
}

/// The coordinator says of every partition that it is not (yet) the group's.
fn first_of_coordinator(group: &str, outcomes: &PartitionOutcomes) -> Option<ClientError> {
    let is_of_coordinator = |code: &&ErrorCode| {
        matches!(
            code,
            ErrorCode::NotCoordinator
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::CoordinatorLoadInProgress
        )
    };
    let code = outcomes.values().find(is_of_coordinator)?;
    Some(ClientError::broker(format!("group {group:?}"), code.code(), None))
}

fn read_offsets(
    group: &str,
    answer: OffsetFetchResponse,
) -> Result<BTreeMap<TopicPartition, CommittedOffset>, ClientError> {
    let of_group = answer.groups.first().map_or(answer.error_code, |group| group.error_code);
    match ErrorCode::from_i16(of_group) {
        ErrorCode::None => {}
        ErrorCode::GroupIdNotFound => return Ok(BTreeMap::new()),
        _ => return Err(ClientError::broker(format!("offsets of group {group:?}"), of_group, None)),
    }
    let mut offsets = BTreeMap::new();
    for (partition, found) in partitions(answer) {
        if found.error_code != 0 {
            let what = format!("offset of group {group:?} in {partition}");
            return Err(ClientError::broker(what, found.error_code, None));
        }
        if found.committed_offset >= 0 {
            let epoch = found.committed_leader_epoch;
            let committed = CommittedOffset {
                offset: found.committed_offset,
                leader_epoch: (epoch >= 0).then_some(epoch),
                metadata: found.metadata.unwrap_or_default(),
            };
            offsets.insert(partition, committed);
        }
    }
    Ok(offsets)
}

/// The partitions of an answer in the form of version 8 and later, in whichever version it came.
fn partitions(answer: OffsetFetchResponse) -> Vec<(TopicPartition, OffsetFetchResponsePartitions)> {
    let mut partitions = Vec::new();
    for topic in answer.topics {
        for old in topic.partitions {
            let partition = OffsetFetchResponsePartitions {
                partition_index: old.partition_index,
                committed_offset: old.committed_offset,
                committed_leader_epoch: old.committed_leader_epoch,
                metadata: old.metadata,
                error_code: old.error_code,
            };
            partitions.push((TopicPartition::new(&topic.name, old.partition_index), partition));
        }
    }
    for topic in answer.groups.into_iter().flat_map(|group| group.topics) {
        let name = topic.name;
        partitions.extend(
            topic
                .partitions
                .into_iter()
                .map(|partition| (TopicPartition::new(&name, partition.partition_index), partition)),
        );
    }
    partitions
}

#[cfg(test)]
mod tests {
    use jackdaw_core::protocol::messages::offset_fetch::{
        OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic,
        OffsetFetchResponseTopics,
    };

    use super::*;

    fn new_partition(partition_index: i32, committed_offset: i64) -> OffsetFetchResponsePartitions {
        OffsetFetchResponsePartitions {
            partition_index,
            committed_offset,
            committed_leader_epoch: 4,
            metadata: Some("m".to_owned()),
            error_code: 0,
        }
    }

    #[test]
    fn offsets_are_read_from_old_and_new_answers() {
        let old = OffsetFetchResponse {
            topics: vec![OffsetFetchResponseTopic {
                name: "t".to_owned(),
                partitions: vec![OffsetFetchResponsePartition {
                    partition_index: 1,
                    committed_offset: 7,
                    committed_leader_epoch: -1,
                    metadata: None,
                    error_code: 0,
                }],
            }],
            ..Default::default()
        };
        let read = read_offsets("g", old).unwrap();
        let expected = CommittedOffset { offset: 7, leader_epoch: None, metadata: String::new() };
        assert_eq!(read, BTreeMap::from([(TopicPartition::new("t", 1), expected)]));
        let new = |error_code| OffsetFetchResponse {
            groups: vec![OffsetFetchResponseGroup {
                group_id: "g".to_owned(),
                topics: vec![OffsetFetchResponseTopics {
                    name: "t".to_owned(),
                    partitions: vec![new_partition(0, 3), new_partition(1, -1)],
                    ..Default::default()
                }],
                error_code,
            }],
            ..Default::default()
        };
        let read = read_offsets("g", new(0)).unwrap();
        let expected = CommittedOffset { offset: 3, leader_epoch: Some(4), metadata: "m".to_owned() };
        assert_eq!(read, BTreeMap::from([(TopicPartition::new("t", 0), expected)]), "-1 means none");
        assert_eq!(read_offsets("g", new(ErrorCode::GroupIdNotFound.code())).unwrap(), BTreeMap::new());
        assert!(read_offsets("g", new(ErrorCode::NotCoordinator.code())).unwrap_err().is_retriable());
    }
}
