//! Record batches: validated as produced, iterated as replayed, filtered as compacted.
//!
//! The first byte of an input says how it is taken: 1 makes the batch's length and CRC right, so that damage behind them is
//! seen; 2 and 4 choose the topic's configuration.

use std::collections::BTreeMap;

use bytes::Bytes;
use jackdaw_core::records::{
    Arrival, BatchBuilder, BatchView, Batches, Codec, Frame, HEADER_SIZE_BYTES, Header, NewRecord, Records,
    TimestampType, ValidationConfig, Validator,
    compaction::{BatchFilter, KeyPass, MapLimits, OffsetMap, Round},
    compression::{Compressor, Decompressor, Levels},
    control::control_records,
    crc::crc32c,
};

const SEAL: u8 = 1;
const INFLATED_BYTES_MAX: usize = 1 << 20;
const NOW_MS: i64 = 1_767_225_600_000;

/// The batch of an input, and its choices.
fn batch(input: &[u8]) -> (u8, Vec<u8>) {
    let Some((&choices, bytes)) = input.split_first() else { return (0, Vec::new()) };
    let mut bytes = bytes.to_vec();
    if choices & SEAL != 0 {
        seal(&mut bytes);
    }
    (choices, bytes)
}

/// Make the length and the CRC of a batch right.
pub(super) fn seal(bytes: &mut [u8]) {
    const LENGTH_AT: usize = 8;
    const CRC_AT: usize = 17;
    if bytes.len() < HEADER_SIZE_BYTES {
        return;
    }
    let length = i32::try_from(bytes.len() - LENGTH_AT - 4).unwrap_or(i32::MAX);
    bytes[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c(&bytes[CRC_AT + 4..]);
    bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
}

/// As a shard validates what is produced.
pub(super) fn validation(input: &[u8]) {
    let (choices, bytes) = batch(input);
    let config = ValidationConfig {
        is_compacted: choices & 2 != 0,
        timestamp_type: if choices & 4 != 0 {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        },
        codec: [None, Some(Codec::None), Some(Codec::Lz4), Some(Codec::Zstd)][usize::from(choices >> 3) % 4],
        max_decompressed_bytes: INFLATED_BYTES_MAX,
        ..ValidationConfig::default()
    };
    let arrival = Arrival { now_ms: NOW_MS, produce_version: if choices & 32 != 0 { 3 } else { 13 } };
    let Ok(mut valid) = Validator::new().validate(&Bytes::from(bytes), &config, arrival) else { return };
    // What was taken can be read back by everybody.
    valid.assign(1000, 7);
    let stored = valid.to_vec();
    let Frame::Complete(stored) = BatchView::parse(&stored) else { panic!("a valid batch is no batch") };
    stored.check().expect("a valid batch is damaged");
    let count = iterate(&stored).expect("a valid batch cannot be read");
    assert_eq!(count, usize::try_from(stored.header().records_count()).expect("a count"));
}

/// As logs are replayed.
pub(super) fn iteration(input: &[u8]) {
    let (_, bytes) = batch(input);
    for batch in Batches::new(&bytes) {
        let Ok(batch) = batch else { return };
        if batch.check().is_ok() {
            let _ = iterate(&batch);
        }
        if batch.header().is_control() {
            let _ = control_records(&batch).count();
        }
    }
}

/// How many records a batch has.
fn iterate(batch: &BatchView<'_>) -> Option<usize> {
    let mut decompressor = Decompressor::default();
    let section = decompressor.decompress(batch.header().codec()?, batch.body(), INFLATED_BYTES_MAX).ok()?;
    let mut count = 0;
    for record in Records::new(section, batch.header().records_count()) {
        let record = record.ok()?;
        let headers = record.headers().count();
        assert_eq!(headers, record.headers_count(), "headers are lost");
        count += 1;
    }
    Some(count)
}

/// As a log is compacted: once for the keys, once to filter. Its batches were checked when they were appended.
pub(super) fn compaction(input: &[u8]) {
    let (_, bytes) = batch(input);
    let limits = MapLimits { memory_bytes: 64 << 10, load_factor: 0.9 };
    let mut map = OffsetMap::new(&limits, 1000, 0, [1, 2]);
    let mut decompressor = Decompressor::default();
    let mut keys = KeyPass::new(&mut map, &mut decompressor, Vec::new());
    let sound = || Batches::new(&bytes).map_while(Result::ok).take_while(|batch| batch.check().is_ok());
    for batch in sound() {
        if !matches!(keys.add(&batch), Ok(true)) {
            break;
        }
    }
    let round = Round { now_ms: NOW_MS, delete_retention_ms: 0, end_offset: 5 };
    let (producers, mut compressor) = (BTreeMap::new(), Compressor::default());
    let mut filter =
        BatchFilter::new(&map, &producers, round, Vec::new(), (&mut decompressor, &mut compressor));
    let mut kept = Vec::new();
    for batch in sound() {
        if filter.filter(&batch, &mut kept).is_err() {
            return;
        }
    }
    for batch in Batches::new(&kept) {
        batch.expect("a kept batch is no batch").check().expect("a kept batch is damaged");
    }
}

fn build(codec: Codec, change: impl FnOnce(BatchBuilder) -> BatchBuilder) -> Vec<u8> {
    let mut builder = change(BatchBuilder::new());
    for index in 0..5_i64 {
        let (key, value) = (format!("key {}", index % 3), "value ".repeat(index as usize * 3));
        builder.append(&NewRecord {
            timestamp_ms: NOW_MS + index,
            key: Some(key.as_bytes()),
            value: (index != 2).then_some(value.as_bytes()),
            headers: &[
                Header { key: b"header", value: Some(b"its value") },
                Header { key: b"null", value: None },
            ],
        });
    }
    let built = builder.build(codec, &Levels::default(), &mut Compressor::default()).expect("a batch");
    built.to_vec()
}

pub(super) fn batches() -> Vec<Vec<u8>> {
    let mut batches: Vec<Vec<u8>> = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd]
        .map(|codec| build(codec, |builder| builder))
        .into();
    batches.push(build(Codec::None, |builder| builder.producer(7, 1, 0)));
    batches.push(build(Codec::Zstd, |builder| builder.producer(7, 1, 5).transactional()));
    batches.push(build(Codec::None, |builder| builder.log_append_time()));
    batches.push(build(Codec::None, |builder| builder.producer(7, 1, -1).transactional().control()));
    batches
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, batch) in batches().into_iter().enumerate() {
        for choices in [0, SEAL, SEAL | 2, SEAL | 4 | 8 | (index as u8 % 4) << 3] {
            let mut input = vec![choices];
            input.extend(&batch);
            seeds.push(input);
        }
    }
    seeds
}
