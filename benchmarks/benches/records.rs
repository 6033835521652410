//! Batches: validated, and the checksum alone.

use std::{hint::black_box, time::Duration};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jackdaw_core::records::{
    Arrival, BatchBuilder, Codec, NewRecord, ValidationConfig, Validator,
    compression::{Compressor, Levels},
    crc::crc32c,
};

const NOW_MS: i64 = 1_750_000_000_000;

fn batch(count: usize, value_bytes: usize, codec: Codec) -> Bytes {
    let mut builder = BatchBuilder::new();
    for index in 0..count {
        let value: Vec<u8> = (0..value_bytes).map(|byte| b'a' + ((byte * index) % 23) as u8).collect();
        builder.append(&NewRecord { timestamp_ms: NOW_MS, value: Some(&value), ..Default::default() });
    }
    match builder.build(codec, &Levels::default(), &mut Compressor::default()) {
        Ok(batch) => batch.to_vec().into(),
        Err(error) => panic!("a batch of {count}: {error}"),
    }
}

fn validate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("validate");
    for (name, count, value_bytes, codec) in [
        ("64 of 1 KiB", 64, 1024, Codec::None),
        ("1000 of 100 B", 1000, 100, Codec::None),
        ("64 of 1 KiB, lz4", 64, 1024, Codec::Lz4),
        ("1000 of 100 B, lz4", 1000, 100, Codec::Lz4),
    ] {
        let records = batch(count, value_bytes, codec);
        let (config, mut validator) = (ValidationConfig::default(), Validator::new());
        let arrival = Arrival { now_ms: NOW_MS, produce_version: 13 };
        assert!(validator.validate(&records, &config, arrival).is_ok(), "{name} is valid");
        group.throughput(Throughput::Bytes((count * value_bytes) as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| validator.validate(black_box(&records), &config, arrival).is_ok());
        });
    }
}

fn checksum(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crc32c");
    for size in [100, 1 << 10, 64 << 10, 1 << 20] {
        let bytes = vec![0x5a; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(size.to_string(), |bencher| bencher.iter(|| crc32c(black_box(&bytes))));
    }
}

fn short() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800))
}

criterion_group! { name = records; config = short(); targets = validate, checksum }
criterion_main!(records);
