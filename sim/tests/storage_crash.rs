//! A partition's log over crashes at any change of the disk: what was flushed is there, what is there is as written.

#![allow(clippy::unwrap_used, reason = "a test may stop where it likes")]

use std::{cell::RefCell, path::Path, rc::Rc, time::Duration};

use jackdaw_core::{
    records::{BatchBuilder, Batches, NewRecord, ValidatedBatch},
    uuid::Uuid,
};
use jackdaw_sim::{Crash, Host, Random, World};
use jackdaw_storage::{Log, LogConfig, LogDir, checkpoint::PartitionOffsets, partition_metadata};

const DIR: &str = "/data";
const TOPIC_ID: Uuid = Uuid([7; 16]);
const RUNS: u64 = 8;
const LIMIT: Duration = Duration::from_secs(3600);

/// What must be found again.
#[derive(Default)]
struct Model {
    /// Every batch that was ever handed to the log and not cut off since, in order, with its next offset.
    batches: Vec<(i64, Vec<u8>)>,
    /// Below this everything is durable.
    flushed_offset: i64,
    /// Below this everything is there at the next start.
    expected_offset: i64,
    /// Below this everything is in the page cache.
    appended_offset: i64,
    /// Batches of the idempotent producer that the log has taken.
    sequence: i32,
}

fn config() -> LogConfig {
    LogConfig { segment_bytes: 1200, index_interval_bytes: 150, ..LogConfig::default() }
}

fn next_batch(random: &mut Random, sequence: i32) -> ValidatedBatch {
    let mut builder = BatchBuilder::new();
    if random.below(2) == 0 {
        builder = builder.producer(5, 0, sequence);
    }
    for index in 0..=random.below(3) {
        let value = vec![index as u8 + 1; random.below(120) as usize];
        builder.append(&NewRecord { timestamp_ms: 1000, key: None, value: Some(&value), headers: &[] });
    }
    builder.build_uncompressed()
}

async fn open(log_dir: &LogDir) -> Log {
    let path = log_dir.partition_path("t", 0);
    if partition_metadata::read(&path).unwrap().is_none() {
        return Log::create(&path, TOPIC_ID, config(), 0).await.unwrap();
    }
    let inputs = log_dir.recovery_inputs("t", 0, i64::MAX);
    let (log, _) = Log::open(&path, config(), inputs, 0).await.unwrap();
    log
}

/// Compare what is in the log with what was written, and go on from there.
fn check(log: &Log, model: &mut Model, is_clean: bool) {
    let end = log.log_end_offset();
    assert!(end >= model.expected_offset, "{end} is below the expected {}", model.expected_offset);
    if is_clean {
        assert_eq!(end, model.appended_offset);
    }
    let whole = model.batches.iter().take_while(|(next_offset, _)| *next_offset <= end).count();
    model.batches.truncate(whole);
    assert_eq!(model.batches.last().map_or(0, |(next_offset, _)| *next_offset), end);
    let mut offset = 0;
    let mut expected = model.batches.iter();
    while let Some(read) = log.read(offset, 4000, end, true).unwrap() {
        let mut bytes = vec![0; read.length];
        assert_eq!(read.file.read_at(&mut bytes, read.position).unwrap(), read.length);
        for batch in Batches::new(&bytes) {
            let batch = batch.unwrap();
            let (next_offset, written) = expected.next().unwrap();
            assert_eq!(batch.bytes(), &written[..]);
            offset = *next_offset;
        }
    }
    assert!(expected.next().is_none());
    let last = model.batches.iter().rev().find_map(|(_, bytes)| {
        let header = Batches::new(bytes).next()?.ok()?.header().to_owned();
        header.has_producer_id().then(|| header.last_sequence())
    });
    assert_eq!(log.producers().get(5).map(|entry| entry.last_sequence()), last);
    model.sequence = last.map_or(0, |last| last + 1);
    model.appended_offset = end;
}

fn append(log: &mut Log, model: &RefCell<Model>, random: &mut Random) {
    let mut batches: Vec<ValidatedBatch> = Vec::new();
    let mut next_offset = log.log_end_offset();
    for _ in 0..=random.below(3) {
        let mut batch = next_batch(random, model.borrow().sequence);
        batch.assign(next_offset, 1);
        next_offset = batch.last_offset() + 1;
        if batch.header().has_producer_id() {
            model.borrow_mut().sequence = batch.header().last_sequence() + 1;
        }
        model.borrow_mut().batches.push((next_offset, batch.to_vec()));
        batches.push(batch);
    }
    log.append(&mut batches, 1, 0).unwrap();
    model.borrow_mut().appended_offset = next_offset;
}

async fn flush(log_dir: &LogDir, log: &mut Log, model: &RefCell<Model>, checkpoint: bool) {
    let flushed = log.begin_flush().unwrap().run().await.unwrap();
    log.flushed(flushed);
    model.borrow_mut().flushed_offset = log.recovery_point();
    if checkpoint {
        let points = PartitionOffsets::from([(("t".to_owned(), 0), log.recovery_point())]);
        log_dir.write_recovery_points(&points).await.unwrap();
    }
}

async fn run(model: Rc<RefCell<Model>>, mut random: Random, stop: bool) {
    let log_dir = LogDir::open(Path::new(DIR)).await.unwrap();
    let mut log = open(&log_dir).await;
    check(&log, &mut model.borrow_mut(), log_dir.is_clean());
    for _ in 0..random.below(80) {
        match random.below(10) {
            0 => flush(&log_dir, &mut log, &model, false).await,
            1 => flush(&log_dir, &mut log, &model, true).await,
            2 if random.below(4) == 0 => assert!(log.roll(0).is_ok()),
            _ => append(&mut log, &model, &mut random),
        }
    }
    if stop {
        let flushed = log.close().unwrap().run().await.unwrap();
        log.flushed(flushed);
        model.borrow_mut().flushed_offset = log.log_end_offset();
        let points = PartitionOffsets::from([(("t".to_owned(), 0), log.recovery_point())]);
        log_dir.close(&points, &PartitionOffsets::new(), 1).await.unwrap();
    }
}

fn one_run(world: &World, host: &Host, model: &Rc<RefCell<Model>>, number: u64) {
    let mut random = world.random(&format!("run {number}"));
    let crash = if random.below(2) == 0 { Crash::Kill } else { Crash::PowerCut };
    let stop = random.below(3) == 0;
    let amid = random.below(4) > 0;
    if amid {
        host.crash_after_changes(random.below(150), crash);
    }
    host.start(1);
    let task = host.spawn(0, run(Rc::clone(model), world.random(&format!("work {number}")), stop));
    world.run_until(LIMIT, || task.is_finished() || !host.is_running());
    if host.is_running() {
        host.crash(crash);
    }
    let mut model = model.borrow_mut();
    // After a kill the kernel goes on: what was written is there. In the middle of a turn nobody knows how far it was.
    let all_there = crash == Crash::Kill && !amid;
    model.expected_offset = if all_there { model.appended_offset } else { model.flushed_offset };
}

#[test]
fn what_was_flushed_survives_any_crash() {
    for seed in 0..60 {
        let world = World::new(seed);
        let host = world.add_host();
        let model = Rc::new(RefCell::new(Model::default()));
        for number in 0..RUNS {
            one_run(&world, &host, &model, number);
        }
    }
}
