//! Logs as lists of batches, compacted round by round.

use std::collections::BTreeMap;

use super::*;
use crate::records::{
    BatchBuilder, BatchHeader, Batches, Codec, ControlType, Frame, HEADER_SIZE_BYTES, NewRecord, Records,
    ValidatedBatch,
    compression::{Compressor, Decompressor, Levels},
    control::build_end_transaction_marker,
    test_random::Random,
};

const BEGAN_MS: i64 = 1_000_000;
const RETENTION_MS: i64 = 500;

/// Key, and value where it is no tombstone.
type Pair = (&'static str, Option<&'static str>);

/// A log whose batches follow one another.
#[derive(Clone, Default)]
struct TestLog {
    bytes: Vec<u8>,
    end_offset: i64,
    producers: BTreeMap<i64, LastOfProducer>,
    aborted: Vec<AbortedRange>,
}

impl TestLog {
    fn push(&mut self, mut batch: ValidatedBatch) -> i64 {
        let base_offset = self.end_offset;
        batch.assign(base_offset, 7);
        self.end_offset = batch.last_offset() + 1;
        self.bytes.extend(batch.to_vec());
        base_offset
    }

    fn plain(&mut self, pairs: &[Pair]) -> i64 {
        self.push(filled(BatchBuilder::new(), pairs).build_uncompressed())
    }

    fn transactional(&mut self, producer_id: i64, sequence: i32, pairs: &[Pair]) -> i64 {
        let builder = BatchBuilder::new().producer(producer_id, 3, sequence).transactional();
        self.push(filled(builder, pairs).build_uncompressed())
    }

    fn commit(&mut self, producer_id: i64) -> i64 {
        self.push(build_end_transaction_marker(ControlType::Commit, &[0; 6], producer_id, 3, BEGAN_MS))
    }

    fn abort(&mut self, producer_id: i64, first_offset: i64) -> i64 {
        let last_offset =
            self.push(build_end_transaction_marker(ControlType::Abort, &[0; 6], producer_id, 3, BEGAN_MS));
        self.aborted.push(AbortedRange { producer_id, first_offset, last_offset });
        last_offset
    }

    /// One round over the whole log, all of which is dirty from `first_dirty_offset` on.
    fn compact(&mut self, first_dirty_offset: i64, memory_bytes: usize, now_ms: i64) -> i64 {
        let limits = MapLimits { memory_bytes, load_factor: 0.9 };
        let dirty_count = (self.end_offset - first_dirty_offset).unsigned_abs();
        let mut map = OffsetMap::new(&limits, dirty_count, first_dirty_offset, [3, 4]);
        let (mut decompressor, mut compressor) = (Decompressor::default(), Compressor::default());
        let mut pass = KeyPass::new(&mut map, &mut decompressor, self.aborted.clone());
        for batch in Batches::new(&self.bytes).map(Result::unwrap) {
            if batch.header().last_offset() >= first_dirty_offset && !pass.add(&batch).unwrap() {
                break;
            }
        }
        let round = Round { now_ms, delete_retention_ms: RETENTION_MS, end_offset: self.end_offset };
        let codecs = (&mut decompressor, &mut compressor);
        let mut filter = BatchFilter::new(&map, &self.producers, round, self.aborted.clone(), codecs);
        let (mut out, mut aborted) = (Vec::new(), Vec::new());
        for batch in Batches::new(&self.bytes).map(Result::unwrap) {
            let before = out.len();
            let filtered = filter.filter(&batch, &mut out).unwrap();
            aborted.extend(filtered.aborted);
            let Some(header) = filtered.header else {
                assert_eq!(out.len(), before);
                continue;
            };
            let Frame::Complete(written) = BatchView::parse(&out[before..]) else { panic!("not whole") };
            assert_eq!(*written.header(), header);
            written.check().unwrap();
            let (old, new) = (batch.header(), written.header());
            assert_eq!((new.base_offset(), new.last_offset()), (old.base_offset(), old.last_offset()));
            assert_eq!((new.producer_id(), new.producer_epoch()), (old.producer_id(), old.producer_epoch()));
            assert_eq!(new.base_sequence(), old.base_sequence());
            assert_eq!(new.partition_leader_epoch(), 7);
            assert_eq!(new.is_control(), old.is_control());
            assert_eq!(new.is_transactional(), old.is_transactional());
        }
        self.bytes = out;
        self.aborted = aborted;
        map.end_offset()
    }

    /// All of it is dirty, and the map is large.
    fn compact_all(&mut self, now_ms: i64) {
        assert_eq!(self.compact(0, 1 << 20, now_ms), self.end_offset);
    }

    /// The batches with their records: offset, timestamp, key, value.
    fn batches(&self) -> Vec<(BatchHeader, Vec<Stored>)> {
        let mut decompressor = Decompressor::default();
        Batches::new(&self.bytes)
            .map(|batch| {
                let batch = batch.unwrap();
                let header = *batch.header();
                let section = section(&batch, &mut decompressor).unwrap();
                let records = Records::new(section, header.records_count()).map(|record| {
                    let record = record.unwrap();
                    Stored {
                        offset: header.base_offset() + i64::from(record.offset_delta),
                        timestamp: header.base_timestamp() + record.timestamp_delta,
                        key: record.key.map(<[u8]>::to_vec),
                        value: record.value.map(<[u8]>::to_vec),
                    }
                });
                (header, records.collect())
            })
            .collect()
    }

    /// Offsets of the records of data.
    fn offsets(&self) -> Vec<i64> {
        let data = self.batches().into_iter().filter(|(header, _)| !header.is_control());
        data.flat_map(|(_, records)| records).map(|record| record.offset).collect()
    }

    fn batch_offsets(&self) -> Vec<i64> {
        self.batches().iter().map(|(header, _)| header.base_offset()).collect()
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Stored {
    offset: i64,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

fn filled(mut builder: BatchBuilder, pairs: &[Pair]) -> BatchBuilder {
    for (index, (key, value)) in pairs.iter().enumerate() {
        builder.append(&NewRecord {
            timestamp_ms: BEGAN_MS + index as i64,
            key: Some(key.as_bytes()).filter(|key| !key.is_empty()),
            value: value.map(str::as_bytes),
            headers: &[],
        });
    }
    builder
}

#[test]
fn the_newest_record_of_each_key_stays() {
    let cases: &[(&[&[Pair]], &[i64])] = &[
        (&[&[("a", Some("1"))], &[("a", Some("2"))]], &[1]),
        (&[&[("a", Some("1")), ("b", Some("1")), ("a", Some("2"))]], &[1, 2]),
        // Without a key nothing can replace a record, so none is kept.
        (&[&[("", Some("1")), ("a", Some("1"))], &[("", Some("2")), ("b", Some("1"))]], &[1, 3]),
        (&[&[("a", Some("1"))], &[("b", Some("1"))], &[("c", Some("1"))]], &[0, 1, 2]),
        (&[&[("a", Some("1"))], &[("a", None)]], &[1]),
        (&[&[("a", None)], &[("a", Some("1"))]], &[1]),
    ];
    for (batches, kept) in cases {
        let mut log = TestLog::default();
        for pairs in *batches {
            log.plain(pairs);
        }
        log.compact_all(BEGAN_MS);
        assert_eq!(log.offsets(), *kept, "{batches:?}");
        log.compact_all(BEGAN_MS);
        assert_eq!(log.offsets(), *kept, "again: {batches:?}");
    }
}

#[test]
fn what_stays_whole_stays_as_it_was() {
    let mut log = TestLog::default();
    log.plain(&[("a", Some("1")), ("b", Some("1"))]);
    log.transactional(1, 0, &[("c", Some("1"))]);
    log.commit(1);
    let before = log.bytes.clone();
    log.compact_all(BEGAN_MS);
    assert!(log.bytes == before);
}

#[test]
fn records_above_the_map_stay() {
    let mut log = TestLog::default();
    for _ in 0..3 {
        for key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r"]
        {
            log.plain(&[(key, Some("1"))]);
        }
    }
    // Sixteen slots take fourteen keys: the first fourteen of the second round are not known.
    assert_eq!(log.compact(18, 0, BEGAN_MS), 32);
    let expected: Vec<i64> = (14..54).collect();
    assert_eq!(log.offsets(), expected);
    // The next round goes on where this one ended.
    assert_eq!(log.compact(32, 0, BEGAN_MS), 46);
}

#[test]
fn every_codec_and_both_kinds_of_timestamps() {
    for codec in Codec::ALL {
        for is_append_time in [false, true] {
            let mut log = TestLog::default();
            let builder =
                if is_append_time { BatchBuilder::new().log_append_time() } else { BatchBuilder::new() };
            let pairs = [("a", Some("1")), ("b", Some("2")), ("a", Some("3")), ("c", None), ("d", Some("4"))];
            let mut compressor = Compressor::default();
            log.push(filled(builder, &pairs).build(codec, &Levels::default(), &mut compressor).unwrap());
            log.plain(&[("d", Some("5"))]);
            log.compact_all(BEGAN_MS + 10);
            let (header, records) = log.batches().remove(0);
            assert_eq!((header.codec(), header.records_count()), (Some(codec), 3));
            assert_eq!(header.delete_horizon_ms(), Some(BEGAN_MS + 10 + RETENTION_MS));
            // The last record, which had the largest timestamp, is gone.
            let largest = if is_append_time { 4 } else { 3 };
            assert_eq!(header.max_timestamp(), BEGAN_MS + largest);
            let offsets: Vec<i64> = records.iter().map(|record| record.offset).collect();
            assert_eq!(offsets, [1, 2, 3]);
            let timestamp = |offset: i64| BEGAN_MS + if is_append_time { largest } else { offset };
            assert!(records.iter().all(|record| record.timestamp == timestamp(record.offset)), "{records:?}");
        }
    }
}

#[test]
fn a_tombstone_stays_for_its_time() {
    let mut log = TestLog::default();
    log.plain(&[("a", Some("1"))]);
    log.plain(&[("b", Some("1")), ("a", None)]);
    log.plain(&[("c", Some("1"))]);
    log.compact_all(BEGAN_MS);
    assert_eq!(log.offsets(), [1, 2, 3]);
    let horizon_ms = BEGAN_MS + RETENTION_MS;
    assert_eq!(log.batches()[0].0.delete_horizon_ms(), Some(horizon_ms));
    // Later rounds do not put it off, and change nothing.
    let before = log.bytes.clone();
    log.compact(4, 1 << 20, horizon_ms - 1);
    assert!(log.bytes == before);
    log.compact(4, 1 << 20, horizon_ms);
    assert_eq!(log.offsets(), [1, 3]);
    let (header, records) = log.batches().remove(0);
    assert_eq!((header.delete_horizon_ms(), header.last_offset()), (Some(horizon_ms), 2));
    assert_eq!(records[0].timestamp, BEGAN_MS);
}

#[test]
fn a_marker_stays_until_its_data_is_gone_and_then_for_its_time() {
    let mut log = TestLog::default();
    log.transactional(1, 0, &[("a", Some("1"))]);
    let marker = log.commit(1);
    log.plain(&[("b", Some("1"))]);
    log.compact_all(BEGAN_MS);
    assert_eq!(log.batch_offsets(), [0, 1, 2]);
    let first_dirty_offset = log.end_offset;
    log.plain(&[("a", Some("2"))]);
    log.compact(first_dirty_offset, 1 << 20, BEGAN_MS);
    assert_eq!(log.batch_offsets(), [1, 2, 3]);
    let header = log.batches()[0].0;
    assert_eq!((header.base_offset(), header.delete_horizon_ms()), (marker, None));
    let horizon_ms = BEGAN_MS + 1 + RETENTION_MS;
    log.compact(log.end_offset, 1 << 20, BEGAN_MS + 1);
    assert_eq!(log.batches()[0].0.delete_horizon_ms(), Some(horizon_ms));
    log.compact(log.end_offset, 1 << 20, horizon_ms - 1);
    assert_eq!(log.batch_offsets(), [1, 2, 3]);
    log.compact(log.end_offset, 1 << 20, horizon_ms);
    assert_eq!(log.batch_offsets(), [2, 3]);
}

#[test]
fn aborted_data_goes_and_replaces_nothing() {
    let mut log = TestLog::default();
    log.plain(&[("a", Some("1"))]);
    let first_offset = log.transactional(1, 0, &[("a", Some("2"))]);
    log.transactional(2, 0, &[("b", Some("1"))]);
    log.transactional(1, 1, &[("c", Some("1"))]);
    let marker = log.abort(1, first_offset);
    log.commit(2);
    log.transactional(1, 2, &[("d", Some("1"))]);
    log.commit(1);
    log.plain(&[("e", Some("1"))]);
    let range = log.aborted[0];
    log.compact_all(BEGAN_MS);
    assert_eq!(log.offsets(), [0, 2, 6, 8]);
    // Readers of what was there before still need the marker and its entry.
    assert!(log.batch_offsets().contains(&marker));
    assert_eq!(log.aborted, [range]);
    log.compact_all(BEGAN_MS);
    assert!(log.batch_offsets().contains(&marker));
    assert!(log.aborted.is_empty());
    log.compact_all(BEGAN_MS + RETENTION_MS);
    assert_eq!(log.batch_offsets(), [0, 2, 5, 6, 7, 8]);
}

#[test]
fn the_last_batch_of_a_producer_stays_without_its_records() {
    for (last, kept) in [
        (Some(LastOfProducer::Data(1)), vec![1, 2]),
        (Some(LastOfProducer::Data(0)), vec![0, 2]),
        // Another epoch's marker is its last.
        (Some(LastOfProducer::Marker(9)), vec![2]),
        (None, vec![2]),
    ] {
        let mut log = TestLog::default();
        for sequence in 0..2 {
            let builder = BatchBuilder::new().producer(5, 0, sequence);
            log.push(filled(builder, &[("a", Some("1"))]).build_uncompressed());
        }
        log.plain(&[("a", Some("2"))]);
        log.producers.extend(last.map(|last| (5, last)));
        log.compact_all(BEGAN_MS);
        assert_eq!(log.batch_offsets(), kept, "{last:?}");
        let (header, records) = log.batches().remove(0);
        if kept.len() > 1 {
            assert_eq!((records.len(), header.size_bytes()), (0, HEADER_SIZE_BYTES));
            assert_eq!(header.last_sequence(), kept[0] as i32);
            let before = log.bytes.clone();
            log.compact_all(BEGAN_MS);
            assert!(log.bytes == before, "an empty batch stays as it is");
        }
    }
}

#[test]
fn the_last_marker_of_a_producer_without_data_stays_empty() {
    let mut log = TestLog::default();
    log.commit(5);
    log.plain(&[("a", Some("1"))]);
    log.producers.insert(5, LastOfProducer::Marker(3));
    log.compact_all(BEGAN_MS);
    log.compact_all(BEGAN_MS + RETENTION_MS);
    let (header, records) = log.batches().remove(0);
    assert!(header.is_control() && header.producer_epoch() == 3 && records.is_empty());
    log.producers.clear();
    log.compact_all(BEGAN_MS + RETENTION_MS);
    assert_eq!(log.batch_offsets(), [1]);
}

#[test]
fn the_last_batch_of_a_round_stays_without_its_records() {
    let mut log = TestLog::default();
    log.plain(&[("a", Some("1"))]);
    log.plain(&[("", Some("1"))]);
    log.compact_all(BEGAN_MS);
    assert_eq!((log.batch_offsets(), log.offsets()), (vec![0, 1], vec![0]));
}

#[test]
fn damage_is_reported_and_not_written_again() {
    let mut log = TestLog::default();
    log.plain(&[("a", Some("1"))]);
    log.plain(&[("b", Some("1"))]);
    let last = log.bytes.len() - 1;
    log.bytes[last] ^= 1;
    let (mut decompressor, mut compressor) = (Decompressor::default(), Compressor::default());
    let limits = MapLimits { memory_bytes: 1000, load_factor: 0.9 };
    let mut map = OffsetMap::new(&limits, 2, 0, [0, 0]);
    let batches: Vec<_> = Batches::new(&log.bytes).map(Result::unwrap).collect();
    let mut pass = KeyPass::new(&mut map, &mut decompressor, Vec::new());
    assert_eq!(pass.add(&batches[0]), Ok(true));
    assert!(matches!(pass.add(&batches[1]), Err(CompactionError::Batch(CorruptBatch::Crc { .. }))));
    let round = Round { now_ms: 0, delete_retention_ms: 0, end_offset: 2 };
    let producers = BTreeMap::new();
    let codecs = (&mut decompressor, &mut compressor);
    let mut filter = BatchFilter::new(&map, &producers, round, Vec::new(), codecs);
    let mut out = Vec::new();
    assert!(filter.filter(&batches[1], &mut out).is_err());
    assert!(out.is_empty());
}

/// The newest record of every key is what it was, whatever is compacted when.
#[test]
fn random_logs_keep_what_readers_of_the_end_see() {
    let mut random = Random::new(77);
    for round in 0..60 {
        let mut log = TestLog::default();
        let mut expected: BTreeMap<Vec<u8>, Stored> = BTreeMap::new();
        let (mut first_dirty_offset, mut compressor) = (0, Compressor::default());
        for _ in 0..40 {
            let mut builder = BatchBuilder::new();
            for _ in 0..=random.below(6) {
                let key = format!("key {}", random.below(30)).into_bytes();
                let value = (random.below(5) > 0).then(|| vec![round; random.below(60) as usize]);
                let timestamp_ms = BEGAN_MS + random.below(1000) as i64;
                let offset = log.end_offset + i64::from(builder.records_count());
                let record =
                    NewRecord { timestamp_ms, key: Some(&key), value: value.as_deref(), headers: &[] };
                builder.append(&record);
                let stored = Stored { offset, timestamp: timestamp_ms, key: Some(key.clone()), value };
                expected.insert(key, stored);
            }
            let codec = Codec::ALL[random.below(5) as usize];
            log.push(builder.build(codec, &Levels::default(), &mut compressor).unwrap());
            if random.below(4) == 0 {
                let memory_bytes = random.below(24 * 60) as usize;
                first_dirty_offset = log.compact(first_dirty_offset, memory_bytes, BEGAN_MS);
            }
        }
        while first_dirty_offset < log.end_offset {
            first_dirty_offset = log.compact(first_dirty_offset, 24 * 20, BEGAN_MS);
        }
        let stored: Vec<Stored> = log.batches().into_iter().flat_map(|(_, records)| records).collect();
        assert!(stored.is_sorted_by_key(|record| record.offset));
        let mut wanted: Vec<Stored> = expected.into_values().collect();
        wanted.sort_by_key(|record| record.offset);
        assert_eq!(stored, wanted);
    }
}
