//! FindCoordinator (10): which broker keeps a group. Makes `__consumer_offsets` when it is first asked for.

use std::{collections::BTreeSet, rc::Rc};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator::Coordinator},
    uuid::Uuid,
};

use super::topics::create_automatically;
use crate::{
    groups::routing::{partition_of, unreadable},
    message::PartitionKey,
    service::RequestContext,
    shard::Shard,
    view::{CONSUMER_OFFSETS, View},
};

/// From this version on a request has several keys.
const BATCH_VERSION: i16 = 4;
/// From this version on a key may name a partition of a share group.
const SHARE_VERSION: i16 = 6;
/// What a key names: a group, a transactional id, a partition of a share group.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;
const NOT_SERVED: &str = "This broker has no coordinators for transactions and share groups yet.";

pub(crate) async fn handle(
    shard: Rc<Shard>,
    context: RequestContext,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    if request.key_type == GROUP && shard.view().topic_by_name(CONSUMER_OFFSETS).is_none() {
        create_automatically(&shard, vec![CONSUMER_OFFSETS.to_owned()]).await;
    }
    let keys = if context.version >= BATCH_VERSION { request.coordinator_keys } else { vec![request.key] };
    let without = match request.key_type {
        GROUP => unreadable(&shard, &keys).await,
        _ => BTreeSet::new(),
    };
    let view = shard.view();
    let listener = shard.listener_name(context.listener);
    let mut coordinators: Vec<_> = keys
        .into_iter()
        .map(|key| find(&view, listener, &context, request.key_type, &without, key))
        .collect();
    if context.version >= BATCH_VERSION {
        return FindCoordinatorResponse { coordinators, ..Default::default() };
    }
    let Coordinator { node_id, host, port, error_code, error_message, .. } =
        coordinators.pop().unwrap_or_default();
    // What these versions say where nothing is wrong.
    let error_message = if error_code == 0 { Some("NONE".to_owned()) } else { error_message };
    FindCoordinatorResponse { node_id, host, port, error_code, error_message, ..Default::default() }
}

fn find(
    view: &View,
    listener: &str,
    context: &RequestContext,
    key_type: i8,
    without: &BTreeSet<PartitionKey>,
    key: String,
) -> Coordinator {
    match key_type {
        GROUP => find_group(view, listener, without, key),
        SHARE if context.version < SHARE_VERSION || !is_share_key(&key) => {
            failed(key, ErrorCode::InvalidRequest, "")
        }
        TRANSACTION | SHARE => failed(key, ErrorCode::CoordinatorNotAvailable, NOT_SERVED),
        _ => failed(key, ErrorCode::InvalidRequest, "Unknown type of coordinator."),
    }
}

/// A group, a topic id and a partition, with colons between them.
fn is_share_key(key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let partition = parts.next().is_some_and(|partition| partition.parse::<i32>().is_ok());
    let topic = parts.next().is_some_and(|id| id.parse::<Uuid>().is_ok());
    partition && topic && parts.next().is_some_and(|group| !group.is_empty())
}

/// A partition that cannot be read has no coordinator, as one without a leader has none.
fn find_group(view: &View, listener: &str, without: &BTreeSet<PartitionKey>, key: String) -> Coordinator {
    let partition = partition_of(view, &key).filter(|(key, _)| !without.contains(key));
    let leader = partition.map(|(_, partition)| partition.leader);
    let alive = view.alive_brokers(listener).find(|(broker, _)| Some(broker.id) == leader);
    match alive {
        Some((broker, endpoint)) => Coordinator {
            key,
            node_id: broker.id,
            host: endpoint.host.clone(),
            port: i32::from(endpoint.port),
            error_message: Some(String::new()),
            ..Default::default()
        },
        None => failed(key, ErrorCode::CoordinatorNotAvailable, "The coordinator is not available."),
    }
}

fn failed(key: String, error: ErrorCode, text: &str) -> Coordinator {
    Coordinator {
        key,
        node_id: -1,
        port: -1,
        error_code: error.code(),
        error_message: Some(text.to_owned()),
        ..Default::default()
    }
}
