//! Fetch (1): read from the owning shards, wait for more where the client wants that, answer in pieces.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use jackdaw_core::{
    error_code::ErrorCode,
    protocol::{
        ApiKey, Reader,
        fetch::{
            FetchFrame, FetchResponseEncoder, FetchResponseHead, FetchedPartition, Piece as EncodedPiece,
        },
    },
    uuid::Uuid,
};
use jackdaw_net::{Answer, Dispatched, Piece, Response};
use jackdaw_ring::{now, timeout};

use crate::{
    answer::ReplyTo,
    message::{Call, FetchCall, FetchRead, Fetched, FetchedData, Message, Reply},
    rpc::Handled,
    service::{RequestContext, unreadable},
    shard::Shard,
};

/// Answered in its turn: a long poll holds up the requests behind it, as in Kafka.
pub(crate) fn dispatch(shard: &Rc<Shard>, context: RequestContext, reader: Reader<'_>) -> Dispatched {
    // A copy, for the receive buffer must not be held while the fetch waits.
    let body = Bytes::copy_from_slice(&reader.rest());
    let shard = Rc::clone(shard);
    Dispatched::later(async move {
        let mut request = FetchFrame::default();
        match request.fill(&mut Reader::new(&body), context.version) {
            Ok(()) => answer(&shard, context.reply_to, &request).await,
            Err(error) => unreadable("FetchRequest", &error),
        }
    })
}

/// The partitions of a request in its order, with those that cannot be read answered at once.
struct Plan {
    topics: Vec<PlannedTopic>,
    calls: Vec<(usize, FetchCall)>,
    fetched: Vec<Fetched>,
}

struct PlannedTopic {
    name: String,
    id: Uuid,
    partitions: Vec<i32>,
}

async fn answer(shard: &Rc<Shard>, reply_to: ReplyTo, request: &FetchFrame) -> Answer {
    if let Some(error) = session_error(request) {
        return encode(
            reply_to,
            FetchResponseHead { error_code: error, ..FetchResponseHead::default() },
            &[],
            Vec::new(),
        );
    }
    let max_bytes = usize::try_from(request.max_bytes()).unwrap_or(0).min(shard.limits.fetch_max_bytes);
    let mut plan = plan(shard, request, max_bytes);
    let fetched = wait_for_enough(shard, request, &mut plan, max_bytes).await;
    encode(reply_to, FetchResponseHead::default(), &plan.topics, fetched)
}

/// Sessions are not kept yet: a client that asks for one is told 0 and sends full requests.
fn session_error(request: &FetchFrame) -> Option<ErrorCode> {
    let incremental = request.session_id() != 0 && request.session_epoch() > 0;
    incremental.then_some(ErrorCode::FetchSessionIdNotFound)
}

fn plan(shard: &Shard, request: &FetchFrame, max_bytes: usize) -> Plan {
    let view = shard.view();
    let by_id = request_by_id(request);
    let mut reads: Vec<Vec<FetchRead>> = (0..shard.rpc.shards()).map(|_| Vec::new()).collect();
    let mut plan = Plan { topics: Vec::new(), calls: Vec::new(), fetched: Vec::new() };
    for topic in request.topics() {
        let found = if by_id { view.topic_by_id(topic.id) } else { view.topic_by_name(&topic.name) };
        let unknown = if by_id { ErrorCode::UnknownTopicId } else { ErrorCode::UnknownTopicOrPartition };
        for partition in topic.partitions {
            let index = plan.fetched.len();
            let key = found.map(|topic| topic.key(partition.partition));
            let owner = key.ok_or(unknown).and_then(|key| {
                view.owner(key).map(|owner| (key, owner)).ok_or(ErrorCode::UnknownTopicOrPartition)
            });
            match owner {
                Err(error) => plan.fetched.push(Fetched::failed(index, error)),
                Ok((key, owner)) => {
                    plan.fetched.push(Fetched::failed(index, ErrorCode::UnknownServerError));
                    reads[owner].push(FetchRead {
                        index,
                        key,
                        offset: partition.fetch_offset,
                        max_bytes: usize::try_from(partition.max_bytes).unwrap_or(0),
                        current_leader_epoch: partition.current_leader_epoch,
                        last_fetched_epoch: partition.last_fetched_epoch,
                    });
                }
            }
        }
        let partitions = topic.partitions.iter().map(|partition| partition.partition).collect();
        plan.topics.push(PlannedTopic { name: topic.name.into_owned(), id: topic.id, partitions });
    }
    let read_committed = request.isolation_level() == 1;
    plan.calls = reads
        .into_iter()
        .enumerate()
        .filter(|(_, reads)| !reads.is_empty())
        .map(|(owner, reads)| (owner, FetchCall { watch: None, read_committed, max_bytes, reads }))
        .collect();
    plan
}

fn request_by_id(request: &FetchFrame) -> bool {
    request.topics().next().is_some_and(|topic| !topic.id.is_zero())
}

/// Read, and read again whenever a partition has more, until there is enough, an error, or no time left.
async fn wait_for_enough(
    shard: &Rc<Shard>,
    request: &FetchFrame,
    plan: &mut Plan,
    max_bytes: usize,
) -> Vec<Fetched> {
    let min_bytes = usize::try_from(request.min_bytes()).unwrap_or(0);
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms()).unwrap_or(0));
    if wait.is_zero() || min_bytes == 0 || plan.calls.is_empty() {
        return read_once(shard, plan, None, max_bytes).await;
    }
    let deadline = now() + wait;
    let watch = shard.fetch_waits.begin();
    loop {
        let fetched = read_once(shard, plan, Some(watch.token()), max_bytes).await;
        let left = deadline.since(now());
        if is_enough(&fetched, min_bytes) || left.is_zero() {
            unwatch(shard, plan, watch.token());
            return fetched;
        }
        // Whether woken or not: the next read tells.
        let _ = timeout(left, watch.woken()).await;
    }
}

fn is_enough(fetched: &[Fetched], min_bytes: usize) -> bool {
    let at_once = |fetched: &Fetched| !fetched.error_code.is_ok() || fetched.diverging_epoch.is_some();
    fetched.iter().any(at_once)
        || fetched.iter().map(|fetched| fetched.data.size_bytes()).sum::<usize>() >= min_bytes
}

fn unwatch(shard: &Rc<Shard>, plan: &Plan, fetch: usize) {
    for (owner, call) in &plan.calls {
        let keys = call.reads.iter().map(|read| read.key);
        if *owner == shard.rpc.own() {
            shard.unwatch(*owner, fetch, keys);
        } else {
            shard.rpc.tell(*owner, Message::Unwatch { fetch, keys: keys.collect() });
        }
    }
}

/// One read of all partitions, cut to the request's limit in the request's order.
async fn read_once(shard: &Rc<Shard>, plan: &Plan, watch: Option<usize>, max_bytes: usize) -> Vec<Fetched> {
    let mut fetched: Vec<Fetched> =
        plan.fetched.iter().map(|planned| Fetched::failed(planned.index, planned.error_code)).collect();
    let mut replies = Vec::with_capacity(plan.calls.len());
    for (owner, call) in &plan.calls {
        let call = FetchCall { watch, ..call.clone() };
        if *owner == shard.rpc.own() {
            match shard.fetch(*owner, call) {
                Handled::Now(reply) => take(&mut fetched, reply),
                Handled::Later(reply) => replies.push(reply),
            }
        } else {
            replies.push(Box::pin(shard.rpc.send(*owner, Call::Fetch(call)).await));
        }
    }
    for reply in replies {
        take(&mut fetched, reply.await);
    }
    cut(&mut fetched, max_bytes);
    fetched
}

fn take(fetched: &mut [Fetched], reply: Reply) {
    let Reply::Fetch(results) = reply else { panic!("a fetch call is answered with fetched partitions") };
    for result in results {
        let index = result.index;
        fetched[index] = result;
    }
}

/// Each shard kept to the whole limit; together they may exceed it. The first partition with data keeps it.
fn cut(fetched: &mut [Fetched], max_bytes: usize) {
    let mut total = 0;
    for partition in fetched {
        let size = partition.data.size_bytes();
        if size > 0 && total > 0 && total + size > max_bytes {
            partition.data = FetchedData::None;
        } else {
            total += size;
        }
    }
}

fn encode(
    reply_to: ReplyTo,
    head: FetchResponseHead,
    topics: &[PlannedTopic],
    fetched: Vec<Fetched>,
) -> Answer {
    let mut encoder = FetchResponseEncoder::new();
    let mut pieces = Vec::new();
    let encoded = (|| {
        encoder.begin(reply_to.version, reply_to.correlation_id, head, topics.len())?;
        let mut index = 0;
        for topic in topics {
            encoder.topic(&topic.name, topic.id, topic.partitions.len())?;
            for partition in &topic.partitions {
                encoder.partition(index, &describe(*partition, &fetched[index]))?;
                index += 1;
            }
        }
        encoder.finish(&[], &mut pieces)
    })();
    match encoded {
        Ok(_) => {
            Answer::Send(Response::Pieces(pieces.into_iter().map(|piece| resolve(piece, &fetched)).collect()))
        }
        Err(error) => {
            debug_assert_eq!(reply_to.key, ApiKey::Fetch);
            reply_to.unencodable(&error)
        }
    }
}

fn describe(partition_index: i32, fetched: &Fetched) -> FetchedPartition<'_> {
    FetchedPartition {
        high_watermark: fetched.high_watermark,
        last_stable_offset: fetched.last_stable_offset,
        log_start_offset: fetched.log_start_offset,
        diverging_epoch: fetched.diverging_epoch,
        current_leader: fetched.current_leader,
        aborted_transactions: (!fetched.aborted.is_empty()).then_some(&fetched.aborted[..]),
        records_bytes: fetched.data.size_bytes(),
        ..FetchedPartition::empty(partition_index, fetched.error_code)
    }
}

fn resolve(piece: EncodedPiece, fetched: &[Fetched]) -> Piece {
    match piece {
        EncodedPiece::Bytes(bytes) => Piece::Bytes(bytes),
        EncodedPiece::Records { index, .. } => match &fetched[index].data {
            FetchedData::File { file, position, size_bytes } => {
                Piece::File { file: file.clone(), position: *position, size_bytes: *size_bytes }
            }
            FetchedData::Memory(bytes) => Piece::Bytes(bytes.clone()),
            FetchedData::None => Piece::Bytes(Bytes::new()),
        },
    }
}
