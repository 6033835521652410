//! Produce (0): validated here, appended by the owning shards, answered when durable enough.

use std::{borrow::Cow, rc::Rc, time::Duration};

use jackdaw_core::{
    error_code::ErrorCode,
    limits::RECORD_ERRORS_MAX,
    protocol::{
        Reader,
        produce::{ProduceFrame, ProduceResult, RecordError, write_produce_response},
    },
    quota::{Keep, QuotaKind},
    records::{
        CorruptBatch,
        validate::{Arrival, RecordErrorReason, ValidationError},
    },
    uuid::Uuid,
};
use jackdaw_net::{Answer, Dispatched};
use jackdaw_ring::now;

use crate::{
    answer::ReplyTo,
    limits::VALIDATED_BYTES_PER_TURN,
    message::{Call, ProduceBatch, ProduceCall, Reply},
    metrics::{Stage, TopicCount, TopicCounters},
    quota::{RequestQuotas, throttle_time},
    rpc::Handled,
    service::{RequestContext, unreadable},
    shard::Shard,
    view::TopicView,
};

/// Only Kafka's own admin client writes to internal topics.
const ADMIN_CLIENT_ID: &str = "__admin_client";

/// A request with its answers so far: errors found here, the others to come.
struct Pending {
    request: ProduceFrame,
    results: Vec<ProduceResult>,
    reply_to: ReplyTo,
    throttle_time_ms: i32,
}

/// Append, in the order of the connection's requests; the answer may come later (D7).
pub(crate) async fn dispatch(
    shard: &Rc<Shard>,
    context: RequestContext,
    mut reader: Reader<'_>,
) -> Dispatched {
    let begun = context.quotas.as_ref().map(|_| now());
    let mut request = shard.produce_frames.take();
    if let Err(error) = request.fill(&mut reader, context.version) {
        return Dispatched::Done(unreadable("ProduceRequest", &error));
    }
    let acks = request.acks();
    let results = Vec::with_capacity(request.partition_count());
    let mut pending = Pending { request, results, reply_to: context.reply_to, throttle_time_ms: 0 };
    let mut parts = Parts::new(shard.rpc.shards());
    let requests = &shard.counters.requests;
    let validating = requests.begin_produce();
    plan(shard, &context, &mut pending, &mut parts).await;
    if let Some(begun) = validating {
        requests.record(Stage::Validate, begun, now());
    }

    let own = shard.rpc.own();
    let mut replies = Vec::new();
    for (owner, batches) in parts.0.into_iter().enumerate().filter(|(_, batches)| !batches.is_empty()) {
        let call = ProduceCall { acks, batches };
        if owner == own {
            match shard.produce(call) {
                Handled::Now(reply) => pending.fill(reply),
                Handled::Later(reply) => replies.push(reply),
            }
        } else {
            let reply = shard.rpc.send(owner, Call::Produce(call)).await;
            replies.push(Box::pin(reply));
        }
    }
    if let (Some(quotas), Some(begun)) = (&context.quotas, begun) {
        // Before the next request is read: it must not slip by.
        pending.throttle_time_ms =
            throttle(shard, quotas, context.size_bytes, (acks != 0).then(|| now().since(begun))).await;
    }
    let shard = Rc::clone(shard);
    if replies.is_empty() {
        return Dispatched::Done(pending.answer(&shard));
    }
    Dispatched::later(async move {
        for reply in replies {
            pending.fill(reply.await);
        }
        pending.answer(&shard)
    })
}

/// Charge the request's bytes, and the time it took where it is to be answered; mute the connection for as long as its
/// client has to wait. Milliseconds.
async fn throttle(
    shard: &Rc<Shard>,
    quotas: &RequestQuotas,
    size_bytes: usize,
    took: Option<Duration>,
) -> i32 {
    let mut throttle_ms = quotas.charge(shard, QuotaKind::Produce, size_bytes as f64, Keep::Always).await;
    if let Some(took) = took {
        throttle_ms = throttle_ms.max(quotas.charge_time(shard, took).await);
    }
    quotas.mute(throttle_ms);
    throttle_time(throttle_ms)
}

/// The batches of one request by owning shard.
struct Parts(Vec<Vec<ProduceBatch>>);

impl Parts {
    fn new(shards: usize) -> Self {
        Self((0..shards).map(|_| Vec::new()).collect())
    }
}

/// Validate every partition's batch and find its owner; what is wrong gets its result at once. Others get their turn
/// in between: this connection's next request waits, so that its order stays.
async fn plan(shard: &Shard, context: &RequestContext, pending: &mut Pending, parts: &mut Parts) {
    let view = shard.view();
    let arrival = Arrival { now_ms: jackdaw_ring::unix_ms(), produce_version: context.version };
    let whole = whole_request_error(&pending.request);
    let repeated = repeated(&pending.request);
    let mut record_errors_left = RECORD_ERRORS_MAX;
    let mut left_bytes = VALIDATED_BYTES_PER_TURN;
    for topic in pending.request.topics() {
        let found = match context.version {
            13.. => view.topic_by_id(topic.id).ok_or(ErrorCode::UnknownTopicId),
            _ => view.topic_by_name(&topic.name).ok_or(ErrorCode::UnknownTopicOrPartition),
        };
        let found = found.and_then(|topic| refuse_internal(topic, context));
        for partition in topic.partitions() {
            if left_bytes == 0 {
                jackdaw_ring::next_turn().await;
                left_bytes = VALIDATED_BYTES_PER_TURN;
            }
            let index = pending.results.len();
            let is_repeated =
                repeated.binary_search(&(topic.id, topic.name.clone(), partition.index)).is_ok();
            let placed = whole.map_or(Ok(()), Err).and(found).and_then(|topic| {
                if is_repeated {
                    return Err(ErrorCode::InvalidRequest);
                }
                let key = topic.key(partition.index);
                let owner = view.owner(key).ok_or(ErrorCode::UnknownTopicOrPartition)?;
                Ok((topic, key, owner))
            });
            let result = match placed {
                Err(error) => ProduceResult::failed(error),
                Ok((topic, key, owner)) => {
                    let counters = shard.counters.topic(topic.id);
                    counters.add(TopicCount::ProduceRequests, 1);
                    let records = partition.records.unwrap_or_default();
                    let config = &topic.settings.validation;
                    let mut validator = shard.validator.borrow_mut();
                    let validated = validator.validate(&records, config, arrival);
                    left_bytes = left_bytes.saturating_sub(validator.take_work_bytes());
                    match validated {
                        Err(error) => {
                            count_invalid(&counters, &error, records.len());
                            invalid(&error, &mut record_errors_left)
                        }
                        // Nobody could ever end its transaction; Kafka's answer, too.
                        Ok(batch) if batch.header().is_transactional() => {
                            ProduceResult::failed(ErrorCode::TransactionalIdAuthorizationFailed)
                        }
                        Ok(batch) => {
                            parts.0[owner].push(ProduceBatch { index, key, batch });
                            // Replaced by the owner's.
                            ProduceResult::failed(ErrorCode::UnknownServerError)
                        }
                    }
                }
            };
            pending.results.push(result);
        }
    }
}

/// Partitions that are named more than once, in order. Kafka keeps one of their batches and drops the others in silence.
fn repeated(request: &ProduceFrame) -> Vec<(Uuid, Cow<'_, str>, i32)> {
    if request.partition_count() < 2 {
        return Vec::new();
    }
    let mut named: Vec<_> = request
        .topics()
        .flat_map(|topic| {
            let indexes: Vec<i32> = topic.partition_indexes().collect();
            indexes.into_iter().map(move |index| (topic.id, topic.name.clone(), index))
        })
        .collect();
    named.sort_unstable();
    let again = named.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone());
    let mut again: Vec<_> = again.collect();
    again.dedup();
    again
}

/// What is wrong with the request as a whole.
fn whole_request_error(request: &ProduceFrame) -> Option<ErrorCode> {
    if !(-1..=1).contains(&request.acks()) {
        return Some(ErrorCode::InvalidRequiredAcks);
    }
    // Transactions have no coordinator here yet, so nobody can own a transactional id.
    request.transactional_id().map(|_| ErrorCode::TransactionalIdAuthorizationFailed)
}

fn refuse_internal<'a>(topic: &'a TopicView, context: &RequestContext) -> Result<&'a TopicView, ErrorCode> {
    if topic.is_internal() && context.client_id.as_deref() != Some(ADMIN_CLIENT_ID) {
        return Err(ErrorCode::InvalidTopicException);
    }
    Ok(topic)
}

/// What a refused batch counts as; its request is counted with all others'.
fn count_invalid(counters: &TopicCounters, error: &ValidationError, size_bytes: usize) {
    let (what, count) = match error {
        ValidationError::TooLarge { .. } => (TopicCount::BytesRejected, size_bytes as u64),
        ValidationError::Corrupt(CorruptBatch::LegacyMagic(_) | CorruptBatch::Magic(_)) => {
            (TopicCount::InvalidMagic, 1)
        }
        ValidationError::Corrupt(CorruptBatch::Crc { .. }) => (TopicCount::InvalidCrc, 1),
        ValidationError::BaseOffset(_) | ValidationError::Counts { .. } => (TopicCount::InvalidSequence, 1),
        ValidationError::Records(errors)
            if errors.iter().any(|error| error.reason == RecordErrorReason::NoKey) =>
        {
            (TopicCount::NoKey, 1)
        }
        _ => return,
    };
    counters.add(what, count);
}

/// As Kafka counts: what clients ordinarily meet is no failure.
fn is_failure(error: ErrorCode) -> bool {
    !matches!(
        error,
        ErrorCode::None
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::MessageTooLarge
            | ErrorCode::RecordListTooLarge
            | ErrorCode::CorruptMessage
            | ErrorCode::KafkaStorageError
    )
}

fn invalid(error: &ValidationError, record_errors_left: &mut usize) -> ProduceResult {
    let told = error.record_errors().iter().take(*record_errors_left);
    let record_errors: Vec<_> = told
        .map(|record| RecordError { batch_index: record.batch_index, message: Some(record.to_string()) })
        .collect();
    *record_errors_left -= record_errors.len();
    ProduceResult {
        record_errors,
        error_message: Some(error.to_string()),
        ..ProduceResult::failed(error.code())
    }
}

impl Pending {
    fn fill(&mut self, reply: Reply) {
        let Reply::Produce(results) = reply else {
            panic!("a produce call is answered with produce results")
        };
        for (index, result) in results {
            self.results[index] = result;
        }
    }

    /// Count failures by topic: few requests have one.
    fn count_failures(&self, shard: &Shard) {
        if !self.results.iter().any(|result| is_failure(result.error_code)) {
            return;
        }
        let view = shard.view();
        let mut results = self.results.iter();
        for topic in self.request.topics() {
            let by_name = || view.topic_by_name(&topic.name);
            let found =
                view.topic_by_id(topic.id).or_else(by_name).map(|topic| shard.counters.topic(topic.id));
            let failed = results
                .by_ref()
                .take(topic.partitions().len())
                .filter(|result| is_failure(result.error_code));
            let count = failed.count() as u64;
            match found {
                Some(counters) => counters.add(TopicCount::FailedProduceRequests, count),
                None => shard.counters.add_of_unknown_topic(TopicCount::FailedProduceRequests, count),
            }
        }
    }

    fn answer(self, shard: &Shard) -> Answer {
        self.count_failures(shard);
        if self.request.acks() == 0 {
            return self.without_answer(shard);
        }
        let mut writer = self.reply_to.begin();
        let version = self.reply_to.version;
        let written = write_produce_response(
            &mut writer,
            version,
            &self.request,
            &self.results,
            self.throttle_time_ms,
            &[],
        );
        shard.produce_frames.put(self.request);
        match written {
            Ok(()) => self.reply_to.finish(writer),
            Err(error) => self.reply_to.unencodable(&error),
        }
    }

    /// Closing the connection is the only way to tell a producer with acks 0 that something failed.
    fn without_answer(self, shard: &Shard) -> Answer {
        let failed = self.results.iter().find(|result| !result.error_code.is_ok());
        let answer = match failed {
            None => Answer::Nothing,
            Some(result) => Answer::Close(format!("a produce with acks=0 failed with {}", result.error_code)),
        };
        shard.produce_frames.put(self.request);
        answer
    }
}
