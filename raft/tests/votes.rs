//! Who is granted a vote, and with which error a request is refused: every row of the table.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use jackdaw_core::{error_code::ErrorCode, uuid::Uuid};
use jackdaw_raft::{
    BeginQuorumEpochRequest, Config, EndQuorumEpochRequest, EpochStart, FetchOutcome, FetchedBatches, Input,
    LogBounds, OffsetAndEpoch, Output, QuorumState, Raft, ReplicaKey, Request, Response, ResponseBody,
    RoleName, Start, VoteRequest, Voter, VoterSet,
};

const OWN: ReplicaKey = ReplicaKey { id: 1, directory_id: Uuid([1; 16]) };
const OTHER: ReplicaKey = ReplicaKey { id: 2, directory_id: Uuid([2; 16]) };
const THIRD: ReplicaKey = ReplicaKey { id: 3, directory_id: Uuid([3; 16]) };

/// A replica in epoch 5 with a log that ends at offset 10 in epoch 4.
struct Replica {
    raft: Raft,
    outputs: Vec<Output>,
}

impl Replica {
    fn start(leader_id: Option<i32>, voted: Option<ReplicaKey>) -> Self {
        let voters: VoterSet =
            [OWN, OTHER, THIRD].into_iter().map(|key| Voter::new(key, Vec::new())).collect();
        let quorum_state = Some(QuorumState { leader_epoch: 5, leader_id, voted, static_voters: None });
        let epochs = vec![EpochStart { epoch: 4, start_offset: 0 }];
        let log = LogBounds { start_offset: 0, end_offset: 10, epochs, snapshot: None };
        let config = Config { kraft_version: 1, ..Config::new(OWN, "cluster", 3) };
        let mut replica = Self { raft: Raft::new(config), outputs: Vec::new() };
        replica.step(0, Input::Start(Start { quorum_state, log, voters }));
        replica
    }

    fn step(&mut self, now_ms: u64, input: Input) {
        self.raft.step(now_ms, input);
        while let Some(output) = self.raft.poll_output() {
            self.outputs.push(output);
        }
    }

    fn ask(&mut self, request: Request) -> Response {
        self.outputs.clear();
        self.step(1, Input::Request { correlation: 77, request });
        let reply = self.outputs.iter().find_map(|output| match output {
            Output::Reply { correlation: 77, response } => Some(response.clone()),
            _ => None,
        });
        reply.unwrap()
    }

    fn is_granted(&mut self, pre_vote: bool, change: impl FnOnce(&mut VoteRequest)) -> bool {
        let mut request = vote(pre_vote);
        change(&mut request);
        let response = self.ask(Request::Vote(request));
        assert_eq!(response.error, ErrorCode::None);
        response.body == ResponseBody::Vote { granted: true }
    }

    /// Answers every request that is under way.
    fn answer(&mut self, now_ms: u64, body: &ResponseBody) {
        let sent: Vec<u64> = self
            .outputs
            .drain(..)
            .filter_map(|output| match output {
                Output::Send { correlation, .. } => Some(correlation),
                _ => None,
            })
            .collect();
        for correlation in sent {
            let (error, epoch) = (ErrorCode::None, self.raft.epoch());
            let response = Response { error, epoch, leader_id: self.raft.leader_id(), body: body.clone() };
            self.step(now_ms, Input::Response { correlation, result: Ok(response) });
        }
    }
}

fn vote(pre_vote: bool) -> VoteRequest {
    VoteRequest {
        cluster_id: Some("cluster".into()),
        addressee: Some(OWN),
        epoch: 5,
        candidate: OTHER,
        log_end: OffsetAndEpoch { offset: 10, epoch: 4 },
        pre_vote,
    }
}

fn unattached() -> Replica {
    Replica::start(None, None)
}

fn follower() -> Replica {
    Replica::start(Some(3), None)
}

fn follower_that_fetched() -> Replica {
    let mut replica = follower();
    let batches = FetchedBatches { start_offset: 10, end_offset: 10, ..FetchedBatches::default() };
    let outcome = FetchOutcome::Batches(batches);
    replica.answer(1, &ResponseBody::Fetch { high_watermark: 10, log_start_offset: 0, outcome });
    replica
}

fn prospective() -> Replica {
    let mut replica = unattached();
    replica.step(2_000, Input::Timeout);
    assert_eq!(replica.raft.role(), RoleName::Prospective);
    replica
}

fn candidate() -> Replica {
    Replica::start(None, Some(OWN))
}

fn leader() -> Replica {
    let mut replica = candidate();
    replica.answer(1, &ResponseBody::Vote { granted: true });
    assert_eq!(replica.raft.role(), RoleName::Leader);
    replica
}

fn resigned() -> Replica {
    Replica::start(Some(1), None)
}

#[test]
fn votes_are_granted_by_the_table() {
    type Make = fn() -> Replica;
    let rows: [(Make, RoleName, bool, bool); 7] = [
        (unattached, RoleName::Unattached, true, true),
        (prospective, RoleName::Prospective, true, true),
        (follower, RoleName::Follower, false, true),
        (follower_that_fetched, RoleName::Follower, false, false),
        (candidate, RoleName::Candidate, false, true),
        (resigned, RoleName::Resigned, false, true),
        (leader, RoleName::Leader, false, false),
    ];
    for (make, role, vote, pre_vote) in rows {
        assert_eq!(make().raft.role(), role);
        assert_eq!(make().is_granted(false, |_| {}), vote, "{role:?}, vote");
        assert_eq!(make().is_granted(true, |_| {}), pre_vote, "{role:?}, pre-vote");
        // A log that is shorter than ours wins nothing from anybody.
        let shorter = |request: &mut VoteRequest| request.log_end.offset = 9;
        assert!(!make().is_granted(false, shorter) && !make().is_granted(true, shorter), "{role:?}");
        let older = |request: &mut VoteRequest| request.log_end = OffsetAndEpoch { offset: 99, epoch: 3 };
        assert!(!make().is_granted(false, older) && !make().is_granted(true, older), "{role:?}");
    }
}

#[test]
fn a_vote_is_given_once_and_written_down_before_it_is_sent() {
    let mut replica = unattached();
    assert!(replica.is_granted(false, |_| {}));
    let persisted = replica
        .outputs
        .iter()
        .position(|output| matches!(output, Output::PersistQuorumState(state) if state.voted == Some(OTHER)));
    let replied = replica.outputs.iter().position(|output| matches!(output, Output::Reply { .. }));
    assert!(persisted.unwrap() < replied.unwrap());
    assert!(replica.is_granted(false, |_| {}), "the same candidate asks again");
    assert!(!replica.is_granted(false, |request| request.candidate = THIRD));
    let other_disk = ReplicaKey { directory_id: Uuid([9; 16]), ..OTHER };
    assert!(!replica.is_granted(false, |request| request.candidate = other_disk));
    // A pre-vote binds nobody.
    let mut replica = unattached();
    assert!(
        replica.is_granted(true, |_| {}) && replica.is_granted(false, |request| request.candidate = THIRD)
    );
}

#[test]
fn a_higher_epoch_is_taken_over_and_votes_begin_anew() {
    for make in [unattached, follower_that_fetched, candidate, leader, resigned] {
        let mut replica = make();
        let longer = OffsetAndEpoch { offset: 20, epoch: 5 };
        assert!(replica.is_granted(false, |request| (request.epoch, request.log_end) = (6, longer)));
        assert_eq!((replica.raft.epoch(), replica.raft.role()), (6, RoleName::Unattached));
    }
}

#[test]
fn bad_requests_are_refused_in_order() {
    type Change = fn(&mut VoteRequest);
    let cases: [(Change, ErrorCode); 7] = [
        (|r| r.cluster_id = Some("other".into()), ErrorCode::InconsistentClusterId),
        (|r| r.log_end.offset = -1, ErrorCode::InvalidRequest),
        (|r| r.log_end.epoch = 5, ErrorCode::InvalidRequest),
        (|r| (r.pre_vote, r.log_end.epoch) = (true, 6), ErrorCode::InvalidRequest),
        (|r| (r.epoch, r.log_end.epoch) = (4, 3), ErrorCode::FencedLeaderEpoch),
        (|r| r.addressee = Some(THIRD), ErrorCode::InvalidVoterKey),
        (|r| r.cluster_id = None, ErrorCode::None),
    ];
    for (change, error) in cases {
        let mut request = vote(false);
        change(&mut request);
        assert_eq!(unattached().ask(Request::Vote(request)).error, error);
    }
    let begin = BeginQuorumEpochRequest {
        cluster_id: None,
        addressee: Some(OWN),
        leader_id: 2,
        epoch: 4,
        leader_endpoints: Vec::new(),
    };
    let response = unattached().ask(Request::BeginQuorumEpoch(begin.clone()));
    assert_eq!((response.error, response.epoch), (ErrorCode::FencedLeaderEpoch, 5));
    let mut replica = unattached();
    let response = replica.ask(Request::BeginQuorumEpoch(BeginQuorumEpochRequest { epoch: 6, ..begin }));
    assert_eq!((response.error, replica.raft.role()), (ErrorCode::None, RoleName::Follower));
}

#[test]
fn the_first_successor_stands_at_once() {
    let end = |preferred_candidates| EndQuorumEpochRequest {
        cluster_id: None,
        leader_id: 3,
        epoch: 5,
        preferred_candidates,
    };
    let mut first = follower_that_fetched();
    first.ask(Request::EndQuorumEpoch(end(vec![OWN, OTHER])));
    assert_eq!(first.raft.role(), RoleName::Prospective);
    let mut second = follower_that_fetched();
    second.ask(Request::EndQuorumEpoch(end(vec![OTHER, OWN])));
    assert_eq!((second.raft.role(), second.raft.poll_timeout()), (RoleName::Follower, Some(501)));
}

#[test]
fn a_follower_that_is_too_far_behind_loads_a_snapshot() {
    let mut replica = follower();
    let snapshot = OffsetAndEpoch { offset: 100, epoch: 4 };
    let outcome = FetchOutcome::Snapshot(snapshot);
    replica.answer(1, &ResponseBody::Fetch { high_watermark: 120, log_start_offset: 100, outcome });
    assert!(replica.outputs.contains(&Output::FetchSnapshot { from: 3, snapshot }));
    replica.outputs.clear();
    replica.step(1_500, Input::SnapshotProgress);
    replica.step(3_000, Input::Timeout);
    assert_eq!(replica.raft.role(), RoleName::Follower, "a leader that sends a snapshot is not gone");
    replica.step(3_100, Input::SnapshotInstalled { snapshot, voters: None });
    assert!(replica.outputs.contains(&Output::HighWatermark { offset: 100 }));
    let fetches_on = replica.outputs.iter().any(|output| {
        matches!(output, Output::Send { request: Request::Fetch(fetch), .. }
            if fetch.fetch_offset == 100 && fetch.last_fetched_epoch == 4)
    });
    assert!(fetches_on);
}

#[test]
fn a_cut_below_the_high_watermark_stops_the_node() {
    let mut replica = follower_that_fetched();
    assert_eq!(replica.raft.high_watermark(), 10);
    let outcome = FetchOutcome::Diverging(OffsetAndEpoch { offset: 7, epoch: 4 });
    replica.answer(2, &ResponseBody::Fetch { high_watermark: 10, log_start_offset: 0, outcome });
    assert!(matches!(replica.outputs[..], [Output::Fatal(_)]));
    replica.outputs.clear();
    replica.step(9_000, Input::Timeout);
    assert!(replica.outputs.is_empty());
}
