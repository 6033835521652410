//! DescribeTopicPartitions (75): topics in pages.

use std::{collections::BTreeSet, rc::Rc};

use jackdaw_core::{
    authorized_operations as operations,
    controller::check_topic_name,
    error_code::ErrorCode,
    protocol::messages::describe_topic_partitions::{
        DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
        DescribeTopicPartitionsResponseCursor, DescribeTopicPartitionsResponsePartition,
        DescribeTopicPartitionsResponseTopic, TopicRequest,
    },
};

use super::metadata::leader_error;
use crate::{
    service::RequestContext,
    shard::Shard,
    view::{TopicView, View},
};

/// A version of Metadata whose leader errors this API shares.
const METADATA_VERSION: i16 = 12;

pub(crate) async fn handle(
    shard: Rc<Shard>,
    context: RequestContext,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let view = shard.view();
    let listener = shard.listener_name(context.listener);
    let limit = usize::try_from(request.response_partition_limit).unwrap_or(0);
    let mut page =
        Page { view: &view, listener, left: limit.clamp(1, shard.limits.described_partitions_max) };
    let mut response = DescribeTopicPartitionsResponse::default();
    let (mut from_topic, mut from_partition) = (String::new(), 0);
    if let Some(response) = refused(&request) {
        return response;
    }
    if let Some(cursor) = &request.cursor {
        from_topic.clone_from(&cursor.topic_name);
        from_partition = usize::try_from(cursor.partition_index).unwrap_or(0);
    }
    for name in names(&view, &request).into_iter().filter(|name| *name >= from_topic) {
        let first = if name == from_topic { from_partition } else { 0 };
        if page.left == 0 {
            response.next_cursor = Some(cursor(name, 0));
            break;
        }
        let (topic, next) = page.topic(&name, first);
        response.topics.push(topic);
        if let Some(next) = next {
            response.next_cursor = Some(cursor(name, next));
            break;
        }
    }
    response
}

/// The answer to a cursor at no partition: each topic by its name alone.
fn refused(request: &DescribeTopicPartitionsRequest) -> Option<DescribeTopicPartitionsResponse> {
    request.cursor.as_ref().filter(|cursor| cursor.partition_index < 0)?;
    let failed = |topic: &TopicRequest| DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::InvalidRequest.code(),
        name: Some(topic.name.clone()),
        ..DescribeTopicPartitionsResponseTopic::default()
    };
    let topics = request.topics.iter().map(failed).collect();
    Some(DescribeTopicPartitionsResponse { topics, ..DescribeTopicPartitionsResponse::default() })
}

fn cursor(topic_name: String, partition: usize) -> DescribeTopicPartitionsResponseCursor {
    DescribeTopicPartitionsResponseCursor { topic_name, partition_index: partition as i32 }
}

/// The asked topics, or all, by name.
fn names(view: &View, request: &DescribeTopicPartitionsRequest) -> BTreeSet<String> {
    if request.topics.is_empty() {
        return view.names.keys().map(|name| name.to_string()).collect();
    }
    request.topics.iter().map(|topic| topic.name.clone()).collect()
}

/// An answer of limited size.
struct Page<'a> {
    view: &'a View,
    listener: &'a str,
    left: usize,
}

impl Page<'_> {
    /// One topic from partition `first` on; and where it goes on if the page is full.
    fn topic(&mut self, name: &str, first: usize) -> (DescribeTopicPartitionsResponseTopic, Option<usize>) {
        let Some(topic) = self.view.topic_by_name(name) else {
            let error = match check_topic_name(name) {
                Ok(()) => ErrorCode::UnknownTopicOrPartition,
                Err(_) => ErrorCode::InvalidTopicException,
            };
            let unknown = DescribeTopicPartitionsResponseTopic {
                error_code: error.code(),
                name: Some(name.to_owned()),
                topic_authorized_operations: operations::TOPIC,
                ..DescribeTopicPartitionsResponseTopic::default()
            };
            return (unknown, None);
        };
        let end = topic.partitions.len().min(first.saturating_add(self.left));
        let partitions: Vec<_> = (first..end).map(|index| self.partition(topic, index)).collect();
        self.left -= partitions.len();
        let described = DescribeTopicPartitionsResponseTopic {
            name: Some(name.to_owned()),
            topic_id: topic.id,
            is_internal: topic.is_internal(),
            partitions,
            topic_authorized_operations: operations::TOPIC,
            ..DescribeTopicPartitionsResponseTopic::default()
        };
        (described, (end < topic.partitions.len()).then_some(end))
    }

    fn partition(&self, topic: &TopicView, index: usize) -> DescribeTopicPartitionsResponsePartition {
        let partition = &topic.partitions[index];
        DescribeTopicPartitionsResponsePartition {
            error_code: leader_error(self.view, partition, self.listener, METADATA_VERSION).code(),
            partition_index: index as i32,
            leader_id: partition.leader,
            leader_epoch: partition.leader_epoch,
            replica_nodes: partition.replicas.clone(),
            isr_nodes: partition.isr.clone(),
            eligible_leader_replicas: Some(partition.eligible_leader_replicas.clone()),
            last_known_elr: Some(partition.last_known_elr.clone()),
            offline_replicas: self.view.offline_replicas(partition),
        }
    }
}
