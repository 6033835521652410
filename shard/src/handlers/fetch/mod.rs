//! Fetch (1): what is asked (`plan`), read from the owning shards and waited for (`read`), from disk where it must be
//! (`cold`), told (`response`).

mod cold;
mod count;
mod plan;
mod read;
mod response;
#[cfg(test)]
mod tests;
mod throttle;

use std::rc::Rc;

use bytes::Bytes;
use jackdaw_core::{
    error_code::ErrorCode,
    fetch_session::FetchMode,
    protocol::{Reader, fetch::FetchFrame},
};
use jackdaw_net::{Answer, Dispatched};
use jackdaw_ring::now;

use self::plan::Plan;
use crate::{
    answer::ReplyTo,
    quota::{RequestQuotas, measured},
    service::{RequestContext, unreadable},
    shard::Shard,
};

/// From this version on topics are named by their ids.
const TOPIC_IDS_VERSION: i16 = 13;

/// Answered in its turn: a long poll holds up the requests behind it, as in Kafka.
pub(crate) fn dispatch(shard: &Rc<Shard>, context: RequestContext, reader: Reader<'_>) -> Dispatched {
    // A copy, for the receive buffer must not be held while the fetch waits.
    let body = Bytes::copy_from_slice(&reader.rest());
    let shard = Rc::clone(shard);
    Dispatched::later(async move {
        let mut request = FetchFrame::default();
        match request.fill(&mut Reader::new(&body), context.version) {
            Ok(()) => answer(&shard, context.reply_to, context.quotas.as_ref(), &request).await,
            Err(error) => unreadable("FetchRequest", &error),
        }
    })
}

async fn answer(
    shard: &Rc<Shard>,
    reply_to: ReplyTo,
    quotas: Option<&RequestQuotas>,
    request: &FetchFrame,
) -> Answer {
    let by_id = reply_to.version >= TOPIC_IDS_VERSION;
    let now_ms = i64::try_from(now().as_millis()).unwrap_or(i64::MAX);
    let (session_id, epoch) = (request.session_id(), request.session_epoch());
    let begun = shard.fetch_sessions.borrow_mut().begin(session_id, epoch, by_id, now_ms);
    let begun = begun.and_then(|mode| match mode {
        FetchMode::Incremental => plan::update_session(shard, request, by_id),
        mode => Ok(mode),
    });
    let mode = match begun {
        Ok(mode) => mode,
        Err(error) => return response::without_partitions(reply_to, error, 0, 0),
    };
    let max_bytes = usize::try_from(request.max_bytes()).unwrap_or(0).min(shard.limits.fetch_max_bytes);
    let max_bytes = max_bytes.min(throttle::most_at_once(shard, quotas));
    let mut plan = match mode {
        FetchMode::Incremental => Plan::of_session(shard, request, max_bytes),
        _ => Plan::of_request(shard, request, by_id, max_bytes),
    };
    let reading = read::wait_for_enough(shard, request, &plan, max_bytes);
    let mut fetched = match quotas {
        None => reading.await,
        Some(quotas) => {
            let (mut fetched, took) = measured(reading).await;
            let throttle_ms = throttle::charge(shard, quotas, &fetched, took).await;
            if throttle_ms > 0 {
                // Records that it may not have yet were not sent, and its session has not seen them.
                throttle::empty(&mut fetched);
                count::count(shard, &plan, &fetched);
                let session_id = if matches!(mode, FetchMode::Incremental) { session_id } else { 0 };
                return response::without_partitions(reply_to, ErrorCode::None, session_id, throttle_ms);
            }
            fetched
        }
    };
    let memory = cold::fill(shard, &plan, &mut fetched).await;
    count::count(shard, &plan, &fetched);
    let (session_id, included) = response::settle(shard, mode, session_id, &mut plan, &fetched, now_ms);
    response::encode(reply_to, session_id, &plan, &included, &fetched, memory)
}
