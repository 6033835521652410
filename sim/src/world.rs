//! The world: one clock, one queue of events, the hosts and the network between them, all from one seed.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    io::{self, IoSlice},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use jackdaw_ring::{
    JoinHandle,
    driver::{Completion, Payload, Token},
};

use crate::{
    descriptors::Open,
    disk::DiskWork,
    events::{Event, Events},
    faults::NetworkFaults,
    host::{Crash, Host, Machine, OperationId, Process},
    marks,
    network::{Network, Output},
    prng::Random,
    trace::{PRINT, Trace},
};

/// Midnight, 1 January 2026: where wall clocks begin.
const EPOCH_MS: i64 = 1_767_225_600_000;
/// A core that runs so many tasks and nothing comes from outside is taken for a livelock.
const TASKS_ALONE: u64 = 1_000_000;
/// Events in one world before it is taken for a runaway.
const EVENTS: u64 = 200_000_000;

type Plan = Box<dyn FnOnce(&World)>;

/// What all parts of a world share. No borrow is held while a task runs.
pub(crate) struct Inner {
    pub(crate) seed: u64,
    now_ns: Cell<u64>,
    events: RefCell<Events>,
    trace: RefCell<Trace>,
    pub(crate) network: RefCell<Network>,
    machines: RefCell<Vec<Rc<Machine>>>,
    plans: RefCell<Vec<Option<Plan>>>,
    /// A task is running: nobody may end its process under it.
    running: Cell<bool>,
}

/// A simulated world. One seed gives one world, down to the last event.
pub struct World {
    inner: Rc<Inner>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        // What a world that ended in a panic has left.
        marks::take();
        let prints = std::env::var_os(PRINT).is_some();
        let inner = Inner {
            seed,
            now_ns: Cell::new(0),
            events: RefCell::new(Events::new(seed)),
            trace: RefCell::new(Trace::new(prints)),
            network: RefCell::new(Network::new(Random::stream(seed, "network"))),
            machines: RefCell::default(),
            plans: RefCell::default(),
            running: Cell::new(false),
        };
        Self { inner: Rc::new(inner) }
    }

    pub fn seed(&self) -> u64 {
        self.inner.seed
    }

    /// A stream of random numbers of one's own.
    pub fn random(&self, salt: &str) -> Random {
        Random::stream(self.inner.seed, salt)
    }

    /// Time since the world began.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.inner.now_ns())
    }

    /// A hash over everything that happened so far.
    pub fn trace_hash(&self) -> u64 {
        self.inner.trace.borrow().hash()
    }

    /// How many things happened so far.
    pub fn trace_count(&self) -> u64 {
        self.inner.trace.borrow().count()
    }

    /// Add what a test observed to the trace.
    pub fn note(&self, what: &'static str, numbers: &[u64]) {
        self.inner.note(what, numbers);
    }

    /// A further machine. It runs nothing until [`Host::start`].
    pub fn add_host(&self) -> Host {
        let mut machines = self.inner.machines.borrow_mut();
        let index = machines.len();
        machines.push(Rc::new(Machine::new(self.inner.seed, index)));
        Host { world: Rc::clone(&self.inner), index }
    }

    /// Change what may go wrong on the network.
    pub fn network_faults(&self, change: impl FnOnce(&mut NetworkFaults)) {
        change(&mut self.inner.network.borrow_mut().faults);
    }

    /// Let nothing pass between two hosts, or let it pass again. What is on its way still arrives.
    pub fn set_cut(&self, left: &Host, right: &Host, cut: bool) {
        self.inner.note("cut", &[left.index as u64, right.index as u64, u64::from(cut)]);
        self.inner.network.borrow_mut().set_cut(self.inner.now_ns(), left.index, right.index, cut);
        self.inner.apply_outputs();
    }

    /// Reset one connection between two hosts; says whether there was one.
    pub fn reset_connection(&self, left: &Host, right: &Host) -> bool {
        let found = self.inner.network.borrow_mut().reset_any(self.inner.now_ns(), left.index, right.index);
        self.inner.apply_outputs();
        found
    }

    /// Do something at a point in time, between two steps: crash a host, cut a link.
    pub fn plan(&self, at: Duration, plan: impl FnOnce(&World) + 'static) {
        let mut plans = self.inner.plans.borrow_mut();
        plans.push(Some(Box::new(plan)));
        let number = plans.len() as u64 - 1;
        let at_ns = nanos(at).max(self.inner.now_ns());
        self.inner.schedule(at_ns, Event::Planned { number });
    }

    /// Run for so long.
    pub fn run_for(&self, duration: Duration) {
        let end_ns = self.inner.now_ns() + nanos(duration);
        while self.step(end_ns) {}
        self.inner.now_ns.set(end_ns);
    }

    /// Run until `done` says so; false if the time was up or nothing more can happen.
    pub fn run_until(&self, limit: Duration, mut done: impl FnMut() -> bool) -> bool {
        let end_ns = self.inner.now_ns() + nanos(limit);
        loop {
            if done() {
                return true;
            }
            if !self.step(end_ns) {
                return done();
            }
        }
    }

    /// Run until a task is done and take its output.
    ///
    /// # Panics
    /// If that takes longer than `limit`, or never happens.
    pub fn run<T: 'static>(&self, limit: Duration, handle: JoinHandle<T>) -> T {
        let in_time = self.run_until(limit, || handle.is_finished());
        assert!(in_time, "seed {}: the task was not done after {limit:?}", self.inner.seed);
        match pin!(handle).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("a finished task has its output"),
        }
    }

    /// Let one thing happen, if there is one until `until_ns`.
    fn step(&self, until_ns: u64) -> bool {
        let Some((at_ns, event)) = self.inner.events.borrow_mut().pop(until_ns) else { return false };
        assert!(at_ns >= self.inner.now_ns(), "time goes forward");
        self.inner.now_ns.set(at_ns);
        assert!(self.trace_count() < EVENTS, "seed {}: more than {EVENTS} events", self.inner.seed);
        match event {
            Event::Run { host, incarnation, core } => self.inner.run_core(host, incarnation, core),
            Event::Disk { operation, work } => self.inner.on_disk(operation, work),
            Event::Network(event) => {
                self.inner.network.borrow_mut().on_event(at_ns, event);
                self.inner.apply_outputs();
            }
            Event::Planned { number } => {
                let plan = self.inner.plans.borrow_mut()[number as usize].take();
                if let Some(plan) = plan {
                    plan(self);
                }
            }
        }
        true
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4)
}

impl Inner {
    pub(crate) fn now_ns(&self) -> u64 {
        self.now_ns.get()
    }

    pub(crate) fn unix_ms(&self) -> i64 {
        EPOCH_MS + (self.now_ns.get() / 1_000_000) as i64
    }

    pub(crate) fn note(&self, what: &'static str, numbers: &[u64]) {
        self.trace.borrow_mut().note(self.now_ns.get(), what, numbers);
    }

    pub(crate) fn comment(&self, text: &str) {
        self.trace.borrow_mut().comment(self.now_ns.get(), text);
    }

    pub(crate) fn machine(&self, host: usize) -> Rc<Machine> {
        Rc::clone(&self.machines.borrow()[host])
    }

    pub(crate) fn schedule(&self, at_ns: u64, event: Event) {
        self.events.borrow_mut().push(at_ns, event);
    }

    fn process(&self, host: usize, incarnation: u64) -> Option<Rc<Process>> {
        let process = self.machine(host).process.borrow().clone();
        process.filter(|process| process.incarnation == incarnation)
    }

    /// Let a core run after the time a wake-up takes.
    pub(crate) fn run_soon(&self, process: &Process, core: usize) {
        let delay = process.cores[core].paces.borrow_mut().scaled(500, 20_000);
        self.run_at(process, core, self.now_ns() + delay);
    }

    fn run_at(&self, process: &Process, core: usize, at_ns: u64) {
        let scheduled = &process.cores[core].scheduled_ns;
        if at_ns < scheduled.get() {
            scheduled.set(at_ns);
            let event = Event::Run { host: process.host, incarnation: process.incarnation, core };
            self.schedule(at_ns, event);
        }
    }

    /// One turn of a core: completions, timers, one task.
    fn run_core(&self, host: usize, incarnation: u64, core_index: usize) {
        let Some(process) = self.process(host, incarnation) else { return };
        let core = &process.cores[core_index];
        if core.scheduled_ns.get() != self.now_ns() {
            return;
        }
        core.scheduled_ns.set(u64::MAX);
        let executor = process.executors.borrow()[core_index].clone();
        self.running.set(true);
        let arrived = std::mem::take(&mut *core.completions.borrow_mut());
        let timer_due = executor.next_timer().is_some_and(|due| due.0 + process.started_ns <= self.now_ns());
        if !arrived.is_empty() || timer_due {
            core.alone.set(0);
        }
        let count = arrived.len() as u64;
        for completion in arrived {
            executor.deliver(completion);
        }
        let ran = executor.run_some(1);
        self.running.set(false);
        self.note("run", &[host as u64, core_index as u64, count, ran as u64]);
        core.alone.set(core.alone.get() + ran as u64);
        assert!(
            core.alone.get() < TASKS_ALONE,
            "seed {}: livelock: core {core_index} of host {host} ran {TASKS_ALONE} tasks and nothing came from outside",
            self.seed
        );
        if self.crash_if_frozen(host) {
            return;
        }
        self.plan_next(&process, core_index);
    }

    fn plan_next(&self, process: &Process, core_index: usize) {
        let core = &process.cores[core_index];
        let executors = process.executors.borrow();
        let executor = &executors[core_index];
        if executor.has_ready() {
            let pace = core.paces.borrow_mut().scaled(100, 10_000);
            self.run_at(process, core_index, self.now_ns() + pace);
        } else if let Some(due) = executor.next_timer() {
            self.run_at(process, core_index, (process.started_ns + due.0).max(self.now_ns() + 1));
        }
        // Wakers called across cores of one thread reach no descriptor: look for them here.
        for (other, executor) in executors.iter().enumerate() {
            if executor.has_remote() {
                self.run_soon(process, other);
            }
        }
    }

    pub(crate) fn complete(
        &self,
        operation: OperationId,
        result: io::Result<usize>,
        payload: Payload,
        more: bool,
    ) {
        let Some(process) = self.process(operation.host, operation.incarnation) else { return };
        let outcome = match &result {
            Ok(count) => *count as u64,
            Err(failure) => u64::from(failure.raw_os_error().unwrap_or(0).unsigned_abs()) << 32,
        };
        self.note("complete", &[operation.host as u64, operation.core as u64, operation.token, outcome]);
        let completion = Completion { token: Token(operation.token), result, payload, more };
        process.cores[operation.core].completions.borrow_mut().push_back(completion);
        self.run_soon(&process, operation.core);
    }

    pub(crate) fn apply_outputs(&self) {
        loop {
            let outputs = std::mem::take(&mut self.network.borrow_mut().outputs);
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                match output {
                    Output::Complete { operation, result, payload, more } => {
                        self.complete(operation, result, payload, more);
                    }
                    Output::At { at_ns, event } => self.schedule(at_ns, Event::Network(event)),
                    Output::Attach { operation, stream, peer, more } => {
                        self.attach(operation, stream, peer, more);
                    }
                }
            }
        }
    }

    /// Give a stream a descriptor in the process that accepted or connected it.
    fn attach(
        &self,
        operation: OperationId,
        stream: crate::network::StreamId,
        peer: std::net::SocketAddr,
        more: bool,
    ) {
        let Some(process) = self.process(operation.host, operation.incarnation) else { return };
        let inserted = process.descriptors.borrow_mut().insert(Open::Stream(stream));
        match inserted {
            Ok(descriptor) => {
                self.network.borrow_mut().attach(stream);
                self.complete(
                    operation,
                    Ok(descriptor.0 as usize),
                    Payload::Accepted(descriptor, peer),
                    more,
                );
            }
            Err(failure) => {
                self.network.borrow_mut().put_back(operation, stream);
                self.complete(operation, Err(failure), Payload::None, false);
            }
        }
    }

    fn on_disk(&self, operation: OperationId, work: DiskWork) {
        if self.process(operation.host, operation.incarnation).is_none() {
            return;
        }
        if let DiskWork::Write { inode, bytes, position, .. } = &work {
            self.note("write", &[*inode, *position, crate::trace::hash_bytes(bytes)]);
        }
        let machine = self.machine(operation.host);
        let (result, payload) = do_work(&machine, work);
        self.complete(operation, result, payload, false);
        self.crash_if_frozen(operation.host);
    }

    fn crash_if_frozen(&self, host: usize) -> bool {
        let machine = self.machine(host);
        let frozen = machine.frozen.borrow_mut().take();
        let Some(image) = frozen else { return false };
        *machine.disk.borrow_mut() = image;
        self.crash(host, machine.crash_on_freeze.take().unwrap_or(Crash::Kill));
        true
    }

    pub(crate) fn crash(&self, host: usize, crash: Crash) {
        assert!(!self.running.get(), "a process cannot be ended from one of its tasks: plan it");
        let machine = self.machine(host);
        let Some(process) = machine.process.borrow_mut().take() else { return };
        self.note("crash", &[host as u64, process.incarnation, crash as u64]);
        process.alive.set(false);
        let executors = process.executors.take();
        for executor in &executors {
            executor.drop_tasks();
        }
        drop(executors);
        self.network.borrow_mut().forget(host, process.incarnation);
        match crash {
            Crash::Kill => {
                process.close_all(self);
                machine.disk.borrow_mut().on_process_gone();
            }
            Crash::PowerCut => {
                self.network.borrow_mut().on_power_cut(self.now_ns(), host);
                let lost = machine.disk.borrow_mut().on_power_cut();
                lost.iter().for_each(|line| self.comment(line));
            }
        }
        self.apply_outputs();
    }
}

fn do_work(machine: &Machine, work: DiskWork) -> (io::Result<usize>, Payload) {
    let mut disk = machine.disk.borrow_mut();
    match work {
        DiskWork::Read { inode, mut buffer, position, length } => {
            let start = buffer.len();
            buffer.resize(start + length, 0);
            let result = disk.read_at(inode, &mut buffer[start..], position);
            buffer.truncate(start + result.as_ref().map_or(0, |count| *count));
            (result, Payload::Buffer(buffer))
        }
        DiskWork::Write { inode, bytes, position, now_ms } => {
            if disk.count_change() {
                *machine.frozen.borrow_mut() = Some(disk.clone());
            }
            (disk.write_at(inode, &[IoSlice::new(&bytes)], position, now_ms), Payload::None)
        }
        DiskWork::Sync { inode, mark } => (disk.finish_sync(inode, mark), Payload::None),
        DiskWork::SyncDirectory { path, mark } => (disk.finish_sync_directory(&path, mark), Payload::None),
        DiskWork::Unlink { path } => {
            if disk.count_change() {
                *machine.frozen.borrow_mut() = Some(disk.clone());
            }
            (disk.remove_file(&path).map(|()| 0), Payload::None)
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}\nseed {}", self.inner.trace.borrow(), self.inner.seed);
            return;
        }
        // Executors, drivers and tasks point at each other and at the world: take them apart.
        let hosts = self.inner.machines.borrow().len();
        for host in 0..hosts {
            self.inner.crash(host, Crash::Kill);
        }
        self.inner.plans.borrow_mut().clear();
        self.inner.events.borrow_mut().clear();
        self.inner.machines.borrow_mut().clear();
    }
}
