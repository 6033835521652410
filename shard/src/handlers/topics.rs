//! CreateTopics (19) and DeleteTopics (20): passed to the controller, answered when every shard knows.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{
        create_topics::{
            CreatableTopic, CreatableTopicConfig, CreatableTopicResult, CreateTopicsRequest,
            CreateTopicsResponse,
        },
        delete_topics::{DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse},
    },
};

use super::mutation_quota;
use crate::{service::RequestContext, shard::Shard, view::CONSUMER_OFFSETS};

/// How long an automatic creation may take, as in Kafka (`request.timeout.ms`).
const AUTO_CREATE_TIMEOUT_MS: i32 = 30_000;

pub(crate) async fn create(
    shard: Rc<Shard>,
    context: RequestContext,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    if let Some(response) = mutation_quota::create_topics(&shard, &context, &request).await {
        return response;
    }
    let names: Vec<String> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let response = shard.controller(request).await;
    response.unwrap_or_else(|| CreateTopicsResponse {
        topics: names.into_iter().map(not_created).collect(),
        ..Default::default()
    })
}

/// The controller is on its way; clients try again.
fn not_created(name: String) -> CreatableTopicResult {
    CreatableTopicResult { name, error_code: ErrorCode::NotController.code(), ..Default::default() }
}

/// Create topics with the broker's defaults; those that cannot be created stay unknown to the caller.
pub(crate) async fn create_automatically(shard: &Rc<Shard>, names: Vec<String>) {
    let topics = names.into_iter().map(|name| match &*name {
        CONSUMER_OFFSETS => offsets_topic(shard),
        _ => CreatableTopic { name, num_partitions: -1, replication_factor: -1, ..CreatableTopic::default() },
    });
    let request = CreateTopicsRequest {
        topics: topics.collect(),
        timeout_ms: AUTO_CREATE_TIMEOUT_MS,
        ..CreateTopicsRequest::default()
    };
    let Some(response) = shard.controller(request).await else { return };
    for topic in response.topics {
        match ErrorCode::from_i16(topic.error_code) {
            ErrorCode::None => tracing::info!(topic = topic.name, "created a topic that a client asked for"),
            ErrorCode::TopicAlreadyExists => {}
            error if topic.name == CONSUMER_OFFSETS => tell_of_missing_offsets_topic(shard, error),
            error => {
                tracing::info!(topic = topic.name, %error, "cannot create a topic that a client asked for")
            }
        }
    }
}

/// No group can be served without it. Clients ask again and again: it is said once a shard.
fn tell_of_missing_offsets_topic(shard: &Shard, error: ErrorCode) {
    if !shard.groups.has_told_of_missing_topic.replace(true) {
        tracing::warn!(topic = CONSUMER_OFFSETS, %error,
            "cannot make the topic of consumer groups, so no group can be served: offsets.topic.replication.factor \
             may not be larger than the number of brokers");
    }
}

/// `__consumer_offsets` with the settings that Kafka gives it.
fn offsets_topic(shard: &Shard) -> CreatableTopic {
    let config = &shard.groups.config.offsets;
    let alive_count = shard.view().brokers.iter().filter(|broker| !broker.fenced).count();
    let configs = [
        ("cleanup.policy", "compact".to_owned()),
        // Groups' records are small and read by nobody who could not read them compressed: as the coordinator wrote.
        ("compression.type", "producer".to_owned()),
        ("segment.bytes", config.topic_segment_bytes.to_string()),
    ];
    let configs = configs
        .into_iter()
        .map(|(name, value)| CreatableTopicConfig { name: name.to_owned(), value: Some(value) });
    CreatableTopic {
        name: CONSUMER_OFFSETS.to_owned(),
        num_partitions: config.topic_num_partitions,
        replication_factor: config.topic_replication_factor(alive_count),
        configs: configs.collect(),
        ..CreatableTopic::default()
    }
}

pub(crate) async fn delete(
    shard: Rc<Shard>,
    context: RequestContext,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    if !shard.limits.delete_topics {
        let text = "delete.topic.enable is false on this broker.";
        return refuse_all(&request, ErrorCode::TopicDeletionDisabled, Some(text));
    }
    if let Some(response) = mutation_quota::delete_topics(&shard, &context, &request).await {
        return response;
    }
    let not_controller = refuse_all(&request, ErrorCode::NotController, None);
    shard.controller(request).await.unwrap_or(not_controller)
}

fn refuse_all(request: &DeleteTopicsRequest, error: ErrorCode, text: Option<&str>) -> DeleteTopicsResponse {
    let by_state = request.topics.iter().map(|topic| (topic.name.clone(), topic.topic_id));
    let by_name = request.topic_names.iter().map(|name| (Some(name.clone()), Default::default()));
    DeleteTopicsResponse {
        responses: by_state
            .chain(by_name)
            .map(|(name, topic_id)| DeletableTopicResult {
                name,
                topic_id,
                error_code: error.code(),
                error_message: text.map(str::to_owned),
            })
            .collect(),
        ..DeleteTopicsResponse::default()
    }
}
