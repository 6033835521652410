//! A whole node, the code of production, under clients that know what they were promised: crashes, clean stops, other
//! numbers of shards, topics that come and go, connections that break.

mod admin;
mod audit;
pub(super) mod batches;
mod consumer;
mod faults;
mod history;
mod plan;
mod producer;
pub(super) mod requests;
mod rot;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use jackdaw_core::config::BrokerConfig;

pub use self::faults::{FAULT_MARKS, JITTER_MARKS, ROT_MARKS};
use self::{
    batches::Key,
    faults::{Faults, Kind},
    history::History,
    plan::Plan,
};
use super::{
    Outcome, PATIENCE, broken,
    broker::{self, Broker},
    connection,
    connection::Server,
};
use crate::{Crash, Host, Random, World};

/// What clients may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody may connect.
    Down,
    /// The auditor reads what survived.
    Auditing,
    Serving,
    /// What was sent must be answered; nothing new is sent.
    Settling,
}

/// What the clients of one world share.
struct Shared {
    node: Host,
    server: Rc<Server>,
    plan: Plan,
    history: RefCell<History>,
    phase: Cell<Phase>,
    /// The node was asked to stop: it may refuse what it is asked.
    is_stopping: Cell<bool>,
    /// Produce requests that wait for an answer on a connection that lives.
    outstanding: Cell<usize>,
    next_writer: Cell<u64>,
    faults: RefCell<Faults>,
}

impl Shared {
    /// An answer may be a refusal: the node stops, or something went wrong.
    fn may_refuse(&self) -> bool {
        self.is_stopping.get() || self.faults.borrow().excuse()
    }

    /// The same of what is asked of a partition.
    fn may_refuse_of(&self, key: Key) -> bool {
        self.may_refuse() || self.faults.borrow().is_rotten(key)
    }

    fn next_writer(&self) -> u64 {
        let writer = self.next_writer.get();
        self.next_writer.set(writer + 1);
        writer
    }
}

/// Run one seed.
pub fn run(seed: u64) -> Outcome {
    run_with(seed, Kind::None)
}

/// Run one seed of the same on a disk that fails and fills up.
pub fn run_faults(seed: u64) -> Outcome {
    run_with(seed, Kind::Disk)
}

/// Run one seed of the same on a disk that changes what was flushed.
pub fn run_rot(seed: u64) -> Outcome {
    run_with(seed, Kind::Rot)
}

/// Run one seed of the same with a disk that stalls, a clock that jumps, clients that read late.
pub fn run_jitter(seed: u64) -> Outcome {
    run_with(seed, Kind::Jitter)
}

fn run_with(seed: u64, kind: Kind) -> Outcome {
    let world = World::new(seed);
    let mut random = world.random("node workload");
    let node = world.add_host();
    let clients = world.add_host();
    let mut plan = Plan::draw(&mut random);
    plan.draw_memory(&mut world.random("memory"));
    if kind == Kind::Jitter {
        plan.draw_flush_ms(&mut world.random("flush.ms"));
    }
    plan.draw_journal(&mut world.random("journal"));
    plan.set_faults(&world, &node, &mut random);
    clients.start(1);
    let shared = Rc::new(Shared {
        node: node.clone(),
        server: Server::new(node.clone()),
        history: RefCell::new(History::new(&plan)),
        plan,
        phase: Cell::new(Phase::Down),
        is_stopping: Cell::new(false),
        outstanding: Cell::new(0),
        next_writer: Cell::new(1),
        faults: RefCell::new(Faults::new(&node, kind, world.random("faults"))),
    });
    start_clients(&world, &clients, &shared);
    let mut crash_count = 0;
    for number in 0..shared.plan.lives {
        crash_count += u64::from(live(&world, &clients, &shared, &mut random, number));
    }
    if node.is_running() {
        node.crash(Crash::Kill);
    }
    clients.crash(Crash::Kill);
    let work_count = shared.server.answers.get();
    Outcome::of(&world, crash_count, work_count)
}

fn start_clients(world: &World, clients: &Host, shared: &Rc<Shared>) {
    clients.spawn(0, admin::run(Rc::clone(shared), world.random("admin")));
    for number in 0..shared.plan.producers {
        let random = world.random(&format!("producer {number}"));
        clients.spawn(0, producer::run(Rc::clone(shared), random));
    }
    for number in 0..shared.plan.consumers {
        let random = world.random(&format!("consumer {number}"));
        clients.spawn(0, consumer::run(Rc::clone(shared), random));
    }
}

fn configuration(shared: &Shared) -> BrokerConfig {
    let address = shared.node.address();
    let overrides = [
        format!("listeners=PLAINTEXT://{address}:{}", connection::PORT),
        "log.dirs=/data".to_owned(),
        "auto.create.topics.enable=false".to_owned(),
        format!("replica.high.watermark.checkpoint.interval.ms={}", shared.plan.checkpoint_interval_ms),
        format!("log.index.interval.bytes={}", shared.plan.index_interval_bytes),
        format!("log.segment.delete.delay.ms={}", shared.plan.delete_delay_ms),
        format!("log.flush.scheduler.interval.ms={}", shared.plan.flush_scheduler_interval_ms),
        format!("jackdaw.journal.bytes={}", shared.plan.journal_bytes),
    ];
    let memory = shared.plan.memory_bytes.map(|bytes| format!("queued.max.request.bytes={bytes}"));
    let overrides: Vec<String> = overrides.into_iter().chain(memory).collect();
    broker::configuration(&overrides)
}

/// One life of the node, from its start to its end; says whether a crash ended it.
fn live(world: &World, clients: &Host, shared: &Rc<Shared>, random: &mut Random, number: u64) -> bool {
    let host = &shared.node;
    let crash = if random.one_in(2) { Crash::Kill } else { Crash::PowerCut };
    if random.one_in(2) {
        host.crash_after_changes(random.scaled(1, 1500), crash);
    }
    let shards = random.between(1, 3) as usize;
    host.comment(&format!("life {number} with {shards} shards, to end by {crash:?}"));
    shared.faults.borrow_mut().begin_life(world, &shared.history.borrow());
    let of_faults = Rc::clone(shared);
    let broker = Broker::start(host, configuration(shared), shards)
        .excused_by(move || of_faults.faults.borrow().may_end());
    shared.history.borrow_mut().on_life(world.now().as_millis() as u64);
    if broker.wait_serving(world) {
        work(world, clients, shared, random, &broker);
    }
    if shared.faults.borrow().must_end() {
        world.run_until(PATIENCE, || !broker.goes_on());
    }
    let has_failed = broker.has_failed();
    if has_failed {
        broker.wait_failed(world);
    }
    let mut stops = host.is_running() && random.one_in(3) && !has_failed;
    shared.faults.borrow().check_end_of_life(!has_failed && host.is_running());
    if stops {
        shared.is_stopping.set(true);
        broker.stop(world);
    }
    shared.phase.set(Phase::Down);
    shared.is_stopping.set(false);
    shared.server.life.set(number + 1);
    shared.outstanding.set(0);
    let mut crash = crash;
    let is_running = host.is_running();
    if is_running {
        stops = stops && broker.check_stopped(world);
        if stops {
            shared.history.borrow_mut().on_stopped();
        }
        if shared.faults.borrow().needs_reboot() {
            crash = Crash::PowerCut;
        }
        host.crash(crash);
    }
    if crash == Crash::PowerCut {
        // A disk that stalls is later than `flush.ms` asks.
        let stalls = shared.faults.borrow().stalls();
        let now_ms = if stalls { 0 } else { world.now().as_millis() as u64 };
        shared.history.borrow_mut().on_power_cut(now_ms);
    }
    shared.faults.borrow_mut().end_life(is_running && stops);
    !(is_running && stops)
}

/// Where it is a rotting disk's turn, let a bit change while the node serves.
fn rot_meanwhile(world: &World, shared: &Rc<Shared>, length: Duration) {
    let Some(share) = shared.faults.borrow_mut().draw_moment() else { return };
    let (shared, life) = (Rc::clone(shared), shared.server.life.get());
    world.plan(world.now() + length * share / 100, move |_| {
        if shared.server.life.get() == life && shared.phase.get() == Phase::Serving {
            shared.faults.borrow_mut().rot_now(&shared.history.borrow());
        }
    });
}

/// Audit, let the clients work, and perhaps wait until everything is answered.
fn work(world: &World, clients: &Host, shared: &Rc<Shared>, random: &mut Random, broker: &Broker) {
    let host = &shared.node;
    let goes_on = || broker.goes_on();
    shared.phase.set(Phase::Auditing);
    world.network_faults(|faults| faults.reset_one_in = 0);
    let audit = clients.spawn(0, audit::run(Rc::clone(shared)));
    let done = world.run_until(PATIENCE, || !goes_on() || audit.is_finished());
    if host.is_running() {
        broker.check_alive();
        if !done {
            broken("a request is answered", "the audit does not end");
        }
    }
    if goes_on() {
        shared.phase.set(Phase::Serving);
        world.network_faults(|faults| faults.reset_one_in = shared.plan.reset_one_in);
        let length = Duration::from_micros(random.scaled(2_000, 4_000_000));
        // So that what is to be flushed by its age grows old enough.
        let length = if shared.faults.borrow().is_jitter() { 2 * length } else { length };
        rot_meanwhile(world, shared, length);
        let resets = random.below(4);
        for _ in 0..resets {
            world.run_until(length / (resets as u32 + 1), || !goes_on());
            world.reset_connection(host, clients);
        }
        world.run_until(length / (resets as u32 + 1), || !goes_on());
    }
    if goes_on() && random.one_in(2) {
        shared.phase.set(Phase::Settling);
        let settled = world.run_until(PATIENCE, || !goes_on() || shared.outstanding.get() == 0);
        if !settled && !shared.faults.borrow().excuses_delay() {
            broken("a request is answered", &format!("{} are not", shared.outstanding.get()));
        }
    }
    if host.is_running() {
        broker.check_alive();
    }
}
