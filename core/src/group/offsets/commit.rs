//! OffsetCommit (8): which offsets are taken, partition by partition.

use super::CommittedOffset;
use crate::{
    config::OffsetsConfig,
    error_code::ErrorCode,
    group::{Context, GroupRecord},
    metadata::Topic,
    protocol::messages::offset_commit::{
        OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
        OffsetCommitResponsePartition, OffsetCommitResponseTopic,
    },
    uuid::Uuid,
};

/// The first version that names topics by their id.
const TOPIC_ID_VERSION: i16 = 10;

/// A request while it is looked through.
pub(crate) struct Commit<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) settings: &'a OffsetsConfig,
    pub(crate) version: i16,
    pub(crate) request: &'a OffsetCommitRequest,
}

impl<'a> Commit<'a> {
    fn topic(&self, topic: &OffsetCommitRequestTopic) -> Result<&'a Topic, ErrorCode> {
        let topics = &self.context.image.topics;
        if self.version >= TOPIC_ID_VERSION {
            topics.by_id(topic.topic_id).ok_or(ErrorCode::UnknownTopicId)
        } else {
            topics.by_name(&topic.name).ok_or(ErrorCode::UnknownTopicOrPartition)
        }
    }

    /// Whether the coordinator has anything to decide: Kafka answers for unknown partitions without asking who
    /// commits.
    pub(crate) fn names_a_known_partition(&self) -> bool {
        self.request.topics.iter().any(|topic| {
            let known = self.topic(topic);
            known.is_ok_and(|known| {
                topic.partitions.iter().any(|asked| known.partition(asked.partition_index).is_some())
            })
        })
    }

    /// The partitions that exist.
    pub(crate) fn known_partitions(&self) -> impl Iterator<Item = (Uuid, i32)> {
        let topics = self.request.topics.iter().filter_map(|asked| Some((asked, self.topic(asked).ok()?)));
        topics.flat_map(|(asked, topic)| {
            let partitions = asked.partitions.iter().map(|partition| partition.partition_index);
            partitions.filter(|partition| topic.partition(*partition).is_some()).map(|p| (topic.id, p))
        })
    }

    /// The answer, and the records of what is taken. `check` says whether the group lets a known partition be
    /// committed.
    pub(crate) fn decide(
        &self,
        mut check: impl FnMut(&Topic, &OffsetCommitRequestPartition) -> Result<(), ErrorCode>,
    ) -> (OffsetCommitResponse, Vec<GroupRecord>) {
        let mut records = Vec::new();
        let topics = self.request.topics.iter().map(|asked| {
            let topic = self.topic(asked);
            let partitions = asked.partitions.iter().map(|partition| {
                let taken = topic.and_then(|topic| {
                    self.check_partition(topic, partition)?;
                    check(topic, partition)?;
                    records.push(self.record(topic, partition));
                    Ok(())
                });
                OffsetCommitResponsePartition {
                    partition_index: partition.partition_index,
                    error_code: taken.err().unwrap_or(ErrorCode::None).code(),
                }
            });
            OffsetCommitResponseTopic {
                partitions: partitions.collect(),
                name: asked.name.clone(),
                topic_id: asked.topic_id,
            }
        });
        let response = OffsetCommitResponse { topics: topics.collect(), ..Default::default() };
        (response, records)
    }

    fn check_partition(&self, topic: &Topic, asked: &OffsetCommitRequestPartition) -> Result<(), ErrorCode> {
        topic.partition(asked.partition_index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        // Kafka counts Java's characters, whatever the setting's name says.
        let length = asked.committed_metadata.as_deref().map_or(0, |text| text.encode_utf16().count());
        let length_max = usize::try_from(self.settings.metadata_max_bytes).unwrap_or(0);
        if length > length_max { Err(ErrorCode::OffsetMetadataTooLarge) } else { Ok(()) }
    }

    fn record(&self, topic: &Topic, partition: &OffsetCommitRequestPartition) -> GroupRecord {
        let unix_ms = self.context.unix_ms;
        let retention_ms = self.request.retention_time_ms;
        let offset = CommittedOffset {
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.as_deref().unwrap_or_default().into(),
            commit_timestamp_ms: unix_ms,
            expire_timestamp_ms: (retention_ms != -1).then(|| unix_ms.saturating_add(retention_ms)),
            topic_id: topic.id,
        };
        offset.into_record(&self.request.group_id, &topic.name, partition.partition_index)
    }
}
