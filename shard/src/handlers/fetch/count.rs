//! What a fetch counts, by topic.

use std::rc::Rc;

use jackdaw_core::{error_code::ErrorCode, uuid::Uuid};

use super::plan::Plan;
use crate::{
    message::Fetched,
    metrics::{TopicCount, TopicCounters},
    shard::Shard,
};

/// Count each partition that was read, once however often it was read while the fetch waited.
pub(super) fn count(shard: &Shard, plan: &Plan, fetched: &[Fetched]) {
    // Partitions of a topic mostly stand together.
    let mut last: Option<(Uuid, Rc<TopicCounters>)> = None;
    for read in plan.calls.iter().flat_map(|(_, call)| &call.reads) {
        let topic_id = read.key.topic_id;
        let counters = match last.take() {
            Some((id, counters)) if id == topic_id => counters,
            _ => shard.counters.topic(topic_id),
        };
        let answer = &fetched[read.index];
        counters.add(TopicCount::FetchRequests, 1);
        counters.add(TopicCount::BytesOut, answer.data.size_bytes() as u64);
        if is_failure(answer.error_code) {
            counters.add(TopicCount::FailedFetchRequests, 1);
        }
        last = Some((topic_id, counters));
    }
}

/// As Kafka counts: what clients ordinarily meet is no failure.
fn is_failure(error: ErrorCode) -> bool {
    !matches!(
        error,
        ErrorCode::None
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::UnknownLeaderEpoch
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::KafkaStorageError
            | ErrorCode::OffsetOutOfRange
    )
}
