//! The settings of one log.

/// The part of a topic's configuration that its logs on disk follow. Names and defaults are Kafka's.
#[derive(Clone, PartialEq, Debug)]
pub struct LogConfig {
    /// `segment.bytes`.
    pub segment_bytes: u32,
    /// `segment.ms`.
    pub segment_ms: i64,
    /// `segment.jitter.ms`: each segment rolls up to this much earlier.
    pub segment_jitter_ms: i64,
    /// `index.interval.bytes`.
    pub index_interval_bytes: u32,
    /// `segment.index.bytes`.
    pub segment_index_bytes: u32,
    /// `flush.messages`; the caller flushes, see [`crate::Log::unflushed_count`].
    pub flush_messages: i64,
    /// `flush.ms`; the caller flushes.
    pub flush_ms: i64,
    /// `retention.ms`; negative keeps for ever.
    pub retention_ms: i64,
    /// `retention.bytes`; negative keeps any size.
    pub retention_bytes: i64,
    /// Whether `cleanup.policy` contains `delete`.
    pub delete_old_segments: bool,
    /// Whether `cleanup.policy` contains `compact`: then segments may end before the next one begins.
    pub is_compacted: bool,
    /// `min.cleanable.dirty.ratio`: how much of a log must be new before it is compacted again.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: then a log is compacted whatever the ratio, and a segment ends that is so old.
    pub max_compaction_lag_ms: i64,
    /// `delete.retention.ms`: how long compaction keeps a tombstone that it has met.
    pub delete_retention_ms: i64,
    /// `file.delete.delay.ms`.
    pub file_delete_delay_ms: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 604_800_000,
            segment_jitter_ms: 0,
            index_interval_bytes: 4096,
            segment_index_bytes: 10_485_760,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            retention_ms: 604_800_000,
            retention_bytes: -1,
            delete_old_segments: true,
            is_compacted: false,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            delete_retention_ms: 86_400_000,
            file_delete_delay_ms: 60_000,
        }
    }
}
