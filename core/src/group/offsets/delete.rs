//! OffsetDelete (47): an administrator takes offsets back.

use super::{Offsets, Subscription, offset_tombstone};
use crate::{
    error_code::ErrorCode,
    group::{Context, GroupRecord},
    protocol::messages::offset_delete::{
        OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
    },
};

impl Offsets {
    /// The answer, and the records of what is taken away.
    pub(crate) fn delete(
        &self,
        context: &Context<'_>,
        request: &OffsetDeleteRequest,
        subscription: &Subscription,
    ) -> (OffsetDeleteResponse, Vec<GroupRecord>) {
        let mut records = Vec::new();
        let topics = request.topics.iter().map(|asked| {
            let topic = context.image.topics.by_name(&asked.name);
            let is_subscribed = subscription.contains(&asked.name);
            let partitions = asked.partitions.iter().map(|asked_partition| {
                let partition = asked_partition.partition_index;
                let is_known = topic.is_some_and(|topic| topic.partition(partition).is_some());
                let error = match (is_known, is_subscribed) {
                    (false, _) => ErrorCode::UnknownTopicOrPartition,
                    (true, true) => ErrorCode::GroupSubscribedToTopic,
                    (true, false) => ErrorCode::None,
                };
                let is_there = self.get(&request.group_id, &asked.name, partition).is_some()
                    || self.pending.contains(&request.group_id, &asked.name, partition);
                if error.is_ok() && is_there {
                    records.push(offset_tombstone(&request.group_id, &asked.name, partition));
                }
                OffsetDeleteResponsePartition { partition_index: partition, error_code: error.code() }
            });
            OffsetDeleteResponseTopic { partitions: partitions.collect(), name: asked.name.clone() }
        });
        let response = OffsetDeleteResponse { topics: topics.collect(), ..Default::default() };
        (response, records)
    }

    /// Tombstones for everything that a group has committed, or would with the end of a transaction.
    pub(crate) fn tombstones(&self, group_id: &str) -> impl Iterator<Item = GroupRecord> {
        let topics = self.of_group(group_id).into_iter().flatten();
        let committed = topics.flat_map(move |(topic, partitions)| {
            partitions.keys().map(move |partition| offset_tombstone(group_id, topic, *partition))
        });
        committed.chain(self.pending_tombstones(group_id))
    }
}
