//! One partition's log under a disk that loses, tears and keeps what was not flushed.

use std::{
    cell::{Cell, RefCell},
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use jackdaw_core::{
    records::{BatchBuilder, NewRecord, ValidatedBatch},
    uuid::Uuid,
};
use jackdaw_ring::{file, random_u64, sleep, spawn, unix_ms};
use jackdaw_storage::{Log, LogConfig, RecoveryInputs, checkpoint, clean_shutdown};

use super::{Outcome, log_model::LogModel};
use crate::{Crash, Host, Random, World};

const TOPIC_ID: Uuid = Uuid(*b"simulated topic!");
const LEADER_EPOCH: i32 = 5;
/// Runs of the process in one world.
const LIVES: u64 = 8;

/// How one seed runs.
#[derive(Clone)]
struct Settings {
    config: LogConfig,
    /// Of a hundred steps, how many begin a flush, write the checkpoint, roll.
    flush_percent: u64,
    checkpoint_percent: u64,
    roll_percent: u64,
    largest_value_bytes: u64,
    /// After every append wait for a flush, as `flush.messages=1` has it.
    flushes_each: bool,
}

impl Settings {
    fn draw(random: &mut Random) -> Self {
        let config = LogConfig {
            segment_bytes: random.scaled(600, 60_000) as u32,
            index_interval_bytes: random.scaled(1, 4096) as u32,
            segment_index_bytes: random.scaled(100, 10_000) as u32,
            ..LogConfig::default()
        };
        Self {
            largest_value_bytes: random.scaled(10, 400),
            flush_percent: random.below(30),
            checkpoint_percent: random.below(10),
            roll_percent: random.below(5),
            flushes_each: random.one_in(4),
            config,
        }
    }
}

/// What lasts over the lives of the process.
struct Shared {
    host: Host,
    settings: Settings,
    model: RefCell<LogModel>,
    /// The log was created: from then on it must be there.
    is_created: Cell<bool>,
    /// All below must be there at the next start.
    required_end: Cell<i64>,
}

/// Run one seed.
pub fn run(seed: u64) -> Outcome {
    let world = World::new(seed);
    let mut random = world.random("log workload");
    let host = world.add_host();
    let settings = Settings::draw(&mut random);
    let shared = Rc::new(Shared {
        host: host.clone(),
        settings,
        model: RefCell::default(),
        is_created: Cell::new(false),
        required_end: Cell::new(0),
    });
    let mut crash_count = 0;
    for _ in 0..LIVES {
        host.start(1);
        let crash = if random.one_in(2) { Crash::Kill } else { Crash::PowerCut };
        let stops_cleanly = random.one_in(5);
        if random.one_in(2) {
            host.crash_after_changes(random.scaled(1, 600), crash);
        }
        let life = host.spawn(0, live(Rc::clone(&shared), stops_cleanly));
        let length = Duration::from_micros(random.scaled(100, 400_000));
        let finished = world.run_until(length, || life.is_finished() || !host.is_running());
        let was_killed = host.is_running() && !(finished && stops_cleanly);
        if was_killed {
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

fn recovery_point_path() -> PathBuf {
    data_directory().join("recovery-point-offset-checkpoint")
}

/// One life of the process: open, check, work until the end.
async fn live(shared: Rc<Shared>, stops_cleanly: bool) {
    let log = open(&shared).await;
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
    let clean = must(clean_shutdown::take(&data_directory()).await).is_some();
    if !shared.is_created.get() {
        let log =
            must(Log::create(&partition_directory(), TOPIC_ID, shared.settings.config.clone(), now_ms).await);
        if !shared.host.is_dying() {
            shared.is_created.set(true);
        }
        return log;
    }
    let points = must(checkpoint::read_offsets(&recovery_point_path()));
    let recovery_point = points.get(&("t".to_owned(), 0)).copied().unwrap_or(0);
    shared.host.comment(&format!("files: {:?}", shared.host.files()));
    let inputs = RecoveryInputs { is_clean: clean, recovery_point, ..RecoveryInputs::unknown() };
    let opened = Log::open(&partition_directory(), shared.settings.config.clone(), inputs, now_ms).await;
    let (log, report) = must(opened);
    shared.host.comment(&format!(
        "opened with recovery point {recovery_point}, ends at {}, must reach {}, {} segments, {report:?}",
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
    let drawn = random_u64() % 100;
    if drawn < settings.flush_percent {
        begin_flush(shared, log);
    } else if drawn < settings.flush_percent + settings.checkpoint_percent {
        write_checkpoint(log).await;
    } else if drawn < settings.flush_percent + settings.checkpoint_percent + settings.roll_percent {
        must(log.borrow_mut().roll(unix_ms()));
    } else if drawn < 90 {
        append(shared, log);
        if settings.flushes_each {
            flush(shared, log).await;
        }
    } else {
        let end = log.borrow().log_end_offset();
        if end > 0 && !shared.host.is_dying() {
            let offset = (random_u64() % end as u64) as i64;
            shared.model.borrow().check_read(&log.borrow(), offset);
        }
    }
}

fn append(shared: &Shared, log: &RefCell<Log>) {
    let mut log = log.borrow_mut();
    let count = 1 + random_u64() as usize % 3;
    let mut batches: Vec<ValidatedBatch> = Vec::new();
    for _ in 0..count {
        // The sequences of one append follow one another as the log's end does: any number that differs will do.
        let sequence = (random_u64() % 1_000_000) as i32;
        batches.push(build(&shared.settings, sequence));
    }
    if shared.host.is_dying() {
        return;
    }
    let result = log.append(&mut batches, LEADER_EPOCH, unix_ms());
    if matches!(result, Err(jackdaw_storage::StorageError::AppendTooLarge { .. })) {
        return;
    }
    must(result);
    // Where the process died within, some of the batches may have been written whole.
    let counts = !shared.host.is_dying();
    for batch in &batches {
        shared.model.borrow_mut().on_appended(batch.to_vec(), counts);
    }
}

fn build(settings: &Settings, sequence: i32) -> ValidatedBatch {
    let producer_id = (random_u64() % 4) as i64;
    let mut builder = BatchBuilder::new();
    if producer_id < 3 {
        builder = builder.producer(producer_id, 0, sequence);
    }
    for _ in 0..1 + random_u64() % 3 {
        let length = (random_u64() % settings.largest_value_bytes) as usize;
        let first = random_u64();
        let value: Vec<u8> = (0..length).map(|index| (first as usize + index * 7) as u8).collect();
        let record = NewRecord { timestamp_ms: unix_ms(), key: None, value: Some(&value), headers: &[] };
        builder.append(&record);
    }
    builder.build_uncompressed()
}

/// Flush in a task of its own: appends go on meanwhile, and flushes overlap.
fn begin_flush(shared: &Rc<Shared>, log: &Rc<RefCell<Log>>) {
    let (shared, log) = (Rc::clone(shared), Rc::clone(log));
    spawn(async move { flush(&shared, &log).await });
}

async fn flush(shared: &Shared, log: &RefCell<Log>) {
    let flush = must(log.borrow_mut().begin_flush());
    let up_to_offset = flush.up_to_offset();
    let flushed = must(flush.run().await);
    log.borrow_mut().flushed(flushed);
    if !shared.host.is_dying() {
        shared.model.borrow_mut().on_flushed(up_to_offset);
        shared.host.comment(&format!("flushed up to {up_to_offset}"));
    }
}

async fn write_checkpoint(log: &RefCell<Log>) {
    let recovery_point = log.borrow().recovery_point();
    let points = [(("t".to_owned(), 0), recovery_point)].into_iter().collect();
    must(checkpoint::write_offsets(&recovery_point_path(), &points).await);
}

/// As the broker stops: close, flush, checkpoint, marker.
async fn stop(shared: &Shared, log: &RefCell<Log>) {
    let flush = must(log.borrow_mut().close());
    let up_to_offset = flush.up_to_offset();
    let flushed = must(flush.run().await);
    log.borrow_mut().flushed(flushed);
    write_checkpoint(log).await;
    must(clean_shutdown::write(&data_directory(), clean_shutdown::NO_BROKER_EPOCH).await);
    if !shared.host.is_dying() {
        shared.model.borrow_mut().on_flushed(up_to_offset);
    }
}

fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
