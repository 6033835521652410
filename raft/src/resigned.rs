//! Resigned: gives the epoch up, and on a graceful stop tells the voters who should stand first.

use jackdaw_core::error_code::ErrorCode;

use crate::{
    membership::{NodeId, ReplicaKey},
    message::{EndQuorumEpochRequest, Request, ResponseBody},
    node::Raft,
    role::Role,
    timers::succession_delay_ms,
};

impl Raft {
    pub(crate) fn poll_resigned(&mut self, now_ms: u64) -> Option<u64> {
        let Role::Resigned(resigned) = &self.role else { return None };
        let election_at_ms = resigned.election_at_ms;
        if self.voters().is_only_voter(&self.config.replica) && !self.stopping {
            self.become_candidate(now_ms);
            return None;
        }
        if !self.stopping && now_ms >= election_at_ms {
            // Our own epoch is spent: the next election is about a later one.
            self.become_unattached_until(self.epoch + 1, now_ms);
            return None;
        }
        let mut next_ms = (!self.stopping).then_some(election_at_ms);
        for to in resigned.to_tell.clone() {
            let blocked_until = self.peers.blocked_until(to, now_ms);
            if blocked_until.is_none() {
                let request = self.end_quorum_epoch_request();
                self.send(now_ms, to, request);
            }
            let retry_ms = self.peers.blocked_until(to, now_ms);
            next_ms = next_ms.into_iter().chain(retry_ms).min();
        }
        next_ms
    }

    fn end_quorum_epoch_request(&self) -> Request {
        let Role::Resigned(resigned) = &self.role else { unreachable!("only a resigned leader says so") };
        Request::EndQuorumEpoch(EndQuorumEpochRequest {
            cluster_id: Some(self.config.cluster_id.clone()),
            leader_id: self.id(),
            epoch: self.epoch,
            preferred_candidates: resigned.preferred_candidates.clone(),
        })
    }

    pub(crate) fn on_shutdown(&mut self, now_ms: u64) {
        self.stopping = true;
        if matches!(self.role, Role::Leader(_)) {
            self.resign(now_ms);
        }
    }

    /// Leaves leadership and recommends the voters whose logs are longest.
    pub(crate) fn resign(&mut self, now_ms: u64) {
        let Role::Leader(leader) = &self.role else { return };
        let mut candidates: Vec<(i64, ReplicaKey)> = self
            .voters()
            .iter()
            .filter(|voter| voter.key.id != self.id())
            .map(|voter| (leader.end_offset_of(voter.key.id), voter.key))
            .collect();
        candidates.sort_by_key(|(end_offset, key)| (std::cmp::Reverse(*end_offset), *key));
        let preferred: Vec<ReplicaKey> = candidates.into_iter().map(|(_, key)| key).collect();
        self.become_resigned(now_ms, self.other_voters(), preferred);
    }

    pub(crate) fn on_end_quorum_epoch_response(&mut self, from: NodeId) {
        if let Role::Resigned(resigned) = &mut self.role {
            resigned.to_tell.retain(|id| *id != from);
        }
    }

    pub(crate) fn on_end_quorum_epoch(
        &mut self,
        now_ms: u64,
        correlation: u64,
        request: EndQuorumEpochRequest,
    ) {
        let body = ResponseBody::EndQuorumEpoch;
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
        if self.is_voter()
            && let Role::Follower(follower) = &mut self.role
        {
            let candidates = &request.preferred_candidates;
            let position = candidates.iter().position(|key| key.matches(&own)).unwrap_or(candidates.len());
            let max_ms = self.config.election_backoff_max_ms;
            let delay_ms = succession_delay_ms(position, candidates.len(), max_ms);
            follower.leader_lost_at_ms = now_ms + delay_ms;
            follower.leader_resigned = true;
            // The leader itself says that it is gone, so a pre-vote need not wait for our fetches to fail. (Kafka's
            // follower goes on refusing pre-votes until its own delay has passed.)
            follower.has_fetched = false;
        }
        self.reply(correlation, ErrorCode::None, body);
    }
}
