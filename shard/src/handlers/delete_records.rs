//! DeleteRecords (21): everything below an offset goes.

use std::{collections::BTreeMap, rc::Rc};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::delete_records::{
        DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopicResult,
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
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    // Of a partition that stands twice the last offset counts.
    let mut asked: BTreeMap<(&str, i32), i64> = BTreeMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            asked.insert((&topic.name, partition.partition_index), partition.offset);
        }
    }
    let view = shard.view();
    let mut results: Vec<Result<i64, ErrorCode>> = vec![Err(ErrorCode::UnknownTopicOrPartition); asked.len()];
    let mut queries = Vec::new();
    for (index, (&(name, partition), &offset)) in asked.iter().enumerate() {
        match key(&view, name, partition) {
            // Groups and transactions read them from the start.
            Some(_) if view.topic_by_name(name).is_some_and(|topic| topic.is_internal()) => {
                results[index] = Err(ErrorCode::InvalidTopicException);
            }
            Some(key) => queries.push(PartitionQuery { index, key, ask: Ask::DeleteRecords { offset } }),
            None => {}
        }
    }
    for (index, told) in ask_owners(&shard, queries).await {
        results[index] = match told {
            Ok(Told::LogStartOffset(offset)) => Ok(offset),
            Ok(_) => Err(ErrorCode::UnknownServerError),
            Err(error) => Err(error),
        };
    }
    let mut topics: Vec<DeleteRecordsTopicResult> = Vec::new();
    for ((name, partition_index), result) in asked.into_keys().zip(results) {
        if topics.last().is_none_or(|topic| topic.name != name) {
            topics.push(DeleteRecordsTopicResult { name: name.to_owned(), partitions: Vec::new() });
        }
        let partition = DeleteRecordsPartitionResult {
            partition_index,
            low_watermark: result.unwrap_or(-1),
            error_code: result.err().unwrap_or(ErrorCode::None).code(),
        };
        if let Some(topic) = topics.last_mut() {
            topic.partitions.push(partition);
        }
    }
    DeleteRecordsResponse { topics, ..DeleteRecordsResponse::default() }
}
