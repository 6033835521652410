//! Bounds of one shard, each with its reason.

/// Messages in flight from one shard to another. Each connection waits for its answers, so more than this only
/// queues up work that the other shard cannot take yet.
pub const MAILBOX_MESSAGES: usize = 1024;

/// The shard that hosts the metadata log and answers for what there is once a node.
pub const CONTROLLER_SHARD: usize = 0;
