//! The executor: run what is ready, deliver completions and timers, sleep in one place.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, poll_fn},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use slab::Slab;

use crate::{
    clock::Instant,
    driver::{Completion, Descriptor, Driver},
    operation::Operations,
    task::{JoinHandle, JoinState, TaskSlot, TaskWaker},
    timer::Timers,
};

/// `sendfile` copies at most this much in one turn of a core, for all its sockets together: a quarter of a millisecond.
const SEND_FILE_TURN_BYTES: usize = 1 << 20;

/// A core that is never idle closes returned files and accounts its time once in so many turns.
const TURNS_PER_HOUSEKEEPING: u32 = 64;

/// Tasks run between two looks at the driver; bounds how long a completion waits behind a busy task list.
const TASKS_PER_TURN: usize = 256;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
    static CURRENT_ID: Cell<u64> = const { Cell::new(0) };
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Where work for this core can appear without a completion: a mailbox.
pub(crate) trait Source {
    /// Whether there is something to take.
    fn is_ready(&self) -> bool;
    /// Wake the task that takes it.
    fn wake(&self);
}

/// How a core spent its time, nanoseconds since the executor began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub busy_ns: u64,
    pub idle_ns: u64,
    pub sleeps: u64,
    pub polls: u64,
}

pub(crate) struct Core {
    id: u64,
    pub(crate) driver: Rc<dyn Driver>,
    tasks: RefCell<Slab<TaskSlot>>,
    ready: RefCell<VecDeque<Arc<TaskWaker>>>,
    pub(crate) operations: Operations,
    pub(crate) timers: Timers,
    sources: RefCell<Vec<Rc<dyn Source>>>,
    /// Files that this core dropped while others still send from them.
    leased: RefCell<Vec<(Descriptor, Arc<()>)>>,
    usage: Cell<Usage>,
    /// What `sendfile` may still copy in this turn, and who waits for the next.
    send_file_left: Cell<usize>,
    next_turn: RefCell<Vec<Waker>>,
    busy_turns: Cell<u32>,
    /// See [`local`].
    locals: RefCell<Vec<Rc<dyn Any>>>,
    shuffles: bool,
}

/// One core's executor. Not `Send`: it lives and dies on its thread.
#[derive(Clone)]
pub struct Executor {
    core: Rc<Core>,
}

impl Executor {
    pub fn new(driver: Rc<dyn Driver>) -> Self {
        Self::build(driver, false)
    }

    /// An executor that asks the driver which ready task runs next (the simulator).
    pub fn shuffled(driver: Rc<dyn Driver>) -> Self {
        Self::build(driver, true)
    }

    fn build(driver: Rc<dyn Driver>, shuffles: bool) -> Self {
        let core = Core {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            driver,
            tasks: RefCell::default(),
            ready: RefCell::default(),
            operations: Operations::default(),
            timers: Timers::default(),
            sources: RefCell::default(),
            leased: RefCell::default(),
            usage: Cell::default(),
            send_file_left: Cell::new(SEND_FILE_TURN_BYTES),
            next_turn: RefCell::default(),
            busy_turns: Cell::new(0),
            locals: RefCell::default(),
            shuffles,
        };
        Self { core: Rc::new(core) }
    }

    /// Spawn from outside; inside a task use [`spawn`].
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        let _entered = self.enter();
        self.core.spawn(future)
    }

    /// Make this executor the thread's current one until the guard drops.
    pub fn enter(&self) -> Entered {
        let previous = CURRENT.with(|current| current.replace(Some(Rc::clone(&self.core))));
        let previous_id = CURRENT_ID.replace(self.core.id);
        Entered { previous, previous_id }
    }

    /// Run until `future` is done; other tasks stay where they are.
    pub fn run<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        let _entered = self.enter();
        let handle = self.core.spawn(future);
        let mut completions = Vec::with_capacity(256);
        let mut turn_start = self.core.driver.now();
        loop {
            self.core.run_ready(TASKS_PER_TURN);
            let output = handle.state.borrow_mut().output.take();
            if let Some(output) = output {
                // What the last turn submitted, a peer's wake-up say, leaves before this core stops looking.
                self.core.driver.poll(&mut completions);
                self.core.deliver(&mut completions);
                return output;
            }
            self.core.collect(&mut completions, &mut turn_start);
        }
    }

    /// Run at most `limit` ready tasks and, if none is left, fall asleep as [`Executor::run`] would, so that peers
    /// notify this core. Returns how many tasks ran. For drivers that own the clock.
    pub fn run_some(&self, limit: usize) -> usize {
        let _entered = self.enter();
        let signal = self.core.driver.signal();
        signal.wake_up();
        self.core.close_returned();
        self.core.fire_timers();
        self.core.wake_sources();
        let ran = self.core.run_ready(limit);
        self.core.begin_turn();
        if !self.has_ready() && !self.core.fall_asleep() {
            self.core.wake_sources();
        }
        ran
    }

    /// Run every ready task until none is ready. For drivers that own the clock.
    pub fn run_until_idle(&self) {
        while self.run_some(usize::MAX) > 0 {}
    }

    /// Whether a task is ready to run.
    pub fn has_ready(&self) -> bool {
        !self.core.ready.borrow().is_empty()
    }

    /// Whether somebody outside woke a task that this executor has not looked at yet.
    pub fn has_remote(&self) -> bool {
        self.core.driver.signal().has_remote()
    }

    /// Hand a completion in. For drivers that own the clock.
    pub fn deliver(&self, completion: Completion) {
        let _entered = self.enter();
        self.core.operations.complete(completion, &*self.core.driver);
    }

    /// When the next timer is due.
    pub fn next_timer(&self) -> Option<Instant> {
        self.core.timers.next_deadline()
    }

    /// Drop all tasks, as a crash would: what they had submitted stays with the driver.
    pub fn drop_tasks(&self) {
        let _entered = self.enter();
        loop {
            // A dropped task may drop handles of others; take them out one by one, with no borrow held.
            let Some(key) = self.core.tasks.borrow().iter().next().map(|(key, _)| key) else { break };
            let slot = self.core.tasks.borrow_mut().remove(key);
            drop(slot);
        }
        self.core.ready.borrow_mut().clear();
        self.core.sources.borrow_mut().clear();
    }

    pub fn usage(&self) -> Usage {
        self.core.usage.get()
    }
}

/// Restores the thread's previous executor.
pub struct Entered {
    previous: Option<Rc<Core>>,
    previous_id: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| *current.borrow_mut() = self.previous.take());
        CURRENT_ID.set(self.previous_id);
    }
}

impl Core {
    fn spawn<T: 'static>(self: &Rc<Self>, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        let state = Rc::new(RefCell::new(JoinState { output: None, waiting: None }));
        let finished = Rc::clone(&state);
        let task = async move {
            let output = future.await;
            let waiting = {
                let mut state = finished.borrow_mut();
                state.output = Some(output);
                state.waiting.take()
            };
            if let Some(waker) = waiting {
                waker.wake();
            }
        };
        let mut tasks = self.tasks.borrow_mut();
        let entry = tasks.vacant_entry();
        let waker = Arc::new(TaskWaker {
            key: entry.key(),
            executor: self.id,
            queued: AtomicBool::new(true),
            signal: self.driver.signal(),
        });
        entry.insert(TaskSlot { future: Some(Box::pin(task)), waker: Arc::clone(&waker), cancelled: false });
        self.ready.borrow_mut().push_back(Arc::clone(&waker));
        JoinHandle { state, waker }
    }

    fn next_ready(&self) -> Option<Arc<TaskWaker>> {
        let mut ready = self.ready.borrow_mut();
        if self.shuffles && ready.len() > 1 {
            let index = self.driver.pick_task(ready.len());
            return ready.remove(index);
        }
        ready.pop_front()
    }

    /// Returns how many tasks ran.
    fn run_ready(&self, limit: usize) -> usize {
        let mut ran = 0;
        while ran < limit {
            let Some(waker) = self.next_ready() else { break };
            self.run_task(waker);
            ran += 1;
        }
        let mut usage = self.usage.get();
        usage.polls += ran as u64;
        self.usage.set(usage);
        ran
    }

    fn run_task(&self, waker: Arc<TaskWaker>) {
        waker.queued.store(false, Ordering::Relaxed);
        let future = {
            let mut tasks = self.tasks.borrow_mut();
            let Some(slot) = tasks.get_mut(waker.key) else { return };
            if !Arc::ptr_eq(&slot.waker, &waker) {
                return;
            }
            slot.future.take()
        };
        let Some(mut future) = future else { return };
        let key = waker.key;
        let done = if self.tasks.borrow()[key].cancelled {
            true
        } else {
            let task_waker = Waker::from(waker);
            future.as_mut().poll(&mut Context::from_waker(&task_waker)).is_ready()
        };
        if done {
            let slot = self.tasks.borrow_mut().remove(key);
            // Dropped with no borrow held: a future's drop may wake or spawn.
            drop(slot);
            drop(future);
        } else {
            self.tasks.borrow_mut()[key].future = Some(future);
        }
    }

    /// Deliver completions and timers; sleep if nothing is ready.
    fn collect(&self, completions: &mut Vec<Completion>, turn_start: &mut Instant) {
        self.begin_turn();
        self.wake_sources();
        let signal = self.driver.signal();
        let mut slept = false;
        if self.ready.borrow().is_empty() {
            self.close_returned();
            if !self.fall_asleep() {
                self.driver.poll(completions);
            } else {
                let asleep = self.driver.now();
                self.driver.wait(self.timers.next_deadline(), completions);
                signal.wake_up();
                self.account(turn_start, asleep);
                slept = true;
            }
        } else {
            self.keep_house(turn_start);
            self.driver.poll(completions);
        }
        self.deliver(completions);
        if slept || self.timers.next_deadline().is_some() {
            self.fire_timers();
        }
        self.wake_sources();
    }

    fn deliver(&self, completions: &mut Vec<Completion>) {
        for completion in completions.drain(..) {
            self.operations.complete(completion, &*self.driver);
        }
    }

    /// Raise the sleeping flag, then look once more for work that peers made visible before they could see the flag;
    /// false, with the flag down again, if there is some.
    fn fall_asleep(&self) -> bool {
        let signal = self.driver.signal();
        signal.fall_asleep();
        let must_look = signal.has_remote() || self.sources.borrow().iter().any(|source| source.is_ready());
        if must_look {
            signal.wake_up();
        }
        !must_look
    }

    /// A new turn: what the last one had no time for goes on.
    fn begin_turn(&self) {
        self.send_file_left.set(SEND_FILE_TURN_BYTES);
        for waker in self.next_turn.take() {
            waker.wake();
        }
    }

    /// Take up to `wanted` bytes of what this turn may still send from files; waits for the next turn if that is
    /// nothing.
    pub(crate) async fn send_file_share(&self, wanted: usize) -> usize {
        poll_fn(|context| {
            let left = self.send_file_left.get();
            if left == 0 && wanted > 0 {
                self.next_turn.borrow_mut().push(context.waker().clone());
                return Poll::Pending;
            }
            let share = wanted.min(left);
            self.send_file_left.set(left - share);
            Poll::Ready(share)
        })
        .await
    }

    /// Give back what was not used, in the same turn.
    pub(crate) fn return_send_file_share(&self, count: usize) {
        self.send_file_left.set(self.send_file_left.get() + count);
    }

    /// What an idle core does before it sleeps, for a core that never is.
    fn keep_house(&self, turn_start: &mut Instant) {
        let turns = self.busy_turns.get() + 1;
        self.busy_turns.set(turns % TURNS_PER_HOUSEKEEPING);
        if turns < TURNS_PER_HOUSEKEEPING {
            return;
        }
        self.close_returned();
        let now = self.driver.now();
        let mut usage = self.usage.get();
        usage.busy_ns += now.0.saturating_sub(turn_start.0);
        self.usage.set(usage);
        *turn_start = now;
    }

    fn account(&self, turn_start: &mut Instant, asleep: Instant) {
        let awake = self.driver.now();
        let mut usage = self.usage.get();
        usage.busy_ns += asleep.0.saturating_sub(turn_start.0);
        usage.idle_ns += awake.0.saturating_sub(asleep.0);
        usage.sleeps += 1;
        self.usage.set(usage);
        *turn_start = awake;
    }

    pub(crate) fn close_later(&self, descriptor: Descriptor, guard: Arc<()>) {
        self.leased.borrow_mut().push((descriptor, guard));
    }

    /// Close what all lessees have given back.
    fn close_returned(&self) {
        let mut leased = self.leased.borrow_mut();
        if leased.is_empty() {
            return;
        }
        leased.retain(|(descriptor, guard)| {
            let returned = Arc::strong_count(guard) == 1;
            if returned {
                self.driver.close(*descriptor);
            }
            !returned
        });
    }

    fn fire_timers(&self) {
        self.timers.fire(self.driver.now());
    }

    fn wake_sources(&self) {
        while let Some(waker) = self.driver.signal().take_remote() {
            waker.wake();
        }
        for source in self.sources.borrow().iter() {
            if source.is_ready() {
                source.wake();
            }
        }
    }

    pub(crate) fn add_source(&self, source: Rc<dyn Source>) {
        self.sources.borrow_mut().push(source);
    }
}

pub(crate) fn is_current(id: u64) -> bool {
    CURRENT_ID.get() == id
}

pub(crate) fn enqueue(waker: Arc<TaskWaker>) {
    with(|core| core.ready.borrow_mut().push_back(waker));
}

pub(crate) fn cancel_task(waker: &Arc<TaskWaker>) {
    if !is_current(waker.executor) {
        return;
    }
    let found = with(|core| {
        let mut tasks = core.tasks.borrow_mut();
        match tasks.get_mut(waker.key) {
            Some(slot) if Arc::ptr_eq(&slot.waker, waker) => {
                slot.cancelled = true;
                true
            }
            _ => false,
        }
    });
    if found {
        Waker::from(Arc::clone(waker)).wake();
    }
}

/// Call `f` with this thread's executor.
///
/// # Panics
/// Outside an executor: a programming error, not a condition of the world.
pub(crate) fn with<T>(f: impl FnOnce(&Rc<Core>) -> T) -> T {
    CURRENT.with(|current| {
        let current = current.borrow();
        let Some(core) = current.as_ref() else { panic!("called outside an executor") };
        f(core)
    })
}

/// This thread's executor, if it runs one.
pub(crate) fn try_core() -> Option<Rc<Core>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Start a task on this core.
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    with(|core| core.spawn(future))
}

/// Monotonic time.
pub fn now() -> Instant {
    with(|core| core.driver.now())
}

/// The value of this type that belongs to the running core; made at first need, gone with the executor.
pub fn local<T: Default + 'static>() -> Rc<T> {
    with(|core| {
        let found = core.locals.borrow().iter().find_map(|value| Rc::clone(value).downcast::<T>().ok());
        found.unwrap_or_else(|| {
            let made = Rc::new(T::default());
            core.locals.borrow_mut().push(Rc::clone(&made) as Rc<dyn Any>);
            made
        })
    })
}

/// How many descriptors the process may have open, if the driver knows a limit.
pub fn descriptor_limit() -> Option<usize> {
    with(|core| core.driver.descriptor_limit())
}

/// Wall clock, milliseconds since 1970.
pub fn unix_ms() -> i64 {
    with(|core| core.driver.unix_ms())
}

/// A random number from the driver.
pub fn random_u64() -> u64 {
    with(|core| core.driver.random_u64())
}

/// How this core has spent its time.
pub fn usage() -> Usage {
    with(|core| core.usage.get())
}

/// Let the core look at its sockets, files and timers, and run what became ready, before this task goes on. For work that
/// takes milliseconds: [`yield_now`] lets only those run first that are ready already.
pub async fn next_turn() {
    let mut waits = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waits, true) {
            return Poll::Ready(());
        }
        with(|core| core.next_turn.borrow_mut().push(context.waker().clone()));
        Poll::Pending
    })
    .await;
}

/// Let other ready tasks run first.
pub fn yield_now() -> impl Future<Output = ()> {
    let mut yielded = false;
    poll_fn(move |context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

impl Usage {
    /// Share of the time spent working, 0 to 1.
    pub fn busy_share(&self) -> f64 {
        let total = self.busy_ns + self.idle_ns;
        if total == 0 { 0.0 } else { self.busy_ns as f64 / total as f64 }
    }

    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_ns)
    }
}
