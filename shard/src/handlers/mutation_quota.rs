//! Topics and partitions made and deleted by clients whose changes are limited (KIP-599). What would change is found out
//! first, so that nobody pays for what is refused anyway.

use std::{collections::BTreeSet, rc::Rc};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{
        create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopicResult},
        create_topics::{CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse},
        delete_topics::{DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse},
    },
    quota::{Keep, QuotaKind},
};

use crate::{
    quota::{RequestQuotas, throttle_time},
    service::RequestContext,
    shard::Shard,
    view::TopicView,
};

/// Clients of these versions and later know the error; others are only made to wait.
const STRICT_CREATE_TOPICS_VERSION: i16 = 6;
const STRICT_CREATE_PARTITIONS_VERSION: i16 = 3;
const STRICT_DELETE_TOPICS_VERSION: i16 = 5;

/// The quota of one request, and what it has met so far.
struct MutationQuota {
    shard: Rc<Shard>,
    quotas: RequestQuotas,
    is_strict: bool,
    throttle_ms: u32,
}

impl MutationQuota {
    /// `None` where nothing limits the client's changes.
    fn of(shard: &Rc<Shard>, context: &RequestContext, strict_version: i16) -> Option<Self> {
        let quotas = context.quotas.clone()?;
        quotas.limit(QuotaKind::ControllerMutation)?;
        let is_strict = context.version >= strict_version;
        Some(Self { shard: Rc::clone(shard), quotas, is_strict, throttle_ms: 0 })
    }

    /// Whether so many partitions may be made or deleted.
    async fn allows(&mut self, partition_count: usize) -> bool {
        let keep = if self.is_strict { Keep::Unthrottled } else { Keep::Always };
        let count = partition_count as f64;
        let charged = self.quotas.charge(&self.shard, QuotaKind::ControllerMutation, count, keep).await;
        self.throttle_ms = self.throttle_ms.max(charged);
        !self.is_strict || charged == 0
    }

    fn throttle_time_ms(&self) -> i32 {
        throttle_time(self.throttle_ms)
    }
}

/// CreateTopics for whoever has a quota; `None` for all others.
pub(crate) async fn create_topics(
    shard: &Rc<Shard>,
    context: &RequestContext,
    request: &CreateTopicsRequest,
) -> Option<CreateTopicsResponse> {
    let mut quota = MutationQuota::of(shard, context, STRICT_CREATE_TOPICS_VERSION)?;
    let asked = CreateTopicsRequest { validate_only: true, ..request.clone() };
    let mut response = shard.controller(asked).await?;
    let mut refused = BTreeSet::new();
    for topic in response.topics.iter_mut().filter(|topic| topic.error_code == 0) {
        if !quota.allows(usize::try_from(topic.num_partitions).unwrap_or(0)).await {
            *topic = CreatableTopicResult {
                name: topic.name.clone(),
                error_code: ErrorCode::ThrottlingQuotaExceeded.code(),
                error_message: None,
                num_partitions: -1,
                replication_factor: -1,
                configs: Some(Vec::new()),
                ..Default::default()
            };
            refused.insert(topic.name.clone());
        }
    }
    if !request.validate_only {
        let mut allowed = request.clone();
        allowed.topics.retain(|topic| !refused.contains(&topic.name));
        let mut created = shard.controller(allowed).await?;
        response.topics.retain(|topic| refused.contains(&topic.name));
        response.topics.append(&mut created.topics);
    }
    response.throttle_time_ms = quota.throttle_time_ms();
    Some(response)
}

/// CreatePartitions for whoever has a quota; `None` for all others.
pub(crate) async fn create_partitions(
    shard: &Rc<Shard>,
    context: &RequestContext,
    request: &CreatePartitionsRequest,
) -> Option<CreatePartitionsResponse> {
    let mut quota = MutationQuota::of(shard, context, STRICT_CREATE_PARTITIONS_VERSION)?;
    let asked = CreatePartitionsRequest { validate_only: true, ..request.clone() };
    let mut response = shard.controller(asked).await?;
    let view = shard.view();
    let additional = |name: &str| {
        let wanted = request.topics.iter().find(|topic| topic.name == name)?;
        let before = view.topic_by_name(name)?.partitions.len();
        Some(usize::try_from(wanted.count).ok()?.saturating_sub(before))
    };
    let mut refused = BTreeSet::new();
    for result in response.results.iter_mut().filter(|result| result.error_code == 0) {
        if !quota.allows(additional(&result.name).unwrap_or(0)).await {
            *result = CreatePartitionsTopicResult {
                name: result.name.clone(),
                error_code: ErrorCode::ThrottlingQuotaExceeded.code(),
                error_message: None,
            };
            refused.insert(result.name.clone());
        }
    }
    if !request.validate_only {
        let mut allowed = request.clone();
        allowed.topics.retain(|topic| !refused.contains(&topic.name));
        let mut created = shard.controller(allowed).await?;
        response.results.retain(|result| refused.contains(&result.name));
        response.results.append(&mut created.results);
    }
    response.throttle_time_ms = quota.throttle_time_ms();
    Some(response)
}

/// DeleteTopics for whoever has a quota; `None` for all others.
pub(crate) async fn delete_topics(
    shard: &Rc<Shard>,
    context: &RequestContext,
    request: &DeleteTopicsRequest,
) -> Option<DeleteTopicsResponse> {
    let mut quota = MutationQuota::of(shard, context, STRICT_DELETE_TOPICS_VERSION)?;
    let view = shard.view();
    let mut allowed = DeleteTopicsRequest { topics: Vec::new(), topic_names: Vec::new(), ..request.clone() };
    let mut refused = Vec::new();
    for name in &request.topic_names {
        match view.topic_by_name(name) {
            Some(topic) if !quota.allows(topic.partitions.len()).await => refused.push(not_deleted(topic)),
            _ => allowed.topic_names.push(name.clone()),
        }
    }
    for state in &request.topics {
        let by_name = state.name.as_deref().and_then(|name| view.topic_by_name(name));
        match by_name.or_else(|| view.topic_by_id(state.topic_id)) {
            Some(topic) if !quota.allows(topic.partitions.len()).await => refused.push(not_deleted(topic)),
            _ => allowed.topics.push(state.clone()),
        }
    }
    let mut response = shard.controller(allowed).await?;
    response.responses.append(&mut refused);
    response.throttle_time_ms = quota.throttle_time_ms();
    Some(response)
}

fn not_deleted(topic: &TopicView) -> DeletableTopicResult {
    DeletableTopicResult {
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        error_code: ErrorCode::ThrottlingQuotaExceeded.code(),
        error_message: None,
    }
}
