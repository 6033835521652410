//! One compacted log under a disk that loses, tears and keeps what was not flushed: keys written again and again,
//! tombstones, idempotent producers, transactions that commit and abort, and rounds of compaction at any point.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use jackdaw_core::records::{
    BatchBuilder, ControlType, NewRecord, ValidatedBatch, control::build_end_transaction_marker,
};
use jackdaw_ring::{random_u64, spawn, unix_ms};
use jackdaw_storage::{CleanFailure, Cleaner, CleanerConfig, Log, LogConfig, StorageError};

use super::{
    Outcome,
    compaction_model::CompactionModel,
    single_log::{LEADER_EPOCH, Process, must, some_value},
};
use crate::{Random, World};

/// Producers: below it plain, from it on idempotent, from the next on transactional.
const FIRST_IDEMPOTENT: u64 = 2;
const FIRST_TRANSACTIONAL: u64 = 4;
const PRODUCERS: u64 = 6;

/// How one seed runs.
struct Settings {
    cleaner: CleanerConfig,
    /// Of a hundred steps, how many begin a flush, write the checkpoints, roll, compact, check.
    flush_percent: u64,
    checkpoint_percent: u64,
    roll_percent: u64,
    clean_percent: u64,
    key_count: u64,
    largest_value_bytes: u64,
    /// One round at a time, as the broker has it.
    is_cleaning: Cell<bool>,
}

impl Settings {
    fn draw(random: &mut Random) -> (LogConfig, Self) {
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
        let settings = Self {
            cleaner,
            flush_percent: 5 + random.below(30),
            checkpoint_percent: random.below(10),
            roll_percent: random.below(10),
            clean_percent: 1 + random.below(20),
            key_count: 1 + random.scaled(1, 100),
            largest_value_bytes: random.scaled(10, 200),
            is_cleaning: Cell::new(false),
        };
        (config, settings)
    }
}

type CompactionProcess = Process<Settings, CompactionModel>;

/// Run one seed.
pub fn run(seed: u64) -> Outcome {
    let world = World::new(seed);
    let mut random = world.random("compaction workload");
    let host = world.add_host();
    let (config, settings) = Settings::draw(&mut random);
    let process = Process::new(host, config, settings);
    process.run(&world, &mut random, || {
        process.settings.is_cleaning.set(false);
        let process = Rc::clone(&process);
        async move |log: &Rc<RefCell<Log>>| step(&process, log).await
    })
}

async fn step(process: &Rc<CompactionProcess>, log: &Rc<RefCell<Log>>) {
    let settings = &process.settings;
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
        let (process, log) = (Rc::clone(process), Rc::clone(log));
        spawn(async move { process.flush(&log).await });
    } else if is_drawn(settings.checkpoint_percent) {
        process.write_checkpoints(log).await;
    } else if is_drawn(settings.roll_percent) {
        must(log.borrow_mut().roll(unix_ms()));
    } else if is_drawn(settings.clean_percent) {
        begin_cleaning(process, log);
    } else if is_drawn(2) {
        if !process.host.is_dying() {
            process.model.borrow().check(&log.borrow());
        }
    } else {
        append(process, &mut log.borrow_mut());
    }
}

fn append(process: &CompactionProcess, log: &mut Log) {
    let producer = random_u64() % PRODUCERS;
    let is_open =
        log.producers().get(producer as i64).is_some_and(|entry| entry.transaction_first_offset().is_some());
    let mut batch = if is_open && random_u64().is_multiple_of(3) {
        let kind = if random_u64().is_multiple_of(2) { ControlType::Abort } else { ControlType::Commit };
        build_end_transaction_marker(kind, &[0, 0, 0, 0, 0, 1], producer as i64, 1, unix_ms())
    } else {
        build(&process.settings, producer)
    };
    if process.host.is_dying() {
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
    process.model.borrow_mut().on_appended(batch.to_vec(), !process.host.is_dying());
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
        let value = some_value(settings.largest_value_bytes);
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
fn begin_cleaning(process: &Rc<CompactionProcess>, log: &Rc<RefCell<Log>>) {
    if process.settings.is_cleaning.get() {
        return;
    }
    let cleanable = {
        let log = log.borrow();
        let last_stable_offset = log.producers().first_unstable_offset().unwrap_or(log.log_end_offset());
        must(log.cleanable(last_stable_offset, unix_ms()))
    };
    let Some(cleanable) = cleanable else { return };
    if !process.host.is_dying() {
        process.model.borrow_mut().on_cleaning(cleanable.end_offset);
    }
    process.settings.is_cleaning.set(true);
    let (process, log) = (Rc::clone(process), Rc::clone(log));
    spawn(async move {
        process.host.comment(&format!("compacting {cleanable:?}"));
        let mut cleaner = Cleaner::new(process.settings.cleaner);
        match cleaner.clean(&log, &cleanable, &|| false).await {
            Ok(stats) => process.host.comment(&format!("compacted: {stats:?}")),
            Err(CleanFailure::Uncleanable(error) | CleanFailure::Io(error) | CleanFailure::Disk(error)) => {
                panic!("{error}")
            }
        }
        if !process.host.is_dying() {
            process.model.borrow().check(&log.borrow());
        }
        process.settings.is_cleaning.set(false);
    });
}
