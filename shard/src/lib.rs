//! One core's share of the broker: requests routed and answered, partitions led, state machines hosted.
//!
//! The path of a request: `service` (header, which API) → `handlers/…` → `rpc` (to the shard that owns a partition,
//! once per shard) → `partition` → `jackdaw_storage`. What is absent: system calls of its own, byte layouts (they are
//! `jackdaw_core`'s), threads (the caller starts one a core).

mod answer;
mod apply;
mod broker_lifecycle;
mod checkpoints;
mod cleaner;
mod commits;
mod connection_limits;
mod controller_host;
mod dir_failures;
mod fetch_wait;
pub mod format;
mod groups;
mod handlers;
mod housekeeping;
mod limits;
mod log_dirs;
mod message;
mod metadata_log;
mod metadata_snapshots;
mod metrics;
pub mod node;
mod partition;
mod partition_query;
mod partition_read;
mod placement;
mod producer_ids;
mod quota;
mod rollout;
mod rpc;
mod serve;
mod service;
mod shard;
mod start;
mod view;
mod view_build;
mod wakeups;
mod watchers;

pub use node::{FatalKind, Node, NodeError, ShardSeat, StopReason};
pub use start::run_shard;
