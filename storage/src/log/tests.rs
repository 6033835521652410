//! A log in use: appending, reading, rolling, cutting, flushing.

use std::path::Path;

use jackdaw_core::{
    records::{BatchView, Batches, ValidatedBatch},
    uuid::Uuid,
};

use super::*;
use crate::{
    recovery::RecoveryInputs,
    test_dir::{batch, content, in_dir, marker, names, producer_batch},
};

const TOPIC_ID: Uuid = Uuid(*b"0123456789abcdef");
const ALL: i64 = i64::MAX;

fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 2000, index_interval_bytes: 200, ..LogConfig::default() }
}

async fn create(dir: &Path, config: LogConfig) -> Log {
    Log::create(&dir.join("t-0"), TOPIC_ID, config, 0).await.unwrap()
}

fn append(log: &mut Log, batch: ValidatedBatch) -> AppendInfo {
    log.append(&mut [batch], 3, 0).unwrap()
}

fn bytes_of(read: &Read) -> Vec<u8> {
    let mut bytes = vec![0; read.length];
    assert_eq!(read.file.read_at(&mut bytes, read.position).unwrap(), read.length);
    bytes
}

fn bases(bytes: &[u8]) -> Vec<i64> {
    Batches::new(bytes).map(|batch| batch.unwrap().header().base_offset()).collect()
}

#[test]
fn batches_come_back_as_they_went_in() {
    in_dir(|dir| async move {
        let mut log = create(&dir, LogConfig::default()).await;
        let mut batches = [batch(3, 50, 100), batch(2, 10, 90), batch(1, 0, 300)];
        let info = log.append(&mut batches, 3, 0).unwrap();
        assert_eq!((info.base_offset, info.last_offset), (0, 5));
        assert_eq!((info.max_timestamp, info.offset_of_max_timestamp), (300, 5));
        let second = append(&mut log, batch(4, 5, 50));
        assert_eq!((second.base_offset, second.last_offset, log.log_end_offset()), (6, 9, 10));
        let read = log.read(0, 1 << 20, ALL, true).unwrap().unwrap();
        let bytes = bytes_of(&read);
        assert_eq!(bases(&bytes), [0, 3, 5, 6]);
        for (stored, sent) in Batches::new(&bytes).zip(&batches) {
            let stored: BatchView<'_> = stored.unwrap();
            stored.check().unwrap();
            assert_eq!(stored.header().partition_leader_epoch(), 3);
            assert_eq!(stored.body(), &sent.body()[..]);
        }
        assert_eq!(log.leader_epoch_at(9), Some(3));
        assert_eq!(log.end_offset_for_epoch(3), Some((3, 10)));
    });
}

#[test]
fn reads_end_where_the_reader_may_not_see() {
    in_dir(|dir| async move {
        let mut log = create(&dir, LogConfig::default()).await;
        for _ in 0..4 {
            append(&mut log, batch(2, 10, 100));
        }
        let size = batch(2, 10, 100).size_bytes();
        for (offset, max_bytes, upper, min_one, expected) in [
            (0, 10_000, ALL, false, Some((0, 4))),
            (1, 10_000, ALL, false, Some((0, 4))),
            (2, 10_000, 6, false, Some((1, 2))),
            (2, 10_000, 7, false, Some((1, 2))),
            (6, 10_000, 7, false, None),
            (6, 10_000, 6, false, None),
            (8, 10_000, ALL, true, None),
            (0, size - 1, ALL, false, None),
            (0, size - 1, ALL, true, Some((0, 1))),
            // Known borders: the second batch would not fit.
            (0, 2 * size - 1, ALL, true, Some((0, 1))),
            (2, 2 * size, ALL, true, Some((1, 2))),
        ] {
            let read = log.read(offset, max_bytes, upper, min_one).unwrap();
            let found = read.map(|read| (read.position as usize / size, read.length / size));
            assert_eq!(found, expected, "offset {offset}, {max_bytes} bytes, below {upper}");
        }
        for offset in [-1, 9] {
            let refused = log.read(offset, 1, ALL, true);
            assert!(matches!(refused, Err(StorageError::OffsetOutOfRange { log_end_offset: 8, .. })));
        }
    });
}

#[test]
fn every_offset_is_found_in_every_segment() {
    in_dir(|dir| async move {
        let mut log = create(&dir, small_segments()).await;
        for round in 0..200 {
            append(&mut log, batch(1 + round % 3, 40, round as i64));
        }
        assert!(log.segment_count() > 5);
        let mut expected = 0;
        while expected < log.log_end_offset() {
            assert!(log.cold_range(expected).unwrap().is_none());
            let bytes = bytes_of(&log.read(expected, 1, ALL, true).unwrap().unwrap());
            let batch = Batches::new(&bytes).next().unwrap().unwrap();
            let header = batch.header();
            assert_eq!(header.base_offset(), expected);
            for offset in header.base_offset()..=header.last_offset() {
                assert_eq!(log.read(offset, 1, ALL, true).unwrap().unwrap().first_offset, expected);
            }
            expected = header.last_offset() + 1;
        }
    });
}

#[test]
fn index_entries_stand_where_kafka_puts_them() {
    in_dir(|dir| async move {
        let config = LogConfig { index_interval_bytes: 200, ..LogConfig::default() };
        let mut log = create(&dir, config).await;
        for round in 0..10 {
            append(&mut log, batch(1, 50, 1000 + round));
        }
        let size = batch(1, 50, 0).size_bytes() as u32;
        log.close().unwrap().run().await.unwrap();
        // An entry for a batch before which more than the interval was written since the last entry.
        let every = 200 / size + 1;
        let entries: Vec<u8> = (1..10 / every + 1)
            .map(|entry| entry * every)
            .filter(|index| *index < 10)
            .flat_map(|index| [index.to_be_bytes(), (index * size).to_be_bytes()].concat())
            .collect();
        assert!(!entries.is_empty());
        assert_eq!(content(&dir.join("t-0/00000000000000000000.index")), entries);
        let times = content(&dir.join("t-0/00000000000000000000.timeindex"));
        assert_eq!(times[times.len() - 12..], [&1009i64.to_be_bytes()[..], &9i32.to_be_bytes()].concat());
    });
}

#[test]
fn rolls_by_size_time_and_index_room() {
    in_dir(|dir| async move {
        let size = batch(1, 50, 0).size_bytes() as u32;
        let by_size = LogConfig { segment_bytes: 2 * size, ..LogConfig::default() };
        let by_time = LogConfig { segment_ms: 100, ..LogConfig::default() };
        let by_index = LogConfig { segment_index_bytes: 24, index_interval_bytes: 1, ..LogConfig::default() };
        for (name, config, timestamps, rolled) in [
            ("size", by_size, [0, 0, 0, 0, 0], [false, false, true, false, true]),
            ("time", by_time, [1000, 1100, 1101, 1201, 1202], [false, false, true, false, true]),
            // Two time entries fit, the second of which waits for the segment's end.
            ("index", by_index, [1, 2, 3, 4, 5], [false, false, true, false, true]),
        ] {
            let mut log = create(&dir.join(name), config).await;
            for (timestamp, rolled) in timestamps.into_iter().zip(rolled) {
                let info = append(&mut log, batch(1, 50, timestamp));
                assert_eq!(info.has_rolled, rolled, "by {name}, {timestamp}");
            }
            let snapshots = names(log.dir()).into_iter().filter(|name| name.ends_with(".snapshot"));
            assert_eq!(snapshots.count(), 2, "one at each border");
        }
    });
}

#[test]
fn refuses_what_does_not_fit_a_segment_and_goes_on() {
    in_dir(|dir| async move {
        let mut log = create(&dir, small_segments()).await;
        let refused = log.append(&mut [batch(1, 3000, 0)], 0, 0);
        assert!(matches!(refused, Err(StorageError::AppendTooLarge { segment_bytes: 2000, .. })));
        assert_eq!(append(&mut log, batch(1, 10, 0)).base_offset, 0);
    });
}

#[test]
fn a_follower_takes_the_leaders_bytes() {
    in_dir(|dir| async move {
        let mut leader = create(&dir.join("leader"), LogConfig::default()).await;
        let mut follower = create(&dir.join("follower"), small_segments()).await;
        for round in 0..60 {
            leader.append(&mut [batch(2, 40, round)], round as i32 / 20, 0).unwrap();
        }
        let bytes = bytes_of(&leader.read(0, 1 << 20, ALL, true).unwrap().unwrap());
        // Epoch 2 began after the fetch was sent.
        let info = follower.append_as_follower(&bytes, 1, 0).unwrap();
        assert_eq!((info.base_offset, info.last_offset, info.max_timestamp), (0, 79, 40));
        assert!(info.has_rolled);
        let again = follower.append_as_follower(&bytes, 2, 0);
        assert!(matches!(again, Err(StorageError::UnexpectedOffset { first_offset: 0, log_end_offset: 80 })));
        let mut damaged = bytes[info.size_bytes..].to_vec();
        damaged[100] ^= 1;
        let refused = follower.append_as_follower(&damaged, 2, 0);
        assert!(matches!(refused, Err(StorageError::InvalidBatch { position: 0, .. })));
        // A short tail is left to the next fetch.
        let rest = &bytes[info.size_bytes..bytes.len() - 1];
        assert_eq!(follower.append_as_follower(rest, 2, 0).unwrap().last_offset, 117);
        let copied: Vec<u8> = follower.segments.iter().flat_map(|segment| content(&segment.path())).collect();
        assert_eq!(copied[..], bytes[..copied.len()]);
        assert_eq!(follower.leader_epochs().entries().len(), 3);
        assert_eq!(follower.end_offset_for_epoch(1), Some((1, 80)));
    });
}

#[test]
fn flushes_cover_what_was_appended_before() {
    in_dir(|dir| async move {
        let mut log = create(&dir, small_segments()).await;
        for _ in 0..50 {
            append(&mut log, batch(2, 40, 0));
        }
        let first = log.begin_flush().unwrap();
        let second = log.begin_flush().unwrap();
        append(&mut log, batch(2, 40, 0));
        let waiting = jackdaw_ring::spawn(second.run());
        log.flushed(first.run().await.unwrap());
        assert_eq!((log.recovery_point(), log.unflushed_count()), (100, 2));
        log.flushed(waiting.await.unwrap());
        let text = content(&dir.join("t-0/leader-epoch-checkpoint"));
        assert_eq!(String::from_utf8(text).unwrap(), "0\n1\n3 0\n");
        // A flush from before a truncation says nothing about what came after it.
        let old = log.begin_flush().unwrap();
        log.truncate_to(90, 0).unwrap();
        append(&mut log, batch(20, 5, 0));
        log.flushed(old.run().await.unwrap());
        assert_eq!(log.recovery_point(), 90);
    });
}

#[test]
fn truncation_leaves_what_is_below() {
    in_dir(|dir| async move {
        for cut in [0, 1, 2, 37, 38, 39, 60, 98, 99, 100] {
            let mut log = create(&dir.join(cut.to_string()), small_segments()).await;
            for round in 0..50 {
                log.append(&mut [batch(2, 40, round)], round as i32 / 10, 0).unwrap();
            }
            assert_eq!(log.truncate_to(cut, 0).unwrap(), cut < 100);
            // Whole batches only: an offset inside one takes the whole batch away.
            let last_whole = cut / 2 * 2;
            assert_eq!(log.log_end_offset(), cut);
            assert_eq!(log.size_bytes(), log.segments.iter().map(|s| content(&s.path()).len() as u64).sum());
            append(&mut log, batch(2, 40, 0));
            let mut offset = 0;
            while offset < last_whole {
                let bytes = bytes_of(&log.read(offset, 1, ALL, true).unwrap().unwrap());
                assert_eq!(bases(&bytes), [offset]);
                offset += 2;
            }
            assert_eq!(log.read(cut, 1, ALL, true).unwrap().unwrap().first_offset, cut);
            let files = log.take_deleted_files();
            unlink_paced(files, 0).await.unwrap();
            assert!(names(log.dir()).iter().all(|name| !name.ends_with(".deleted")));
        }
    });
}

#[test]
fn starts_anew_where_the_leader_begins() {
    in_dir(|dir| async move {
        let mut log = create(&dir, small_segments()).await;
        for _ in 0..50 {
            append(&mut log, producer_batch(1, 0, 0, 2));
        }
        log.truncate_fully_and_start_at(1000, 0).unwrap();
        assert_eq!((log.log_start_offset(), log.log_end_offset(), log.size_bytes()), (1000, 1000, 0));
        assert!(log.producers().is_empty() && log.leader_epochs().entries().is_empty());
        assert_eq!(append(&mut log, batch(1, 1, 1)).base_offset, 1000);
        assert!(log.read(999, 1, ALL, true).is_err());
    });
}

#[test]
fn retention_takes_whole_old_segments() {
    in_dir(|dir| async move {
        let mut log = create(&dir, small_segments()).await;
        for round in 0..50 {
            append(&mut log, batch(2, 40, round * 100));
        }
        let segments = log.segment_count();
        assert_eq!(log.delete_old_segments(ALL, 5000).unwrap(), 0, "nothing is a week old");
        log.set_config(LogConfig { retention_ms: 3000, ..small_segments() });
        assert_eq!(log.delete_old_segments(0, 5000).unwrap(), 0, "nothing is below the high watermark");
        let gone = log.delete_old_segments(ALL, 5000).unwrap();
        assert!(gone > 0 && gone < segments);
        assert_eq!(log.log_start_offset(), log.segments[0].base_offset());
        assert!(log.segments[0].largest_timestamp().timestamp >= 2000);
        let size = log.size_bytes();
        let kept = LogConfig { retention_ms: -1, retention_bytes: size as i64 - 1500, ..small_segments() };
        log.set_config(kept);
        assert_eq!(log.delete_old_segments(ALL, 5000).unwrap(), 0, "less than a segment too much");
        log.set_config(LogConfig { retention_bytes: size as i64 - 2000, ..log.config().clone() });
        assert_eq!(log.delete_old_segments(ALL, 5000).unwrap(), 1);
        let start = log.segments[1].base_offset() + 1;
        assert!(log.set_log_start_offset(start).unwrap());
        log.set_config(LogConfig { retention_ms: -1, ..small_segments() });
        assert_eq!(log.delete_old_segments(ALL, 5000).unwrap(), 1, "wholly below the log's start");
        assert_eq!(log.log_start_offset(), start);
        log.set_config(LogConfig { retention_ms: 0, ..small_segments() });
        log.delete_old_segments(ALL, 1 << 40).unwrap();
        assert_eq!((log.segment_count(), log.size_bytes(), log.log_start_offset()), (1, 0, 100));
        assert_eq!(log.delete_old_segments(ALL, 1 << 40).unwrap(), 0);
        assert_eq!(append(&mut log, batch(1, 1, 1)).base_offset, 100);
    });
}

#[test]
fn finds_offsets_by_timestamp() {
    in_dir(|dir| async move {
        let mut log = create(&dir, small_segments()).await;
        for round in 0..50 {
            append(&mut log, batch(4, 40, round * 10));
        }
        for (timestamp, expected) in [
            (-1, Some(0)),
            (0, Some(0)),
            (1, Some(1)),
            (4, Some(4)),
            (10, Some(4)),
            (493, Some(199)),
            (494, None),
        ] {
            let found = log.search_timestamp(timestamp).unwrap().run().await.unwrap();
            assert_eq!(found.map(|found| found.offset), expected, "{timestamp}");
        }
        let all: Vec<i64> = (0..50).flat_map(|round| (0..4).map(move |index| round * 10 + index)).collect();
        for (offset, timestamp) in all.into_iter().enumerate() {
            let found = log.search_timestamp(timestamp).unwrap().run().await.unwrap().unwrap();
            assert_eq!((found.offset, found.timestamp, found.leader_epoch), (offset as i64, timestamp, 3));
        }
        let max = log.search_max_timestamp().unwrap().run().await.unwrap().unwrap();
        assert_eq!((max.offset, max.timestamp), (199, 493));
        log.set_log_start_offset(100).unwrap();
        assert_eq!(log.search_timestamp(0).unwrap().run().await.unwrap().unwrap().offset, 100);
        let empty = create(&dir.join("empty"), small_segments()).await;
        assert_eq!(empty.search_max_timestamp().unwrap().run().await.unwrap(), None);
    });
}

#[test]
fn aborted_transactions_are_indexed() {
    in_dir(|dir| async move {
        let mut log = create(&dir, LogConfig::default()).await;
        append(&mut log, producer_batch(1, 1, 0, 2));
        append(&mut log, producer_batch(2, 1, 0, 2));
        append(&mut log, marker(1, 1, true));
        append(&mut log, marker(2, 1, false));
        append(&mut log, producer_batch(1, 1, 2, 1));
        append(&mut log, marker(1, 1, true));
        let first =
            AbortedTransaction { producer_id: 1, first_offset: 0, last_offset: 4, last_stable_offset: 2 };
        let second =
            AbortedTransaction { producer_id: 1, first_offset: 6, last_offset: 7, last_stable_offset: 8 };
        assert_eq!(log.aborted_transactions(0, 8), [first, second]);
        assert_eq!(log.aborted_transactions(0, 2), [first]);
        assert_eq!(log.aborted_transactions(5, 8), [second]);
        log.producers_mut().on_high_watermark(8);
        assert_eq!(log.producers().first_unstable_offset(), None);
        log.truncate_to(7, 0).unwrap();
        assert_eq!(log.aborted_transactions(0, 8), [first]);
        assert_eq!(log.producers().first_unstable_offset(), Some(0), "held until the high watermark is told");
        log.producers_mut().on_high_watermark(6);
        assert_eq!(log.producers().first_unstable_offset(), Some(6));
    });
}

#[test]
fn a_closed_log_opens_as_it_was() {
    in_dir(|dir| async move {
        let mut log = create(&dir, small_segments()).await;
        for round in 0..40 {
            append(&mut log, producer_batch(round % 3, 0, round as i32 / 3 * 2, 2));
        }
        log.close().unwrap().run().await.unwrap();
        assert!(matches!(log.append(&mut [batch(1, 1, 1)], 0, 0), Err(StorageError::Failed(_))));
        let inputs = RecoveryInputs { is_clean: true, recovery_point: 80, ..RecoveryInputs::unknown() };
        let inputs = RecoveryInputs { producer_expiration_ms: i64::MAX, ..inputs };
        let (reopened, report) = Log::open(log.dir(), small_segments(), inputs, 0).await.unwrap();
        assert_eq!(report, crate::RecoveryReport::default());
        assert_eq!((reopened.log_end_offset(), reopened.recovery_point()), (80, 80));
        assert_eq!(reopened.segment_count(), log.segment_count());
        assert_eq!(reopened.size_bytes(), log.size_bytes());
        assert_eq!(reopened.topic_id(), TOPIC_ID);
        assert_eq!(reopened.producers().encode_snapshot(), log.producers().encode_snapshot());
        assert_eq!(reopened.leader_epochs().entries(), log.leader_epochs().entries());
        let files = names(log.dir());
        assert!(files.contains(&"00000000000000000080.snapshot".to_owned()), "{files:?}");
    });
}

#[test]
fn taking_over_a_directory() {
    in_dir(|dir| async move {
        let mut log = create(&dir, LogConfig::default()).await;
        drop(create(&dir, LogConfig::default()).await);
        append(&mut log, batch(1, 1, 1));
        let path = dir.join("t-0");
        assert!(matches!(
            Log::create(&path, TOPIC_ID, LogConfig::default(), 0).await,
            Err(StorageError::Layout { .. })
        ));
        assert!(matches!(
            Log::create(&path, Uuid([9; 16]), LogConfig::default(), 0).await,
            Err(StorageError::Layout { .. })
        ));
    });
}
