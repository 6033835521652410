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
        topics: &Topics,
        request: &OffsetFetchRequestGroup,
    ) -> OffsetFetchResponseGroup {
        let names_ids = version >= TOPIC_ID_VERSION;
        let topics = match &request.topics {
            None => self.fetch_all(names_ids, topics, &request.group_id),
            Some(asked) => asked
                .iter()
                .map(|asked| self.fetch_topic(names_ids, topics, &request.group_id, asked))
                .collect(),
        };
        OffsetFetchResponseGroup { group_id: request.group_id.clone(), topics, ..Default::default() }
    }

    fn fetch_topic(
        &self,
        names_ids: bool,
        topics: &Topics,
        group_id: &str,
        asked: &OffsetFetchRequestTopics,
    ) -> OffsetFetchResponseTopics {
        let topic = match names_ids {
            true => topics.by_id(asked.topic_id).map(|topic| (&*topic.name, topic.id)),
            false => Some((asked.name.as_str(), topics.id_of(&asked.name).unwrap_or(Uuid::ZERO))),
        };
        let partitions = asked.partition_indexes.iter().map(|partition| {
            let Some((name, topic_id)) = topic else { return absent(*partition, ErrorCode::UnknownTopicId) };
            let offset = self.get(group_id, name, *partition);
            let offset = offset.filter(|offset| !offset.is_of_other_topic(topic_id));
            offset.map_or_else(|| absent(*partition, ErrorCode::None), |offset| present(*partition, offset))
        });
        OffsetFetchResponseTopics {
            partitions: partitions.collect(),
            name: asked.name.clone(),
            topic_id: asked.topic_id,
        }
    }

    /// A topic that has no id any more cannot be named to a client that knows ids only.
    fn fetch_all(&self, names_ids: bool, topics: &Topics, group_id: &str) -> Vec<OffsetFetchResponseTopics> {
        let committed = self.of_group(group_id).into_iter().flatten();
        let told = committed.filter_map(|(name, offsets)| {
            let topic_id = topics.id_of(name);
            let offsets = offsets
                .iter()
                .filter(|(_, offset)| topic_id.is_none_or(|topic_id| !offset.is_of_other_topic(topic_id)));
            Some(OffsetFetchResponseTopics {
                name: if names_ids { String::new() } else { name.to_string() },
                topic_id: if names_ids { topic_id? } else { Uuid::ZERO },
                partitions: offsets.map(|(partition, offset)| present(*partition, offset)).collect(),
            })
        });
        told.filter(|topic| !topic.partitions.is_empty()).collect()
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
