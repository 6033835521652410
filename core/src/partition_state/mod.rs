//! The offsets of one partition and their order, and how its high watermark moves.

mod replication;

pub use replication::{FollowerFetch, FollowerProgress, InSyncReplicas};

/// The offsets of one replica.
///
/// Invariant, asserted at each change:
/// `log_start_offset <= last_stable_offset <= high_watermark <= log_end_offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionState {
    log_start_offset: i64,
    high_watermark: i64,
    log_end_offset: i64,
    first_unstable_offset: Option<i64>,
    leader_epoch: i32,
    leader_epoch_start_offset: Option<i64>,
}

impl PartitionState {
    /// The state of a log as it was opened. The checkpointed high watermark is brought within the log.
    ///
    /// # Panics
    /// Where the log ends before it begins.
    pub fn new(log_start_offset: i64, checkpointed_high_watermark: i64, log_end_offset: i64) -> Self {
        assert!(
            0 <= log_start_offset && log_start_offset <= log_end_offset,
            "a log must not end before it begins"
        );
        let state = Self {
            log_start_offset,
            high_watermark: checkpointed_high_watermark.clamp(log_start_offset, log_end_offset),
            log_end_offset,
            first_unstable_offset: None,
            leader_epoch: -1,
            leader_epoch_start_offset: None,
        };
        state.checked()
    }

    /// The first offset that can be read.
    pub fn log_start_offset(&self) -> i64 {
        self.log_start_offset
    }

    /// Readers of committed records see offsets below it.
    pub fn last_stable_offset(&self) -> i64 {
        match self.first_unstable_offset {
            Some(offset) => offset.clamp(self.log_start_offset, self.high_watermark),
            None => self.high_watermark,
        }
    }

    /// Consumers see offsets below it.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// The offset that the next record will have.
    pub fn log_end_offset(&self) -> i64 {
        self.log_end_offset
    }

    /// -1 before the first leader is known.
    pub fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    /// Where this replica's own epoch begins; `None` unless it leads.
    pub fn leader_epoch_start_offset(&self) -> Option<i64> {
        self.leader_epoch_start_offset
    }

    /// This replica leads from here on: its epoch begins at its end of log.
    ///
    /// # Panics
    /// Where the epoch goes back.
    pub fn become_leader(&mut self, leader_epoch: i32) {
        self.set_leader_epoch(leader_epoch);
        // Leading again in the same epoch, with another ISR, does not move its start.
        self.leader_epoch_start_offset.get_or_insert(self.log_end_offset);
    }

    /// Another replica leads.
    ///
    /// # Panics
    /// Where the epoch goes back.
    pub fn become_follower(&mut self, leader_epoch: i32) {
        self.set_leader_epoch(leader_epoch);
        self.leader_epoch_start_offset = None;
    }

    fn set_leader_epoch(&mut self, leader_epoch: i32) {
        assert!(leader_epoch >= self.leader_epoch, "leader epoch {leader_epoch} after {}", self.leader_epoch);
        if leader_epoch > self.leader_epoch {
            self.leader_epoch_start_offset = None;
        }
        self.leader_epoch = leader_epoch;
    }

    /// Records were appended up to `log_end_offset`.
    ///
    /// # Panics
    /// Where the log's end goes back; that is `truncate_to`.
    pub fn append_to(&mut self, log_end_offset: i64) {
        assert!(log_end_offset >= self.log_end_offset, "an append must not shorten the log");
        self.log_end_offset = log_end_offset;
        *self = self.checked();
    }

    /// A follower cut its log to what its leader has. The high watermark goes back with it where it must,
    /// which Kafka allows as the records were never acknowledged under this leader's rules.
    ///
    /// # Panics
    /// Where the offset lies outside the log.
    pub fn truncate_to(&mut self, log_end_offset: i64) {
        assert!(
            self.log_start_offset <= log_end_offset && log_end_offset <= self.log_end_offset,
            "truncation to {log_end_offset} lies outside the log {self:?}"
        );
        self.log_end_offset = log_end_offset;
        self.high_watermark = self.high_watermark.min(log_end_offset);
        *self = self.checked();
    }

    /// A follower dropped all it had and goes on at its leader's log start.
    pub fn restart_at(&mut self, offset: i64) {
        assert!(offset >= 0);
        (self.log_start_offset, self.high_watermark, self.log_end_offset) = (offset, offset, offset);
        self.first_unstable_offset = None;
        *self = self.checked();
    }

    /// Moves the high watermark up to `offset` or the log's end, never back. Whether it moved.
    pub fn advance_high_watermark(&mut self, offset: i64) -> bool {
        let offset = offset.min(self.log_end_offset);
        let is_higher = offset > self.high_watermark;
        if is_higher {
            self.high_watermark = offset;
            *self = self.checked();
        }
        is_higher
    }

    /// Moves the log's start up, by retention, DeleteRecords or a leader's word. Whether it moved. A follower
    /// that is behind its leader's log start calls `restart_at`.
    ///
    /// # Panics
    /// Past the high watermark: what is not committed cannot be deleted.
    pub fn advance_log_start_offset(&mut self, offset: i64) -> bool {
        assert!(offset <= self.high_watermark, "log start {offset} past the high watermark of {self:?}");
        let is_higher = offset > self.log_start_offset;
        if is_higher {
            self.log_start_offset = offset;
            *self = self.checked();
        }
        is_higher
    }

    /// What the producers' transactions hold back (`Producers::first_unstable_offset`).
    pub fn set_first_unstable_offset(&mut self, offset: Option<i64>) {
        self.first_unstable_offset = offset;
        *self = self.checked();
    }

    fn checked(self) -> Self {
        let last_stable_offset = self.last_stable_offset();
        assert!(
            0 <= self.log_start_offset
                && self.log_start_offset <= last_stable_offset
                && last_stable_offset <= self.high_watermark
                && self.high_watermark <= self.log_end_offset,
            "a partition's offsets are out of order: {self:?}"
        );
        self
    }
}

#[cfg(test)]
mod tests;
