//! The group coordinator of one partition of `__consumer_offsets`: a replicated state machine (DESIGN D3, shape 1).
//!
//! `handle` is pure: it looks at the state and returns records, effects and answers. The host appends the records
//! first; if that fails nothing has happened, and the calls are answered with the error. Then it calls `accept` with
//! the effects (what is in no log: timers, members that wait), `replay` with each record, and lets the answers go
//! when the records are committed. A request that has to wait (JoinGroup, SyncGroup) is answered by a later outcome,
//! by its `CallId`. When the partition is lost the coordinator is dropped.

pub mod consumer;
mod context;
mod log_batch;
mod outcome;
mod record;
mod request;
mod request_failed;

pub use context::{Client, Context};
pub use log_batch::{GroupLogError, build_group_batch, replay_group_batch};
pub use outcome::{CallId, Effect, Outcome};
pub use record::GroupRecord;
pub use request::{Request, Response};

use crate::config::GroupConfig;

/// The coordinator of all groups whose records are in one partition.
#[derive(Debug)]
pub struct Coordinator {
    settings: GroupConfig,
}

impl Coordinator {
    pub fn new(settings: GroupConfig) -> Self {
        Self { settings }
    }

    /// Decides about one request.
    pub fn handle(&self, context: &Context<'_>, call: CallId, request: &Request) -> Outcome {
        let _ = (context, &self.settings);
        Outcome::answer(call, request.failed(crate::error_code::ErrorCode::CoordinatorNotAvailable))
    }

    /// Takes over what an outcome says about soft state: for every outcome, after its records are in the log and
    /// before they are replayed.
    pub fn accept(&mut self, context: &Context<'_>, effects: Vec<Effect>) {
        let _ = (context, effects);
    }

    /// Applies a record: one that was just appended, or one that is read when the partition is loaded.
    pub fn replay(&mut self, record: &GroupRecord) {
        let _ = record;
    }

    /// All records of the log are replayed: members that were found get a full session from now on.
    pub fn activate(&mut self, context: &Context<'_>) -> Outcome {
        let _ = context;
        Outcome::default()
    }

    /// What is due by now: sessions, rebalances, offsets that expire.
    pub fn poll(&self, context: &Context<'_>) -> Outcome {
        let _ = context;
        Outcome::default()
    }

    /// When `poll` has something to do, by the clock that never goes back.
    pub fn next_timeout_ms(&self) -> Option<u64> {
        None
    }
}
