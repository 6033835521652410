//! A partition's log on a real file: appends, and the way from an offset to its batch.

use std::{
    hint::black_box,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

use criterion::{Bencher, Criterion, Throughput, criterion_group, criterion_main};
use jackdaw_core::{
    records::{BatchBuilder, NewRecord, ValidatedBatch},
    uuid::Uuid,
};
use jackdaw_ring::{Executor, UringConfig, UringDriver};
use jackdaw_storage::{Log, LogConfig};

const NOW_MS: i64 = 1_750_000_000_000;
/// Batches in the log that is searched: 32 MiB, and an index entry for every fourth.
const SEARCHED_BATCHES: i64 = 32_768;

fn batch(count: usize, value_bytes: usize) -> ValidatedBatch {
    let value = vec![b'v'; value_bytes];
    let mut builder = BatchBuilder::new();
    for _ in 0..count {
        builder.append(&NewRecord { timestamp_ms: NOW_MS, value: Some(&value), ..Default::default() });
    }
    builder.build_uncompressed()
}

/// What cannot be done here ends the run.
fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Time `work` on a new log, inside an executor.
fn on_a_log(work: impl FnOnce(&mut Log) -> Duration + 'static) -> Duration {
    let dir: PathBuf = std::env::temp_dir().join(format!("jackdaw-bench-{}", std::process::id()));
    let path = dir.join("bench-0");
    let driver = must(UringDriver::new(&UringConfig::default()));
    let taken = Executor::new(Rc::new(driver)).run(async move {
        let mut log = must(Log::create(&path, Uuid([7; 16]), LogConfig::default(), NOW_MS).await);
        work(&mut log)
    });
    must(std::fs::remove_dir_all(&dir));
    taken
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append to the page cache");
    for (name, count, value_bytes) in [("1 of 100 B", 1, 100), ("16 of 1 KiB", 16, 1024)] {
        let batch = batch(count, value_bytes);
        group.throughput(Throughput::Bytes((count * value_bytes) as u64));
        group.bench_function(name, |bencher: &mut Bencher<'_>| {
            bencher.iter_custom(|iterations| {
                let batch = batch.clone();
                on_a_log(move |log| {
                    let begun = Instant::now();
                    for _ in 0..iterations {
                        must(log.append(&mut [batch.clone()], 0, NOW_MS));
                    }
                    begun.elapsed()
                })
            });
        });
    }
}

fn find(criterion: &mut Criterion) {
    criterion.bench_function("find the batch of an offset", |bencher| {
        bencher.iter_custom(|iterations| {
            on_a_log(move |log| {
                let batch = batch(1, 900);
                for _ in 0..SEARCHED_BATCHES {
                    must(log.append(&mut [batch.clone()], 0, NOW_MS));
                }
                let mut offset = 0;
                let begun = Instant::now();
                for _ in 0..iterations {
                    // A step without a common divisor: no order that a cache could like.
                    offset = (offset + 12_345) % SEARCHED_BATCHES;
                    black_box(must(log.read(offset, 1, SEARCHED_BATCHES, true)).is_some());
                }
                begun.elapsed()
            })
        });
    });
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
}

criterion_group! { name = log; config = short(); targets = append, find }
criterion_main!(log);
