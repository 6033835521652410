//! Unattached: a voter waits for a leader or its own election timeout, an observer asks the voters in turn.

use crate::{message::Request, node::Raft, role::Role};

impl Raft {
    pub(crate) fn poll_unattached(&mut self, now_ms: u64) -> Option<u64> {
        let Role::Unattached(unattached) = &self.role else { return None };
        let election_at_ms = unattached.election_at_ms;
        if !self.is_voter() {
            return self.look_for_leader(now_ms);
        }
        // A quorum of one has nobody to wait for.
        if now_ms >= election_at_ms || self.voters().is_only_voter(&self.config.replica) {
            self.become_prospective(now_ms);
            return None;
        }
        Some(election_at_ms)
    }

    fn look_for_leader(&mut self, now_ms: u64) -> Option<u64> {
        let voters = self.other_voters();
        let Role::Unattached(unattached) = &mut self.role else { return None };
        // While one voter's answer is awaited no other is asked.
        let waiting_until = voters.iter().filter_map(|voter| self.peers.blocked_until(*voter, now_ms)).min();
        if waiting_until.is_some() || voters.is_empty() {
            return waiting_until;
        }
        let to = voters[unattached.next_voter % voters.len()];
        unattached.next_voter = unattached.next_voter.wrapping_add(1);
        let request = Request::Fetch(self.fetch_request());
        self.send(now_ms, to, request);
        self.peers.blocked_until(to, now_ms)
    }
}
