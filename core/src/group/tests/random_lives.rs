//! Members that come, go, die and return, and a coordinator that starts again at any moment. From a seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use super::driver::{Host, commit_request, error, join_request, settings, sync_request};
use crate::{
    error_code::ErrorCode,
    group::{
        CallId, Coordinator, Request, Response,
        classic::{ClassicGroup, State},
        groups::Group,
    },
    protocol::messages::{
        join_group::{JoinGroupRequest, JoinGroupResponse},
        sync_group::{SyncGroupRequestAssignment, SyncGroupResponse},
    },
};

const GROUPS: [&str; 2] = ["g", "h"];
const SEEDS: u64 = 200;
const STEPS: usize = 300;

/// xorshift64*: the test needs no better.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

#[derive(Debug)]
enum Doing {
    Nothing,
    Joining(CallId),
    Syncing(CallId),
    Member,
}

/// One client. It knows what a client knows.
#[derive(Debug)]
struct Client {
    group_id: &'static str,
    instance_id: Option<String>,
    member_id: String,
    generation: i32,
    doing: Doing,
}

struct World {
    host: Host,
    dice: Dice,
    clients: Vec<Client>,
    /// Who assigned what was given out, by group and generation.
    assigned_by: BTreeMap<(&'static str, i32), Bytes>,
    committed: BTreeMap<(&'static str, i32), i64>,
    assignments: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut settings = settings();
        settings.classic.initial_rebalance_delay_ms = 1_000;
        let client = |index: usize| Client {
            group_id: GROUPS[index % 2],
            instance_id: index.is_multiple_of(3).then(|| format!("i{index}")),
            member_id: String::new(),
            generation: -1,
            doing: Doing::Nothing,
        };
        let mut world = Self {
            host: Host::with(settings),
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            clients: (0..9).map(client).collect(),
            assigned_by: BTreeMap::new(),
            committed: BTreeMap::new(),
            assignments: 0,
        };
        // So that no search takes the groups away and generations begin anew.
        for group_id in GROUPS {
            assert_eq!(world.host.commit(group_id, -1, "", 0), ErrorCode::None);
            world.committed.insert((group_id, 0), 0);
        }
        world
    }

    fn step(&mut self) {
        match self.dice.below(20) {
            0..8 => {
                let by_ms = self.dice.below(4_000);
                self.host.advance(by_ms);
            }
            8 if self.dice.below(10) == 0 => self.reload(),
            _ => {
                let index = self.dice.below(self.clients.len() as u64) as usize;
                self.act(index);
            }
        }
        for index in 0..self.clients.len() {
            self.listen(index);
        }
    }

    /// The clients' connections break: what they waited for is lost.
    fn reload(&mut self) {
        self.host.reload();
        for client in &mut self.clients {
            if !matches!(client.doing, Doing::Member) {
                client.doing = Doing::Nothing;
            }
        }
    }

    fn act(&mut self, index: usize) {
        let dice = self.dice.below(20);
        let client = &mut self.clients[index];
        match client.doing {
            Doing::Nothing => self.join(index),
            // It goes away without a word, and comes back as another.
            _ if dice == 0 => {
                client.member_id.clear();
                client.doing = Doing::Nothing;
            }
            // It lost patience, and asks again.
            Doing::Joining(_) if dice == 1 => self.join(index),
            Doing::Joining(_) | Doing::Syncing(_) if dice == 2 && !client.member_id.is_empty() => {
                self.leave(index);
            }
            Doing::Joining(_) | Doing::Syncing(_) => {}
            Doing::Member if dice < 3 => self.leave(index),
            Doing::Member if dice < 5 => self.join(index),
            Doing::Member if dice < 10 => self.commit(index),
            Doing::Member => self.heartbeat(index),
        }
    }

    fn join(&mut self, index: usize) {
        let choice = self.dice.below(4);
        let client = &mut self.clients[index];
        let mut request = JoinGroupRequest {
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 15_000,
            ..join_request(client.group_id, &client.member_id, client.instance_id.as_deref())
        };
        if choice == 0 {
            request.protocols.push(request.protocols[0].clone());
            request.protocols[1].name = "sticky".into();
        }
        client.doing = Doing::Joining(self.host.send_join(9, request));
    }

    fn listen(&mut self, index: usize) {
        match self.clients[index].doing {
            Doing::Joining(call) => {
                if let Some(Response::JoinGroup(joined)) = self.host.answer(call) {
                    self.on_joined(index, joined);
                }
            }
            Doing::Syncing(call) => {
                if let Some(Response::SyncGroup(synced)) = self.host.answer(call) {
                    self.on_synced(index, &synced);
                }
            }
            _ => {}
        }
    }

    fn on_joined(&mut self, index: usize, joined: JoinGroupResponse) {
        let client = &mut self.clients[index];
        client.member_id.clone_from(&joined.member_id);
        match error(joined.error_code) {
            ErrorCode::None => {
                assert!(joined.generation_id > 0);
                client.generation = joined.generation_id;
                self.sync(index, &joined);
            }
            ErrorCode::MemberIdRequired => self.join(index),
            ErrorCode::RebalanceInProgress => client.doing = Doing::Nothing,
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId => self.forget(index),
            other => panic!("{other:?}"),
        }
    }

    fn forget(&mut self, index: usize) {
        self.clients[index].member_id.clear();
        self.clients[index].doing = Doing::Nothing;
    }

    fn sync(&mut self, index: usize, joined: &JoinGroupResponse) {
        let client = &mut self.clients[index];
        let mut request = sync_request(client.group_id, joined, &[]);
        request.group_instance_id.clone_from(&client.instance_id);
        if joined.leader == joined.member_id && !joined.skip_assignment {
            self.assignments += 1;
            let assignment = Bytes::from(self.assignments.to_string());
            let gives = joined.members.iter().map(|member| SyncGroupRequestAssignment {
                member_id: member.member_id.clone(),
                assignment: assignment.clone(),
            });
            request.assignments = gives.collect();
        }
        client.doing = Doing::Syncing(self.host.send_sync(request));
    }

    fn on_synced(&mut self, index: usize, synced: &SyncGroupResponse) {
        let client = &mut self.clients[index];
        match error(synced.error_code) {
            ErrorCode::None => {
                client.doing = Doing::Member;
                let key = (client.group_id, client.generation);
                let known = self.assigned_by.entry(key).or_insert_with(|| synced.assignment.clone());
                assert_eq!(*known, synced.assignment, "one assignment in {key:?}");
            }
            ErrorCode::RebalanceInProgress | ErrorCode::IllegalGeneration => client.doing = Doing::Nothing,
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId => self.forget(index),
            other => panic!("{other:?}"),
        }
    }

    fn on_error(&mut self, index: usize, error: ErrorCode) {
        match error {
            ErrorCode::None => {}
            ErrorCode::RebalanceInProgress => self.join(index),
            ErrorCode::IllegalGeneration => self.clients[index].doing = Doing::Nothing,
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId => self.forget(index),
            other => panic!("{other:?}"),
        }
    }

    fn heartbeat(&mut self, index: usize) {
        let client = &self.clients[index];
        let instance_id = client.instance_id.as_deref();
        let error = self.host.heartbeat_of_instance(
            client.group_id,
            client.generation,
            &client.member_id,
            instance_id,
        );
        self.on_error(index, error);
    }

    fn commit(&mut self, index: usize) {
        let partition = self.dice.below(4) as i32;
        let client = &self.clients[index];
        let key = (client.group_id, partition);
        let offset = self.committed.get(&key).copied().unwrap_or(-1) + 1;
        let mut request =
            commit_request(client.group_id, client.generation, &client.member_id, "t", partition, offset);
        request.group_instance_id.clone_from(&client.instance_id);
        let Response::OffsetCommit(response) = self.host.ask(Request::OffsetCommit { version: 9, request })
        else {
            panic!("the kind of the request")
        };
        let error = error(response.topics[0].partitions[0].error_code);
        if error.is_ok() {
            self.committed.insert(key, offset);
        }
        self.on_error(index, error);
    }

    fn leave(&mut self, index: usize) {
        let client = &self.clients[index];
        let (group_id, member_id) = (client.group_id, client.member_id.clone());
        let instance_id = client.instance_id.clone();
        self.host.leave(group_id, &[(&member_id, instance_id.as_deref())]);
        self.forget(index);
    }

    fn check(&mut self) {
        for ((group_id, partition), offset) in self.committed.clone() {
            assert_eq!(self.host.committed(group_id, "t", partition), offset, "{group_id} {partition}");
        }
        let replayed = self.host.replayed();
        assert_eq!(replayed.offsets, self.host.coordinator.offsets);
        for group_id in GROUPS {
            let (live, replayed) = (group(&self.host.coordinator, group_id), group(&replayed, group_id));
            if matches!(live.state, State::Empty | State::Stable { .. }) {
                assert_eq!(durable(live), durable(replayed), "{group_id}");
            }
            check_group(live);
            let due_ms = self.host.coordinator.groups.due_ms(group_id);
            let is_seen = |deadline_ms| due_ms.is_some_and(|due_ms| due_ms <= deadline_ms);
            assert!(live.next_deadline_ms().is_none_or(is_seen), "{group_id} is looked at in time");
        }
    }

    /// Everybody falls silent: nothing may be left hanging.
    fn end(&mut self) {
        self.host.advance(1_800_000);
        assert_eq!(self.host.open_count(), 0, "every call is answered");
        for group_id in GROUPS {
            assert_eq!(self.host.state(group_id), "Empty");
        }
    }
}

fn group<'a>(coordinator: &'a Coordinator, group_id: &str) -> &'a ClassicGroup {
    match coordinator.groups.get(group_id) {
        Some((_, Group::Classic(group))) => group,
        other => panic!("{other:?}"),
    }
}

/// All that a record tells of a group.
fn durable(group: &ClassicGroup) -> impl PartialEq + std::fmt::Debug {
    let protocol = group.protocol.as_deref().unwrap_or_default();
    let members: Vec<_> = group
        .members
        .iter()
        .map(|(id, member)| {
            let timeouts = (member.terms.session_timeout_ms, member.terms.rebalance_timeout_ms);
            let metadata = member.metadata_of(protocol).cloned();
            (Arc::clone(id), member.instance_id.clone(), timeouts, metadata, member.assignment.clone())
        })
        .collect();
    let protocols = (group.protocol_type.clone(), group.protocol.clone(), group.leader.clone());
    (group.is_empty(), group.generation, protocols, members, group.static_members.clone())
}

fn check_group(group: &ClassicGroup) {
    let has_members = !group.members.is_empty();
    match group.state {
        State::Empty => assert!(!has_members),
        State::Stable { .. } | State::CompletingRebalance { .. } => assert!(has_members),
        State::PreparingRebalance(_) => {}
    }
    assert!(group.leader.as_ref().is_none_or(|leader| group.members.contains(leader)));
    assert_eq!(group.leader.is_some(), has_members, "members have a leader");
    let recounted = group.members.iter().map(|(id, member)| (Arc::clone(id), member.clone())).collect();
    assert_eq!(group.members, recounted, "what is counted is what is there");
    assert_eq!(group.issued_ids_bytes, group.issued_ids.keys().map(|id| id.len()).sum::<usize>());
    let instances: BTreeSet<_> =
        group.members.values().filter_map(|member| member.instance_id.clone()).collect();
    assert!(instances.iter().eq(group.static_members.keys()), "static members are those with an instance id");
    for member in group.members.values() {
        let waits = (member.presence.joining.is_some(), member.presence.syncing.is_some());
        assert!(!waits.0 || matches!(group.state, State::PreparingRebalance(_)));
        assert!(!waits.1 || matches!(group.state, State::CompletingRebalance { .. }));
    }
}

#[test]
fn whatever_happens() {
    for seed in 0..SEEDS {
        let outcome = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for step in 0..STEPS {
                world.step();
                if step % 10 == 0 {
                    world.check();
                }
            }
            world.end();
            world.check();
            world.assigned_by.len()
        });
        match outcome {
            Ok(generations) => assert!(generations > 5, "seed {seed}: much happens"),
            Err(_) => panic!("seed {seed}"),
        }
    }
}
