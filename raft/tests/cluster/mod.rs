//! Several replicas on a virtual clock, network and disk; everything that happens follows from a seed.

#![allow(unreachable_pub, dead_code, reason = "shared by two test programs, each of which uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod checks;
mod disk;
mod random;
mod trace;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

pub use checks::Checks;
pub use disk::{Disk, Entry, Payload};
use jackdaw_raft::{
    Config, FetchOutcome, Input, NodeId, Output, Raft, ReplicaKey, Request, RequestFailure, Response,
    ResponseBody, Start, Voter, VoterSet,
};
pub use random::Random;

/// How kind the world is.
#[derive(Clone, Copy)]
pub struct Faults {
    pub latency_ms: (u64, u64),
    pub flush_ms: (u64, u64),
    pub loss_percent: u64,
    /// Chance in 10,000 that a node dies between two outputs of one step.
    pub crash_between_outputs: u64,
}

impl Faults {
    pub const NONE: Self =
        Self { latency_ms: (1, 1), flush_ms: (1, 1), loss_percent: 0, crash_between_outputs: 0 };
}

/// One replica: its machine while it runs, and what survives it.
pub struct Node {
    pub raft: Option<Raft>,
    pub disk: Disk,
    /// Counts starts: events meant for an earlier life are dropped.
    life: u64,
    /// Counts truncations: reports of writes from before one are dropped.
    cuts: u64,
    proposals: BTreeMap<u64, u64>,
    /// Fetched entries by the correlation of the response they came with.
    fetched: BTreeMap<u64, Vec<Entry>>,
    /// Who asked, by our own correlation.
    askers: BTreeMap<u64, (NodeId, u64)>,
}

#[derive(Clone)]
enum Event {
    Ask { from: NodeId, to: NodeId, correlation: u64, request: Request },
    Answer { to: NodeId, life: u64, correlation: u64, result: Result<(Response, Vec<Entry>), RequestFailure> },
    Appended { node: NodeId, life: u64, cuts: u64, end_offset: i64 },
    Flushed { node: NodeId, life: u64, cuts: u64, end_offset: i64 },
    Wake { node: NodeId, life: u64 },
}

pub struct Cluster {
    pub now_ms: u64,
    pub nodes: BTreeMap<NodeId, Node>,
    pub random: Random,
    pub faults: Faults,
    pub checks: Checks,
    pub trace: Option<Vec<String>>,
    cut_links: BTreeSet<(NodeId, NodeId)>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    next_event: u64,
    next_id: u64,
    next_seed: u64,
}

impl Cluster {
    pub fn new(node_count: i32, seed: u64, faults: Faults) -> Self {
        let node = |id| {
            let disk = Disk::default();
            let (proposals, fetched, askers) = Default::default();
            (id, Node { raft: None, disk, life: 0, cuts: 0, proposals, fetched, askers })
        };
        Self {
            now_ms: 0,
            nodes: (1..=node_count).map(node).collect(),
            random: Random::new(seed),
            faults,
            checks: Checks::default(),
            trace: None,
            cut_links: BTreeSet::new(),
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            next_event: 0,
            next_id: 0,
            next_seed: seed,
        }
    }

    pub fn start(&mut self, id: NodeId) {
        self.next_seed += 1;
        let config = Config::new(ReplicaKey::of_node(id), "sim", self.next_seed);
        let voters: VoterSet =
            self.nodes.keys().map(|id| Voter::new(ReplicaKey::of_node(*id), Vec::new())).collect();
        let node = self.nodes.get_mut(&id).unwrap();
        node.life += 1;
        node.raft = Some(Raft::new(config));
        let start = Start { quorum_state: node.disk.quorum_state(), log: node.disk.bounds(), voters };
        self.step(id, Input::Start(start));
    }

    /// Ends a node without warning; what was not flushed may be lost, and everything is where `keep_unflushed` is not.
    pub fn crash(&mut self, id: NodeId, keep_unflushed: bool) {
        let random = &mut self.random;
        let node = self.nodes.get_mut(&id).unwrap();
        node.raft = None;
        node.proposals.clear();
        node.fetched.clear();
        node.askers.clear();
        if !keep_unflushed {
            node.disk.lose_unflushed(random);
        }
        node.disk.flush_all();
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>6} n{id} down", self.now_ms));
        }
    }

    pub fn is_up(&self, id: NodeId) -> bool {
        self.nodes[&id].raft.is_some()
    }

    /// Both directions.
    pub fn cut(&mut self, first: NodeId, second: NodeId) {
        self.cut_links.extend([(first, second), (second, first)]);
    }

    pub fn heal(&mut self) {
        self.cut_links.clear();
    }

    pub fn propose(&mut self, id: NodeId, value: u64) {
        self.next_id += 1;
        let proposal = self.next_id;
        let node = self.nodes.get_mut(&id).unwrap();
        if node.raft.is_some() {
            node.proposals.insert(proposal, value);
            self.step(id, Input::Propose { id: proposal, record_count: 1 });
        }
    }

    pub fn shutdown(&mut self, id: NodeId) {
        self.step(id, Input::Shutdown);
    }

    /// The node that may answer as leader, in the newest epoch where several think so.
    pub fn ready_leader(&self) -> Option<NodeId> {
        let ready = self.nodes.iter().filter_map(|(id, node)| Some((*id, node.raft.as_ref()?)));
        ready
            .filter(|(_, raft)| raft.is_ready_leader())
            .max_by_key(|(_, raft)| raft.epoch())
            .map(|(id, _)| id)
    }

    pub fn run_until(&mut self, until_ms: u64) {
        while let Some(Reverse((due_ms, number))) = self.queue.peek().copied()
            && due_ms <= until_ms
        {
            self.queue.pop();
            self.now_ms = due_ms;
            let event = self.events.remove(&number).unwrap();
            self.carry_out(event);
        }
        self.now_ms = until_ms;
    }

    fn schedule(&mut self, due_ms: u64, event: Event) {
        self.queue.push(Reverse((due_ms, self.next_event)));
        self.events.insert(self.next_event, event);
        self.next_event += 1;
    }

    fn carry_out(&mut self, event: Event) {
        match event {
            Event::Ask { from, to, correlation, request } => self.deliver(from, to, correlation, request),
            Event::Answer { to, life, correlation, result } => {
                if !self.is_living(to, life) {
                    return;
                }
                let result = result.map(|(response, entries)| {
                    self.nodes.get_mut(&to).unwrap().fetched.insert(correlation, entries);
                    response
                });
                self.note(to, || format!("got {}", trace::result(&result)));
                self.step(to, Input::Response { correlation, result });
                if let Some(node) = self.nodes.get_mut(&to) {
                    node.fetched.remove(&correlation);
                }
            }
            Event::Appended { node, life, cuts, end_offset } => {
                if self.is_living(node, life) && self.nodes[&node].cuts == cuts {
                    self.step(node, Input::Appended { end_offset });
                }
            }
            Event::Flushed { node, life, cuts, end_offset } => {
                if self.is_living(node, life) && self.nodes[&node].cuts == cuts {
                    // Flushes take different times; a later one covers an earlier one.
                    let disk = self.disk(node);
                    disk.flushed = disk.flushed.max(end_offset as usize);
                    self.step(node, Input::Flushed { end_offset });
                }
            }
            Event::Wake { node, life } => {
                let due = |raft: &Raft| raft.poll_timeout().is_some_and(|at_ms| at_ms <= self.now_ms);
                if self.is_living(node, life) && self.nodes[&node].raft.as_ref().is_some_and(due) {
                    self.step(node, Input::Timeout);
                }
            }
        }
    }

    fn is_living(&self, id: NodeId, life: u64) -> bool {
        self.nodes[&id].life == life && self.is_up(id)
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, correlation: u64, request: Request) {
        if !self.is_up(to) {
            let life = self.nodes[&from].life;
            let result = Err(RequestFailure::Unreachable);
            let due_ms = self.now_ms + 1;
            return self.schedule(due_ms, Event::Answer { to: from, life, correlation, result });
        }
        self.next_id += 1;
        let own_correlation = self.next_id;
        self.nodes.get_mut(&to).unwrap().askers.insert(own_correlation, (from, correlation));
        self.step(to, Input::Request { correlation: own_correlation, request });
    }

    fn step(&mut self, id: NodeId, input: Input) {
        let now_ms = self.now_ms;
        let Some(raft) = self.nodes.get_mut(&id).unwrap().raft.as_mut() else { return };
        raft.step(now_ms, input);
        while let Some(output) = self.nodes.get_mut(&id).unwrap().raft.as_mut().and_then(Raft::poll_output) {
            if self.random.below(10_000) < self.faults.crash_between_outputs {
                return self.crash(id, false);
            }
            self.note(id, || trace::output(&output));
            self.obey(id, output);
        }
        let node = &self.nodes[&id];
        if let Some(at_ms) = node.raft.as_ref().and_then(Raft::poll_timeout) {
            let life = node.life;
            self.schedule(at_ms.max(now_ms), Event::Wake { node: id, life });
        }
    }

    fn note(&mut self, id: NodeId, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>6} n{id} {}", self.now_ms, line()));
        }
    }

    fn obey(&mut self, id: NodeId, output: Output) {
        self.checks.before(id, &output, &self.nodes[&id]);
        match output {
            Output::PersistQuorumState(state) => self.disk(id).quorum_state = Some(state.to_json()),
            Output::AppendLeaderChange { offset, epoch, .. } => {
                self.append(id, offset, vec![Entry { epoch, payload: Payload::LeaderChange }]);
            }
            Output::AppendBatch { id: proposal, base_offset, epoch } => {
                let value = self.nodes.get_mut(&id).unwrap().proposals.remove(&proposal).unwrap();
                self.append(id, base_offset, vec![Entry { epoch, payload: Payload::Value(value) }]);
            }
            Output::AppendFetched { correlation, end_offset } => {
                let entries = self.nodes.get_mut(&id).unwrap().fetched.remove(&correlation).unwrap();
                self.append(id, end_offset - entries.len() as i64, entries);
            }
            Output::Truncate { end_offset } => {
                let node = self.nodes.get_mut(&id).unwrap();
                node.cuts += 1;
                node.disk.truncate(end_offset);
                // What was under way is waited for, then reported as far as it survived.
                let (life, cuts) = (node.life, node.cuts);
                node.disk.flush_all();
                let now_ms = self.now_ms;
                self.schedule(now_ms, Event::Appended { node: id, life, cuts, end_offset });
                self.schedule(now_ms, Event::Flushed { node: id, life, cuts, end_offset });
            }
            Output::Send { to, correlation, request } => self.send(id, to, correlation, request),
            Output::Reply { correlation, response } => self.reply(id, correlation, response),
            Output::RefuseProposal { id: proposal } => {
                self.nodes.get_mut(&id).unwrap().proposals.remove(&proposal);
            }
            Output::FetchSnapshot { .. } => panic!("nobody takes snapshots here"),
            Output::Fatal(fatal) => panic!("n{id}: {fatal}"),
            Output::HighWatermark { .. }
            | Output::BecameLeader { .. }
            | Output::LeaderReady { .. }
            | Output::LostLeadership { .. }
            | Output::LeaderChanged { .. } => {}
        }
    }

    fn disk(&mut self, id: NodeId) -> &mut Disk {
        &mut self.nodes.get_mut(&id).unwrap().disk
    }

    fn append(&mut self, id: NodeId, offset: i64, entries: Vec<Entry>) {
        let flush_ms = self.random.between(self.faults.flush_ms);
        let node = self.nodes.get_mut(&id).unwrap();
        assert_eq!(node.disk.log.len() as i64, offset, "n{id}: an append leaves no gap");
        node.disk.log.extend(entries);
        let (life, cuts, end_offset) = (node.life, node.cuts, node.disk.log.len() as i64);
        let now_ms = self.now_ms;
        self.schedule(now_ms, Event::Appended { node: id, life, cuts, end_offset });
        self.schedule(now_ms + flush_ms, Event::Flushed { node: id, life, cuts, end_offset });
    }

    fn is_lost(&mut self, from: NodeId, to: NodeId) -> bool {
        self.cut_links.contains(&(from, to)) || self.random.below(100) < self.faults.loss_percent
    }

    fn send(&mut self, from: NodeId, to: NodeId, correlation: u64, request: Request) {
        if !self.is_lost(from, to) {
            let due_ms = self.now_ms + self.random.between(self.faults.latency_ms);
            self.schedule(due_ms, Event::Ask { from, to, correlation, request });
        }
    }

    fn reply(&mut self, id: NodeId, correlation: u64, mut response: Response) {
        let (to, correlation) = self.nodes.get_mut(&id).unwrap().askers.remove(&correlation).unwrap();
        if self.is_lost(id, to) {
            return;
        }
        let mut entries = Vec::new();
        if let ResponseBody::Fetch { outcome, .. } = &mut response.body
            && let FetchOutcome::Range { start_offset, end_offset } = *outcome
        {
            let (batches, read) = self.nodes[&id].disk.read(start_offset, end_offset);
            *outcome = FetchOutcome::Batches(batches);
            entries = read;
        }
        let due_ms = self.now_ms + self.random.between(self.faults.latency_ms);
        let life = self.nodes[&to].life;
        self.schedule(due_ms, Event::Answer { to, life, correlation, result: Ok((response, entries)) });
    }
}
