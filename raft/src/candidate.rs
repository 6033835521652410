//! Candidate: asks for votes in a new epoch; the tally it shares with the pre-vote.

use std::collections::BTreeMap;

use jackdaw_core::error_code::ErrorCode;

use crate::{
    membership::{NodeId, ReplicaKey, VoterSet},
    message::{Request, VoteRequest},
    node::Raft,
    role::Role,
};

/// One round of asking all voters.
#[derive(Clone, Debug)]
pub(crate) struct Election {
    ballots: BTreeMap<NodeId, Ballot>,
    majority: usize,
    pub(crate) ends_at_ms: u64,
    /// Only in a pre-vote: the leader we lost touch with.
    pub(crate) known_leader: Option<NodeId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ballot {
    Open,
    Granted,
    Refused,
}

impl Election {
    pub(crate) fn new(
        voters: &VoterSet,
        own_id: Option<NodeId>,
        known_leader: Option<NodeId>,
        ends_at_ms: u64,
    ) -> Self {
        let ballot = |id: NodeId| if Some(id) == own_id { Ballot::Granted } else { Ballot::Open };
        Self {
            ballots: voters.ids().map(|id| (id, ballot(id))).collect(),
            majority: voters.majority(),
            ends_at_ms,
            known_leader,
        }
    }

    pub(crate) fn record(&mut self, voter: NodeId, granted: bool) {
        if let Some(ballot) = self.ballots.get_mut(&voter) {
            *ballot = if granted { Ballot::Granted } else { Ballot::Refused };
        }
    }

    fn voters_with(&self, wanted: Ballot) -> Vec<NodeId> {
        self.ballots.iter().filter(|(_, ballot)| **ballot == wanted).map(|(id, _)| *id).collect()
    }

    pub(crate) fn open(&self) -> Vec<NodeId> {
        self.voters_with(Ballot::Open)
    }

    pub(crate) fn granting(&self) -> Vec<NodeId> {
        self.voters_with(Ballot::Granted)
    }

    pub(crate) fn is_won(&self) -> bool {
        self.granting().len() >= self.majority
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.granting().len() + self.open().len() < self.majority
    }
}

impl Raft {
    pub(crate) fn poll_candidate(&mut self, now_ms: u64) -> Option<u64> {
        let Role::Candidate(election) = &self.role else { return None };
        let ends_at_ms = election.ends_at_ms;
        if election.is_won() {
            let granting = election.granting();
            self.become_leader(now_ms, granting);
            return None;
        }
        if now_ms >= ends_at_ms {
            self.become_prospective(now_ms);
            return None;
        }
        if election.is_lost() {
            // Whoever won will say so; a new round before the timeout would only disturb.
            return Some(ends_at_ms);
        }
        self.ask_for_votes(now_ms, false)
    }

    /// Asks every voter that has not answered; returns when to look again.
    pub(crate) fn ask_for_votes(&mut self, now_ms: u64, pre_vote: bool) -> Option<u64> {
        let (Role::Candidate(election) | Role::Prospective(election)) = &self.role else { return None };
        let mut next_ms = election.ends_at_ms;
        for to in election.open() {
            if self.peers.blocked_until(to, now_ms).is_none() {
                let request = self.vote_request(to, pre_vote);
                self.send(now_ms, to, request);
            }
            next_ms = self.peers.blocked_until(to, now_ms).map_or(next_ms, |until_ms| next_ms.min(until_ms));
        }
        Some(next_ms)
    }

    fn vote_request(&self, to: NodeId, pre_vote: bool) -> Request {
        let addressee = self.voters().get(to).map_or(ReplicaKey::of_node(to), |voter| voter.key);
        Request::Vote(VoteRequest {
            cluster_id: Some(self.config.cluster_id.clone()),
            addressee: Some(addressee),
            epoch: self.epoch,
            candidate: self.config.replica,
            log_end: self.log_end(),
            pre_vote,
        })
    }

    pub(crate) fn on_vote_response(&mut self, now_ms: u64, from: NodeId, error: ErrorCode, granted: bool) {
        let (Role::Candidate(election) | Role::Prospective(election)) = &mut self.role else { return };
        if error == ErrorCode::None {
            election.record(from, granted);
        } else {
            self.peers.back_off(from, now_ms + self.config.retry_backoff_ms);
        }
    }
}
