//! A whole node, the code of production, under clients that know what they were promised: crashes, clean stops, other
//! numbers of shards, topics that come and go, connections that break.

mod admin;
mod audit;
mod batches;
mod connection;
mod consumer;
mod history;
mod plan;
mod producer;
mod requests;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use jackdaw_core::config::{BrokerConfig, Settings};
use jackdaw_ring::JoinHandle;
use jackdaw_shard::{Node, NodeError, ShardSeat, StopReason, run_shard};

use self::{history::History, plan::Plan};
use super::Outcome;
use crate::{Crash, Host, Random, World};

/// Longest time of anything that must end: a start, a stop, an answer.
const PATIENCE: Duration = Duration::from_secs(120);

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
    plan: Plan,
    history: RefCell<History>,
    /// Which life of the node this is.
    life: Cell<u64>,
    phase: Cell<Phase>,
    /// The node was asked to stop: it may refuse what it is asked.
    is_stopping: Cell<bool>,
    /// Produce requests that wait for an answer on a connection that lives.
    outstanding: Cell<usize>,
    /// Why shards ended, in this life.
    reasons: RefCell<Vec<String>>,
    next_writer: Cell<u64>,
    answers: Cell<u64>,
}

impl Shared {
    fn next_writer(&self) -> u64 {
        let writer = self.next_writer.get();
        self.next_writer.set(writer + 1);
        writer
    }
}

/// A promise is broken.
fn broken(promise: &str, detail: &str) -> ! {
    panic!("broken promise \"{promise}\": {detail}")
}

/// Run one seed.
pub fn run(seed: u64) -> Outcome {
    let world = World::new(seed);
    let mut random = world.random("node workload");
    let node = world.add_host();
    let clients = world.add_host();
    let mut plan = Plan::draw(&mut random);
    plan.draw_memory(&mut world.random("memory"));
    plan.set_faults(&world, &node, &mut random);
    clients.start(1);
    let shared = Rc::new(Shared {
        node: node.clone(),
        history: RefCell::new(History::new(&plan)),
        plan,
        life: Cell::new(0),
        phase: Cell::new(Phase::Down),
        is_stopping: Cell::new(false),
        outstanding: Cell::new(0),
        reasons: RefCell::default(),
        next_writer: Cell::new(1),
        answers: Cell::new(0),
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
    let work_count = shared.answers.get();
    Outcome { trace_hash: world.trace_hash(), trace_count: world.trace_count(), crash_count, work_count }
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

fn start_shard(
    shared: &Rc<Shared>,
    core: usize,
    seat: ShardSeat,
) -> JoinHandle<Result<StopReason, NodeError>> {
    let told = Rc::clone(shared);
    shared.node.spawn(core, async move {
        let result = run_shard(seat).await;
        told.reasons.borrow_mut().push(format!("shard {core}: {result:?}"));
        result
    })
}

type Shards = Vec<JoinHandle<Result<StopReason, NodeError>>>;

fn configuration(shared: &Shared) -> BrokerConfig {
    let mut settings = Settings::default();
    let address = shared.node.address();
    let overrides = [
        format!("listeners=PLAINTEXT://{address}:{}", connection::PORT),
        "log.dirs=/data".to_owned(),
        "auto.create.topics.enable=false".to_owned(),
        format!("replica.high.watermark.checkpoint.interval.ms={}", shared.plan.checkpoint_interval_ms),
        format!("log.index.interval.bytes={}", shared.plan.index_interval_bytes),
        format!("log.segment.delete.delay.ms={}", shared.plan.delete_delay_ms),
    ];
    let memory = shared.plan.memory_bytes.map(|bytes| format!("queued.max.request.bytes={bytes}"));
    for text in overrides.iter().chain(&memory) {
        settings.read_override(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    let (config, _) = BrokerConfig::new(settings).unwrap_or_else(|errors| panic!("{errors:?}"));
    config
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
    shared.reasons.borrow_mut().clear();
    host.start(shards);
    let (node, seats) = Node::new(configuration(shared), shards);
    let running: Shards =
        seats.into_iter().enumerate().map(|(core, seat)| start_shard(shared, core, seat)).collect();
    let ended = || running.iter().any(JoinHandle::is_finished);
    let serves = world
        .run_until(PATIENCE, || !host.is_running() || ended() || node.control().serving().is_some())
        && host.is_running();
    if serves {
        check_alive(shared, &running);
        work(world, clients, shared, random, &running);
    } else if host.is_running() {
        check_alive(shared, &running);
        broken("a node starts", "it does not serve");
    }
    let stops = host.is_running() && random.one_in(3);
    if stops {
        shared.is_stopping.set(true);
        let control = node.control().clone();
        host.spawn(0, async move { control.stop(StopReason::Asked) });
        let all_ended = || running.iter().all(JoinHandle::is_finished);
        if !world.run_until(PATIENCE, || !host.is_running() || all_ended()) {
            broken("a stop ends", "it does not");
        }
    }
    shared.phase.set(Phase::Down);
    shared.is_stopping.set(false);
    shared.life.set(number + 1);
    shared.outstanding.set(0);
    if host.is_running() {
        if stops {
            for shard in running {
                check_stopped(world.run(PATIENCE, shard));
            }
            shared.history.borrow_mut().on_stopped();
        }
        host.crash(crash);
        if crash == Crash::PowerCut {
            shared.history.borrow_mut().on_power_cut();
        }
        return !stops;
    }
    if crash == Crash::PowerCut {
        shared.history.borrow_mut().on_power_cut();
    }
    true
}

fn check_stopped(result: Result<StopReason, NodeError>) {
    match result {
        Ok(StopReason::Asked) => {}
        Ok(StopReason::Fatal { text, .. }) => broken("a stop is clean", &text),
        Err(error) => broken("a stop is clean", &error.to_string()),
    }
}

/// A shard that has ended while nobody stopped it.
fn check_alive(shared: &Shared, running: &Shards) {
    if running.iter().any(JoinHandle::is_finished) {
        broken("a node goes on", &format!("{:?}", shared.reasons.borrow()));
    }
}

/// Audit, let the clients work, and perhaps wait until everything is answered.
fn work(world: &World, clients: &Host, shared: &Rc<Shared>, random: &mut Random, running: &Shards) {
    let host = &shared.node;
    let goes_on = || host.is_running() && !running.iter().any(JoinHandle::is_finished);
    shared.phase.set(Phase::Auditing);
    world.network_faults(|faults| faults.reset_one_in = 0);
    let audit = clients.spawn(0, audit::run(Rc::clone(shared)));
    let done = world.run_until(PATIENCE, || !goes_on() || audit.is_finished());
    if host.is_running() {
        check_alive(shared, running);
        if !done {
            broken("a request is answered", "the audit does not end");
        }
    }
    if goes_on() {
        shared.phase.set(Phase::Serving);
        world.network_faults(|faults| faults.reset_one_in = shared.plan.reset_one_in);
        let length = Duration::from_micros(random.scaled(2_000, 4_000_000));
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
        if !settled {
            broken("a request is answered", &format!("{} are not", shared.outstanding.get()));
        }
    }
    if host.is_running() {
        check_alive(shared, running);
    }
}
