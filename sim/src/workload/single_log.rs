//! A process that holds one partition's log, over its lives: started, killed, cut off or stopped, and opened as the
//! broker opens it. What is done with the log, and what must be true of it, is the workload's.

use std::{
    cell::{Cell, RefCell},
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use jackdaw_core::uuid::Uuid;
use jackdaw_ring::{file, random_u64, sleep, unix_ms};
use jackdaw_storage::{Log, LogConfig, RecoveryInputs, checkpoint, clean_shutdown};

use super::Outcome;
use crate::{Crash, Host, Random, World};

const TOPIC_ID: Uuid = Uuid(*b"simulated topic!");
pub(super) const LEADER_EPOCH: i32 = 5;
/// Runs of the process in one world.
const LIVES: u64 = 8;
const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
const FIRST_DIRTY_OFFSETS: &str = "cleaner-offset-checkpoint";

/// What must be true of the log.
pub(super) trait Model: Default {
    /// Everything below was appended before the process died.
    fn completed_end(&self) -> i64;
    fn appended_count(&self) -> u64;
    fn on_flushed(&mut self, up_to_offset: i64);
    fn on_power_cut(&mut self);
    fn on_opened(&mut self, log: &Log, required_end: i64);
    /// Whether a further life can be judged.
    fn can_go_on(&self) -> bool;
}

/// What lasts over the lives.
pub(super) struct Process<S, M> {
    pub(super) host: Host,
    pub(super) settings: S,
    pub(super) model: RefCell<M>,
    config: LogConfig,
    /// The log was created: from then on it must be there.
    is_created: Cell<bool>,
    /// All below must be there at the next start, as far as compaction leaves it.
    required_end: Cell<i64>,
}

impl<S: 'static, M: Model + 'static> Process<S, M> {
    pub(super) fn new(host: Host, config: LogConfig, settings: S) -> Rc<Self> {
        Rc::new(Self {
            host,
            settings,
            model: RefCell::default(),
            config,
            is_created: Cell::new(false),
            required_end: Cell::new(0),
        })
    }

    /// One life after the other, each of many steps.
    pub(super) fn run<F>(self: &Rc<Self>, world: &World, random: &mut Random, step: impl Fn() -> F) -> Outcome
    where
        F: AsyncFn(&Rc<RefCell<Log>>) + 'static,
    {
        let host = &self.host;
        let mut crash_count = 0;
        for _ in 0..LIVES {
            host.start(1);
            let crash = if random.one_in(2) { Crash::Kill } else { Crash::PowerCut };
            let stops_cleanly = random.one_in(5);
            if random.one_in(2) {
                host.crash_after_changes(random.scaled(1, 600), crash);
            }
            let life = host.spawn(0, Rc::clone(self).live(stops_cleanly, step()));
            let length = Duration::from_micros(random.scaled(100, 400_000));
            let finished = world.run_until(length, || life.is_finished() || !host.is_running());
            if host.is_running() && !(finished && stops_cleanly) {
                host.crash(crash);
            }
            if host.is_running() {
                // A clean stop flushes all: the power may go.
                host.crash(Crash::PowerCut);
            } else {
                crash_count += 1;
                if crash == Crash::PowerCut {
                    self.model.borrow_mut().on_power_cut();
                }
            }
            self.required_end.set(self.model.borrow().completed_end());
            if !self.model.borrow().can_go_on() {
                break;
            }
        }
        let work_count = self.model.borrow().appended_count();
        Outcome::of(world, crash_count, work_count)
    }

    /// One life: open, check, work until the end.
    async fn live(self: Rc<Self>, stops_cleanly: bool, step: impl AsyncFn(&Rc<RefCell<Log>>)) {
        let log = self.open().await;
        if !self.model.borrow().can_go_on() {
            return;
        }
        let log = Rc::new(RefCell::new(log));
        let steps = if stops_cleanly { random_u64() % 200 } else { u64::MAX };
        for _ in 0..steps {
            step(&log).await;
            if random_u64().is_multiple_of(8) {
                sleep(Duration::from_micros(random_u64() % 3000)).await;
            }
        }
        self.stop(&log).await;
    }

    async fn open(&self) -> Log {
        file::create_directory_all(&data_directory())
            .unwrap_or_else(|error| panic!("data directory: {error}"));
        must(file::sync_directory(Path::new("/")).await);
        let now_ms = unix_ms();
        let is_clean = must(clean_shutdown::take(&data_directory()).await).is_some();
        let directory = data_directory().join("t-0");
        if !self.is_created.get() {
            let log = must(Log::create(&directory, TOPIC_ID, self.config.clone(), now_ms).await);
            if !self.host.is_dying() {
                self.is_created.set(true);
            }
            return log;
        }
        let recovery_point = read_checkpoint(RECOVERY_POINTS).unwrap_or(0);
        let first_dirty_offset =
            if self.config.is_compacted { read_checkpoint(FIRST_DIRTY_OFFSETS) } else { None };
        self.host.comment(&format!("files: {:?}", self.host.files()));
        let inputs =
            RecoveryInputs { is_clean, recovery_point, first_dirty_offset, ..RecoveryInputs::unknown() };
        let (log, report) = must(Log::open(&directory, self.config.clone(), inputs, now_ms).await);
        self.host.comment(&format!(
            "opened with recovery point {recovery_point}, compacted to {first_dirty_offset:?}, ends at {}, must \
             reach {}, {} segments, {report:?}",
            log.log_end_offset(),
            self.required_end.get(),
            log.segment_count()
        ));
        if !self.host.is_dying() {
            self.model.borrow_mut().on_opened(&log, self.required_end.get());
            self.required_end.set(self.required_end.get().max(log.recovery_point()));
        }
        log
    }

    pub(super) async fn flush(&self, log: &RefCell<Log>) {
        let flush = must(log.borrow_mut().begin_flush());
        let up_to_offset = flush.up_to_offset();
        let flushed = must(flush.run().await);
        log.borrow_mut().flushed(flushed);
        if !self.host.is_dying() {
            self.model.borrow_mut().on_flushed(up_to_offset);
            self.host.comment(&format!("flushed up to {up_to_offset}"));
        }
    }

    pub(super) async fn write_checkpoints(&self, log: &RefCell<Log>) {
        let (recovery_point, first_dirty_offset) = {
            let log = log.borrow();
            (log.recovery_point(), log.first_dirty_offset())
        };
        write_checkpoint(RECOVERY_POINTS, Some(recovery_point)).await;
        if self.config.is_compacted {
            write_checkpoint(FIRST_DIRTY_OFFSETS, first_dirty_offset).await;
        }
    }

    /// As the broker stops: close, flush, checkpoints, marker. A round of compaction that runs ends where it is.
    async fn stop(&self, log: &RefCell<Log>) {
        let flush = must(log.borrow_mut().close());
        let up_to_offset = flush.up_to_offset();
        let flushed = must(flush.run().await);
        log.borrow_mut().flushed(flushed);
        self.write_checkpoints(log).await;
        must(clean_shutdown::write(&data_directory(), clean_shutdown::NO_BROKER_EPOCH).await);
        if !self.host.is_dying() {
            self.model.borrow_mut().on_flushed(up_to_offset);
        }
    }
}

fn data_directory() -> PathBuf {
    PathBuf::from("data")
}

fn read_checkpoint(name: &str) -> Option<i64> {
    let points = must(checkpoint::read_offsets(&data_directory().join(name)));
    points.get(&("t".to_owned(), 0)).copied()
}

async fn write_checkpoint(name: &str, offset: Option<i64>) {
    let points = offset.map(|offset| (("t".to_owned(), 0), offset)).into_iter().collect();
    must(checkpoint::write_offsets(&data_directory().join(name), &points).await);
}

/// Bytes that tell from each other where they lie, and which value they are of.
pub(super) fn some_value(largest_bytes: u64) -> Vec<u8> {
    let length = (random_u64() % largest_bytes) as usize;
    let first = random_u64();
    (0..length).map(|index| (first as usize + index * 7) as u8).collect()
}

pub(super) fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
