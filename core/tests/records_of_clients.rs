//! Batches as the Java producer 4.3 and librdkafka (kcat) sent them and Kafka 4.4 stored them: each is read,
//! passes validation unchanged, and holds the records that went in.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use jackdaw_core::records::{
    Arrival, Batches, Codec, ControlType, HEADER_SIZE_BYTES, Records, ValidationConfig, Validator,
    batch_header::NO_LEADER_EPOCH, compression::Decompressor, control::control_records,
};

const NOW_MS: i64 = 1_800_000_000_000;

type Fields = (Option<String>, Option<String>, Vec<(String, Option<String>)>);

/// What `core/tests/fixtures/records/README.md` says was typed into the producers.
fn typed(index: usize) -> Fields {
    let sentence = "the quick brown fox jumps over the lazy dog, and again ";
    let value = format!("{}{index}", sentence.repeat(1 + index % 3));
    let header = |value: String| ("trace".to_owned(), Some(value));
    (
        (index % 4 != 3).then(|| format!("key-{index}")),
        (index != 5).then_some(value),
        if index.is_multiple_of(3) {
            vec![header(index.to_string()), header("again".to_owned())]
        } else {
            vec![]
        },
    )
}

/// kcat was given neither nulls nor headers.
fn typed_for_kcat(index: usize) -> Fields {
    let (key, value, _) = typed(index);
    (Some(key.unwrap_or("NULL".to_owned())), Some(value.unwrap_or("NULL".to_owned())), vec![])
}

fn read(log: &[u8]) -> (Vec<Fields>, Vec<Codec>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut decompressor = Decompressor::default();
    let (mut all, mut codecs) = (Vec::new(), Vec::new());
    let mut batches = Batches::new(log);
    for batch in batches.by_ref() {
        let batch = batch.unwrap();
        batch.check().unwrap();
        let header = batch.header();
        codecs.push(header.codec().unwrap());
        let section = decompressor.decompress(header.codec().unwrap(), batch.body(), 1 << 20).unwrap();
        for record in Records::new(section, header.records_count()) {
            let record = record.unwrap();
            let headers = record.headers().map(|header| (text(header.key), header.value.map(text))).collect();
            all.push((record.key.map(text), record.value.map(text), headers));
        }
    }
    assert!(batches.rest().is_empty());
    (all, codecs)
}

/// Sends the batches of a log once more.
fn revalidate(log: &[u8]) {
    let mut validator = Validator::new();
    for batch in Batches::new(log) {
        let batch = batch.unwrap();
        let (base_offset, leader_epoch) =
            (batch.header().base_offset(), batch.header().partition_leader_epoch());
        let mut sent = batch.bytes().to_vec();
        sent[..8].fill(0);
        sent[12..16].copy_from_slice(&NO_LEADER_EPOCH.to_be_bytes());
        let arrival = Arrival { now_ms: NOW_MS, produce_version: 13 };
        let mut validated =
            validator.validate(&Bytes::from(sent), &ValidationConfig::default(), arrival).unwrap();
        validated.assign(base_offset, leader_epoch);
        assert_eq!(validated.to_vec(), batch.bytes());
    }
}

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("fixtures/records/", $name)).as_slice()
    };
}

#[test]
fn batches_of_the_java_producer() {
    let expected: Vec<Fields> = (0..20).map(typed).collect();
    for (log, codec) in [
        (fixture!("java-none.log"), Codec::None),
        (fixture!("java-gzip.log"), Codec::Gzip),
        (fixture!("java-snappy.log"), Codec::Snappy),
        (fixture!("java-lz4.log"), Codec::Lz4),
        (fixture!("java-zstd.log"), Codec::Zstd),
    ] {
        let (records, codecs) = read(log);
        assert_eq!(codecs, [codec]);
        assert_eq!(records, expected, "{codec}");
        revalidate(log);
    }
}

#[test]
fn batches_of_librdkafka() {
    let expected: Vec<Fields> = (0..20).map(typed_for_kcat).collect();
    for (log, codec) in [
        (fixture!("kcat-gzip.log"), Codec::Gzip),
        (fixture!("kcat-snappy.log"), Codec::Snappy),
        (fixture!("kcat-lz4.log"), Codec::Lz4),
        (fixture!("kcat-zstd.log"), Codec::Zstd),
    ] {
        let (records, codecs) = read(log);
        assert!(codecs.contains(&codec), "{codecs:?}");
        assert_eq!(records, expected, "{codec}");
        revalidate(log);
    }
}

#[test]
fn transactions_end_with_a_marker() {
    let mut markers = Vec::new();
    for batch in Batches::new(fixture!("java-transactions.log")) {
        let batch = batch.unwrap();
        batch.check().unwrap();
        assert!(batch.header().is_transactional());
        if batch.header().is_control() {
            let control: Vec<_> = control_records(&batch).map(Result::unwrap).collect();
            assert_eq!(batch.size_bytes(), HEADER_SIZE_BYTES + 17);
            assert_eq!(control[0].value.len(), 6);
            markers.push((control[0].control_type, batch.header().producer_epoch()));
        }
    }
    assert_eq!(markers, [1, 2, 3].map(|epoch| (Some(ControlType::Commit), epoch)));
}
