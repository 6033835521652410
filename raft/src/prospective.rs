//! Prospective: a pre-vote (KIP-996). It raises no epoch, so a replica that was cut off disturbs nobody.

use crate::{node::Raft, role::Role};

impl Raft {
    pub(crate) fn poll_prospective(&mut self, now_ms: u64) -> Option<u64> {
        let Role::Prospective(election) = &self.role else { return None };
        if election.is_won() {
            self.become_candidate(now_ms);
            return None;
        }
        if election.is_lost() || now_ms >= election.ends_at_ms {
            match election.known_leader {
                Some(leader_id) => self.become_follower(now_ms, self.epoch, leader_id),
                None => {
                    let pause_ms = self.jitter.up_to(self.config.election_backoff_max_ms);
                    self.become_unattached_until(self.epoch, now_ms + pause_ms);
                }
            }
            return None;
        }
        self.ask_for_votes(now_ms, true)
    }
}
