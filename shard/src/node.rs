//! A node: its shards started, told to stop, waited for. The caller gives each shard a thread and an executor.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Waker},
    time::Duration,
};

use jackdaw_core::{config::BrokerConfig, uuid::Uuid};
use jackdaw_net::listener::Loads;
use jackdaw_ring::mesh::{Seat, mesh};
use jackdaw_storage::StorageError;

use crate::{
    dir_failures::{DirFailures, Failed},
    limits::{MAILBOX_MESSAGES, REQUEST_MEMORY_BYTES},
    log_dirs::ExistingPartition,
    message::{Message, PartitionKey},
};

/// Why a node cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("{what}: {error}")]
    Io { what: String, error: std::io::Error },
    #[error("{0}")]
    Configuration(String),
    #[error("the metadata log cannot be read: {0}")]
    Metadata(String),
}

impl NodeError {
    /// The kind of failure, which decides the exit code.
    pub fn kind(&self) -> FatalKind {
        match self {
            Self::Metadata(_) => FatalKind::Metadata,
            Self::Configuration(_) => FatalKind::Configuration,
            _ => FatalKind::Start,
        }
    }
}

/// Why a node stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It was asked to.
    Asked,
    /// It cannot go on (D10); the sentence says what failed, on what, and what to do.
    Fatal { kind: FatalKind, text: String },
}

/// Each kind has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FatalKind {
    Start,
    /// Trying again does not help.
    Configuration,
    Disk,
    Metadata,
}

/// Who this node is; the same for all its shards.
#[derive(Debug)]
pub(crate) struct NodeIdentity {
    /// As the operator wrote it; what changes at run time is in the view.
    pub(crate) config: Arc<BrokerConfig>,
    pub(crate) cluster_id: String,
    pub(crate) node_id: i32,
    /// Of this start: what the metadata says of another one is over.
    pub(crate) incarnation_id: Uuid,
    /// The names of the listeners, in the order of the configuration.
    pub(crate) listeners: Vec<String>,
    pub(crate) log_dirs: Vec<PathBuf>,
    /// The partitions whose files were found at start.
    pub(crate) existing: BTreeMap<PartitionKey, ExistingPartition>,
}

/// What a shard's handlers need of the configuration, in the units they use.
#[derive(Clone, Debug)]
pub(crate) struct NodeLimits {
    pub(crate) request_max_bytes: usize,
    pub(crate) request_memory_bytes: usize,
    pub(crate) fetch_max_bytes: usize,
    pub(crate) described_partitions_max: usize,
    pub(crate) connections_max_idle: Option<Duration>,
    pub(crate) auto_create_topics: bool,
    pub(crate) delete_topics: bool,
    pub(crate) fetch_session_slots: usize,
}

impl NodeLimits {
    pub(crate) fn new(config: &BrokerConfig) -> Self {
        let network = &config.network;
        let size = |bytes: i32| usize::try_from(bytes).unwrap_or(0);
        Self {
            request_max_bytes: size(network.socket_request_max_bytes),
            request_memory_bytes: usize::try_from(network.queued_max_request_bytes)
                .unwrap_or(REQUEST_MEMORY_BYTES),
            fetch_max_bytes: size(network.fetch_max_bytes),
            described_partitions_max: size(network.max_request_partition_size_limit),
            connections_max_idle: u64::try_from(network.connections_max_idle_ms)
                .ok()
                .filter(|millis| *millis > 0)
                .map(Duration::from_millis),
            auto_create_topics: config.topics.auto_create_enable,
            delete_topics: config.topics.delete_enable,
            fetch_session_slots: size(network.max_incremental_fetch_session_cache_slots),
        }
    }
}

/// A node before its shards run. `Send`: each shard's part goes to its thread.
pub struct Node {
    pub(crate) config: Arc<BrokerConfig>,
    pub(crate) loads: Loads,
    pub(crate) control: Control,
}

/// One shard's part, for its thread.
pub struct ShardSeat {
    pub(crate) node: Arc<Node>,
    pub(crate) seat: Seat<Message>,
}

impl Node {
    /// A node of `shards` shards, and the part of each.
    pub fn new(config: BrokerConfig, shards: usize) -> (Arc<Self>, Vec<ShardSeat>) {
        let control = Control::new(&config);
        let node = Arc::new(Self { config: Arc::new(config), loads: Loads::new(shards), control });
        let seats = mesh(shards, MAILBOX_MESSAGES);
        let seats = seats.into_iter().map(|seat| ShardSeat { node: Arc::clone(&node), seat }).collect();
        (node, seats)
    }

    /// From any thread: stop cleanly.
    pub fn stop(&self) {
        self.control.stop(StopReason::Asked);
    }

    /// The addresses that clients can connect to, by listener name, once the node serves.
    pub fn control(&self) -> &Control {
        &self.control
    }
}

/// What passes between a node and who runs it. Used at start and stop only.
#[derive(Clone, Default)]
pub struct Control(Arc<ControlState>);

#[derive(Default)]
struct ControlState {
    dirs: DirFailures,
    stopping: AtomicBool,
    /// Also where the node was asked to stop before.
    start_failed: AtomicBool,
    reason: Mutex<Option<StopReason>>,
    waiting: Mutex<Vec<Waker>>,
    serving: Mutex<Option<Vec<(String, std::net::SocketAddr)>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic while holding one of these locks aborts the process.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Control {
    fn new(config: &BrokerConfig) -> Self {
        Self(Arc::new(ControlState { dirs: DirFailures::new(config), ..ControlState::default() }))
    }

    pub(crate) fn dirs(&self) -> &DirFailures {
        &self.0.dirs
    }

    /// Stop for this reason; the first failure counts, also where a stop was asked for before.
    pub fn stop(&self, reason: StopReason) {
        let mut known = lock(&self.0.reason);
        if matches!(*known, None | Some(StopReason::Asked)) {
            *known = Some(reason);
        }
        drop(known);
        self.0.stopping.store(true, Ordering::Release);
        lock(&self.0.waiting).drain(..).for_each(Waker::wake);
    }

    /// The node cannot start: shards that wait for it to do so end, too.
    pub fn fail_to_start(&self, kind: FatalKind, text: String) {
        self.end_start(StopReason::Fatal { kind, text });
    }

    /// The node ends for this reason before it has served: shards that wait for it to do so end, too.
    pub(crate) fn end_start(&self, reason: StopReason) {
        self.0.start_failed.store(true, Ordering::Release);
        self.stop(reason);
    }

    /// Wait, in a task, until the node is to stop.
    pub(crate) async fn stopped(&self) -> StopReason {
        self.raised(&self.0.stopping).await;
        lock(&self.0.reason).clone().unwrap_or(StopReason::Asked)
    }

    /// Wait, in a task, for an end of the start; for ever if the node comes to serve.
    pub(crate) async fn failed_to_start(&self) {
        self.raised(&self.0.start_failed).await;
    }

    async fn raised(&self, flag: &AtomicBool) {
        std::future::poll_fn(|context| {
            let mut waiting = lock(&self.0.waiting);
            if flag.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn serves_at(&self, addresses: Vec<(String, std::net::SocketAddr)>) {
        *lock(&self.0.serving) = Some(addresses);
    }

    /// Where the node serves: listener names and bound addresses; `None` until it does.
    pub fn serving(&self) -> Option<Vec<(String, std::net::SocketAddr)>> {
        lock(&self.0.serving).clone()
    }
}

/// Ends the node from anywhere on a shard.
#[derive(Clone)]
pub(crate) struct Fatal {
    control: Control,
    reported: Rc<RefCell<bool>>,
}

impl Fatal {
    pub(crate) fn new(control: Control) -> Self {
        Self { control, reported: Rc::default() }
    }

    /// A disk failed under acknowledged data or is about to: stop.
    pub(crate) fn disk(&self, what: &str, error: &dyn fmt::Display) {
        self.report(FatalKind::Disk, format!("{what}: {error}"));
    }

    /// A write to a directory of `log.dirs` failed: it goes offline with its partitions, and the node goes on. True, unless
    /// it cannot do without this one: then it stops.
    pub(crate) fn directory(&self, log_dir: usize, what: &str, error: &dyn fmt::Display) -> bool {
        match self.control.dirs().fail(log_dir) {
            Failed::Vital => {
                self.disk(what, error);
                return false;
            }
            Failed::Before => {}
            Failed::Now(dir) => tracing::error!(
                dir = %dir.display(),
                "log directory is offline: {what}: {error}. Its partitions are offline until the next start, the others \
                 serve; check the disk"
            ),
        }
        true
    }

    /// A read from it failed: the same, where the node can do without it. Else whoever asked is told, and that is all.
    pub(crate) fn directory_read(&self, log_dir: usize, what: &str, error: &dyn fmt::Display) {
        if self.control.dirs().may_fail(log_dir) {
            self.directory(log_dir, what, error);
        }
    }

    pub(crate) fn dirs(&self) -> &DirFailures {
        self.control.dirs()
    }

    /// Why the node stops, as far as is known.
    pub(crate) fn reason(&self) -> StopReason {
        lock(&self.control.0.reason).clone().unwrap_or(StopReason::Asked)
    }

    pub(crate) fn metadata(&self, error: &dyn fmt::Display) {
        self.report(FatalKind::Metadata, error.to_string());
    }

    fn report(&self, kind: FatalKind, text: String) {
        if !self.reported.replace(true) {
            tracing::error!("the node stops: {text}");
        }
        self.control.stop(StopReason::Fatal { kind, text });
    }
}
