//! What replicas say to one another: Kafka's quorum requests, reduced to what consensus decides on.

use jackdaw_core::error_code::ErrorCode;

use crate::{
    log_view::{EpochStart, OffsetAndEpoch},
    membership::{Endpoint, NodeId, ReplicaKey, VoterSet},
};

/// A request of one replica to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Vote(VoteRequest),
    BeginQuorumEpoch(BeginQuorumEpochRequest),
    EndQuorumEpoch(EndQuorumEpochRequest),
    Fetch(FetchRequest),
}

/// Vote (52): "elect me in this epoch", or with `pre_vote` "would you".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteRequest {
    pub cluster_id: Option<String>,
    /// Whom the candidate means to ask; `None` before version 1.
    pub addressee: Option<ReplicaKey>,
    pub epoch: i32,
    pub candidate: ReplicaKey,
    pub log_end: OffsetAndEpoch,
    pub pre_vote: bool,
}

/// BeginQuorumEpoch (53): "I lead this epoch".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeginQuorumEpochRequest {
    pub cluster_id: Option<String>,
    pub addressee: Option<ReplicaKey>,
    pub leader_id: NodeId,
    pub epoch: i32,
    pub leader_endpoints: Vec<Endpoint>,
}

/// EndQuorumEpoch (54): "I lead no more"; the candidates stand best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndQuorumEpochRequest {
    pub cluster_id: Option<String>,
    pub leader_id: NodeId,
    pub epoch: i32,
    pub preferred_candidates: Vec<ReplicaKey>,
}

/// Fetch (1) of the metadata log. A voter's `fetch_offset` tells the leader that everything below it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    pub cluster_id: Option<String>,
    pub replica: ReplicaKey,
    pub epoch: i32,
    pub fetch_offset: i64,
    pub last_fetched_epoch: i32,
    /// What the replica knows as high watermark; `None` before version 18.
    pub high_watermark: Option<i64>,
    pub max_wait_ms: u64,
}

/// An answer. `epoch` and `leader_id` are the answering replica's own view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub error: ErrorCode,
    pub epoch: i32,
    pub leader_id: Option<NodeId>,
    pub body: ResponseBody,
}

/// What an answer says beyond error, epoch and leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseBody {
    Vote {
        granted: bool,
    },
    BeginQuorumEpoch,
    EndQuorumEpoch,
    /// `high_watermark` is -1 while the leader knows none.
    Fetch {
        high_watermark: i64,
        log_start_offset: i64,
        outcome: FetchOutcome,
    },
}

/// What a leader has for a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchOutcome {
    /// Leader to host: answer with whole batches from this range, as many as the byte limit allows.
    Range { start_offset: i64, end_offset: i64 },
    /// Host to follower: these batches came. The host keeps their bytes until they are asked for or refused.
    Batches(FetchedBatches),
    /// The follower's log is not a prefix of the leader's.
    Diverging(OffsetAndEpoch),
    /// The follower must begin with this snapshot.
    Snapshot(OffsetAndEpoch),
    /// Nothing, because of the error.
    Nothing,
}

/// A description of fetched batches. The host has checked their CRC and that offsets rise without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchedBatches {
    pub start_offset: i64,
    /// One past the last record; equal to `start_offset` where nothing came.
    pub end_offset: i64,
    /// Where each epoch begins among them, the first batch's included.
    pub epochs: Vec<EpochStart>,
    /// Every VotersRecord among them with its offset.
    pub voters: Vec<(i64, VoterSet)>,
}

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFailure {
    /// Not connected, timed out, or cut off.
    Unreachable,
    /// The peer does not speak the version that was needed (a pre-vote needs Vote 2).
    UnsupportedVersion,
}
