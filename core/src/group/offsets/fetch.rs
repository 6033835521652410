//! OffsetFetch (9): what a group has committed.

use super::{CommittedOffset, Offsets, TopicOffsets};
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
        let name = match names_ids {
            true => topics.by_id(asked.topic_id).map(|topic| &*topic.name),
            false => Some(asked.name.as_str()),
        };
        let partitions = asked.partition_indexes.iter().map(|partition| {
            let Some(name) = name else { return absent(*partition, ErrorCode::UnknownTopicId) };
            let offset = self.get(group_id, name, *partition);
            let offset = offset.filter(|offset| is_of_topic(offset, asked.topic_id));
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
            let topic_id = if names_ids { topics.id_of(name)? } else { Uuid::ZERO };
            Some(all_of(name, topic_id, offsets))
        });
        told.collect()
    }
}

fn all_of(name: &str, topic_id: Uuid, offsets: &TopicOffsets) -> OffsetFetchResponseTopics {
    let offsets = offsets.iter().filter(|(_, offset)| is_of_topic(offset, topic_id));
    OffsetFetchResponseTopics {
        name: if topic_id.is_zero() { name.to_owned() } else { String::new() },
        topic_id,
        partitions: offsets.map(|(partition, offset)| present(*partition, offset)).collect(),
    }
}

/// An offset of a deleted topic says nothing about the one that now has its name.
fn is_of_topic(offset: &CommittedOffset, topic_id: Uuid) -> bool {
    offset.topic_id.is_zero() || topic_id.is_zero() || offset.topic_id == topic_id
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
