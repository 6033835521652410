//! OffsetFetch (9): what a group has committed.

use super::{CommittedOffset, Offsets};
use crate::{
    error_code::ErrorCode,
    metadata::Topics,
    protocol::messages::offset_fetch::{
        OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponseGroup,
        OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
    },
    uuid::Uuid,
};

/// The first version that names topics by their id.
const TOPIC_ID_VERSION: i16 = 10;

impl Offsets {
    /// The offsets of a group that may be told. Where there is none the offset is -1, which is no error.
    pub(crate) fn fetch(
        &self,
        version: i16,
        require_stable: bool,
        topics: &Topics,
        request: &OffsetFetchRequestGroup,
    ) -> OffsetFetchResponseGroup {
        let names_ids = version >= TOPIC_ID_VERSION;
        let fetch = Fetch { offsets: self, names_ids, require_stable, topics, group_id: &request.group_id };
        let topics = match &request.topics {
            None => fetch.all(),
            Some(asked) => asked.iter().map(|asked| fetch.topic(asked)).collect(),
        };
        OffsetFetchResponseGroup { group_id: request.group_id.clone(), topics, ..Default::default() }
    }
}

/// What is asked about one group.
struct Fetch<'a> {
    offsets: &'a Offsets,
    names_ids: bool,
    require_stable: bool,
    topics: &'a Topics,
    group_id: &'a str,
}

impl Fetch<'_> {
    fn topic(&self, asked: &OffsetFetchRequestTopics) -> OffsetFetchResponseTopics {
        let topic = match self.names_ids {
            true => self.topics.by_id(asked.topic_id).map(|topic| (&*topic.name, topic.id)),
            false => Some((asked.name.as_str(), self.topics.id_of(&asked.name).unwrap_or(Uuid::ZERO))),
        };
        let partitions = asked.partition_indexes.iter().map(|partition| {
            let Some((name, topic_id)) = topic else { return absent(*partition, ErrorCode::UnknownTopicId) };
            let offset = self.offsets.get(self.group_id, name, *partition);
            self.told(name, *partition, offset.filter(|offset| !offset.is_of_other_topic(topic_id)))
        });
        OffsetFetchResponseTopics {
            partitions: partitions.collect(),
            name: asked.name.clone(),
            topic_id: asked.topic_id,
        }
    }

    /// What is committed; as in Kafka a partition with nothing but a pending offset is not told of. A topic that has
    /// no id any more cannot be named to a client that knows ids only.
    fn all(&self) -> Vec<OffsetFetchResponseTopics> {
        let committed = self.offsets.of_group(self.group_id).into_iter().flatten();
        let told = committed.filter_map(|(name, offsets)| {
            let topic_id = self.topics.id_of(name);
            let offsets = offsets
                .iter()
                .filter(|(_, offset)| topic_id.is_none_or(|topic_id| !offset.is_of_other_topic(topic_id)));
            Some(OffsetFetchResponseTopics {
                name: if self.names_ids { String::new() } else { name.to_string() },
                topic_id: if self.names_ids { topic_id? } else { Uuid::ZERO },
                partitions: offsets
                    .map(|(partition, offset)| self.told(name, *partition, Some(offset)))
                    .collect(),
            })
        });
        told.filter(|topic| !topic.partitions.is_empty()).collect()
    }

    /// A client that goes on from an offset must not go on from one that the end of a transaction replaces.
    fn told(
        &self,
        topic: &str,
        partition: i32,
        offset: Option<&CommittedOffset>,
    ) -> OffsetFetchResponsePartitions {
        if self.require_stable && self.offsets.pending().contains(self.group_id, topic, partition) {
            return absent(partition, ErrorCode::UnstableOffsetCommit);
        }
        offset.map_or_else(|| absent(partition, ErrorCode::None), |offset| present(partition, offset))
    }
}

fn present(partition: i32, offset: &CommittedOffset) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: partition,
        committed_offset: offset.offset,
        committed_leader_epoch: offset.leader_epoch,
        metadata: Some(offset.metadata.to_string()),
        error_code: ErrorCode::None.code(),
    }
}

fn absent(partition: i32, error: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: partition,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(String::new()),
        error_code: error.code(),
    }
}
