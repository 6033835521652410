//! The group coordinator of one partition of `__consumer_offsets`: a replicated state machine, as the
//! controller is.
//!
//! `handle` is pure: it looks at the state and returns records, effects and answers. The host appends the records
//! first, as one batch unless the outcome says that any first part of them is a valid state; if none can be written
//! nothing has happened, and the call is answered with the error. Then it calls `take` with the
//! records and the effects (what is in no log: timers, members that wait), and lets the answers go when the records
//! are committed. A request that has to wait (JoinGroup, SyncGroup) is answered by a later outcome,
//! by its `CallId`. When the partition is lost the coordinator is dropped.

mod admin;
mod budget;
mod classic;
pub mod consumer;
mod consumer_requests;
mod context;
mod coordinator;
mod deleted_topics;
mod due;
mod groups;
mod inspection;
mod log_batch;
mod member_id;
mod membership;
mod offset_requests;
mod offsets;
mod outcome;
mod partitioner;
mod record;
mod request;
mod request_failed;
mod sweep;
#[cfg(test)]
mod tests;
mod transactions;

pub use context::{Client, Context};
pub use coordinator::Coordinator;
pub use inspection::{GroupOffset, GroupSummary};
pub use log_batch::{
    GroupEncodeError, GroupLogError, build_group_batches, replay_group_batch, replay_group_markers,
};
pub use offsets::TooManyPending;
pub use outcome::{CallId, Effect, Outcome};
pub use partitioner::partition_of_group;
pub use record::GroupRecord;
pub use request::{Request, Response};
