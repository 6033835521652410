//! Machines: a disk, an address, a clock, and at most one process with several cores.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    net::Ipv4Addr,
    path::Path,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use jackdaw_ring::{Executor, JoinHandle, driver::Completion, signal::CoreSignal};

use crate::{
    descriptors::{Descriptors, Open},
    disk::{Disk, Rot},
    driver::SimDriver,
    faults::{DiskError, DiskFaults},
    network::address_of,
    prng::Random,
    world::Inner,
};

/// One submitted operation of one core of one run of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OperationId {
    pub(crate) host: usize,
    pub(crate) incarnation: u64,
    pub(crate) core: usize,
    pub(crate) token: u64,
}

/// How a process ends when nobody asked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed: its page cache stays, its connections end.
    Kill,
    /// The power goes: unsynced writes are lost or torn, peers notice later.
    PowerCut,
}

/// One core's state that its driver and the world share.
pub(crate) struct Core {
    pub(crate) signal: Arc<CoreSignal>,
    pub(crate) completions: RefCell<VecDeque<Completion>>,
    /// When this core runs next; later [`crate::events::Event::Run`]s for other times are stale.
    pub(crate) scheduled_ns: Cell<u64>,
    /// Tasks run since something last came from outside: a completion or a timer.
    pub(crate) alone: Cell<u64>,
    pub(crate) tasks: RefCell<Random>,
    pub(crate) picks: RefCell<Random>,
    pub(crate) paces: RefCell<Random>,
}

/// One run of the process.
pub(crate) struct Process {
    pub(crate) host: usize,
    pub(crate) incarnation: u64,
    pub(crate) started_ns: u64,
    /// False from the instant of the crash; what the tasks do while they are dropped then changes nothing.
    pub(crate) alive: Cell<bool>,
    pub(crate) descriptors: RefCell<Descriptors>,
    pub(crate) cores: Vec<Core>,
    pub(crate) executors: RefCell<Vec<Executor>>,
}

/// What lasts over the runs of the process.
pub(crate) struct Machine {
    pub(crate) disk: RefCell<Disk>,
    pub(crate) process: RefCell<Option<Rc<Process>>>,
    pub(crate) incarnation: Cell<u64>,
    pub(crate) wall_offset_ms: Cell<i64>,
    pub(crate) descriptor_limit: Cell<usize>,
    pub(crate) inline_write_bytes: Cell<u64>,
    /// The wall clock's time that was read last, by this run of the process.
    pub(crate) told_ms: Cell<Option<i64>>,
    /// The disk at the instant of a crash in the middle of a task's turn, and the crash.
    pub(crate) frozen: RefCell<Option<Disk>>,
    pub(crate) crash_on_freeze: Cell<Option<Crash>>,
}

/// A machine of the world.
#[derive(Clone)]
pub struct Host {
    pub(crate) world: Rc<Inner>,
    pub(crate) index: usize,
}

impl Machine {
    pub(crate) fn new(seed: u64, index: usize) -> Self {
        Self {
            disk: RefCell::new(Disk::new(Random::stream(seed, &format!("disk {index}")))),
            process: RefCell::new(None),
            incarnation: Cell::new(0),
            wall_offset_ms: Cell::new(0),
            descriptor_limit: Cell::new(1 << 20),
            inline_write_bytes: Cell::new(0),
            told_ms: Cell::new(None),
            frozen: RefCell::new(None),
            crash_on_freeze: Cell::new(None),
        }
    }
}

impl Host {
    pub(crate) fn machine(&self) -> Rc<Machine> {
        self.world.machine(self.index)
    }

    /// Where others reach this host.
    pub fn address(&self) -> Ipv4Addr {
        address_of(self.index)
    }

    /// Start a process with so many cores. What it runs is spawned by [`Host::spawn`].
    ///
    /// # Panics
    /// If one runs already.
    pub fn start(&self, cores: usize) {
        assert!(!self.is_running(), "host {} runs already", self.index);
        let machine = self.machine();
        let incarnation = machine.incarnation.get() + 1;
        machine.incarnation.set(incarnation);
        let stream = |what: &str, core: usize| {
            let salt = format!("{what} {} {incarnation} {core}", self.index);
            RefCell::new(Random::stream(self.world.seed, &salt))
        };
        let new_core = |core| Core {
            signal: Arc::new(CoreSignal::new(core, -1, None)),
            completions: RefCell::default(),
            scheduled_ns: Cell::new(u64::MAX),
            alone: Cell::new(0),
            tasks: stream("tasks", core),
            picks: stream("picks", core),
            paces: stream("paces", core),
        };
        let process = Rc::new(Process {
            host: self.index,
            incarnation,
            started_ns: self.world.now_ns(),
            alive: Cell::new(true),
            descriptors: RefCell::new(Descriptors::new(machine.descriptor_limit.get())),
            cores: (0..cores).map(new_core).collect(),
            executors: RefCell::default(),
        });
        for core in 0..cores {
            let driver = SimDriver::new(Rc::clone(&self.world), Rc::clone(&process), core);
            process.executors.borrow_mut().push(Executor::shuffled(Rc::new(driver)));
        }
        machine.disk.borrow_mut().on_process_started();
        machine.told_ms.set(None);
        *machine.process.borrow_mut() = Some(process);
        self.world.network.borrow_mut().on_power_up(self.index);
        self.world.note("start", &[self.index as u64, incarnation, cores as u64]);
    }

    pub fn is_running(&self) -> bool {
        self.machine().process.borrow().is_some()
    }

    /// The process has died in the middle of the turn that runs: what it still does has no effect.
    pub fn is_dying(&self) -> bool {
        self.machine().frozen.borrow().is_some()
    }

    fn process(&self) -> Rc<Process> {
        let process = self.machine().process.borrow().clone();
        let Some(process) = process else { panic!("host {} does not run", self.index) };
        process
    }

    /// Spawn a task on a core.
    ///
    /// # Panics
    /// If the host does not run.
    pub fn spawn<T: 'static>(&self, core: usize, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        let process = self.process();
        let executor = process.executors.borrow()[core].clone();
        let handle = executor.spawn(future);
        self.world.run_soon(&process, core);
        handle
    }

    /// One core's executor, for code that wants to start itself on it.
    pub fn executor(&self, core: usize) -> Executor {
        self.process().executors.borrow()[core].clone()
    }

    /// End the process now.
    pub fn crash(&self, crash: Crash) {
        self.world.crash(self.index, crash);
    }

    /// End the process in the middle of things: when the disk is about to be changed for the `changes`-th time from
    /// now (0 is the next), also between two writes of one turn.
    pub fn crash_after_changes(&self, changes: u64, crash: Crash) {
        let machine = self.machine();
        machine.crash_on_freeze.set(Some(crash));
        machine.disk.borrow_mut().freeze_after(changes);
    }

    /// Let the wall clock differ from the world's by so much from now on.
    pub fn set_wall_offset_ms(&self, offset_ms: i64) {
        self.machine().wall_offset_ms.set(offset_ms);
    }

    /// Descriptors that the next process may have open.
    pub fn set_descriptor_limit(&self, limit: usize) {
        self.machine().descriptor_limit.set(limit);
    }

    /// Descriptors that the process has open.
    pub fn open_descriptors(&self) -> usize {
        self.process().descriptors.borrow().len()
    }

    /// Change what may go wrong with the disk.
    pub fn disk_faults(&self, change: impl FnOnce(&mut DiskFaults)) {
        change(&mut self.machine().disk.borrow_mut().faults);
    }

    /// Let operations on the disk fail in the run of the process that is under way or comes next.
    pub fn fail_disk(&self, error: DiskError) {
        self.machine().disk.borrow_mut().arm(error);
    }

    /// Let so many more bytes fit on the disk.
    pub fn leave_room(&self, bytes: u64) {
        self.machine().disk.borrow_mut().leave_room(bytes);
    }

    /// Operations on the disk that failed in this run of the process, full disks included.
    pub fn disk_error_count(&self) -> u64 {
        self.machine().disk.borrow().error_count()
    }

    /// Those of them that were flushes.
    pub fn failed_flush_count(&self) -> u64 {
        self.machine().disk.borrow().failed_flush_count()
    }

    /// Files and directories in use whose flush failed in this run of the process.
    pub fn unflushable(&self) -> Vec<String> {
        self.machine().disk.borrow().unflushable()
    }

    /// Flushes that this run of the process has asked for of files whose flush had failed.
    pub fn flushes_tried_again(&self) -> u64 {
        self.machine().disk.borrow().flushes_tried_again()
    }

    /// Have the disk change a bit of a file by itself; `None` where no flushed byte is there.
    pub fn rot(&self, path: &Path, position: u64, mask: u8) -> Option<Rot> {
        self.machine().disk.borrow_mut().rot(path, position, mask)
    }

    /// Change it back; false where the file is gone or was written since.
    pub fn heal(&self, rot: Rot) -> bool {
        self.machine().disk.borrow_mut().heal(rot)
    }

    /// An operation on the disk takes long at the moment.
    pub fn is_stalled(&self) -> bool {
        self.machine().disk.borrow().stalled_until_ns > self.world.now_ns()
    }

    /// The most bytes that one flush of a file has written.
    pub fn flushed_at_once_bytes(&self) -> u64 {
        self.machine().disk.borrow().flushed_at_once_bytes
    }

    /// Bytes that cores wrote themselves, not through their rings.
    pub fn inline_write_bytes(&self) -> u64 {
        self.machine().inline_write_bytes.get()
    }

    /// A file's bytes as the page cache shows them.
    pub fn contents_of(&self, path: &Path) -> Option<Vec<u8>> {
        self.machine().disk.borrow().contents_of(path)
    }

    /// All files by path, with their sizes, as the page cache shows them.
    pub fn files(&self) -> Vec<(String, u64)> {
        self.machine().disk.borrow().files()
    }

    /// Add a line for people to the trace.
    pub fn comment(&self, text: &str) {
        self.world.comment(text);
    }

    /// How long the process has run.
    pub fn uptime(&self) -> Duration {
        Duration::from_nanos(self.world.now_ns() - self.process().started_ns)
    }
}

impl Process {
    /// What the kernel closes when a process ends.
    pub(crate) fn close_all(&self, world: &Inner) {
        let open = self.descriptors.borrow_mut().take_all();
        let now_ns = world.now_ns();
        let mut network = world.network.borrow_mut();
        for what in open {
            match what {
                Open::File { .. } => {}
                Open::Listener(id) => network.close_listener(now_ns, id),
                Open::Stream(stream) => network.close(now_ns, stream),
            }
        }
    }
}
