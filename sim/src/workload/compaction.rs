//! One compacted log under a disk that loses, tears and keeps what was not flushed: keys written again and again,
//! tombstones, idempotent producers, transactions that commit and abort, and rounds of compaction at any point.

use std::{
    cell::{Cell, RefCell},
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use jackdaw_core::{
    records::{BatchBuilder, ControlType, NewRecord, ValidatedBatch, control::build_end_transaction_marker},
    uuid::Uuid,
};
use jackdaw_ring::{file, random_u64, sleep, spawn, unix_ms};
use jackdaw_storage::{
    CleanFailure, Cleaner, CleanerConfig, Log, LogConfig, RecoveryInputs, StorageError, checkpoint,
    clean_shutdown,
};

use super::{Outcome, compaction_model::CompactionModel};
use crate::{Crash, Host, Random, World};

const TOPIC_ID: Uuid = Uuid(*b"simulated topic!");
const LEADER_EPOCH: i32 = 5;
/// Runs of the process in one world.
const LIVES: u64 = 8;
/// Producers: below it plain, from it on idempotent, from the next on transactional.
const FIRST_IDEMPOTENT: u64 = 2;
const FIRST_TRANSACTIONAL: u64 = 4;
const PRODUCERS: u64 = 6;

/// How one seed runs.
#[derive(Clone)]
struct Settings {
    config: LogConfig,
    cleaner: CleanerConfig,
    /// Of a hundred steps, how many begin a flush, write the checkpoints, roll, compact, check.
    flush_percent: u64,
    checkpoint_percent: u64,
    roll_percent: u64,
    clean_percent: u64,
    key_count: u64,
    largest_value_bytes: u64,
}

impl Settings {
    fn draw(random: &mut Random) -> Self {
        let config = LogConfig {
            segment_bytes: random.scaled(600, 20_000) as u32,
            index_interval_bytes: random.scaled(1, 4096) as u32,
            segment_index_bytes: random.scaled(100, 10_000) as u32,
            is_compacted: true,
            delete_old_segments: false,
            min_cleanable_dirty_ratio: 0.0,
            delete_retention_ms: if random.one_in(3) { 1 << 40 } else { random.below(100) as i64 },
            ..LogConfig::default()
        };
        let cleaner = CleanerConfig {
            dedupe_buffer_bytes: random.scaled(24, 100_000) as usize,
            load_factor: 0.9,
            io_buffer_bytes: 0,
            bytes_per_second: f64::MAX,
        };
        Self {
            config,
            cleaner,
            flush_percent: 5 + random.below(30),
            checkpoint_percent: random.below(10),
            roll_percent: random.below(10),
            clean_percent: 1 + random.below(20),
            key_count: 1 + random.scaled(1, 100),
            largest_value_bytes: random.scaled(10, 200),
        }
    }
}

/// What lasts over the lives of the process.
struct Shared {
    host: Host,
    settings: Settings,
    model: RefCell<CompactionModel>,
    is_created: Cell<bool>,
    /// All below must be there at the next start, as far as compaction leaves it.
    required_end: Cell<i64>,
    /// One round at a time, as the broker has it.
    is_cleaning: Cell<bool>,
}

/// Run one seed.
pub fn run(seed: u64) -> Outcome {
    let world = World::new(seed);
    let mut random = world.random("compaction workload");
    let host = world.add_host();
    let settings = Settings::draw(&mut random);
    let shared = Rc::new(Shared {
        host: host.clone(),
        settings,
        model: RefCell::default(),
        is_created: Cell::new(false),
        required_end: Cell::new(0),
        is_cleaning: Cell::new(false),
    });
    let mut crash_count = 0;
    for _ in 0..LIVES {
        host.start(1);
        shared.is_cleaning.set(false);
        let crash = if random.one_in(2) { Crash::Kill } else { Crash::PowerCut };
        let stops_cleanly = random.one_in(5);
        if random.one_in(2) {
            host.crash_after_changes(random.scaled(1, 600), crash);
        }
        let life = host.spawn(0, live(Rc::clone(&shared), stops_cleanly));
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
                shared.model.borrow_mut().on_power_cut();
            }
        }
        shared.required_end.set(shared.model.borrow().completed_end);
        if shared.model.borrow().has_hole {
            // What was not flushed may be lost in the middle of a compacted log, in Kafka, too: its gaps are taken for
            // compaction's. What producers' snapshots say and what the log holds are two things from there on.
            break;
        }
    }
    let work_count = shared.model.borrow().appended_count;
    Outcome { trace_hash: world.trace_hash(), trace_count: world.trace_count(), crash_count, work_count }
}

fn data_directory() -> PathBuf {
    PathBuf::from("data")
}

fn partition_directory() -> PathBuf {
    data_directory().join("t-0")
}

fn checkpoint_path(name: &str) -> PathBuf {
    data_directory().join(name)
}

/// One life of the process: open, check, work until the end.
async fn live(shared: Rc<Shared>, stops_cleanly: bool) {
    let log = open(&shared).await;
    if shared.model.borrow().has_hole {
        return;
    }
    let log = Rc::new(RefCell::new(log));
    let steps = if stops_cleanly { random_u64() % 200 } else { u64::MAX };
    for _ in 0..steps {
        step(&shared, &log).await;
        if random_u64().is_multiple_of(8) {
            sleep(Duration::from_micros(random_u64() % 3000)).await;
        }
    }
    stop(&shared, &log).await;
}

async fn open(shared: &Shared) -> Log {
    file::create_directory_all(&data_directory()).unwrap_or_else(|error| panic!("data directory: {error}"));
    must(file::sync_directory(Path::new("/")).await);
    let now_ms = unix_ms();
    let is_clean = must(clean_shutdown::take(&data_directory()).await).is_some();
    if !shared.is_created.get() {
        let log =
            must(Log::create(&partition_directory(), TOPIC_ID, shared.settings.config.clone(), now_ms).await);
        if !shared.host.is_dying() {
            shared.is_created.set(true);
        }
        return log;
    }
    let read = |name: &str| {
        let points = must(checkpoint::read_offsets(&checkpoint_path(name)));
        points.get(&("t".to_owned(), 0)).copied()
    };
    let recovery_point = read("recovery-point-offset-checkpoint").unwrap_or(0);
    let first_dirty_offset = read("cleaner-offset-checkpoint");
    shared.host.comment(&format!("files: {:?}", shared.host.files()));
    let inputs = RecoveryInputs { is_clean, recovery_point, first_dirty_offset, ..RecoveryInputs::unknown() };
    let opened = Log::open(&partition_directory(), shared.settings.config.clone(), inputs, now_ms).await;
    let (log, report) = must(opened);
    shared.host.comment(&format!(
        "opened with recovery point {recovery_point}, compacted to {first_dirty_offset:?}, ends at {}, must reach {}, \
         {} segments, {report:?}",
        log.log_end_offset(),
        shared.required_end.get(),
        log.segment_count()
    ));
    if !shared.host.is_dying() {
        shared.model.borrow_mut().on_opened(&log, shared.required_end.get());
        shared.required_end.set(shared.required_end.get().max(log.recovery_point()));
    }
    log
}

async fn step(shared: &Rc<Shared>, log: &Rc<RefCell<Log>>) {
    let settings = &shared.settings;
    let mut drawn = random_u64() % 100;
    let mut is_drawn = |percent: u64| {
        let is_here = drawn < percent;
        drawn = drawn.saturating_sub(percent);
        if is_here {
            drawn = u64::MAX;
        }
        is_here
    };
    if is_drawn(settings.flush_percent) {
        let (shared, log) = (Rc::clone(shared), Rc::clone(log));
        spawn(async move { flush(&shared, &log).await });
    } else if is_drawn(settings.checkpoint_percent) {
        write_checkpoints(log).await;
    } else if is_drawn(settings.roll_percent) {
        must(log.borrow_mut().roll(unix_ms()));
    } else if is_drawn(settings.clean_percent) {
        begin_cleaning(shared, log);
    } else if is_drawn(2) {
        if !shared.host.is_dying() {
            shared.model.borrow().check(&log.borrow());
        }
    } else {
        append(shared, &mut log.borrow_mut());
    }
}

fn append(shared: &Shared, log: &mut Log) {
    let producer = random_u64() % PRODUCERS;
    let is_open =
        log.producers().get(producer as i64).is_some_and(|entry| entry.transaction_first_offset().is_some());
    let mut batch = if is_open && random_u64().is_multiple_of(3) {
        let kind = if random_u64().is_multiple_of(2) { ControlType::Abort } else { ControlType::Commit };
        build_end_transaction_marker(kind, &[0, 0, 0, 0, 0, 1], producer as i64, 1, unix_ms())
    } else {
        build(&shared.settings, producer)
    };
    if shared.host.is_dying() {
        return;
    }
    let result = log.append(std::slice::from_mut(&mut batch), LEADER_EPOCH, unix_ms());
    if matches!(result, Err(StorageError::AppendTooLarge { .. })) {
        return;
    }
    must(result);
    let end = log.log_end_offset();
    log.producers_mut().on_high_watermark(end);
    // Where the process died within, the batch may have been written whole.
    shared.model.borrow_mut().on_appended(batch.to_vec(), !shared.host.is_dying());
}

fn build(settings: &Settings, producer: u64) -> ValidatedBatch {
    let mut builder = BatchBuilder::new();
    if producer >= FIRST_IDEMPOTENT {
        builder = builder.producer(producer as i64, 1, (random_u64() % 1_000_000) as i32);
    }
    if producer >= FIRST_TRANSACTIONAL {
        builder = builder.transactional();
    }
    for _ in 0..1 + random_u64() % 4 {
        let key = format!("key {}", random_u64() % settings.key_count);
        let length = (random_u64() % settings.largest_value_bytes) as usize;
        let first = random_u64();
        let value: Vec<u8> = (0..length).map(|index| (first as usize + index * 7) as u8).collect();
        builder.append(&NewRecord {
            timestamp_ms: unix_ms(),
            key: Some(key.as_bytes()),
            value: (!random_u64().is_multiple_of(5)).then_some(&value),
            headers: &[],
        });
    }
    builder.build_uncompressed()
}

/// A round in a task of its own: appends, rolls and flushes go on meanwhile.
fn begin_cleaning(shared: &Rc<Shared>, log: &Rc<RefCell<Log>>) {
    if shared.is_cleaning.get() {
        return;
    }
    let cleanable = {
        let log = log.borrow();
        let last_stable_offset = log.producers().first_unstable_offset().unwrap_or(log.log_end_offset());
        must(log.cleanable(last_stable_offset, unix_ms()))
    };
    let Some(cleanable) = cleanable else { return };
    if !shared.host.is_dying() {
        shared.model.borrow_mut().on_cleaning(cleanable.end_offset);
    }
    shared.is_cleaning.set(true);
    let (shared, log) = (Rc::clone(shared), Rc::clone(log));
    spawn(async move {
        shared.host.comment(&format!("compacting {cleanable:?}"));
        let mut cleaner = Cleaner::new(shared.settings.cleaner);
        match cleaner.clean(&log, &cleanable, &|| false).await {
            Ok(stats) => shared.host.comment(&format!("compacted: {stats:?}")),
            Err(CleanFailure::Uncleanable(error) | CleanFailure::Io(error) | CleanFailure::Disk(error)) => {
                panic!("{error}")
            }
        }
        if !shared.host.is_dying() {
            shared.model.borrow().check(&log.borrow());
        }
        shared.is_cleaning.set(false);
    });
}

async fn flush(shared: &Shared, log: &RefCell<Log>) {
    let flush = must(log.borrow_mut().begin_flush());
    let up_to_offset = flush.up_to_offset();
    let flushed = must(flush.run().await);
    log.borrow_mut().flushed(flushed);
    if !shared.host.is_dying() {
        shared.model.borrow_mut().on_flushed(up_to_offset);
    }
}

async fn write_checkpoints(log: &RefCell<Log>) {
    let (recovery_point, first_dirty_offset) = {
        let log = log.borrow();
        (log.recovery_point(), log.first_dirty_offset())
    };
    for (name, offset) in [
        ("recovery-point-offset-checkpoint", Some(recovery_point)),
        ("cleaner-offset-checkpoint", first_dirty_offset),
    ] {
        let points = offset.map(|offset| (("t".to_owned(), 0), offset)).into_iter().collect();
        must(checkpoint::write_offsets(&checkpoint_path(name), &points).await);
    }
}

/// As the broker stops: close, flush, checkpoints, marker. A round that runs ends where it is.
async fn stop(shared: &Shared, log: &RefCell<Log>) {
    let flush = must(log.borrow_mut().close());
    let up_to_offset = flush.up_to_offset();
    let flushed = must(flush.run().await);
    log.borrow_mut().flushed(flushed);
    write_checkpoints(log).await;
    must(clean_shutdown::write(&data_directory(), clean_shutdown::NO_BROKER_EPOCH).await);
    if !shared.host.is_dying() {
        shared.model.borrow_mut().on_flushed(up_to_offset);
    }
}

fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
