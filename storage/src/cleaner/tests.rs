//! Logs on the real ring, compacted; what readers and the next start find then.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use jackdaw_core::{
    records::{BatchBuilder, Batches, NewRecord, Records, ValidatedBatch, batch_header::BatchHeader},
    uuid::Uuid,
};
use jackdaw_ring::{file, spawn, yield_now};

use super::*;
use crate::{
    config::LogConfig,
    error::Result,
    log::Log,
    recovery::RecoveryInputs,
    test_dir::{content, copy_dir, in_dir, marker, names, overwrite, remove_all},
};

const NOW_MS: i64 = 1_700_000_000_000;

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 1000,
        index_interval_bytes: 200,
        is_compacted: true,
        delete_old_segments: false,
        min_cleanable_dirty_ratio: 0.0,
        ..LogConfig::default()
    }
}

fn cleaner() -> Cleaner {
    Cleaner::new(CleanerConfig {
        dedupe_buffer_bytes: 1 << 20,
        load_factor: 0.9,
        io_buffer_bytes: 0,
        bytes_per_second: f64::MAX,
    })
}

async fn create(dir: &Path, config: LogConfig) -> RefCell<Log> {
    RefCell::new(Log::create(&dir.join("t-0"), Uuid([7; 16]), config, NOW_MS).await.unwrap())
}

fn keyed(pairs: &[(&str, Option<&str>)]) -> ValidatedBatch {
    fill(BatchBuilder::new(), pairs)
}

fn fill(mut builder: BatchBuilder, pairs: &[(&str, Option<&str>)]) -> ValidatedBatch {
    for (key, value) in pairs {
        builder.append(&NewRecord {
            timestamp_ms: NOW_MS,
            key: Some(key.as_bytes()),
            value: value.map(str::as_bytes),
            headers: &[],
        });
    }
    builder.build_uncompressed()
}

fn append(log: &RefCell<Log>, batch: ValidatedBatch) -> i64 {
    log.borrow_mut().append(&mut [batch], 3, NOW_MS).unwrap().base_offset
}

/// All is replicated, then durable.
async fn flush(log: &RefCell<Log>) {
    let end = log.borrow().log_end_offset();
    log.borrow_mut().producers_mut().on_high_watermark(end);
    let flush = log.borrow_mut().begin_flush().unwrap();
    let flushed = flush.run().await.unwrap();
    log.borrow_mut().flushed(flushed);
}

async fn close(log: &RefCell<Log>) {
    let flush = log.borrow_mut().close().unwrap();
    flush.run().await.unwrap();
}

/// Values of a few keys again and again, over several segments; the rest of the last segment is dirty.
async fn written(dir: &Path, config: LogConfig) -> RefCell<Log> {
    let log = create(dir, config).await;
    write_values(&log, 0..60);
    flush(&log).await;
    assert!(log.borrow().segment_count() > 4, "{}", log.borrow().segment_count());
    log
}

fn write_values(log: &RefCell<Log>, values: std::ops::Range<usize>) {
    for value in values {
        let text = format!("value {value} {}", "x".repeat(20));
        let keys = [format!("a{}", value % 7), format!("b{}", value % 11)];
        append(log, keyed(&[(&keys[0], Some(&text)), (&keys[1], Some(&text))]));
    }
}

async fn clean(log: &RefCell<Log>) -> CleanStats {
    let cleanable = log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().expect("something to compact");
    cleaner().clean(log, &cleanable, &|| false).await.unwrap().expect("not cancelled")
}

/// Every record, by reading from each offset after the last one found: offset, key, value.
fn records(log: &Log) -> Vec<(i64, Vec<u8>, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for (_, batch) in batches(log) {
        let mut rest = Batches::new(&batch);
        let batch = rest.next().unwrap().unwrap();
        batch.check().unwrap();
        let header = batch.header();
        if header.is_control() {
            continue;
        }
        for record in Records::new(batch.body(), header.records_count()) {
            let record = record.unwrap();
            let offset = header.base_offset() + i64::from(record.offset_delta);
            found.push((offset, record.key.unwrap().to_vec(), record.value.map(<[u8]>::to_vec)));
        }
    }
    found
}

fn batches(log: &Log) -> Vec<(BatchHeader, Vec<u8>)> {
    let mut found: Vec<(BatchHeader, Vec<u8>)> = Vec::new();
    let mut offset = log.log_start_offset();
    while let Some(read) = log.read(offset, 300, i64::MAX, true).unwrap() {
        let mut bytes = vec![0; read.length];
        read.file.read_at(&mut bytes, read.position).unwrap();
        for batch in Batches::new(&bytes).map(Result::unwrap) {
            assert!(batch.header().last_offset() >= offset, "a batch twice");
            found.push((*batch.header(), batch.bytes().to_vec()));
            offset = batch.header().last_offset() + 1;
        }
    }
    assert_eq!(offset, log.log_end_offset());
    found
}

fn last_values(log: &Log) -> BTreeMap<Vec<u8>, (i64, Vec<u8>)> {
    let with_value = |(offset, key, value): (i64, Vec<u8>, Option<Vec<u8>>)| Some((key, (offset, value?)));
    records(log).into_iter().filter_map(with_value).collect()
}

async fn reopen(dir: &Path, is_clean: bool) -> Log {
    let inputs = RecoveryInputs { is_clean, ..RecoveryInputs::unknown() };
    Log::open(dir, config(), inputs, NOW_MS).await.unwrap().0
}

fn index_files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let files = names(dir).into_iter().filter(|name| name.ends_with("index"));
    files.map(|name| (name.clone(), content(&dir.join(name)))).collect()
}

#[test]
fn keeps_the_newest_of_each_key_and_the_active_segment_whole() {
    in_dir(|dir| async move {
        let log = written(&dir, config()).await;
        let (before, active) = (last_values(&log.borrow()), log.borrow().active_base_offset());
        let active_bytes = content(&log.borrow().active().path());
        let size_before = log.borrow().size_bytes();
        log.borrow_mut().set_config(LogConfig { segment_bytes: 3000, ..config() });
        let stats = clean(&log).await;
        assert_eq!(stats.end_offset, active);
        assert!(stats.segments_after < stats.segments_before, "{stats:?}");
        let after = log.borrow();
        assert!(last_values(&after) == before);
        assert_eq!(size_before - after.size_bytes(), stats.bytes_before - stats.bytes_after);
        assert_eq!(content(&after.active().path()), active_bytes);
        // Below the active segment each key stands once.
        let below = records(&after).into_iter().filter(|(offset, ..)| *offset < active);
        assert_eq!(below.count(), stats.key_count);
        assert_eq!(after.first_dirty_offset(), Some(active));
        assert_eq!(after.cleanable(i64::MAX, NOW_MS).unwrap(), None);
        let files = names(&dir.join("t-0"));
        assert!(
            files.iter().all(|name| !name.ends_with(".cleaned") && !name.ends_with(".swap")),
            "{files:?}"
        );
        assert!(files.iter().any(|name| name.ends_with(".log.deleted")));
    });
}

#[test]
fn the_next_start_finds_what_compaction_left() {
    in_dir(|dir| async move {
        let log = written(&dir, config()).await;
        clean(&log).await;
        let expected = records(&log.borrow());
        let crashed = dir.join("t-1");
        copy_dir(&dir.join("t-0"), &crashed);
        close(&log).await;
        let stopped = index_files(&dir.join("t-0"));
        assert!(records(&reopen(&dir.join("t-0"), true).await) == expected);
        assert_eq!(index_files(&dir.join("t-0")), stopped, "a clean start changes nothing");
        let recovered = RefCell::new(reopen(&crashed, false).await);
        assert!(records(&recovered.borrow()) == expected);
        close(&recovered).await;
        assert_eq!(index_files(&crashed), stopped, "indexes made anew are the same");
        for (name, _) in &stopped {
            file::remove_file(&crashed.join(name)).unwrap();
        }
        assert!(records(&reopen(&crashed, true).await) == expected);
        assert_eq!(index_files(&crashed), stopped, "also one by one");
    });
}

#[test]
fn the_next_round_begins_where_the_last_one_ended() {
    in_dir(|dir| async move {
        let log = written(&dir, config()).await;
        clean(&log).await;
        let before = records(&log.borrow());
        write_values(&log, 60..110);
        flush(&log).await;
        let cleanable = log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().unwrap();
        assert_eq!(Some(cleanable.first_dirty_offset), log.borrow().first_dirty_offset());
        assert!(cleanable.clean_bytes > 0 && cleanable.dirty_ratio() < 1.0);
        let expected = last_values(&log.borrow());
        clean(&log).await;
        assert!(last_values(&log.borrow()) == expected);
        assert!(before.len() > log.borrow().segment_count());
    });
}

#[test]
fn offsets_that_are_gone_lead_to_the_next_ones() {
    in_dir(|dir| async move {
        let log = written(&dir, config()).await;
        clean(&log).await;
        let log = log.into_inner();
        let all = batches(&log);
        assert!(all[0].0.base_offset() > 0, "the first segment begins with a gap");
        for offset in 0..log.log_end_offset() {
            let read = log.read(offset, 1, i64::MAX, true).unwrap().unwrap();
            let expected = all.iter().find(|(header, _)| header.last_offset() >= offset).unwrap().0;
            assert_eq!(read.first_offset, expected.base_offset(), "{offset}");
            // Up to any border nothing at or above it is shown.
            if let Some(read) = log.read(0, 1 << 20, offset, true).unwrap() {
                let mut bytes = vec![0; read.length];
                read.file.read_at(&mut bytes, read.position).unwrap();
                assert!(Batches::new(&bytes).flatten().all(|batch| batch.header().last_offset() < offset));
            }
        }
        let found = log.search_timestamp(NOW_MS).unwrap().run().await.unwrap().unwrap();
        assert_eq!(found.offset, records(&log)[0].0);
        assert!(log.search_max_timestamp().unwrap().run().await.unwrap().is_some());
    });
}

#[test]
fn a_read_that_began_before_ends_as_it_would_have() {
    in_dir(|dir| async move {
        let log = written(&dir, LogConfig { file_delete_delay_ms: 0, ..config() }).await;
        let read = log.borrow().read(0, 1 << 20, i64::MAX, true).unwrap().unwrap();
        let before = content(&dir.join("t-0/00000000000000000000.log"));
        clean(&log).await;
        // Without anybody's asking, what was replaced goes.
        while names(&dir.join("t-0")).iter().any(|name| name.ends_with(".deleted")) {
            jackdaw_ring::sleep(std::time::Duration::from_millis(1)).await;
        }
        let bytes = read.file.read(read.position, read.length).await.unwrap();
        assert!(bytes[..] == before[..]);
    });
}

#[test]
fn the_time_of_the_last_segment_stays() {
    in_dir(|dir| async move {
        let log = written(&dir, config()).await;
        for segment in &mut log.borrow_mut().segments {
            segment.touch(12_345_678);
        }
        clean(&log).await;
        let path = log.borrow().segments[0].path();
        assert_eq!(file::metadata(&path).unwrap().unwrap().modified_ms, 12_345_678);
        assert_eq!(log.borrow().segments[0].modified_ms(), 12_345_678);
    });
}

/// A crash at each step: before the last one the old log is found, then the new one, never another.
#[test]
fn a_crash_at_any_step_leaves_the_old_or_the_new() {
    in_dir(|dir| async move {
        let log = written(&dir, LogConfig { segment_bytes: 1500, ..config() }).await;
        let expected = last_values(&log.borrow());
        let (source, copies) = (dir.join("t-0"), Rc::new(Cell::new(0)));
        let cleanable = log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().unwrap();
        let (target, count) = (dir.clone(), Rc::clone(&copies));
        let last_seen = RefCell::new(Vec::new());
        let is_cancelled = move || {
            let seen = names(&source);
            if *last_seen.borrow() != seen {
                copy_dir(&source, &target.join(format!("c-{}", count.get())));
                count.set(count.get() + 1);
                *last_seen.borrow_mut() = seen;
            }
            false
        };
        cleaner().clean(&log, &cleanable, &is_cancelled).await.unwrap().unwrap();
        assert!(copies.get() > 8, "{}", copies.get());
        for copy in 0..copies.get() {
            let crashed = dir.join(format!("c-{copy}"));
            for again in 0..2 {
                let opened = reopen(&crashed, false).await;
                assert!(last_values(&opened) == expected, "copy {copy}, {again}");
                assert_eq!(opened.log_end_offset(), log.borrow().log_end_offset());
                let left = names(&crashed);
                let is_left = |name: &String| {
                    [".cleaned", ".swap", ".deleted"].iter().any(|ending| name.ends_with(ending))
                };
                assert!(!left.iter().any(is_left), "{left:?}");
            }
            remove_all(&crashed);
        }
    });
}

#[test]
fn appends_and_retention_go_on_meanwhile() {
    in_dir(|dir| async move {
        let log = Rc::new(written(&dir, config()).await);
        let appender = {
            let log = Rc::clone(&log);
            spawn(async move {
                for value in 0..40 {
                    write_values(&log, value..value + 1);
                    yield_now().await;
                }
            })
        };
        clean(&log).await;
        appender.await;
        let expected = last_values(&log.borrow());
        flush(&log).await;
        clean(&log).await;
        assert!(last_values(&log.borrow()) == expected);
    });
}

#[test]
fn a_round_ends_quietly_when_told() {
    in_dir(|dir| async move {
        for steps in [0, 2, 20, 70] {
            let log = written(&dir.join(steps.to_string()), config()).await;
            let expected = last_values(&log.borrow());
            let cleanable = log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().unwrap();
            let asked = Cell::new(0);
            let is_cancelled = || {
                asked.set(asked.get() + 1);
                asked.get() > steps
            };
            let cleaned = cleaner().clean(&log, &cleanable, &is_cancelled).await.unwrap();
            assert!(cleaned.is_none(), "{steps}");
            assert_eq!(log.borrow().first_dirty_offset(), None);
            assert!(last_values(&log.borrow()) == expected, "{steps}");
        }
    });
}

#[test]
fn a_round_goes_on_when_its_oldest_segments_go() {
    in_dir(|dir| async move {
        for step in (1..90).step_by(4) {
            let log = written(&dir.join(step.to_string()), config()).await;
            let expected = last_values(&log.borrow());
            let cleanable = log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().unwrap();
            let asked = Cell::new(0);
            let is_cancelled = || {
                asked.set(asked.get() + 1);
                if asked.get() == step {
                    let end = log.borrow().segments.get(1).map_or(0, |segment| segment.base_offset());
                    log.borrow_mut().set_log_start_offset(end).unwrap();
                    log.borrow_mut().delete_old_segments(i64::MAX, NOW_MS).unwrap();
                }
                false
            };
            let cleaned = cleaner().clean(&log, &cleanable, &is_cancelled).await.unwrap();
            assert!(cleaned.is_some(), "{step}");
            assert_eq!(log.borrow().first_dirty_offset(), Some(cleanable.end_offset));
            assert!(log.borrow().log_start_offset() > 0 || asked.get() < step);
            assert!(last_values(&log.borrow()) == expected, "{step}");
            assert!(names(&dir.join(format!("{step}/t-0"))).iter().all(|name| !name.ends_with(".cleaned")));
        }
    });
}

#[test]
fn a_round_ends_when_the_log_is_cut_off() {
    in_dir(|dir| async move {
        for step in [1, 5, 40, 60] {
            let log = written(&dir.join(step.to_string()), config()).await;
            let cleanable = log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().unwrap();
            let asked = Cell::new(0);
            let is_cancelled = || {
                asked.set(asked.get() + 1);
                if asked.get() == step {
                    log.borrow_mut().truncate_to(10, NOW_MS).unwrap();
                }
                false
            };
            let cleaned = cleaner().clean(&log, &cleanable, &is_cancelled).await.unwrap();
            assert!(cleaned.is_none(), "{step}");
            assert_eq!(log.borrow().first_dirty_offset(), None);
        }
    });
}

#[test]
fn damage_leaves_the_log_alone() {
    in_dir(|dir| async move {
        let log = written(&dir, config()).await;
        let path: PathBuf = log.borrow().segments[1].path();
        let mut bytes = content(&path);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        overwrite(&path, &bytes);
        let cleanable = log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().unwrap();
        let failed = cleaner().clean(&log, &cleanable, &|| false).await;
        let Err(CleanFailure::Uncleanable(error)) = failed else { panic!("{failed:?}") };
        assert!(error.to_string().contains("CRC"), "{error}");
        assert!(names(&dir.join("t-0")).iter().all(|name| !name.ends_with(".cleaned")));
        append(&log, keyed(&[("a", Some("goes on"))]));
    });
}

#[test]
fn what_the_system_refuses_once_is_tried_again() {
    in_dir(|dir| async move {
        let log = written(&dir, config()).await;
        let expected = last_values(&log.borrow());
        let in_the_way = dir.join("t-0/00000000000000000000.log.cleaned");
        file::create_directory_all(&in_the_way).unwrap();
        let cleanable = log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().unwrap();
        let failed = cleaner().clean(&log, &cleanable, &|| false).await;
        assert!(matches!(failed, Err(CleanFailure::Io(_))), "{failed:?}");
        file::remove_directory(&in_the_way).unwrap();
        clean(&log).await;
        assert!(last_values(&log.borrow()) == expected);
    });
}

#[test]
fn which_part_may_be_compacted() {
    in_dir(|dir| async move {
        let log = written(&dir, config()).await;
        let bases: Vec<i64> =
            log.borrow().segments.iter().map(crate::segment::Segment::base_offset).collect();
        let active = *bases.last().unwrap();
        let ends = |config: LogConfig, stable: i64, now_ms: i64| {
            log.borrow_mut().set_config(config);
            log.borrow().cleanable(stable, now_ms).unwrap().map(|found| (found.end_offset, found.is_overdue))
        };
        assert_eq!(ends(config(), i64::MAX, NOW_MS), Some((active, false)));
        assert_eq!(ends(LogConfig { is_compacted: false, ..config() }, i64::MAX, NOW_MS), None);
        // Not past the last stable offset, by whole segments.
        assert_eq!(ends(config(), bases[2] + 1, NOW_MS), Some((bases[2], false)));
        assert_eq!(ends(config(), bases[1] - 1, NOW_MS), None);
        let lag = |min, max| LogConfig {
            min_cleanable_dirty_ratio: 1.0,
            min_compaction_lag_ms: min,
            max_compaction_lag_ms: max,
            ..config()
        };
        assert_eq!(ends(lag(0, i64::MAX), i64::MAX, NOW_MS), None, "the ratio has to be passed");
        assert_eq!(ends(lag(0, 10), i64::MAX, NOW_MS + 10), None);
        assert_eq!(ends(lag(0, 10), i64::MAX, NOW_MS + 11), Some((active, true)));
        assert_eq!(ends(lag(11, 11), i64::MAX, NOW_MS + 10), None, "all of it is too young");
        // What is not flushed stays.
        write_values(&log, 0..40);
        let flushed = log.borrow().recovery_point();
        assert!(log.borrow().active_base_offset() > flushed);
        assert_eq!(ends(config(), i64::MAX, NOW_MS), Some((active, false)));
        // A checkpoint that does not fit the log means nothing.
        log.borrow_mut().first_dirty_offset = Some(1 << 40);
        assert_eq!(log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().unwrap().first_dirty_offset, 0);
        log.borrow_mut().first_dirty_offset = Some(3);
        log.borrow_mut().set_log_start_offset(5).unwrap();
        assert_eq!(log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().unwrap().first_dirty_offset, 5);
    });
}

#[test]
fn a_transaction_waits_for_its_marker_to_be_flushed() {
    in_dir(|dir| async move {
        let log = create(&dir, config()).await;
        write_values(&log, 0..20);
        let builder = BatchBuilder::new().producer(1, 1, 0).transactional();
        let first_offset = append(&log, fill(builder, &[("a0", Some("aborted"))]));
        write_values(&log, 20..40);
        flush(&log).await;
        append(&log, marker(1, 1, true));
        let end = log.borrow().log_end_offset();
        log.borrow_mut().producers_mut().on_high_watermark(end);
        assert_eq!(log.borrow().producers().first_unstable_offset(), None);
        let cleanable = log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().unwrap();
        assert!(cleanable.end_offset <= first_offset, "{cleanable:?}");
        assert!(log.borrow().compaction_waits_for_flush(end));
        flush(&log).await;
        assert!(!log.borrow().compaction_waits_for_flush(end));
        let cleanable = log.borrow().cleanable(i64::MAX, NOW_MS).unwrap().unwrap();
        assert_eq!(cleanable.end_offset, log.borrow().active_base_offset());
    });
}

#[test]
fn what_was_flushed_before_a_crash_needs_no_flush_after_it() {
    in_dir(|dir| async move {
        let log = written(&dir, config()).await;
        let end = log.borrow().log_end_offset();
        let copy = dir.join("t-1");
        copy_dir(&dir.join("t-0"), &copy);
        let found = |recovery_point: i64| {
            let (copy, inputs) =
                (copy.clone(), RecoveryInputs { recovery_point, ..RecoveryInputs::unknown() });
            async move {
                let (opened, _) = Log::open(&copy, config(), inputs, NOW_MS).await.unwrap();
                opened.cleanable(i64::MAX, NOW_MS).unwrap().map(|found| found.end_offset)
            }
        };
        assert_eq!(found(end - 1).await, None);
        assert_eq!(found(end).await, Some(log.borrow().active_base_offset()));
    });
}

#[test]
fn a_record_that_must_be_compacted_soon_leaves_the_active_segment() {
    in_dir(|dir| async move {
        let log = create(&dir, LogConfig { max_compaction_lag_ms: 100, ..config() }).await;
        append(&log, keyed(&[("a", Some("1"))]));
        let batch = |timestamp_ms| {
            let mut builder = BatchBuilder::new();
            builder.append(&NewRecord { timestamp_ms, key: Some(b"a"), value: Some(b"2"), headers: &[] });
            append(&log, builder.build_uncompressed());
            log.borrow().segment_count()
        };
        assert_eq!(batch(NOW_MS + 100), 1);
        assert_eq!(batch(NOW_MS + 101), 2);
    });
}

#[test]
fn a_log_start_inside_the_dirty_part_and_segments_left_empty() {
    in_dir(|dir| async move {
        let log = written(&dir, config()).await;
        let start = log.borrow().segments[1].base_offset() + 1;
        log.borrow_mut().set_log_start_offset(start).unwrap();
        // Every key again, so that nothing of the older segments stays.
        write_values(&log, 60..160);
        flush(&log).await;
        // Large groups only, one segment each: the first ones are left empty.
        log.borrow_mut().set_config(LogConfig { segment_bytes: 600, ..config() });
        let expected = last_values(&log.borrow());
        clean(&log).await;
        assert_eq!(log.borrow().log_start_offset(), start);
        assert!(last_values(&log.borrow()) == expected);
        assert!(log.borrow().segments[..3].iter().all(|segment| segment.size_bytes() == 0));
        let copy = dir.join("t-1");
        copy_dir(&dir.join("t-0"), &copy);
        assert!(last_values(&reopen(&copy, false).await) == expected);
        assert!(last_values(&reopen(&copy, true).await) == expected);
        // Empty ones join the next group, and retention by size is not held up by them.
        let policy = LogConfig { delete_old_segments: true, retention_bytes: 700, ..config() };
        log.borrow_mut().set_config(policy);
        log.borrow_mut().delete_old_segments(i64::MAX, NOW_MS).unwrap();
        assert!(log.borrow().segments[0].size_bytes() > 0);
        assert!(log.borrow().size_bytes() < 2000);
    });
}

#[test]
fn aborted_transactions_keep_their_index_and_survive_recovery() {
    in_dir(|dir| async move {
        let log = create(&dir, config()).await;
        let transactional = |producer_id: i64, sequence: i32, key: &str| {
            let builder = BatchBuilder::new().producer(producer_id, 1, sequence).transactional();
            fill(builder, &[(key, Some(&"v".repeat(50)))])
        };
        for round in 0..20 {
            append(&log, transactional(1, round, "a"));
            append(&log, transactional(2, round, "b"));
            append(&log, marker(1, 1, round % 2 == 0));
            append(&log, marker(2, 1, round % 3 == 0));
        }
        flush(&log).await;
        let active = log.borrow().active_base_offset();
        let before: Vec<_> = log.borrow().aborted_transactions(0, active);
        assert!(before.len() > 5);
        let readable = |log: &Log| {
            let aborted = log.aborted_transactions(0, i64::MAX);
            let is_aborted = |header: &BatchHeader| {
                aborted.iter().any(|entry| {
                    entry.producer_id == header.producer_id()
                        && (entry.first_offset..=entry.last_offset).contains(&header.base_offset())
                })
            };
            let data = batches(log)
                .into_iter()
                .map(|(header, _)| header)
                .filter(|header| !header.is_control() && header.records_count() > 0 && !is_aborted(header));
            data.map(|header| (header.producer_id(), header.base_offset())).collect::<BTreeMap<_, _>>()
        };
        let expected = readable(&log.borrow());
        clean(&log).await;
        let after = log.borrow().aborted_transactions(0, active);
        assert_eq!(after, before, "the first round keeps every marker");
        assert_eq!(readable(&log.borrow()), expected);
        let producers = log.borrow().producers().encode_snapshot();
        let copy = dir.join("t-1");
        copy_dir(&dir.join("t-0"), &copy);
        for name in names(&copy) {
            if name.ends_with("index") || name.ends_with("snapshot") {
                file::remove_file(&copy.join(name)).unwrap();
            }
        }
        let recovered = reopen(&copy, false).await;
        assert_eq!(readable(&recovered), expected);
        assert_eq!(recovered.producers().encode_snapshot(), producers);
        // Data of the first round is gone, so the next one keeps no entries but those of data above.
        for round in 20..40 {
            append(&log, transactional(1, round, "a"));
            append(&log, marker(1, 1, false));
        }
        flush(&log).await;
        let expected = readable(&log.borrow());
        clean(&log).await;
        assert_eq!(readable(&log.borrow()), expected);
        assert!(log.borrow().aborted_transactions(0, active).len() < before.len());
        assert!(content(&dir.join("t-0/00000000000000000000.log")).len() < 4000);
    });
}

#[test]
fn offsets_too_far_apart_for_one_segment() {
    in_dir(|dir| async move {
        let log = create(&dir, config()).await;
        let far = i64::from(i32::MAX);
        for (index, offset) in [0, 10, far, far + 1, 2 * far, 2 * far + 2, 3 * far].into_iter().enumerate() {
            let key = format!("key {index}");
            let mut batch = keyed(&[(&key, Some("1"))]);
            batch.assign(offset, 3);
            log.borrow_mut().append_as_follower(&batch.to_vec(), 3, NOW_MS).unwrap();
            log.borrow_mut().roll(NOW_MS).unwrap();
        }
        flush(&log).await;
        let expected = records(&log.borrow());
        let stats = clean(&log).await;
        assert!(stats.segments_after > 2 && stats.segments_after < stats.segments_before, "{stats:?}");
        assert!(records(&log.borrow()) == expected);
        let copy = dir.join("t-1");
        copy_dir(&dir.join("t-0"), &copy);
        assert!(records(&reopen(&copy, false).await) == expected);
    });
}

#[test]
fn a_small_table_takes_several_rounds() {
    in_dir(|dir| async move {
        let log = create(&dir, config()).await;
        for value in 0..200 {
            append(&log, keyed(&[(&format!("key {}", value % 100), Some("some value"))]));
        }
        flush(&log).await;
        let expected = last_values(&log.borrow());
        let mut small = Cleaner::new(CleanerConfig {
            dedupe_buffer_bytes: 24 * 30,
            load_factor: 0.9,
            io_buffer_bytes: 0,
            bytes_per_second: f64::MAX,
        });
        let mut rounds = 0;
        loop {
            let found = log.borrow().cleanable(i64::MAX, NOW_MS).unwrap();
            let Some(cleanable) = found else { break };
            rounds += 1;
            let before = log.borrow().first_dirty_offset();
            small.clean(&log, &cleanable, &|| false).await.unwrap().unwrap();
            assert!(log.borrow().first_dirty_offset() > before);
            assert!(last_values(&log.borrow()) == expected);
        }
        assert!(rounds > 4, "{rounds}");
    });
}
