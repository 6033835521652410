//! OffsetForLeaderEpoch (23): where the records of a leader's epoch end; consumers ask after a change of leaders.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::offset_for_leader_epoch::{
        EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderTopicResult,
    },
};

use crate::{
    partition_query::{Ask, PartitionQuery, Told, ask_owners, key},
    service::RequestContext,
    shard::Shard,
};

pub(crate) async fn handle(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let view = shard.view();
    let mut results = Vec::new();
    let mut queries = Vec::new();
    for topic in &request.topics {
        for asked in &topic.partitions {
            if let Some(key) = key(&view, &topic.topic, asked.partition) {
                let ask = Ask::EpochEnd {
                    current_leader_epoch: asked.current_leader_epoch,
                    leader_epoch: asked.leader_epoch,
                };
                queries.push(PartitionQuery { index: results.len(), key, ask });
            }
            results.push(EpochEndOffset {
                error_code: ErrorCode::UnknownTopicOrPartition.code(),
                partition: asked.partition,
                leader_epoch: -1,
                end_offset: -1,
            });
        }
    }
    for (index, told) in ask_owners(&shard, queries).await {
        let result = &mut results[index];
        match told {
            Ok(Told::EpochEnd { leader_epoch, end_offset }) => {
                (result.leader_epoch, result.end_offset) = (leader_epoch, end_offset);
                result.error_code = ErrorCode::None.code();
            }
            Ok(_) => result.error_code = ErrorCode::UnknownServerError.code(),
            Err(error) => result.error_code = error.code(),
        }
    }
    let mut results = results.into_iter();
    let topics = request.topics.iter().map(|topic| OffsetForLeaderTopicResult {
        topic: topic.topic.clone(),
        partitions: results.by_ref().take(topic.partitions.len()).collect(),
    });
    OffsetForLeaderEpochResponse { topics: topics.collect(), ..OffsetForLeaderEpochResponse::default() }
}
