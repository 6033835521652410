//! What shards of one node say to each other: one message per owning shard, however many partitions a request names.

use std::sync::Arc;

use bytes::Bytes;
use jackdaw_core::{
    controller,
    error_code::ErrorCode,
    protocol::{
        fetch::{AbortedTransaction, DivergingEpoch},
        leader_hint::CurrentLeader,
        produce::ProduceResult,
    },
    quota::Charge,
    records::ValidatedBatch,
    uuid::Uuid,
};
use jackdaw_net::listener::Load;
use jackdaw_ring::{FileLease, socket::Detached};

use crate::{
    controller_host::QuorumState,
    fetch_wait::FetchToken,
    groups::GroupCall,
    metrics::{MetricsAsk, MetricsTold},
    node::NodeIdentity,
    partition_query::{PartitionAnswer, PartitionQuery},
    view::View,
};

/// A partition by its topic's id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct PartitionKey {
    pub(crate) topic_id: Uuid,
    pub(crate) partition: i32,
}

pub(crate) enum Message {
    /// The first message to every shard but the first.
    Identity(Arc<NodeIdentity>),
    Call {
        token: usize,
        call: Call,
    },
    Reply {
        token: usize,
        reply: Reply,
    },
    /// A partition that a waiting fetch watches has something new.
    Wake {
        fetch: FetchToken,
    },
    /// A fetch no longer waits.
    Unwatch {
        fetch: FetchToken,
        keys: Vec<PartitionKey>,
    },
    /// An accepted connection that this shard is to serve.
    Connection {
        listener: usize,
        socket: Detached,
        /// Counts it from its placement on.
        load: Load,
    },
    /// This shard's own end of a listening socket.
    Listener {
        listener: usize,
        socket: Detached,
    },
}

pub(crate) enum Call {
    Produce(ProduceCall),
    Fetch(FetchCall),
    ListOffsets(Vec<OffsetQuery>),
    /// Take this view over, one step at a time: every shard has done one before any begins the next.
    Apply(Arc<View>, ApplyStep),
    Controller(Box<controller::Request>),
    /// How the metadata quorum is; asked of the controller's shard.
    Quorum,
    /// Small questions to partitions of one shard.
    Partitions(Vec<PartitionQuery>),
    /// Requests for group coordinators of the called shard.
    Groups(GroupCall),
    Metrics(MetricsAsk),
    /// Which of these coordinators cannot serve, because their partition cannot be read.
    UnreadableGroups(Vec<PartitionKey>),
    /// A use of a quota that the called shard counts.
    Quota(Charge),
    /// What the checkpoint files say of the partitions here.
    Checkpoints,
    /// Stop serving, flush, close.
    Stop,
}

pub(crate) enum Reply {
    Produce(Vec<(usize, ProduceResult)>),
    Fetch(Vec<Fetched>),
    ListOffsets(Vec<OffsetAnswer>),
    /// Whether the step changed anything on disk.
    Applied(Applied),
    /// `None` where no controller is active.
    Controller(Option<Box<controller::Response>>),
    Quorum(Option<QuorumState>),
    Partitions(Vec<PartitionAnswer>),
    /// One for each request of the call, in its order.
    Groups(Vec<jackdaw_core::group::Response>),
    Metrics(MetricsTold),
    UnreadableGroups(Vec<PartitionKey>),
    Quota {
        throttle_ms: u32,
    },
    Checkpoints(Vec<PartitionCheckpoint>),
    Stopped(Vec<PartitionCheckpoint>),
}

/// The steps of taking a view over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ApplyStep {
    /// Partitions that are gone give their directories' names up: another topic of the same name may need them.
    Retire,
    /// Partitions that came are opened or made: requests that other shards pass on find them.
    Open,
    /// The shard's own handlers see the view.
    Show,
}

/// What came of a step.
#[derive(Clone, Default, Debug)]
pub(crate) struct Applied {
    /// Whether anything on disk changed.
    pub(crate) has_changed: bool,
    /// After [`ApplyStep::Open`]: the partitions that could not be opened.
    pub(crate) offline: Vec<PartitionKey>,
}

/// Batches for partitions of one shard, in the order of the request.
pub(crate) struct ProduceCall {
    pub(crate) acks: i16,
    pub(crate) batches: Vec<ProduceBatch>,
}

pub(crate) struct ProduceBatch {
    /// The partition's place in the request.
    pub(crate) index: usize,
    pub(crate) key: PartitionKey,
    pub(crate) batch: ValidatedBatch,
}

/// Reads of partitions of one shard.
#[derive(Clone)]
pub(crate) struct FetchCall {
    /// The waiting fetch to wake when there is more, if it waits.
    pub(crate) watch: Option<FetchToken>,
    pub(crate) read_committed: bool,
    pub(crate) max_bytes: usize,
    /// What the caller has set aside of its memory budget for records that must be read from disk. Those beyond it are
    /// answered as [`FetchedData::Cold`].
    pub(crate) memory_bytes: usize,
    pub(crate) reads: Vec<FetchRead>,
}

#[derive(Clone, Copy)]
pub(crate) struct FetchRead {
    /// The partition's place in the request.
    pub(crate) index: usize,
    pub(crate) key: PartitionKey,
    pub(crate) offset: i64,
    pub(crate) max_bytes: usize,
    pub(crate) current_leader_epoch: i32,
    pub(crate) last_fetched_epoch: i32,
}

/// What one partition gave.
pub(crate) struct Fetched {
    pub(crate) index: usize,
    pub(crate) error_code: ErrorCode,
    pub(crate) high_watermark: i64,
    pub(crate) last_stable_offset: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) diverging_epoch: Option<DivergingEpoch>,
    pub(crate) current_leader: Option<CurrentLeader>,
    /// For read_committed only.
    pub(crate) aborted: Option<Vec<AbortedTransaction>>,
    pub(crate) data: FetchedData,
    /// Waiting for more would be in vain: the fetch is answered with this, whatever `min_bytes` it asked for.
    pub(crate) ends_wait: bool,
}

/// Record bytes: never copied where the page cache has them.
#[derive(Clone)]
pub(crate) enum FetchedData {
    None,
    File {
        file: FileLease,
        position: u64,
        size_bytes: usize,
    },
    /// Read through the ring because the page cache did not have it.
    Memory(Bytes),
    /// Not in the page cache, and not read for want of memory.
    Cold {
        size_bytes: usize,
    },
}

impl FetchedData {
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::File { size_bytes, .. } | Self::Cold { size_bytes } => *size_bytes,
            Self::Memory(bytes) => bytes.len(),
        }
    }
}

impl Fetched {
    pub(crate) fn failed(index: usize, error_code: ErrorCode) -> Self {
        Self {
            index,
            error_code,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: None,
            current_leader: None,
            aborted: None,
            data: FetchedData::None,
            ends_wait: false,
        }
    }
}

/// One partition of ListOffsets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OffsetQuery {
    pub(crate) index: usize,
    pub(crate) key: PartitionKey,
    pub(crate) timestamp: i64,
    pub(crate) current_leader_epoch: i32,
    pub(crate) read_committed: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct OffsetAnswer {
    pub(crate) index: usize,
    pub(crate) error_code: ErrorCode,
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) leader_epoch: i32,
}

/// One partition's lines in the checkpoint files of its log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionCheckpoint {
    pub(crate) log_dir: usize,
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    pub(crate) high_watermark: i64,
    pub(crate) recovery_point: i64,
    /// Only where it lies above 0.
    pub(crate) log_start_offset: Option<i64>,
    /// Only where it was compacted.
    pub(crate) first_dirty_offset: Option<i64>,
    /// Its log could not be opened: the lines are those found at start, and its directory is not clean.
    pub(crate) is_offline: bool,
}
