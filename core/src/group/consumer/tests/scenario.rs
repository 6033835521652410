//! Random lives of groups: members come, go, pause, change their minds; the coordinator restarts; topics grow. One
//! owner a partition at any time, epochs that never go back, and in the end everybody at the target.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    images::Images,
    world::{BAR, FOO, World, beating, joining},
};
use crate::{
    error_code::ErrorCode,
    group::consumer::{GroupState, JOIN_EPOCH, LEAVE_EPOCH, STATIC_LEAVE_EPOCH},
    protocol::messages::consumer_group_heartbeat::{
        ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
    },
    uuid::Uuid,
};

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// A client: what it was told, and what it works on.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) id: String,
    instance_id: Option<String>,
    pub(super) topics: Vec<&'static str>,
    pub(super) epoch: i32,
    pub(super) owned: BTreeSet<(Uuid, i32)>,
    pub(super) assigned: BTreeSet<(Uuid, i32)>,
    pub(super) joined: bool,
    /// It speaks the classic protocol.
    pub(super) classic: bool,
    /// It was told to join again.
    pub(super) must_join: bool,
    /// It has to tell what it has.
    reports: bool,
    missed: bool,
    /// No word from it until then.
    paused_until_ms: u64,
    heard_ms: u64,
}

impl Client {
    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        if !self.joined {
            return ConsumerGroupHeartbeatRequest {
                instance_id: self.instance_id.clone(),
                rebalance_timeout_ms: 20_000,
                ..joining(&self.id, &self.topics)
            };
        }
        let mut topics: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
        for (topic_id, partition) in &self.owned {
            topics.entry(*topic_id).or_default().push(*partition);
        }
        let topics = topics.into_iter().map(|(topic_id, partitions)| {
            ConsumerGroupHeartbeatRequestTopicPartitions { topic_id, partitions }
        });
        ConsumerGroupHeartbeatRequest {
            instance_id: self.instance_id.clone(),
            subscribed_topic_names: Some(self.topics.iter().map(|topic| (*topic).to_owned()).collect()),
            // After an answer was lost it says everything, to hear everything.
            rebalance_timeout_ms: if self.missed { 20_000 } else { -1 },
            topic_partitions: (self.reports || self.missed).then(|| topics.collect()),
            ..beating(&self.id, self.epoch)
        }
    }

    /// As real clients do: first give up, then tell, then take.
    fn reconcile(&mut self) {
        let kept: BTreeSet<_> = self.owned.intersection(&self.assigned).copied().collect();
        if kept != self.owned {
            self.owned = kept;
        } else {
            self.owned.clone_from(&self.assigned);
        }
        self.reports = true;
    }
}

pub(super) struct Scenario {
    pub(super) seed: u64,
    random: Random,
    pub(super) world: World,
    pub(super) clients: Vec<Client>,
    next_id: u32,
    epoch: i32,
    target_epoch: i32,
    loses_answers: bool,
}

impl Scenario {
    fn new(seed: u64) -> Self {
        let images = Images::new().topic("foo", 7).topic("bar", 4);
        let mut world = World::new(images);
        // Classic members come and go in a group that stays what it is.
        world.consumer_settings().can_downgrade = false;
        if seed.is_multiple_of(3) {
            world.consumer_settings().assignment_interval_ms = 0;
        }
        let random = Random(seed);
        Self {
            seed,
            random,
            world,
            clients: Vec::new(),
            next_id: 0,
            epoch: 0,
            target_epoch: 0,
            loses_answers: true,
        }
    }

    fn run(mut self) {
        for _ in 0..200 {
            self.step();
            self.check();
        }
        let now_ms = self.world.now_ms;
        self.clients.iter_mut().for_each(|client| client.paused_until_ms = now_ms);
        // Long enough for a session that nobody knows of any more: a static member whose first answer was lost cannot
        // join again before.
        self.loses_answers = false;
        for _ in 0..120 {
            self.everybody_beats();
            self.world.pass(1_000);
            self.check();
        }
        self.check_converged();
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0 | 1 if self.clients.len() < 6 => self.arrive(),
            2 => self.depart(),
            3 => self.pause(),
            4 => self.world.restart(),
            5 if self.random.one_in(3) => self.grow(),
            6 => self.change_mind(),
            7 | 8 => self.world.pass(1_500),
            _ => {
                self.world.pass(300);
                if !self.clients.is_empty() {
                    let index = self.random.below(self.clients.len() as u64) as usize;
                    self.beat(index);
                }
            }
        }
    }

    fn arrive(&mut self) {
        self.next_id += 1;
        let topics = self.random_topics();
        let instance_id = self.random.one_in(3).then(|| format!("i{}", self.random.below(3)));
        if instance_id.is_some() && self.clients.iter().any(|client| client.instance_id == instance_id) {
            return;
        }
        let id = format!("m{}", self.next_id);
        let classic = self.seed % 4 == 1 && instance_id.is_none() && self.random.one_in(2);
        self.clients.push(Client { id, instance_id, topics, classic, ..Client::default() });
    }

    fn random_topics(&mut self) -> Vec<&'static str> {
        [vec!["foo"], vec!["foo", "bar"], vec!["bar"], vec!["foo", "absent"]][self.random.below(4) as usize]
            .clone()
    }

    /// It leaves, or dies without a word and its session runs out. A dead process works on nothing.
    fn depart(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        let index = self.random.below(self.clients.len() as u64) as usize;
        let client = self.clients.swap_remove(index);
        if !client.joined || self.random.one_in(4) {
            return;
        }
        if client.classic {
            return self.classic_departs(&client.id);
        }
        let away = client.instance_id.is_some() && self.random.one_in(2);
        let request = ConsumerGroupHeartbeatRequest {
            instance_id: client.instance_id.clone(),
            ..beating(&client.id, if away { STATIC_LEAVE_EPOCH } else { LEAVE_EPOCH })
        };
        let response = self.world.send(1, &request);
        // It may have been put out already.
        assert!([0, ErrorCode::UnknownMemberId.code()].contains(&response.error_code), "seed {}", self.seed);
    }

    fn pause(&mut self) {
        let (now_ms, long) = (self.world.now_ms, self.random.one_in(2));
        let count = self.clients.len() as u64;
        if count > 0 {
            let client = &mut self.clients[self.random.below(count) as usize];
            client.paused_until_ms = now_ms + if long { 60_000 } else { 10_000 };
        }
    }

    fn grow(&mut self) {
        let (topic, to) = if self.random.one_in(2) { (FOO, 9) } else { (BAR, 6) };
        self.world.change_image(|images| images.grow(topic, to));
    }

    fn change_mind(&mut self) {
        let topics = self.random_topics();
        let count = self.clients.len() as u64;
        if count > 0 {
            let client = &mut self.clients[self.random.below(count) as usize];
            client.topics = topics;
            client.must_join = true;
        }
    }

    fn everybody_beats(&mut self) {
        for index in 0..self.clients.len() {
            self.beat(index);
        }
    }

    fn beat(&mut self, index: usize) {
        let now_ms = self.world.now_ms;
        let client = &mut self.clients[index];
        if client.paused_until_ms > now_ms {
            return;
        }
        // A client that was away for longer than its session knows that it has lost everything.
        if client.joined && now_ms > client.heard_ms + 40_000 {
            (client.joined, client.epoch) = (false, JOIN_EPOCH);
            client.owned.clear();
        }
        client.heard_ms = now_ms;
        if client.classic {
            return self.classic_beat(index);
        }
        let request = client.request();
        let lost = self.loses_answers && self.random.one_in(10);
        let response = self.world.send(1, &request);
        let client = &mut self.clients[index];
        if lost {
            client.missed = true;
            return;
        }
        match response.error_code {
            0 => {
                (client.joined, client.reports, client.missed) = (true, false, false);
                assert!(response.member_epoch >= client.epoch, "seed {}: {client:?}", self.seed);
                client.epoch = response.member_epoch;
                if let Some(assignment) = response.assignment {
                    let topics = assignment.topic_partitions.into_iter();
                    client.assigned = topics
                        .flat_map(|topic| {
                            topic.partitions.into_iter().map(move |partition| (topic.topic_id, partition))
                        })
                        .collect();
                }
                if client.owned != client.assigned && !self.random.one_in(3) {
                    client.reconcile();
                }
            }
            // Put out: it gives up everything and joins again.
            25 | 110 => {
                *client = Client {
                    id: client.id.clone(),
                    instance_id: client.instance_id.clone(),
                    topics: client.topics.clone(),
                    heard_ms: now_ms,
                    ..Client::default()
                };
            }
            // The instance id is still somebody's whose session runs.
            111 | 82 => {}
            error => panic!("seed {}: {error} {:?}", self.seed, response.error_message),
        }
    }

    fn check(&mut self) {
        let Some(group) = &self.world.group else { return };
        let mut owners: BTreeMap<(Uuid, i32), String> = BTreeMap::new();
        for member in group.members() {
            for (topic_id, partition, _) in member.assigned.iter().chain(member.pending_revocation.iter()) {
                let other = owners.insert((topic_id, partition), member.id.clone());
                assert!(other.is_none(), "seed {}: two members have {topic_id}-{partition}", self.seed);
            }
        }
        assert_eq!(owners, group.owners, "seed {}", self.seed);
        // What clients work on: one a partition. A paused one may work on longer than its session lasts, which no
        // broker can help; it is fenced when it commits.
        let mut working: BTreeMap<(Uuid, i32), &str> = BTreeMap::new();
        for client in self.clients.iter().filter(|client| client.joined) {
            let Some(member) = group.member(&client.id) else { continue };
            if member.epoch < client.epoch {
                continue;
            }
            for partition in &client.owned {
                let other = working.insert(*partition, &client.id);
                assert!(
                    other.is_none(),
                    "seed {}: {other:?} and {} work on {partition:?}",
                    self.seed,
                    client.id
                );
            }
        }
        assert!(group.epoch() >= self.epoch, "seed {}: the group epoch went back", self.seed);
        assert!(group.target_epoch() >= self.target_epoch, "seed {}: the target epoch went back", self.seed);
        assert!(group.target_epoch() <= group.epoch(), "seed {}", self.seed);
        (self.epoch, self.target_epoch) = (group.epoch(), group.target_epoch());
    }

    fn check_converged(&self) {
        let Some(group) = &self.world.group else { return };
        let seed = self.seed;
        // Classic members alone would have made a classic group.
        if !self.clients.iter().any(|client| !client.classic) {
            return;
        }
        let expected = if self.clients.is_empty() { GroupState::Empty } else { GroupState::Stable };
        assert_eq!(group.state(), expected, "seed {seed}: {:?} {group:#?}", self.clients);
        for member in group.members() {
            let target = group.targets.get(&member.id).cloned().unwrap_or_default();
            assert_eq!(member.assigned.partitions(), target, "seed {seed}");
        }
        for client in &self.clients {
            let member = group.member(&client.id).unwrap();
            let assigned: BTreeSet<_> = member.assigned.partitions().iter().collect();
            assert_eq!(client.assigned, assigned, "seed {seed}: {client:?}");
        }
        // Every partition of a topic that somebody asks for has a member.
        let asked: BTreeSet<&str> =
            self.clients.iter().flat_map(|client| client.topics.iter().copied()).collect();
        let topics = self.world.image.topics.iter().filter(|topic| asked.contains(topic.name.as_str()));
        let all: usize = topics.map(crate::metadata::Topic::partition_count).sum();
        assert_eq!(group.owners.len(), all, "seed {seed}");
    }
}

#[test]
fn one_owner_and_convergence() {
    for seed in 0..60 {
        Scenario::new(seed).run();
    }
}
