//! The state machine: inputs are dispatched here, outputs collected.

use std::collections::VecDeque;

use jackdaw_core::error_code::ErrorCode;

use crate::{
    config::Config,
    io::{Fatal, Input, Output, Start},
    log_view::{LogBounds, LogView, OffsetAndEpoch},
    membership::{Membership, NodeId, ReplicaKey, VoterSet},
    message::{Request, RequestFailure, Response, ResponseBody},
    peers::Peers,
    quorum_state::QuorumState,
    role::{Role, RoleName, Unattached},
    timers::Jitter,
};

/// One replica of the metadata log.
#[derive(Clone, Debug)]
pub struct Raft {
    pub(crate) config: Config,
    pub(crate) epoch: i32,
    pub(crate) voted: Option<ReplicaKey>,
    pub(crate) role: Role,
    pub(crate) log: LogView,
    /// -1 until it is known.
    pub(crate) high_watermark: i64,
    pub(crate) membership: Membership,
    pub(crate) peers: Peers,
    pub(crate) jitter: Jitter,
    pub(crate) stopping: bool,
    outputs: VecDeque<Output>,
    persisted: Option<QuorumState>,
    announced: Option<(i32, Option<NodeId>)>,
    next_timeout_ms: Option<u64>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Running,
    Broken,
}

impl Raft {
    pub fn new(config: Config) -> Self {
        Self {
            epoch: 0,
            voted: None,
            role: Role::Unattached(Unattached { election_at_ms: u64::MAX, next_voter: 0 }),
            log: LogView::new(LogBounds::default()),
            high_watermark: -1,
            membership: Membership::new(VoterSet::default()),
            peers: Peers::default(),
            jitter: Jitter::new(config.seed),
            stopping: false,
            outputs: VecDeque::new(),
            persisted: None,
            announced: None,
            next_timeout_ms: None,
            phase: Phase::New,
            config,
        }
    }

    /// Takes one event. `now_ms` is any clock that never goes back. Drain `poll_output` before the next call.
    pub fn step(&mut self, now_ms: u64, input: Input) {
        match (self.phase, input) {
            (Phase::New, Input::Start(start)) => self.start(now_ms, start),
            (Phase::New, _) => panic!("Start is the first input"),
            (Phase::Running, Input::Start(_)) => panic!("Start is given once"),
            (Phase::Running, input) => self.dispatch(now_ms, input),
            (Phase::Broken, _) => return,
        }
        self.poll(now_ms);
        self.announce_leader();
    }

    /// The next order, in the order in which they must be carried out.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `step(Timeout)` is due next; it may come late, or early for nothing.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.next_timeout_ms
    }

    pub fn role(&self) -> RoleName {
        self.role.name()
    }

    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    /// The leader of this epoch as far as we know; ourselves only while we lead.
    pub fn leader_id(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower(follower) => Some(follower.leader_id),
            Role::Prospective(election) => election.known_leader,
            Role::Leader(_) => Some(self.id()),
            Role::Unattached(_) | Role::Candidate(_) | Role::Resigned(_) => None,
        }
    }

    /// -1 until it is known.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// Where the next proposal will be placed, if it is taken.
    pub fn end_offset(&self) -> i64 {
        self.log.end_offset
    }

    /// One past the newest record that a leader may hand to its followers.
    pub fn appended_end(&self) -> i64 {
        self.log.appended_end
    }

    pub fn voters(&self) -> &VoterSet {
        self.membership.current()
    }

    /// True when the state machine behind this log may answer: we lead, and a record of our epoch is committed.
    pub fn is_ready_leader(&self) -> bool {
        matches!(&self.role, Role::Leader(leader) if leader.ready)
    }

    pub(crate) fn id(&self) -> NodeId {
        self.config.replica.id
    }

    pub(crate) fn is_voter(&self) -> bool {
        self.voters().is_voter(&self.config.replica)
    }

    pub(crate) fn other_voters(&self) -> Vec<NodeId> {
        self.voters().ids().filter(|id| *id != self.id()).collect()
    }

    pub(crate) fn emit(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn break_down(&mut self, fatal: Fatal) {
        self.phase = Phase::Broken;
        self.emit(Output::Fatal(fatal));
    }

    fn start(&mut self, now_ms: u64, start: Start) {
        self.phase = Phase::Running;
        self.log = LogView::new(start.log);
        self.membership = Membership::new(start.voters);
        let stored = start.quorum_state.unwrap_or_default();
        self.persisted = Some(stored.clone());
        if stored.leader_epoch < self.log.last_epoch() {
            return self.become_unattached(now_ms, self.log.last_epoch());
        }
        self.epoch = stored.leader_epoch;
        self.voted = stored.voted;
        let own = self.config.replica;
        match stored.leader_id {
            _ if !self.is_voter() => self.become_unattached(now_ms, stored.leader_epoch),
            Some(leader_id) if leader_id == own.id => self.become_resigned(now_ms, Vec::new(), Vec::new()),
            Some(leader_id) if self.voters().get(leader_id).is_some() => {
                self.become_follower(now_ms, stored.leader_epoch, leader_id);
            }
            None if stored.voted.is_some_and(|key| key.matches(&own)) => self.resume_candidacy(now_ms),
            _ => self.become_unattached(now_ms, stored.leader_epoch),
        }
    }

    fn dispatch(&mut self, now_ms: u64, input: Input) {
        match input {
            Input::Start(_) => unreachable!("step() refuses a second start"),
            Input::Timeout => {}
            Input::Request { correlation, request } => self.on_request(now_ms, correlation, request),
            Input::Response { correlation, result } => self.on_response(now_ms, correlation, result),
            Input::Propose { id, record_count } => self.on_propose(id, record_count),
            Input::Appended { end_offset } => self.on_appended(end_offset),
            Input::Flushed { end_offset } => self.on_flushed(end_offset),
            Input::SnapshotProgress => self.on_snapshot_progress(now_ms),
            Input::SnapshotInstalled { snapshot, voters } => {
                self.on_snapshot_installed(now_ms, snapshot, voters);
            }
            Input::SnapshotTaken { snapshot, log_start_offset } => {
                self.log.snapshot = Some(snapshot);
                self.log.start_offset = log_start_offset;
            }
            Input::Shutdown => self.on_shutdown(now_ms),
        }
    }

    fn on_request(&mut self, now_ms: u64, correlation: u64, request: Request) {
        match request {
            Request::Vote(request) => self.on_vote_request(now_ms, correlation, request),
            Request::BeginQuorumEpoch(request) => self.on_begin_quorum_epoch(now_ms, correlation, request),
            Request::EndQuorumEpoch(request) => self.on_end_quorum_epoch(now_ms, correlation, request),
            Request::Fetch(request) => self.on_fetch_request(now_ms, correlation, request),
        }
    }

    fn on_response(&mut self, now_ms: u64, correlation: u64, result: Result<Response, RequestFailure>) {
        let Some(from) = self.peers.answered(correlation) else { return };
        let response = match result {
            Ok(response) => response,
            Err(failure) => {
                self.peers.back_off(from, now_ms + self.config.retry_backoff_ms);
                return self.on_failure(now_ms, failure);
            }
        };
        let epoch_before = self.epoch;
        self.observe(now_ms, response.epoch, response.leader_id);
        if self.epoch != epoch_before {
            return;
        }
        if response.epoch < self.epoch {
            return self.peers.back_off(from, now_ms + self.config.retry_backoff_ms);
        }
        match response.body {
            ResponseBody::Vote { granted } => self.on_vote_response(now_ms, from, response.error, granted),
            ResponseBody::BeginQuorumEpoch => {
                self.on_begin_quorum_epoch_response(now_ms, from, response.error)
            }
            ResponseBody::EndQuorumEpoch => self.on_end_quorum_epoch_response(from),
            ResponseBody::Fetch { high_watermark, outcome, .. } => {
                self.on_fetch_response(now_ms, from, correlation, response.error, high_watermark, outcome);
            }
        }
    }

    /// A peer without pre-votes cannot say whether we would win: stand at once, as Kafka does.
    fn on_failure(&mut self, now_ms: u64, failure: RequestFailure) {
        if failure == RequestFailure::UnsupportedVersion && matches!(self.role, Role::Prospective(_)) {
            self.become_candidate(now_ms);
        }
    }

    fn on_propose(&mut self, id: u64, record_count: u32) {
        assert!(record_count > 0, "an empty batch has no place in a log");
        if !matches!(self.role, Role::Leader(_)) {
            return self.emit(Output::RefuseProposal { id });
        }
        let base_offset = self.log.end_offset;
        self.log.end_offset += i64::from(record_count);
        self.emit(Output::AppendBatch { id, base_offset, epoch: self.epoch });
    }

    fn on_appended(&mut self, end_offset: i64) {
        assert!(end_offset <= self.log.end_offset, "more was appended than was ordered");
        self.log.appended_end = self.log.appended_end.max(end_offset);
        if !self.is_voter() {
            self.advance_follower_high_watermark();
        }
        self.answer_parked_fetches();
    }

    fn on_flushed(&mut self, end_offset: i64) {
        assert!(end_offset <= self.log.appended_end, "more was flushed than was appended");
        self.log.flushed_end = self.log.flushed_end.max(end_offset);
        self.advance_leader_high_watermark();
        self.advance_follower_high_watermark();
    }

    /// Takes notice of another replica's epoch and leader; may change our role.
    pub(crate) fn observe(&mut self, now_ms: u64, epoch: i32, leader_id: Option<NodeId>) {
        let leader_id = leader_id.filter(|id| *id != self.id() && self.voters().get(*id).is_some());
        if epoch > self.epoch {
            match leader_id {
                Some(leader_id) => self.become_follower(now_ms, epoch, leader_id),
                None => self.become_unattached(now_ms, epoch),
            }
        } else if epoch == self.epoch
            && let Some(leader_id) = leader_id
        {
            match self.leader_id() {
                None if matches!(self.role, Role::Resigned(_)) => self.two_leaders(self.id(), leader_id),
                None => self.become_follower(now_ms, epoch, leader_id),
                Some(known) if known != leader_id => self.two_leaders(known, leader_id),
                Some(_) => {}
            }
        }
    }

    fn two_leaders(&mut self, first: NodeId, second: NodeId) {
        self.break_down(Fatal::TwoLeaders { first, second, epoch: self.epoch });
    }

    /// An answer with our own view of epoch and leader.
    pub(crate) fn reply(&mut self, correlation: u64, error: ErrorCode, body: ResponseBody) {
        let response = Response { error, epoch: self.epoch, leader_id: self.leader_id(), body };
        self.emit(Output::Reply { correlation, response });
    }

    /// `None` where the cluster id is ours or absent.
    pub(crate) fn cluster_error(&self, cluster_id: Option<&str>) -> Option<ErrorCode> {
        cluster_id.is_some_and(|id| id != self.config.cluster_id).then_some(ErrorCode::InconsistentClusterId)
    }

    /// Writes epoch, leader and vote down if they changed since they were last written.
    pub(crate) fn persist(&mut self) {
        let led_by_us = matches!(self.role, Role::Leader(_) | Role::Resigned(_));
        let static_quorum = self.config.kraft_version == 0;
        let state = QuorumState {
            leader_epoch: self.epoch,
            leader_id: if led_by_us { Some(self.id()) } else { self.leader_id() },
            voted: self.voted,
            static_voters: static_quorum.then(|| self.voters().ids().collect()),
        };
        if self.persisted.as_ref() != Some(&state) {
            self.persisted = Some(state.clone());
            self.emit(Output::PersistQuorumState(state));
        }
    }

    fn announce_leader(&mut self) {
        let view = (self.epoch, self.leader_id());
        if self.phase == Phase::Running && self.announced != Some(view) {
            self.announced = Some(view);
            self.emit(Output::LeaderChanged { epoch: view.0, leader_id: view.1 });
        }
    }

    /// Does what is due and finds out when the next thing is.
    fn poll(&mut self, now_ms: u64) {
        // A role that just began may at once have something due; a role changes a few times at most.
        for _ in 0..8 {
            if self.phase == Phase::Broken {
                break;
            }
            let name = self.role.name();
            let epoch = self.epoch;
            let next_timeout_ms = match &self.role {
                Role::Unattached(_) => self.poll_unattached(now_ms),
                Role::Follower(_) => self.poll_follower(now_ms),
                Role::Prospective(_) => self.poll_prospective(now_ms),
                Role::Candidate(_) => self.poll_candidate(now_ms),
                Role::Leader(_) => self.poll_leader(now_ms),
                Role::Resigned(_) => self.poll_resigned(now_ms),
            };
            self.next_timeout_ms = next_timeout_ms;
            if self.role.name() == name && self.epoch == epoch {
                return;
            }
        }
        self.next_timeout_ms = (self.phase == Phase::Running).then_some(now_ms);
    }

    pub(crate) fn set_high_watermark(&mut self, offset: i64) {
        assert!(offset > self.high_watermark, "the high watermark never goes back");
        self.high_watermark = offset;
        self.membership.forget_before(offset);
        self.emit(Output::HighWatermark { offset });
    }

    pub(crate) fn log_end(&self) -> OffsetAndEpoch {
        self.log.end()
    }
}
