//! Each rule of a leader's validation, by error code; what stays and what changes in an accepted batch.

use super::*;
use crate::{
    error_code::ErrorCode,
    records::{
        BatchBuilder, NewRecord,
        batch_header::NO_PRODUCER_ID,
        test_random::Random,
        varint::{put_varint, put_varlong},
    },
};

const NOW_MS: i64 = 1_700_000_000_000;
const ARRIVAL: Arrival = Arrival { now_ms: NOW_MS, produce_version: 13 };

fn builder(records_count: i32) -> BatchBuilder {
    let mut builder = BatchBuilder::new();
    for index in 0..records_count {
        let value = format!("value {index}");
        builder.append(&NewRecord {
            timestamp_ms: NOW_MS - 1000 + i64::from(index),
            key: Some(b"key"),
            value: Some(value.as_bytes()),
            headers: &[],
        });
    }
    builder
}

fn batch(records_count: i32, codec: Codec) -> Vec<u8> {
    builder(records_count).build(codec, &Levels::default(), &mut Compressor::default()).unwrap().to_vec()
}

fn validate(bytes: &[u8], config: &ValidationConfig) -> Result<ValidatedBatch, ValidationError> {
    Validator::new().validate(&Bytes::copy_from_slice(bytes), config, ARRIVAL)
}

fn code(bytes: &[u8], config: &ValidationConfig) -> ErrorCode {
    match validate(bytes, config) {
        Ok(_) => ErrorCode::None,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            error.code()
        }
    }
}

/// Changes a batch's header and seals it again.
fn edited(bytes: &[u8], edit: impl Fn(&mut BatchHeader)) -> Vec<u8> {
    let mut header = *BatchHeader::ref_from_prefix(bytes).unwrap();
    edit(&mut header);
    resealed(&header.to_bytes(), &bytes[HEADER_SIZE_BYTES..])
}

fn resealed(header: &[u8], body: &[u8]) -> Vec<u8> {
    let mut header = *BatchHeader::ref_from_prefix(header).unwrap();
    header.set_size_bytes(HEADER_SIZE_BYTES + body.len());
    header.seal(body);
    [header.as_bytes(), body].concat()
}

fn patched(bytes: &[u8], position: usize, patch: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[position..position + patch.len()].copy_from_slice(patch);
    let body = bytes.split_off(HEADER_SIZE_BYTES);
    let mut header = *BatchHeader::ref_from_prefix(&bytes).unwrap();
    header.seal(&body);
    [header.as_bytes(), &body].concat()
}

/// A section of records with these offset deltas.
fn section(offset_deltas: &[i32]) -> Vec<u8> {
    let mut out = Vec::new();
    for offset_delta in offset_deltas {
        let mut body = vec![0];
        put_varlong(&mut body, 0);
        put_varint(&mut body, *offset_delta);
        put_varint(&mut body, 1);
        body.push(b'k');
        put_varint(&mut body, -1);
        put_varint(&mut body, 0);
        put_varint(&mut out, body.len() as i32);
        out.extend_from_slice(&body);
    }
    out
}

fn batch_of(section: &[u8], records_count: i32, codec: Codec) -> Vec<u8> {
    let mut body = Vec::new();
    Compressor::default().compress(codec, &Levels::default(), section, &mut body).unwrap();
    let mut header = BatchHeader::empty();
    header.set_counts(records_count, records_count - 1);
    header.set_codec(codec);
    resealed(&header.to_bytes(), &body)
}

#[test]
fn the_answers_of_kafka() {
    use ErrorCode::*;
    let good = batch(3, Codec::None);
    let gzip = batch(3, Codec::Gzip);
    let config = ValidationConfig::default();
    let garbage = |codec: Codec| edited(&resealed(&good[..61], b"garbage garbage"), |h| h.set_codec(codec));
    let mut wrong_crc = good.clone();
    wrong_crc[17] ^= 1;
    let cases: Vec<(&str, Vec<u8>, ErrorCode)> = vec![
        ("good", good.clone(), None),
        ("wrong CRC", wrong_crc, CorruptMessage),
        ("magic 3", patched(&good, 16, &[3]), CorruptMessage),
        ("magic -1", patched(&good, 16, &[0xff]), CorruptMessage),
        ("length 48", patched(&good, 8, &48i32.to_be_bytes()), CorruptMessage),
        ("length -1", patched(&good, 8, &(-1i32).to_be_bytes()), CorruptMessage),
        ("length 2^31-1", patched(&good, 8, &i32::MAX.to_be_bytes()), InvalidRecord),
        ("cut short", good[..good.len() - 1].to_vec(), InvalidRecord),
        ("cut in the header", good[..30].to_vec(), InvalidRecord),
        ("no bytes", vec![], InvalidRecord),
        ("two batches", [&good[..], &good[..]].concat(), InvalidRecord),
        ("a batch and a piece", [&good[..], &good[..70]].concat(), None),
        ("magic 1", patched(&good, 16, &[1]), InvalidRecord),
        ("magic 0", patched(&good, 16, &[0]), InvalidRecord),
        ("base offset 1", edited(&good, |h| h.set_base_offset(1)), InvalidRecord),
        ("count too large", edited(&good, |h| h.set_counts(4, 2)), InvalidRecord),
        ("last offset delta too large", edited(&good, |h| h.set_counts(3, 3)), InvalidRecord),
        ("both too large", edited(&good, |h| h.set_counts(4, 3)), InvalidRecord),
        ("no records", batch_of(b"", 0, Codec::None), InvalidRecord),
        ("negative count", edited(&good, |h| h.set_counts(-1, -2)), InvalidRecord),
        ("count wraps", edited(&good, |h| h.set_counts(i32::MIN, i32::MAX)), InvalidRecord),
        ("control", edited(&good, |h| h.set_control(true)), InvalidRecord),
        ("codec 5", patched(&good, 22, &[5]), InvalidRecord),
        ("codec 7", patched(&good, 22, &[7]), InvalidRecord),
        ("gzip garbage", garbage(Codec::Gzip), InvalidRecord),
        ("snappy garbage", garbage(Codec::Snappy), InvalidRecord),
        ("lz4 garbage", garbage(Codec::Lz4), InvalidRecord),
        ("zstd garbage", garbage(Codec::Zstd), InvalidRecord),
        ("empty gzip", resealed(&gzip[..61], b""), InvalidRecord),
        ("truncated gzip", resealed(&gzip[..61], &gzip[61..gzip.len() - 9]), InvalidRecord),
        ("transactional, no producer", edited(&good, |h| h.set_transactional(true)), InvalidRecord),
        ("no sequence", edited(&good, |h| h.set_producer(7, 0, -1)), InvalidRecord),
        ("producer epoch -1", edited(&good, |h| h.set_producer(7, -1, 0)), InvalidProducerEpoch),
        ("idempotent", edited(&good, |h| h.set_producer(7, 0, 0)), None),
        ("trailing bytes", resealed(&good[..61], &[&good[61..], b"xx"].concat()), None),
        ("fewer counted than there", edited(&good, |h| h.set_counts(2, 1)), None),
        ("first offset delta 7", batch_of(&section(&[7, 1]), 2, Codec::None), None),
        ("max timestamp lies", edited(&good, |h| h.set_max_timestamp(7)), None),
        ("negative timestamps", edited(&good, |h| h.set_base_timestamp(-500_000)), None),
        ("trailing bytes, lz4", batch_of(&[section(&[0]), vec![0]].concat(), 1, Codec::Lz4), InvalidRecord),
        ("LogAppendTime bit", edited(&good, |h| h.set_timestamp_type(TimestampType::LogAppendTime)), None),
    ];
    for (what, bytes, expected) in cases {
        assert_eq!(code(&bytes, &config), expected, "{what}");
    }
}

#[test]
fn size_is_checked_before_the_crc() {
    let mut bytes = batch(3, Codec::None);
    let config = ValidationConfig { max_message_bytes: bytes.len(), ..ValidationConfig::default() };
    assert_eq!(code(&bytes, &config), ErrorCode::None);
    let config = ValidationConfig { max_message_bytes: bytes.len() - 1, ..ValidationConfig::default() };
    bytes[17] ^= 1;
    assert_eq!(code(&bytes, &config), ErrorCode::MessageTooLarge);
}

#[test]
fn zstd_needs_produce_7() {
    let bytes = Bytes::from(batch(1, Codec::Zstd));
    for (produce_version, expected) in [(3, ErrorCode::UnsupportedCompressionType), (7, ErrorCode::None)] {
        let arrival = Arrival { now_ms: NOW_MS, produce_version };
        let result = Validator::new().validate(&bytes, &ValidationConfig::default(), arrival);
        assert_eq!(result.map_or_else(|e| e.code(), |_| ErrorCode::None), expected);
    }
}

#[test]
fn compacted_topics_need_keys() {
    let mut builder = BatchBuilder::new();
    for key in [Some(&b"k"[..]), None, Some(b"k"), None] {
        builder.append(&NewRecord { timestamp_ms: NOW_MS, key, ..NewRecord::default() });
    }
    let bytes = builder.build_uncompressed().to_vec();
    assert_eq!(code(&bytes, &ValidationConfig::default()), ErrorCode::None);
    let config = ValidationConfig { is_compacted: true, ..ValidationConfig::default() };
    let error = validate(&bytes, &config).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidRecord);
    assert_eq!(error.record_errors().iter().map(|e| e.batch_index).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn the_list_of_faulty_records_is_bounded() {
    let mut builder = BatchBuilder::new();
    for _ in 0..limits::RECORD_ERRORS_MAX + 10 {
        builder.append(&NewRecord::default());
    }
    let config = ValidationConfig { is_compacted: true, ..ValidationConfig::default() };
    let error = validate(&builder.build_uncompressed().to_vec(), &config).unwrap_err();
    assert_eq!(error.record_errors().len(), limits::RECORD_ERRORS_MAX);
}

#[test]
fn timestamps_have_bounds() {
    let config = ValidationConfig {
        timestamp_before_max_ms: 1000,
        timestamp_after_max_ms: 500,
        ..ValidationConfig::default()
    };
    let stamped = ValidationConfig { timestamp_type: TimestampType::LogAppendTime, ..config.clone() };
    for (timestamp_ms, expected) in [
        (NOW_MS - 1000, ErrorCode::None),
        (NOW_MS - 1001, ErrorCode::InvalidTimestamp),
        (NOW_MS + 500, ErrorCode::None),
        (NOW_MS + 501, ErrorCode::InvalidTimestamp),
        (NO_TIMESTAMP, ErrorCode::None),
        (-2, ErrorCode::InvalidTimestamp),
        (i64::MIN, ErrorCode::InvalidTimestamp),
    ] {
        for codec in [Codec::None, Codec::Lz4] {
            let mut builder = BatchBuilder::new();
            builder.append(&NewRecord { timestamp_ms, ..NewRecord::default() });
            let built = builder.build(codec, &Levels::default(), &mut Compressor::default()).unwrap();
            assert_eq!(code(&built.to_vec(), &config), expected, "{timestamp_ms} {codec}");
            assert_eq!(code(&built.to_vec(), &stamped), ErrorCode::None, "{timestamp_ms} {codec}");
        }
    }
    // Kafka's default has no lower bound, not even for a clock far below zero.
    let mut builder = BatchBuilder::new();
    builder.append(&NewRecord { timestamp_ms: i64::MIN, ..NewRecord::default() });
    assert_eq!(code(&builder.build_uncompressed().to_vec(), &ValidationConfig::default()), ErrorCode::None);
}

#[test]
fn one_bad_timestamp_decides_the_code_of_a_mixed_batch() {
    let mut builder = BatchBuilder::new();
    builder.append(&NewRecord { timestamp_ms: NOW_MS, ..NewRecord::default() });
    let far_ms = NOW_MS + 7_200_000;
    builder.append(&NewRecord { timestamp_ms: far_ms, key: Some(b"k"), ..NewRecord::default() });
    let config = ValidationConfig { is_compacted: true, ..ValidationConfig::default() };
    let error = validate(&builder.build_uncompressed().to_vec(), &config).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidTimestamp);
    let reasons: Vec<_> = error.record_errors().iter().map(|e| e.reason).collect();
    assert_eq!(reasons, [RecordErrorReason::NoKey, RecordErrorReason::TooNew { timestamp_ms: far_ms }]);
}

#[test]
fn the_log_append_time_bit_is_refused_or_cleared() {
    let stamped = edited(&batch(2, Codec::None), |h| h.set_timestamp_type(TimestampType::LogAppendTime));
    let on_stamped_topic =
        ValidationConfig { timestamp_type: TimestampType::LogAppendTime, ..ValidationConfig::default() };
    assert_eq!(code(&stamped, &on_stamped_topic), ErrorCode::InvalidTimestamp);
    let without = edited(&stamped, |h| h.set_max_timestamp(NO_TIMESTAMP));
    assert_eq!(code(&without, &ValidationConfig::default()), ErrorCode::InvalidTimestamp);
    let cleared = validate(&stamped, &ValidationConfig::default()).unwrap();
    assert_eq!(cleared.to_vec(), batch(2, Codec::None));
}

#[test]
fn bytes_stay_as_they_came() {
    for codec in Codec::ALL {
        let bytes = Bytes::from(batch(10, codec));
        for topic_codec in [None, Some(codec)] {
            let config = ValidationConfig { codec: topic_codec, ..ValidationConfig::default() };
            let mut validated = Validator::new().validate(&bytes, &config, ARRIVAL).unwrap();
            assert_eq!(validated.to_vec(), bytes, "{codec}");
            assert_eq!(validated.body().as_ptr(), bytes[HEADER_SIZE_BYTES..].as_ptr(), "{codec} was copied");
            assert_eq!(validated.offset_delta_of_max_timestamp(), 9);
            validated.assign(1234, 5);
            let stored = validated.to_vec();
            assert_eq!(stored[16..], bytes[16..], "{codec}: only offset and leader epoch change");
            let Frame::Complete(view) = BatchView::parse(&stored) else { panic!() };
            view.check().unwrap();
            assert_eq!((view.header().last_offset(), view.header().partition_leader_epoch()), (1243, 5));
        }
    }
}

#[test]
fn a_lying_max_timestamp_is_put_right() {
    let good = batch(4, Codec::Snappy);
    let lying = edited(&good, |h| h.set_max_timestamp(1));
    assert_eq!(validate(&lying, &ValidationConfig::default()).unwrap().to_vec(), good);
}

#[test]
fn log_append_time_stamps_the_header_only() {
    let config =
        ValidationConfig { timestamp_type: TimestampType::LogAppendTime, ..ValidationConfig::default() };
    for codec in Codec::ALL {
        let bytes = batch(4, codec);
        let validated = validate(&bytes, &config).unwrap();
        assert_eq!(validated.max_timestamp(), NOW_MS);
        assert_eq!(validated.header().timestamp_type(), TimestampType::LogAppendTime);
        assert_eq!(validated.offset_delta_of_max_timestamp(), 0);
        assert_eq!(&validated.body()[..], &bytes[HEADER_SIZE_BYTES..]);
        let stored = validated.to_vec();
        let Frame::Complete(view) = BatchView::parse(&stored) else { panic!() };
        view.check().unwrap();
    }
}

#[test]
fn another_codec_of_the_topic_compresses_anew() {
    let mut decompressor = Decompressor::default();
    for from in Codec::ALL {
        for to in Codec::ALL {
            let idempotent = builder(50).producer(7, 1, 30);
            let bytes =
                idempotent.build(from, &Levels::default(), &mut Compressor::default()).unwrap().to_vec();
            let config = ValidationConfig { codec: Some(to), ..ValidationConfig::default() };
            let validated = validate(&bytes, &config).unwrap();
            let plain = batch(50, Codec::None);
            let section = decompressor.decompress(to, validated.body(), usize::MAX).unwrap();
            assert_eq!(section, &plain[HEADER_SIZE_BYTES..], "{from} to {to}");
            let header = validated.header();
            assert_eq!(header.codec(), Some(to));
            assert_eq!((header.producer_id(), header.producer_epoch(), header.base_sequence()), (7, 1, 30));
            assert_eq!(header.compute_crc(validated.body()), header.crc());
            assert_eq!(validated.max_timestamp(), NOW_MS - 1000 + 49);
        }
    }
}

#[test]
fn size_is_checked_again_after_compressing_anew() {
    let bytes = batch(500, Codec::Gzip);
    let max_message_bytes = bytes.len() + 10;
    let config =
        ValidationConfig { codec: Some(Codec::None), max_message_bytes, ..ValidationConfig::default() };
    assert_eq!(code(&bytes, &config), ErrorCode::MessageTooLarge);
}

#[test]
fn odd_offset_deltas_in_a_compressed_batch_are_numbered_anew() {
    let bytes = batch_of(&section(&[3, 300, 1]), 3, Codec::Zstd);
    let validated = validate(&bytes, &ValidationConfig::default()).unwrap();
    let mut decompressor = Decompressor::default();
    let records = decompressor.decompress(Codec::Zstd, validated.body(), usize::MAX).unwrap();
    assert_eq!(records, section(&[0, 1, 2]));
    assert_eq!(validated.header().last_offset_delta(), 2);
}

#[test]
fn bombs_are_refused_at_either_limit() {
    let mut builder = BatchBuilder::new();
    builder.append(&NewRecord { value: Some(&vec![0; 3_000_000]), ..NewRecord::default() });
    let bytes = builder.build(Codec::Gzip, &Levels::default(), &mut Compressor::default()).unwrap().to_vec();
    let config = ValidationConfig { max_decompressed_bytes: 2_999_999, ..ValidationConfig::default() };
    assert_eq!(code(&bytes, &config), ErrorCode::MessageTooLarge);
    assert_eq!(code(&bytes, &ValidationConfig::default()), ErrorCode::None);
}

#[test]
fn random_damage_never_panics_and_never_passes_unnoticed() {
    let mut random = Random::new(41);
    let mut validator = Validator::new();
    let config = ValidationConfig { is_compacted: true, ..ValidationConfig::default() };
    for round in 0..20_000 {
        let mut bytes = batch(1 + (round % 4), Codec::ALL[round as usize % 5]);
        for _ in 0..=random.below(3) {
            let position = random.below(bytes.len() as u64) as usize;
            bytes[position] = random.next() as u8;
        }
        // Half of them with a CRC that fits, so that the rules behind it are reached.
        if random.below(2) == 0 {
            let crc = crate::records::crc::crc32c(&bytes[21..]);
            bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        }
        if let Ok(validated) = validator.validate(&Bytes::from(bytes), &config, ARRIVAL) {
            let stored = validated.to_vec();
            let Frame::Complete(view) = BatchView::parse(&stored) else { panic!("round {round}") };
            view.check().unwrap();
            assert!(view.header().producer_id() >= NO_PRODUCER_ID || !view.header().has_producer_id());
        }
    }
}
