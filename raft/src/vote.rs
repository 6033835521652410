//! Answering a request for a vote: the checks in Kafka's order, and the table of who is granted what.

use jackdaw_core::error_code::ErrorCode;

use crate::{
    message::{ResponseBody, VoteRequest},
    node::Raft,
    role::Role,
};

impl Raft {
    pub(crate) fn on_vote_request(&mut self, now_ms: u64, correlation: u64, request: VoteRequest) {
        let refused = ResponseBody::Vote { granted: false };
        if let Some(error) = self.vote_error(&request) {
            return self.reply(correlation, error, refused);
        }
        if request.epoch > self.epoch {
            self.become_unattached(now_ms, request.epoch);
        }
        let own = self.config.replica;
        if request.addressee.is_some_and(|key| !key.matches(&own)) {
            return self.reply(correlation, ErrorCode::InvalidVoterKey, refused);
        }
        let granted = self.would_grant(&request);
        if granted && !request.pre_vote {
            self.voted = Some(request.candidate);
            self.persist();
        }
        self.reply(correlation, ErrorCode::None, ResponseBody::Vote { granted });
    }

    fn vote_error(&self, request: &VoteRequest) -> Option<ErrorCode> {
        if let Some(error) = self.cluster_error(request.cluster_id.as_deref()) {
            return Some(error);
        }
        let end = request.log_end;
        // A candidate has raised its epoch above its log's; a pre-vote has not.
        let epoch_is_plausible =
            if request.pre_vote { end.epoch <= request.epoch } else { end.epoch < request.epoch };
        if end.offset < 0 || end.epoch < 0 || request.epoch < 0 || !epoch_is_plausible {
            return Some(ErrorCode::InvalidRequest);
        }
        (request.epoch < self.epoch).then_some(ErrorCode::FencedLeaderEpoch)
    }

    fn would_grant(&self, request: &VoteRequest) -> bool {
        let log_ok = self.log.is_no_longer_than(request.log_end);
        match &self.role {
            Role::Leader(_) => false,
            Role::Follower(follower) => request.pre_vote && log_ok && !follower.has_fetched,
            Role::Candidate(_) | Role::Resigned(_) => request.pre_vote && log_ok,
            Role::Unattached(_) | Role::Prospective(_) if request.pre_vote => log_ok,
            Role::Unattached(_) | Role::Prospective(_) => match (self.voted, self.leader_id()) {
                (Some(voted), _) => voted == request.candidate,
                (None, Some(_)) => false,
                (None, None) => log_ok,
            },
        }
    }
}
