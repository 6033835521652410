//! One core's share of the broker: requests routed and answered, partitions led, state machines hosted.
//!
//! The path of a request: `service` (header, which API) → `handlers/…` → `rpc` (to the shard that owns a partition,
//! once per shard) → `partition` → `jackdaw_storage`. What is absent: system calls of its own, byte layouts (they are
//! `jackdaw_core`'s), threads (the caller starts one a core).

mod answer;
mod apply;
mod controller_host;
mod fetch_wait;
mod handlers;
mod limits;
mod message;
pub mod node;
mod partition;
mod placement;
mod producer_ids;
mod rpc;
mod service;
mod shard;
mod view;
mod view_build;

pub use node::{Node, NodeError, StopReason};
