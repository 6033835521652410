//! Leader: the high watermark, telling the voters, and stepping down when too few listen.

use std::collections::{BTreeMap, BTreeSet};

use jackdaw_core::error_code::ErrorCode;

use crate::{
    config::Config,
    fetch::ParkedFetch,
    io::Output,
    membership::{NodeId, ReplicaKey, VoterSet},
    message::{BeginQuorumEpochRequest, Request},
    node::Raft,
    progress::{Progress, majority_offset},
    role::Role,
};

/// What a leader keeps for its epoch.
#[derive(Clone, Debug)]
pub(crate) struct Leader {
    /// The offset of our LeaderChange record.
    pub(crate) start_offset: i64,
    /// That record is committed.
    pub(crate) ready: bool,
    pub(crate) voters: BTreeMap<NodeId, Progress>,
    pub(crate) observers: BTreeMap<ReplicaKey, Progress>,
    /// Fetches that wait for something to send, at most one a replica.
    pub(crate) parked: Vec<ParkedFetch>,
    /// Voters that must still hear that we lead.
    untold: BTreeSet<NodeId>,
    tell_again_at_ms: u64,
    /// Voters that fetched since the last time a majority had.
    heard: BTreeSet<NodeId>,
    /// `None` in a quorum of one.
    resign_at_ms: Option<u64>,
}

impl Leader {
    pub(crate) fn new(config: &Config, voters: &VoterSet, now_ms: u64, start_offset: i64) -> Self {
        let own_id = config.replica.id;
        let others: BTreeSet<NodeId> = voters.ids().filter(|id| *id != own_id).collect();
        let mut leader = Self {
            start_offset,
            ready: false,
            voters: others.iter().map(|id| (*id, Progress::default())).collect(),
            observers: BTreeMap::new(),
            parked: Vec::new(),
            untold: others,
            tell_again_at_ms: now_ms + config.fetch_timeout_ms / 2,
            heard: BTreeSet::new(),
            resign_at_ms: None,
        };
        leader.restart_check_quorum(config, now_ms);
        leader
    }

    /// -1 for a voter that has not fetched yet.
    pub(crate) fn end_offset_of(&self, voter: NodeId) -> i64 {
        self.voters.get(&voter).and_then(|progress| progress.end_offset).unwrap_or(-1)
    }

    fn restart_check_quorum(&mut self, config: &Config, now_ms: u64) {
        self.heard.clear();
        let alone = self.voters.is_empty();
        self.resign_at_ms = (!alone).then_some(now_ms + config.fetch_timeout_ms * 3 / 2);
    }

    /// `needed` other voters make a majority with us.
    pub(crate) fn heard_from(&mut self, config: &Config, voter: NodeId, needed: usize, now_ms: u64) {
        self.untold.remove(&voter);
        self.heard.insert(voter);
        if self.heard.len() >= needed {
            self.restart_check_quorum(config, now_ms);
        }
    }
}

/// A replica as its leader sees it, for DescribeQuorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaState {
    pub replica: ReplicaKey,
    pub is_voter: bool,
    /// -1 until its first fetch in this epoch.
    pub end_offset: i64,
    pub last_fetch_ms: Option<u64>,
    pub last_caught_up_ms: Option<u64>,
}

impl Raft {
    /// Voters by id, then observers; empty where we do not lead. The leader itself has no fetch times.
    pub fn replica_states(&self) -> Vec<ReplicaState> {
        let Role::Leader(leader) = &self.role else { return Vec::new() };
        let state = |replica: ReplicaKey, is_voter: bool, progress: Progress| ReplicaState {
            replica,
            is_voter,
            end_offset: progress.end_offset.unwrap_or(-1),
            last_fetch_ms: progress.last_fetch_ms,
            last_caught_up_ms: progress.last_caught_up_ms,
        };
        let own = Progress { end_offset: Some(self.log.flushed_end), ..Progress::default() };
        let voters = self.voters().iter().map(|voter| {
            let of_other = leader.voters.get(&voter.key.id).copied().unwrap_or_default();
            state(voter.key, true, if voter.key.id == self.id() { own } else { of_other })
        });
        let observers = leader.observers.iter().map(|(key, progress)| state(*key, false, *progress));
        voters.chain(observers).collect()
    }

    pub(crate) fn poll_leader(&mut self, now_ms: u64) -> Option<u64> {
        let Role::Leader(leader) = &mut self.role else { return None };
        if leader.resign_at_ms.is_some_and(|at_ms| now_ms >= at_ms) {
            self.resign(now_ms);
            return None;
        }
        if now_ms >= leader.tell_again_at_ms {
            let interval_ms = self.config.fetch_timeout_ms / 2;
            leader.tell_again_at_ms = now_ms + interval_ms;
            let silent = |progress: &Progress| {
                progress.last_fetch_ms.is_none_or(|fetch_ms| fetch_ms + interval_ms <= now_ms)
            };
            let silent = leader.voters.iter().filter(|(_, progress)| silent(progress)).map(|(id, _)| *id);
            leader.untold.extend(silent);
        }
        let alone = leader.voters.is_empty();
        let deadlines = [leader.resign_at_ms, (!alone).then_some(leader.tell_again_at_ms)];
        let told_next_ms = self.tell_voters(now_ms);
        let parked_next_ms = self.expire_parked_fetches(now_ms);
        deadlines.into_iter().chain([told_next_ms, parked_next_ms]).flatten().min()
    }

    fn tell_voters(&mut self, now_ms: u64) -> Option<u64> {
        let Role::Leader(leader) = &self.role else { return None };
        let mut next_ms = None;
        for to in leader.untold.clone() {
            if self.peers.blocked_until(to, now_ms).is_none() {
                let request = self.begin_quorum_epoch_request(to);
                self.send(now_ms, to, request);
            }
            let retry_ms = self.peers.blocked_until(to, now_ms);
            next_ms = [next_ms, retry_ms].into_iter().flatten().min();
        }
        next_ms
    }

    fn begin_quorum_epoch_request(&self, to: NodeId) -> Request {
        let endpoints = |id| self.voters().get(id).map(|voter| voter.endpoints.clone());
        Request::BeginQuorumEpoch(BeginQuorumEpochRequest {
            cluster_id: Some(self.config.cluster_id.clone()),
            addressee: self.voters().get(to).map(|voter| voter.key),
            leader_id: self.id(),
            epoch: self.epoch,
            leader_endpoints: endpoints(self.id()).unwrap_or_default(),
        })
    }

    pub(crate) fn on_begin_quorum_epoch_response(&mut self, now_ms: u64, from: NodeId, error: ErrorCode) {
        let Role::Leader(leader) = &mut self.role else { return };
        if error == ErrorCode::None {
            leader.untold.remove(&from);
        } else {
            self.peers.back_off(from, now_ms + self.config.retry_backoff_ms);
        }
    }

    /// The high watermark is what a majority of the voters has made durable, and moves only past the start of our
    /// own epoch: records of older epochs are committed with ours, never alone (Raft, section 5.4.2).
    pub(crate) fn advance_leader_high_watermark(&mut self) {
        let Role::Leader(leader) = &self.role else { return };
        let flushed_end = self.log.flushed_end;
        let end_of = |id| if id == self.id() { flushed_end } else { leader.end_offset_of(id) };
        let ends: Vec<i64> = self.voters().ids().map(end_of).collect();
        let Some(offset) = majority_offset(ends, self.voters().majority()) else { return };
        let start_offset = leader.start_offset;
        // A follower may say it has more than we do; nothing beyond our own log is committed.
        let offset = offset.min(self.log.end_offset);
        if offset <= start_offset || offset <= self.high_watermark {
            return;
        }
        self.set_high_watermark(offset);
        let epoch = self.epoch;
        if let Role::Leader(leader) = &mut self.role
            && !leader.ready
        {
            leader.ready = true;
            self.emit(Output::LeaderReady { epoch });
        }
        self.answer_parked_fetches();
    }
}
