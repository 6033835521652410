//! One shard: what it owns, and the calls it answers for other shards.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};

use jackdaw_core::{
    config::{GroupConfig, LogCleanerConfig},
    controller::{ControllerRequest, Request, Response},
    error_code::ErrorCode,
    fetch_session::FetchSessions,
    metadata::ClientQuotas,
    protocol::produce::ProduceFrame,
    quota::Ledger,
    records::validate::Validator,
};
use jackdaw_net::{Connections, budget::Budget};
use jackdaw_ring::now;

use crate::{
    checkpoints::Checkpoints,
    commits::Commits,
    controller_host::{ControllerHost, QuorumState},
    fetch_wait::{FetchToken, FetchWaits},
    groups::Groups,
    limits::{CONTROLLER_SHARD, POOLED_FRAMES_MAX},
    message::{
        Call, FetchCall, FetchRead, Fetched, OffsetAnswer, OffsetQuery, PartitionCheckpoint, PartitionKey,
        ProduceCall, Reply,
    },
    metrics::{ShardCounters, Stage},
    node::{Fatal, NodeIdentity, NodeLimits},
    partition::Partition,
    partition_read::ColdData,
    producer_ids::ProducerIds,
    rpc::{Handled, Rpc},
    view::View,
    wakeups::Wakeups,
    watchers::Watcher,
};

/// What one core owns of the broker.
pub(crate) struct Shard {
    pub(crate) identity: Arc<NodeIdentity>,
    pub(crate) limits: NodeLimits,
    pub(crate) rpc: Rc<Rpc>,
    /// For what requests and answers of this shard's connections take.
    pub(crate) memory: Budget,
    pub(crate) connections: Connections,
    pub(crate) fetch_waits: FetchWaits,
    pub(crate) fetch_sessions: RefCell<FetchSessions>,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) counters: ShardCounters,
    pub(crate) groups: Groups,
    /// What was used of the quotas that this shard counts.
    pub(crate) quota_ledger: RefCell<Ledger>,
    pub(crate) produce_frames: FramePool,
    pub(crate) validator: RefCell<Validator>,
    pub(crate) partitions: RefCell<BTreeMap<PartitionKey, Rc<Partition>>>,
    /// Partitions whose logs could not be opened, and what the checkpoint files say of them.
    pub(crate) offline: RefCell<BTreeMap<PartitionKey, PartitionCheckpoint>>,
    /// On the first shard only.
    pub(crate) checkpoints: RefCell<Option<Rc<Checkpoints>>>,
    pub(crate) fatal: Fatal,
    pub(crate) wakeups: Rc<Wakeups>,
    /// One a log directory, in the order of `log.dirs`.
    pub(crate) commits: Vec<Rc<Commits>>,
    view: RefCell<Arc<View>>,
    controller: RefCell<Option<Rc<ControllerHost>>>,
    stopping: Cell<bool>,
}

impl Shard {
    pub(crate) fn new(
        identity: Arc<NodeIdentity>,
        limits: NodeLimits,
        groups: GroupConfig,
        rpc: Rc<Rpc>,
        fatal: Fatal,
    ) -> Self {
        let fetch_waits = FetchWaits::default();
        let fetch_sessions = fetch_sessions(&rpc, &limits);
        let quotas = identity.config.quotas;
        let counters = ShardCounters::default();
        let commits = identity.log_dirs.iter().enumerate().map(|(log_dir, dir)| {
            let journal_bytes = u64::try_from(identity.config.log.journal_bytes).unwrap_or(0);
            Commits::new((log_dir, dir), rpc.own(), journal_bytes, fatal.clone(), &counters.requests)
        });
        Self {
            commits: commits.collect(),
            memory: Budget::new(limits.request_memory_bytes),
            wakeups: Wakeups::new(Rc::clone(&rpc), fetch_waits.clone()),
            identity,
            limits,
            rpc,
            connections: Connections::default(),
            fetch_waits,
            fetch_sessions: RefCell::new(fetch_sessions),
            producer_ids: ProducerIds::default(),
            counters,
            groups: Groups::new(groups),
            quota_ledger: RefCell::new(Ledger::new(quotas.windows, quotas.controller_windows)),
            produce_frames: FramePool::default(),
            validator: RefCell::default(),
            partitions: RefCell::default(),
            offline: RefCell::default(),
            checkpoints: RefCell::default(),
            fatal,
            view: RefCell::default(),
            controller: RefCell::default(),
            stopping: Cell::new(false),
        }
    }

    /// The newest state of the cluster that this shard has taken over.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    pub(crate) fn set_view(&self, view: Arc<View>) {
        *self.view.borrow_mut() = view;
    }

    /// The quotas of clients; `None` where there are none.
    pub(crate) fn client_quotas(&self) -> Option<Arc<ClientQuotas>> {
        let view = self.view.borrow();
        let quotas = &view.image.client_quotas;
        (!quotas.is_empty()).then(|| Arc::clone(quotas))
    }

    /// A broker's key whose value is a whole number: as set at run time, else as the node was started with.
    pub(crate) fn int_in_effect(&self, name: &'static str) -> i32 {
        let view = self.view();
        self.identity.config.int_in_effect(name, view.dynamic_broker(self.identity.node_id))
    }

    /// A broker's key whose value is a text, in the same way.
    pub(crate) fn text_in_effect(&self, name: &'static str) -> String {
        let view = self.view();
        self.identity.config.text_in_effect(name, view.dynamic_broker(self.identity.node_id))
    }

    /// What compaction goes by: as set at run time, else as the node was started with.
    pub(crate) fn cleaner_in_effect(&self) -> LogCleanerConfig {
        let view = self.view();
        self.identity.config.cleaner_in_effect(view.dynamic_broker(self.identity.node_id))
    }

    pub(crate) fn listener_name(&self, listener: usize) -> &str {
        &self.identity.listeners[listener]
    }

    pub(crate) fn set_controller(&self, host: Rc<ControllerHost>) {
        *self.controller.borrow_mut() = Some(host);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    pub(crate) fn set_stopping(&self) {
        self.stopping.set(true);
    }

    /// Ask the controller, wherever it is. The answer comes when its records are committed and every shard knows them;
    /// `None` where no controller is active.
    pub(crate) async fn controller<R: ControllerRequest>(self: &Rc<Self>, request: R) -> Option<R::Response> {
        R::response(self.call_controller(request.into_request()).await?)
    }

    pub(crate) async fn call_controller(self: &Rc<Self>, request: Request) -> Option<Response> {
        let host = self.controller.borrow().clone();
        if let Some(host) = host {
            return host.call(request).await;
        }
        match self.rpc.call(CONTROLLER_SHARD, Call::Controller(Box::new(request))).await {
            Reply::Controller(response) => response.map(|response| *response),
            _ => None,
        }
    }

    /// How the metadata quorum is; `None` where this node has no voter.
    pub(crate) async fn quorum(self: &Rc<Self>) -> Option<QuorumState> {
        if self.controller.borrow().is_some() {
            return self.own_quorum();
        }
        match self.rpc.call(CONTROLLER_SHARD, Call::Quorum).await {
            Reply::Quorum(quorum) => quorum,
            _ => None,
        }
    }

    /// The same, on the controller's shard.
    pub(crate) fn own_quorum(&self) -> Option<QuorumState> {
        self.controller.borrow().as_ref().map(|host| host.quorum())
    }

    pub(crate) fn partition(&self, key: PartitionKey) -> Option<Rc<Partition>> {
        self.partitions.borrow().get(&key).cloned()
    }

    /// Whether recovery could write records from a commit journal into the partition's segments.
    pub(crate) fn holds_in_journal(&self, partition: &Partition) -> bool {
        self.commits[partition.log_dir].holds(partition)
    }

    /// Why a partition is not among those served here.
    pub(crate) fn missing(&self, key: PartitionKey) -> ErrorCode {
        if self.offline.borrow().contains_key(&key) {
            ErrorCode::KafkaStorageError
        } else if self.is_stopping() {
            // Closed, not deleted: clients must not forget the topic.
            ErrorCode::NotLeaderOrFollower
        } else {
            ErrorCode::UnknownTopicOrPartition
        }
    }

    /// Append batches to partitions of this shard.
    pub(crate) fn produce(self: &Rc<Self>, call: ProduceCall) -> Handled {
        let appending = self.counters.requests.begin_append();
        let mut results = Vec::with_capacity(call.batches.len());
        let mut flushes = Vec::new();
        for batch in call.batches {
            let Some(partition) = self.partition(batch.key) else {
                results.push((batch.index, failed(self.missing(batch.key))));
                continue;
            };
            let appended = partition.append(batch.batch, call.acks);
            if let Some(flush) = appended.flush {
                flushes.push((results.len(), partition, flush));
            }
            results.push((batch.index, appended.result));
        }
        if let Some(begun) = appending {
            self.counters.requests.record(Stage::Append, begun, now());
        }
        if flushes.is_empty() || call.acks == 0 {
            return Handled::Now(Reply::Produce(results));
        }
        let shard = Rc::clone(self);
        Handled::Later(Box::pin(async move {
            for (place, partition, end_offset) in flushes {
                if !partition.flushed(end_offset).await {
                    results[place].1 = failed(shard.missing(partition.key));
                }
            }
            Reply::Produce(results)
        }))
    }

    /// Read from partitions of this shard for a fetch of shard `from`. What the page cache does not have is read
    /// through the ring, as far as the caller has set memory aside: first the places to look at, then the data.
    pub(crate) fn fetch(self: &Rc<Self>, from: usize, call: FetchCall) -> Handled {
        // First of all: what comes while the disk is waited for must wake it, and if it no longer waits by then, there
        // is somebody to forget it.
        let may_wait = self.watch(from, &call);
        let places: Vec<_> = call.reads.iter().filter_map(|read| self.cold_place(read)).collect();
        if places.is_empty() {
            let (fetched, cold) = self.read_all(&call, may_wait);
            if cold.is_empty() {
                return Handled::Now(Reply::Fetch(fetched));
            }
            return Handled::Later(Box::pin(read_cold(fetched, cold)));
        }
        let shard = Rc::clone(self);
        Handled::Later(Box::pin(async move {
            for place in places {
                if let Err(error) = place.load().await {
                    // The read below meets it again and answers.
                    tracing::warn!(%error, "cannot read ahead");
                }
            }
            let (fetched, cold) = shard.read_all(&call, may_wait);
            read_cold(fetched, cold).await
        }))
    }

    fn cold_place(&self, read: &FetchRead) -> Option<jackdaw_storage::ColdRange> {
        self.partition(read.key)?.cold_place(read.offset)
    }

    /// Have a fetch that may wait woken by its partitions; false where these have too many watchers already.
    fn watch(&self, from: usize, call: &FetchCall) -> bool {
        let Some(fetch) = call.watch else { return true };
        let mut partitions = call.reads.iter().filter_map(|read| self.partition(read.key));
        partitions.all(|partition| partition.watchers.add(Watcher { shard: from, fetch }))
    }

    fn read_all(&self, call: &FetchCall, may_wait: bool) -> (Vec<Fetched>, Vec<ColdRead>) {
        let (mut left, mut memory_left) = (call.max_bytes, call.memory_bytes);
        let mut is_first = true;
        let mut fetched = Vec::with_capacity(call.reads.len());
        let mut cold = Vec::new();
        for read in &call.reads {
            let Some(partition) = self.partition(read.key) else {
                fetched.push(Fetched::failed(read.index, self.missing(read.key)));
                continue;
            };
            let (mut found, data) = partition.read(read, call.read_committed, left, is_first);
            found.ends_wait |= !may_wait;
            let size_bytes = found.data.size_bytes();
            left = left.saturating_sub(size_bytes);
            is_first &= size_bytes == 0;
            if let Some(data) = data
                && let Some(after) = memory_left.checked_sub(size_bytes)
            {
                memory_left = after;
                cold.push(ColdRead { place: fetched.len(), partition: Rc::clone(&partition), data });
            }
            fetched.push(found);
        }
        (fetched, cold)
    }

    pub(crate) fn unwatch(
        &self,
        from: usize,
        fetch: FetchToken,
        keys: impl IntoIterator<Item = PartitionKey>,
    ) {
        for key in keys {
            if let Some(partition) = self.partition(key) {
                partition.watchers.remove(Watcher { shard: from, fetch });
            }
        }
    }

    pub(crate) fn list_offsets(&self, queries: Vec<OffsetQuery>) -> Handled {
        let find = |query: OffsetQuery| (query, self.partition(query.key).ok_or(self.missing(query.key)));
        let found: Vec<_> = queries.into_iter().map(find).collect();
        Handled::Later(Box::pin(async move {
            let mut answers = Vec::with_capacity(found.len());
            for (query, partition) in found {
                answers.push(match partition {
                    Ok(partition) => partition.list_offset(&query).await,
                    Err(error) => OffsetAnswer::failed(query.index, error),
                });
            }
            Reply::ListOffsets(answers)
        }))
    }
}

/// This shard's part of the sessions, with ids that no other shard gives.
fn fetch_sessions(rpc: &Rpc, limits: &NodeLimits) -> FetchSessions {
    let shards = rpc.shards();
    let ids_a_shard = i32::MAX / i32::try_from(shards).unwrap_or(i32::MAX);
    let first = i32::try_from(rpc.own()).unwrap_or(0) * ids_a_shard + 1;
    FetchSessions::new(limits.fetch_session_slots.div_ceil(shards), first..=first + (ids_a_shard - 1))
}

/// A part of an answer that must be read from disk.
struct ColdRead {
    place: usize,
    partition: Rc<Partition>,
    data: ColdData,
}

async fn read_cold(mut fetched: Vec<Fetched>, cold: Vec<ColdRead>) -> Reply {
    for ColdRead { place, partition, data } in cold {
        match data.read().await {
            Ok(data) => fetched[place].data = data,
            Err(error) => {
                let (topic, number) = (&partition.topic, partition.key.partition);
                tracing::error!(%topic, partition = number, %error, "cannot read records from disk");
                partition.read_failed(&error);
                fetched[place] = Fetched::failed(fetched[place].index, ErrorCode::KafkaStorageError);
            }
        }
    }
    Reply::Fetch(fetched)
}

fn failed(error: ErrorCode) -> jackdaw_core::protocol::produce::ProduceResult {
    jackdaw_core::protocol::produce::ProduceResult::failed(error)
}

/// Decoded produce requests to fill again.
#[derive(Default)]
pub(crate) struct FramePool(RefCell<Vec<ProduceFrame>>);

impl FramePool {
    pub(crate) fn take(&self) -> ProduceFrame {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn put(&self, mut frame: ProduceFrame) {
        frame.clear();
        let mut pool = self.0.borrow_mut();
        if pool.len() < POOLED_FRAMES_MAX {
            pool.push(frame);
        }
    }
}
