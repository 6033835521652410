//! Waking fetches that wait for a partition of this shard, on whichever shard they wait.

use std::rc::Rc;

use crate::{
    fetch_wait::FetchWaits,
    message::Message,
    rpc::Rpc,
    watchers::{WatchCount, Watcher},
};

/// The way to this shard's and other shards' waiting fetches.
pub(crate) struct Wakeups {
    rpc: Rc<Rpc>,
    own: FetchWaits,
    /// Of all partitions of this shard.
    pub(crate) watch_count: WatchCount,
}

impl Wakeups {
    pub(crate) fn new(rpc: Rc<Rpc>, own: FetchWaits) -> Rc<Self> {
        Rc::new(Self { rpc, own, watch_count: WatchCount::default() })
    }

    pub(crate) fn wake(&self, watcher: Watcher) {
        if watcher.shard == self.rpc.own() {
            self.own.wake(watcher.fetch);
        } else {
            self.rpc.tell(watcher.shard, Message::Wake { fetch: watcher.fetch });
        }
    }
}
