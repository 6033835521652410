//! One partition's log under a disk that loses, tears and keeps what was not flushed.

use std::{cell::RefCell, rc::Rc};

use jackdaw_core::records::{BatchBuilder, NewRecord, ValidatedBatch};
use jackdaw_ring::{random_u64, spawn, unix_ms};
use jackdaw_storage::{Log, LogConfig};

use super::{
    Outcome,
    log_model::LogModel,
    single_log::{LEADER_EPOCH, Process, must, some_value},
};
use crate::{Random, World};

/// How one seed runs.
#[derive(Clone)]
struct Settings {
    /// Of a hundred steps, how many begin a flush, write the checkpoint, roll.
    flush_percent: u64,
    checkpoint_percent: u64,
    roll_percent: u64,
    largest_value_bytes: u64,
    /// After every append wait for a flush, as `flush.messages=1` has it.
    flushes_each: bool,
}

impl Settings {
    fn draw(random: &mut Random) -> (LogConfig, Self) {
        let config = LogConfig {
            segment_bytes: random.scaled(600, 60_000) as u32,
            index_interval_bytes: random.scaled(1, 4096) as u32,
            segment_index_bytes: random.scaled(100, 10_000) as u32,
            ..LogConfig::default()
        };
        let settings = Self {
            largest_value_bytes: random.scaled(10, 400),
            flush_percent: random.below(30),
            checkpoint_percent: random.below(10),
            roll_percent: random.below(5),
            flushes_each: random.one_in(4),
        };
        (config, settings)
    }
}

type LogProcess = Process<Settings, LogModel>;

/// Run one seed.
pub fn run(seed: u64) -> Outcome {
    let world = World::new(seed);
    let mut random = world.random("log workload");
    let host = world.add_host();
    let (config, settings) = Settings::draw(&mut random);
    let process = Process::new(host, config, settings);
    process.run(&world, &mut random, || {
        let process = Rc::clone(&process);
        async move |log: &Rc<RefCell<Log>>| step(&process, log).await
    })
}

async fn step(process: &Rc<LogProcess>, log: &Rc<RefCell<Log>>) {
    let settings = &process.settings;
    let drawn = random_u64() % 100;
    if drawn < settings.flush_percent {
        begin_flush(process, log);
    } else if drawn < settings.flush_percent + settings.checkpoint_percent {
        process.write_checkpoints(log).await;
    } else if drawn < settings.flush_percent + settings.checkpoint_percent + settings.roll_percent {
        must(log.borrow_mut().roll(unix_ms()));
    } else if drawn < 90 {
        append(process, log);
        if settings.flushes_each {
            process.flush(log).await;
        }
    } else {
        let end = log.borrow().log_end_offset();
        if end > 0 && !process.host.is_dying() {
            let offset = (random_u64() % end as u64) as i64;
            process.model.borrow().check_read(&log.borrow(), offset);
        }
    }
}

fn append(process: &LogProcess, log: &RefCell<Log>) {
    let mut log = log.borrow_mut();
    let count = 1 + random_u64() as usize % 3;
    let mut batches: Vec<ValidatedBatch> = Vec::new();
    for _ in 0..count {
        // The sequences of one append follow one another as the log's end does: any number that differs will do.
        let sequence = (random_u64() % 1_000_000) as i32;
        batches.push(build(&process.settings, sequence));
    }
    if process.host.is_dying() {
        return;
    }
    let result = log.append(&mut batches, LEADER_EPOCH, unix_ms());
    if matches!(result, Err(jackdaw_storage::StorageError::AppendTooLarge { .. })) {
        return;
    }
    must(result);
    // Where the process died within, some of the batches may have been written whole.
    let counts = !process.host.is_dying();
    for batch in &batches {
        process.model.borrow_mut().on_appended(batch.to_vec(), counts);
    }
}

fn build(settings: &Settings, sequence: i32) -> ValidatedBatch {
    let producer_id = (random_u64() % 4) as i64;
    let mut builder = BatchBuilder::new();
    if producer_id < 3 {
        builder = builder.producer(producer_id, 0, sequence);
    }
    for _ in 0..1 + random_u64() % 3 {
        let value = some_value(settings.largest_value_bytes);
        let record = NewRecord { timestamp_ms: unix_ms(), key: None, value: Some(&value), headers: &[] };
        builder.append(&record);
    }
    builder.build_uncompressed()
}

/// Flush in a task of its own: appends go on meanwhile, and flushes overlap.
fn begin_flush(process: &Rc<LogProcess>, log: &Rc<RefCell<Log>>) {
    let (process, log) = (Rc::clone(process), Rc::clone(log));
    spawn(async move { process.flush(&log).await });
}
