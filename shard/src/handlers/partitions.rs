//! CreatePartitions (37), ElectLeaders (43), AlterPartitionReassignments (45): passed to the controller, answered when
//! every shard knows; and ListPartitionReassignments (46), which any shard can answer.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    metadata::{Partition, Topic},
    protocol::messages::{
        alter_partition_reassignments::{
            AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
        },
        create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopicResult},
        elect_leaders::{ElectLeadersRequest, ElectLeadersResponse},
        list_partition_reassignments::{
            ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
            OngoingPartitionReassignment, OngoingTopicReassignment,
        },
    },
};

use super::mutation_quota;
use crate::{service::RequestContext, shard::Shard};

pub(crate) async fn create(
    shard: Rc<Shard>,
    context: RequestContext,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    if let Some(response) = mutation_quota::create_partitions(&shard, &context, &request).await {
        return response;
    }
    let refused = request.topics.iter().map(|topic| CreatePartitionsTopicResult {
        name: topic.name.clone(),
        error_code: ErrorCode::NotController.code(),
        error_message: None,
    });
    let refused = CreatePartitionsResponse { results: refused.collect(), ..Default::default() };
    shard.controller(request).await.unwrap_or(refused)
}

pub(crate) async fn elect_leaders(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: ElectLeadersRequest,
) -> ElectLeadersResponse {
    shard.controller(request).await.unwrap_or_else(|| ElectLeadersResponse {
        error_code: ErrorCode::NotController.code(),
        ..Default::default()
    })
}

pub(crate) async fn alter_reassignments(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: AlterPartitionReassignmentsRequest,
) -> AlterPartitionReassignmentsResponse {
    shard.controller(request).await.unwrap_or_else(|| AlterPartitionReassignmentsResponse {
        error_code: ErrorCode::NotController.code(),
        error_message: None,
        ..Default::default()
    })
}

pub(crate) async fn list_reassignments(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    let view = shard.view();
    let topics = &view.image.topics;
    let listed: Vec<OngoingTopicReassignment> = match &request.topics {
        None => topics.iter().filter_map(|topic| ongoing(topic, topic.partitions())).collect(),
        Some(asked) => asked
            .iter()
            .filter_map(|asked| {
                let topic = topics.by_name(&asked.name)?;
                let partitions =
                    asked.partition_indexes.iter().filter_map(|id| Some((*id, topic.partition(*id)?)));
                ongoing(topic, partitions)
            })
            .collect(),
    };
    ListPartitionReassignmentsResponse { error_message: None, topics: listed, ..Default::default() }
}

/// A topic with those of its partitions that are on their way to other brokers; `None` where there are none.
fn ongoing<'a>(
    topic: &Topic,
    partitions: impl Iterator<Item = (i32, &'a Partition)>,
) -> Option<OngoingTopicReassignment> {
    let is_ongoing = |partition: &Partition| {
        !partition.adding_replicas.is_empty() || !partition.removing_replicas.is_empty()
    };
    let partitions: Vec<_> = partitions
        .filter(|(_, partition)| is_ongoing(partition))
        .map(|(partition_index, partition)| OngoingPartitionReassignment {
            partition_index,
            replicas: partition.replicas.clone(),
            adding_replicas: partition.adding_replicas.clone(),
            removing_replicas: partition.removing_replicas.clone(),
        })
        .collect();
    (!partitions.is_empty()).then(|| OngoingTopicReassignment { name: topic.name.clone(), partitions })
}
