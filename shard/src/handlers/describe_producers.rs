//! DescribeProducers (61): the idempotent producers that partitions remember.

use std::{collections::BTreeSet, rc::Rc};

use jackdaw_core::{
    controller::check_topic_name,
    error_code::ErrorCode,
    protocol::messages::describe_producers::{
        DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicRequest,
        TopicResponse,
    },
};

use crate::{
    partition_query::{ActiveProducer, Ask, PartitionQuery, Told, ask_owners, key},
    service::RequestContext,
    shard::Shard,
    view::View,
};

pub(crate) async fn handle(
    shard: Rc<Shard>,
    _context: RequestContext,
    mut request: DescribeProducersRequest,
) -> DescribeProducersResponse {
    keep_first(&mut request);
    let view = shard.view();
    let mut results = Vec::new();
    let mut queries = Vec::new();
    for topic in &request.topics {
        for &partition_index in &topic.partition_indexes {
            let (error, error_message) = match key(&view, &topic.name, partition_index) {
                Some(key) => {
                    queries.push(PartitionQuery { index: results.len(), key, ask: Ask::Producers });
                    (ErrorCode::UnknownTopicOrPartition, None)
                }
                None => missing(&view, &topic.name),
            };
            let error_code = error.code();
            let response =
                PartitionResponse { partition_index, error_code, error_message, ..Default::default() };
            results.push(response);
        }
    }
    for (index, told) in ask_owners(&shard, queries).await {
        let result = &mut results[index];
        match told {
            Ok(Told::Producers(producers)) => {
                result.active_producers = producers.into_iter().map(state).collect();
                result.error_code = ErrorCode::None.code();
            }
            Ok(_) => result.error_code = ErrorCode::UnknownServerError.code(),
            Err(error) => result.error_code = error.code(),
        }
    }
    let mut results = results.into_iter();
    let topics = request.topics.iter().map(|topic| TopicResponse {
        name: topic.name.clone(),
        partitions: results.by_ref().take(topic.partition_indexes.len()).collect(),
    });
    DescribeProducersResponse { topics: topics.collect(), ..DescribeProducersResponse::default() }
}

/// Each partition once, where it is named first: its number costs four bytes, its producers may be a hundred thousand.
fn keep_first(request: &mut DescribeProducersRequest) {
    let mut seen = BTreeSet::new();
    for TopicRequest { name, partition_indexes } in &mut request.topics {
        let name = name.as_str();
        partition_indexes.retain(|index| seen.insert((name, *index)));
    }
}

/// Kafka explains a missing topic and not a missing partition.
fn missing(view: &View, topic: &str) -> (ErrorCode, Option<String>) {
    if let Err(error) = check_topic_name(topic) {
        return (ErrorCode::InvalidTopicException, Some(error.to_string()));
    }
    let text = "This server does not host this topic-partition.";
    let text = view.topic_by_name(topic).is_none().then(|| text.to_owned());
    (ErrorCode::UnknownTopicOrPartition, text)
}

fn state(producer: ActiveProducer) -> ProducerState {
    ProducerState {
        producer_id: producer.id,
        producer_epoch: i32::from(producer.epoch),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.transaction_start_offset,
    }
}
