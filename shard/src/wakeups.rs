//! Waking fetches that wait for a partition of this shard, on whichever shard they wait.

use std::rc::Rc;

use crate::{
    fetch_wait::{FetchToken, FetchWaits},
    message::Message,
    rpc::Rpc,
};

/// One waiting fetch: the shard it waits on, and its number there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Watcher {
    pub(crate) shard: usize,
    pub(crate) fetch: FetchToken,
}

/// The way to this shard's and other shards' waiting fetches.
pub(crate) struct Wakeups {
    rpc: Rc<Rpc>,
    own: FetchWaits,
}

impl Wakeups {
    pub(crate) fn new(rpc: Rc<Rpc>, own: FetchWaits) -> Rc<Self> {
        Rc::new(Self { rpc, own })
    }

    pub(crate) fn wake(&self, watcher: Watcher) {
        if watcher.shard == self.rpc.own() {
            self.own.wake(watcher.fetch);
        } else {
            self.rpc.tell(watcher.shard, Message::Wake { fetch: watcher.fetch });
        }
    }
}
