//! One session: a client's partitions, what it asks of each, what it was last told.

use std::sync::Arc;

use super::partition_table::{PartitionSlot, PartitionTable};
use crate::{error_code::ErrorCode, uuid::Uuid};

/// The epoch of a session's second fetch.
const FIRST_EPOCH: i32 = 1;
/// A high watermark that no partition has: the next outcome differs from it.
const UNKNOWN_OFFSET: i64 = -1;

/// A topic as a request names it: by id from version 13 on, by name before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicRef<'a> {
    Id(Uuid),
    Name(&'a str),
}

/// A topic as a session keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicKey {
    Id(Uuid),
    Name(Arc<str>),
}

/// What a client asks of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchParameters {
    pub partition: i32,
    pub fetch_offset: i64,
    /// A follower's; -1 from consumers.
    pub log_start_offset: i64,
    /// -1 where the client does not say.
    pub current_leader_epoch: i32,
    /// -1 where the client does not say.
    pub last_fetched_epoch: i32,
    pub partition_max_bytes: i32,
}

/// What a fetch found in one partition, as far as it decides whether the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchOutcome {
    pub error: ErrorCode,
    pub records_size_bytes: usize,
    pub high_watermark: i64,
    pub log_start_offset: i64,
    pub has_preferred_read_replica: bool,
    pub is_diverging: bool,
}

/// A partition of a session.
#[derive(Clone, Copy, Debug)]
pub struct FetchedPartition {
    pub parameters: FetchParameters,
    told_high_watermark: i64,
    told_log_start_offset: i64,
}

impl FetchedPartition {
    fn new(parameters: FetchParameters) -> Self {
        Self { parameters, told_high_watermark: UNKNOWN_OFFSET, told_log_start_offset: UNKNOWN_OFFSET }
    }

    /// Whether the client must be told of this outcome; then that is what it knows from now on.
    fn tell(&mut self, outcome: &FetchOutcome) -> bool {
        let is_news = outcome.records_size_bytes > 0
            || outcome.high_watermark != self.told_high_watermark
            || outcome.log_start_offset != self.told_log_start_offset
            || outcome.has_preferred_read_replica
            || outcome.is_diverging
            || outcome.error != ErrorCode::None;
        self.told_log_start_offset = outcome.log_start_offset;
        // After an error the client is told again, even if nothing else changes.
        self.told_high_watermark =
            if outcome.error == ErrorCode::None { outcome.high_watermark } else { UNKNOWN_OFFSET };
        is_news
    }
}

/// A client's session.
#[derive(Clone, Debug)]
pub struct FetchSession {
    partitions: PartitionTable,
    uses_topic_ids: bool,
    is_privileged: bool,
    /// What the next fetch must carry.
    epoch: i32,
    created_ms: i64,
    last_used_ms: i64,
}

impl FetchSession {
    pub(super) fn new(uses_topic_ids: bool, is_privileged: bool, now_ms: i64) -> Self {
        Self {
            partitions: PartitionTable::default(),
            uses_topic_ids,
            is_privileged,
            epoch: FIRST_EPOCH,
            created_ms: now_ms,
            last_used_ms: now_ms,
        }
    }

    pub(super) fn begin_fetch(&mut self, now_ms: i64) {
        self.epoch = if self.epoch == i32::MAX { FIRST_EPOCH } else { self.epoch + 1 };
        self.last_used_ms = now_ms;
    }

    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    #[cfg(test)]
    pub(super) fn set_epoch_for_test(&mut self, epoch: i32) {
        self.epoch = epoch;
    }

    pub fn uses_topic_ids(&self) -> bool {
        self.uses_topic_ids
    }

    /// Whether it is a replica's.
    pub fn is_privileged(&self) -> bool {
        self.is_privileged
    }

    pub(super) fn created_ms(&self) -> i64 {
        self.created_ms
    }

    pub(super) fn last_used_ms(&self) -> i64 {
        self.last_used_ms
    }

    /// Number of partitions.
    pub fn len(&self) -> usize {
        self.partitions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a partition at the end, or changes what is asked of a known one, which keeps its place.
    pub(super) fn set(&mut self, topic: TopicRef<'_>, parameters: FetchParameters) {
        match self.partitions.find(topic, parameters.partition) {
            Some(slot) => self.partitions.get_mut(slot).parameters = parameters,
            None => {
                self.partitions.push(topic, FetchedPartition::new(parameters));
            }
        }
    }

    pub(super) fn set_with_outcome(
        &mut self,
        topic: TopicRef<'_>,
        parameters: FetchParameters,
        outcome: &FetchOutcome,
    ) {
        let mut partition = FetchedPartition::new(parameters);
        partition.tell(outcome);
        // A request that names a partition twice is answered twice and remembered once.
        match self.partitions.find(topic, parameters.partition) {
            Some(slot) => *self.partitions.get_mut(slot) = partition,
            None => drop(self.partitions.push(topic, partition)),
        }
    }

    pub(super) fn forget(&mut self, topic: TopicRef<'_>, partition: i32) {
        if let Some(slot) = self.partitions.find(topic, partition) {
            self.partitions.remove(slot);
        }
    }

    /// The partitions in the order in which they are to be served.
    pub fn partitions(&self) -> impl Iterator<Item = (PartitionSlot, &TopicKey, &FetchedPartition)> {
        self.partitions.iter()
    }

    /// Whether the slot is still this partition's: a later fetch of the session may have forgotten it while an
    /// earlier one waited.
    pub fn holds(&self, slot: PartitionSlot, topic: TopicRef<'_>, partition: i32) -> bool {
        self.partitions.find(topic, partition) == Some(slot)
    }

    /// Whether a partition goes into the response. One that does with records moves to the end, so that no
    /// partition starves behind others that fill each response.
    ///
    /// # Panics
    /// Where the slot is not of this session, or was forgotten.
    pub fn include(&mut self, slot: PartitionSlot, outcome: &FetchOutcome) -> bool {
        let is_news = self.partitions.get_mut(slot).tell(outcome);
        if outcome.records_size_bytes > 0 {
            self.partitions.move_to_end(slot);
        }
        is_news
    }

    /// What `include` would answer, without taking note: a long poll asks while it may still wait.
    ///
    /// # Panics
    /// Where the slot is not of this session, or was forgotten.
    pub fn would_include(&self, slot: PartitionSlot, outcome: &FetchOutcome) -> bool {
        let mut partition = *self.partitions.get(slot);
        partition.tell(outcome)
    }
}
