//! Metadata (3): brokers, topics, partitions and their leaders; creates topics where that is allowed.

use std::{collections::BTreeSet, rc::Rc};

use jackdaw_core::{
    authorized_operations as operations,
    controller::check_topic_name,
    error_code::ErrorCode,
    protocol::messages::metadata::{
        MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
        MetadataResponsePartition, MetadataResponseTopic,
    },
};

use super::topics::create_automatically;
use crate::{
    answer::{Counted, memory_for},
    limits::{METADATA_PARTITION_BYTES, METADATA_TOPIC_BYTES},
    service::RequestContext,
    shard::Shard,
    view::{PartitionView, TopicView, View},
};

/// Versions up to this answer LEADER_NOT_AVAILABLE where later ones answer LISTENER_NOT_FOUND.
const LISTENER_NOT_FOUND_VERSION: i16 = 6;
/// From this version on a request may name topics by id.
const TOPIC_IDS_VERSION: i16 = 12;

pub(crate) async fn handle(
    shard: Rc<Shard>,
    context: RequestContext,
    request: MetadataRequest,
) -> Counted<MetadataResponse> {
    let asked = asked_topics(&context, &request);
    if let Some(response) = refused(&context, asked.as_deref()) {
        let memory = memory_for(&shard, response.topics.len() * METADATA_TOPIC_BYTES).await;
        return Counted { response, memory };
    }
    if let Some(topics) = &asked {
        create_missing(&shard, &request, topics).await;
    }
    let memory = memory_for(&shard, size_bytes(&shard.view(), asked.as_deref())).await;
    let view = shard.view();
    let listener = shard.listener_name(context.listener);
    let describe = |topic: &TopicView| describe(&view, topic, listener, context.version);
    let mut topics: Vec<_> = match asked {
        None => view.topics_by_name().map(describe).collect(),
        Some(topics) => topics.iter().map(|asked| find(&view, asked, &describe)).collect(),
    };
    // Those of a name that is not there are told as well, those of an id are not.
    for topic in topics.iter_mut().filter(|topic| topic.error_code != ErrorCode::UnknownTopicId.code()) {
        topic.topic_authorized_operations =
            operations::where_asked(request.include_topic_authorized_operations, operations::TOPIC);
    }
    let response = MetadataResponse {
        brokers: view
            .alive_brokers(listener)
            .map(|(broker, endpoint)| MetadataResponseBroker {
                node_id: broker.id,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: broker.rack.clone(),
            })
            .collect(),
        cluster_id: Some(shard.identity.cluster_id.clone()),
        controller_id: any_broker(&view, listener),
        topics,
        cluster_authorized_operations: operations::where_asked(
            request.include_cluster_authorized_operations,
            operations::CLUSTER,
        ),
        ..MetadataResponse::default()
    };
    Counted { response, memory }
}

/// What the answer takes, about.
fn size_bytes(view: &View, asked: Option<&[&MetadataRequestTopic]>) -> usize {
    let of = |topic: &TopicView| topic.partitions.len() * METADATA_PARTITION_BYTES;
    match asked {
        None => view.topics.values().map(|topic| METADATA_TOPIC_BYTES + of(topic)).sum(),
        Some(topics) => {
            let named = topics.iter().filter_map(|asked| topic_of(view, asked));
            topics.len() * METADATA_TOPIC_BYTES + named.map(of).sum::<usize>()
        }
    }
}

/// Clients send what is the controller's to any broker, which passes it on; so any live one is named.
pub(crate) fn any_broker(view: &View, listener: &str) -> i32 {
    view.alive_brokers(listener).next().map_or(-1, |(broker, _)| broker.id)
}

/// The topics that are asked for, each once, where it is named first: a name costs a few bytes, its answer may be long,
/// and Kafka takes them as a set. `None` for all: null, and in version 0, which has no null, an empty list.
fn asked_topics<'a>(
    context: &RequestContext,
    request: &'a MetadataRequest,
) -> Option<Vec<&'a MetadataRequestTopic>> {
    let topics = request.topics.as_deref().filter(|topics| context.version > 0 || !topics.is_empty())?;
    // As in Kafka: with an id among them, those that are named are left out.
    let by_id = context.version >= TOPIC_IDS_VERSION && topics.iter().any(|asked| !asked.topic_id.is_zero());
    let mut seen = BTreeSet::new();
    let is_meant = |asked: &&MetadataRequestTopic| !by_id || !asked.topic_id.is_zero();
    let asked = topics.iter().filter(is_meant);
    Some(asked.filter(|asked| seen.insert((name_of(asked), asked.topic_id))).collect())
}

async fn create_missing(shard: &Rc<Shard>, request: &MetadataRequest, topics: &[&MetadataRequestTopic]) {
    if !request.allow_auto_topic_creation || !shard.limits.auto_create_topics {
        return;
    }
    let missing: Vec<String> = {
        let view = shard.view();
        let named = topics.iter().filter_map(|asked| name_of(asked));
        named.filter(|name| view.topic_by_name(name).is_none()).cloned().collect()
    };
    if !missing.is_empty() {
        create_automatically(shard, missing).await;
    }
}

/// The name that a topic is asked for by. Java's clients that ask for an id send an empty name beside it.
fn name_of(asked: &MetadataRequestTopic) -> Option<&String> {
    asked.name.as_ref().filter(|_| asked.topic_id.is_zero())
}

/// The topic that is asked for, if it exists.
fn topic_of<'a>(view: &'a View, asked: &MetadataRequestTopic) -> Option<&'a TopicView> {
    match name_of(asked) {
        Some(name) => view.topic_by_name(name),
        None => view.topic_by_id(asked.topic_id),
    }
}

/// The whole answer where a topic is asked for by id, or by no name, in a version that has no ids.
fn refused(context: &RequestContext, asked: Option<&[&MetadataRequestTopic]>) -> Option<MetadataResponse> {
    let topics = asked.filter(|_| context.version < TOPIC_IDS_VERSION)?;
    topics.iter().find(|asked| name_of(asked).is_none())?;
    let failed = |asked: &&MetadataRequestTopic| MetadataResponseTopic {
        error_code: ErrorCode::InvalidRequest.code(),
        name: Some(asked.name.clone().unwrap_or_default()),
        topic_id: asked.topic_id,
        ..MetadataResponseTopic::default()
    };
    let topics = topics.iter().map(failed).collect();
    Some(MetadataResponse { topics, ..MetadataResponse::default() })
}

fn find(
    view: &View,
    asked: &MetadataRequestTopic,
    describe: &impl Fn(&TopicView) -> MetadataResponseTopic,
) -> MetadataResponseTopic {
    let failed = |error: ErrorCode| MetadataResponseTopic {
        error_code: error.code(),
        name: name_of(asked).cloned(),
        topic_id: asked.topic_id,
        ..MetadataResponseTopic::default()
    };
    match name_of(asked) {
        Some(name) => match view.topic_by_name(name) {
            Some(topic) => describe(topic),
            None if check_topic_name(name).is_ok() => failed(ErrorCode::UnknownTopicOrPartition),
            None => failed(ErrorCode::InvalidTopicException),
        },
        None => view.topic_by_id(asked.topic_id).map_or_else(|| failed(ErrorCode::UnknownTopicId), describe),
    }
}

fn describe(view: &View, topic: &TopicView, listener: &str, version: i16) -> MetadataResponseTopic {
    let partitions = topic.partitions.iter().enumerate();
    MetadataResponseTopic {
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        is_internal: topic.is_internal(),
        partitions: partitions
            .map(|(index, partition)| MetadataResponsePartition {
                error_code: leader_error(view, partition, listener, version).code(),
                partition_index: index as i32,
                leader_id: partition.leader,
                leader_epoch: partition.leader_epoch,
                replica_nodes: partition.replicas.clone(),
                isr_nodes: partition.isr.clone(),
                offline_replicas: view.offline_replicas(partition),
            })
            .collect(),
        ..MetadataResponseTopic::default()
    }
}

pub(crate) fn leader_error(
    view: &View,
    partition: &PartitionView,
    listener: &str,
    version: i16,
) -> ErrorCode {
    if view.alive_brokers(listener).any(|(broker, _)| broker.id == partition.leader) {
        return ErrorCode::None;
    }
    let alive = view.brokers.iter().any(|broker| broker.id == partition.leader && !broker.fenced);
    if alive && version >= LISTENER_NOT_FOUND_VERSION {
        ErrorCode::ListenerNotFound
    } else {
        ErrorCode::LeaderNotAvailable
    }
}
