//! Logs that were not stopped cleanly, and files that were tampered with.

use std::path::PathBuf;

use jackdaw_core::{
    records::{Batches, HEADER_SIZE_BYTES},
    uuid::Uuid,
};

use super::*;
use crate::test_dir::{
    batch, content, copy_dir, in_dir, marker, names, overwrite, producer_batch, remove_all,
};

const SEGMENT_0: &str = "00000000000000000000";

fn config() -> LogConfig {
    LogConfig { segment_bytes: 1500, index_interval_bytes: 200, ..LogConfig::default() }
}

fn unclean(recovery_point: i64) -> RecoveryInputs {
    RecoveryInputs { recovery_point, producer_expiration_ms: i64::MAX, ..RecoveryInputs::unknown() }
}

fn clean(recovery_point: i64) -> RecoveryInputs {
    RecoveryInputs { is_clean: true, ..unclean(recovery_point) }
}

async fn create(dir: &Path) -> Log {
    Log::create(&dir.join("t-0"), Uuid([7; 16]), config(), 0).await.unwrap()
}

/// Idempotent, plain and transactional batches of two epochs over several segments.
async fn written(dir: &Path) -> Log {
    let mut log = create(dir).await;
    let mut sequence = 0;
    for round in 0..12 {
        let epoch = round / 6;
        log.append(&mut [producer_batch(1, 0, sequence, 2)], epoch, 0).unwrap();
        log.append(&mut [batch(2, 30, i64::from(round)), producer_batch(2, 1, round, 1)], epoch, 0).unwrap();
        log.append(&mut [marker(2, 1, round % 2 == 0)], epoch, 0).unwrap();
        sequence += 2;
    }
    assert!(log.segment_count() > 2, "{}", log.segment_count());
    log
}

async fn open(dir: &Path, inputs: RecoveryInputs) -> Result<(Log, RecoveryReport)> {
    Log::open(dir, config(), inputs, 0).await
}

/// What is on disk must be what the log has in memory: names of index files and their content.
fn index_files(log: &Log) -> Vec<(String, Vec<u8>)> {
    let files = names(log.dir()).into_iter().filter(|name| name.contains("index"));
    files.map(|name| (name.clone(), content(&log.dir().join(name)))).collect()
}

fn all_bytes(log: &Log) -> Vec<u8> {
    log.segments.iter().flat_map(|segment| content(&segment.path())).collect()
}

mod damage;

#[test]
fn rebuilds_exactly_what_a_clean_stop_leaves() {
    in_dir(|dir| async move {
        let mut log = written(&dir).await;
        let crashed = dir.join("t-1");
        copy_dir(log.dir(), &crashed);
        log.close().unwrap().run().await.unwrap();
        for name in names(&crashed) {
            if name.contains("index") || name.contains("snapshot") || name.contains("epoch") {
                jackdaw_ring::file::remove_file(&crashed.join(name)).unwrap();
            }
        }
        let (mut recovered, report) = open(&crashed, unclean(0)).await.unwrap();
        assert_eq!(report.checked_segment_count, log.segment_count());
        assert_eq!(report.truncated_bytes, 0);
        assert_eq!(recovered.log_end_offset(), log.log_end_offset());
        assert_eq!(recovered.recovery_point(), 0);
        assert_eq!(recovered.producers().encode_snapshot(), log.producers().encode_snapshot());
        assert_eq!(recovered.leader_epochs().entries(), log.leader_epochs().entries());
        assert_eq!(recovered.aborted_transactions(0, 1000), log.aborted_transactions(0, 1000));
        recovered.close().unwrap().run().await.unwrap();
        assert_eq!(index_files(&recovered), index_files(&log));
    });
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_to_whole_batches() {
    in_dir(|dir| async move {
        let log = written(&dir).await;
        let last = log.active().path();
        let name = last.file_name().unwrap().to_owned();
        let whole = content(&last);
        let older = all_bytes(&log).len() - whole.len();
        let borders: Vec<(usize, i64)> = Batches::new(&whole)
            .scan(0, |end, batch| {
                let batch = batch.unwrap();
                *end += batch.size_bytes();
                Some((*end, batch.header().last_offset() + 1))
            })
            .collect();
        for length in 0..whole.len() {
            let torn = dir.join("t-1");
            copy_dir(log.dir(), &torn);
            overwrite(&torn.join(&name), &whole[..length]);
            let expected = borders.iter().rev().find(|(end, _)| *end <= length);
            let (end, next_offset) = expected.copied().unwrap_or((0, log.active_base_offset()));
            let (mut recovered, report) = open(&torn, unclean(log.active_base_offset())).await.unwrap();
            assert_eq!(recovered.log_end_offset(), next_offset, "cut at {length}");
            assert_eq!(recovered.size_bytes() as usize, older + end, "cut at {length}");
            assert_eq!(report.truncated_bytes as usize, length - end, "cut at {length}");
            recovered.append(&mut [batch(1, 10, 0)], 1, 0).unwrap();
            let read = recovered.read(next_offset, 1, i64::MAX, true).unwrap().unwrap();
            assert_eq!(read.first_offset, next_offset);
            remove_all(&torn);
        }
    });
}

#[test]
fn a_flipped_bit_is_cut_off_or_reported() {
    in_dir(|dir| async move {
        let log = written(&dir).await;
        let last = log.active().path();
        let name = last.file_name().unwrap().to_owned();
        let whole = content(&last);
        // Base offset and leader epoch lie outside the CRC: what Kafka cannot tell, nobody can.
        let is_covered = |position: usize| {
            let mut begin = 0;
            for batch in Batches::new(&whole) {
                let size = batch.unwrap().size_bytes();
                if position < begin + size {
                    return !(position < begin + 8 || (begin + 12..begin + 16).contains(&position));
                }
                begin += size;
            }
            false
        };
        for position in (0..whole.len()).step_by(3).filter(|position| is_covered(*position)) {
            let flipped = dir.join("t-1");
            copy_dir(log.dir(), &flipped);
            let mut bytes = whole.clone();
            bytes[position] ^= 1 << (position % 8);
            overwrite(&flipped.join(&name), &bytes);
            let reported = open(&flipped, unclean(log.log_end_offset())).await;
            let Err(StorageError::Corrupt { path, position: at, .. }) = reported else {
                panic!("a flip at {position} of flushed data must be reported")
            };
            assert!(path.ends_with(&name) && at as usize <= position, "{position}: {at}");
            let (recovered, report) = open(&flipped, unclean(log.active_base_offset())).await.unwrap();
            assert!(recovered.log_end_offset() < log.log_end_offset(), "{position}");
            assert!(report.truncated_because.is_some());
            remove_all(&flipped);
        }
    });
}

#[test]
fn no_more_is_checked_than_the_recovery_point_asks_for() {
    in_dir(|dir| async move {
        let log = written(&dir).await;
        // The indexes of the segment that ends at the recovery point may not have been flushed.
        for (beyond_base, checked) in [(1, 1), (0, 2)] {
            let recovery_point = log.active_base_offset() + beyond_base;
            let (recovered, report) = open(log.dir(), unclean(recovery_point)).await.unwrap();
            assert_eq!(report.checked_segment_count, checked);
            assert_eq!(recovered.producers().encode_snapshot(), log.producers().encode_snapshot());
        }
    });
}

#[test]
fn damage_in_an_older_segment_drops_what_follows_it() {
    in_dir(|dir| async move {
        let log = written(&dir).await;
        let total = all_bytes(&log).len();
        let path = log.dir().join(format!("{SEGMENT_0}.log"));
        let mut bytes = content(&path);
        let length = bytes.len();
        bytes[length - 1] ^= 1;
        overwrite(&path, &bytes);
        let reported = open(log.dir(), unclean(log.active_base_offset())).await;
        assert!(reported.is_ok(), "flushed segments below the recovery point's are not read");
        let (recovered, report) = open(log.dir(), unclean(0)).await.unwrap();
        assert_eq!(recovered.segment_count(), 1);
        assert_eq!(report.checked_segment_count, 1);
        assert!(report.truncated_bytes as usize > total - length);
        assert!(names(log.dir()).iter().filter(|name| name.ends_with(".log")).count() == 1);
    });
}

#[test]
fn indexes_that_do_not_fit_are_made_anew() {
    in_dir(|dir| async move {
        let mut log = written(&dir).await;
        log.close().unwrap().run().await.unwrap();
        let end = log.log_end_offset();
        let expected = index_files(&log);
        let victims: Vec<PathBuf> = expected.iter().map(|(name, _)| PathBuf::from(name)).collect();
        let kinds = ["deleted", "padded", "cut", "emptied"];
        for (victim, kind) in victims.iter().flat_map(|victim| kinds.map(|kind| (victim, kind))) {
            let is_transactions = victim.extension().is_some_and(|extension| extension == "txnindex");
            if is_transactions && matches!(kind, "deleted" | "emptied") {
                // That means: no transaction was aborted.
                continue;
            }
            let copy = dir.join("t-1");
            copy_dir(log.dir(), &copy);
            let path = copy.join(victim);
            let mut bytes = content(&path);
            match kind {
                "deleted" => jackdaw_ring::file::remove_file(&path).unwrap(),
                "padded" => bytes.resize(bytes.len() + 24 * 34, 0),
                "cut" => bytes.truncate(bytes.len() - 1),
                _ => bytes.clear(),
            }
            if kind != "deleted" {
                overwrite(&path, &bytes);
            }
            // An empty offset index is legal, and only costs a longer search.
            let (mut recovered, report) = open(&copy, clean(end)).await.unwrap();
            assert_eq!(recovered.log_end_offset(), end);
            assert_eq!(recovered.aborted_transactions(0, end), log.aborted_transactions(0, end));
            for offset in 0..end {
                let first = recovered.read(offset, 1, end, true).unwrap().unwrap().first_offset;
                assert_eq!(first, log.read(offset, 1, end, true).unwrap().unwrap().first_offset);
            }
            let is_offsets = victim.extension().is_some_and(|extension| extension == "index");
            if !(kind == "emptied" && is_offsets) {
                let touched = report.checked_segment_count + report.reindexed_segment_count;
                assert!(touched > 0, "{} {kind}", victim.display());
                recovered.close().unwrap().run().await.unwrap();
                assert_eq!(index_files(&recovered), expected, "{} {kind}", victim.display());
            }
            remove_all(&copy);
        }
    });
}

#[test]
fn zeros_after_the_last_batch_are_cut_off() {
    in_dir(|dir| async move {
        let log = written(&dir).await;
        let path = log.active().path();
        let mut bytes = content(&path);
        let length = bytes.len();
        bytes.resize(length + 5000, 0);
        overwrite(&path, &bytes);
        let (recovered, report) = open(log.dir(), unclean(log.log_end_offset())).await.unwrap();
        assert_eq!(report.truncated_bytes, 5000);
        assert_eq!(recovered.log_end_offset(), log.log_end_offset());
        assert_eq!(content(&path).len(), length);
    });
}

#[test]
fn flushed_records_that_are_gone_are_reported() {
    in_dir(|dir| async move {
        let log = written(&dir).await;
        let end = log.log_end_offset();
        for inputs in [unclean(end + 1), clean(end + 1)] {
            let reported = open(log.dir(), inputs).await.err().unwrap().to_string();
            assert!(reported.contains(&format!("ends at offset {end}")), "{reported}");
            assert!(reported.contains("recovery-point-offset-checkpoint"), "{reported}");
        }
    });
}

#[test]
fn damaged_snapshots_give_way_to_older_ones() {
    in_dir(|dir| async move {
        let mut log = written(&dir).await;
        log.close().unwrap().run().await.unwrap();
        let end = log.log_end_offset();
        let snapshots: Vec<String> =
            names(log.dir()).into_iter().filter(|name| name.ends_with(".snapshot")).collect();
        for name in snapshots.iter().rev() {
            let path = log.dir().join(name);
            let mut bytes = content(&path);
            bytes[8] ^= 1;
            overwrite(&path, &bytes);
            let (recovered, _) = open(log.dir(), clean(end)).await.unwrap();
            let rebuilt = recovered.producers();
            assert_eq!(rebuilt.encode_snapshot(), log.producers().encode_snapshot(), "{name}");
            jackdaw_ring::file::remove_file(&log.dir().join(format!("{end:020}.snapshot"))).unwrap();
        }
    });
}

#[test]
fn leftovers_of_deletion_and_compaction() {
    in_dir(|dir| async move {
        let mut log = written(&dir).await;
        log.close().unwrap().run().await.unwrap();
        let end = log.log_end_offset();
        let copy = dir.join("t-1");
        copy_dir(log.dir(), &copy);
        let log_0 = content(&copy.join(format!("{SEGMENT_0}.log")));
        // A finished compaction of the first segment, and an unfinished one of a later.
        overwrite(&copy.join(format!("{SEGMENT_0}.log.swap")), &log_0);
        overwrite(&copy.join("00000000000000000500.log.cleaned"), b"half");
        overwrite(&copy.join("00000000000000000500.index.swap"), b"stale");
        overwrite(&copy.join("00000000000000000003.log.deleted"), b"old");
        overwrite(&copy.join("00000000000000000900.index"), b"an orphan");
        overwrite(&copy.join("leader-epoch-checkpoint.tmp"), b"ignored");
        let (recovered, report) = open(&copy, clean(end)).await.unwrap();
        assert_eq!(recovered.log_end_offset(), end);
        assert_eq!(report.reindexed_segment_count, 1, "the indexes of the swapped segment were not there");
        assert_eq!(all_bytes(&recovered), all_bytes(&log));
        let left = names(&copy);
        assert!(left.iter().all(|name| !name.ends_with(".swap") && !name.ends_with(".cleaned")), "{left:?}");
        assert!(left.iter().all(|name| !name.ends_with(".deleted") && !name.contains("900")), "{left:?}");
    });
}

#[test]
fn a_log_below_its_start_starts_anew() {
    in_dir(|dir| async move {
        let log = written(&dir).await;
        let start = log.log_end_offset() + 10;
        let inputs = RecoveryInputs { log_start_offset: Some(start), ..unclean(0) };
        let (recovered, report) = open(log.dir(), inputs).await.unwrap();
        assert!(report.dropped_all);
        assert_eq!((recovered.log_start_offset(), recovered.log_end_offset()), (start, start));
        let inputs = RecoveryInputs { log_start_offset: Some(5), ..unclean(0) };
        let mut again = create(&dir.join("b")).await;
        again.append(&mut [batch(10, 1, 0)], 0, 0).unwrap();
        let (recovered, _) = open(again.dir(), inputs).await.unwrap();
        assert_eq!((recovered.log_start_offset(), recovered.log_end_offset()), (5, 10));
        assert!(recovered.read(4, 1, 10, true).is_err() && recovered.read(5, 1, 10, true).is_ok());
    });
}

/// A message of magic 0 or 1 at offset 0, its checksum left out.
fn old_message(magic: u8, key: Option<&[u8]>, value: &[u8]) -> Vec<u8> {
    let size_bytes = 14 + 8 * usize::from(magic) + key.map_or(0, <[u8]>::len) + value.len();
    let length = |bytes: Option<&[u8]>| bytes.map_or(-1, |bytes| bytes.len() as i32).to_be_bytes();
    let mut bytes = vec![0; 8];
    bytes.extend((size_bytes as i32).to_be_bytes());
    bytes.extend([0, 0, 0, 0, magic, 0]);
    bytes.extend(vec![0; 8 * usize::from(magic)]);
    bytes.extend(length(key));
    bytes.extend(key.unwrap_or_default());
    bytes.extend(length(Some(value)));
    bytes.extend(value);
    bytes
}

#[test]
fn older_message_formats_are_named_not_cut() {
    in_dir(|dir| async move {
        let log = written(&dir).await;
        let path = log.dir().join(format!("{SEGMENT_0}.log"));
        for (magic, key) in [(0, None), (0, Some(&b"key"[..])), (1, None), (1, Some(&b"key"[..]))] {
            let bytes = [old_message(magic, key, b"value"), old_message(magic, key, b"other")].concat();
            overwrite(&path, &bytes);
            let reported = open(log.dir(), unclean(0)).await.err().unwrap().to_string();
            assert!(reported.contains("before 0.11"), "{magic} {key:?}: {reported}");
            assert_eq!(content(&path), bytes);
        }
    });
}

#[test]
fn a_first_header_torn_into_zeros_is_no_older_format() {
    in_dir(|dir| async move {
        let log = written(&dir).await;
        let whole = content(&log.dir().join(format!("{SEGMENT_0}.log")));
        for kept in 0..HEADER_SIZE_BYTES {
            let dir = dir.join("t-1");
            copy_dir(log.dir(), &dir);
            let mut torn = whole.clone();
            torn[kept..].fill(0);
            overwrite(&dir.join(format!("{SEGMENT_0}.log")), &torn);
            let (recovered, _) = open(&dir, unclean(0)).await.unwrap();
            assert_eq!(recovered.log_end_offset(), 0, "{kept} bytes kept");
            remove_all(&dir);
        }
    });
}

#[test]
fn without_partition_metadata_nothing_is_opened() {
    in_dir(|dir| async move {
        let log = written(&dir).await;
        jackdaw_ring::file::remove_file(&log.dir().join("partition.metadata")).unwrap();
        assert!(matches!(open(log.dir(), unclean(0)).await, Err(StorageError::Layout { .. })));
    });
}
