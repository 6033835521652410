//! KRaft consensus as a state machine: `step(now, input)`, then drain the outputs. No I/O.
//!
//! # The rules for a host
//!
//! One task owns a [`Raft`]. For every event it calls [`Raft::step`], then takes [`Raft::poll_output`] until `None`
//! and carries each order out, then sleeps until the next event or [`Raft::poll_timeout`].
//!
//! 1. **Order.** Outputs are carried out in the order in which they come.
//! 2. **Durable first.** [`Output::PersistQuorumState`] and [`Output::Truncate`] are durable before the next output is
//!    looked at. A vote that is sent and then forgotten elects two leaders. Nothing else waits for a disk.
//! 3. **Appends are reported twice.** An append is written when its output comes; `Appended` says that readers can
//!    have it, `Flushed` that it survives a power cut. Offsets in both only grow. A flush may cover many appends.
//! 4. **A truncation ends what was under way.** Before it cuts, the host waits for writes and flushes in flight; it
//!    does not report them afterwards beyond the new end.
//! 5. **A voter's fetch is a promise** that everything below its offset is durable. The machine sends none before
//!    `Flushed`, so the host must not say `Flushed` early, and flushes the log it found before it says `Start`.
//! 6. **Committed is below the high watermark.** Records above it may still vanish: a host that applies them early
//!    must be able to take them back.
//! 7. **Elected is not ready.** Between `BecameLeader` and `LeaderReady` proposals are taken but nothing is served:
//!    the log may hold committed records that we cannot yet tell from uncommitted ones.
//! 8. **Every request is answered,** by a `Reply` with its correlation, perhaps after a wait. Requests that we `Send`
//!    need no answer: the machine counts them as lost after `request_timeout_ms`.
//! 9. **The place of a proposal is known before it is made:** `end_offset()`. It is taken at once or refused at once.
//! 10. **`Fatal` ends it.** The host stops the node with the sentence given.
//!
//! What is absent: the bytes of records (the host keeps them by proposal id or correlation), the network, the clock,
//! and adding or removing voters by request (the voter history along the log is there).

mod candidate;
mod config;
mod fetch;
mod follower;
mod io;
mod leader;
mod log_view;
mod membership;
mod message;
mod node;
mod peers;
mod progress;
mod prospective;
mod quorum_state;
mod resigned;
mod role;
mod timers;
mod transitions;
mod unattached;
mod vote;

pub use config::Config;
pub use io::{Fatal, Input, Output, Start};
pub use leader::ReplicaState;
pub use log_view::{EpochStart, LogBounds, OffsetAndEpoch};
pub use membership::{Endpoint, NodeId, ReplicaKey, Voter, VoterSet};
pub use message::{
    BeginQuorumEpochRequest, EndQuorumEpochRequest, FetchOutcome, FetchRequest, FetchedBatches, Request,
    RequestFailure, Response, ResponseBody, VoteRequest,
};
pub use node::Raft;
pub use quorum_state::{QuorumState, QuorumStateError};
pub use role::RoleName;
