//! A whole node under consumer groups: members that join, leave, die, pause and come back, crashes of the node, and
//! checks of who owns what, of committed offsets, and that every record is consumed.

mod assignor;
mod audit;
mod classic;
mod consumer;
mod history;
mod member;
mod plan;
mod positions;
mod producer;
pub mod reached;
mod requests;
mod settle;
mod simple;
mod table;
mod undertaker;
mod whims;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    time::Duration,
};

use jackdaw_core::{config::BrokerConfig, uuid::Uuid};
use jackdaw_ring::sleep;

use self::{
    history::{History, Place},
    plan::Plan,
};
use super::{
    Outcome, PATIENCE, broken,
    broker::{self, Broker},
    connection::{self, Server},
};
use crate::{Crash, Host, Random, World, marks};

/// What clients may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody may connect.
    Down,
    /// The auditor reads what survived.
    Auditing,
    Serving,
    /// Nothing happens to members any more, and nothing new is produced.
    Settling,
}

/// What one member is told to do while all else is quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    None,
    /// End without a word and begin again at once.
    Restart,
    Leave,
    /// Take part in another rebalance.
    Rejoin,
}

/// One slot as it stands.
#[derive(Clone, Debug, Default)]
struct Status {
    /// Generation or member epoch of a member that knows what it owns.
    epoch: Option<i32>,
    owned: BTreeSet<Place>,
    /// All that it owns is consumed and committed.
    is_settled: bool,
    /// Counts JoinGroup requests, or new members.
    joins: u64,
    /// What it had to give up since this was last cleared.
    revoked: BTreeSet<Place>,
}

struct Slot {
    command: Cell<Command>,
    /// Nobody is to be here.
    is_out: Cell<bool>,
    status: RefCell<Status>,
}

/// What the clients of one world share.
struct Shared {
    server: Rc<Server>,
    plan: Plan,
    history: RefCell<History>,
    phase: Cell<Phase>,
    /// The node was asked to stop: it may refuse what it is asked.
    is_stopping: Cell<bool>,
    /// Ids of the topics that exist.
    topics: RefCell<Vec<Option<Uuid>>>,
    /// Id of the compacted topic.
    table: Cell<Option<Uuid>>,
    groups: Vec<Vec<Slot>>,
    next_writer: Cell<u64>,
    /// How each group was last seen to be served.
    served: RefCell<Vec<Option<Served>>>,
    /// In this life offsets expire, at one moment of it.
    expires: Cell<bool>,
    /// Offsets that an undertaker has committed and left alone: group and topic.
    left: RefCell<Vec<undertaker::Left>>,
}

/// As which kind of group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    Classic,
    Consumer,
}

impl Shared {
    fn new(host: &Host, plan: Plan) -> Rc<Self> {
        let slot = |_: &plan::SlotPlan| Slot {
            command: Cell::new(Command::None),
            is_out: Cell::new(false),
            status: RefCell::default(),
        };
        Rc::new(Self {
            server: Server::new(host.clone()),
            history: RefCell::new(History::new(&plan)),
            phase: Cell::new(Phase::Down),
            is_stopping: Cell::new(false),
            topics: RefCell::new(vec![None; plan.topics.len()]),
            table: Cell::new(None),
            groups: plan.groups.iter().map(|group| group.slots.iter().map(slot).collect()).collect(),
            served: RefCell::new(vec![None; plan.groups.len()]),
            plan,
            next_writer: Cell::new(1),
            expires: Cell::new(false),
            left: RefCell::default(),
        })
    }

    /// A member of a group was served in this way.
    fn saw(&self, group: usize, served: Served) {
        let before = self.served.borrow_mut()[group].replace(served);
        match (before, served) {
            (Some(Served::Classic), Served::Consumer) => marks::reach(reached::UPGRADED),
            (Some(Served::Consumer), Served::Classic) => marks::reach(reached::DOWNGRADED),
            _ => {}
        }
    }

    fn tick(&self) -> u64 {
        self.history.borrow_mut().tick()
    }

    fn is_serving(&self) -> bool {
        self.phase.get() == Phase::Serving
    }

    fn may_work(&self) -> bool {
        matches!(self.phase.get(), Phase::Serving | Phase::Settling)
    }

    /// All partitions that groups consume.
    fn places(&self) -> Vec<Place> {
        let topics = self.plan.topics.iter().enumerate();
        topics
            .flat_map(|(index, topic)| (0..topic.partitions).map(move |partition| (index, partition)))
            .collect()
    }

    fn topic_id(&self, topic: usize) -> Uuid {
        self.topics.borrow()[topic].unwrap_or(Uuid::ZERO)
    }

    fn table_id(&self) -> Uuid {
        self.table.get().unwrap_or(Uuid::ZERO)
    }

    /// Sleep, but no longer than clients are left to their whims.
    async fn sleep_serving(&self, length_ms: u64) {
        let mut left_ms = length_ms;
        while left_ms > 0 && self.is_serving() {
            let piece_ms = left_ms.min(100);
            sleep(Duration::from_millis(piece_ms)).await;
            left_ms -= piece_ms;
        }
    }
}

/// Run one seed.
pub fn run(seed: u64) -> Outcome {
    run_plan(seed, false)
}

/// The same with groups of both protocols at once, expressions, and topics, groups and offsets that end.
pub fn run_mixed(seed: u64) -> Outcome {
    run_plan(seed, true)
}

fn run_plan(seed: u64, is_mixed: bool) -> Outcome {
    let world = World::new(seed);
    let mut random = world.random("groups workload");
    let node = world.add_host();
    let clients = world.add_host();
    let mut plan = Plan::draw(&mut random);
    if is_mixed {
        plan.mix(&mut world.random("mixed groups"));
    }
    plan.set_faults(&world, &node, &mut random);
    clients.start(1);
    let shared = Shared::new(&node, plan);
    node.comment(&format!("{:?}", shared.plan));
    start_clients(&world, &clients, &shared);
    let mut crash_count = 0;
    for number in 0..shared.plan.lives {
        crash_count += u64::from(live(&world, &clients, &shared, &mut random, number));
    }
    clients.crash(Crash::Kill);
    let work_count = shared.server.answers.get();
    Outcome::of(&world, crash_count, work_count)
}

fn start_clients(world: &World, clients: &Host, shared: &Rc<Shared>) {
    for number in 0..shared.plan.producers {
        let random = world.random(&format!("producer {number}"));
        clients.spawn(0, producer::run(Rc::clone(shared), random));
    }
    for (group, slots) in shared.groups.iter().enumerate() {
        for slot in 0..slots.len() {
            let random = world.random(&format!("member {group} {slot}"));
            clients.spawn(0, member::run(Rc::clone(shared), group, slot, random));
        }
    }
    clients.spawn(0, simple::run(Rc::clone(shared), world.random("simple")));
    for number in 0..shared.plan.undertakers {
        let random = world.random(&format!("undertaker {number}"));
        clients.spawn(0, undertaker::run(Rc::clone(shared), number, random));
    }
    clients.spawn(0, table::write(Rc::clone(shared), world.random("table writer")));
    clients.spawn(0, table::read(Rc::clone(shared), world.random("table reader")));
}

fn configuration(shared: &Shared) -> BrokerConfig {
    let plan = &shared.plan;
    let address = shared.server.host.address();
    let heartbeat_ms = plan.heartbeat_ms();
    let mut overrides = vec![
        format!("listeners=PLAINTEXT://{address}:{}", connection::PORT),
        "log.dirs=/data".to_owned(),
        "auto.create.topics.enable=false".to_owned(),
        format!("replica.high.watermark.checkpoint.interval.ms={}", plan.checkpoint_interval_ms),
        format!("offsets.topic.num.partitions={}", plan.offsets_partitions),
        format!("group.initial.rebalance.delay.ms={}", plan.initial_delay_ms),
        "group.min.session.timeout.ms=100".to_owned(),
        "group.consumer.min.session.timeout.ms=100".to_owned(),
        format!("group.consumer.session.timeout.ms={}", plan.consumer_session_ms),
        "group.consumer.min.heartbeat.interval.ms=10".to_owned(),
        format!("group.consumer.heartbeat.interval.ms={heartbeat_ms}"),
        format!("group.consumer.assignment.interval.ms={}", plan.assignment_interval_ms),
        format!("log.cleaner.backoff.ms={}", plan.cleaner_backoff_ms),
        format!("log.cleaner.min.cleanable.ratio={}", plan.cleanable_ratio),
        format!("log.cleaner.io.buffer.size={}", plan.cleaner_buffer_bytes),
        format!("log.segment.delete.delay.ms={}", plan.delete_delay_ms),
    ];
    if shared.expires.get() {
        overrides.push("offsets.retention.minutes=1".to_owned());
        overrides.push(format!("offsets.retention.check.interval.ms={}", undertaker::EXPIRY_MS));
    }
    if plan.flushes_offsets {
        overrides.push("log.flush.interval.messages=1".to_owned());
    }
    broker::configuration(&overrides)
}

/// One life of the node, from its start to its end; says whether a crash ended it.
fn live(world: &World, clients: &Host, shared: &Rc<Shared>, random: &mut Random, number: u64) -> bool {
    let host = &shared.server.host;
    let is_last = number + 1 == shared.plan.lives;
    let crash = if random.one_in(2) { Crash::Kill } else { Crash::PowerCut };
    if !is_last && random.one_in(2) {
        host.crash_after_changes(random.scaled(1, 1500), crash);
    }
    shared.expires.set(is_last && shared.plan.expires);
    let shards = random.between(1, 3) as usize;
    host.comment(&format!("life {number} with {shards} shards, to end by {crash:?}"));
    let broker = Broker::start(host, configuration(shared), shards);
    if broker.wait_serving(world) {
        work(world, clients, shared, random, &broker, is_last);
    }
    let stops = host.is_running() && random.one_in(3);
    if stops {
        shared.is_stopping.set(true);
        broker.stop(world);
    }
    shared.phase.set(Phase::Down);
    shared.is_stopping.set(false);
    shared.server.life.set(number + 1);
    let has_stopped = stops && host.is_running();
    if host.is_running() {
        if stops {
            broker.check_stopped(world);
        }
        host.crash(crash);
    }
    let may_lose = crash == Crash::PowerCut && !has_stopped && !shared.plan.flushes_offsets;
    shared.history.borrow_mut().on_life_over(may_lose);
    !has_stopped
}

/// Audit, let the clients work, and perhaps wait until they have settled.
fn work(
    world: &World,
    clients: &Host,
    shared: &Rc<Shared>,
    random: &mut Random,
    broker: &Broker,
    is_last: bool,
) {
    let host = &shared.server.host;
    shared.phase.set(Phase::Auditing);
    world.network_faults(|faults| faults.reset_one_in = 0);
    let audit = clients.spawn(0, audit::run(Rc::clone(shared)));
    let done = world.run_until(PATIENCE, || !broker.goes_on() || audit.is_finished());
    broker.check_alive();
    if host.is_running() && !done {
        broken("a request is answered", "the audit does not end");
    }
    if broker.goes_on() {
        shared.phase.set(Phase::Serving);
        world.network_faults(|faults| faults.reset_one_in = shared.plan.reset_one_in);
        let length = Duration::from_millis(random.scaled(10, 30_000));
        let resets = random.below(4) as u32;
        for _ in 0..resets {
            world.run_until(length / (resets + 1), || !broker.goes_on());
            world.reset_connection(host, clients);
        }
        world.run_until(length / (resets + 1), || !broker.goes_on());
    }
    if broker.goes_on() && (is_last || random.one_in(3)) {
        shared.phase.set(Phase::Settling);
        world.network_faults(|faults| faults.reset_one_in = 0);
        settle::run(world, shared, random, broker);
    }
    if broker.goes_on() && shared.expires.get() {
        undertaker::expect_expiry(world, clients, shared, broker);
    }
    broker.check_alive();
}
