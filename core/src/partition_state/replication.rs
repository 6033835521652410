//! What a leader knows of its followers, and the high watermark and ISR that follow from it.

use std::collections::BTreeMap;

/// One fetch of a follower, as the leader sees it.
#[derive(Clone, Copy, Debug)]
pub struct FollowerFetch {
    /// The follower's log end offset: it asks for records from here on.
    pub fetch_offset: i64,
    pub log_start_offset: i64,
    /// The follower's own; -1 from versions that do not send it.
    pub broker_epoch: i64,
    pub leader_log_end_offset: i64,
    pub now_ms: i64,
}

/// How far a follower is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerProgress {
    log_end_offset: i64,
    log_start_offset: i64,
    broker_epoch: i64,
    /// When it last had all that the leader had.
    last_caught_up_ms: i64,
    last_fetch_ms: i64,
    leader_log_end_offset_at_last_fetch: i64,
}

impl FollowerProgress {
    /// A follower that has not fetched since the leader began. One in the ISR has until the lag limit to do
    /// so, counted from `now_ms`; another counts as never caught up.
    pub fn new(is_in_sync: bool, now_ms: i64) -> Self {
        Self {
            log_end_offset: -1,
            log_start_offset: -1,
            broker_epoch: -1,
            last_caught_up_ms: if is_in_sync { now_ms } else { i64::MIN },
            last_fetch_ms: i64::MIN,
            leader_log_end_offset_at_last_fetch: -1,
        }
    }

    /// -1 before its first fetch.
    pub fn log_end_offset(&self) -> i64 {
        self.log_end_offset
    }

    pub fn log_start_offset(&self) -> i64 {
        self.log_start_offset
    }

    pub fn broker_epoch(&self) -> i64 {
        self.broker_epoch
    }

    pub fn last_caught_up_ms(&self) -> i64 {
        self.last_caught_up_ms
    }

    /// A follower is caught up now if it has all there is, and was at its fetch before if it now has all there
    /// was then: a leader that takes in records without pause is never quite reached.
    pub fn on_fetch(&mut self, fetch: &FollowerFetch) {
        if fetch.fetch_offset >= fetch.leader_log_end_offset {
            self.last_caught_up_ms = self.last_caught_up_ms.max(fetch.now_ms);
        } else if fetch.fetch_offset >= self.leader_log_end_offset_at_last_fetch {
            self.last_caught_up_ms = self.last_caught_up_ms.max(self.last_fetch_ms);
        }
        self.log_end_offset = fetch.fetch_offset;
        self.log_start_offset = fetch.log_start_offset;
        self.broker_epoch = fetch.broker_epoch;
        self.last_fetch_ms = fetch.now_ms;
        self.leader_log_end_offset_at_last_fetch = fetch.leader_log_end_offset;
    }

    fn is_caught_up(&self, leader_log_end_offset: i64, now_ms: i64, lag_max_ms: i64) -> bool {
        self.log_end_offset == leader_log_end_offset
            || now_ms.saturating_sub(self.last_caught_up_ms) <= lag_max_ms
    }
}

/// The followers of a partition and its in-sync replicas, at the leader. The leader itself is always in sync
/// and not listed.
#[derive(Clone, Debug, Default)]
pub struct InSyncReplicas {
    followers: BTreeMap<i32, FollowerProgress>,
    /// As the controller committed them.
    committed: Vec<i32>,
    /// Additions that the controller has not answered yet. Removals do not count before they are committed.
    proposed: Vec<i32>,
}

impl InSyncReplicas {
    /// A leader begins: `committed` are the followers in its ISR, `followers` all others with them.
    pub fn new(followers: impl IntoIterator<Item = i32>, committed: Vec<i32>, now_ms: i64) -> Self {
        let followers = followers
            .into_iter()
            .map(|broker_id| (broker_id, FollowerProgress::new(committed.contains(&broker_id), now_ms)))
            .collect();
        Self { followers, committed, proposed: Vec::new() }
    }

    /// Takes note of a fetch; `false` where the broker is not a replica.
    pub fn on_fetch(&mut self, broker_id: i32, fetch: &FollowerFetch) -> bool {
        let follower = self.followers.get_mut(&broker_id);
        follower.map(|follower| follower.on_fetch(fetch)).is_some()
    }

    pub fn follower(&self, broker_id: i32) -> Option<&FollowerProgress> {
        self.followers.get(&broker_id)
    }

    /// In-sync replicas, the leader included.
    pub fn count(&self) -> usize {
        self.committed.len() + 1
    }

    /// The leader asks the controller to add a follower: from now on the high watermark waits for it.
    pub fn propose(&mut self, broker_id: i32) {
        if !self.committed.contains(&broker_id) && !self.proposed.contains(&broker_id) {
            self.proposed.push(broker_id);
        }
    }

    /// The controller answered: these followers are in sync, nothing is proposed.
    pub fn commit(&mut self, committed: Vec<i32>) {
        self.committed = committed;
        self.proposed.clear();
    }

    /// `min.insync.replicas`, or as many replicas as there are.
    pub fn effective_min_count(&self, min_insync_replicas: usize) -> usize {
        min_insync_replicas.min(self.followers.len() + 1)
    }

    /// Whether acks=all must be refused and the high watermark rest (KAFKA-15583).
    pub fn is_under_min(&self, min_insync_replicas: usize) -> bool {
        self.count() < self.effective_min_count(min_insync_replicas)
    }

    /// The offset up to which all that count have the log: the maximal ISR, and followers about to join it.
    /// `None` while the ISR is too small. The caller moves the high watermark there unless that is back.
    pub fn replicated_offset(
        &self,
        leader_log_end_offset: i64,
        min_insync_replicas: usize,
        now_ms: i64,
        lag_max_ms: i64,
        is_eligible: impl Fn(i32) -> bool,
    ) -> Option<i64> {
        if self.is_under_min(min_insync_replicas) {
            return None;
        }
        let counts = |broker_id: i32, follower: &FollowerProgress| {
            self.is_in_maximal(broker_id)
                || (follower.is_caught_up(leader_log_end_offset, now_ms, lag_max_ms)
                    && is_eligible(broker_id))
        };
        let counted = self.followers.iter().filter(|(id, follower)| counts(**id, follower));
        Some(counted.map(|(_, follower)| follower.log_end_offset).fold(leader_log_end_offset, i64::min))
    }

    /// Whether a follower has reached the ISR's place and may be proposed for it. Whether it is fenced or
    /// shutting down is the caller's to know.
    pub fn may_join(&self, broker_id: i32, high_watermark: i64, leader_epoch_start_offset: i64) -> bool {
        let Some(follower) = self.followers.get(&broker_id) else { return false };
        !self.is_in_maximal(broker_id)
            && follower.log_end_offset >= high_watermark
            && follower.log_end_offset >= leader_epoch_start_offset
    }

    /// In-sync followers that fell behind for longer than `replica.lag.time.max.ms`.
    pub fn lagging(
        &self,
        leader_log_end_offset: i64,
        now_ms: i64,
        lag_max_ms: i64,
    ) -> impl Iterator<Item = i32> + '_ {
        self.committed.iter().copied().filter(move |broker_id| {
            let follower = self.followers.get(broker_id);
            follower.is_none_or(|follower| !follower.is_caught_up(leader_log_end_offset, now_ms, lag_max_ms))
        })
    }

    fn is_in_maximal(&self, broker_id: i32) -> bool {
        self.committed.contains(&broker_id) || self.proposed.contains(&broker_id)
    }
}
