//! What this node tells of itself: counters of each shard, their collection, and the HTTP endpoint that shows them.
//!
//! A shard counts in plain cells of its own. Whoever looks asks every shard by a call; each collects in slices, with
//! turns for others in between.

mod collect;
mod counters;
mod endpoint;
mod idle;
mod page;
mod requests;
mod samples;

pub(crate) use counters::{ShardCounters, TopicCount, TopicCounters};
pub(crate) use endpoint::{Endpoint, Phase};
pub(crate) use requests::{RequestCounters, Stage, label};
pub(crate) use samples::{GroupSamples, MetricsAsk, MetricsTold, answer};
