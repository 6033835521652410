//! Follower: fetches from the leader, makes what came durable, truncates where the logs differ.

use jackdaw_core::error_code::ErrorCode;

use crate::{
    io::{Fatal, Output},
    log_view::OffsetAndEpoch,
    membership::{Membership, NodeId, VoterSet},
    message::{BeginQuorumEpochRequest, FetchOutcome, FetchRequest, FetchedBatches, Request, ResponseBody},
    node::Raft,
    role::Role,
};

/// What a follower knows of its leader.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    pub(crate) leader_id: NodeId,
    /// When the leader counts as gone unless it answers a fetch before.
    pub(crate) leader_lost_at_ms: u64,
    /// A fetch from this epoch's leader succeeded: a pre-vote of others is refused.
    pub(crate) has_fetched: bool,
    pub(crate) leader_resigned: bool,
    leader_high_watermark: i64,
    installing: Option<OffsetAndEpoch>,
}

impl Follower {
    pub(crate) fn new(leader_id: NodeId, leader_lost_at_ms: u64) -> Self {
        Self {
            leader_id,
            leader_lost_at_ms,
            has_fetched: false,
            leader_resigned: false,
            leader_high_watermark: -1,
            installing: None,
        }
    }
}

impl Raft {
    pub(crate) fn poll_follower(&mut self, now_ms: u64) -> Option<u64> {
        let Role::Follower(follower) = &self.role else { return None };
        let lost_at_ms = follower.leader_lost_at_ms;
        if now_ms >= lost_at_ms {
            if self.is_voter() && !self.stopping {
                self.become_prospective(now_ms);
            } else {
                self.become_unattached(now_ms, self.epoch);
            }
            return None;
        }
        // A voter's fetch says that everything before it is durable: it waits for the flush.
        let written = if self.is_voter() { self.log.flushed_end } else { self.log.appended_end };
        if written < self.log.end_offset || follower.installing.is_some() || follower.leader_resigned {
            return Some(lost_at_ms);
        }
        let leader_id = follower.leader_id;
        if self.peers.blocked_until(leader_id, now_ms).is_none() {
            let request = Request::Fetch(self.fetch_request());
            self.send(now_ms, leader_id, request);
        }
        self.peers.blocked_until(leader_id, now_ms).map(|until_ms| until_ms.min(lost_at_ms))
    }

    pub(crate) fn fetch_request(&self) -> FetchRequest {
        let end = self.log_end();
        FetchRequest {
            cluster_id: Some(self.config.cluster_id.clone()),
            replica: self.config.replica,
            epoch: self.epoch,
            fetch_offset: end.offset,
            last_fetched_epoch: end.epoch,
            high_watermark: Some(self.high_watermark),
            max_wait_ms: self.config.fetch_max_wait_ms,
        }
    }

    pub(crate) fn send(&mut self, now_ms: u64, to: NodeId, request: Request) {
        let correlation = self.peers.sent(to, now_ms + self.config.request_timeout_ms);
        self.emit(Output::Send { to, correlation, request });
    }

    pub(crate) fn on_fetch_response(
        &mut self,
        now_ms: u64,
        from: NodeId,
        correlation: u64,
        error: ErrorCode,
        high_watermark: i64,
        outcome: FetchOutcome,
    ) {
        let lost_at_ms = now_ms + self.config.fetch_timeout_ms;
        let Role::Follower(follower) = &mut self.role else {
            return self.peers.back_off(from, now_ms + self.config.retry_backoff_ms);
        };
        if error != ErrorCode::None || follower.leader_id != from {
            return self.peers.back_off(from, now_ms + self.config.retry_backoff_ms);
        }
        if !follower.leader_resigned {
            follower.leader_lost_at_ms = lost_at_ms;
        }
        follower.has_fetched = true;
        follower.leader_high_watermark = follower.leader_high_watermark.max(high_watermark);
        match outcome {
            FetchOutcome::Batches(batches) => self.append_fetched(now_ms, from, correlation, batches),
            FetchOutcome::Diverging(leader_end) => self.truncate_diverging(now_ms, from, leader_end),
            FetchOutcome::Snapshot(snapshot) => self.begin_snapshot(now_ms, from, snapshot),
            FetchOutcome::Nothing | FetchOutcome::Range { .. } => {
                self.peers.back_off(from, now_ms + self.config.retry_backoff_ms);
            }
        }
        self.advance_follower_high_watermark();
    }

    fn append_fetched(&mut self, now_ms: u64, from: NodeId, correlation: u64, batches: FetchedBatches) {
        if batches.end_offset == batches.start_offset {
            return;
        }
        if !self.continues_log(&batches) {
            return self.peers.back_off(from, now_ms + self.config.retry_backoff_ms);
        }
        for entry in &batches.epochs {
            self.log.note_epoch(entry.epoch, entry.start_offset);
        }
        for (offset, voters) in batches.voters {
            self.membership.append(offset, voters);
        }
        self.log.end_offset = batches.end_offset;
        self.emit(Output::AppendFetched { correlation, end_offset: batches.end_offset });
    }

    /// Batches are taken only where they continue our log, and never from an epoch that is not yet ours.
    fn continues_log(&self, batches: &FetchedBatches) -> bool {
        let (start, end) = (batches.start_offset, batches.end_offset);
        let mut last_epoch = self.log.last_epoch();
        let mut last_start = start;
        let epochs_rise = batches.epochs.iter().all(|entry| {
            let rises = entry.epoch >= last_epoch && entry.start_offset >= last_start;
            (last_epoch, last_start) = (entry.epoch, entry.start_offset);
            rises && entry.epoch <= self.epoch && entry.start_offset < end
        });
        let mut last_voters = start - 1;
        let voters_rise = batches.voters.iter().all(|(offset, _)| {
            let rises = *offset > last_voters && *offset < end;
            last_voters = *offset;
            rises
        });
        let first_epoch = batches.epochs.first().is_some_and(|entry| entry.start_offset == start);
        start == self.log.end_offset && start < end && first_epoch && epochs_rise && voters_rise
    }

    fn truncate_diverging(&mut self, now_ms: u64, leader_id: NodeId, leader_end: OffsetAndEpoch) {
        let end_offset = self.log.truncation_point(leader_end);
        if end_offset < self.high_watermark {
            let (epoch, high_watermark) = (self.epoch, self.high_watermark);
            let fatal = Fatal::TruncationBelowHighWatermark { leader_id, epoch, end_offset, high_watermark };
            return self.break_down(fatal);
        }
        if end_offset == self.log.end_offset {
            // Nothing to cut: asking again at once would only get the same answer.
            return self.peers.back_off(leader_id, now_ms + self.config.retry_backoff_ms);
        }
        self.log.truncate_to(end_offset);
        self.membership.truncate_to(end_offset);
        self.emit(Output::Truncate { end_offset });
    }

    fn begin_snapshot(&mut self, now_ms: u64, from: NodeId, snapshot: OffsetAndEpoch) {
        let Role::Follower(follower) = &mut self.role else { return };
        // A snapshot that ends at or before what we know as committed would only take records away.
        if snapshot.offset <= self.high_watermark {
            return self.peers.back_off(from, now_ms + self.config.retry_backoff_ms);
        }
        follower.installing = Some(snapshot);
        self.emit(Output::FetchSnapshot { from, snapshot });
    }

    pub(crate) fn on_snapshot_progress(&mut self, now_ms: u64) {
        if let Role::Follower(follower) = &mut self.role {
            follower.leader_lost_at_ms = now_ms + self.config.fetch_timeout_ms;
        }
    }

    pub(crate) fn on_snapshot_installed(
        &mut self,
        now_ms: u64,
        snapshot: OffsetAndEpoch,
        voters: Option<VoterSet>,
    ) {
        self.on_snapshot_progress(now_ms);
        self.log.restart_at(snapshot);
        if let Some(voters) = voters {
            self.membership = Membership::new(voters);
        }
        if let Role::Follower(follower) = &mut self.role {
            follower.installing = None;
        }
        if snapshot.offset > self.high_watermark {
            self.set_high_watermark(snapshot.offset);
        }
    }

    /// A follower believes the leader as far as its own log reaches.
    pub(crate) fn advance_follower_high_watermark(&mut self) {
        let Role::Follower(follower) = &self.role else { return };
        let written = if self.is_voter() { self.log.flushed_end } else { self.log.appended_end };
        let offset = follower.leader_high_watermark.min(written);
        if offset > self.high_watermark {
            self.set_high_watermark(offset);
        }
    }

    pub(crate) fn on_begin_quorum_epoch(
        &mut self,
        now_ms: u64,
        correlation: u64,
        request: BeginQuorumEpochRequest,
    ) {
        let body = ResponseBody::BeginQuorumEpoch;
        let own = self.config.replica;
        if let Some(error) = self.cluster_error(request.cluster_id.as_deref()) {
            return self.reply(correlation, error, body);
        }
        if request.epoch < self.epoch {
            return self.reply(correlation, ErrorCode::FencedLeaderEpoch, body);
        }
        if request.leader_id == own.id || self.voters().get(request.leader_id).is_none() {
            return self.reply(correlation, ErrorCode::InvalidRequest, body);
        }
        self.observe(now_ms, request.epoch, Some(request.leader_id));
        if request.addressee.is_some_and(|key| !key.matches(&own)) {
            return self.reply(correlation, ErrorCode::InvalidVoterKey, body);
        }
        if let Role::Follower(follower) = &mut self.role
            && follower.leader_id == request.leader_id
            && !follower.leader_resigned
        {
            follower.leader_lost_at_ms = now_ms + self.config.fetch_timeout_ms;
        }
        self.reply(correlation, ErrorCode::None, body);
    }
}
