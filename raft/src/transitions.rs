//! The steps from one role to another. Each writes epoch and vote down before anything is sent in the new role.

use jackdaw_core::error_code::ErrorCode;

use crate::{
    candidate::Election,
    follower::Follower,
    io::Output,
    leader::Leader,
    membership::{NodeId, ReplicaKey},
    message::{FetchOutcome, ResponseBody},
    node::Raft,
    role::{Resigned, Role, Unattached},
};

impl Raft {
    pub(crate) fn become_unattached(&mut self, now_ms: u64, epoch: i32) {
        let wait_ms = self.jitter.between_once_and_twice(self.config.election_timeout_ms);
        self.become_unattached_until(epoch, now_ms + wait_ms);
    }

    pub(crate) fn become_unattached_until(&mut self, epoch: i32, election_at_ms: u64) {
        self.enter(epoch, Role::Unattached(Unattached { election_at_ms, next_voter: 0 }));
    }

    pub(crate) fn become_follower(&mut self, now_ms: u64, epoch: i32, leader_id: NodeId) {
        assert!(leader_id != self.id(), "a replica does not follow itself");
        let leader_lost_at_ms = now_ms + self.config.fetch_timeout_ms;
        self.enter(epoch, Role::Follower(Follower::new(leader_id, leader_lost_at_ms)));
    }

    pub(crate) fn become_prospective(&mut self, now_ms: u64) {
        let resigned = matches!(&self.role, Role::Follower(follower) if follower.leader_resigned);
        let known_leader = self.leader_id().filter(|_| !resigned);
        let election = self.election(now_ms, known_leader);
        self.enter(self.epoch, Role::Prospective(election));
    }

    pub(crate) fn become_candidate(&mut self, now_ms: u64) {
        assert!(self.is_voter(), "only voters stand for election");
        let election = self.election(now_ms, None);
        self.enter_having_voted(self.epoch + 1, Role::Candidate(election));
    }

    /// After a restart: the vote for ourselves in this epoch still stands, so we may ask for others' again.
    pub(crate) fn resume_candidacy(&mut self, now_ms: u64) {
        let election = self.election(now_ms, None);
        self.enter_having_voted(self.epoch, Role::Candidate(election));
    }

    pub(crate) fn become_leader(&mut self, now_ms: u64, granting_voters: Vec<NodeId>) {
        let start_offset = self.log.end_offset;
        let leader = Leader::new(&self.config, self.voters(), now_ms, start_offset);
        self.voted = None;
        self.enter(self.epoch, Role::Leader(leader));
        self.log.note_epoch(self.epoch, start_offset);
        self.log.end_offset += 1;
        let keys = |ids: &dyn Fn(NodeId) -> bool| -> Vec<ReplicaKey> {
            self.voters().iter().map(|voter| voter.key).filter(|key| ids(key.id)).collect()
        };
        let voters = keys(&|_| true);
        let granting_voters = keys(&|id| granting_voters.contains(&id));
        let epoch = self.epoch;
        self.emit(Output::AppendLeaderChange { offset: start_offset, epoch, voters, granting_voters });
        self.emit(Output::BecameLeader { epoch, start_offset });
    }

    pub(crate) fn become_resigned(
        &mut self,
        now_ms: u64,
        to_tell: Vec<NodeId>,
        preferred_candidates: Vec<ReplicaKey>,
    ) {
        let election_at_ms = now_ms + self.jitter.between_once_and_twice(self.config.election_timeout_ms);
        self.enter(self.epoch, Role::Resigned(Resigned { election_at_ms, to_tell, preferred_candidates }));
    }

    fn election(&mut self, now_ms: u64, known_leader: Option<NodeId>) -> Election {
        let wait_ms = self.jitter.between_once_and_twice(self.config.election_timeout_ms);
        let own_id = self.is_voter().then_some(self.id());
        Election::new(self.voters(), own_id, known_leader, now_ms + wait_ms)
    }

    fn enter_having_voted(&mut self, epoch: i32, role: Role) {
        self.leave_leadership();
        self.epoch = epoch;
        self.voted = Some(self.config.replica);
        self.set_role(role);
    }

    fn enter(&mut self, epoch: i32, role: Role) {
        assert!(epoch >= self.epoch, "epochs never go back");
        self.leave_leadership();
        if epoch > self.epoch {
            self.epoch = epoch;
            self.voted = None;
        }
        self.set_role(role);
    }

    fn set_role(&mut self, role: Role) {
        self.role = role;
        self.peers.forget_requests();
        self.persist();
    }

    /// Everything that hangs on our leadership is let go before the role changes.
    fn leave_leadership(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        let parked = std::mem::take(&mut leader.parked);
        self.emit(Output::LostLeadership { epoch: self.epoch });
        for fetch in parked {
            let body = ResponseBody::Fetch {
                high_watermark: self.high_watermark,
                log_start_offset: self.log.start_offset,
                outcome: FetchOutcome::Nothing,
            };
            let response = crate::message::Response {
                error: ErrorCode::NotLeaderOrFollower,
                epoch: self.epoch,
                leader_id: None,
                body,
            };
            self.emit(Output::Reply { correlation: fetch.correlation, response });
        }
    }
}
