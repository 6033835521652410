//! What a replica of the quorum is told once: who it is, its timeouts, its seed.

use crate::membership::ReplicaKey;

/// Identity and timeouts. Defaults are Kafka's.
#[derive(Clone, Debug)]
pub struct Config {
    /// Own node id and the id of the directory that holds the log.
    pub replica: ReplicaKey,
    /// Requests that carry another cluster id are refused.
    pub cluster_id: String,
    /// 0: a static quorum, whose `quorum-state` has version 0. 1: the voters stand in the log.
    pub kraft_version: i16,
    /// `controller.quorum.election.timeout.ms`; each use draws from `[t, 2t)`.
    pub election_timeout_ms: u64,
    /// `controller.quorum.fetch.timeout.ms`: how long a follower does without its leader.
    pub fetch_timeout_ms: u64,
    /// `controller.quorum.election.backoff.max.ms`: the longest pause after a lost election.
    pub election_backoff_max_ms: u64,
    /// `controller.quorum.request.timeout.ms`: when an unanswered request counts as lost.
    pub request_timeout_ms: u64,
    /// `controller.quorum.retry.backoff.ms`: the pause after a failed request to the same node.
    pub retry_backoff_ms: u64,
    /// How long a leader may hold back an empty answer to our fetch.
    pub fetch_max_wait_ms: u64,
    /// Seeds every random draw of this replica: two replicas must not share it.
    pub seed: u64,
}

impl Config {
    /// Kafka's default timeouts for this replica.
    pub fn new(replica: ReplicaKey, cluster_id: impl Into<String>, seed: u64) -> Self {
        Self {
            replica,
            cluster_id: cluster_id.into(),
            kraft_version: 0,
            election_timeout_ms: 1000,
            fetch_timeout_ms: 2000,
            election_backoff_max_ms: 1000,
            request_timeout_ms: 2000,
            retry_backoff_ms: 20,
            fetch_max_wait_ms: 500,
            seed,
        }
    }
}
