//! What goes in and what comes out.

use crate::{
    log_view::{LogBounds, OffsetAndEpoch},
    membership::{NodeId, ReplicaKey, VoterSet},
    message::{Request, RequestFailure, Response},
    quorum_state::QuorumState,
};

/// What a replica wakes up with. The host has flushed the log before it states its end here.
#[derive(Clone, Debug, Default)]
pub struct Start {
    pub quorum_state: Option<QuorumState>,
    pub log: LogBounds,
    /// The configured voters, or those of the newest VotersRecord.
    pub voters: VoterSet,
}

/// An event.
#[derive(Clone, Debug)]
pub enum Input {
    /// The first input, once.
    Start(Start),
    /// The time that `poll_timeout` named has come.
    Timeout,
    /// A peer asks; the answer comes as a `Reply` with the same `correlation`, perhaps later.
    Request { correlation: u64, request: Request },
    /// A peer answered the `Send` with this `correlation`.
    Response { correlation: u64, result: Result<Response, RequestFailure> },
    /// Append a batch of `record_count` records if we lead; the host keeps the records under `id`.
    Propose { id: u64, record_count: u32 },
    /// Everything below `end_offset` is written (readers may have it).
    Appended { end_offset: i64 },
    /// Everything below `end_offset` survives a power cut.
    Flushed { end_offset: i64 },
    /// The snapshot that `FetchSnapshot` named makes progress (the leader is alive).
    SnapshotProgress,
    /// It is complete, durable, and the log now starts and ends at its offset.
    SnapshotInstalled { snapshot: OffsetAndEpoch, voters: Option<VoterSet> },
    /// We took a snapshot of our own and dropped the log before `log_start_offset`.
    SnapshotTaken { snapshot: OffsetAndEpoch, log_start_offset: i64 },
    /// The node stops: hand leadership over. Only `Reply` and `Send` follow.
    Shutdown,
}

/// An order to the host. See the crate's page for the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Replace the `quorum-state` file; durable before any later output is carried out.
    PersistQuorumState(QuorumState),
    /// Append this as a control batch of one LeaderChange record at `offset` in `epoch`.
    AppendLeaderChange { offset: i64, epoch: i32, voters: Vec<ReplicaKey>, granting_voters: Vec<ReplicaKey> },
    /// Append the records proposed as `id` as one batch at `base_offset` in `epoch`.
    AppendBatch { id: u64, base_offset: i64, epoch: i32 },
    /// The proposal was not taken: we do not lead.
    RefuseProposal { id: u64 },
    /// Append the batches that came with the response `correlation`.
    AppendFetched { correlation: u64, end_offset: i64 },
    /// Cut the log so that it ends at `end_offset`; done, and durable, before any later output.
    Truncate { end_offset: i64 },
    /// Load this snapshot from the leader.
    FetchSnapshot { from: NodeId, snapshot: OffsetAndEpoch },
    /// Send a request; its answer, or failure, comes back with the `correlation`.
    Send { to: NodeId, correlation: u64, request: Request },
    /// Answer a request.
    Reply { correlation: u64, response: Response },
    /// Everything below `offset` is committed.
    HighWatermark { offset: i64 },
    /// We won the epoch. Proposals are taken, but nothing may be served yet.
    BecameLeader { epoch: i32, start_offset: i64 },
    /// A record of our own epoch is committed: our state is the newest there is, it may be served.
    LeaderReady { epoch: i32 },
    /// We lead no more. Uncommitted proposals may or may not survive.
    LostLeadership { epoch: i32 },
    /// The epoch or its known leader is another.
    LeaderChanged { epoch: i32, leader_id: Option<NodeId> },
    /// Consensus is broken; stop the node. Nothing follows.
    Fatal(Fatal),
}

/// What must never happen, and happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fatal {
    #[error(
        "the leader {leader_id} of epoch {epoch} asks to cut the metadata log at {end_offset}, below the high \
         watermark {high_watermark}: committed records differ; stop this node and compare the nodes' logs"
    )]
    TruncationBelowHighWatermark { leader_id: NodeId, epoch: i32, end_offset: i64, high_watermark: i64 },
    #[error(
        "two leaders, {first} and {second}, in epoch {epoch}: a node lost its quorum-state file; stop the cluster's controllers and restore it"
    )]
    TwoLeaders { first: NodeId, second: NodeId, epoch: i32 },
}
