//! Reading from the owning shards, again and again while a long poll waits.

use std::{rc::Rc, time::Duration};

use jackdaw_core::protocol::fetch::FetchFrame;
use jackdaw_ring::{now, timeout};

use super::plan::Plan;
use crate::{
    fetch_wait::Watch,
    message::{Call, FetchCall, Fetched, FetchedData, Message, Reply},
    rpc::Handled,
    shard::Shard,
};

/// Read, and read again whenever a partition has more, until there is enough, an error, or no time left.
pub(super) async fn wait_for_enough(
    shard: &Rc<Shard>,
    request: &FetchFrame,
    plan: &Plan,
    max_bytes: usize,
) -> Vec<Fetched> {
    // More than fits in an answer is never there.
    let min_bytes = usize::try_from(request.min_bytes()).unwrap_or(0).min(max_bytes);
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms()).unwrap_or(0));
    if wait.is_zero() || min_bytes == 0 || plan.calls.is_empty() {
        let mut fetched = read_all(shard, plan, None).await;
        cut(&mut fetched, max_bytes);
        return fetched;
    }
    let deadline = now() + wait;
    let watching = Watching { shard, plan, watch: shard.fetch_waits.begin() };
    loop {
        let mut fetched = read_all(shard, plan, Some(&watching.watch)).await;
        // What is there counts, also where not all of it fits the answer.
        let is_enough = is_enough(&fetched, min_bytes);
        cut(&mut fetched, max_bytes);
        let left = deadline.since(now());
        if is_enough || left.is_zero() || shard.is_stopping() {
            return fetched;
        }
        // Whether woken or not: the next read tells.
        let _ = timeout(left, watching.watch.woken()).await;
    }
}

/// A fetch that its partitions know of. They forget it however it ends, also where its client has gone.
struct Watching<'a> {
    shard: &'a Rc<Shard>,
    plan: &'a Plan,
    watch: Watch,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let (shard, fetch) = (self.shard, self.watch.token());
        for (owner, call) in &self.plan.calls {
            let keys = call.reads.iter().map(|read| read.key);
            if *owner == shard.rpc.own() {
                shard.unwatch(*owner, fetch, keys);
            } else {
                // Behind the calls that made them known.
                shard.rpc.tell(*owner, Message::Unwatch { fetch, keys: keys.collect() });
            }
        }
    }
}

fn is_enough(fetched: &[Fetched], min_bytes: usize) -> bool {
    let at_once = |fetched: &Fetched| {
        !fetched.error_code.is_ok() || fetched.diverging_epoch.is_some() || fetched.ends_wait
    };
    fetched.iter().any(at_once)
        || fetched.iter().map(|fetched| fetched.data.size_bytes()).sum::<usize>() >= min_bytes
}

/// One read of all partitions; each shard keeps to the request's limit.
async fn read_all(shard: &Rc<Shard>, plan: &Plan, watch: Option<&Watch>) -> Vec<Fetched> {
    let mut fetched = plan.unread();
    let watch = watch.map(Watch::token);
    let calls = plan.calls.iter().map(|(owner, call)| (*owner, FetchCall { watch, ..call.clone() }));
    for reply in ask(shard, calls).await {
        take(&mut fetched, reply);
    }
    fetched
}

/// Ask each owner once, all at the same time.
pub(super) async fn ask(
    shard: &Rc<Shard>,
    calls: impl IntoIterator<Item = (usize, FetchCall)>,
) -> Vec<Reply> {
    let mut replies = Vec::new();
    let mut coming = Vec::new();
    for (owner, call) in calls {
        if owner == shard.rpc.own() {
            match shard.fetch(owner, call) {
                Handled::Now(reply) => replies.push(reply),
                Handled::Later(reply) => coming.push(reply),
            }
        } else {
            coming.push(Box::pin(shard.rpc.send(owner, Call::Fetch(call)).await));
        }
    }
    for reply in coming {
        replies.push(reply.await);
    }
    replies
}

pub(super) fn take(fetched: &mut [Fetched], reply: Reply) {
    let Reply::Fetch(results) = reply else { panic!("a fetch call is answered with fetched partitions") };
    for result in results {
        let index = result.index;
        fetched[index] = result;
    }
}

/// Cut to the request's limit in the request's order: each shard kept to the whole limit; together they may exceed it. The first partition with data keeps it.
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
