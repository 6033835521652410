//! ListOffsets (2): earliest, latest, by time, asked of the owning shards.

use std::{collections::BTreeSet, rc::Rc};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::list_offsets::{
        ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopicResponse,
    },
};

use crate::{
    message::{Call, OffsetAnswer, OffsetQuery, Reply},
    rpc::Handled,
    service::RequestContext,
    shard::Shard,
};

/// Answers carry leader epochs from this version on.
const LEADER_EPOCH_VERSION: i16 = 4;

pub(crate) async fn handle(
    shard: Rc<Shard>,
    context: RequestContext,
    request: ListOffsetsRequest,
) -> ListOffsetsResponse {
    let mut answers = Vec::new();
    let mut queries: Vec<Vec<OffsetQuery>> = (0..shard.rpc.shards()).map(|_| Vec::new()).collect();
    plan(&shard, context.version, &request, &mut answers, &mut queries);
    for (owner, queries) in queries.into_iter().enumerate().filter(|(_, queries)| !queries.is_empty()) {
        let reply = if owner == shard.rpc.own() {
            match shard.list_offsets(queries) {
                Handled::Now(reply) => reply,
                Handled::Later(reply) => reply.await,
            }
        } else {
            shard.rpc.call(owner, Call::ListOffsets(queries)).await
        };
        let Reply::ListOffsets(found) = reply else { panic!("an offset query is answered with offsets") };
        for answer in found {
            let index = answer.index;
            answers[index] = answer;
        }
    }
    respond(&request, &answers, context.version)
}

fn plan(
    shard: &Shard,
    version: i16,
    request: &ListOffsetsRequest,
    answers: &mut Vec<OffsetAnswer>,
    queries: &mut [Vec<OffsetQuery>],
) {
    let view = shard.view();
    let repeated = repeated_partitions(request);
    for topic in &request.topics {
        let found = view.topic_by_name(&topic.name);
        for partition in &topic.partitions {
            let index = answers.len();
            let key = found.map(|topic| topic.key(partition.partition_index));
            let owner = key.and_then(|key| view.owner(key).map(|owner| (key, owner)));
            if repeated.contains(&(topic.name.as_str(), partition.partition_index)) {
                answers.push(OffsetAnswer::failed(index, ErrorCode::InvalidRequest));
                continue;
            }
            if !is_supported(partition.timestamp, version) {
                answers.push(OffsetAnswer::failed(index, ErrorCode::UnsupportedVersion));
                continue;
            }
            answers.push(OffsetAnswer::failed(index, ErrorCode::UnknownTopicOrPartition));
            if let Some((key, owner)) = owner {
                queries[owner].push(OffsetQuery {
                    index,
                    key,
                    timestamp: partition.timestamp,
                    current_leader_epoch: partition.current_leader_epoch,
                    read_committed: request.isolation_level == 1,
                });
            }
        }
    }
}

/// Whether a version has this time: a real one, or one of the special ones that it knows.
fn is_supported(timestamp: i64, version: i16) -> bool {
    match timestamp {
        -2.. => true,
        -3 => version >= 7,
        -4 => version >= 8,
        -5 => version >= 9,
        -6 => version >= 11,
        _ => false,
    }
}

/// Partitions that are named more than once: Kafka refuses each of them, and tells it once.
fn repeated_partitions(request: &ListOffsetsRequest) -> BTreeSet<(&str, i32)> {
    let mut seen = BTreeSet::new();
    let mut repeated = BTreeSet::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let named = (topic.name.as_str(), partition.partition_index);
            if !seen.insert(named) {
                repeated.insert(named);
            }
        }
    }
    repeated
}

fn respond(request: &ListOffsetsRequest, answers: &[OffsetAnswer], version: i16) -> ListOffsetsResponse {
    let mut answers = answers.iter();
    let repeated = repeated_partitions(request);
    let mut told = BTreeSet::new();
    let topics = request.topics.iter().map(|topic| ListOffsetsTopicResponse {
        name: topic.name.clone(),
        partitions: topic
            .partitions
            .iter()
            .zip(answers.by_ref())
            .filter(|(partition, _)| {
                let named = (topic.name.as_str(), partition.partition_index);
                !repeated.contains(&named) || told.insert(named)
            })
            .map(|(partition, answer)| ListOffsetsPartitionResponse {
                partition_index: partition.partition_index,
                error_code: answer.error_code.code(),
                timestamp: answer.timestamp,
                offset: answer.offset,
                leader_epoch: if version >= LEADER_EPOCH_VERSION { answer.leader_epoch } else { -1 },
            })
            .collect(),
    });
    ListOffsetsResponse { topics: topics.collect(), ..ListOffsetsResponse::default() }
}

impl OffsetAnswer {
    pub(crate) fn failed(index: usize, error_code: ErrorCode) -> Self {
        Self { index, error_code, offset: -1, timestamp: -1, leader_epoch: -1 }
    }
}
